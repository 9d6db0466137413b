//! Sealed bytes that were not written yet.

use std::{collections::VecDeque, mem};

/// A buffer larger than this, in bytes, is not kept for the next call.
const KEPT_MAX: usize = 20 * 1024;

/// Sealed bytes that were not written yet, and the plaintext that they contain.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    /// The number of bytes at the front that were written.
    sent: usize,
    /// For each piece of plaintext: its last sealed byte lies before this place in `bytes`, and its
    /// length.
    marks: VecDeque<(usize, usize)>,
}

impl Output {
    #[inline]
    pub(super) fn pending(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    pub(super) fn has_plaintext(&self) -> bool {
        !self.marks.is_empty()
    }

    /// Returns the buffer, to append sealed bytes to.
    pub(super) const fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Records that the bytes appended last contain `plain` bytes of plaintext.
    pub(super) fn mark(&mut self, plain: usize) {
        self.marks.push_back((self.bytes.len(), plain));
    }

    /// Removes the first `raw` bytes, which were written. Returns the length of the plaintext whose
    /// last sealed byte is among them.
    pub(super) fn advance(&mut self, raw: usize) -> usize {
        self.sent = self.bytes.len().min(self.sent + raw);
        let mut plain = 0;
        while let Some((end, len)) = self.marks.front().copied().filter(|it| it.0 <= self.sent) {
            debug_assert!(end <= self.bytes.len());
            plain += len;
            self.marks.pop_front();
        }
        if self.sent == self.bytes.len() {
            self.clear();
        }
        plain
    }

    /// Removes the written bytes, so that the buffer holds only what is pending.
    pub(super) fn compact(&mut self) {
        if self.sent > 0 {
            self.bytes.drain(..self.sent);
            self.marks.iter_mut().for_each(|mark| mark.0 -= self.sent);
            self.sent = 0;
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.marks.clear();
        self.sent = 0;
    }

    /// Moves the output into the memory of `spare`, which is empty.
    pub(super) fn lend(&mut self, spare: &mut Self) {
        self.compact();
        spare.bytes.extend_from_slice(&self.bytes);
        spare.marks.extend(&self.marks);
        *self = mem::take(spare);
    }

    /// Returns the memory to `spare`, which drops it if it is large and not `all` is kept. Pending
    /// output is kept, in as much memory as it needs.
    pub(super) fn take_back(&mut self, spare: &mut Self, all: bool) {
        self.compact();
        let kept = Self { bytes: self.bytes.clone(), sent: 0, marks: self.marks.clone() };
        *spare = mem::replace(self, kept);
        spare.clear();
        if spare.bytes.capacity() > KEPT_MAX && !all {
            spare.bytes = Vec::new();
        }
    }
}
