//! Deflate streams (RFC 1951) and zlib streams (RFC 1950), with a sliding window.

use alloc::{boxed::Box, vec, vec::Vec};

use miniz_oxide::inflate::{
    TINFLStatus,
    core::{DecompressorOxide, TINFL_LZ_DICT_SIZE, decompress, inflate_flags as flag},
};

use super::{codec::Step, error::DecodeErrorKind};

/// Size of the window and of the bytes that wait behind it. With a buffer that does not wrap,
/// `miniz_oxide` refuses a distance before the start; with one that wraps, it would give zeros.
const BUFFER_BYTES: usize = 2 * TINFL_LZ_DICT_SIZE;

/// The state of one stream.
pub(super) struct Inflate {
    state: Box<DecompressorOxide>,
    /// Decoded bytes: handed out up to `given`, decoded up to `len`.
    buffer: Vec<u8>,
    given: usize,
    len: usize,
    flags: u32,
    done: bool,
    /// Shows behind the decoded bytes.
    fault: Option<DecodeErrorKind>,
}

impl Inflate {
    pub(super) fn new() -> Self {
        let buffer = vec![0; BUFFER_BYTES];
        Self { state: Box::default(), buffer, given: 0, len: 0, flags: 0, done: false, fault: None }
    }

    /// Begins a stream.
    pub(super) fn begin(&mut self, zlib: bool) {
        self.state.init();
        self.flags =
            flag::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | flag::TINFL_FLAG_HAS_MORE_INPUT;
        if zlib {
            self.flags |= flag::TINFL_FLAG_PARSE_ZLIB_HEADER;
        }
        (self.given, self.len, self.done, self.fault) = (0, 0, false, None);
    }

    /// Whether the stream has ended and all of it was handed out.
    pub(super) const fn is_done(&self) -> bool {
        self.done && self.given == self.len
    }

    /// Decodes into `output` behind what `step` has written, until it is full, the stream has ended
    /// and all of it was handed out, all input was taken, or there is a fault. Passes new bytes to
    /// `seen`.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        step: &mut Step,
        mut seen: impl FnMut(&[u8]),
    ) {
        loop {
            step.written += self.give(&mut output[step.written..]);
            if self.given < self.len || self.done {
                return;
            }
            if let Some(kind) = self.fault {
                *step = core::mem::take(step).fault(kind);
                return;
            }
            let (taken, new) = self.run(&input[step.taken..]);
            step.taken += taken;
            seen(new);
            if taken == 0 && new.is_empty() && !self.done && self.fault.is_none() {
                return;
            }
        }
    }

    /// Moves decoded bytes to `output`. Returns their number.
    fn give(&mut self, output: &mut [u8]) -> usize {
        let count = (self.len - self.given).min(output.len());
        output[..count].copy_from_slice(&self.buffer[self.given..self.given + count]);
        self.given += count;
        count
    }

    /// Decodes more bytes, once all earlier ones were handed out. Returns the number of bytes taken
    /// from `input`, and the new bytes.
    fn run(&mut self, input: &[u8]) -> (usize, &[u8]) {
        if self.len == self.buffer.len() {
            let window = self.len - TINFL_LZ_DICT_SIZE;
            self.buffer.copy_within(window.., 0);
            (self.given, self.len) = (TINFL_LZ_DICT_SIZE, TINFL_LZ_DICT_SIZE);
        }
        let (status, taken, written) =
            decompress(&mut self.state, input, &mut self.buffer, self.len, self.flags);
        let new = self.len..self.len + written;
        self.len += written;
        match status {
            TINFLStatus::Done => self.done = true,
            TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput => {}
            TINFLStatus::Adler32Mismatch => self.fault = Some(DecodeErrorKind::Checksum),
            TINFLStatus::FailedCannotMakeProgress
            | TINFLStatus::BadParam
            | TINFLStatus::Failed
            | _ => self.fault = Some(DecodeErrorKind::Data),
        }
        (taken, &self.buffer[new])
    }
}
