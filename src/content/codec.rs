//! The interface of one coding's decoder.

use super::error::DecodeErrorKind;

/// The decoder of one coding.
pub(super) trait Codec: Send + Sync {
    /// Takes input and writes output until the output, which is not empty, is full; or all input is
    /// taken and all that it decodes to is written; or there is a fault. It is not called again
    /// after a fault.
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Step;

    /// Whether the input may end here, when all output has been written.
    fn may_end(&self) -> bool;

    /// Prepares for another body, and keeps the memory.
    fn reset(&mut self);
}

/// How far a call came. Bytes written before a fault are valid.
#[derive(Default)]
pub(super) struct Step {
    pub(super) taken: usize,
    pub(super) written: usize,
    pub(super) fault: Option<Fault>,
}

/// The fault, and the number of bytes taken behind the place where it shows.
pub(super) struct Fault {
    pub(super) kind: DecodeErrorKind,
    pub(super) back: usize,
}

impl Step {
    /// A fault at the last byte that was taken.
    #[cfg(any(feature = "gzip", feature = "deflate", feature = "br"))]
    pub(super) const fn fault(mut self, kind: DecodeErrorKind) -> Self {
        self.fault = Some(Fault { kind, back: 1 });
        self
    }
}
