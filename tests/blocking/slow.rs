//! Tests servers that take up time: endless bodies, drips, and redirects with Retry-After.

use std::{io::Write, thread, time::Duration};

use httpool_blocking::{
    Cancel, Client,
    httpool::{
        call::{DrainTime, MinRate, Policy, Retry},
        error::{Cause, RedirectError},
        message::Status,
        time::Deadline,
    },
};

use crate::{
    cause, narrow,
    support::{Peer, Server, ok, until},
};

const SHORT: Duration = Duration::from_millis(30);

fn client(change: impl FnOnce(&mut Policy)) -> Client {
    let mut policy = Policy::default();
    // Switches off the other deadlines, which could end the wait as well.
    (policy.timeout.first_byte, policy.timeout.stall) = (None, None);
    change(&mut policy);
    Client::builder().policy(policy).build()
}

/// Sends a byte at intervals until the client has closed.
fn drip(peer: &mut Peer, byte: u8) {
    while peer.tcp.write_all(&[byte]).is_ok() {
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn an_unwanted_body_that_never_ends_is_left_and_the_call_goes_on() {
    for status in ["302 R\r\nLocation: /2", "503 Busy"] {
        let server = Server::start(move |peer| {
            peer.head();
            if peer.number > 0 {
                return peer.answer("done");
            }
            peer.send(format!("HTTP/1.1 {status}\r\nContent-Length: 60000\r\n\r\nhalf"));
            drip(peer, b'x');
        });
        let client = client(|policy| {
            policy.retry = Retry::new(1);
            policy.retry.statuses.extend(Status::new(503));
            policy.drain_time_max = DrainTime(SHORT);
        });
        let response = client.get(&server.url("/")).send().unwrap();
        assert_eq!((response.reused(), response.history().len()), (false, 1));
        assert_eq!(response.text().unwrap(), "done");
        assert_eq!(server.accepted(), 2, "{status}");
    }
}

#[test]
fn a_drip_of_framing_does_not_outlast_the_stall_deadline() {
    for framing in ["", "1;extension=", "1\r\nx\r\n"] {
        let server = Server::start(move |peer| {
            peer.head();
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            peer.send(framing);
            drip(peer, b'0');
        });
        let client = client(|policy| policy.timeout.stall = Some(SHORT));
        let error = client.get(&server.url("/")).send().unwrap().bytes().unwrap_err();
        assert_eq!(cause(&error), Cause::Timeout(Deadline::Stall), "{framing}");
        assert_eq!(client.stats().open, 0);
    }
}

#[test]
fn a_drip_of_a_head_does_not_outlast_the_first_byte_deadline() {
    let server = Server::start(|peer| {
        peer.head();
        peer.send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nX-Drip: ");
        drip(peer, b'x');
    });
    let client = client(|policy| policy.timeout.first_byte = Some(SHORT));
    let error = client.get(&server.url("/")).send().unwrap_err();
    assert_eq!(cause(&error), Cause::Timeout(Deadline::FirstByte));
}

#[test]
fn a_body_that_comes_too_slowly_misses_the_rate_deadline() {
    let server = Server::start(|peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        drip(peer, b'x');
    });
    let client = client(|policy| policy.timeout.rate = Some(MinRate::new(1_000_000, SHORT)));
    let error = client.get(&server.url("/")).send().unwrap().bytes().unwrap_err();
    assert_eq!(cause(&error), Cause::Timeout(Deadline::Rate));
    assert!(error.is_timeout());
}

/// A server that always redirects to itself, with a Retry-After of `seconds`.
fn polling(seconds: u32) -> Server {
    Server::replying(move |_| {
        let head = "HTTP/1.1 303 R\r\nLocation: /job\r\nContent-Length: 0\r\n";
        format!("{head}Retry-After: {seconds}\r\n\r\n").into()
    })
}

#[test]
fn a_redirect_that_asks_for_a_wait_is_waited_for_without_a_connection() {
    let (server, client, cancel) = (polling(30), narrow(), Cancel::new());
    thread::scope(|scope| {
        let waiting = scope.spawn(|| client.get(&server.url("/")).cancel(&cancel).send());
        until(|| client.stats().idle == 1);
        let other = Server::replying(|_| ok("free"));
        assert_eq!(client.get(&other.url("/")).send().unwrap().text().unwrap(), "free");
        assert_eq!((server.requests(), client.stats().leased), (1, 0));
        cancel.cancel();
        assert_eq!(cause(&waiting.join().unwrap().unwrap_err()), Cause::Cancelled);
    });
    assert_eq!(server.requests(), 1);
}

#[test]
fn a_redirect_that_asks_for_too_long_a_wait_is_an_error_that_names_it() {
    let (server, client) = (polling(3_600), Client::new());
    let error = client.get(&server.url("/")).send().unwrap_err();
    let why = RedirectError::RetryAfter { seconds: 3_600 };
    assert_eq!((cause(&error), server.requests()), (Cause::Redirect(why), 1));
    assert!(error.to_string().contains("wait 3600 s"), "{error}");
}
