//! Tests both drivers when the process has no descriptor for another connection. The test is a
//! program of its own, because the limit is the process's. Its servers run in another process, so
//! that they do not share the limit.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blocking;
mod mio;
mod scarce;
mod servers;
