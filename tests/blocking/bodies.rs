//! Tests the bodies of requests and responses.

use std::{
    io::{self, Cursor, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, mpsc},
};

use httpool_blocking::{
    Body, Client, PoolLimits,
    httpool::{
        call::Policy,
        error::{Cause, Violation},
    },
};

use super::support::Server;

/// Answers each request with the same bytes, then closes the connection if `close`.
fn saying(answer: &'static str, close: bool) -> Server {
    Server::start(move |peer| {
        while peer.request().is_some() {
            peer.send(answer);
            if close {
                break;
            }
        }
    })
}

#[test]
fn chunks_and_trailers() {
    let server = saying(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n4;x=y\r\n two\r\n0\r\nDigest: d\r\n\r\n",
        false,
    );
    let mut answer = Client::new().get(&server.url("/")).send().unwrap();
    // Reads single bytes, so that a chunk is longer than each read.
    let (mut text, mut byte) = (Vec::new(), [0]);
    while answer.read(&mut byte).unwrap() > 0 {
        text.push(byte[0]);
    }
    assert_eq!(text, b"one two");
    assert_eq!(answer.trailers().unwrap().get_str("digest"), Some("d"));
}

#[test]
fn bodies_end_with_the_connection_or_are_not_there() {
    let server = saying("HTTP/1.1 200 OK\r\n\r\nto the end", true);
    assert_eq!(Client::new().get(&server.url("/")).send().unwrap().text().unwrap(), "to the end");
    let server = saying("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", false);
    let client = Client::new();
    for _ in 0..2 {
        assert_eq!(client.head(&server.url("/")).send().unwrap().bytes().unwrap(), b"");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_body_that_is_cut_is_an_error_that_has_the_head() {
    let server = saying("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", true);
    let error = Client::new().get(&server.url("/")).send().unwrap().bytes().unwrap_err();
    assert_eq!(error.as_failure().unwrap().cause, Cause::Violation(Violation::Truncated));
    assert_eq!(error.head().unwrap().status(), 200);
    let mut answer = Client::new().get(&server.url("/")).send().unwrap();
    let error = answer.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn a_body_longer_than_wanted_is_an_error() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nlonger",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nlonger\r\n0\r\n\r\n",
    ] {
        let server = saying(answer, false);
        let client = Client::builder().body_bytes_max(5).build();
        let error = client.get(&server.url("/")).send().unwrap().bytes().unwrap_err();
        assert!(error.is_body_too_large());
        assert_eq!(error.head().unwrap().status(), 200);
        assert_eq!(client.stats().leased, 0);
    }
}

#[test]
fn every_kind_of_body_arrives() {
    let server = Server::start(|peer| {
        while let Some(request) = peer.request() {
            peer.answer(&format!("{} {}", request.body.len(), request.head.contains("chunked")));
        }
    });
    let client = Client::new();
    let sent =
        |body: Body| client.post(&server.url("/")).body(body).send().unwrap().text().unwrap();
    let long = vec![b'a'; 3_000_000];
    assert_eq!(sent(long.clone().into()), "3000000 false");
    assert_eq!(sent("".into()), "0 false");
    assert_eq!(sent(Body::reader(Cursor::new(long.clone()))), "3000000 true");
    assert_eq!(sent(Body::reader(Cursor::new(""))), "0 true");
    assert_eq!(sent(Body::sized_reader(Cursor::new(long.clone()), 3_000_000)), "3000000 false");
    assert_eq!(sent(Body::seekable(Cursor::new(long)).unwrap()), "3000000 false");
    let short =
        client.post(&server.url("/")).body(Body::sized_reader(Cursor::new("abc"), 9)).send();
    assert!(matches!(short.unwrap_err().as_failure().unwrap().cause, Cause::Misuse(_)));
    assert_eq!(client.stats().leased, 0);
}

/// The server answers 413 after the head, then neither reads nor closes.
#[test]
fn an_early_refusal_comes_through_a_blocked_upload() {
    let (done, wait_until_done) = mpsc::channel::<()>();
    let wait_until_done = Mutex::new(wait_until_done);
    let server = Server::start(move |peer| {
        peer.head();
        peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
        wait_until_done.lock().unwrap().recv().ok();
    });
    let client = Client::new();
    let answer = client.post(&server.url("/")).body(vec![0; 64 << 20]).send().unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(answer.text().unwrap(), "no");
    assert_eq!(client.stats().open, 0);
    drop(done);
}

/// The server answers 200 early and reads on: the upload is finished while the response is read.
#[test]
fn an_early_success_does_not_stop_the_upload() {
    let server = Server::start(|peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        peer.take(8 << 20).unwrap();
        peer.send("whole");
    });
    let client = Client::new();
    let body = Body::sized_reader(io::repeat(7), 8 << 20);
    let answer = client.post(&server.url("/")).body(body).send().unwrap();
    assert_eq!(answer.text().unwrap(), "whole");
}

