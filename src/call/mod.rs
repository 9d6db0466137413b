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
pub use policy::{DrainBytes, Policy, Route, Routes};
pub use redirect::Redirect;
pub use retry::Retry;
pub use timeout::Timeout;

pub(crate) use record::{Beginning, Shape, read_request_line};
