//! Scripts from bytes, and bytes from chance.
//!
//! Every script has one decoder, so that a fuzzer that changes bytes and a property test that draws
//! them at random walk the same ground, and a file of a corpus is a script for both.

use quickcheck::{Arbitrary, Gen};

/// Bytes that are read as choices. Behind their end everything is the first choice there is.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    rest: &'a [u8],
}

impl<'a> Source<'a> {
    /// Choices made by `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all are made.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte, or 0.
    pub fn byte(&mut self) -> u8 {
        match self.rest {
            [byte, rest @ ..] => {
                self.rest = rest;
                *byte
            }
            [] => 0,
        }
    }

    /// The next two bytes as a number.
    pub fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// The next eight bytes as a number.
    pub fn long(&mut self) -> u64 {
        (0..4).fold(0, |long, _| long << 16 | u64::from(self.number()))
    }

    /// A number below `bound`, which is 1 to 256.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// Yes or no.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Yes in `of_256` cases of 256.
    pub fn chance(&mut self, of_256: u8) -> bool {
        self.byte() > u8::MAX - of_256
    }

    /// One of `from`, which is not empty.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// The index of one of `weights`, the more often the heavier it is.
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

    /// `weights` as they are in half of all cases; in the other half a swarm of them, in which some
    /// things are frequent and others never happen.
    pub fn swarm<const N: usize>(&mut self, weights: [u16; N]) -> [u16; N] {
        let swarm = self.flag();
        weights.map(|weight| if swarm { weight * self.pick(&[1, 0, 1, 4]) } else { weight })
    }

    /// A length of at most 255, and as many bytes, or as are left.
    pub fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte()).min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(len);
        self.rest = rest;
        bytes
    }

    /// The same as text.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }
}

/// Bytes at random, enough for a script of about as many events as `g` is in size.
pub fn random_bytes(g: &mut Gen) -> Vec<u8> {
    let len = usize::arbitrary(g) % (4 * g.size() + 64);
    (0..len).map(|_| u8::arbitrary(g)).collect()
}

/// The scripts that are `script` without a part of its events: each half, then each one.
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
