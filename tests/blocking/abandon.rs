//! Tests responses that are dropped before their end.

use std::{
    io::Read,
    sync::{Mutex, mpsc},
};

use crate::{
    narrow,
    support::{Server, ok},
};

#[test]
fn a_small_rest_that_is_there_is_taken_and_the_connection_kept() {
    let (sent, wait_until_sent) = mpsc::channel();
    let sent = Mutex::new(sent);
    let server = Server::start(move |peer| {
        while peer.request().is_some() {
            // The body is longer than the input that is read with the head.
            peer.send(ok(vec![b'x'; 40_000]));
            sent.lock().unwrap().send(()).ok();
        }
    });
    let client = narrow();
    for reused in [false, true, true] {
        let mut response = client.get(&server.url("/")).send().unwrap();
        assert_eq!(response.reused(), reused);
        response.read_exact(&mut [0; 3]).unwrap();
        wait_until_sent.recv().unwrap();
        assert_eq!(client.stats().leased, 1);
        drop(response);
        assert_eq!((client.stats().open, client.stats().idle), (1, 1));
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_rest_that_has_not_come_is_not_waited_for() {
    let server = Server::replying(|_| "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".into());
    let client = narrow();
    for connections in 1..4 {
        let response = client.get(&server.url("/")).send().unwrap();
        assert!(!response.reused());
        drop(response);
        assert_eq!((client.stats().open, client.stats().leased), (0, 0));
        assert_eq!(server.accepted(), connections);
    }
}

#[test]
fn a_large_rest_closes_the_connection() {
    let server = Server::replying(|_| ok(vec![0; 50_000_000]));
    let client = narrow();
    for _ in 0..3 {
        let mut response = client.get(&server.url("/")).send().unwrap();
        assert!(!response.reused());
        response.read_exact(&mut [0; 100]).unwrap();
        drop(response);
        assert_eq!((client.stats().open, client.stats().leased), (0, 0));
    }
}

#[test]
fn an_endless_body_may_be_left() {
    let server = Server::replying(|_| {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevent\r\n".into()
    });
    let client = narrow();
    let mut response = client.get(&server.url("/")).send().unwrap();
    let mut event = [0; 5];
    response.read_exact(&mut event).unwrap();
    assert_eq!(&event, b"event");
    drop(response);
    assert_eq!(client.stats().open, 0);
}
