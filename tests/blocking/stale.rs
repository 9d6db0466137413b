//! What may befall a connection while it is idle.

use std::sync::{Mutex, mpsc};

use httpool_blocking::{
    Client,
    httpool::error::{Cause, IoKind, Reached},
};

use crate::{
    cause, probing,
    support::{Peer, Server, ok},
};

/// On its first connection the server answers once, and then does as `then` says and tells; on all
/// others it answers every request with its method and target.
fn once_then(then: impl Fn(&mut Peer) + Send + Sync + 'static) -> (Server, mpsc::Receiver<()>) {
    let (done, is_done) = mpsc::channel();
    let done = Mutex::new(done);
    let server = Server::scripted(move |number, peer| {
        if number == 0 {
            if peer.request().is_some() {
                peer.send(ok("first"));
                then(peer);
                done.lock().unwrap().send(()).ok();
                peer.rest();
            }
            return;
        }
        while let Some(request) = peer.request() {
            peer.send(ok(format!("{} {}", request.method, request.target)));
        }
    });
    (server, is_done)
}

#[test]
fn a_second_response_that_comes_while_idle_answers_nobody() {
    for method in ["GET", "POST"] {
        let (go, may_go) = mpsc::channel::<()>();
        let may_go = Mutex::new(may_go);
        let (server, done) = once_then(move |peer| {
            may_go.lock().unwrap().recv().ok();
            peer.send(ok("nobody asked"));
        });
        let client = probing();
        let first = client.get(&server.url("/1")).send().unwrap();
        let conn = first.connection();
        assert_eq!(first.text().unwrap(), "first");
        go.send(()).unwrap();
        done.recv().unwrap();
        let request = if method == "GET" {
            client.get(&server.url("/2"))
        } else {
            client.post(&server.url("/2")).body("body")
        };
        let second = request.send().unwrap();
        assert_ne!(second.connection(), conn);
        assert_eq!(second.text().unwrap(), format!("{method} /2"));
        assert_eq!(server.connections(), 2);
    }
}

#[test]
fn a_second_response_behind_the_first_answers_nobody() {
    let server = Server::scripted(|number, peer| {
        while let Some(request) = peer.request() {
            let mut answer = ok(&request.target);
            if number == 0 {
                answer.extend(ok("nobody asked"));
            }
            peer.send(answer);
        }
    });
    let client = Client::new();
    assert_eq!(client.get(&server.url("/1")).send().unwrap().text().unwrap(), "/1");
    assert_eq!(client.stats().open, 0);
    assert_eq!(client.get(&server.url("/2")).send().unwrap().text().unwrap(), "/2");
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_request_after_the_server_closed_arrives_exactly_once() {
    for method in ["GET", "POST"] {
        let (server, closed) = once_then(|peer| peer.close());
        let client = Client::new();
        assert_eq!(client.get(&server.url("/1")).send().unwrap().text().unwrap(), "first");
        closed.recv().unwrap();
        let request = if method == "GET" {
            client.get(&server.url("/2"))
        } else {
            client.post(&server.url("/2")).body("body")
        };
        let second = request.send().unwrap();
        assert!(!second.reused());
        assert_eq!(second.text().unwrap(), format!("{method} /2"));
        assert_eq!((server.connections(), server.requests()), (2, 2));
        assert_eq!(client.stats().open, 1);
    }
}

/// The server takes a second request on its first connection and closes without a word.
fn dies_with_the_second() -> Server {
    Server::scripted(|number, peer| {
        if number == 0 {
            if peer.request().is_some() {
                peer.send(ok("first"));
                peer.request();
            }
            return;
        }
        while let Some(request) = peer.request() {
            peer.send(ok(&request.target));
        }
    })
}

#[test]
fn an_idempotent_request_that_dies_with_its_idle_connection_is_sent_again() {
    let server = dies_with_the_second();
    let client = Client::new();
    client.get(&server.url("/1")).send().unwrap().bytes().unwrap();
    let second = client.get(&server.url("/2")).send().unwrap();
    assert!(!second.reused());
    assert_eq!(second.text().unwrap(), "/2");
    assert_eq!(server.requests(), 3);
}

#[test]
fn a_post_that_dies_with_its_idle_connection_is_not_sent_again() {
    let server = dies_with_the_second();
    let client = Client::new();
    client.get(&server.url("/1")).send().unwrap().bytes().unwrap();
    let error = client.post(&server.url("/2")).body("once").send().unwrap_err();
    assert!(matches!(cause(&error), Cause::Lost(IoKind::Eof | IoKind::Reset)), "{error}");
    assert_eq!(error.reached(), Reached::Sent);
    assert_eq!(server.requests(), 2);
    assert_eq!(client.stats().open, 0);
}
