//! The count of request-body bytes that were sent.

use core::{fmt, num::NonZeroU64};

use super::BodyLength;

/// The bytes of a request body that were sent, if it was not sent to its end.
///
/// Counts the bytes that the driver reported with [`written`](crate::call::Call::written), without
/// chunk framing. They were accepted by the system; the peer may have read fewer. The last bytes of
/// a long request are counted once the system has sent most of its buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyTaken {
    bytes: u64,
    /// `None` if the length is unknown. It is never 0, as an empty body is always sent whole.
    of: Option<NonZeroU64>,
}

impl BodyTaken {
    pub(crate) const fn new(bytes: u64, body: BodyLength) -> Self {
        let of = match body {
            BodyLength::Known { len, .. } => NonZeroU64::new(len),
            BodyLength::Empty | BodyLength::Unknown { .. } => None,
        };
        Self { bytes, of }
    }

    /// Returns the number of body bytes that were sent.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the length of the body in bytes; `None` if it was not declared.
    pub const fn of(&self) -> Option<u64> {
        match self.of {
            Some(of) => Some(of.get()),
            None => None,
        }
    }
}

/// Writes `5 of 10 bytes`, or `5 bytes of a body of unknown length`.
impl fmt::Display for BodyTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            Some(of) => write!(f, "{} of {of} bytes", self.bytes),
            None => write!(f, "{} bytes of a body of unknown length", self.bytes),
        }
    }
}
