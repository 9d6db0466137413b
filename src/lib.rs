//! An HTTP/1.1 client with connection pools as a pure, sans-IO state machine.
//!
//! This crate makes every decision that an HTTP client makes and performs none: it opens no socket,
//! reads no clock and draws no randomness, and being `no_std` it could not. Events go in, actions
//! come out, and the same events give the same actions, byte for byte. Who wants to send a request
//! from a program takes a driver, such as `httpool-blocking`; who has an event loop of their own
//! embeds the machines.
//!
//! # The map
//!
//! Four machines, each useful alone, and one that composes them for an event loop:
//!
//! | machine | what it decides | events in | actions out |
//! |---|---|---|---|
//! | [`call::Call`] | one logical request: attempts, redirects, retries, deadlines | dialing, leased, lease failed, written, write failed, bytes, end of stream, rewound, body failed, pause, timeout, cancel | checkout, rewind, exchange, send body, wait, release, hand over, done, failed; interim, head, data, end |
//! | [`pool::Pool`] | who may use which connection | checkout, claim, checkin, dialed, dial failed, dial abandoned, cancel, idle lost, timeout, close | reuse, fresh, wait, failed; dial, abandon, wake, close |
//! | [`dial::Dial`] | one connection's way from a key to ready | needed by, resolving, resolve queued, resolved, resolve failed, connected, connect failed, bytes, TLS up, TLS failed, lost, timeout | resolve, connect, abandon, exchange, start TLS, wait, ready, failed |
//! | [`h1::Connection`] | bytes to messages and back (RFC 9112) | bytes, end of stream | interim, head, data, end, need input; framing |
//! | [`client::Client`] | nothing: it routes between the other four, for many calls, and keeps time | the driver's: resolve queued, resolving, resolved, resolve failed, connected, TLS up, bytes, written, end of stream, timeout; the application's: request, body ready, rewound, pause, cancel, discard, close | resolve, connect, refresh, abandon, start TLS, transmit, close, hand over, rewind, failed; of each call interim, head, data, end |
//!
//! What they speak of: [`message`] (requests, heads, origins), [`time`], [`id`], [`limits`],
//! [`error`], and [`trace`], which is every event and action as a line of text. What was recorded so,
//! [`replay`] feeds to the machines again.
//!
//! Modules depend downwards only: `time`, `id`, `message`; then `h1`, `trace`; then `pool`, `dial`,
//! which do not know each other (but `dial` speaks to a proxy through `h1`); then `call`; then
//! `client`, and `replay`.
//!
//! # How a driver puts them together
//!
//! An event loop has a [`client::Client`], whose docs say how. A driver with a thread for each call
//! composes the four itself: it asks [`Call::next`](call::Call::next) and does what that says.
//! Questions are level-triggered: asked twice they give the same answer. What is to be done once is
//! drained from the pool with [`poll_action`](pool::Pool::poll_action). Deadlines are asked for with
//! `poll_timeout`, which says what they are for, and told with `handle_timeout`. Stale ids are ignored
//! everywhere.

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
