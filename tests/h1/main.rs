//! The protocol machine of one connection, from outside.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[macro_use]
mod dialogue;
mod dialogues;
mod long_head;
mod sending;
