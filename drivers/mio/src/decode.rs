//! Decodes the bodies of responses, piece by piece, through one buffer.

use std::mem;

use httpool::{
    error::BodyUnusable,
    id::{CallId, SocketId},
};

use crate::{
    client::Client,
    embedded::Embedded,
    output::{App, Output},
};

/// The size of the buffer, which is the most bytes of one output.
const BUFFER: usize = 64 * 1024;
/// The most bytes that one body is decoded to in a turn, so that other calls and the deadlines have
/// theirs.
const TURN_MAX: usize = 1024 * 1024;

impl Client {
    /// Returns whether to read the socket.
    pub(crate) fn wants_input(&self, id: SocketId) -> bool {
        !self.coded.holds_back(id) && self.core.wants_input(id)
    }

    /// Begins to decode the body of a response whose head has come, if it is to be decoded.
    pub(crate) fn begin_decoding(&mut self, call: CallId) {
        if let Some(machine) = self.core.call(call).filter(|it| it.codings().is_some()) {
            self.coded.begin(call, machine);
        }
    }

    /// Decodes the rest of a body that has come whole.
    pub(crate) fn finish_decoding(&mut self, call: CallId, app: &mut App<'_>) {
        if let Some(body) = self.coded.body(call) {
            body.over = true;
        }
        self.decode(call, &[], app);
    }

    /// Decodes a piece of a body, and passes the decoded bytes on. Stops when the application
    /// pauses or gives up the call, and at the end of its turn: then returns true if there is more
    /// to do.
    pub(crate) fn decode(&mut self, call: CallId, mut data: &[u8], app: &mut App<'_>) -> bool {
        if let Some(body) = self.coded.body(call)
            && !body.rest.is_empty()
        {
            body.rest.extend_from_slice(mem::take(&mut data));
        }
        let mut buffer = mem::take(&mut self.coded.buffer);
        buffer.resize(BUFFER, 0);
        let (mut decoded, mut again) = (0, false);
        loop {
            let paused = self.core.call(call).is_none_or(|it| it.is_paused());
            let Some(body) = self.coded.body(call) else { break };
            if paused || decoded >= TURN_MAX {
                body.rest.extend_from_slice(data);
                again = !paused;
                break;
            }
            let step = match body.step(data, &mut buffer) {
                Ok(step) => step,
                Err(why) => {
                    let now = self.now();
                    self.coded.forget(call);
                    self.core.body_unusable(call, why, now);
                    break;
                }
            };
            data = &data[step.taken..];
            // A step without output may be as much work, as between two codings.
            decoded += if step.dry { step.written } else { BUFFER };
            if step.written > 0 {
                self.coded.handing = Some(call);
                app(self, Output::Data(call, &buffer[..step.written]));
                self.coded.handing = None;
            }
            if step.done {
                let now = self.now();
                self.coded.forget(call);
                self.core.body_used(call, now);
                break;
            }
            if step.dry && data.is_empty() && self.coded.body(call).is_none_or(|it| !it.over) {
                break;
            }
        }
        self.coded.buffer = buffer;
        if again {
            self.coded.go_on_later(call, self.core.socket(call));
        }
        again
    }

    /// Fails the call whose piece the application was handling when it panicked: the piece is lost.
    pub(crate) fn recover_decoding(&mut self) {
        if let Some(call) = self.coded.handing.take() {
            let now = self.now();
            self.coded.forget(call);
            self.core.body_unusable(call, BodyUnusable::Reader, now);
        }
    }
}

impl Embedded {
    /// Gives a turn to each body that waits for one.
    pub(crate) fn decode_on(&mut self, app: &mut App<'_>) {
        for (call, _) in self.client.coded.behind.clone() {
            if !self.client.decode(call, &[], app) {
                self.client.coded.behind.retain(|(of, _)| *of != call);
                self.client.read_again(call);
            }
        }
    }
}
