//! Tests [`httpool`] in virtual time, by seeds instead of sockets.
//!
//! - [`world`] simulates a clock, a network, name look-ups, servers and applications, all from one
//!   seed. An oracle checks every call. A world takes a fraction of a millisecond. Programs can
//!   test their own retry policies in it.
//! - [`layer`] holds a small cipher that stands for TLS: a session between the socket and HTTP.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod layer;
pub mod world;
