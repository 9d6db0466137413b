//! The decoder of a body: a chain of links, one for each coding.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use super::{
    codec::Codec,
    coding::Coding,
    codings::Codings,
    error::{DecodeError, DecodeErrorKind},
};
use crate::{
    limits::ContentLimits,
    message::{Fields, Method, Status},
};

/// Bytes that a link keeps of the output of the link before it.
const BETWEEN_BYTES: usize = 4096;

/// Most bytes that the links before the last may write in one call, so that a call ends soon even
/// if the last link writes nothing.
const WORK_BYTES: usize = 1024 * 1024;

/// A [ratio](ContentLimits::ratio_max) counts only beyond this many decoded bytes: a short body is
/// harmless, and 1 MiB of blanks has a ratio of 1,000.
const RATIO_FROM_BYTES: u64 = 1024 * 1024;

/// Removes the codings of a body.
///
/// See the [module](super) for an example, the rules and the memory.
pub struct Decoder {
    /// In the order of decoding: the coding that was applied last comes first.
    links: Vec<Link>,
    /// Links of earlier bodies, kept for their memory.
    spare: Vec<Link>,
    limits: ContentLimits,
}

/// How far a call of [`Decoder::decode`] or [`Decoder::finish`] came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The bytes that were taken from the begin of the input.
    pub taken: usize,
    /// The bytes that were written to the begin of the output.
    pub written: usize,
    /// Whether the decoder may have more to write without further input. Call again with what is
    /// left of the input, which may be nothing, and room in the output. If false, all of the input
    /// was taken, and all that it decodes to was written.
    pub more: bool,
}

impl Decoder {
    /// Creates the decoder of the body of a response, or returns `None` if the body is to be handed
    /// over as it comes; see [`Codings::of_response`].
    ///
    /// # Errors
    /// [`DecodeErrorKind::TooManyCodings`].
    pub fn for_response(
        method: &Method,
        status: Status,
        fields: Fields<'_>,
        limits: ContentLimits,
    ) -> Result<Option<Self>, DecodeError> {
        let codings = Codings::of_response(method, status, fields)?;
        Ok(codings.map(|codings| Self::new(codings, limits)))
    }

    /// Creates a decoder. It allocates the memory of a coding when the first byte for it comes.
    ///
    /// A coding that is not built in fails at its first byte. [`Codings::of_response`] names none.
    pub fn new(codings: impl Into<Codings>, limits: ContentLimits) -> Self {
        let mut decoder = Self { links: Vec::new(), spare: Vec::new(), limits };
        decoder.reset(codings, limits);
        decoder
    }

    /// Begins another body, with the memory of the last one where its codings are the same.
    pub fn reset(&mut self, codings: impl Into<Codings>, limits: ContentLimits) {
        let codings = codings.into();
        self.limits = limits;
        self.spare.append(&mut self.links);
        for &coding in codings.as_slice().iter().rev() {
            let kept = self.spare.iter().position(|link| link.coding == coding);
            let mut link = kept.map_or_else(|| Link::new(coding), |at| self.spare.swap_remove(at));
            link.reset();
            self.links.push(link);
        }
        // A chain of five is rare: its memory is not kept for a body with one coding.
        self.spare.truncate(1);
    }

    /// Changes the limits for the rest of the body. The bytes that were decoded before count too.
    pub const fn set_limits(&mut self, limits: ContentLimits) {
        self.limits = limits;
    }

