//! One logical request: its attempts, its redirects, its deadlines.
//!
//! A [`Call`] is asked what is [`next`](Call::next) and told what happened. It never touches a
//! socket, and it names the few things that a driver must do:
//!
//! ```text
//!           ┌────────────────────────── again ──────────────────────────┐
//!           ▼                                                            │
//!  new ─▶ Checkout ──start──▶ Exchange, SendBody ──end, failure──▶ Release ──▶ Done, Failed
//!           ▲                        │                               │
//!           │                        └──101, CONNECT──▶ HandOver     ▼
//!           └───── Rewind ◀─────────────────────────────────────── Wait
//! ```
//!
//! | next | the driver does | and answers with |
//! |---|---|---|
//! | `Checkout` | gets a connection to [`key`](Call::key) from the pool | `start`, `lease_failed`; meanwhile `dialing` |
//! | `Exchange` | writes what was appended, reads | `written`, `write_failed`, `receive`, `receive_eof` |
//! | `SendBody` | as `Exchange`, and may send a piece of body | `send_body`, `body_failed` |
//! | `Release` | gives the connection back | `released` |
//! | `Wait` | waits for [`poll_timeout`](Call::poll_timeout) | `handle_timeout` |
//! | `Rewind` | takes the body back to its start | `rewound` |
//! | `HandOver` | gives the socket to the application | |
//! | `Done`, `Failed` | tells the application | |
//!
//! # Deadlines
//!
//! | deadline | runs | begins again with |
//! |---|---|---|
//! | `queue` | in line, but not while a dial runs for the call | each attempt |
//! | `write` | while bytes of the request wait to be written | bytes that left |
//! | `continue` | while the body waits for a 100 (Continue) | nothing |
//! | `first-byte` | from the request's end to the end of the final head | nothing: neither 1xx responses nor pieces of a head |
//! | `stall` | from the head to the end of the body, while the application reads | bytes of the body |
//! | `rate` | as `stall` | as many bytes of the body as [`MinRate`] asks for |
//! | `drain` | while a body that nobody wants is read | nothing |
//! | `backoff` | between attempts, and before a redirect with Retry-After is followed | nothing |
//! | `total` | from the beginning to the end | nothing |
//!
//! Bytes of the body are those that the application is given. Chunk sizes, chunk extensions, leading
//! zeros, line ends and trailers are none. The passing of `continue`, `backoff` and `drain` is no
//! error.
//!
//! # Retry-After
//!
//! Where [`Retry::respect_retry_after`] is set, a retried response and a followed redirect are waited
//! for as their Retry-After says (RFC 9110 10.2.3), up to [`Retry::retry_after_max`] and
//! [`Redirect::retry_after_max`]. The wait counts from the response's head, so that the drain of its
//! body does not prolong it. No connection is held in it once the body is drained.
//!
//! # Stale connections
//!
//! A server may close an idle connection in the very moment in which a request is written to it. If
//! the connection had served before, no byte of an answer came, the body can be given again, and the
//! method is idempotent or not a byte was written (or [`Policy::repeat_unsafe`]), the request goes
//! out again at once on a fresh connection, in front of the line, and this does not count as a
//! retry. Otherwise the failure says [`Reached::Sent`](crate::error::Reached::Sent), so that the
//! caller can decide.

mod attempt;
mod date;
mod decide;
mod machine;
mod policy;
mod record;
mod redirect;
mod retry;
#[cfg(test)]
mod tests;
mod timeout;

pub use machine::{Call, HistoryEntry, Next};
pub use policy::{DrainBytes, DrainTime, Policy, Route, Routes};
pub use redirect::Redirect;
pub use retry::Retry;
pub use timeout::{MinRate, Timeout};

pub(crate) use record::{Beginning, Shape, read_request_line};
