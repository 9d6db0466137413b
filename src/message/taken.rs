//! How much of a request's body was taken.

use core::{fmt, num::NonZeroU64};

use super::Body;

/// How much of a request's body was taken, where it was not sent to its end.
///
/// Taken is what the driver has reported as [`written`](crate::call::Call::written), the framing of
/// chunks not counted: what the system has accepted, but for the last bytes of a long request, which
/// count when the system has sent most of what it held. The peer may have read less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyTaken {
    bytes: u64,
    /// A body of no bytes is always sent whole.
    of: Option<NonZeroU64>,
}

impl BodyTaken {
    pub(crate) const fn new(bytes: u64, body: Body) -> Self {
        let of = match body {
            Body::Known { len, .. } => NonZeroU64::new(len),
            Body::Empty | Body::Unknown { .. } => None,
        };
        Self { bytes, of }
    }

    /// How many bytes of the body were taken.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many bytes the body has; `None` where that was not declared.
    pub const fn of(&self) -> Option<u64> {
        match self.of {
            Some(of) => Some(of.get()),
            None => None,
        }
    }
}

/// `5 of 10 bytes`, or `5 bytes of a body of unknown length`.
impl fmt::Display for BodyTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            Some(of) => write!(f, "{} of {of} bytes", self.bytes),
            None => write!(f, "{} bytes of a body of unknown length", self.bytes),
        }
    }
}
