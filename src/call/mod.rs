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
//! # Two halves
//!
//! The body of a request goes out while its response comes in. What a final head means for the rest
//! of the body (RFC 9110 7.5, RFC 9112 9.5 and 9.6):
//!
//! | the response | the rest of the body | the call |
//! |---|---|---|
//! | a status of 400 or more | stops at once | ends as the response does; [`Call::body_taken`] counts |
//! | `Connection: close` | stops at once: the server needs no more | the same |
//! | a redirect that is followed, an answer that is retried | stops, and the connection is closed | goes on |
//! | any other | is sent to its end, while the response is read and after it | ends when both halves do |
//!
//! In the last case [`Event::End`](crate::h1::Event::End) may come while there is body to send: the
//! call is in `Exchange` or `SendBody` until the request has left, and reading goes on so that the end
//! of the peer's side is noticed. Meanwhile the write and total deadlines run. If the peer closes or a
//! deadline passes before the whole body has left, the call fails with
//! [`Cause::BodyUnsent`](crate::error::Cause::BodyUnsent), which has the status and the count.
//!
//! A response that the application [discards](Call::discard) does not stop the body; one that it
//! leaves otherwise does, for the driver then cancels the call.
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
mod types;
mod upload;

pub use machine::Call;
pub use policy::{DrainBytes, DrainTime, Policy, Route, Routes};
pub use redirect::Redirect;
pub use retry::Retry;
pub use timeout::{MinRate, Timeout};
pub use types::{HistoryEntry, Next};

pub(crate) use record::{Beginning, Shape, read_request_line};
