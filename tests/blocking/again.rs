//! Tests redirects and retries, as the servers see them.

use std::{
    io::Cursor,
    sync::{Arc, Mutex},
};

use httpool_blocking::{
    Body, Client,
    httpool::{
        call::{Redirect, Retry},
        error::{Cause, IoKind, Reached},
    },
};

use crate::{
    cause,
    support::{Server, ok},
};

fn redirect(status: u16, location: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} R\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into()
}

/// Redirects `/<status>` to `/end`, which answers with the method and the body that it received.
fn redirecting() -> Server {
    Server::replying(|request| match request.target() {
        "/end" => {
            let length = request.field("content-length").unwrap_or("no length");
            let body = String::from_utf8_lossy(&request.body);
            ok(format!("{} {length} {body}", request.method()))
        }
        path => redirect(path[1..].parse().unwrap(), "end"),
    })
}

#[test]
fn redirects_and_retries_of_the_client_are_those_of_each_call_that_has_no_others() {
    let server = redirecting();
    let client = Client::builder().redirect(Redirect::none()).retry(Retry::new(1)).build();
    let get = || client.get(&server.url("/302"));
    assert_eq!(get().send().unwrap().status(), 302);
    let request = get().build().unwrap();
    assert_eq!(client.send(&request).unwrap().status(), 302);
    assert_eq!(get().redirect(Redirect::default()).send().unwrap().status(), 200);
}

#[test]
fn a_post_becomes_a_get_or_is_repeated_as_the_status_says() {
    let (server, client) = (redirecting(), Client::new());
    for (status, seen) in [
        (301, "GET no length "),
        (302, "GET no length "),
        (303, "GET no length "),
        (307, "POST 4 body"),
        (308, "POST 4 body"),
    ] {
        let url = server.url(&format!("/{status}"));
        let response = client.post(&url).body("body").send().unwrap();
        assert_eq!(response.url().path(), "/end");
        assert_eq!(response.history().len(), 1);
        assert_eq!(response.text().unwrap(), seen, "{status}");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_body_that_can_be_rewound_is_and_one_that_cannot_is_told() {
    let (server, client) = (redirecting(), Client::new());
    let url = server.url("/307");
    let seekable = Body::seekable(Cursor::new("body")).unwrap();
    let response = client.post(&url).body(seekable).send().unwrap();
    assert_eq!(response.text().unwrap(), "POST 4 body");
    let once = Body::reader(Cursor::new("body"));
    let error = client.post(&url).body(once).send().unwrap_err();
    assert_eq!((cause(&error), error.reached()), (Cause::NotReplayable, Reached::Answered));
    assert_eq!(client.stats().leased, 0);
}

#[test]
fn credentials_and_host_stay_with_their_origin() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heads = seen.clone();
    let other = Server::replying(move |request| {
        let fields = ["authorization", "cookie", "host", "x-mine"];
        *heads.lock().unwrap() = fields.map(|name| request.field(name).map(str::to_owned)).to_vec();
        ok("there")
    });
    let location = other.url("/there");
    let server = Server::replying(move |_| redirect(302, &location));
    let response = Client::new()
        .get(&server.url("/"))
        .header("Authorization", "secret")
        .header("Cookie", "secret")
        .header("Host", "elsewhere.test")
        .header("X-Mine", "kept")
        .send()
        .unwrap();
    assert_eq!(response.text().unwrap(), "there");
    let host = format!("127.0.0.1:{}", other.port());
    assert_eq!(*seen.lock().unwrap(), [None, None, Some(host), Some("kept".into())]);
}

#[test]
fn retry_after_is_obeyed() {
    let server = Server::start(|peer| {
        let mut refused = false;
        while peer.request().is_some() {
            if std::mem::replace(&mut refused, true) {
                peer.answer("now");
            } else {
                peer.send("HTTP/1.1 503 Later\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n");
            }
        }
    });
    let response = Client::new().get(&server.url("/")).retry(Retry::new(1)).send().unwrap();
    assert_eq!(response.history()[0].status.unwrap(), 503);
    assert!(response.reused());
    assert_eq!(response.text().unwrap(), "now");
    assert_eq!((server.accepted(), server.requests()), (1, 2));
}

/// Closes the connection without an answer after each of the first `times` requests, then answers.
fn dropping(times: usize) -> Server {
    Server::start(move |peer| {
        while peer.request().is_some() && peer.number >= times {
            peer.answer("at last");
        }
    })
}

#[test]
fn a_lost_request_is_tried_again_as_often_as_allowed_and_where_that_is_safe() {
    let (server, client) = (dropping(2), Client::new());
    let response = client.get(&server.url("/")).retry(Retry::new(2)).send().unwrap();
    assert_eq!(response.history().len(), 2);
    assert_eq!(response.text().unwrap(), "at last");
    assert_eq!((server.accepted(), server.requests()), (3, 3));

    let server = dropping(2);
    let error = client.get(&server.url("/")).retry(Retry::new(1)).send().unwrap_err();
    assert!(matches!(cause(&error), Cause::Lost(IoKind::Eof | IoKind::Reset)), "{error}");
    assert_eq!(server.requests(), 2);

    let server = dropping(1);
    let post = client.post(&server.url("/")).body("once").retry(Retry::new(5));
    assert_eq!(post.send().unwrap_err().reached(), Reached::Sent);
    assert_eq!(server.requests(), 1);
}
