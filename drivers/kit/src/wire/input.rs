//! Input that was read and not used yet.

use std::mem;

/// The initial size of the buffer, in bytes.
const FIRST: usize = 16 * 1024;
/// The size of the buffer, in bytes, after a read has filled it: four whole records of TLS 1.2 or
/// 1.3, with 16 KiB of plaintext and at most 29 bytes around it. In 64 KiB there would be three,
/// and after each read most of the fourth would be moved to the front.
const BULK: usize = 4 * (16 * 1024 + 29);
/// The largest size of the buffer, in bytes: a part of a record, and behind it a read of [`BULK`]
/// bytes. The longest record of TLS has 18,437 bytes, and the longest handshake message 65,535.
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
    /// of input, or more.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if mem::take(&mut self.filled) && self.bytes.len() < BULK {
            self.bytes.resize(BULK, 0);
        } else if self.end == self.bytes.len() {
            self.compact();
            if self.end == self.bytes.len() {
                let len = (self.end * 2).clamp(FIRST, INPUT_MAX);
                self.bytes.resize(len.max(self.end), 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    /// Adds the first `read` bytes of the [`room`](Self::room).
    pub(super) fn put(&mut self, read: usize) {
        self.end = self.bytes.len().min(self.end + read);
        self.filled = self.end == self.bytes.len();
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        if self.bytes.len() - self.end < bytes.len() {
            self.compact();
        }
        let end = self.end + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end.max(FIRST), 0);
        }
        self.bytes[self.end..end].copy_from_slice(bytes);
        self.end = end;
    }

    fn compact(&mut self) {
        self.bytes.copy_within(self.at..self.end, 0);
        (self.at, self.end) = (0, self.len());
    }

    /// Moves the input into the memory of `spare`, which is empty.
    pub(super) fn lend(&mut self, spare: &mut Self) {
        if !self.is_empty() {
            spare.append(self.rest());
        }
        *self = mem::take(spare);
    }

    /// Returns the memory to `spare`. If it is large, it is dropped instead, unless `all` is set.
    /// The input itself stays here, in as much memory as it needs.
    pub(super) fn take_back(&mut self, spare: &mut Self, all: bool) {
        let bytes = self.rest().to_vec();
        let kept = Self { end: bytes.len(), bytes, ..Self::default() };
        *spare = mem::replace(self, kept);
        spare.clear();
        spare.filled = false;
        if spare.bytes.len() > FIRST && !all {
            spare.bytes = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `bytes` into the room, in reads of at most `most` bytes.
    fn read(input: &mut Input, mut bytes: &[u8], most: usize) {
        while !bytes.is_empty() {
            let room = input.room();
            let some = room.len().min(bytes.len()).min(most);
            assert!(some > 0, "no room");
            room[..some].copy_from_slice(&bytes[..some]);
            input.put(some);
            bytes = &bytes[some..];
        }
    }

    #[test]
    fn input_in_any_pieces_stays_in_order_and_is_bounded() {
        for (piece, taken) in [(1, 1), (700, 600), (16 * 1024, 9_000), (100_000, 1)] {
            let bytes: Vec<u8> = (0..INPUT_MAX).map(|at| (at % 251) as u8).collect();
            let (mut input, mut got) = (Input::default(), 0);
            for part in bytes.chunks(piece) {
                read(&mut input, part, usize::MAX);
                let now = input.len().min(taken);
                assert_eq!(input.rest()[..now], bytes[got..got + now]);
                input.take(now);
                got += now;
            }
            assert_eq!(input.rest(), &bytes[got..]);
        }
        let mut full = Input::default();
        read(&mut full, &[7; INPUT_MAX], usize::MAX);
        assert!(full.room().is_empty());
        full.append(&[8]);
        assert_eq!((full.len(), full.rest()[INPUT_MAX]), (INPUT_MAX + 1, 8));
    }

    #[test]
    fn of_a_long_body_in_full_records_next_to_nothing_is_moved() {
        for overhead in [21, 22, 29] {
            let record = 16 * 1024 + overhead;
            let (mut input, mut moved) = (Input::default(), 0);
            for number in 0..40 {
                let (kept, room) = (input.len(), input.room().len());
                if number > 2 {
                    assert!(room >= 3 * record, "{room}");
                    moved += kept;
                }
                input.put(room);
                let whole = input.len() / record * record;
                input.take(whole);
            }
            assert!(moved < 40 * 64, "{moved} bytes for records with {overhead} around");
        }
    }

    #[test]
    fn memory_goes_back_and_only_the_bytes_of_a_part_are_kept() {
        let (mut input, mut spare) = (Input::default(), Input::default());
        input.lend(&mut spare);
        read(&mut input, b"a part", usize::MAX);
        assert_eq!(input.bytes.len(), FIRST);
        input.take(2);
        input.take_back(&mut spare, false);
        assert_eq!((input.bytes.len(), spare.bytes.len(), spare.len()), (4, FIRST, 0));
        input.lend(&mut spare);
        assert_eq!((input.rest(), spare.bytes.len()), (&mut b"part".to_vec()[..], 0));
        input.take(4);
        input.take_back(&mut spare, false);
        assert_eq!((input.bytes.capacity(), spare.bytes.len()), (0, FIRST));
        // A buffer that has grown for a long body is not kept.
        input.lend(&mut spare);
        read(&mut input, &[0; 60_000], usize::MAX);
        input.take(60_000);
        input.take_back(&mut spare, false);
        assert_eq!((input.bytes.capacity(), spare.bytes.capacity()), (0, 0));
    }
}
