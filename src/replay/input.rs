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
}

impl Input {
    /// Reads how much a machine was given, and what was new of it; says how much.
    pub(super) fn hear(&mut self, text: &str, held: &mut Held) -> Result<usize, Malformed> {
        let (given, new) = text.split_once(' ').unwrap_or((text, ""));
        let given: usize = number(given).ok_or(Malformed::Event)?;
        let before = self.bytes.len();
        let read = unescape(new, &mut self.bytes, before + (HELD_MAX - held.0));
        held.0 += self.bytes.len() - before;
        match read {
            Ok(()) if given <= self.bytes.len() => Ok(given),
            Ok(()) | Err(Unescape::Malformed) => Err(Malformed::Event),
            Err(Unescape::TooLong) => Err(Malformed::TooLong),
        }
    }

    pub(super) fn given(&self, len: usize) -> &[u8] {
        self.bytes.get(..len).unwrap_or_default()
    }

    pub(super) fn take(&mut self, len: usize, held: &mut Held) {
        let len = len.min(self.bytes.len());
        held.0 -= len;
        self.bytes.drain(..len);
        self.bytes.shrink_to(self.bytes.len() * 2 + 1024);
    }

    pub(super) fn clear(&mut self, held: &mut Held) {
        self.take(self.bytes.len(), held);
    }
}
