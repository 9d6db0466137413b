//! Makes 20,000 calls over eight connections with each driver. The server adds unsolicited
//! responses of all sizes: in the segment that ends a response, in one of their own directly after
//! it, while the connection is idle, and when the next request has arrived. No call may get one of
//! them, or another call's response. The exception is a response that came after the client had
//! probed the connection: no HTTP/1.1 client can recognise those, and the test counts them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod blocking;
mod ledger;
mod mio;
mod server;

use std::{ops::Range, sync::Arc};

use httpool::limits::PoolLimits;

use ledger::Ledger;

const CALLS: usize = 20_000;
/// Between two rounds all connections are idle.
const ROUNDS: usize = 10;
const THREADS: usize = 16;
const CONNECTIONS: usize = 8;

/// Returns the calls of each round.
fn rounds() -> impl Iterator<Item = Range<usize>> {
    (0..ROUNDS).map(|round| CALLS / ROUNDS * round..CALLS / ROUNDS * (round + 1))
}

/// Limits the connections to eight.
fn narrow() -> PoolLimits {
    let mut limits = PoolLimits::default();
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
