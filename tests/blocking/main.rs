//! The blocking driver over real sockets, against a scripted server.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod ends;
mod reuse;
