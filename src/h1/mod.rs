//! The protocol of one HTTP/1.1 connection (RFC 9112): bytes in, events out.
//!
//! A [`Connection`] is the protocol state of one connection. It has no socket, clock, policy or
//! buffer. It has one half that sends and one that receives, because HTTP/1.1 is full duplex: an
//! early response is read while the request's body is still being sent. The rules that connect the
//! two halves are in one file, `state`:
//!
//! ```text
//!  sending     Idle ─┬─ request with a body ────▶ Body ── last piece ──▶ Done
//!                    ├─ the same, held back ────▶ Held ── 100, or long enough ──▶ Body
//!                    └─ request without a body ─▶ Done
//!                    Held, Body ── final answer, or given up ──▶ Aborted
//!
//!  receiving   Idle ── request ──▶ Head ─┬─ final head ──▶ Body ── its end ──▶ Done
//!                                  ▲   │ └─ 101, 2xx to CONNECT ──▶ Switched
//!                                  └───┘ 1xx
//!              Head, Body ── violation ──▶ Failed
//!
//!  both Done, and nothing forbids it ──▶ Ready ── start_next_cycle ──▶ both Idle
//! ```
//!
//! **Input** belongs to the caller. [`receive`](Connection::receive) parses the front of its input
//! and returns how many bytes it consumed. The caller presents the other bytes again, in front of
//! the next ones. A head is consumed only once it is complete, and is then parsed in place. Bytes
//! that were scanned are not scanned again, so a head in a thousand pieces costs a few times as
//! much as a head in one piece. All input costs time linear in its length.
//!
//! **Output** also belongs to the caller: heads are appended whole to its buffer. Body bytes never
//! pass through the connection; only the [`Framing`] around them does.
//!
//! **Strictness.** A response is refused if two parsers could disagree about its end, because such
//! responses allow smuggling: Content-Length beside Transfer-Encoding, any coding but `chunked`
//! alone, differing lengths, chunk sizes that are not hex digits, line folding, white space before
//! a colon, control bytes. Five deviations from the grammar are accepted: a bare LF as line end in
//! a head (RFC 9112 2.2 allows it; never in chunked framing); empty lines before a head (they count
//! as bytes of it); a missing reason phrase; minor versions above 1, which are read as 1.1 (2.3);
//! and spaces and tabs between a chunk size and its line end, because real servers pad with them
//! (digits after them are refused).

mod chunked;
mod connection;
mod encode;
mod event;
mod framing;
mod head;
mod scan;
mod state;
mod target;

pub use connection::Connection;
pub use encode::Framing;
pub use event::{Eof, Event};
pub use state::{CloseReason, Reuse};
pub use target::Target;
