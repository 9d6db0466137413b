//! Answers that come whole while the request is still being written: they are told, and the
//! connection, in the middle of a request, is not used again.

use std::{
    io::{self, Read},
    sync::{Mutex, mpsc},
};

use httpool_blocking::{Body, Client};

use crate::support::Server;

const LARGE: usize = 64 * 1024 * 1024;

/// Takes a head, answers, and then neither reads nor closes before the test is over.
fn deaf(answer: &'static str) -> (Server, mpsc::Sender<()>) {
    let (over, is_over) = mpsc::channel::<()>();
    let is_over = Mutex::new(is_over);
    let server = Server::start(move |peer| {
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
