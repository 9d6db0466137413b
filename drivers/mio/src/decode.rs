//! Decodes the bodies of responses, piece by piece, through one buffer.

use std::mem;

use httpool::{
    error::BodyUnusable,
    id::{CallId, SocketId},
};
use httpool_kit::Decoding;

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
/// The most unused decoders that are kept.
const SPARE_MAX: usize = 8;

/// The bodies that are being decoded.
#[derive(Debug, Default)]
pub(crate) struct Coded {
    /// By the slots of their calls.
    bodies: Vec<Option<Box<OneBody>>>,
    spare: Vec<Decoding>,
    /// The decoded bytes of one output. Empty until it is needed.
    buffer: Vec<u8>,
    /// The calls to decode more of, and their sockets, which are not read until then.
    behind: Vec<(CallId, Option<SocketId>)>,
    /// The call whose application handles a piece. Still set after a panic of the application.
    handing: Option<CallId>,
}

#[derive(Debug)]
struct OneBody {
    call: CallId,
    decoding: Decoding,
    /// Coded bytes that wait: those from `at`. There are some after a pause or a turn's end, and no
    /// more than one read gives.
    rest: Vec<u8>,
    at: usize,
    /// The last step may have more to write.
    more: bool,
    /// All coded bytes have come.
    over: bool,
}

/// The result of one step.
struct Stepped {
    /// Bytes taken of the new ones.
    taken: usize,
    written: usize,
    /// Everything is decoded that has come.
    dry: bool,
    /// And the body is complete.
    done: bool,
}

impl Coded {
    /// Returns whether the call's body is decoded.
    pub(crate) fn has(&self, call: CallId) -> bool {
        self.bodies
            .get(call.index())
            .is_some_and(|it| it.as_ref().is_some_and(|it| it.call == call))
    }

    /// Returns whether bodies wait for their next turn.
    pub(crate) const fn is_behind(&self) -> bool {
        !self.behind.is_empty() || self.handing.is_some()
    }

    /// Gives the call another turn, if its body is decoded and bytes of it wait.
    pub(crate) fn go_on_later(&mut self, call: CallId, socket: Option<SocketId>) {
        let waits =
            self.body(call).is_some_and(|body| body.more || body.over || !body.rest.is_empty());
        if waits && !self.behind.iter().any(|(of, _)| *of == call) {
            self.behind.push((call, socket));
        }
    }

    /// Drops the body of a call. Keeps its decoder for another.
    pub(crate) fn forget(&mut self, call: CallId) {
        if self.has(call)
            && let Some(mut body) = self.bodies[call.index()].take()
        {
            body.decoding.end();
            if self.spare.len() < SPARE_MAX {
                self.spare.push(body.decoding);
            }
            self.behind.retain(|(of, _)| *of != call);
        }
    }

    fn body(&mut self, call: CallId) -> Option<&mut OneBody> {
        let body = self.bodies.get_mut(call.index())?.as_mut()?;
        (body.call == call).then_some(body)
    }
}

impl OneBody {
    /// Decodes into `buffer`. Takes the bytes that wait first; then there are none of `data`.
    fn step(&mut self, data: &[u8], buffer: &mut [u8]) -> Result<Stepped, BodyUnusable> {
        let waiting = self.at < self.rest.len();
        let input = if waiting { &self.rest[self.at..] } else { data };
        let ends = self.over && input.is_empty();
        let progress = match ends {
            true => self.decoding.finish(buffer)?,
            false => self.decoding.decode(input, buffer)?,
        };
        let all = progress.taken == input.len();
        let taken = if waiting { 0 } else { progress.taken };
        if waiting {
            self.at += progress.taken;
            if all {
                (self.rest, self.at) = (Vec::new(), 0);
            }
        }
        self.more = progress.more;
        let dry = all && !progress.more;
        Ok(Stepped { taken, written: progress.written, dry, done: dry && ends })
    }
}

impl Client {
    /// Returns whether to read the socket.
    pub(crate) fn wants_input(&self, id: SocketId) -> bool {
        let behind = self.coded.behind.iter().any(|(_, socket)| *socket == Some(id));
        !behind && self.core.wants_input(id)
    }

    /// Begins to decode the body of a response whose head has come, if it is to be decoded.
    pub(crate) fn begin_decoding(&mut self, call: CallId) {
        let Some(machine) = self.core.call(call).filter(|it| it.codings().is_some()) else {
            return;
        };
        let Coded { bodies, spare, .. } = &mut self.coded;
        let mut decoding = spare.pop().unwrap_or_default();
        decoding.begin(machine);
        if bodies.len() <= call.index() {
            bodies.resize_with(call.index() + 1, || None);
        }
        let (rest, at) = (Vec::new(), 0);
        let body = OneBody { call, decoding, rest, at, more: false, over: false };
        bodies[call.index()] = Some(Box::new(body));
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
