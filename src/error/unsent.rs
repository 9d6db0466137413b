//! The error for a request body that was not sent to its end although its response needed it.

use core::fmt;

use super::IoKind;
use crate::{message::BodyTaken, time::Deadline};

/// The rest of the request's body could not be sent after the server had answered with a status
/// below 400 and without `Connection: close` (RFC 9110 7.5). Holds the status, the reason, and how
/// much of the body was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyUnsent {
    status: u16,
    why: Unsent,
    taken: BodyTaken,
}

/// The reason why the rest of a request's body was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsent {
    /// The connection was lost, or the peer closed it.
    Lost(IoKind),
    /// A deadline passed.
    Timeout(Deadline),
}

impl BodyUnsent {
    pub(crate) const fn new(status: u16, why: Unsent, taken: BodyTaken) -> Self {
        Self { status, why, taken }
    }

    /// Returns the status of the response.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns the reason why the rest of the body was not sent.
    pub const fn why(&self) -> Unsent {
        self.why
    }

    /// Returns how much of the body was sent, and its length.
    pub const fn taken(&self) -> BodyTaken {
        self.taken
    }
}

impl fmt::Display for BodyUnsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, why, taken } = self;
        write!(
            f,
            "the server answered {status}, but of the request's body {taken} were taken: {why}"
        )
    }
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(why) => write!(f, "{why}"),
            Self::Timeout(which) => write!(f, "the {which} deadline passed"),
        }
    }
}
