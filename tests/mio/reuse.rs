//! Tests the choice of a connection for each request.

use std::{
    net::Shutdown,
    sync::{Mutex, mpsc},
    time::Duration,
};

use httpool_mio::{
    Driver,
    httpool::{
        error::{Cause, Reached},
        message::Method,
    },
};

use crate::{World, cause, limits, support::Server};

#[test]
fn one_connection_serves_one_request_after_another() {
    let (server, mut world) = (Server::answering("hello"), World::new());
    let first = world.fetch(&server.url("/")).unwrap();
    assert!(!first.reused());
    let conn = first.connection();
    assert_eq!(first.text(), "hello");
    for _ in 0..10 {
        let next = world.fetch(&server.url("/")).unwrap();
        assert_eq!((next.connection(), next.reused()), (conn, true));
        assert_eq!(next.text(), "hello");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_kept_request_is_sent_any_number_of_times() {
    let (server, mut world) = (Server::answering("hello"), World::new());
    let request = world.client().get(&server.url("/")).build().unwrap();
    for _ in 0..3 {
        let call = world.client().send(&request);
        assert_eq!(world.driver.fetch(call).unwrap().body(), b"hello");
    }
    assert_eq!((server.accepted(), server.requests()), (1, 3));
}

/// As the next test, but the loop has had no turn in which to notice the unsolicited response.
#[test]
fn an_answer_that_nobody_has_noticed_answers_nobody() {
    for method in ["GET", "POST"] {
        let (go, wait_to_go) = mpsc::channel();
        let (sent, wait_until_sent) = mpsc::channel();
        let (wait_to_go, sent) = (Mutex::new(wait_to_go), Mutex::new(sent));
        let server = Server::start(move |peer| {
            while peer.request().is_some() {
                if peer.number > 0 {
                    peer.answer("good");
                    continue;
                }
                peer.answer("first");
                wait_to_go.lock().unwrap().recv().unwrap();
                peer.answer("nobody asked");
                sent.lock().unwrap().send(()).unwrap();
            }
        });
        let mut world = World::new();
        assert_eq!(world.fetch(&server.url("/1")).unwrap().text(), "first");
        go.send(()).unwrap();
        wait_until_sent.recv().unwrap();
        let method = Method::new(method).unwrap();
        let call = world.client().request(method, &server.url("/2")).send().unwrap();
        assert_eq!(world.driver.fetch(call).unwrap().text(), "good");
        assert_eq!((server.accepted(), server.requests()), (2, 2));
    }
}

/// The server sends an unsolicited second response, in one segment with the first or later. It is
/// never taken for a response.
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
        // With this setting, idle connections are not probed before their reuse, but they are
        // watched.
        let pool = limits(|pool| pool.probe_after = Duration::from_secs(3600));
        let mut world = World::with(Driver::builder().pool(pool));
        assert_eq!(world.fetch(&server.url("/1")).unwrap().text(), "first");
        wait_until_sent.recv().unwrap();
        if method == "GET" {
            world.turn();
        }
        let method = Method::new(method).unwrap();
        let call = world.client().request(method, &server.url("/2")).body("x").send().unwrap();
        assert_eq!(world.driver.fetch(call).unwrap().text(), "good", "glued: {glued}");
        assert_eq!(server.accepted(), 2);
    }
}

/// The server closes the idle connection, then a request is made. It arrives exactly once: for a
/// GET and a POST, and whether the loop has had a turn or not.
#[test]
fn a_request_after_an_idle_close_arrives_exactly_once() {
    for (method, turn) in [("GET", true), ("GET", false), ("POST", true), ("POST", false)] {
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
        let mut world = World::new();
        world.fetch(&server.url("/")).unwrap();
        wait_until_closed.recv().unwrap();
        if turn {
            // The close is noticed before the next request, since the connection is watched.
            world.until(|world| world.stats().open == 0);
        }
        let method = Method::new(method).unwrap();
        let call = world.client().request(method, &server.url("/")).send().unwrap();
        let answer = world.driver.fetch(call).unwrap();
        assert!(!answer.reused());
        assert_eq!(answer.text(), "hi");
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
    let mut world = World::new();
    for _ in 0..2 {
        assert_eq!(world.fetch(&server.url("/")).unwrap().text(), "hi");
    }
    assert_eq!((server.requests(), server.accepted()), (3, 2));
    let call = world.client().post(&server.url("/")).body("x").send().unwrap();
    let error = world.driver.fetch(call).unwrap_err();
    assert!(matches!(cause(&error), Cause::Lost(_)), "{error}");
    assert_eq!(error.reached(), Reached::Sent);
    assert_eq!(server.requests(), 4);
}

#[test]
fn idle_connections_beyond_the_bound_are_closed() {
    let server = Server::answering("hello");
    let pool = limits(|pool| pool.idle_per_key_max = 1);
    let mut world = World::with(Driver::builder().pool(pool));
    let both = [world.get(&server.url("/")), world.get(&server.url("/"))];
    for call in both {
        assert_eq!(world.driver.fetch(call).unwrap().text(), "hello");
    }
    assert_eq!((server.accepted(), world.stats().open), (2, 1));
}

#[test]
fn an_idle_connection_is_closed_when_its_time_is_over() {
    let server = Server::answering("hello");
    let pool = limits(|pool| pool.idle_max = Duration::from_millis(1));
    let mut world = World::with(Driver::builder().pool(pool));
    world.fetch(&server.url("/")).unwrap();
    world.until(|world| world.stats().open == 0);
}
