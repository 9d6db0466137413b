//! An HTTP/1.1 client with connection pools, as a sans-IO state machine.
//!
//! This crate makes every decision of an HTTP client and performs no I/O: it opens no socket, reads
//! no clock and draws no randomness. Events go in and actions come out. The same events give the
//! same actions, byte for byte. To send a request from a program, use a driver such as
//! `httpool-blocking`, whose module `guide` has the usual tasks. To embed the client in your own
//! event loop, use [`client::Client`].
//!
//! # The map
//!
//! Four state machines, each usable alone, and a fifth that combines them for an event loop. A
//! *dial* is the opening of one connection.
//!
//! | machine | what it decides | events in | actions out |
//! |---|---|---|---|
//! | [`call::Call`] | the course of one logical request: attempts, redirects, retries, deadlines | [its inputs](#the-inputs) | checkout, leave, rewind, restart, exchange, send body, wait, release, hand over, done, failed; interim, head, data, end |
//! | [`pool::Pool`] | which call may use which connection, and when to open another one | [its inputs](#the-inputs) | reuse, fresh, wait, failed; dial, abandon, wake, look up, close |
//! | [`dial::Dial`] | how to open one connection: name look-up, addresses, proxies, TLS | [its inputs](#the-inputs) | resolve, connect, abandon, exchange, start TLS, wait, ready, failed |
//! | [`h1::Connection`] | how to parse and write messages, and whether the connection is kept (RFC 9112) | bytes, end of stream | interim, head, data, end, need input; framing |
//! | [`client::Client`] | nothing: it passes events between the other four, for many calls, and keeps time | from the driver: resolve queued, resolving, resolved, resolve failed, looked up, connected, TLS up, bytes, written, end of stream, timeout; from the application: request, body ready, rewound, rewind failed, pause, resume, cancel, discard, close | resolve, look up, connect, refresh, abandon, start TLS, transmit, close, hand over, rewind, restart, failed; for each call interim, head, data, end |
//!
//! The other modules: [`message`] has requests, response heads and origins; [`time`], [`id`],
//! [`limits`] and [`error`] have the shared types; [`content`] decodes the bodies of responses;
//! [`download`] decides how a download resumes;
//! [`trace`] writes every event and action as a line of text; [`replay`] runs recorded lines
//! through the machines again.
//!
//! Modules depend on lower ones only: first `time`, `id`, `message`; then `content`, `h1`, `trace`;
//! then `pool`, `dial`, which do not use each other (`dial` uses `h1` to speak to a proxy); then
//! `call`; then `client`, `download`, `replay`.
//!
//! # The inputs
//!
//! Each input has one text, with which it stands in a [`trace`] and in a recording. Each machine
//! defines its inputs in one table of its source, from which the text, its parser and the
//! [`replay`] follow.
//!
//! | machine | input | method |
//! |---|---|---|
//! | call | `dialing true` | [`dialing`](call::Call::dialing): a connection is being opened for it, or no longer |
//! | | `opens c0.0` | [`opens`](call::Call::opens): the connection that is being opened for it. Decides nothing |
//! | | `lent c0.0` | [`lent`](call::Call::lent): the connection on which the next attempt begins. Decides nothing |
//! | | `leased reused` | [`start`](call::Call::start): it has a connection, `fresh` or `reused`. A recording has the properties of the connection before it, in `connection spent=false ...` |
//! | | `lease-failed Dial(Name)` | [`lease_failed`](call::Call::lease_failed): the pool has no connection for it |
//! | | `left` | [`left`](call::Call::left): its ticket is cancelled, because no connection was opened in time |
//! | | `written 34` | [`written`](call::Call::written): so many bytes have left |
//! | | `write-failed Reset` | [`write_failed`](call::Call::write_failed) |
//! | | `bytes 60` | [`receive`](call::Call::receive): so many bytes were presented. A recording has those of them that are new behind the number |
//! | | `eof clean` | [`receive_eof`](call::Call::receive_eof): the peer has ended its side, `clean` or `broken`, or TLS has failed, as in `tls+ClientCertificateRefused` |
//! | | `body 9 last` | [`send_body`](call::Call::send_body): a piece of the body, with `more` or as the `last` |
//! | | `body-failed` | [`body_failed`](call::Call::body_failed): the source of the body has failed |
//! | | `rewound`, `rewind-failed` | [`rewound`](call::Call::rewound), [`rewind_failed`](call::Call::rewind_failed): the source was set back, or cannot be |
//! | | `restarted` | [`restarted`](call::Call::restarted): the reader has forgotten the response so far |
//! | | `body-used` | [`body_used`](call::Call::body_used): the reader has decoded the whole body of the response |
//! | | `body-unusable gzip+Data+12` | [`body_unusable`](call::Call::body_unusable): it cannot be decoded (the coding, the kind of error, the byte), or is longer than a limit (`too-long+1000`) |
//! | | `pause`, `resume` | [`pause`](call::Call::pause), [`resume`](call::Call::resume): the application stops reading, or goes on |
//! | | `discard`, `cancel` | [`discard`](call::Call::discard), [`cancel`](call::Call::cancel): the application does not want the rest, or anything |
//! | | `timeout stall` | [`handle_timeout`](call::Call::handle_timeout), with the [deadline](time::Deadline) that has passed |
//! | | `released 0` | [`released`](call::Call::released): the connection is given back, with so many bytes of input that were not taken |
//! | pool | `checkout 0 repeatable` | [`checkout`](pool::Pool::checkout), with the number of the key and the [properties wanted](pool::Want). `key 0 ...` gives the number before its first use |
//! | | `claim t0.0`, `cancel t0.0` | [`claim`](pool::Pool::claim), [`cancel`](pool::Pool::cancel) |
//! | | `checkin c0.0 keep` | [`checkin`](pool::Pool::checkin), to `keep` the connection or `discard` it |
//! | | `connected c0.0`, `dialed c0.0` | [`dial_connected`](pool::Pool::dial_connected), [`dialed`](pool::Pool::dialed) |
//! | | `peer c0.0 192.0.2.1` | [`dial_peer`](pool::Pool::dial_peer): the address that a dial has reached. Only if names are looked up again |
//! | | `looked-up l0.0 192.0.2.1:80` | [`looked_up`](pool::Pool::looked_up): the addresses that the name of a key has now; `-` without one |
//! | | `dial-failed c0.0 Name`, `dial-abandoned c0.0` | [`dial_failed`](pool::Pool::dial_failed), [`dial_abandoned`](pool::Pool::dial_abandoned) |
//! | | `lost c0.0` | [`idle_lost`](pool::Pool::idle_lost) |
//! | | `dead c0.0` | [`checkin_dead`](pool::Pool::checkin_dead): the probe has found it dead |
//! | | `watch 0`, `unwatch 0` | [`watch`](pool::Pool::watch), [`unwatch`](pool::Pool::unwatch): the counts of a key are kept |
//! | | `close-key 0`, `retire` | [`close_key`](pool::Pool::close_key), [`retire`](pool::Pool::retire) |
//! | | `timeout`, `close` | [`handle_timeout`](pool::Pool::handle_timeout), [`close`](pool::Pool::close) |
//! | dial | `needed-by 60.000000000` | [`needed_by`](dial::Dial::needed_by): when the waiting call gives up, or `none` |
//! | | `resolving`, `resolve-queued` | [`resolving`](dial::Dial::resolving), [`resolve_queued`](dial::Dial::resolve_queued) |
//! | | `resolved 192.0.2.1:80,[2001:db8::1]:80` | [`resolved`](dial::Dial::resolved); `-` without an address |
//! | | `resolve-failed NotFound` | [`resolve_failed`](dial::Dial::resolve_failed) |
//! | | `connecting 0`, `connected 0` | [`connecting`](dial::Dial::connecting), [`connected`](dial::Dial::connected), with the number of the attempt |
//! | | `connect-failed 0 Refused`, `abandoned 0` | [`connect_failed`](dial::Dial::connect_failed), [`abandoned`](dial::Dial::abandoned) |
//! | | `writable` | [`poll_transmit`](dial::Dial::poll_transmit) has handed out bytes for a proxy |
//! | | `received 20` | [`receive`](dial::Dial::receive): so many bytes of a proxy were presented, as in `bytes` |
//! | | `tls-up TLSv1.3 X25519 full verified`, `tls-failed Expired` | [`tls_up`](dial::Dial::tls_up), with the words that describe the session, [`tls_failed`](dial::Dial::tls_failed) |
//! | | `lost Eof` | [`lost`](dial::Dial::lost) |
//! | | `timeout` | [`handle_timeout`](dial::Dial::handle_timeout) |
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
pub mod download;
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
