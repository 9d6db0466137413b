//! The proof of [`httpool`]: its machines driven by scripts instead of sockets.
//!
//! [`property`] holds what is true for any script: what fuzzers and property tests run, and what
//! whoever writes an event loop of their own can hold it to.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod property;
