//! The failure of a network that is not the system's.

use std::{error, fmt, io};

/// A failure that a network of the program's own explains, as a mock does.
///
/// A connection that fails with it, as an [`io::Error`], fails its call. The call's
/// [`Error`](crate::Error) then shows this text in place of the cause that the core has seen, which
/// is only that the connection was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetFailure(String);

impl NetFailure {
    /// Makes a failure with this text. It follows `METHOD URL: `, and may have several lines.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for NetFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl error::Error for NetFailure {}

/// Wraps the failure. Its kind is [`Other`](io::ErrorKind::Other).
impl From<NetFailure> for io::Error {
    fn from(failure: NetFailure) -> Self {
        Self::other(failure)
    }
}
