//! A seeded world for httpool: the core's machines, driven in virtual time over a network that is
//! not there.
//!
//! [`world`] has a clock, a network, names, scripted servers and applications, all from one seed,
//! and an oracle that judges every call. A world takes a fraction of a millisecond.

#![forbid(unsafe_code)]

pub mod world;
