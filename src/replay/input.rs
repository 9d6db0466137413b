//! Holds the recorded input of a machine until it is consumed.

use alloc::vec::Vec;

use super::{Malformed, line::number};
use crate::trace::{Unescape, unescape};

/// The maximum input held at a time, over all machines. A recording can ask for much memory in few
/// characters, by a count of body bytes.
const HELD_MAX: usize = 16 * 1024 * 1024;

/// The number of input bytes that the machines have not consumed.
#[derive(Debug, Default)]
pub(super) struct Held(usize);

/// The input of one machine that it has not consumed.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    /// The number of bytes at the front that were recorded. The rest is filler, presented once.
    known: usize,
}

impl Input {
    /// Parses how many bytes were presented to the machine, and the new ones among them. Returns
    /// the bytes.
    pub(super) fn present(&mut self, text: &str, held: &mut Held) -> Result<&[u8], Malformed> {
        let (given, new) = text.split_once(' ').unwrap_or((text, ""));
        let given: usize = number(given).ok_or(Malformed::Event)?;
        let room = self.known + (HELD_MAX - held.0);
        let read = unescape(new, &mut self.bytes, room);
        held.0 += self.bytes.len() - self.known;
        self.known = self.bytes.len();
        match read {
            Err(Unescape::Malformed) => return Err(Malformed::Event),
            Err(Unescape::TooLong) => return Err(Malformed::TooLong),
            Ok(()) if given > room => return Err(Malformed::TooLong),
            Ok(()) => {}
        }
        self.bytes.resize(given.max(self.known), b'x');
        Ok(&self.bytes[..given])
    }

    /// Removes the `len` bytes that the machine has consumed.
    pub(super) fn take(&mut self, len: usize, held: &mut Held) {
        let len = len.min(self.known);
        held.0 -= len;
        self.bytes.truncate(self.known);
        self.bytes.drain(..len);
        self.known -= len;
        self.bytes.shrink_to(self.known * 2 + 1024);
    }

    pub(super) fn clear(&mut self, held: &mut Held) {
        self.take(self.known, held);
    }
}
