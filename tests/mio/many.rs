//! Tests many concurrent calls.

use std::{
    hint::black_box,
    io::Write,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use httpool_mio::{
    Driver, Output,
    httpool::error::{Cause, Unavailable},
};

use crate::{
    World, cause, limits,
    support::{Peer, Server, ok},
};

#[test]
fn sixty_four_calls_share_the_connections_there_are() {
    for most in [1, 7, 64] {
        let server = Server::replying(|request| ok(request.target()));
        let pool = limits(|pool| pool.open_per_key_max = most);
        let mut world = World::with(Driver::builder().pool(pool));
        let calls: Vec<_> =
            (0..64).map(|n| (n, world.get(&server.url(&format!("/{n}"))))).collect();
        for (n, call) in calls {
            assert_eq!(world.driver.fetch(call).unwrap().text(), format!("/{n}"));
        }
        assert!(server.accepted() <= most);
        assert_eq!(server.requests(), 64);
        assert_eq!(world.stats().waiting, 0);
    }
}

/// No call is answered before all requests have arrived.
#[test]
fn sixty_four_calls_are_under_way_together() {
    let all = Arc::new(Barrier::new(64));
    let server = Server::start(move |peer| {
        let request = peer.request().unwrap();
        all.wait();
        peer.answer(request.target());
        peer.until_closed();
    });
    let mut world = World::new();
    let calls: Vec<_> = (0..64).map(|n| (n, world.get(&server.url(&format!("/{n}"))))).collect();
    for (n, call) in calls {
        assert_eq!(world.driver.fetch(call).unwrap().text(), format!("/{n}"));
    }
    assert_eq!((server.accepted(), world.stats().leased), (64, 0));
}

/// One connection is always ready, and its response never ends. It does not keep the other calls
/// from ending.
#[test]
fn an_endless_response_leaves_the_others_their_turn() {
    let over = Arc::new(AtomicBool::new(false));
    let seen = over.clone();
    let server = Server::start(move |peer| {
        while let Some(request) = peer.request() {
            if request.target() != "/endless" {
                peer.answer("short");
                continue;
            }
            peer.send("HTTP/1.1 200 OK\r\n\r\n");
            let piece = vec![7; 1 << 20];
            while !seen.load(SeqCst) && peer.tcp.write_all(&piece).is_ok() {}
        }
    });
    let mut driver = Driver::new().unwrap();
    let endless = driver.client().get(&server.url("/endless")).send().unwrap();
    let (mut ended, mut failed) = (0, 0);
    driver
        .run(|client, output| match output {
            Output::Head(call, _) if call == endless => {
                for _ in 0..3 {
                    client.get(&server.url("/")).send().unwrap();
                }
            }
            // Reads more slowly than the server writes, so that the socket is always readable.
            Output::Data(_, data) => data.iter().for_each(|byte| _ = black_box(byte)),
            Output::End(..) => {
                ended += 1;
                match ended {
                    // Makes calls one after another, each of which takes several turns.
                    1..100 => {
                        client.get(&server.url("/")).send().unwrap();
                    }
                    _ if client.calls() <= 2 => client.cancel(endless),
                    _ => {}
                }
            }
            Output::Failed(..) => failed += 1,
            _ => {}
        })
        .unwrap();
    over.store(true, SeqCst);
    assert_eq!((ended, failed), (102, 0));
}

/// The closure makes the next call when a response ends. All calls use one connection, which is
/// free by then.
#[test]
fn a_chain_of_calls_keeps_to_one_connection() {
    let server = Server::answering("hello");
    let mut driver = Driver::new().unwrap();
    let mut left = 200;
    driver.client().get(&server.url("/")).send().unwrap();
    driver
        .run(|client, output| {
            if let Output::End(..) = output {
                left -= 1;
                if left > 0 {
                    client.get(&server.url("/")).send().unwrap();
                }
            }
        })
        .unwrap();
    assert_eq!((left, server.accepted(), server.requests()), (0, 1, 200));
}

/// One origin does not answer. Its calls fill the line of their key, but not that of other origins.
/// A call that need not wait is not refused although the line is full.
#[test]
fn a_silent_origin_does_not_fill_the_line_for_others() {
    let silent = Server::start(Peer::until_closed);
    let servers = [Server::answering("hello"), Server::answering("hello")];
    let pool = limits(|pool| {
        pool.open_per_key_max = 1;
        pool.waiting_max = 3;
        pool.waiting_per_key_max = 2;
    });
    let mut world = World::with(Driver::builder().pool(pool));
    world.get(&silent.url("/"));
    world.until(|world| world.stats().leased == 1);
    let waiting: Vec<_> = (0..2).map(|_| world.get(&silent.url("/"))).collect();
    let error = world.fetch(&silent.url("/")).unwrap_err();
    assert_eq!(cause(&error), Cause::Unavailable(Unavailable::KeyLineFull), "{error}");

    // The other origin's first call gets a dial. Its second call would have to wait.
    let first = world.get(&servers[0].url("/"));
    assert_eq!(world.stats().waiting, 3);
    let error = world.fetch(&servers[0].url("/")).unwrap_err();
    assert_eq!(cause(&error), Cause::Unavailable(Unavailable::LineFull), "{error}");
    assert_eq!(world.fetch(&servers[1].url("/")).unwrap().text(), "hello");
    assert_eq!(world.driver.fetch(first).unwrap().text(), "hello");
    waiting.into_iter().for_each(|call| world.client().cancel(call));
}
