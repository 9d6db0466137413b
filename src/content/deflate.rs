//! The `deflate` coding: a zlib stream (RFC 1950), or a bare deflate stream (RFC 1951).

use super::{
    codec::{Codec, Step},
    error::DecodeErrorKind,
    inflate::Inflate,
};

/// The flag for a preset dictionary in the second byte of a zlib header.
const FDICT: u8 = 0x20;

/// The compression method deflate, in the low half of the first byte of a zlib header. A bare
/// stream that begins so would have a stored block with a padding bit set.
const METHOD: u8 = 8;

pub(super) struct Deflate {
    inflate: Inflate,
    part: Part,
}

/// The part of the stream that comes next.
#[derive(Clone, Copy)]
enum Part {
    Start,
    /// The second byte of a zlib header, behind this one.
    Header(u8),
    Body,
}

impl Deflate {
    pub(super) fn new() -> Self {
        Self { inflate: Inflate::new(), part: Part::Start }
    }

    /// Takes the bytes that tell a zlib stream from a bare one. Returns false if more are needed,
    /// or on a fault.
    fn begin(&mut self, input: &[u8], step: &mut Step) -> bool {
        loop {
            let Some(&byte) = input.get(step.taken) else { return false };
            match self.part {
                Part::Start if byte & 0x0F == METHOD => self.part = Part::Header(byte),
                Part::Start => {
                    // The byte is the first of the stream, and is not taken here.
                    self.inflate.begin(false);
                    self.part = Part::Body;
                    return true;
                }
                Part::Header(first) => {
                    step.taken += 1;
                    let fault = if u16::from_be_bytes([first, byte]) % 31 != 0 || first > 0x7F {
                        DecodeErrorKind::Header
                    } else if byte & FDICT != 0 {
                        DecodeErrorKind::Dictionary
                    } else {
                        self.inflate.begin(true);
                        self.part = Part::Body;
                        let mut header = Step::default();
                        self.inflate.decode(&[first, byte], &mut [], &mut header, |_| {});
                        return true;
                    };
                    *step = core::mem::take(step).fault(fault);
                    return false;
                }
                Part::Body => return true,
            }
            step.taken += 1;
        }
    }
}

impl Codec for Deflate {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        let mut step = Step::default();
        if !matches!(self.part, Part::Body) && !self.begin(input, &mut step) {
            return step;
        }
        self.inflate.decode(input, output, &mut step, |_| {});
        if self.inflate.is_done() && step.taken < input.len() {
            step.taken += 1;
            return step.fault(DecodeErrorKind::Trailing);
        }
        step
    }

    fn may_end(&self) -> bool {
        matches!(self.part, Part::Body) && self.inflate.is_done()
    }

    fn reset(&mut self) {
        self.part = Part::Start;
    }
}
