//! One HTTP/1.1 connection (RFC 9112): bytes in, events out.
//!
//! A [`Connection`] is the protocol state of one connection and nothing else: no socket, no clock, no
//! policy, and no buffer. It is two half-machines, one that sends and one that receives, because
//! HTTP/1.1 is full duplex: an early answer is read while the body it answers is still going out.
//! What the progress of one half means for the other stands in one file, `state`:
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
//! **Input** belongs to the caller. [`receive`](Connection::receive) reads from the front of what it is
//! given and says how much it took; what was not taken is presented again, in front of what follows. A
//! head is left untaken until it is whole, and is then read where it lies. What was looked at is
//! remembered and not looked at again, so that a head in a thousand pieces costs no more than a
//! few times one in a single piece. Everything a peer sends costs time linear in its length.
//!
//! **Output** belongs to the caller as well: heads are appended whole to a buffer, and body bytes never
//! pass through here, only the [`Framing`] around them does.
//!
//! **How strict.** A response that two readers could end at different places is refused, because it is
//! how responses are smuggled: Content-Length beside Transfer-Encoding, any coding but `chunked` alone,
//! lengths that differ, chunk sizes that are not hex digits, line folding, white space before a colon,
//! control bytes. Accepted beyond the letter of the grammar are a line end that is LF alone in a head
//! (RFC 9112 2.2 allows it; never in chunked framing), empty lines before a head (they count as bytes of
//! it), a missing reason phrase, minor versions above 1, which are read as 1.1 (2.3), and spaces and tabs
//! between a chunk size and its line end, with which real servers pad it (digits behind them are refused).

mod chunked;
mod connection;
mod encode;
mod event;
mod framing;
mod head;
mod scan;
mod state;

pub use connection::Connection;
pub use encode::Framing;
pub use event::Event;
pub use state::{CloseReason, Reuse};
