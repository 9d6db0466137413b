//! Tests the protocol machine of one connection through its public interface.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[macro_use]
mod dialogue;
mod dialogues;
mod long_head;
mod sending;
