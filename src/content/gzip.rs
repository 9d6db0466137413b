//! The `gzip` coding (RFC 1952): members one after another.

use crc32fast::Hasher;

use super::{
    codec::{Codec, Step},
    error::DecodeErrorKind,
    inflate::Inflate,
};

const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;
const RESERVED: u8 = 0xE0;

/// The first bytes of each member: two of magic, and the method deflate.
const MAGIC: [u8; 3] = [0x1F, 0x8B, 8];

pub(super) struct Gzip {
    /// Absent until the first header is complete.
    inflate: Option<Inflate>,
    part: Part,
    flags: u8,
    /// Of the header, then of the decoded bytes.
    crc: Hasher,
    /// Decoded bytes of the member, modulo 2^32.
    len: u32,
}

/// The part of a member that comes next.
#[derive(Clone, Copy)]
enum Part {
    /// The ten bytes that each header has: the number of those taken.
    Fixed(u8),
    /// The two bytes of the extra field's length: the number taken, and their value so far.
    ExtraLen(u8, u16),
    /// The extra field: the number of bytes left.
    Extra(u16),
    Name,
    Comment,
    /// The two bytes of the header's checksum: the number taken.
    HeaderCrc(u8),
    Body,
    /// Checksum and length, of four bytes each: the number of those taken.
    Trailer(u8),
}

impl Gzip {
    pub(super) fn new() -> Self {
        let part = Part::Fixed(0);
        Self { inflate: None, part, flags: 0, crc: Hasher::new(), len: 0 }
    }

    /// Takes one byte of the header or the trailer.
    fn take(&mut self, byte: u8) -> Result<(), DecodeErrorKind> {
        if !matches!(self.part, Part::HeaderCrc(_) | Part::Trailer(_)) {
            self.crc.update(&[byte]);
        }
        match self.part {
            Part::Fixed(at) => return self.take_fixed(at, byte),
            Part::ExtraLen(0, _) => self.part = Part::ExtraLen(1, byte.into()),
            Part::ExtraLen(_, low) => {
                self.part = Part::Extra(low | u16::from(byte) << 8);
                self.skip_empty();
            }
            Part::Extra(left) => {
                self.part = Part::Extra(left - 1);
                self.skip_empty();
            }
            Part::Name | Part::Comment => {
                if byte == 0 {
                    self.next_optional();
                }
            }
            Part::HeaderCrc(at) => {
                let crc = self.crc.clone().finalize().to_le_bytes();
                if crc[usize::from(at)] != byte {
                    return Err(DecodeErrorKind::Header);
                }
                self.part = Part::HeaderCrc(at + 1);
                if at == 1 {
                    self.begin_body();
                }
            }
            Part::Trailer(at) => return self.take_trailer(at, byte),
            Part::Body => {}
        }
        Ok(())
    }

    fn take_fixed(&mut self, at: u8, byte: u8) -> Result<(), DecodeErrorKind> {
        if MAGIC.get(usize::from(at)).is_some_and(|&magic| magic != byte) {
            return Err(DecodeErrorKind::Header);
        }
        if at == 3 {
            if byte & RESERVED != 0 {
                return Err(DecodeErrorKind::Header);
            }
            self.flags = byte;
        }
        self.part = Part::Fixed(at + 1);
        if at == 9 {
            self.next_optional();
        }
        Ok(())
    }

    /// Goes from an extra field to the next part if no byte of it is left.
    fn skip_empty(&mut self) {
        if let Part::Extra(0) = self.part {
            self.next_optional();
        }
    }

    /// Goes to the next part of the header that the flags announce, or to the body.
    fn next_optional(&mut self) {
        for (flag, part) in [
            (FEXTRA, Part::ExtraLen(0, 0)),
            (FNAME, Part::Name),
            (FCOMMENT, Part::Comment),
            (FHCRC, Part::HeaderCrc(0)),
        ] {
            if self.flags & flag != 0 {
                self.flags &= !flag;
                self.part = part;
                return;
            }
        }
        self.begin_body();
    }

    fn begin_body(&mut self) {
        self.inflate.get_or_insert_with(Inflate::new).begin(false);
        self.part = Part::Body;
        self.crc = Hasher::new();
        self.len = 0;
    }

    fn take_trailer(&mut self, at: u8, byte: u8) -> Result<(), DecodeErrorKind> {
        let crc = self.crc.clone().finalize().to_le_bytes();
        let (expected, kind) = match at {
            0..4 => (crc[usize::from(at)], DecodeErrorKind::Checksum),
            _ => (self.len.to_le_bytes()[usize::from(at & 3)], DecodeErrorKind::Length),
        };
        if byte != expected {
            return Err(kind);
        }
        self.part = Part::Trailer(at + 1);
        if at == 7 {
            self.part = Part::Fixed(0);
            self.crc = Hasher::new();
        }
        Ok(())
    }

    /// Decodes the body of a member. Returns whether it ended.
    fn decode_body(&mut self, input: &[u8], output: &mut [u8], step: &mut Step) -> bool {
        let Self { inflate: Some(inflate), crc, len, .. } = self else { return false };
        inflate.decode(input, output, step, |new| {
            crc.update(new);
            #[expect(clippy::cast_possible_truncation, reason = "the length is modulo 2^32")]
            let count = new.len() as u32;
            *len = len.wrapping_add(count);
        });
        let ended = inflate.is_done();
        if ended {
            self.part = Part::Trailer(0);
        }
        ended
    }
}

impl Codec for Gzip {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        let mut step = Step::default();
        loop {
            let in_body = matches!(self.part, Part::Body);
            if in_body && !self.decode_body(input, output, &mut step) {
                return step;
            }
            let Some(&byte) = input.get(step.taken) else { return step };
            step.taken += 1;
            if let Err(kind) = self.take(byte) {
                return step.fault(kind);
            }
        }
    }

    fn may_end(&self) -> bool {
        matches!(self.part, Part::Fixed(0))
    }

    fn reset(&mut self) {
        self.part = Part::Fixed(0);
        self.crc = Hasher::new();
    }
}
