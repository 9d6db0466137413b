//! One exchange on one connection, as far as a call must remember it.

use super::machine::Then;
use crate::{error::Phase, h1::Connection, time::Deadline};

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
    /// A final head has come.
    pub(super) answered: bool,
    /// Writing failed: only an answer already on its way can come.
    pub(super) write_failed: bool,
    /// The application is not reading.
    pub(super) paused: bool,
    /// What the sending half would take now.
    pub(super) sendable: Option<u64>,
    pub(super) request_sent: bool,
    pub(super) awaits_continue: bool,
    /// The wait for a 100 is over, and the connection has not been told yet.
    pub(super) continue_due: bool,
    /// For whom the body of the response is.
    pub(super) reader: Reader,
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
            write_failed: false,
            paused: false,
            sendable: None,
            request_sent: false,
            awaits_continue: false,
            continue_due: false,
            reader: Reader::Application,
        }
    }

    /// Looks at the sending half, which any input may have moved.
    pub(super) fn look_at(&mut self, conn: &Connection) {
        self.request_sent = conn.request_sent();
        self.awaits_continue = conn.awaits_continue() && !self.continue_due;
        self.sendable = conn.body_to_send();
    }

    pub(super) const fn phase(&self) -> Phase {
        if self.answered {
            Phase::Body
        } else if self.request_sent && self.unwritten == 0 {
            Phase::Head
        } else {
            Phase::Send
        }
    }

    /// Which deadline runs now, beside those for writing and for the whole.
    pub(super) const fn deadline(&self) -> Option<Deadline> {
        if self.answered {
            return if self.paused { None } else { Some(Deadline::Stall) };
        }
        if self.write_failed {
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
