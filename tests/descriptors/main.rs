//! What both drivers do when the process has no descriptor for one more connection. In a program of
//! its own, because the limit is the process's; the servers are another process, so that they do
//! not share it.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blocking;
mod mio;
mod scarce;
mod servers;
