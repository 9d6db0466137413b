//! Input that a machine is given again.

use alloc::vec::Vec;

use super::{Malformed, line::number};
use crate::trace::{Unescape, unescape};

/// More than this is not held at a time, over all machines: a count of body bytes is short to write.
const HELD_MAX: usize = 16 * 1024 * 1024;

/// How much input all machines have not taken.
#[derive(Debug, Default)]
pub(super) struct Held(usize);

/// Input of one machine that it has not taken.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    /// So much of it is as it was recorded; the rest is filler, given once.
    known: usize,
}

impl Input {
    /// Reads how much a machine was given, and what was new of it.
    pub(super) fn hear(&mut self, text: &str, held: &mut Held) -> Result<&[u8], Malformed> {
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

    /// The machine has taken so much of it.
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
