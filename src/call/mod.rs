//! One logical request: its attempts, its redirects, its deadlines.
//!
//! A [`Call`] does no I/O. A driver asks it for the [`next`](Call::next) step, performs the step,
//! and tells it the outcome. These are the steps:
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
//! | next | the driver | and answers with |
//! |---|---|---|
//! | `Checkout` | gets a connection to [`key`](Call::key) from the pool | `start`, `lease_failed`; meanwhile `dialing` |
//! | `Leave` | cancels its ticket in the pool | `left` |
//! | `Exchange` | writes the bytes that were handed out, and reads | `written`, `write_failed`, `receive`, `receive_eof` |
//! | `SendBody` | does the same, and may send a piece of the body | `send_body`, `body_failed` |
//! | `CheckBody` | decodes the rest of the response's body | `body_used`, `body_unusable` |
//! | `Restart` | forgets the head and the body of the response so far | `restarted` |
//! | `Release` | gives the connection back | `released` |
//! | `Wait` | waits until [`poll_timeout`](Call::poll_timeout) | `handle_timeout` |
//! | `Rewind` | sets the source of the body back to its start | `rewound`, `rewind_failed` |
//! | `HandOver` | gives the socket to the application | |
//! | `Done`, `Failed` | tells the application | |
//!
//! `CheckBody` comes before `Release` if the driver decodes the body of the response: if the request
//! [decodes](crate::message::Request::decodes), and the body has [`codings`](Call::codings).
//!
//! `Restart` comes before `Release` if the body of a response has failed, and the call makes another
//! attempt: only with [`Policy::preload`](field@Policy::preload).
//!
//! `Leave` comes in place of `Checkout` when the connect deadline has passed. The call then fails, or
//! makes another attempt.
//!
//! # A walk through a call
//!
//! The idle connection that the call gets is stale: the server has closed it. Then the response is
//! a redirect. The driver's part is played by hand.
//!
//! ```
//! use std::sync::Arc;
//! use httpool::{
//!     call::{Call, Next, Policy, Reused},
//!     h1::{Connection, Eof, Event},
//!     limits::MessageLimits,
//!     message::{Request, Status},
//!     time::Instant,
//! };
//! # /// A connection that has served a request.
//! # fn served_before(now: Instant) -> Connection {
//! #     let request = Request::get("http://example.com/").build().unwrap();
//! #     let mut call = Call::new(request, Arc::new(Policy::default()), 1, now);
//! #     let (mut conn, mut out) = (Connection::new(MessageLimits::default()), Vec::new());
//! #     call.start(&mut conn, Reused::No, now, &mut out);
//! #     call.written(out.len(), now);
//! #     let mut rest = &b"HTTP/1.1 204 No Content\r\n\r\n"[..];
//! #     while call.next() == Next::Exchange {
//! #         let (taken, _) = call.receive(&mut conn, rest, now);
//! #         rest = &rest[taken..];
//! #     }
//! #     assert!(call.released(&mut conn, rest, now));
//! #     conn
//! # }
//!
//! let now = Instant::from_nanos(0);
//! let request = Request::get("http://example.com/old").build()?;
//! let mut call = Call::new(request, Arc::new(Policy::default()), 1, now);
//!
//! // 1. The call needs a connection. The pool has an idle one, which has served a request before.
//! assert_eq!(call.next(), Next::Checkout);
//! let (mut conn, mut out) = (served_before(now), Vec::new());
//! call.start(&mut conn, Reused::Yes, now, &mut out);
//!
//! // 2. The driver writes the bytes that were handed out, and says how many have left.
//! assert_eq!(call.next(), Next::Exchange);
//! assert_eq!(out, b"GET /old HTTP/1.1\r\nHost: example.com\r\n\r\n");
//! call.written(out.len(), now);
//!
//! // 3. The read returns the end of the stream: the server had closed the connection. It was
//! //    reused, no byte of a response came, and GET is idempotent. So the request is sent again,
//! //    on a new connection.
//! call.receive_eof(&mut conn, Eof::Clean, now);
//! assert_eq!(call.next(), Next::Release);
//! assert!(!call.released(&mut conn, b"", now), "the connection is to be closed");
//! assert_eq!(call.next(), Next::Checkout);
//! assert!(call.want().fresh);
//! let mut conn = Connection::new(MessageLimits::default());
//! out.clear();
//! call.start(&mut conn, Reused::No, now, &mut out);
//! assert_eq!(out, b"GET /old HTTP/1.1\r\nHost: example.com\r\n\r\n");
//! call.written(out.len(), now);
//!
//! // 4. The response is a redirect. The application gets nothing of it. Its body is read to the
//! //    end, so that the connection can be kept.
//! let input = b"HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 5\r\n\r\nmoved";
//! let mut rest = &input[..];
//! while call.next() == Next::Exchange {
//!     let (taken, event) = call.receive(&mut conn, rest, now);
//!     assert!(matches!(event, Event::Skipped));
//!     rest = &rest[taken..];
//! }
//! assert_eq!(call.next(), Next::Release);
//! assert!(call.released(&mut conn, rest, now), "the connection can be kept");
//!
//! // 5. The call needs a connection for the target of the redirect. The pool gives the same one.
//! assert_eq!(call.next(), Next::Checkout);
//! out.clear();
//! call.start(&mut conn, Reused::Yes, now, &mut out);
//! assert_eq!(out, b"GET /new HTTP/1.1\r\nHost: example.com\r\n\r\n");
//! call.written(out.len(), now);
//!
//! // 6. The response comes in two reads. What the first leaves untaken, the driver keeps in front
//! //    of the second: here nothing.
//! let input = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh";
//! let (taken, event) = call.receive(&mut conn, input, now);
//! assert!(matches!(event, Event::Head(head) if head.status() == Status::OK));
//! let (_, event) = call.receive(&mut conn, &input[taken..], now);
//! assert!(matches!(event, Event::Data(b"h")));
//! let (_, event) = call.receive(&mut conn, b"", now);
//! assert!(matches!(event, Event::NeedInput));
//! let (_, event) = call.receive(&mut conn, b"i", now);
//! assert!(matches!(event, Event::Data(b"i")));
//! let (_, event) = call.receive(&mut conn, b"", now);
//! assert!(matches!(event, Event::End(_)));
//! assert!(call.released(&mut conn, b"", now));
//! assert_eq!(call.next(), Next::Done);
//!
//! // The redirect is in the history. The stale connection is not: it was no retry.
//! assert_eq!(call.request().url().path(), "/new");
//! let statuses: Vec<_> = call.history().iter().map(|entry| entry.status).collect();
//! assert_eq!(statuses, [Some(Status::FOUND)]);
//! # Ok::<(), httpool::error::RequestError>(())
//! ```
//!
//! # Deadlines
//!
//! | deadline | runs | begins anew with |
//! |---|---|---|
//! | `queue` | in line, but not while a connection is opened for the call | each attempt |
//! | `connect` | while a connection is opened for the call | each attempt, and each wait in line |
//! | `write` | while bytes of the request wait to be written | written bytes |
//! | `continue` | while the body waits for 100 (Continue) | nothing |
//! | `first-byte` | from the end of the request to the end of the final head | nothing: neither 1xx responses nor pieces of a head |
//! | `stall` | from the head to the end of the body, while the application reads | bytes of the body |
//! | `rate` | as `stall` | as many bytes of the body as [`MinRate`] asks for |
//! | `drain` | while an unwanted body is read | nothing |
//! | `backoff` | between attempts, and before a redirect with Retry-After is followed | nothing |
//! | `total` | from the beginning to the end of the call | nothing |
//!
//! Bytes of the body are the bytes that the application gets. Chunk sizes, chunk extensions,
//! leading zeros, line ends and trailers do not count. When `continue`, `backoff` or `drain`
//! passes, the call goes on; every other deadline ends the attempt or the call.
//!
//! # Timings
//!
//! A call that is [asked to](Call::set_timings) collects its [`Timings`]: its attempts, each with
//! its cause, its connection, and the times of its phases. The driver adds the times of each dial
//! that ran for the call with [`keep_timings_of`](Call::keep_timings_of). They decide nothing. A
//! [`Client`](crate::client::Client) does all of this if its configuration has `timings`.
//!
//! # Retry-After
//!
//! If [`Retry::respect_retry_after`](field@Retry::respect_retry_after) is set, a retry and a
//! followed redirect wait as long as Retry-After asks (RFC 9110 10.2.3), within
//! [`Retry::retry_after_max`](field@Retry::retry_after_max) and
//! [`Redirect::retry_after_max`](field@Redirect::retry_after_max). The wait counts from the head of
//! the response, so the time in which its body is read is a part of it. After that, no connection
//! is held.
//!
//! # An early response
//!
//! The body of a request is sent while its response is read. The final head decides what happens to
//! the rest of the request's body (RFC 9110 7.5, RFC 9112 9.5 and 9.6):
//!
//! | the response | the rest of the request's body | the call |
//! |---|---|---|
//! | a status of 400 or more | is not sent | ends with the response; [`Call::body_taken`] counts |
//! | `Connection: close` | is not sent: the server does not need it | the same |
//! | a followed redirect, a retried response | is not sent, and the connection is closed | goes on |
//! | any other | is sent, while the response is read and after it | ends when both are complete |
//!
//! In the last case, [`Event::End`](crate::h1::Event::End) may come before the request is complete.
//! The call then stays in `Exchange` or `SendBody` until the request was sent. The driver goes on
//! reading, to notice when the server closes the connection. Meanwhile the write and total
//! deadlines run. If the server closes, or a deadline passes, before the whole body was sent, the
//! call fails with [`Cause::BodyUnsent`](crate::error::Cause::BodyUnsent), which has the status and
//! the count.
//!
//! If the application [discards](Call::discard) the response, the body is still sent. If it drops
//! the response in another way, the driver cancels the call, and the body is not sent.
//!
//! # Stale connections
//!
//! A server may close an idle connection at the moment when a request is written to it. The call
//! then sends the request again at once, on a new connection and in front of the line, if all of
//! these hold:
//!
//! - the connection was reused, and no byte of a response came;
//! - the body can be sent again;
//! - the method is idempotent, or no byte was written, or
//!   [`Policy::repeat_unsafe`](field@Policy::repeat_unsafe) is set.
//!
//! This does not count as a retry. Otherwise the call fails, and its failure has
//! [`Reached::Sent`](crate::error::Reached::Sent), so that the caller can decide. (A policy that
//! retries may make another attempt first: see [`Retry::read`](field@Retry::read).)

mod attempt;
pub(crate) mod date;
mod decide;
mod facts;
mod machine;
mod no_proxy;
mod policy;
mod reader;
mod record;
mod redirect;
mod retry;
mod routes;
mod state;
#[cfg(test)]
mod tests;
mod timeout;
mod timings;
mod types;
mod upload;
mod via;

pub use machine::Call;
pub use no_proxy::NoProxy;
pub use policy::{DrainBytes, DrainTime, Policy};
pub use redirect::Redirect;
pub use retry::{Retry, retry_after};
pub use routes::{Route, Routes};
pub use timeout::{MinRate, Timeout, ZeroTimeout};
pub use timings::{AttemptCause, AttemptTimings, Phases, Timings};
pub use types::{HistoryEntry, Next, Reused};

pub(crate) use record::{Draft, Input, Undrafted};
