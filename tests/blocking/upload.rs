//! Answers that come before the request has gone.

use std::{
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Mutex, mpsc},
};

use httpool_blocking::{Body, Client, httpool::error::Cause};

use crate::{
    cause, narrow,
    support::{Server, ok},
};

const LARGE: usize = 64 * 1024 * 1024;

/// Takes a head, answers, and then neither reads nor closes before the test is over.
fn deaf(answer: &'static str) -> (Server, mpsc::Sender<()>) {
    let (over, is_over) = mpsc::channel::<()>();
    let is_over = Mutex::new(is_over);
    let server = Server::scripted(move |_, peer| {
        if peer.head().is_some() {
            peer.send(answer);
            is_over.lock().unwrap().recv().ok();
        }
    });
    (server, over)
}

#[test]
fn an_early_refusal_comes_through_an_upload_that_nobody_reads() {
    for body in [Body::from(vec![0; LARGE]), Body::reader(io::repeat(7).take(LARGE as u64))] {
        let (server, _over) = deaf("HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\n\r\ntoo much");
        let client = Client::new();
        let response = client.post(&server.url("/")).body(body).send().unwrap();
        assert_eq!(response.status(), 413);
        assert_eq!(response.text().unwrap(), "too much");
        assert_eq!(client.stats().open, 0);
    }
}

#[test]
fn an_early_success_comes_through_as_well() {
    let (server, _over) = deaf("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nenough");
    let client = Client::new();
    let response = client.post(&server.url("/")).body(vec![0; LARGE]).send().unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.text().unwrap(), "enough");
    assert_eq!(client.stats().open, 0);
}

#[test]
fn bodies_of_every_kind_arrive_whole() {
    let server = Server::answering(|request| {
        let framing = request.field("transfer-encoding").or(request.field("content-length"));
        let sum: u64 = request.body.iter().map(|byte| u64::from(*byte)).sum();
        ok(format!("{} {} {sum}", framing.unwrap(), request.body.len()))
    });
    let client = Client::new();
    let len = 300_000;
    let bytes = vec![3; len];
    let cursor = io::Cursor::new(bytes.clone());
    for (body, framing) in [
        (Body::from(bytes.clone()), "300000"),
        (Body::reader(cursor.clone()), "chunked"),
        (Body::sized_reader(cursor.clone(), len as u64), "300000"),
        (Body::seekable(cursor).unwrap(), "300000"),
    ] {
        let text = client.post(&server.url("/")).body(body).send().unwrap().text().unwrap();
        assert_eq!(text, format!("{framing} 300000 900000"));
    }
    assert_eq!(server.connections(), 1);
}

struct Panics;

impl Read for Panics {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        // As a panic does, but without its message.
        resume_unwind(Box::new("the source of the body"))
    }
}

struct Fails;

impl Read for Fails {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("no more"))
    }
}

#[test]
fn a_body_that_panics_loses_no_place() {
    let server = Server::answering(|request| ok(&request.target));
    let client = narrow();
    for _ in 0..3 {
        let post = client.post(&server.url("/")).body(Body::reader(Panics));
        assert!(catch_unwind(AssertUnwindSafe(|| post.send())).is_err());
        assert_eq!((client.stats().open, client.stats().leased), (0, 0));
        let text = client.get(&server.url("/after")).send().unwrap().text().unwrap();
        assert_eq!(text, "/after");
    }
}

#[test]
fn a_body_that_fails_is_the_callers_failure_and_its_source_is_told() {
    let server = Server::answering(|request| ok(&request.target));
    let client = narrow();
    let error = client.post(&server.url("/")).body(Body::reader(Fails)).send().unwrap_err();
    assert_eq!(cause(&error), Cause::Body);
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no more");
    assert_eq!(client.stats().open, 0);
    assert_eq!(client.get(&server.url("/")).send().unwrap().text().unwrap(), "/");
}
