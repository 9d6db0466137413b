//! Input that was read and not used yet.

use std::mem;

/// The initial size of the buffer, in bytes.
const FIRST: usize = 16 * 1024;
/// The size of the buffer, in bytes, after a read has filled it.
const BULK: usize = 64 * 1024;
/// The largest size of the buffer, in bytes: a read of 64 KiB behind a part of a record. The longest
/// record of TLS has 18,437 bytes, and a handshake message 65,535.
pub(super) const INPUT_MAX: usize = BULK + 18_437;

/// Input that was read and not used yet. All its memory is initialized, so that a socket can be
/// read straight into it.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    at: usize,
    end: usize,
    /// Whether the last read filled the buffer, so that there is probably more.
    filled: bool,
}

impl Input {
    pub(super) const fn is_empty(&self) -> bool {
        self.at == self.end
    }

    pub(super) const fn len(&self) -> usize {
        self.end - self.at
    }

    pub(super) fn rest(&mut self) -> &mut [u8] {
        &mut self.bytes[self.at..self.end]
    }

    /// Removes the first `taken` bytes.
    pub(super) fn take(&mut self, taken: usize) {
        self.at = self.end.min(self.at + taken);
        if self.is_empty() {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        (self.at, self.end) = (0, 0);
    }

    /// Returns the free space behind the input. It is empty only if there are [`INPUT_MAX`] bytes
    /// of input.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if mem::take(&mut self.filled) && self.bytes.len() < BULK {
            self.bytes.resize(BULK, 0);
        } else if self.end == self.bytes.len() {
            self.make_room(1);
        }
        &mut self.bytes[self.end..]
    }

    /// Adds the first `read` bytes of the [`room`](Self::room).
    pub(super) fn put(&mut self, read: usize) {
        self.end = self.bytes.len().min(self.end + read);
        self.filled = self.end == self.bytes.len();
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.bytes[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    fn make_room(&mut self, wanted: usize) {
        if self.bytes.len() - self.end >= wanted {
            return;
        }
        self.bytes.copy_within(self.at..self.end, 0);
        (self.at, self.end) = (0, self.len());
        if self.bytes.len() - self.end < wanted {
            let doubled = (self.bytes.len() * 2).clamp(FIRST, INPUT_MAX);
            let needed = if wanted > 1 { self.end + wanted } else { 0 };
            self.bytes.resize(doubled.max(needed).max(self.bytes.len()), 0);
        }
    }

    /// Moves the input into the memory of `spare`, which is empty.
    pub(super) fn lend(&mut self, spare: &mut Self) {
        if !self.is_empty() {
            spare.append(self.rest());
        }
        *self = mem::take(spare);
    }

    /// Returns the memory to `spare`. The input itself is kept, in as much memory as it needs.
    pub(super) fn take_back(&mut self, spare: &mut Self) {
        let bytes = self.rest().to_vec();
        let kept = Self { end: bytes.len(), bytes, ..Self::default() };
        *spare = mem::replace(self, kept);
        spare.clear();
        spare.filled = false;
        if spare.bytes.len() > FIRST {
            spare.bytes = Vec::new();
        }
    }
}
