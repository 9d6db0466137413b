//! Why a request's body was not sent to its end although its response needed it.

use core::fmt;

use super::IoKind;
use crate::{message::BodyTaken, time::Deadline};

/// The server answered with a status below 400 and without `Connection: close`, and then the rest of
/// the request's body could not be sent (RFC 9110 7.5): how it answered, what kept the body back, and
/// how much of it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyUnsent {
    status: u16,
    why: Unsent,
    taken: BodyTaken,
}

/// What kept the rest of a request's body back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsent {
    /// The peer closed the connection, or it was lost.
    Lost(IoKind),
    /// A deadline passed.
    Timeout(Deadline),
}

impl BodyUnsent {
    pub(crate) const fn new(status: u16, why: Unsent, taken: BodyTaken) -> Self {
        Self { status, why, taken }
    }

    /// The status of the response.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// What kept the rest of the body back.
    pub const fn why(&self) -> Unsent {
        self.why
    }

    /// How much of the body was taken, and how long it is.
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
