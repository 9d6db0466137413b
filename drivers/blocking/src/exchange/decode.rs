//! Decodes the body of a response.

use httpool::{call::Next, error::BodyUnusable};

use super::{Exchange, Progress, Scratch, Sink};
use crate::{Error, platform::Platform};

/// The space, in bytes, that a body to be collected is first decoded into.
const FIRST: usize = 16 * 1024;

impl<P: Platform> Exchange<P> {
    /// Whether the body is decoded, and its end was not reached.
    #[inline]
    pub(crate) fn decodes(&self) -> bool {
        self.scratch.decoding.is_on()
    }

    /// Reads and decodes a part of the body into `into`, which is not empty. Returns the number of
    /// bytes; 0 at the end of the body. Deadlines pass while decoding too.
    pub(crate) fn read_decoded(&mut self, into: &mut [u8]) -> Result<usize, Error> {
        let read = self.decode(into)?;
        self.settle();
        self.pause(true);
        Ok(read)
    }

    /// Reads and decodes the rest of the body into `body`, at most `max` bytes.
    pub(crate) fn collect_decoded(&mut self, body: &mut Vec<u8>, max: u64) -> Result<(), Error> {
        self.scratch.decoding.limit(max);
        let mut filled = body.len();
        loop {
            if filled == body.len() {
                body.resize((2 * filled).max(FIRST), 0);
            }
            match self.decode(&mut body[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        body.truncate(filled);
        Ok(())
    }

    fn decode(&mut self, into: &mut [u8]) -> Result<usize, Error> {
        while self.decodes() {
            self.check_time()?;
            if !self.decodes() {
                break;
            }
            let Scratch { incoming, decoding, .. } = &mut *self.scratch;
            match decoding.decode(incoming.body(), into) {
                Ok(progress) => {
                    incoming.pass_body(progress.taken);
                    if progress.written > 0 {
                        if !progress.more {
                            // If the end follows, the connection is free before the next call. An
                            // error shows in the next call too.
                            self.finish(&mut into[progress.written..]).ok();
                        }
                        return Ok(progress.written);
                    }
                    if progress.more {
                        continue;
                    }
                }
                Err(why) => return Err(self.unusable(why)),
            }
            match self.finish(into) {
                Ok(0) => {}
                Ok(written) => return Ok(written),
                Err(why) => return Err(self.unusable(why)),
            }
            if self.decodes() && !self.is_over() {
                self.pause(false);
                self.run(Sink::Kept)?;
            }
        }
        // Nothing is decoded any more: the call has ended, or begins another attempt.
        match self.run(Sink::Nowhere)? {
            Progress::Data(_) | Progress::Head | Progress::End | Progress::Restart => Ok(0),
        }
    }

    /// Whether the connection has no more of the body, and all of it was decoded that came.
    fn is_over(&self) -> bool {
        let ended = matches!(self.call.next(), Next::CheckBody | Next::Done);
        ended && !self.scratch.incoming.has_body()
    }

    /// If the body is over, decodes what is left of it into `into`, and tells the call when that is
    /// all. Returns the number of bytes written.
    fn finish(&mut self, into: &mut [u8]) -> Result<usize, BodyUnusable> {
        if !self.call.is_answered() || into.is_empty() {
            return Ok(0);
        }
        self.pause(false);
        if !self.is_over() {
            return Ok(0);
        }
        let progress = self.scratch.decoding.finish(into)?;
        if !progress.more {
            self.scratch.decoding.end();
            self.call.body_used(self.now);
        }
        Ok(progress.written)
    }

    /// Fails the call, because the body that came cannot be used.
    pub(crate) fn unusable(&mut self, why: BodyUnusable) -> Error {
        self.tick();
        self.call.body_unusable(why, self.now);
        self.scratch.decoding.end();
        self.scratch.incoming.drop_body();
        match self.run(Sink::Nowhere) {
            Err(error) => error,
            // The call has a head, so it has failed.
            Ok(_) => Error::stale(),
        }
    }

    /// Ends the call if it was cancelled, or if a deadline has passed.
    fn check_time(&mut self) -> Result<(), Error> {
        self.tick();
        if self.exchanges() && (self.is_late() || self.watch.is_cancelled()) {
            self.late();
            if !self.exchanges() {
                self.scratch.incoming.drop_body();
                self.run(Sink::Nowhere)?;
            }
        }
        Ok(())
    }
}
