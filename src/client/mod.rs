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
//!   request, pause,      │   Call ⇄ Pool<h1::Connection> ⇄ Dial         │   handle_resolved, handle_connected,
//!   cancel, discard, ───▶│                                              │◀─ handle_tls, receive, handle_eof,
//!   send_body,           │   poll_action: actions to perform once       │   handle_written, handle_write_failed,
//!   body_ready, rewound  │   poll_transmit: bytes to write              │   handle_timeout
//!                        │   poll_timeout: the next deadline            │
//!                        └──────────────────────────────────────────────┘
//! ```
//!
//! 1. It reports events: `handle_*`, [`receive`](Client::receive), and the application's inputs.
//!    Any number of them may come before the next step.
//! 2. It drains [`poll_action`](Client::poll_action) and performs each action once.
//! 3. It waits for its sockets, or until [`poll_timeout`](Client::poll_timeout).
//!
//! | action | the driver does | and answers with |
//! |---|---|---|
//! | [`Resolve`](Action::Resolve) | looks a name up | `handle_resolved`, `handle_resolve_failed`; `handle_resolve_queued` and `handle_resolving` if it waits for a thread |
//! | [`Refresh`](Action::Refresh) | drops the cached DNS answer for a name | |
//! | [`Connect`](Action::Connect) | begins to connect | `handle_connected` |
//! | [`Abandon`](Action::Abandon) | closes the attempt's socket | |
//! | [`StartTls`](Action::StartTls) | performs a TLS handshake | `handle_tls` |
//! | [`Transmit`](Action::Transmit) | calls `poll_transmit`, and writes | `handle_written`, `handle_write_failed` |
//! | [`Close`](Action::Close) | closes the connection's socket, or sockets | |
//! | [`HandOver`](Action::HandOver) | gives the socket to the application | |
//! | [`Rewind`](Action::Rewind) | rewinds a body to its start | `rewound` |
//! | [`End`](Action::End) | tells the application | |
//! | [`BodyDone`](Action::BodyDone) | drops the body | |
//! | [`Failed`](Action::Failed) | tells the application | |
//!
//! **Stale ids** are ignored: an event loop may learn that a connection has ended while events for
//! it are still on their way.
//!
//! **Reading.** Ask [`wants_input`](Client::wants_input) before a read. It is false while the
//! application has [paused](Client::pause) a response, so that TCP slows the peer down. Pass the
//! bytes read to [`receive`](Client::receive) until it returns [`NeedInput`](Event::NeedInput). Put
//! the bytes that it did not consume in front of the next input, and drop them with the connection.
//! Read from idle connections too, to notice that the peer closes them.
//!
//! **Writing.** Write only the bytes that `poll_transmit` returns. Report them with
//! `handle_written`, and ask again once all have been written. After waiting for the socket to
//! become writable, ask [`sends`](Client::sends) before writing on: the rest of a refused request
//! need not be sent. If [`Transmit`](Action::Transmit) has `probe` set, read once without blocking
//! before the first write. If the system can limit the unsent bytes that it buffers, set that limit
//! for a request that [`is_long`](Client::is_long), and report its last bytes as written once the
//! socket is writable again ([`is_written_late`](Client::is_written_late)). Otherwise report them
//! once the system has accepted them.
//!
//! **Both halves.** A response can be complete while the request's body is still being sent. The
//! driver then continues to write, and to read, which reveals when the peer closes its side. The
//! call ends with [`Action::End`] or [`Action::Failed`].
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use httpool::{
//!     call::Policy,
//!     client::{Action, Client, Config, Event, Transmit},
//!     message::Request,
//!     time::Instant,
//! };
//!
//! let now = Instant::from_nanos(0);
//! let mut client = Client::new(Config::default());
//! let request = Request::get("http://192.0.2.1/hello").build()?;
//! let call = client.request(request, Arc::new(Policy::default()), now);
//!
//! let Some(Action::Connect { conn, attempt, addr, .. }) = client.poll_action() else { panic!() };
//! assert_eq!(addr.to_string(), "192.0.2.1:80");
//! client.handle_connected(conn, attempt, Ok(()), now);
//! assert_eq!(client.poll_action(), Some(Action::Transmit { conn, probe: false }));
//!
//! let mut out = Vec::new();
//! assert_eq!(client.poll_transmit(conn, &mut out), Transmit::Nothing);
//! assert!(out.starts_with(b"GET /hello HTTP/1.1\r\n"));
//! client.handle_written(conn, out.len(), now);
//!
//! let input = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
//! let (taken, event) = client.receive(conn, input, now);
//! assert!(matches!(event, Event::Head(of, head) if of == call && head.status() == 200));
//! let (more, event) = client.receive(conn, &input[taken..], now);
//! assert!(matches!(event, Event::Data(of, b"hi") if of == call));
//! let (_, event) = client.receive(conn, &input[taken + more..], now);
//! assert!(matches!(event, Event::End(of, _) if of == call));
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
