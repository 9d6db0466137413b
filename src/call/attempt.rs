//! The state of one exchange on one connection.

use crate::{
    content::Codings,
    error::{Failure, IoKind, Phase},
    h1::Connection,
    message::BodyLeft,
    mutation::{Mutation, mutated},
    time::{Deadline, Instant},
};

/// The state of the current attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The connection had served another request before.
    pub(super) reused: bool,
    /// Bytes of the request that were written, and bytes handed out that were not written yet.
    pub(super) written: u64,
    pub(super) unwritten: u64,
    /// A byte of a response has come.
    pub(super) heard: bool,
    /// The head of the final response has come. `status` is then its status.
    pub(super) answered: bool,
    pub(super) status: u16,
    /// The response does not need the rest of the request.
    pub(super) enough: bool,
    /// The response is complete. The request may not be.
    pub(super) ended: bool,
    /// The rest of the request is not sent: it is not needed, or it cannot be written.
    pub(super) given_up: bool,
    /// The reason why the rest of the request cannot be written.
    pub(super) broke: Option<IoKind>,
    pub(super) body: BodyCount,
    /// The application has paused the response.
    pub(super) paused: bool,
    /// The part of the request's body that the connection takes now.
    pub(super) sendable: Option<BodyLeft>,
    pub(super) request_sent: bool,
    pub(super) awaits_continue: bool,
    /// The wait for 100 (Continue) has ended by its deadline, and the connection has not been told.
    pub(super) continue_due: bool,
    /// Where the body of the response goes.
    pub(super) reader: Reader,
    /// The codings that the reader removes from the body. If there are any, the reader says at the
    /// end whether it could use the body.
    pub(super) codings: Option<Codings>,
    /// Everything but that answer is there.
    pub(super) unchecked: bool,
    /// The reader could not use the body.
    pub(super) unusable: bool,
    /// The bytes of the response's body that have come, without framing.
    pub(super) received: u64,
    /// The connection has ended inside the body. Holds the bytes that were still to come, as far
    /// as that is known.
    pub(super) cut: Option<BodyLeft>,
    /// The bytes of the input not yet taken that are in the recording already.
    pub(super) known: usize,
}

/// Counts the request's body.
#[derive(Debug)]
pub(super) struct BodyCount {
    /// Bytes of the body that were framed.
    pub(super) given: u64,
    /// The lengths of the last piece and of the framing behind it.
    pub(super) piece: u64,
    pub(super) suffix: u64,
}

/// Where the body of a response goes.
#[derive(Debug)]
pub(super) enum Reader {
    Application,
    /// Nowhere: it is read so that the connection can be kept, while at most `left` bytes come.
    /// When it ends, the call goes on with `then`.
    Nobody {
        left: u64,
        then: Then,
    },
}

/// The step that follows when the connection was given back.
#[derive(Debug, Clone, Copy)]
pub(super) enum Then {
    Done,
    Again,
    /// `Again`, but not before this instant.
    AgainAt(Instant),
    Fail(Failure),
}

impl Attempt {
    pub(super) const fn new(reused: bool) -> Self {
        Self {
            reused,
            written: 0,
            unwritten: 0,
            heard: false,
            answered: false,
            status: 0,
            enough: false,
            ended: false,
            given_up: false,
            broke: None,
            body: BodyCount { given: 0, piece: 0, suffix: 0 },
            paused: false,
            sendable: None,
            request_sent: false,
            awaits_continue: false,
            continue_due: false,
            reader: Reader::Application,
            codings: None,
            unchecked: false,
            unusable: false,
            received: 0,
            cut: None,
            known: 0,
        }
    }

    /// Tells the connection to send the body if the deadline for 100 (Continue) has passed.
    pub(super) fn release_body(&mut self, conn: &mut Connection) {
        if core::mem::take(&mut self.continue_due) {
            conn.continue_now();
        }
    }

    /// Copies the state of the connection's sending half, which any input may have changed.
    pub(super) fn look_at(&mut self, conn: &Connection) {
        self.request_sent = conn.request_sent();
        self.awaits_continue = conn.awaits_continue() && !self.continue_due;
        self.sendable = if self.given_up { None } else { conn.body_to_send() };
    }

    /// Whether the connection has stopped sending before the request was complete, because of an
    /// early response.
    pub(super) fn is_cut_off(&self, conn: &Connection) -> bool {
        !conn.request_sent() && conn.body_to_send().is_none() && !conn.awaits_continue()
    }

    /// Whether reading is paused. An unwanted body is read even while the application has paused.
    pub(super) fn is_paused(&self) -> bool {
        let wanted = matches!(self.reader, Reader::Application);
        self.paused && (wanted || mutated(Mutation::PausedDiscard))
    }

    /// Whether the whole request was written.
    pub(super) const fn is_out(&self) -> bool {
        self.request_sent && self.unwritten == 0
    }

    pub(super) const fn phase(&self) -> Phase {
        if self.answered && (!self.ended || self.is_out()) {
            Phase::Body
        } else if self.is_out() {
            Phase::Head
        } else {
            Phase::Send
        }
    }

    /// The deadline of the current phase, also while a pause holds its clock. `write` and `total`
    /// run beside it.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        if self.answered {
            // While the request is still being sent, only `write` and `total` run. The same holds
            // once the response has ended: the call then waits for the request alone.
            let sending = !self.given_up && !self.is_out();
            let wanted = matches!(self.reader, Reader::Application);
            return match wanted || mutated(Mutation::EndlessDrain) {
                _ if sending || self.ended => None,
                true => Some(Deadline::Stall),
                false => Some(Deadline::Drain),
            };
        }
        if self.given_up {
            return Some(Deadline::FirstByte);
        }
        if self.unwritten > 0 {
            None
        } else if self.awaits_continue {
            Some(Deadline::Continue)
        } else if self.request_sent {
            Some(Deadline::FirstByte)
        } else {
            None
        }
    }
}
