//! Tests the blocking driver over real sockets, against a scripted server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod abandon;
mod again;
mod bodies;
mod close;
mod content;
mod dialing;
mod download;
mod early;
mod ends;
mod errors;
mod expect;
mod files;
mod forms;
mod layers;
mod messages;
mod moving;
mod parity;
mod parity_proxies;
mod pending;
mod preload;
mod proxies;
mod response;
mod reuse;
mod signals;
mod slow;
mod slow_reader;
mod threads;
mod timings;
#[cfg(all(unix, not(httpool_std_only)))]
mod unix;
mod unwind;
mod urllib3;

use httpool_blocking::{Client, Error, PoolLimits, httpool::error::Cause};

/// Returns a client with one connection per origin.
fn narrow() -> Client {
    let mut limits = PoolLimits::default();
    limits.open_per_key_max = 1;
    Client::builder().pool(limits).build()
}

fn cause(error: &Error) -> Cause {
    error.as_failure().unwrap().cause
}
