//! The output of a connection that is being written.

use std::io::{self, IoSlice, Write};

use bytes::{Buf, Bytes};
use httpool::h1::Framing;

use crate::Piece;

/// The bytes to write: `[head and framing, piece of body, framing]`. They are written together,
/// without copying the piece.
#[derive(Debug, Default)]
pub struct Outgoing {
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

impl Outgoing {
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
    /// socket accepts output again.
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
        std::mem::take(&mut self.held_back)
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

    /// Adds a piece, with its framing. A piece that was read is in the buffer.
    pub fn put(&mut self, piece: Piece, framing: &Framing) {
        self.before.extend_from_slice(framing.prefix());
        self.after = framing.suffix();
        match piece {
            Piece::Bytes(bytes, _) => self.bytes = bytes,
            Piece::Read(read) => (self.start, self.end) = (0, read.min(self.buffer.len())),
        }
    }

    /// Returns the bytes to write, in order. Some slices may be empty.
    #[inline]
    pub fn slices(&self) -> [IoSlice<'_>; 4] {
        [
            IoSlice::new(&self.before[self.sent..]),
            IoSlice::new(&self.bytes),
            IoSlice::new(&self.buffer[self.start..self.end]),
            IoSlice::new(self.after),
        ]
    }

    /// Writes the bytes to `to` in one call. Returns the number of bytes written.
    ///
    /// # Errors
    /// The error of `to`.
    pub fn write_to(&self, to: &mut impl Write) -> io::Result<usize> {
        if self.has_no_piece() {
            to.write(&self.before[self.sent..])
        } else {
            to.write_vectored(&self.slices())
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_partial_write_goes_on_where_it_stopped() {
        for step in 1..12 {
            let mut out = Outgoing { before: b"head".to_vec(), ..Outgoing::default() };
            (out.bytes, out.after) = (Bytes::from_static(b"body"), b"\r\n");
            let mut wire = Vec::new();
            while !out.is_empty() {
                let all: Vec<u8> = out.slices().iter().flat_map(|slice| slice.to_vec()).collect();
                let now = step.min(all.len());
                wire.extend_from_slice(&all[..now]);
                out.advance(now);
            }
            assert_eq!(wire, b"headbody\r\n", "in steps of {step}");
        }
    }
}
