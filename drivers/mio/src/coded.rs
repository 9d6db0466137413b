//! The bodies of responses that are being decoded.

use httpool::{
    call::Call,
    error::BodyUnusable,
    id::{CallId, SocketId},
};
use httpool_kit::Decoding;

/// The most unused decoders that are kept.
const SPARE_MAX: usize = 8;

/// The bodies that are being decoded.
#[derive(Debug, Default)]
pub(crate) struct Coded {
    /// By the slots of their calls.
    bodies: Vec<Option<Box<OneBody>>>,
    spare: Vec<Decoding>,
    /// The decoded bytes of one output. Empty until it is needed.
    pub(crate) buffer: Vec<u8>,
    /// The calls to decode more of, and their sockets, which are not read until then.
    pub(crate) behind: Vec<(CallId, Option<SocketId>)>,
    /// The call whose application handles a piece. Still set after a panic of the application.
    pub(crate) handing: Option<CallId>,
}

/// A body that is being decoded.
#[derive(Debug)]
pub(crate) struct OneBody {
    call: CallId,
    decoding: Decoding,
    /// Coded bytes that wait: those from `at`. There are some after a pause or a turn's end, and no
    /// more than one read gives.
    pub(crate) rest: Vec<u8>,
    at: usize,
    /// The last step may have more to write.
    more: bool,
    /// All coded bytes have come.
    pub(crate) over: bool,
}

/// The result of one step.
pub(crate) struct Stepped {
    /// Bytes taken of the new ones.
    pub(crate) taken: usize,
    pub(crate) written: usize,
    /// Everything is decoded that has come.
    pub(crate) dry: bool,
    /// And the body is complete.
    pub(crate) done: bool,
}

impl Coded {
    /// Returns whether the call's body is decoded.
    pub(crate) fn has(&self, call: CallId) -> bool {
        self.bodies
            .get(call.index())
            .is_some_and(|it| it.as_ref().is_some_and(|it| it.call == call))
    }

    /// Begins to decode the body of a call whose head has come.
    pub(crate) fn begin(&mut self, call: CallId, machine: &Call) {
        let mut decoding = self.spare.pop().unwrap_or_default();
        decoding.begin(machine);
        if self.bodies.len() <= call.index() {
            self.bodies.resize_with(call.index() + 1, || None);
        }
        let (rest, at) = (Vec::new(), 0);
        let body = OneBody { call, decoding, rest, at, more: false, over: false };
        self.bodies[call.index()] = Some(Box::new(body));
    }

    /// Returns whether the socket is not read, because its call has bytes to decode first.
    pub(crate) fn holds_back(&self, id: SocketId) -> bool {
        self.behind.iter().any(|(_, socket)| *socket == Some(id))
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

    pub(crate) fn body(&mut self, call: CallId) -> Option<&mut OneBody> {
        let body = self.bodies.get_mut(call.index())?.as_mut()?;
        (body.call == call).then_some(body)
    }
}

impl OneBody {
    /// Decodes into `buffer`. Takes the bytes that wait first; then there are none of `data`.
    pub(crate) fn step(&mut self, data: &[u8], buffer: &mut [u8]) -> Result<Stepped, BodyUnusable> {
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
