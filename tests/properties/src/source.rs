//! Decodes scripts from bytes, and draws bytes at random.
//!
//! Each script has one decoder, used by fuzzers and by property tests. So both explore the same
//! scripts, and a file of a fuzzer's corpus is also input for a test.

use httpool::pool::Dialing;
use quickcheck::{Arbitrary, Gen};

/// Reads bytes as choices. At the end of the bytes every choice is the first one.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    rest: &'a [u8],
}

impl<'a> Source<'a> {
    /// Creates a source of the choices in `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all bytes have been read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Returns the next byte, or 0 at the end.
    pub fn byte(&mut self) -> u8 {
        match self.rest {
            [byte, rest @ ..] => {
                self.rest = rest;
                *byte
            }
            [] => 0,
        }
    }

    /// Returns who opens the connections of a pool.
    pub fn dialing(&mut self) -> Dialing {
        if self.flag() { Dialing::PerThread } else { Dialing::Shared }
    }

    /// Returns the next two bytes as a number.
    pub fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// Returns the next eight bytes as a number.
    pub fn long(&mut self) -> u64 {
        (0..4).fold(0, |long, _| long << 16 | u64::from(self.number()))
    }

    /// Returns a number below `bound`, which is 1 to 256.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// Returns true or false with equal chance.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Returns true in `of_256` of 256 cases.
    pub fn chance(&mut self, of_256: u8) -> bool {
        self.byte() > u8::MAX - of_256
    }

    /// Returns one of the elements of `from`, which must not be empty.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// Returns an index into `weights`. Its chance is proportional to its weight.
    pub fn weighted(&mut self, weights: &[u16]) -> usize {
        let all = weights.iter().fold(0, |all, weight| all + usize::from(*weight)).max(1);
        let mut pick = usize::from(self.number()) % all;
        let here = weights.iter().position(|&weight| {
            let here = pick < usize::from(weight);
            pick = pick.saturating_sub(weight.into());
            here
        });
        here.unwrap_or(0)
    }

    /// Returns `weights` unchanged in half of all cases. In the other half it zeroes some and
    /// raises others, so that some events are frequent and others never happen (swarm testing).
    pub fn swarm<const N: usize>(&mut self, weights: [u16; N]) -> [u16; N] {
        let swarm = self.flag();
        weights.map(|weight| if swarm { weight * self.pick(&[1, 0, 1, 4]) } else { weight })
    }

    /// Returns up to 255 bytes: the next byte gives the length.
    pub fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte()).min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(len);
        self.rest = rest;
        bytes
    }

    /// Returns [`bytes`](Self::bytes) as text.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// Returns all bytes that are left.
    pub fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }
}

/// Draws bytes at random, enough for a script of about `g.size()` events.
pub fn random_bytes(g: &mut Gen) -> Vec<u8> {
    let len = usize::arbitrary(g) % (4 * g.size() + 64);
    (0..len).map(|_| u8::arbitrary(g)).collect()
}

/// Returns shorter versions of `script`: without each half of its events, then without each single
/// one.
pub fn shorter<S: Clone + 'static, E: 'static>(
    script: &S,
    events: fn(&mut S) -> &mut Vec<E>,
) -> Box<dyn Iterator<Item = S>> {
    let mut script = script.clone();
    let len = events(&mut script).len();
    let halves = [(0, len / 2), (len / 2, len)].into_iter().filter(move |_| len > 1);
    let singles = (0..len).map(|at| (at, at + 1));
    Box::new(halves.chain(singles).map(move |(from, to)| {
        let mut shorter = script.clone();
        events(&mut shorter).drain(from..to);
        shorter
    }))
}
