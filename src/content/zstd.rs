//! The `zstd` coding (RFC 8878), with the window that RFC 9659 allows.
//!
//! Headers, checksums and the end of a frame are handled here; [`history`](super::history) decodes
//! blocks.

use alloc::vec::Vec;
use core::hash::Hasher;

use twox_hash::XxHash64;

use super::{
    codec::{Codec, Fault, Step},
    error::DecodeErrorKind,
    history::History,
};

/// Largest window: RFC 9659 section 3.
const WINDOW_MAX: u64 = 8 << 20;

const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

/// Skippable frames have any low half of the first byte.
const SKIPPABLE: [u8; 4] = 0x184D_2A50_u32.to_le_bytes();

const BLOCK_HEADER: usize = 3;

pub(super) struct Zstd {
    history: History,
    part: Part,
    frame: Frame,
    /// The begin of a header or a block that a read cut.
    gathered: Vec<u8>,
}

/// The part that comes next.
#[derive(Clone, Copy)]
enum Part {
    /// A frame: its magic, and what follows that.
    Header,
    /// A skippable frame: the number of bytes left of its content.
    Skip(u32),
    Block,
    /// The four bytes of the checksum: the number taken.
    Checksum(u8),
}

/// The facts of the header of a frame, and the part of the frame that was decoded.
struct Frame {
    /// The number of bytes that the frame decodes to, if stated.
    content: Option<u64>,
    checked: bool,
    hash: XxHash64,
    decoded: u64,
}

impl Zstd {
    pub(super) fn new() -> Self {
        let hash = XxHash64::with_seed(0);
        let frame = Frame { content: None, checked: false, hash, decoded: 0 };
        Self { history: History::new(), part: Part::Header, frame, gathered: Vec::new() }
    }

    /// Takes bytes of the next part from the begin of `input`, which is not empty. Returns their
    /// number, or the fault and how many bytes before the end of `input` it shows. It is not called
    /// while bytes wait to be written.
    fn take(&mut self, input: &[u8]) -> Result<usize, Fault> {
        let fault = |(kind, back)| Fault { kind, back };
        match self.part {
            Part::Header => self.take_header(input).map_err(fault),
            Part::Skip(left) => {
                let count = input.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let left = left - u32::try_from(count).unwrap_or(left);
                self.part = if left > 0 { Part::Skip(left) } else { Part::Header };
                Ok(count)
            }
            Part::Block => self.take_block(input).map_err(fault),
            Part::Checksum(at) => {
                let [.., a, b, c, d] = self.frame.hash.finish().to_be_bytes();
                if input.first() != Some(&[d, c, b, a][usize::from(at)]) {
                    return Err(fault((DecodeErrorKind::Checksum, input.len())));
                }
                self.part = if at < 3 { Part::Checksum(at + 1) } else { Part::Header };
                Ok(1)
            }
        }
    }

    /// Takes the header of a frame, byte by byte, so that a wrong byte shows at its place.
    fn take_header(&mut self, input: &[u8]) -> Result<usize, (DecodeErrorKind, usize)> {
        for (at, &byte) in input.iter().enumerate() {
            self.gathered.push(byte);
            if self.check_header().map_err(|kind| (kind, input.len() - at))? {
                self.gathered.clear();
                return Ok(at + 1);
            }
        }
        Ok(input.len())
    }

    /// Begins a frame if its header is complete.
    fn check_header(&mut self) -> Result<bool, DecodeErrorKind> {
        let header = &self.gathered[..];
        let magic = &header[..header.len().min(4)];
        let skippable = magic[0] & 0xF0 == SKIPPABLE[0] && magic[1..] == SKIPPABLE[1..magic.len()];
        if skippable {
            if let &[.., a, b, c, d] = header
                && header.len() == 8
            {
                let len = u32::from_le_bytes([a, b, c, d]);
                self.part = if len > 0 { Part::Skip(len) } else { Part::Header };
            }
            return Ok(header.len() == 8);
        }
        if !MAGIC.starts_with(magic) {
            return Err(DecodeErrorKind::Header);
        }
        let Some(&descriptor) = header.get(4) else { return Ok(false) };
        if descriptor & 8 != 0 {
            return Err(DecodeErrorKind::Header);
        }
        let single_segment = descriptor & 0x20 != 0;
        let dictionary_at = 5 + usize::from(!single_segment);
        let content_at = dictionary_at + [0, 1, 2, 4][usize::from(descriptor & 3)];
        let content_len = match descriptor >> 6 {
            0 => usize::from(single_segment),
            flag => 1 << flag,
        };
        if header.len() < content_at + content_len {
            return Ok(false);
        }
        if header[dictionary_at..content_at].iter().any(|&byte| byte != 0) {
            return Err(DecodeErrorKind::Dictionary);
        }
        let content = little_endian(&header[content_at..content_at + content_len]);
        let content = if content_len == 2 { content + 256 } else { content };
        let window = if single_segment { content } else { window(header[5]) };
        if window > WINDOW_MAX {
            return Err(DecodeErrorKind::Window);
        }
        let begun = usize::try_from(window).is_ok_and(|window| self.history.begin(window));
        if !begun {
            return Err(DecodeErrorKind::Memory);
        }
        self.frame = Frame {
            content: (content_len > 0).then_some(content),
            checked: descriptor & 4 != 0,
            hash: XxHash64::with_seed(0),
            decoded: 0,
        };
        self.part = Part::Block;
        Ok(true)
    }

