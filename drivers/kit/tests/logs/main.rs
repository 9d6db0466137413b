//! Tests the reports of both drivers to `log` and to `tracing`, over real sockets. The features
//! `log` and `tracing` choose; without them there is nothing to test.

#![cfg(any(feature = "log", feature = "tracing"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg_attr(feature = "tracing", path = "tracing.rs")]
#[cfg_attr(not(feature = "tracing"), path = "log.rs")]
mod captured;
mod drivers;
#[cfg(all(feature = "log", feature = "tracing"))]
#[path = "log.rs"]
mod silent;
#[path = "../../../../tests/support/mod.rs"]
mod support;

mod calls;
mod secrets;
