//! The decoding of a response's body, for any driver.

use std::mem;

use httpool::{
    call::Call,
    content::{Coding, Codings, DecodeError, Decoder, Progress},
    error::BodyUnusable,
    limits::ContentLimits,
};

/// Decodes the bodies of responses, one after the other: coded bytes of the connection go in, and
/// decoded bytes come out, no more in one call than fit into the caller's buffer.
///
/// It is idle between bodies, and for a body that is handed over as it comes. [`begin`](Self::begin)
/// asks the call which it is.
#[derive(Debug, Default)]
pub struct Decoding {
    /// Used again for the next body, if its memory is small.
    decoder: Option<Decoder>,
    codings: Option<Codings>,
    /// The limit on the decoded bytes, for the error.
    max: Option<u64>,
    /// The bytes decoded so far.
    decoded: u64,
}

impl Decoding {
    /// Begins the body of the response whose head the call has just returned, and ends the one
    /// before. Returns whether the body is decoded.
    #[inline]
    pub fn begin(&mut self, call: &Call) -> bool {
        if self.is_on() {
            self.end();
        }
        if let Some(codings) = call.codings() {
            self.begin_with(codings);
        }
        self.is_on()
    }

    fn begin_with(&mut self, codings: Codings) {
        let limits = ContentLimits::default();
        match &mut self.decoder {
            Some(decoder) => decoder.reset(codings, limits),
            none => *none = Some(Decoder::new(codings, limits)),
        }
        (self.codings, self.max, self.decoded) = (Some(codings), None, 0);
    }

    /// Returns whether a body is being decoded.
    #[inline]
    pub const fn is_on(&self) -> bool {
        self.codings.is_some()
    }

    /// Limits the rest of the body to `max` decoded bytes. In a chain of codings the limit holds
    /// for each of them.
    pub fn limit(&mut self, max: u64) {
        self.max = Some(max);
        if let Some(decoder) = &mut self.decoder {
            let all = self.decoded.saturating_add(max);
            decoder.set_limits(ContentLimits::default().decoded_bytes_max(all));
        }
    }

    /// Decodes a piece of the body into `output`. Call it again while bytes of `input` are left or
    /// [`more`](Progress::more) is set.
    ///
    /// # Errors
    /// For [`Call::body_unusable`]. Only from a call that wrote nothing.
    pub fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, BodyUnusable> {
        self.run(|decoder| decoder.decode(input, output))
    }

    /// Decodes what is left of the body, which is over, and checks that it is complete. Call it
    /// again while [`more`](Progress::more) is set; then the body is used.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn finish(&mut self, output: &mut [u8]) -> Result<Progress, BodyUnusable> {
        self.run(|decoder| decoder.finish(output))
    }

    fn run(
        &mut self,
        step: impl FnOnce(&mut Decoder) -> Result<Progress, DecodeError>,
    ) -> Result<Progress, BodyUnusable> {
        let Some(decoder) = &mut self.decoder else { return Ok(Progress::default()) };
        let progress = step(decoder).map_err(|why| BodyUnusable::of_decoder(why, self.max))?;
        self.decoded = self.decoded.saturating_add(progress.written as u64);
        Ok(progress)
    }

    /// Ends a body, whether it was decoded to its end or not. Keeps the decoders of `gzip` and
    /// `deflate`, which have 80 KiB each. Those of `br` and `zstd` can have megabytes, and are
    /// dropped.
    pub fn end(&mut self) {
        let Some(codings) = mem::take(&mut self.codings) else { return };
        let small = |coding: &Coding| matches!(coding, Coding::Gzip | Coding::Deflate);
        if !matches!(codings.as_slice(), [only] if small(only)) {
            self.decoder = None;
        }
    }
}
