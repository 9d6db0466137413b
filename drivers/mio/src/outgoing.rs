//! What is on its way out.

use std::io::{self, IoSlice, Write};

use bytes::{Buf, Bytes};

/// `[head and framing, piece of body, framing]`, written in one go and without copying the piece.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// A head, or the framing before the piece; up to `sent` it has gone.
    pub(crate) before: Vec<u8>,
    sent: usize,
    /// The piece: bytes of the application, or what its reader put into `buffer`.
    bytes: Bytes,
    pub(crate) buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The framing behind it.
    after: &'static [u8],
}

impl Outgoing {
    pub(crate) fn is_empty(&self) -> bool {
        self.sent == self.before.len() && self.has_no_piece()
    }

    /// Whether a piece may be put in.
    pub(crate) fn has_no_piece(&self) -> bool {
        self.bytes.is_empty() && self.start == self.end && self.after.is_empty()
    }

    pub(crate) fn put_bytes(&mut self, bytes: Bytes, after: &'static [u8]) {
        (self.bytes, self.after) = (bytes, after);
    }

    /// The piece is the first `len` bytes of the buffer.
    pub(crate) fn put_buffered(&mut self, len: usize, after: &'static [u8]) {
        (self.start, self.end, self.after) = (0, len.min(self.buffer.len()), after);
    }

    /// Writes what goes in one piece.
    pub(crate) fn write_to(&self, to: &mut impl Write) -> io::Result<usize> {
        let before = &self.before[self.sent..];
        if self.has_no_piece() {
            return to.write(before);
        }
        to.write_vectored(&[
            IoSlice::new(before),
            IoSlice::new(&self.bytes),
            IoSlice::new(&self.buffer[self.start..self.end]),
            IoSlice::new(self.after),
        ])
    }

    /// So many bytes have gone.
    pub(crate) fn advance(&mut self, mut gone: usize) {
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
    pub(crate) fn clear(&mut self) {
        self.before.clear();
        self.bytes = Bytes::new();
        (self.sent, self.start, self.end, self.after) = (0, 0, 0, &[]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_partial_write_goes_on_where_it_stopped() {
        for step in 1..12 {
            let mut out = Outgoing { before: b"head".to_vec(), ..Outgoing::default() };
            out.put_bytes(Bytes::from_static(b"body"), b"\r\n");
            let mut wire = Vec::new();
            while !out.is_empty() {
                let mut all = Vec::new();
                out.write_to(&mut all).unwrap();
                let now = step.min(all.len());
                wire.extend_from_slice(&all[..now]);
                out.advance(now);
            }
            assert_eq!(wire, b"headbody\r\n", "in steps of {step}");
        }
    }
}