    /// Takes a block once all of it has come: from the input if it is whole there, and otherwise
    /// from the bytes gathered.
    fn take_block(&mut self, input: &[u8]) -> Result<usize, (DecodeErrorKind, usize)> {
        let before = self.gathered.len();
        let mut taken = 0;
        if before > 0 && before < BLOCK_HEADER {
            taken = input.len().min(BLOCK_HEADER - before);
            self.gathered.extend_from_slice(&input[..taken]);
        }
        let head = if before > 0 { &self.gathered } else { input };
        let Some(&[a, b, c]) = head.get(..BLOCK_HEADER) else {
            self.gathered.extend_from_slice(&input[taken..]);
            return Ok(input.len());
        };
        let header = u32::from_le_bytes([a, b, c, 0]);
        let size = (header >> 3) as usize;
        let kind = header >> 1 & 3;
        if kind == 3 || size > self.history.block_max() {
            return Err((DecodeErrorKind::Data, input.len() + before));
        }
        let len = BLOCK_HEADER + if kind == 1 { 1 } else { size };
        if before == 0 {
            let Some(block) = input.get(..len) else {
                self.gathered.extend_from_slice(input);
                return Ok(input.len());
            };
            self.run_block(block).map_err(|kind| (kind, input.len()))?;
            return Ok(len);
        }
        let rest = &input[taken..];
        let more = rest.len().min(len - self.gathered.len());
        self.gathered.extend_from_slice(&rest[..more]);
        taken += more;
        if self.gathered.len() < len {
            return Ok(taken);
        }
        let block = core::mem::take(&mut self.gathered);
        self.run_block(&block).map_err(|kind| (kind, input.len() + before))?;
        self.gathered = block;
        self.gathered.clear();
        Ok(taken)
    }

    /// Decodes a block with its header.
    fn run_block(&mut self, block: &[u8]) -> Result<(), DecodeErrorKind> {
        let frame = &mut self.frame;
        let new = self.history.decode(block, frame.checked.then_some(&mut frame.hash));
        frame.decoded += new.ok_or(DecodeErrorKind::Data)? as u64;
        let last = block[0] & 1 == 1;
        let wrong = |content| frame.decoded > content || last && frame.decoded < content;
        if frame.content.is_some_and(wrong) {
            return Err(DecodeErrorKind::Length);
        }
        if last {
            self.part = if frame.checked { Part::Checksum(0) } else { Part::Header };
        }
        Ok(())
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// The size of the window that a descriptor states (RFC 8878 3.1.1.1.2).
const fn window(descriptor: u8) -> u64 {
    let base = 1 << (10 + (descriptor >> 3));
    base + base / 8 * (descriptor & 7) as u64
}

impl Codec for Zstd {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        let mut step = Step::default();
        loop {
            step.written += self.history.give(&mut output[step.written..]);
            if self.history.has_more() || step.taken == input.len() {
                return step;
            }
            match self.take(&input[step.taken..]) {
                Ok(taken) => step.taken += taken,
                Err(fault) => {
                    step.taken = input.len();
                    step.fault = Some(fault);
                    return step;
                }
            }
        }
    }

    fn may_end(&self) -> bool {
        matches!(self.part, Part::Header) && self.gathered.is_empty()
    }

    fn reset(&mut self) {
        self.part = Part::Header;
        self.gathered.clear();
        self.history.shrink();
    }
}
