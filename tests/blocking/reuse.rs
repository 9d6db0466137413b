//! Tests the choice of a connection for each request.

use std::{
    io::Read,
    net::Shutdown,
    sync::{Mutex, mpsc},
};

use httpool_blocking::{
    Client, PoolLimits,
    httpool::{
        error::{Cause, Reached},
        message::Method,
    },
};

use super::support::{Server, ok};

fn client_with(limits: impl FnOnce(&mut PoolLimits)) -> Client {
    let mut pool = PoolLimits::default();
    limits(&mut pool);
    Client::builder().pool(pool).build()
}

#[test]
fn one_connection_serves_one_request_after_another() {
    let server = Server::answering("hello");
    let client = Client::new();
    let first = client.get(&server.url("/")).send().unwrap();
    let (conn, reused) = (first.connection(), first.reused());
    assert!(!reused);
    assert_eq!(first.text().unwrap(), "hello");
    for _ in 0..10 {
        let next = client.get(&server.url("/")).send().unwrap();
        assert_eq!((next.connection(), next.reused()), (conn, true));
        assert_eq!(next.text().unwrap(), "hello");
    }
    assert_eq!(server.accepted(), 1);
}

/// The server sends an unsolicited second response, in one segment with the first or later. It is
/// never taken for a response, with any method and after any idle time.
#[test]
fn an_answer_that_nobody_asked_for_answers_nobody() {
    for (glued, method) in [(true, "GET"), (true, "POST"), (false, "GET"), (false, "POST")] {
        let (sent, wait_until_sent) = mpsc::channel();
        let sent = Mutex::new(sent);
        let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
        let server = Server::start(move |peer| {
            if peer.number > 0 {
                peer.request();
                return peer.answer("good");
            }
            peer.request();
            let first = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst";
            if glued {
                peer.send(format!("{first}{evil}"));
            } else {
                peer.send(first);
                peer.send(evil);
            }
            sent.lock().unwrap().send(()).unwrap();
            // A request that comes now must not be answered by the unsolicited response.
            peer.until_closed();
        });
        let client = Client::new();
        let first = client.get(&server.url("/1")).send().unwrap();
        assert_eq!(first.text().unwrap(), "first");
        wait_until_sent.recv().unwrap();
        let method = Method::new(method).unwrap();
        let second = client.request(method, &server.url("/2")).send().unwrap();
        assert_eq!(second.text().unwrap(), "good", "glued: {glued}");
        assert_eq!(server.accepted(), 2);
    }
}

/// The body is read straight into the application's buffer, to its end. Bytes after it are seen by
/// the same read, and the connection is closed.
#[test]
fn what_follows_a_body_that_is_read_directly_is_seen_with_it() {
    for whole in [true, false] {
        let (sent, wait_until_sent) = mpsc::channel();
        let sent = Mutex::new(sent);
        let server = Server::start(move |peer| {
            peer.request();
            // The response fits into the buffers of the connection.
            peer.send([ok(vec![b'x'; 40_000]), ok("evil")].concat());
            sent.lock().unwrap().send(()).unwrap();
            peer.until_closed();
        });
        let client = Client::new();
        let mut response = client.get(&server.url("/")).send().unwrap();
        wait_until_sent.recv().unwrap();
        let body = if whole {
            response.bytes().unwrap()
        } else {
            let mut body = Vec::new();
            let mut buffer = [0; 64 * 1024];
            while let read @ 1.. = response.read(&mut buffer).unwrap() {
                body.extend_from_slice(&buffer[..read]);
            }
            body
        };
        assert_eq!(body, vec![b'x'; 40_000]);
        assert_eq!(client.stats().open, 0, "whole: {whole}");
    }
}

/// The server closes the idle connection, then a request is made. It arrives exactly once.
#[test]
fn a_request_after_an_idle_close_arrives_exactly_once() {
    for method in ["GET", "POST"] {
        let (closed, wait_until_closed) = mpsc::channel();
        let closed = Mutex::new(closed);
        let server = Server::start(move |peer| {
            peer.request();
            peer.answer("hi");
            if peer.number == 0 {
                peer.tcp.shutdown(Shutdown::Both).ok();
                closed.lock().unwrap().send(()).unwrap();
            } else {
                peer.until_closed();
            }
        });
        let client = Client::new();
        client.get(&server.url("/")).send().unwrap().bytes().unwrap();
        wait_until_closed.recv().unwrap();
        let method = Method::new(method).unwrap();
        let answer = client.request(method, &server.url("/")).send().unwrap();
        assert_eq!(answer.text().unwrap(), "hi");
        assert_eq!(server.requests(), 2);
    }
}

/// The server reads the request on a reused connection, and closes without an answer.
#[test]
fn a_request_that_was_read_is_repeated_only_if_that_is_safe() {
    let server = Server::start(|peer| {
        peer.request();
        peer.answer("hi");
        peer.request();
    });
    let client = Client::new();
    let get = || client.get(&server.url("/")).send();
    assert_eq!(get().unwrap().text().unwrap(), "hi");
    assert_eq!(get().unwrap().text().unwrap(), "hi");
    assert_eq!((server.requests(), server.accepted()), (3, 2));
    let error = client.post(&server.url("/")).body("x").send().unwrap_err();
    assert!(matches!(error.as_failure().unwrap().cause, Cause::Lost(_)), "{error}");
    assert_eq!(error.reached(), Reached::Sent);
    assert_eq!(server.requests(), 4);
}

#[test]
fn idle_connections_beyond_the_bound_are_closed() {
    // Bodies too long to be read with the head: each response holds its connection.
    let server = Server::replying(|_| ok(vec![b'x'; 100_000]));
    let client = client_with(|pool| pool.idle_per_key_max = 1);
    let first = client.get(&server.url("/")).send().unwrap();
    let second = client.get(&server.url("/")).send().unwrap();
    assert_eq!((client.stats().open, client.stats().idle), (2, 0));
    assert_eq!((first.bytes().unwrap().len(), second.bytes().unwrap().len()), (100_000, 100_000));
    assert_eq!((client.stats().open, client.stats().idle), (1, 1));
}

/// A response that has arrived completely needs its connection no more, whether it was read or not.
#[test]
fn a_small_response_that_nobody_has_read_yet_gives_its_connection_back() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                   4\r\nhel\n\r\n1\r\nl\r\n1;e=1\r\no\r\n0\r\nX-Trailer: t\r\n\r\n";
    let server = Server::replying(move |request| match request.target() {
        "/length" => ok("hel\nlo"),
        _ => chunked.into(),
    });
    let client = client_with(|pool| pool.open_per_key_max = 1);
    for path in ["/length", "/chunked"] {
        let mut first = client.get(&server.url(path)).send().unwrap();
        assert_eq!((client.stats().leased, client.stats().idle), (0, 1), "{path}");
        let second = client.get(&server.url(path)).send().unwrap();
        assert_eq!(second.connection(), first.connection());
        // Reads small pieces across the borders of chunks.
        let (mut body, mut two) = (Vec::new(), [0; 2]);
        while let read @ 1.. = first.read(&mut two).unwrap() {
            body.extend_from_slice(&two[..read]);
        }
        assert_eq!(body, b"hel\nlo");
        assert_eq!(first.trailers().is_some(), path == "/chunked");
        assert_eq!(second.text().unwrap(), "hel\nlo");
    }
    assert_eq!((server.accepted(), server.requests()), (1, 4));
}
