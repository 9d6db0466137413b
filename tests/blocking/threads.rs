//! Many threads, few connections.

use std::{collections::HashSet, thread};

use httpool_blocking::{Client, httpool::pool};

use crate::support::{Server, ok};

#[test]
fn sixteen_threads_share_four_connections_and_all_are_answered() {
    let server = Server::replying(|request| ok(request.target()));
    let mut limits = pool::Limits::default();
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
                        let conn = response.connection().unwrap();
                        assert_eq!(response.text().unwrap(), path);
                        conn
                    };
                    (0..50).map(get).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    // The server may have accepted more: a dial ends early when another connection serves its call.
    assert!(conns.len() <= 4);
    assert_eq!(server.requests(), 16 * 50);
    let stats = client.stats();
    assert_eq!((stats.open, stats.idle), (conns.len(), conns.len()));
    assert_eq!((stats.leased, stats.dialing, stats.waiting), (0, 0, 0));
}
