//! Runs the load of the stress example in a small size, with the server on a thread. No call is
//! lost or ends twice.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../examples/stress/load.rs"]
mod load;
#[path = "../examples/stress/server.rs"]
mod server;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
};

use server::{Script, Server};

const CONNECTIONS: usize = 200;
const ADDRESSES: u8 = 4;
const REQUESTS: usize = 5_000;

/// Runs a server on a thread while `test` runs.
fn beside(resets: Option<u64>, test: impl FnOnce(&[SocketAddr])) {
    let hold = CONNECTIONS / usize::from(ADDRESSES);
    let mut server = Server::new(Script { addresses: ADDRESSES, hold, resets }).unwrap();
    let addresses = server.addresses().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let seen = over.clone();
    let serving = thread::spawn(move || server.run(|| seen.load(SeqCst)));
    test(&addresses);
    over.store(true, SeqCst);
    serving.join().unwrap().unwrap();
}

#[test]
fn many_connections_lose_no_call() {
    beside(None, |addresses| {
        let mut driver = load::driver(CONNECTIONS, addresses.len()).unwrap();
        let opened = load::open_all(&mut driver, addresses, CONNECTIONS).unwrap();
        assert_eq!((opened.ended, opened.failed, opened.wrong), (CONNECTIONS, 0, 0));
        assert_eq!(driver.client().stats().idle, CONNECTIONS);
        let sent = load::send(&mut driver, addresses, REQUESTS, 2 * CONNECTIONS).unwrap();
        assert_eq!((sent.ended, sent.failed, sent.wrong), (REQUESTS, 0, 0));
        assert_eq!(driver.client().stats().open, CONNECTIONS);
    });
}

#[test]
fn resets_end_each_call_once() {
    for seed in 1..=5 {
        beside(Some(seed), |addresses| {
            let mut driver = load::driver(CONNECTIONS, addresses.len()).unwrap();
            load::open_all(&mut driver, addresses, CONNECTIONS).unwrap();
            let sent = load::send(&mut driver, addresses, REQUESTS, 2 * CONNECTIONS).unwrap();
            assert_eq!((sent.ended + sent.failed, sent.wrong), (REQUESTS, 0));
            assert!(sent.failed > 0, "some reset hit a response");
            let stats = driver.client().stats();
            assert_eq!((stats.leased, stats.dialing, stats.waiting), (0, 0, 0));
        });
    }
}
