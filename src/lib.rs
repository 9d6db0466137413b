//! An HTTP/1.1 client with connection pools, as a sans-IO state machine.
//!
//! This crate makes every decision of an HTTP client and performs no I/O: it opens no socket, reads
//! no clock and draws no randomness. Events go in and actions come out. The same events give the
//! same actions, byte for byte. To send a request from a program, use a driver such as
//! `httpool-blocking`. To embed the client in your own event loop, use [`client::Client`].
//!
//! # The map
//!
//! Four state machines, each usable alone, and a fifth that combines them for an event loop. A
//! *dial* is the opening of one connection.
//!
//! | machine | what it decides | events in | actions out |
//! |---|---|---|---|
//! | [`call::Call`] | the course of one logical request: attempts, redirects, retries, deadlines | dialing, leased, lease failed, written, write failed, bytes, end of stream, rewound, body failed, pause, timeout, cancel | checkout, rewind, exchange, send body, wait, release, hand over, done, failed; interim, head, data, end |
//! | [`pool::Pool`] | which call may use which connection, and when to open another one | checkout, claim, checkin, dialed, dial failed, dial abandoned, cancel, idle lost, timeout, close | reuse, fresh, wait, failed; dial, abandon, wake, close |
//! | [`dial::Dial`] | how to open one connection: name look-up, addresses, proxies, TLS | needed by, resolving, resolve queued, resolved, resolve failed, connected, connect failed, bytes, TLS up, TLS failed, lost, timeout | resolve, connect, abandon, exchange, start TLS, wait, ready, failed |
//! | [`h1::Connection`] | how to parse and write messages, and whether the connection is kept (RFC 9112) | bytes, end of stream | interim, head, data, end, need input; framing |
//! | [`client::Client`] | nothing: it passes events between the other four, for many calls, and keeps time | from the driver: resolve queued, resolving, resolved, resolve failed, connected, TLS up, bytes, written, end of stream, timeout; from the application: request, body ready, rewound, pause, cancel, discard, close | resolve, connect, refresh, abandon, start TLS, transmit, close, hand over, rewind, failed; for each call interim, head, data, end |
//!
//! The other modules: [`message`] has requests, response heads and origins; [`time`], [`id`],
//! [`limits`] and [`error`] have the shared types; [`content`] decodes the bodies of responses;
//! [`trace`] writes every event and action as a line of text; [`replay`] runs recorded lines
//! through the machines again.
//!
//! Modules depend on lower ones only: first `time`, `id`, `message`; then `content`, `h1`, `trace`;
//! then `pool`, `dial`, which do not use each other (`dial` uses `h1` to speak to a proxy); then
//! `call`; then `client`, `replay`.
//!
//! # How a driver puts them together
//!
//! A driver with an event loop owns a [`client::Client`], whose docs describe the loop. A driver
//! with a thread for each call combines the four machines itself: it asks
//! [`Call::next`](call::Call::next) for the next step and performs it. `next` is level-triggered:
//! asked twice, it gives the same answer. Actions to perform once are drained from the pool with
//! [`poll_action`](pool::Pool::poll_action). `poll_timeout` returns the next deadline and its kind;
//! the driver calls `handle_timeout` once it has passed. Stale ids are ignored everywhere.

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(
    clippy::std_instead_of_core,
    clippy::alloc_instead_of_core,
    clippy::wildcard_enum_match_arm
)]

extern crate alloc;

pub mod call;
pub mod client;
pub mod content;
pub mod dial;
pub mod error;
pub mod h1;
pub mod id;
pub mod limits;
pub mod message;
#[cfg(not(httpool_mutations))]
mod mutation;
#[cfg(httpool_mutations)]
pub mod mutation;
pub mod pool;
pub mod replay;
mod setters;
pub mod time;
pub mod trace;