    /// Decodes a part of the body: takes bytes from `input` and writes bytes to `output`, until the
    /// output is full, or the input is taken and all that it decodes to is written.
    ///
    /// Call it again while [`more`](Progress::more) is set or input is left. One call does bounded
    /// work, so deadlines can be checked between calls.
    ///
    /// # Errors
    /// A [`DecodeError`], only from a call that wrote nothing: the bytes before it were written by
    /// earlier calls. Every later call returns the same error.
    pub fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, DecodeError> {
        let mut rest = input;
        let mut progress = Progress { more: true, ..Progress::default() };
        let mut work = WORK_BYTES;
        while progress.written < output.len() {
            let room = &mut output[progress.written..];
            match pull(&mut self.links, &self.limits, &mut rest, room, &mut work) {
                Ok(Pulled::Bytes(written)) => progress.written += written,
                Ok(Pulled::Dry) => {
                    progress.more = false;
                    break;
                }
                Ok(Pulled::Busy) => break,
                // The link keeps the error for the next call.
                Err(error) if progress.written == 0 => return Err(error),
                Err(_) => break,
            }
        }
        progress.taken = input.len() - rest.len();
        Ok(progress)
    }

    /// Tells the decoder that the body is over: writes what is left, and checks that the body is
    /// complete. It is, without any byte too. While [`more`](Progress::more) is set, call it again.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), and [`DecodeErrorKind::Truncated`] if the body is cut short.
    pub fn finish(&mut self, output: &mut [u8]) -> Result<Progress, DecodeError> {
        let progress = self.decode(&[], output)?;
        if progress.more || progress.written > 0 {
            return Ok(Progress { more: true, ..progress });
        }
        for link in &mut self.links {
            link.finish()?;
        }
        Ok(progress)
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let links = self.links.iter().map(|link| (link.coding, link.taken, link.written));
        f.debug_list().entries(links).finish()
    }
}

/// The output of a chain of links.
enum Pulled {
    /// It wrote this many bytes, at least one.
    Bytes(usize),
    /// It has nothing more to write, and took all input.
    Dry,
    /// It did enough work for one call, and wrote nothing.
    Busy,
}

/// Writes at least one byte of the output of the last of `links` to `output`, which is not empty.
/// A link runs only when the links behind it have nothing more to write, so an error shows behind
/// all bytes before it.
fn pull(
    links: &mut [Link],
    limits: &ContentLimits,
    input: &mut &[u8],
    output: &mut [u8],
    work: &mut usize,
) -> Result<Pulled, DecodeError> {
    let Some((last, before)) = links.split_last_mut() else { return Ok(Pulled::Dry) };
    if before.is_empty() {
        return Ok(match last.decode(input, output, limits)? {
            0 => Pulled::Dry,
            written => Pulled::Bytes(written),
        });
    }
    loop {
        match last.decode_kept(output, limits)? {
            0 => {}
            written => return Ok(Pulled::Bytes(written)),
        }
        if *work == 0 {
            return Ok(Pulled::Busy);
        }
        let mut room = last.take_between();
        let pulled = pull(before, limits, input, &mut room, work);
        let (filled, outcome) = match pulled {
            Ok(Pulled::Bytes(written)) => {
                *work = work.saturating_sub(written);
                (written, None)
            }
            other => (0, Some(other)),
        };
        last.give_between(room, filled);
        if let Some(outcome) = outcome {
            return outcome;
        }
    }
}

/// The decoder of one coding in a chain, its counts, and its input if another link writes that.
struct Link {
    coding: Coding,
    /// Absent until the first byte.
    codec: Option<Box<dyn Codec>>,
    /// Bytes taken and written so far.
    taken: u64,
    written: u64,
    failed: Option<DecodeError>,
    /// Input from the link before: the bytes from `from` to `to`. Empty until needed.
    between: Vec<u8>,
    from: usize,
    to: usize,
}

impl Link {
    const fn new(coding: Coding) -> Self {
        let between = Vec::new();
        Self { coding, codec: None, taken: 0, written: 0, failed: None, between, from: 0, to: 0 }
    }

    fn reset(&mut self) {
        if let Some(codec) = &mut self.codec {
            codec.reset();
        }
        (self.taken, self.written, self.failed) = (0, 0, None);
        (self.from, self.to) = (0, 0);
    }

