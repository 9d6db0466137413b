//! The proof of [`httpool`]: its machines in virtual time, driven by seeds and scripts instead of
//! sockets.
//!
//! - [`world`] has a clock, a network, names, scripted servers and applications, all from one seed,
//!   and an oracle that judges every call. A world takes a fraction of a millisecond. Programs test
//!   their own retry policies in it.
//! - [`property`] holds what is true for any script: what fuzzers and property tests run, and what
//!   whoever writes an event loop of their own can hold it to.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod property;
pub mod world;
