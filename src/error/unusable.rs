//! The error for a response's body that its reader cannot use.

use core::fmt;

use crate::content::{DecodeError, DecodeErrorKind};

/// The reason why the reader cannot use the body of a response, which came without a violation of
/// HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyUnusable {
    /// The body cannot be decoded (urllib3: `DecodeError`).
    Decode(DecodeError),
    /// The body, once decoded, has more bytes than the reader collects.
    TooLong {
        /// The limit: the driver's `body_bytes_max`, in bytes.
        max: u64,
    },
    /// The reader has failed: the application panicked while it handled a part of the body.
    Reader,
}

impl BodyUnusable {
    /// Returns the reason for an error of a decoder whose limit on the decoded bytes is `max`: the
    /// body is too long if the decoder stopped at that limit.
    pub fn of_decoder(error: DecodeError, max: Option<u64>) -> Self {
        match max {
            Some(max) if error.kind == DecodeErrorKind::TooLong => Self::TooLong { max },
            _ => Self::Decode(error),
        }
    }
}

impl fmt::Display for BodyUnusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(why) => write!(f, "the response cannot be decoded: {why}"),
            Self::TooLong { max } => write!(
                f,
                "the response's body is longer than body_bytes_max allows, {max} bytes: raise it, \
                 or read the body piece by piece"
            ),
            Self::Reader => f.write_str("the reader of the response's body has failed"),
        }
    }
}

impl core::error::Error for BodyUnusable {}
