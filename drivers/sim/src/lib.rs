//! Tests [`httpool`]'s machines in virtual time, by seeds and scripts instead of sockets.
//!
//! - [`world`] simulates a clock, a network, name look-ups, servers and applications, all from one
//!   seed. An oracle checks every call. A world takes a fraction of a millisecond. Programs can
//!   test their own retry policies in it.
//! - [`layer`] holds a small cipher that stands for TLS: a session between the socket and HTTP.
//! - [`property`] holds rules that are true for any script of events. Fuzzers and property tests
//!   run them, and authors of an event loop of their own can test it with them.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod layer;
pub mod property;
pub mod world;
