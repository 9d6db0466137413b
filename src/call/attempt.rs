//! One exchange on one connection, as far as a call must remember it.

use super::machine::Then;
use crate::{
    error::{IoKind, Phase},
    h1::Connection,
    message::BodyLeft,
    mutation::{Mutation, mutated},
    time::Deadline,
};

/// What is known of the attempt under way.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The connection had served another request.
    pub(super) reused: bool,
    /// Bytes that have left, and bytes handed out that have not.
    pub(super) written: u64,
    pub(super) unwritten: u64,
    /// A byte of an answer has come.
    pub(super) heard: bool,
    /// A final head has come, and with which status.
    pub(super) answered: bool,
    pub(super) status: u16,
    /// The response needs no more of the request than has gone.
    pub(super) enough: bool,
    /// The response has come to its end; the request may still be going out.
    pub(super) ended: bool,
    /// The rest of the request will not go: it is not needed, or cannot be written.
    pub(super) given_up: bool,
    /// Why it cannot be written.
    pub(super) broke: Option<IoKind>,
    pub(super) body: BodyCount,
    /// The application is not reading what is for it.
    pub(super) paused: bool,
    /// What the sending half would take now.
    pub(super) sendable: Option<BodyLeft>,
    pub(super) request_sent: bool,
    pub(super) awaits_continue: bool,
    /// The wait for a 100 is over, and the connection has not been told yet.
    pub(super) continue_due: bool,
    /// For whom the body of the response is.
    pub(super) reader: Reader,
    /// How much of the input that was not taken a recording knows already.
    pub(super) known: usize,
}

/// How much of the request's body was framed.
#[derive(Debug)]
pub(super) struct BodyCount {
    pub(super) given: u64,
    /// The last piece, and the framing behind it.
    pub(super) piece: u64,
    pub(super) suffix: u64,
}

/// For whom the body of a response is.
#[derive(Debug)]
pub(super) enum Reader {
    Application,
    /// Nobody: read so that the connection can be kept, within a bound.
    Nobody {
        left: u64,
        then: Then,
    },
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
            known: 0,
        }
    }

    /// Tells the connection that the wait for a 100 is over, if it is.
    pub(super) fn release_body(&mut self, conn: &mut Connection) {
        if core::mem::take(&mut self.continue_due) {
            conn.continue_now();
        }
    }

    /// Looks at the sending half, which any input may have moved.
    pub(super) fn look_at(&mut self, conn: &Connection) {
        self.request_sent = conn.request_sent();
        self.awaits_continue = conn.awaits_continue() && !self.continue_due;
        self.sendable = if self.given_up { None } else { conn.body_to_send() };
    }

    /// Whether the connection has ended the sending before the request was whole: an answer that did
    /// not wait for the body, or that closes.
    pub(super) fn is_cut_off(&self, conn: &Connection) -> bool {
        !conn.request_sent() && conn.body_to_send().is_none() && !conn.awaits_continue()
    }

    /// Whether the application is not reading what is for it. What is for nobody is read all the same.
    pub(super) fn is_paused(&self) -> bool {
        let wanted = matches!(self.reader, Reader::Application);
        self.paused && (wanted || mutated(Mutation::PausedDiscard))
    }

    /// Whether the whole request has left.
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

    /// Which deadline runs now, or stands still because of a pause, beside those for writing and
    /// for the whole.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        if self.answered {
            // While the request is still going out, its own deadlines run alone, and behind the end
            // of the response nothing is waited for but that.
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
