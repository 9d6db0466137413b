//! A load of 22,000 calls over eight connections, on each driver, against a server that adds responses
//! that nobody asked for: of all sizes, in the segment that ends the response before, in one of their
//! own right behind it, while the connection is idle, and when the next request has arrived. No call
//! may be given one of them, or another call's response, except where that came after the client had
//! looked at the connection for the last time: no client of HTTP/1.1 can tell those, and the test
//! counts them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod blocking;
mod ledger;
mod mio;
mod server;

use std::sync::Arc;

use httpool::pool;

use ledger::Ledger;

/// Calls that all threads make, or so many at a time; and then calls that a few make, so that
/// connections are idle for longer.
const BUSY: usize = 20_000;
const THREADS: usize = 16;
const CALLS: usize = 22_000;
const FEW: usize = 4;
const CONNECTIONS: usize = 8;

/// At most eight connections.
fn narrow() -> pool::Limits {
    let mut limits = pool::Limits::default();
    limits.open_per_key_max = CONNECTIONS;
    limits
}

#[test]
fn sixteen_threads_get_no_response_that_was_there_before_they_asked() {
    let ledger = Arc::new(Ledger::new());
    blocking::load(&ledger, &server::start(&ledger));
    ledger.judge("blocking");
}

#[test]
fn an_event_loop_gets_no_response_that_was_there_before_it_asked() {
    let ledger = Arc::new(Ledger::new());
    mio::load(&ledger, &server::start(&ledger));
    ledger.judge("mio");
}
