//! Ends a call before the end of its response.

use httpool::call::Next;

use super::{Exchange, Sink, Took};
use crate::{cancel::Cancel, platform::Platform};

impl<P: Platform> Exchange<P> {
    /// Discards the part of the body that has already arrived, so that the connection may be
    /// reused. Never waits.
    pub(crate) fn abandon(&mut self) {
        if self.exchanges() {
            self.tick();
            self.call.discard(self.now);
        }
        self.scratch.incoming.drop_body();
        while self.exchanges() {
            match self.take_input(&mut Sink::Nowhere) {
                Took::Progress(_) | Took::Changed => continue,
                Took::All => {}
            }
            let Some((_, pooled)) = &mut self.held else { break };
            match pooled.net.recv_now(self.scratch.incoming.room()) {
                Ok(read @ 1..) => self.scratch.incoming.put(read),
                _ => self.call.cancel(self.now),
            }
        }
        if matches!(self.call.next(), Next::Release) {
            self.release();
        }
    }

    /// Reads and drops the rest of the body within the bounds of the policy, so that the connection
    /// may be reused. Decodes nothing.
    pub(crate) fn drain(&mut self) {
        if self.exchanges() {
            self.tick();
            self.call.discard(self.now);
        }
        self.scratch.decoding.end();
        self.scratch.incoming.drop_body();
        // A failure loses the connection, and nobody wants the body.
        self.run(Sink::Nowhere).ok();
    }

    /// Closes the connection, if the call still has it.
    pub(crate) fn close(&mut self) {
        self.tick();
        self.call.cancel(self.now);
        self.scratch.decoding.end();
        self.scratch.incoming.drop_body();
        // The failure is the cancellation.
        self.run(Sink::Nowhere).ok();
    }

    /// Returns a handle that cancels this call alone, from any thread. `None` if the call has no
    /// connection any more.
    pub(crate) fn shutdown_handle(&mut self) -> Option<Cancel> {
        let (_, pooled) = self.held.as_ref()?;
        let handle = self.watch.handle();
        self.watch.uses(&pooled.net.socket);
        Some(handle)
    }

    /// Whether the response has ended, and all of its body was given out.
    pub(crate) fn is_at_end(&self) -> bool {
        let ended = matches!(self.call.next(), Next::Done | Next::HandOver);
        ended && !self.decodes() && !self.scratch.incoming.has_body()
    }
}
