//! Sends the request: its head, the pieces of its body, and the answers of the layers.

use std::{io, time::Duration};

use httpool::message::BodyLeft;
use httpool_kit::{io_kind, put_piece};

use super::{Exchange, Progress, Sink, Took};
use crate::platform::{Platform, Ready, Socket};

impl<P: Platform> Exchange<P> {
    /// Gets the next piece of the request's body from the application.
    pub(super) fn next_piece(&mut self, max: BodyLeft) {
        let piece = self.body.next(max, self.scratch.outgoing.buffer());
        self.tick();
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return self.late(),
            Err(error) => {
                self.source = Some(error);
                self.call.body_failed(self.now);
                return;
            }
        };
        let (len, last) = piece.extent(max);
        let Some((_, pooled)) = &mut self.held else { return };
        let out = &mut self.scratch.outgoing;
        if let Some(framing) = self.call.send_body(&mut pooled.h1, len, last, self.now) {
            put_piece(out, piece, &framing);
        }
    }

    /// Writes pending output. If the socket takes none, waits until it takes output or has input.
    pub(super) fn write(&mut self, sink: &mut Sink<'_>) -> Option<Progress> {
        if self.is_late() {
            self.late();
            return None;
        }
        let (_, pooled) = self.held.as_mut()?;
        let sent = if self.scratch.outgoing.has_gone() && !pooled.net.has_output() {
            Err(io::ErrorKind::WouldBlock.into())
        } else {
            if !self.scratch.outgoing.has_no_piece() {
                pooled.bound_unsent(&self.call);
            }
            pooled.net.send_now(&mut self.scratch.outgoing)
        };
        self.now = self.shared.now();
        match sent {
            // Sealed bytes that complete no record of the request, or an answer to the peer.
            Ok(0) => None,
            Ok(sent) => {
                let last = self.scratch.outgoing.has_gone() && !pooled.net.has_output();
                if last && pooled.bounded && self.call.is_written_late() {
                    self.scratch.outgoing.hold_back(sent);
                } else {
                    self.call.written(sent, self.now);
                }
                None
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // An early response may have arrived whole. It is parsed before any wait.
                match self.take_input(sink) {
                    Took::Progress(progress) => return Some(progress),
                    Took::Changed => return None,
                    Took::All => {}
                }
                let (_, pooled) = self.held.as_mut()?;
                let left = self.call.poll_timeout().map(|(at, _)| at.since(self.now));
                // The socket is not readable for records that were read and not opened.
                let waited = if pooled.net.wire.may_open() {
                    Ok(Ready { readable: true, ..Ready::default() })
                } else {
                    pooled.net.socket.wait(true, left)
                };
                self.now = self.shared.now();
                match waited {
                    Ok(ready) if ready.readable => {
                        let read = pooled.net.recv_now(self.scratch.incoming.room());
                        // A broken socket also counts as writable, so it proves nothing. The input
                        // may have arrived since the wait, after the last bytes of the request had
                        // left.
                        if read.is_ok() && !ready.broken && (ready.writable || self.has_left()) {
                            self.wrote_last();
                        }
                        self.came(read);
                        return match self.take_input(sink) {
                            Took::Progress(progress) => Some(progress),
                            Took::Changed | Took::All => None,
                        };
                    }
                    Ok(ready) if ready.writable => self.wrote_last(),
                    Ok(_) => self.late(),
                    Err(error) => self.write_failed(error),
                }
                None
            }
            Err(error) => {
                self.write_failed(error);
                None
            }
        }
    }

    /// Whether the report of the last bytes was held back, and the socket takes output again.
    fn has_left(&self) -> bool {
        let held = self.held.as_ref().filter(|_| self.scratch.outgoing.holds_back());
        held.is_some_and(|(_, pooled)| {
            let ready = pooled.net.socket.wait(true, Some(Duration::ZERO)).unwrap_or_default();
            ready.writable && !ready.broken
        })
    }

    /// Reports the bytes that were held back as written: the socket takes output again.
    fn wrote_last(&mut self) {
        let bytes = self.scratch.outgoing.let_go();
        if bytes > 0 {
            self.call.written(bytes, self.now);
        }
    }

    fn write_failed(&mut self, error: io::Error) {
        let why = io_kind(&error);
        self.source = Some(error);
        self.stop_sending();
        if let Some((_, pooled)) = &mut self.held {
            pooled.net.write_rest();
            pooled.net.wire.mute();
        }
        self.call.write_failed(why, self.now);
    }

    /// Discards the bytes that are not written yet. A record that was written in part ends there, so
    /// nothing can follow it.
    pub(super) fn stop_sending(&mut self) {
        self.scratch.outgoing.clear();
        if let Some((_, pooled)) = &mut self.held
            && pooled.net.wire.has_sealed()
        {
            pooled.net.wire.mute();
        }
    }

    /// Whether sealed bytes wait to be written. Some may be answers to the peer, which are written
    /// also while the call only reads.
    pub(super) fn has_sealed(&self) -> bool {
        self.held.as_ref().is_some_and(|(_, pooled)| pooled.net.has_output())
    }
}
