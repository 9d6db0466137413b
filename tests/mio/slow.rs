//! Tests servers that take up time: endless bodies, drips, and redirects with Retry-After.

use std::{io::Write, thread, time::Duration};

use httpool_mio::{
    Driver,
    httpool::{
        call::{DrainTime, MinRate, Policy, Retry},
        error::{Cause, RedirectError},
        message::Status,
        time::Deadline,
    },
};

use crate::{
    World, cause,
    support::{Peer, Server},
};

const SHORT: Duration = Duration::from_millis(30);

fn world(change: impl FnOnce(&mut Policy)) -> World {
    let mut policy = Policy::default();
    // Switches off the other deadlines, which could end the wait as well.
    (policy.timeout.first_byte, policy.timeout.stall) = (None, None);
    change(&mut policy);
    World::with(Driver::builder().policy(policy))
}

/// Sends a byte at intervals until the client has closed.
fn drip(peer: &mut Peer, byte: u8) {
    while peer.tcp.write_all(&[byte]).is_ok() {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Answers the first request with a body that never ends.
fn endless(status: &'static str) -> Server {
    Server::start(move |peer| {
        peer.head();
        if peer.number > 0 {
            return peer.answer("done");
        }
        peer.send(format!("HTTP/1.1 {status}\r\nContent-Length: 60000\r\n\r\nhalf"));
        drip(peer, b'x');
    })
}

#[test]
fn an_unwanted_body_that_never_ends_is_left_and_the_call_goes_on() {
    for status in ["302 R\r\nLocation: /2", "503 Busy"] {
        let server = endless(status);
        let mut world = world(|policy| {
            policy.retry = Retry::new(1);
            policy.retry.statuses.extend(Status::new(503));
            policy.drain_time_max = DrainTime(SHORT);
        });
        assert_eq!(world.fetch(&server.url("/")).unwrap().text(), "done");
        assert_eq!(server.accepted(), 2, "{status}");
    }
}

#[test]
fn a_discarded_body_that_never_ends_is_left() {
    let server = endless("200 OK");
    let mut world = world(|policy| policy.drain_time_max = DrainTime(SHORT));
    let call = world.get(&server.url("/"));
    world.until(|world| !world.body.is_empty());
    world.client().discard(call);
    world.until(|world| world.client().calls() == 0);
    assert_eq!((world.told, world.driver.client().stats().open), (vec!["head 200".into()], 0));
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
        let mut world = world(|policy| policy.timeout.stall = Some(SHORT));
        let error = world.fetch(&server.url("/")).unwrap_err();
        assert_eq!(cause(&error), Cause::Timeout(Deadline::Stall), "{framing}");
        assert_eq!(world.stats().open, 0);
    }
}

#[test]
fn a_drip_of_a_head_does_not_outlast_the_first_byte_deadline() {
    let server = Server::start(|peer| {
        peer.head();
        peer.send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nX-Drip: ");
        drip(peer, b'x');
    });
    let mut world = world(|policy| policy.timeout.first_byte = Some(SHORT));
    let error = world.fetch(&server.url("/")).unwrap_err();
    assert_eq!(cause(&error), Cause::Timeout(Deadline::FirstByte));
}

#[test]
fn a_body_that_comes_too_slowly_misses_the_rate_deadline() {
    let server = Server::start(|peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        drip(peer, b'x');
    });
    let mut world = world(|policy| policy.timeout.rate = Some(MinRate::new(1_000_000, SHORT)));
    let error = world.fetch(&server.url("/")).unwrap_err();
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
    let (server, other) = (polling(30), Server::answering("free"));
    let mut world = World::narrow();
    let call = world.get(&server.url("/"));
    world.until(|world| world.stats().idle == 1);
    assert_eq!(world.fetch(&other.url("/")).unwrap().text(), "free");
    assert_eq!((server.requests(), world.stats().leased, world.client().calls()), (1, 0, 1));
    world.client().cancel(call);
    assert_eq!((world.client().calls(), server.requests()), (0, 1));
}

#[test]
fn a_redirect_that_asks_for_too_long_a_wait_is_an_error_that_names_it() {
    let (server, mut world) = (polling(3_600), World::new());
    let error = world.fetch(&server.url("/")).unwrap_err();
    let why = RedirectError::RetryAfter { seconds: 3_600 };
    assert_eq!((cause(&error), server.requests()), (Cause::Redirect(why), 1));
    assert!(error.to_string().contains("wait 3600 s"), "{error}");
}
