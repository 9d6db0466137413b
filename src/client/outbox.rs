//! The output of a socket that was fetched and not written.

use alloc::vec::Vec;

use bytes::{Buf, Bytes};

use super::{Client, Transmit};
use crate::{
    error::IoKind,
    h1::Framing,
    id::{CallId, SocketId},
    time::Instant,
};

/// The bytes to write to a socket: `[head and framing, piece of body, framing]`. They are written
/// together, without copying the piece. A TLS layer seals them in this order.
///
/// [`Client::fill`] puts heads in, [`Client::feed`] pieces of body, and [`Client::sent`] takes out
/// the bytes that were written.
#[derive(Debug, Default)]
pub struct Outbox {
    /// A head, or the framing before the piece. The first `sent` bytes were written.
    before: Vec<u8>,
    sent: usize,
    /// The piece: bytes of the application. A piece from its reader is in `buffer`.
    bytes: Bytes,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The framing after the piece.
    after: &'static [u8],
    /// The number of bytes that were given to the system but not yet reported to the core as
    /// written.
    held_back: usize,
}

impl Outbox {
    /// Returns whether all was written, and nothing is [held back](Self::hold_back).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.held_back == 0 && self.has_gone()
    }

    /// Returns whether all was given to the system.
    #[inline]
    pub fn has_gone(&self) -> bool {
        self.sent == self.before.len() && self.has_no_piece()
    }

    /// Holds back the report of the last `bytes` bytes: they are reported as written when the
    /// socket accepts output again. See [`Client::is_written_late`].
    pub fn hold_back(&mut self, bytes: usize) {
        self.held_back = bytes;
    }

    /// Returns whether the report of any bytes is held back.
    #[inline]
    pub fn holds_back(&self) -> bool {
        self.held_back > 0
    }

    /// Returns the number of bytes held back, to be reported as written. Call it when the socket
    /// accepts output again.
    pub fn let_go(&mut self) -> usize {
        core::mem::take(&mut self.held_back)
    }

    /// Returns whether there is no piece, so that one can be put in.
    #[inline]
    pub fn has_no_piece(&self) -> bool {
        self.bytes.is_empty() && self.start == self.end && self.after.is_empty()
    }

    /// Returns the buffer to append a head to, when there is no piece.
    #[inline]
    pub fn head(&mut self) -> &mut Vec<u8> {
        &mut self.before
    }

    /// Returns the buffer to read a reader's piece into, when there is none.
    #[inline]
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Adds a piece of body, with its framing. The bytes are not copied.
    pub fn put(&mut self, piece: Bytes, framing: &Framing) {
        self.frame(framing);
        self.bytes = piece;
    }

    /// Adds the first `read` bytes of the [buffer](Self::buffer) as a piece, with its framing.
    pub fn put_read(&mut self, read: usize, framing: &Framing) {
        self.frame(framing);
        (self.start, self.end) = (0, read.min(self.buffer.len()));
    }

    fn frame(&mut self, framing: &Framing) {
        self.before.extend_from_slice(framing.prefix());
        self.after = framing.suffix();
    }

    /// Returns the bytes to write, in order. Some chunks may be empty.
    #[inline]
    pub fn chunks(&self) -> [&[u8]; 4] {
        [&self.before[self.sent..], &self.bytes, &self.buffer[self.start..self.end], self.after]
    }

    /// Removes the first `gone` bytes, which were written.
    #[inline]
    pub fn advance(&mut self, mut gone: usize) {
        let mut part = |len: usize| {
            let now = gone.min(len);
            gone -= now;
            now
        };
        self.sent += part(self.before.len() - self.sent);
        self.bytes.advance(part(self.bytes.len()));
        self.start += part(self.end - self.start);
        self.after = &self.after[part(self.after.len())..];
        if self.sent == self.before.len() {
            self.before.clear();
            self.sent = 0;
        }
    }

    /// Removes all bytes. The memory is kept.
    pub fn clear(&mut self) {
        self.before.clear();
        self.bytes = Bytes::new();
        (self.sent, self.start, self.end, self.after) = (0, 0, 0, &[]);
        self.held_back = 0;
    }
}

/// # The driver fetches bytes
impl Client {
    /// Adds the next bytes for `socket` to `out`. Returns whether body bytes may follow: if so, get
    /// some from the application and [feed](Self::feed) them. First drops the bytes that need not be
    /// sent any more, because the server has refused the request.
    pub fn fill(&mut self, socket: SocketId, out: &mut Outbox) -> Transmit {
        if !out.is_empty() && !self.sends(socket) {
            out.clear();
        }
        if out.has_no_piece() {
            self.poll_transmit(socket, &mut out.before)
        } else {
            Transmit::Nothing
        }
    }

    /// Adds a piece of body to `out`, with its framing, after [`fill`](Self::fill) has asked for it.
    /// `last` ends the body. Returns whether the piece was taken: not if no body is to be sent now,
    /// and not if the body is longer or shorter than declared, which fails the call.
    pub fn feed(
        &mut self,
        call: CallId,
        out: &mut Outbox,
        piece: Bytes,
        last: bool,
        now: Instant,
    ) -> bool {
        let framing = self.send_body(call, piece.len(), last, now);
        framing.inspect(|framing| out.put(piece, framing)).is_some()
    }

    /// Writes to a socket until there is no more output or the socket takes no more. Reports a
    /// failed write.
    ///
    /// `body` gives the next bytes of a body, at most as many as asked for (`usize::MAX` if its length
    /// is unknown), and whether they are the last; `None` if there are none yet (call [`body_ready`](Self::body_ready) later). `write`
    /// writes the [chunks](Outbox::chunks), and returns the number of bytes written: `Err(None)` if
    /// the socket takes none now, another `Err` if it is broken.
    pub fn write_all(
        &mut self,
        socket: SocketId,
        out: &mut Outbox,
        now: Instant,
        mut body: impl FnMut(CallId, usize) -> Option<(Bytes, bool)>,
        mut write: impl FnMut([&[u8]; 4]) -> Result<usize, Option<IoKind>>,
    ) {
        loop {
            if let Transmit::Body { call, max } = self.fill(socket, out)
                && let Some((piece, last)) = body(call, max.within(usize::MAX))
            {
                self.feed(call, out, piece, last, now);
            }
            if out.is_empty() {
                return;
            }
            match write(out.chunks()) {
                Ok(written) => self.sent(socket, out, written, now),
                Err(None) => return,
                Err(Some(why)) => {
                    out.clear();
                    return self.handle_write_failed(socket, why, now);
                }
            }
        }
    }

    /// Reports that the first `bytes` bytes of `out` were written, and removes them.
    pub fn sent(&mut self, socket: SocketId, out: &mut Outbox, bytes: usize, now: Instant) {
        out.advance(bytes);
        self.handle_written(socket, bytes, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_partial_write_goes_on_where_it_stopped() {
        for step in 1..12 {
            let mut out = Outbox { before: b"head".to_vec(), ..Outbox::default() };
            (out.bytes, out.after) = (Bytes::from_static(b"body"), b"\r\n");
            let mut wire = Vec::new();
            while !out.is_empty() {
                let all = out.chunks().concat();
                let now = step.min(all.len());
                wire.extend_from_slice(&all[..now]);
                out.advance(now);
            }
            assert_eq!(wire, b"headbody\r\n", "in steps of {step}");
        }
    }
}
