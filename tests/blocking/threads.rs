//! Tests many threads with few connections.

use std::{collections::HashSet, sync::Barrier, thread};

use httpool_blocking::{
    Cancel, Client, PoolLimits,
    httpool::error::{Cause, Unavailable},
};

use crate::{
    cause,
    support::{Peer, Server, ok, until},
};

#[test]
fn sixteen_threads_share_four_connections_and_all_are_answered() {
    let server = Server::replying(|request| ok(request.target()));
    let mut limits = PoolLimits::default();
    limits.open_per_key_max = 4;
    let client = Client::builder().pool(limits).build();
    let conns: HashSet<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|thread| {
                let (client, server) = (&client, &server);
                scope.spawn(move || {
                    let get = |number| {
                        let path = format!("/{thread}/{number}");
                        let response = client.get(&server.url(&path)).send().unwrap();
                        let conn = response.connection();
                        assert_eq!(response.text().unwrap(), path);
                        conn
                    };
                    (0..50).map(get).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(conns.len() <= 4);
    // Also counts connections whose thread was served by a returned one first.
    assert!(server.accepted() <= 4, "{} connections", server.accepted());
    assert_eq!(server.requests(), 16 * 50);
    let stats = client.stats();
    assert_eq!((stats.open, stats.idle), (conns.len(), conns.len()));
    assert_eq!((stats.leased, stats.dialing, stats.waiting), (0, 0, 0));
}

/// A returned connection can make a dial superfluous. Such a dial is not begun, or its connection
/// is used: there are never more connections than concurrent calls.
#[test]
fn sixteen_threads_open_sixteen_connections_at_most() {
    for _ in 0..5 {
        let (server, client) = (Server::answering("hello"), Client::new());
        let request = client.get(&server.url("/")).build().unwrap();
        let start = Barrier::new(16);
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..1_000 {
                        assert_eq!(client.send(&request).unwrap().bytes().unwrap(), b"hello");
                    }
                });
            }
        });
        assert_eq!(server.requests(), 16 * 1_000);
        assert!(server.accepted() <= 16, "{} connections", server.accepted());
        let stats = client.stats();
        assert_eq!((stats.open, stats.idle), (server.accepted(), server.accepted()));
    }
}

/// One origin does not answer. Its calls fill the line of their key, but not that of other origins.
/// A call that need not wait is not refused although the line is full.
#[test]
fn a_silent_origin_does_not_fill_the_line_for_others() {
    let (silent, server) = (Server::start(Peer::until_closed), Server::answering("hello"));
    let mut limits = PoolLimits::default();
    limits.open_per_key_max = 1;
    limits.waiting_max = 2;
    limits.waiting_per_key_max = 2;
    let client = Client::builder().pool(limits).build();
    let cancel = Cancel::new();
    thread::scope(|scope| {
        let call = || {
            scope.spawn(|| client.get(&silent.url("/")).cancel(&cancel).send().unwrap_err());
        };
        call();
        until(|| client.stats().leased == 1);
        call();
        call();
        until(|| client.stats().waiting == 2);
        let error = client.get(&silent.url("/")).send().unwrap_err();
        assert_eq!(cause(&error), Cause::Unavailable(Unavailable::KeyLineFull), "{error}");
        assert_eq!(client.get(&server.url("/")).send().unwrap().text().unwrap(), "hello");
        cancel.cancel();
    });
}
