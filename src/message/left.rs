//! The length of the rest of a body.

/// The length of the rest of a body that is being sent or received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a length is known or it is not")]
pub enum BodyLeft {
    /// Exactly this many bytes are left.
    Bytes(u64),
    /// The length is unknown. The body ends with its last chunk, or with the connection.
    Unknown,
}

impl BodyLeft {
    /// No bytes are left.
    pub const NONE: Self = Self::Bytes(0);

    /// Returns whether no bytes are left.
    pub const fn is_none(self) -> bool {
        matches!(self, Self::Bytes(0))
    }

    /// Returns whether more than `max` bytes are known to be left.
    pub const fn exceeds(self, max: u64) -> bool {
        match self {
            Self::Bytes(bytes) => bytes > max,
            Self::Unknown => false,
        }
    }

    /// Returns how many bytes of the rest fit in `room` bytes of memory. A rest of unknown length
    /// fills them.
    pub fn within(self, room: usize) -> usize {
        match self {
            Self::Bytes(bytes) => usize::try_from(bytes).map_or(room, |bytes| bytes.min(room)),
            Self::Unknown => room,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_length_is_a_length() {
        assert!(BodyLeft::Bytes(u64::MAX).exceeds(u64::MAX - 1));
        assert!(!BodyLeft::Unknown.exceeds(0) && !BodyLeft::NONE.exceeds(0));
        assert_eq!(BodyLeft::Bytes(u64::MAX).within(5), 5);
        assert_eq!(BodyLeft::Bytes(3).within(5), 3);
        assert_eq!(BodyLeft::Unknown.within(5), 5);
        assert!(BodyLeft::NONE.is_none() && !BodyLeft::Unknown.is_none());
    }
}
