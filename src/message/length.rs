//! The length of a request's body.

/// The length of a request's body, and whether the driver can replay it from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every case")]
pub enum BodyLength {
    /// No body.
    #[default]
    Empty,
    /// A body of known length, sent with Content-Length.
    Known {
        /// The length in bytes.
        len: u64,
        /// Whether the driver can replay the body.
        replayable: bool,
    },
    /// A body of unknown length, sent chunked.
    Unknown {
        /// Whether the driver can replay the body.
        replayable: bool,
    },
}

impl BodyLength {
    /// Returns whether the driver can replay the body. An absent body counts as replayable.
    pub const fn is_replayable(self) -> bool {
        match self {
            Self::Empty => true,
            Self::Known { replayable, .. } | Self::Unknown { replayable } => replayable,
        }
    }

    /// Returns whether there is no body, or one of zero bytes.
    pub const fn is_empty(self) -> bool {
        matches!(self, Self::Empty | Self::Known { len: 0, .. })
    }
}