    /// Takes all of `input`, unless `output` gets full. Returns the bytes written.
    fn decode(
        &mut self,
        input: &mut &[u8],
        output: &mut [u8],
        limits: &ContentLimits,
    ) -> Result<usize, DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.taken == 0 && input.is_empty() {
            return Ok(0);
        }
        let left =
            limits.decoded_bytes_max.map_or(u64::MAX, |max| max.saturating_sub(self.written));
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(output.len());
        // At the limit one byte more is tried, to tell a body that is too long from one that ends.
        let mut one_more = [0];
        let output = if room > 0 { &mut output[..room] } else { &mut one_more[..] };
        let codec = match &mut self.codec {
            Some(codec) => codec,
            none => match open(self.coding) {
                Some(codec) => none.insert(codec),
                None => return Err(self.fail(DecodeErrorKind::Header, 0)),
            },
        };
        let step = codec.decode(input, output);
        self.taken += step.taken as u64;
        *input = input.get(step.taken..).unwrap_or_default();
        if step.written > 0 && room == 0 {
            return Err(self.fail(DecodeErrorKind::TooLong, 0));
        }
        if let Some(fault) = step.fault {
            let error = self.fail(fault.kind, fault.back as u64);
            return if step.written > 0 { Ok(self.wrote(step.written)) } else { Err(error) };
        }
        let ratio = limits.ratio_max.map_or(u64::MAX, |max| self.taken.saturating_mul(max.into()));
        if self.written + step.written as u64 > ratio.max(RATIO_FROM_BYTES) {
            return Err(self.fail(DecodeErrorKind::Ratio, 0));
        }
        Ok(self.wrote(step.written))
    }

    /// Decodes the input that the link before wrote.
    fn decode_kept(
        &mut self,
        output: &mut [u8],
        limits: &ContentLimits,
    ) -> Result<usize, DecodeError> {
        let between = core::mem::take(&mut self.between);
        let mut input = between.get(self.from..self.to).unwrap_or_default();
        let written = self.decode(&mut input, output, limits);
        self.from = self.to - input.len();
        self.between = between;
        written
    }

    /// Hands out the memory for the input. All of it has been decoded.
    fn take_between(&mut self) -> Vec<u8> {
        let mut between = core::mem::take(&mut self.between);
        between.resize(BETWEEN_BYTES, 0);
        between
    }

    fn give_between(&mut self, between: Vec<u8>, filled: usize) {
        self.between = between;
        (self.from, self.to) = (0, filled);
    }

    /// Checks that the input may end here.
    fn finish(&mut self) -> Result<(), DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let complete = self.taken == 0 || self.codec.as_ref().is_some_and(|codec| codec.may_end());
        if complete { Ok(()) } else { Err(self.fail(DecodeErrorKind::Truncated, 0)) }
    }

    const fn wrote(&mut self, written: usize) -> usize {
        self.written += written as u64;
        written
    }

    /// Keeps and returns the error at `back` bytes before what was taken.
    fn fail(&mut self, kind: DecodeErrorKind, back: u64) -> DecodeError {
        let error = DecodeError::new(Some(self.coding), kind, self.taken.saturating_sub(back));
        self.failed = Some(error);
        error
    }
}

/// Creates the decoder of `coding`, or returns `None` if it is not built in.
fn open(coding: Coding) -> Option<Box<dyn Codec>> {
    match coding {
        #[cfg(feature = "gzip")]
        Coding::Gzip => Some(Box::new(super::gzip::Gzip::new())),
        #[cfg(feature = "deflate")]
        Coding::Deflate => Some(Box::new(super::deflate::Deflate::new())),
        #[cfg(feature = "br")]
        Coding::Brotli => Some(Box::new(super::brotli::Brotli::new())),
        #[cfg(feature = "zstd")]
        Coding::Zstd => Some(Box::new(super::zstd::Zstd::new())),
        #[allow(unreachable_patterns, reason = "with all features on there is no other coding")]
        _ => None,
    }
}
