//! The machines in one object, for an event loop.
//!
//! A [`Client`] is many calls over many connections. It routes what happens to the machine concerned
//! and what that wants done to the driver, and it keeps time for all of them; it decides nothing
//! itself. A driver has sockets, and does three things:
//!
//! ```text
//!                        ┌──────────────────────────────────────────────┐
//!   application          │ Client                                       │          sockets
//!                        │                                              │
//!   request, pause,      │   Call ⇄ Pool<h1::Connection> ⇄ Dial         │   handle_resolved, handle_connected,
//!   cancel, discard, ───▶│                                              │◀─ handle_tls, receive, handle_eof,
//!   send_body,           │   poll_action: what to do, once              │   handle_written, handle_write_failed,
//!   body_ready, rewound  │   poll_transmit: what to write               │   handle_timeout
//!                        │   poll_timeout: when to look again           │
//!                        └──────────────────────────────────────────────┘
//! ```
//!
//! 1. It tells what happened: `handle_*`, [`receive`](Client::receive), and what the application
//!    wants. Any number of such inputs may come before the next step.
//! 2. It drains [`poll_action`](Client::poll_action) and does each once.
//! 3. It waits for its sockets, or until [`poll_timeout`](Client::poll_timeout).
//!
//! | action | the driver does | and answers with |
//! |---|---|---|
//! | [`Resolve`](Action::Resolve) | looks a name up | `handle_resolved`, `handle_resolve_failed`; `handle_resolve_queued` and `handle_resolving` where it waits for a thread |
//! | [`Refresh`](Action::Refresh) | forgets the answer that it keeps for a name, if it keeps any | |
//! | [`Connect`](Action::Connect) | begins to connect | `handle_connected` |
//! | [`Abandon`](Action::Abandon) | closes that attempt's socket | |
//! | [`StartTls`](Action::StartTls) | shakes hands | `handle_tls` |
//! | [`Transmit`](Action::Transmit) | asks `poll_transmit`, and writes | `handle_written`, `handle_write_failed` |
//! | [`Close`](Action::Close) | closes the connection's socket, or sockets | |
//! | [`HandOver`](Action::HandOver) | gives the socket to the application | |
//! | [`Rewind`](Action::Rewind) | takes a body back to its start | `rewound` |
//! | [`End`](Action::End) | tells the application | |
//! | [`BodyDone`](Action::BodyDone) | drops the body | |
//! | [`Failed`](Action::Failed) | tells the application | |
//!
//! **Ids** that are no longer alive name nothing, and what is told of them is ignored: an event loop
//! learns of the end of a thing while news of it are still on their way.
//!
//! **Reading.** Ask [`wants_input`](Client::wants_input) before a read: when the application has
//! [paused](Client::pause) a response it is false, and the peer is held back by its own socket. Pass
//! what was read to [`receive`](Client::receive) until that says
//! [`NeedInput`](Event::NeedInput); what it has not taken comes first in the next input, and is
//! dropped with the connection. Idle connections want input too: that is how their end is noticed.
//!
//! **Writing.** Nothing is written before `poll_transmit` gave it. A driver writes what it gave, says
//! so with `handle_written`, and asks again when all has left. Where it waits for room, it asks
//! [`sends`](Client::sends) before it goes on: the rest of a request that was refused need not go.
//! Where [`Transmit`](Action::Transmit) says `probe`, it reads once, without waiting, before it writes.
//! Where the system can bound what it holds unsent, a driver does so for a request that
//! [`is_long`](Client::is_long), and says of its last bytes that they are written when the socket
//! takes output again ([`is_written_late`](Client::is_written_late)); where it cannot, they are
//! written when the system has them.
//!
//! **Both halves.** A response may be complete while the request's body is still going out. Writing
//! then goes on, and so does reading, to notice the end of the peer's side: the call ends with
//! [`Action::End`], or [`Action::Failed`].
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

mod check;
mod conns;
mod machine;
mod names;
mod run;
mod timers;
mod types;
mod waiting;

#[cfg(test)]
mod tests;
pub use machine::{Client, Config};
pub use types::{Action, Closed, Event, Reason, Transmit};
pub use waiting::{Opening, Waiting};
