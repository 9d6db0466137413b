//! The `br` coding (RFC 7932).

use alloc::{boxed::Box, vec, vec::Vec};

use brotli_decompressor::{
    Allocator, BrotliDecompressStream, BrotliResult, BrotliState, SliceWrapper, SliceWrapperMut,
};

use super::{
    codec::{Codec, Step},
    error::DecodeErrorKind,
};

/// Most bytes for the window: a ring of 16 MiB, which is copied when it grows from 8 MiB. 17 MiB
/// would refuse valid streams.
const WINDOW_BUDGET: usize = 26 << 20;

/// Most bytes for the tables of all prefix codes of one metablock: 256 trees each for literals and
/// distances and for commands, of up to 1,080 entries.
const TABLE_BUDGET: usize = 4 << 20;

/// Most bytes for the positions of those trees.
const INDEX_BUDGET: usize = 64 << 10;

type State = BrotliState<Budget, Budget, Budget>;

pub(super) struct Brotli {
    state: Box<State>,
    ended: bool,
    failed: bool,
}

impl Brotli {
    pub(super) fn new() -> Self {
        Self { state: new_state(), ended: false, failed: false }
    }

    /// Returns what is wrong, after a failure.
    fn reason(&self) -> DecodeErrorKind {
        match self.state.error_code as i32 {
            // All `BROTLI_DECODER_ERROR_ALLOC_`, as in the C library.
            -30..=-21 => DecodeErrorKind::Memory,
            _ => DecodeErrorKind::Data,
        }
    }

    /// Writes the bytes that were decoded before the failure: `brotli-decompressor` does not give
    /// them. Without them the decoded bytes would depend on the reads.
    ///
    /// They still do after one kind of failure: a command that inserts more literals than its
    /// metablock has. Where the input ends within these literals, the decoder fails there;
    /// otherwise it decodes them all first.
    fn give_rest(&mut self, output: &mut [u8]) -> usize {
        let state = &mut *self.state;
        let ring = state.ringbuffer.slice();
        let positive = |number: i32| u64::try_from(number).unwrap_or(0);
        let size = positive(state.ringbuffer_size);
        let decoded = state.rb_roundtrips * size + positive(state.pos).min(size);
        let from = state.partial_pos_out & positive(state.ringbuffer_mask);
        let left = decoded.saturating_sub(state.partial_pos_out).min(size - from.min(size));
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(output.len());
        let Some(bytes) = ring.get(from..from.saturating_add(count)) else { return 0 };
        output[..count].copy_from_slice(bytes);
        state.partial_pos_out += count as u64;
        count
    }
}

fn new_state() -> Box<State> {
    let window = Budget { left: WINDOW_BUDGET };
    let (index, tables) = (Budget { left: INDEX_BUDGET }, Budget { left: TABLE_BUDGET });
    // `strict` refuses the windows above 16 MiB that RFC 7932 does not have.
    Box::new(State::new_strict(window, index, tables))
}

impl Codec for Brotli {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        let mut step = Step::default();
        if !self.ended && !self.failed {
            let (mut input_left, mut output_left, mut total) = (input.len(), output.len(), 0);
            let result = BrotliDecompressStream(
                &mut input_left,
                &mut step.taken,
                input,
                &mut output_left,
                &mut step.written,
                output,
                &mut total,
                &mut self.state,
            );
            match result {
                BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => return step,
                BrotliResult::ResultSuccess => self.ended = true,
                BrotliResult::ResultFailure => {
                    self.failed = true;
                    // Some failures do not update the offset.
                    let read = usize::try_from(self.state.br.next_in).unwrap_or(0);
                    if step.taken == 0 && self.state.buffer_length == 0 {
                        step.taken = read.min(input.len());
                    }
                }
            }
        }
        if self.failed {
            while step.written < output.len() {
                match self.give_rest(&mut output[step.written..]) {
                    0 => return step.fault(self.reason()),
                    count => step.written += count,
                }
            }
        } else if step.taken < input.len() {
            step.taken += 1;
            return step.fault(DecodeErrorKind::Trailing);
        }
        step
    }

    fn may_end(&self) -> bool {
        self.ended
    }

    fn reset(&mut self) {
        *self = Self::new();
    }
}

/// An allocator that gives an empty slice instead of more memory than its budget; decoding then
/// fails.
#[derive(Clone, Copy)]
struct Budget {
    /// Bytes.
    left: usize,
}

/// Memory from a [`Budget`].
struct Memory<T>(Vec<T>);

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> SliceWrapper<T> for Memory<T> {
    fn slice(&self) -> &[T] {
        &self.0
    }
}

impl<T> SliceWrapperMut<T> for Memory<T> {
    fn slice_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: Clone + Default> Allocator<T> for Budget {
    type AllocatedMemory = Memory<T>;

    fn alloc_cell(&mut self, len: usize) -> Memory<T> {
        match len.checked_mul(size_of::<T>()).and_then(|bytes| self.left.checked_sub(bytes)) {
            Some(left) => {
                self.left = left;
                Memory(vec![T::default(); len])
            }
            None => Memory::default(),
        }
    }

    fn free_cell(&mut self, memory: Memory<T>) {
        self.left += memory.0.len() * size_of::<T>();
    }
}
