//! What is on its way out.

use std::io::{self, IoSlice, Write};

use bytes::{Buf, Bytes};
use httpool::h1::Framing;

use crate::Piece;

/// `[head and framing, piece of body, framing]`, written in one go and without copying the piece.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// A head, or the framing before the piece; up to `sent` it has gone.
    before: Vec<u8>,
    sent: usize,
    /// The piece: bytes of the application, or what its reader put into `buffer`.
    bytes: Bytes,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The framing behind it.
    after: &'static [u8],
    /// So many bytes have gone to the system, and are not called written yet.
    held_back: usize,
}

impl Outgoing {
    /// Whether all has gone, and nothing is [held back](Self::hold_back).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.held_back == 0 && self.has_gone()
    }

    /// Whether all has gone to the system.
    #[inline]
    pub fn has_gone(&self) -> bool {
        self.sent == self.before.len() && self.has_no_piece()
    }

    /// So many bytes, the last ones, are called written when the socket takes output again.
    pub fn hold_back(&mut self, bytes: usize) {
        self.held_back = bytes;
    }

    /// Whether there are such bytes.
    #[inline]
    pub fn holds_back(&self) -> bool {
        self.held_back > 0
    }

    /// The socket takes output again: how many bytes are to be called written.
    pub fn let_go(&mut self) -> usize {
        std::mem::take(&mut self.held_back)
    }

    /// Whether a piece may be put in.
    #[inline]
    pub fn has_no_piece(&self) -> bool {
        self.bytes.is_empty() && self.start == self.end && self.after.is_empty()
    }

    /// Where a head is appended, when there is no piece.
    #[inline]
    pub fn head(&mut self) -> &mut Vec<u8> {
        &mut self.before
    }

    /// Where a reader's piece is read to, when there is none.
    #[inline]
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Puts in a piece, with its framing. One that was read is in the buffer.
    pub fn put(&mut self, piece: Piece, framing: &Framing) {
        self.before.extend_from_slice(framing.prefix());
        self.after = framing.suffix();
        match piece {
            Piece::Bytes(bytes, _) => self.bytes = bytes,
            Piece::Read(read) => (self.start, self.end) = (0, read.min(self.buffer.len())),
        }
    }

    /// What is to be written, in order; some may be empty.
    #[inline]
    pub fn slices(&self) -> [IoSlice<'_>; 4] {
        [
            IoSlice::new(&self.before[self.sent..]),
            IoSlice::new(&self.bytes),
            IoSlice::new(&self.buffer[self.start..self.end]),
            IoSlice::new(self.after),
        ]
    }

    /// Writes it to `to`, in one piece; says how much that took.
    ///
    /// # Errors
    /// What `to` says.
    pub fn write_to(&self, to: &mut impl Write) -> io::Result<usize> {
        if self.has_no_piece() {
            to.write(&self.before[self.sent..])
        } else {
            to.write_vectored(&self.slices())
        }
    }

    /// So many bytes have gone.
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

    /// Nothing of it need go. The memory is kept.
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
