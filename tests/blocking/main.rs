//! The blocking driver against scripted servers, over real sockets.

#[path = "../support/mod.rs"]
mod support;

mod abandon;
mod close;
mod deadlines;
mod messages;
mod stale;
mod threads;
mod upload;

use httpool_blocking::{
    Client, Error,
    httpool::{error::Cause, limits::PoolLimits},
};

/// A client with one connection per origin.
fn narrow() -> Client {
    let mut limits = PoolLimits::default();
    limits.open_per_key_max = 1;
    Client::builder().pool(limits).build()
}

/// A client that looks at an idle connection before it uses it, however short it was idle.
fn probing() -> Client {
    let mut limits = PoolLimits::default();
    limits.probe_after = std::time::Duration::ZERO;
    Client::builder().pool(limits).build()
}

fn cause(error: &Error) -> Cause {
    error.as_failure().unwrap().cause
}
