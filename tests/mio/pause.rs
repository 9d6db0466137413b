//! Tests backpressure: a reader that pauses holds the server back, and stops its own stall clock.

use std::{
    io::{ErrorKind, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use httpool_mio::{
    Driver,
    httpool::{call::Policy, client::Waiting, error::Cause, time::Deadline},
    mio::Events,
};

use crate::{World, cause, support::Server};

const LARGE: usize = 64 * 1024 * 1024;

/// Answers with a large body, and reports when a write found no room.
fn large() -> (Server, Arc<AtomicUsize>, Arc<AtomicBool>) {
    let (sent, full) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (counted, said) = (sent.clone(), full.clone());
    let server = Server::start(move |peer| {
        peer.request();
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n"));
        peer.tcp.set_nonblocking(true).unwrap();
        let piece = vec![7; 1024 * 1024];
        while counted.load(SeqCst) < LARGE {
            let len = piece.len().min(LARGE - counted.load(SeqCst));
            match peer.tcp.write(&piece[..len]) {
                Ok(written) => {
                    counted.fetch_add(written, SeqCst);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    said.store(true, SeqCst);
                    thread::yield_now();
                }
                Err(_) => return,
            }
        }
        peer.tcp.set_nonblocking(false).unwrap();
        peer.until_closed();
    });
    (server, sent, full)
}

#[test]
fn a_paused_response_holds_its_server_back_and_comes_whole_after() {
    let (server, sent, full) = large();
    let mut world = World::new();
    let call = world.get(&server.url("/"));
    world.until(|world| !world.body.is_empty());
    for _ in 0..3 {
        world.client().pause(call);
        let had = world.body.len();
        full.store(false, SeqCst);
        // The paused socket is always readable, but is not read. In the end the server finds no
        // room.
        world.until(|_| full.load(SeqCst));
        for _ in 0..10 {
            world.turn();
        }
        assert_eq!(world.body.len(), had);
        assert!(sent.load(SeqCst) < LARGE);
        assert_eq!(world.client().why(call), Some(Waiting::Reader));
        world.client().resume(call);
        world.turn();
        // More input is there, but a connection reads only its share in a turn.
        let came = world.body.len() - had;
        assert!(came > 0 && came <= 512 * 1024, "{came} bytes in one turn");
    }
    world.until_told("end");
    assert_eq!(world.body.len(), LARGE);
    assert_eq!((world.stats().idle, server.accepted()), (1, 1));
}

/// While the reader is paused, input that was read already is not reported, not even the end.
#[test]
fn nothing_is_told_while_a_reader_is_paused() {
    let server = Server::answering("hello");
    let mut driver = Driver::new().unwrap();
    let mut events = Events::with_capacity(8);
    let call = driver.client().get(&server.url("/")).send().unwrap();
    let mut told = Vec::new();
    while told.len() < 3 {
        let paused = told.len();
        driver
            .turn(&mut events, None, |client, output| {
                // Head, data and end come in one piece. The closure pauses at each.
                client.pause(call);
                told.push(output.call());
            })
            .unwrap();
        assert!(told.len() <= paused + 1, "one at a time");
        driver.client().resume(call);
    }
    assert_eq!(driver.client().calls(), 0);
    assert_eq!(driver.client().stats().idle, 1);
}

/// The stall clock stands still while the reader pauses, for any time.
#[test]
fn no_clock_runs_for_a_reader_that_is_paused() {
    let server = Server::start(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
        peer.until_closed();
    });
    let stall = Duration::from_millis(30);
    let mut policy = Policy::default();
    policy.timeout.stall = Some(stall);
    let mut world = World::with(Driver::builder().policy(policy));
    let call = world.get(&server.url("/"));
    world.until(|world| world.body == b"half");
    world.client().pause(call);
    let paused = Instant::now();
    world.until(|_| paused.elapsed() > 3 * stall);
    assert_eq!(world.told, ["head 200"]);
    world.client().resume(call);
    world.until_told("failed");
    assert_eq!(cause(&world.errors[0]), Cause::Timeout(Deadline::Stall));
}
