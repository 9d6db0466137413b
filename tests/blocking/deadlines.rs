//! Which deadline passes, and how far the request had got by then.

use std::time::Duration;

use httpool_blocking::{
    Error,
    httpool::{
        call::Timeout,
        error::{Cause, Reached},
        time::Deadline,
    },
};

use crate::{cause, narrow, support::Server};

const SHORT: Option<Duration> = Some(Duration::from_millis(20));

fn timeouts(set: impl FnOnce(&mut Timeout)) -> Timeout {
    let mut timeout = Timeout::default();
    set(&mut timeout);
    timeout
}

fn passed(error: &Error, which: Deadline, reached: Reached) {
    assert_eq!((cause(error), error.reached()), (Cause::Timeout(which), reached));
    assert!(error.is_timeout());
}

fn mute() -> Server {
    Server::answering(|_| Vec::new())
}

fn half() -> Server {
    Server::answering(|_| "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf".into())
}

#[test]
fn the_head_does_not_come() {
    let (server, client) = (mute(), narrow());
    let first_byte = timeouts(|timeout| timeout.first_byte = SHORT);
    let error = client.get(&server.url("/")).timeouts(first_byte).send().unwrap_err();
    passed(&error, Deadline::FirstByte, Reached::Sent);
    assert_eq!(client.stats().open, 0);
}

#[test]
fn the_body_stalls() {
    let (server, client) = (half(), narrow());
    let stall = timeouts(|timeout| timeout.stall = SHORT);
    let error = client.get(&server.url("/")).timeouts(stall).send().unwrap().bytes().unwrap_err();
    passed(&error, Deadline::Stall, Reached::Answered);
    assert_eq!(client.stats().open, 0);
}

#[test]
fn the_whole_takes_too_long() {
    let client = narrow();
    let short = Duration::from_millis(20);
    let error = client.get(&mute().url("/")).timeout(short).send().unwrap_err();
    assert_eq!(cause(&error), Cause::Timeout(Deadline::Total));
    let error = client
        .get(&half().url("/"))
        .timeout(Duration::from_millis(500))
        .send()
        .and_then(|response| response.bytes())
        .unwrap_err();
    assert_eq!(cause(&error), Cause::Timeout(Deadline::Total));
    assert_eq!(client.stats().open, 0);
}

#[test]
fn the_line_is_too_long() {
    let (server, client) = (half(), narrow());
    let held = client.get(&server.url("/")).send().unwrap();
    let queue = timeouts(|timeout| timeout.queue = SHORT);
    let error = client.get(&server.url("/")).timeouts(queue).send().unwrap_err();
    passed(&error, Deadline::Queue, Reached::Nothing);
    assert_eq!((client.stats().waiting, client.stats().leased), (0, 1));
    drop(held);
    assert_eq!((client.stats().open, server.requests()), (0, 1));
}

#[test]
fn nobody_reads_the_request() {
    let (over, is_over) = std::sync::mpsc::channel::<()>();
    let is_over = std::sync::Mutex::new(is_over);
    let server = Server::scripted(move |_, peer| {
        if peer.head().is_some() {
            is_over.lock().unwrap().recv().ok();
        }
    });
    let client = narrow();
    let write = timeouts(|timeout| timeout.write = SHORT);
    let body = vec![0; 64 * 1024 * 1024];
    let error = client.post(&server.url("/")).body(body).timeouts(write).send().unwrap_err();
    passed(&error, Deadline::Write, Reached::Sent);
    assert_eq!(client.stats().open, 0);
    drop(over);
}
