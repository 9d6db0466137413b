//! The decoded bytes of a zstd frame, as far back as its blocks may refer to them.
//!
//! `ruzstd` gives decoded bytes only once they are a window old, or the frame has ended: an event
//! stream would hang. So its decoder gets the header of a frame of its own with an empty last
//! block, which ends that frame, and then the blocks of the real one: it decodes them, and now
//! gives all bytes. They are only looked at, so that they stay for later blocks. When twice the
//! window is full, the last window is taken out and put back as raw blocks: one copy for each byte.

use alloc::vec::Vec;
use core::hash::Hasher;

use ruzstd::{
    decoding::{BlockDecodingStrategy, FrameDecoder},
    io,
};
use twox_hash::XxHash64;

/// Most bytes that a block decodes to, and most that it takes (RFC 8878 3.1.1.2.4).
const BLOCK_MAX: usize = 128 * 1024;

/// Memory for more bytes than this is not kept for the next body.
const KEPT_MAX: usize = 1 << 20;

pub(super) struct History {
    decoder: FrameDecoder,
    window: usize,
    /// The most bytes that the decoder has held, which its memory is a multiple of.
    longest: usize,
    /// Decoded bytes that the decoder holds, and how many of them were given.
    len: usize,
    given: usize,
    /// For the last window while it is moved.
    moved: Vec<u8>,
}

impl History {
    pub(super) fn new() -> Self {
        let decoder = FrameDecoder::new();
        Self { decoder, window: 0, longest: 0, len: 0, given: 0, moved: Vec::new() }
    }

    /// Begins a frame with a window of so many bytes. Returns false if that fails.
    pub(super) fn begin(&mut self, window: usize) -> bool {
        self.window = window;
        (self.len, self.given) = (0, 0);
        // A frame of one segment, with a length of four bytes. Its window is the length, which
        // bounds the bytes of a block, and the memory that is allocated at once.
        let [a, b, c, d] = u32::try_from(self.block_max()).unwrap_or(0).to_le_bytes();
        let header = [0x28, 0xB5, 0x2F, 0xFD, 0xA0, a, b, c, d];
        let last = [1, 0, 0];
        self.decoder.reset(&header[..]).is_ok() && self.run(&last[..])
    }

    /// Forgets all bytes. Gives memory back that a long body needed.
    pub(super) fn shrink(&mut self) {
        if self.longest > KEPT_MAX {
            *self = Self::new();
        }
        (self.len, self.given) = (0, 0);
    }

    /// Most bytes of a block of this frame.
    pub(super) fn block_max(&self) -> usize {
        self.window.min(BLOCK_MAX)
    }

    /// Whether decoded bytes were not given yet.
    pub(super) const fn has_more(&self) -> bool {
        self.given < self.len
    }

    /// Decodes a block with its header, once all earlier bytes were given. Returns the number of
    /// new bytes, or `None` if the block is corrupt. Adds the new bytes to `hash`.
    pub(super) fn decode(&mut self, block: &[u8], hash: Option<&mut XxHash64>) -> Option<usize> {
        if self.len > 2 * self.window.max(BLOCK_MAX) && !self.slide() {
            return None;
        }
        if !self.run(block) {
            return None;
        }
        let before = self.len;
        self.len = self.decoder.can_collect();
        self.longest = self.longest.max(self.len);
        if let Some(hash) = hash {
            self.look(|bytes| hash.write(bytes.get(before..).unwrap_or_default()));
        }
        self.len.checked_sub(before)
    }

    /// Moves decoded bytes to `output`. Returns their number.
    pub(super) fn give(&mut self, output: &mut [u8]) -> usize {
        let count = (self.len - self.given).min(output.len());
        let (from, mut given) = (self.given, 0);
        if count > 0 {
            self.look(|bytes| {
                if let Some(bytes) = bytes.get(from..from + count) {
                    output[..count].copy_from_slice(bytes);
                    given = count;
                }
            });
        }
        self.given += given;
        given
    }

    /// Keeps only the last window.
    fn slide(&mut self) -> bool {
        let mut moved = core::mem::take(&mut self.moved);
        moved.clear();
        let window = self.window;
        let mut take = Sink(|bytes: &[u8]| {
            moved.extend_from_slice(&bytes[bytes.len().saturating_sub(window)..]);
            bytes.len()
        });
        let taken = self.decoder.collect_to_writer(&mut take).is_ok_and(|taken| taken == self.len);
        // Empty now. This makes the next bytes begin at the start of its memory again, so that they
        // stay in one piece.
        self.decoder.collect();
        let mut done = taken;
        for piece in moved.chunks(self.block_max().max(1)) {
            let [size @ .., _] = u32::try_from(piece.len() << 3).unwrap_or(0).to_le_bytes();
            done = done && self.run(Chain(&size, piece));
        }
        self.len = moved.len();
        self.given = self.len;
        self.moved = moved;
        done
    }

    /// Decodes one block.
    fn run(&mut self, block: impl io::Read) -> bool {
        self.decoder.decode_blocks(block, BlockDecodingStrategy::UptoBlocks(1)).is_ok()
    }

    /// Passes all bytes to `look`, and takes none out.
    fn look(&mut self, mut look: impl FnMut(&[u8])) {
        let sink = Sink(|bytes: &[u8]| {
            look(bytes);
            0
        });
        // Nothing is taken, so this cannot fail.
        let _ = self.decoder.collect_to_writer(sink);
    }
}

/// Hands all bytes to a function, which returns how many of them it takes.
struct Sink<F>(F);

impl<F: FnMut(&[u8]) -> usize> io::Write for Sink<F> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, io::Error> {
        Ok((self.0)(bytes))
    }

    fn flush(&mut self) -> Result<(), io::Error> {
        Ok(())
    }
}

/// Two slices, one after the other.
struct Chain<'a>(&'a [u8], &'a [u8]);

impl io::Read for Chain<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, io::Error> {
        if self.0.is_empty() { self.1.read(buffer) } else { self.0.read(buffer) }
    }
}
