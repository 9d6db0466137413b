//! The whole HTTP client as one machine, for event loops.
//!
//! A [`Client`] has many calls over many connections. It passes each event to the machine
//! concerned, passes that machine's actions to the driver, and keeps time for all of them. It makes
//! no HTTP decision itself. A driver owns the sockets, and does three things in a loop:
//!
//! ```text
//!                        ┌──────────────────────────────────────────────┐
//!   application          │ Client                                       │          sockets
//!                        │                                              │
//!   request, pause,      │   Call ⇄ Pool<SocketId> ⇄ Dial               │   handle_resolved, handle_connected,
//!   cancel, discard, ───▶│          h1::Connection                      │◀─ handle_tls, read, handle_eof,
//!   body_ready, rewound  │   poll_action: actions to perform once       │   sent, handle_write_failed,
//!                        │   fill: bytes to write                       │   handle_timeout
//!                        │   poll_timeout: the next deadline            │
//!                        └──────────────────────────────────────────────┘
//! ```
//!
//! 1. It drains [`poll_action`](Client::poll_action) and performs each action once.
//! 2. It waits for its sockets, or until [`poll_timeout`](Client::poll_timeout).
//! 3. It reports events: `handle_*`, the bytes that it read and wrote, and the application's inputs.
//!    Any number of them may come before the next step.
//!
//! The methods are of four kinds, and documented in this order:
//!
//! | kind | methods |
//! |---|---|
//! | the application calls | `request`, `cancel`, `discard`, `pause`, `resume`, `body_ready`, `body_failed`, `body_used`, `body_unusable`, `rewound`, `rewind_failed`, `close_key`, `retire`, `close`, `close_now`; it asks `call`, `connection`, `why`, `calls`, `stats` |
//! | the driver tells | `handle_*`, `read` (or `read_all`), `sent` |
//! | the driver asks | `wants_input`, `sends`, `poll_timeout`, `socket`, `caller`, `key`, `has`, `body_ahead`, `is_long`, `is_written_late` |
//! | the driver drains | `poll_action`, `fill` and `feed` (or `write_all`) |
//!
//! Sockets have ids of their own, because several race for one connection. A driver keeps a table by
//! [`SocketId`](crate::id::SocketId).
//!
//! | action | the driver does | and answers with |
//! |---|---|---|
//! | [`Resolve`](Action::Resolve) | looks a name up | `handle_resolved`, `handle_resolve_failed`; `handle_resolve_queued` and `handle_resolving` if it waits for a thread |
//! | [`CancelResolve`](Action::CancelResolve) | stops the look-up | |
//! | [`LookUp`](Action::LookUp) | looks a name with open connections up again | `handle_looked_up` |
//! | [`Refresh`](Action::Refresh) | drops the cached DNS answer for a name | |
//! | [`Connect`](Action::Connect) | begins to connect a socket | `handle_connected` |
//! | [`StartTls`](Action::StartTls) | performs a TLS handshake | `handle_tls` |
//! | [`Transmit`](Action::Transmit) | fills an [`Outbox`], and writes | `sent`, `handle_write_failed` |
//! | [`Close`](Action::Close) | closes the socket | |
//! | [`HandOver`](Action::HandOver) | gives the socket to the application | |
//! | [`Rewind`](Action::Rewind) | rewinds a body to its start | `rewound`, `rewind_failed` |
//! | [`Restart`](Action::Restart) | tells the application to forget the response so far | |
//! | [`CheckBody`](Action::CheckBody) | decodes the rest of a body | `body_used`, `body_unusable` |
//! | [`End`](Action::End) | tells the application | |
//! | [`BodyDone`](Action::BodyDone) | drops the body | |
//! | [`Failed`](Action::Failed) | tells the application | |
//!
//! Each socket gets one `Close` or one `HandOver`, unless the driver reports with `handle_connected`
//! that it could not be connected. Each look-up is answered, or gets one `CancelResolve`.
//!
//! **Stale ids** are ignored: an event loop may learn that a socket has ended while events for it
//! are still on their way.
//!
//! **Reading.** Ask [`wants_input`](Client::wants_input) before a read. It is false while the
//! application has [paused](Client::pause) a response, so that TCP slows the peer down. Pass the
//! bytes read to [`read`](Client::read), with the [`Inbox`] of the socket, which keeps those that
//! were not consumed. Once a paused response goes on, pass on what its inbox
//! [kept](Inbox::is_stopped). Read from idle connections too, to notice that the peer closes them.
//! [`read_all`](Client::read_all) does all of this with a function that reads.
//!
//! **Writing.** Keep one [`Outbox`] for each socket with unwritten bytes: [`fill`](Client::fill) it,
//! [`feed`](Client::feed) it with the body that it asks for, write its chunks, and report the bytes
//! as [`sent`](Client::sent). [`write_all`](Client::write_all) does all of this with a function that
//! writes. If [`Transmit`](Action::Transmit) has `probe` set, read once without blocking before the
//! first write. If the system can limit the unsent bytes that it buffers, set that limit for a
//! request that [`is_long`](Client::is_long), and report its last bytes as written once the socket
//! is writable again ([`is_written_late`](Client::is_written_late)). Otherwise report them once the
//! system has accepted them.
//!
//! **Both halves.** A response can be complete while the request's body is still being sent. The
//! driver then continues to write, and to read, which reveals when the peer closes its side. The
//! call ends with [`Action::End`] or [`Action::Failed`].
//!
//! `examples/poll.rs` is a whole loop over `poll(2)`, in 90 lines. For tests, `CoreLoop` of the crate
//! `httpool-mock` is a loop without sockets, against a script.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use httpool::{
//!     call::Policy,
//!     client::{Action, Client, Config, Event, Inbox, Outbox, Transmit},
//!     message::Request,
//!     time::Instant,
//! };
//!
//! let now = Instant::from_nanos(0);
//! let mut client = Client::new(Config::default());
//! let request = Request::get("http://192.0.2.1/hello").build()?;
//! let call = client.request(request, Arc::new(Policy::default()), now);
//!
//! let Some(Action::Connect { socket, addr, .. }) = client.poll_action() else { panic!() };
//! assert_eq!(addr.to_string(), "192.0.2.1:80");
//! client.handle_connected(socket, Ok(()), now);
//! assert_eq!(client.poll_action(), Some(Action::Transmit { socket, probe: false }));
//!
//! let mut out = Outbox::default();
//! assert_eq!(client.fill(socket, &mut out), Transmit::Nothing);
//! let request = out.chunks().concat();
//! assert!(request.starts_with(b"GET /hello HTTP/1.1\r\n"));
//! client.sent(socket, &mut out, request.len(), now);
//!
//! let mut inbox = Inbox::new();
//! let input = inbox.with(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
//! let event = client.read(socket, &input, now);
//! assert!(matches!(event, Some(Event::Head(of, head)) if of == call && head.status() == 200));
//! let event = client.read(socket, &input, now);
//! assert!(matches!(event, Some(Event::Data(of, b"hi")) if of == call));
//! let event = client.read(socket, &input, now);
//! assert!(matches!(event, Some(Event::End(of, _)) if of == call));
//! assert!(client.read(socket, &input, now).is_none());
//!
//! // The connection is kept, and nothing is left to do.
//! assert_eq!(client.poll_action(), None);
//! assert_eq!(client.stats().idle, 1);
//! # Ok::<(), httpool::error::RequestError>(())
//! ```

mod advance;
mod app;
mod asks;
mod check;
mod dials;
mod drain;
mod inbox;
mod inputs;
mod machine;
mod outbox;
mod run;
mod sockets;
mod timers;
mod types;
mod waiting;

#[cfg(test)]
mod tests;
pub use inbox::{Inbox, Input};
pub use machine::{Client, Config};
pub use outbox::Outbox;
pub use types::{Action, Closed, Event, Reason, Step, Transmit};
pub use waiting::{Opening, Waiting};
