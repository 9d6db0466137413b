//! Answers that come whole while the request is still being written: they are told, and the
//! connection, in the middle of a request, is not used again.

use std::{
    io::{self, Read},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
};

use httpool_mio::Body;

use crate::{World, support::Server};

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
fn an_early_answer_comes_through_an_upload_that_nobody_reads() {
    for (status, answer) in [
        (413, "HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\n\r\ntoo much"),
        (200, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ntoo much"),
    ] {
        for body in [Body::from(vec![0; LARGE]), Body::reader(io::repeat(7).take(LARGE as u64))] {
            let (server, _over) = deaf(answer);
            let mut world = World::new();
            let call = world.client().post(&server.url("/")).body(body).send().unwrap();
            let response = world.driver.fetch(call).unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(response.text(), "too much");
            assert_eq!(world.stats().open, 0);
        }
    }
}

/// The server refuses and closes at once: what it said comes before that its end is noticed.
#[test]
fn a_refusal_is_heard_although_the_rest_of_the_request_cannot_be_written() {
    let server = Server::start(|peer| {
        if peer.head().is_some() {
            peer.send("HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
            peer.tcp.shutdown(std::net::Shutdown::Write).ok();
            peer.until_closed();
        }
    });
    let mut world = World::new();
    let call = world.client().put(&server.url("/")).body(vec![0; LARGE]).send().unwrap();
    let response = world.driver.fetch(call).unwrap();
    assert_eq!((response.status().as_u16(), &*response.text()), (403, "no"));
    assert_eq!(world.stats().open, 0);
}

/// A server that refuses and then reads on is not sent what it has refused.
#[test]
fn what_was_refused_need_not_go() {
    let seen = Arc::new(AtomicUsize::new(0));
    let (go, wait) = mpsc::channel::<()>();
    let (counted, wait) = (seen.clone(), Mutex::new(wait));
    let server = Server::start(move |peer| {
        peer.head();
        peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\n");
        let mut reading = peer.tcp.try_clone().unwrap();
        let counted = counted.clone();
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 20];
            while let Ok(read @ 1..) = reading.read(&mut buffer) {
                counted.fetch_add(read, SeqCst);
            }
        });
        wait.lock().unwrap().recv().ok();
        peer.send("full");
        peer.until_closed();
    });
    let mut world = World::new();
    world.client().post(&server.url("/")).body(vec![0; LARGE]).send().unwrap();
    world.until_told("head 413");
    // Time enough to send it all.
    for _ in 0..200 {
        world.turn();
    }
    go.send(()).unwrap();
    world.until_told("end");
    assert_eq!(world.body, b"full");
    let seen = seen.load(SeqCst);
    assert!(seen < LARGE / 2, "{seen} bytes");
}
