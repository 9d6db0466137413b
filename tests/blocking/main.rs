//! The blocking driver over real sockets, against a scripted server.

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod ends;
mod reuse;