#[test]
fn a_panic_in_a_body_loses_no_place() {
    struct Panics;
    impl Read for Panics {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("as the test wants it")
        }
    }
    let server = Server::answering("hello");
    let mut pool = PoolLimits::default();
    pool.open_per_key_max = 1;
    let client = Client::builder().pool(pool).build();
    let sent = catch_unwind(AssertUnwindSafe(|| {
        client.post(&server.url("/")).body(Body::reader(Panics)).send()
    }));
    assert!(sent.is_err());
    assert_eq!(client.stats().leased, 0);
    assert_eq!(client.get(&server.url("/")).send().unwrap().text().unwrap(), "hello");
}

#[test]
fn a_body_source_that_fails_is_told_with_its_reason() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let server = Server::answering("hello");
    let error = Client::new().post(&server.url("/")).body(Body::reader(Fails)).send().unwrap_err();
    assert_eq!(error.as_failure().unwrap().cause, Cause::Body);
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the disk is gone");
}

/// A response is dropped half-read. The input that has arrived is taken, but no more is waited for.
#[test]
fn a_response_dropped_half_read_is_drained_or_closed() {
    let server = saying("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false);
    let client = Client::new();
    // Head and body come in one write, and are read together.
    drop(client.get(&server.url("/")).send().unwrap());
    assert_eq!((client.stats().idle, client.stats().open), (1, 1));

    let server = saying("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", false);
    let client = Client::new();
    drop(client.get(&server.url("/")).send().unwrap());
    assert_eq!(client.stats().open, 0);
}

#[test]
fn a_body_waits_for_100_and_may_never_go() {
    let (told, behind_the_head) = mpsc::channel();
    let told = Mutex::new(told);
    let server = Server::start(move |peer| {
        while let Some(head) = peer.head() {
            assert!(head.contains("Expect: 100-continue"));
            if head.starts_with("POST /no") {
                peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
                told.lock().unwrap().send(peer.take(1)).unwrap();
            } else {
                peer.send("HTTP/1.1 100 Continue\r\nX: y\r\n\r\n");
                peer.take(5);
                peer.answer("thanks");
            }
        }
    });
    let client = Client::new();
    let post = |path| client.post(&server.url(path)).expect_continue(true).body("hello").send();
    assert_eq!(post("/yes").unwrap().text().unwrap(), "thanks");
    let refused = post("/no").unwrap();
    assert!(refused.reused());
    assert_eq!(refused.status(), 413);
    drop(refused);
    assert_eq!(behind_the_head.recv().unwrap(), None, "the body was sent");
    assert_eq!(client.stats().open, 0);
}

#[test]
fn a_417_is_answered_with_the_same_request_without_expect() {
    let server = Server::start(|peer| {
        while let Some(head) = peer.head() {
            if head.contains("Expect: 100-continue") {
                peer.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno");
            } else {
                assert_eq!(peer.take(5).unwrap(), b"hello");
                peer.answer("thanks");
            }
        }
    });
    // The body can be read once, and was not read.
    let body = Body::sized_reader(Cursor::new("hello"), 5);
    let request = Client::new().post(&server.url("/")).expect_continue(true);
    let response = request.body(body).send().unwrap();
    assert_eq!(response.history()[0].status.unwrap(), 417);
    assert_eq!(response.text().unwrap(), "thanks");
    assert_eq!(server.accepted(), 2);
}

#[test]
fn switched_protocols_are_handed_over_with_what_was_read() {
    let server = Server::start(|peer| {
        peer.head();
        peer.send("HTTP/1.1 101 Switching\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nfirst");
        peer.until_closed();
    });
    let client = Client::new();
    let answer = client.get(&server.url("/")).header("Upgrade", "echo").send().unwrap();
    assert_eq!(answer.status(), 101);
    let mut switched = answer.into_switched().unwrap();
    let mut first = switched.rest.clone();
    while first.len() < 5 {
        let mut more = [0; 5];
        let read = switched.socket.read(&mut more).unwrap();
        first.extend_from_slice(&more[..read]);
    }
    assert_eq!(first, b"first");
    assert_eq!(client.stats().open, 0);
}

#[test]
fn interim_answers_are_shown_on_request() {
    let server = saying(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        false,
    );
    let mut policy = Policy::default();
    policy.show_interim = true;
    let client = Client::builder().policy(policy).build();
    let answer = client.get(&server.url("/")).send().unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.interim()[0].headers().get_str("link"), Some("</a>"));
}
