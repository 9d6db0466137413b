//! How much of a body is left.

/// How much of a body is left, to be sent or to be received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a length is known or it is not")]
pub enum BodyLeft {
    /// So many bytes.
    Bytes(u64),
    /// Nobody knows yet: the body ends where its chunks say, or with the connection.
    Unknown,
}

impl BodyLeft {
    /// Nothing.
    pub const NONE: Self = Self::Bytes(0);

    /// Whether that is nothing.
    pub const fn is_none(self) -> bool {
        matches!(self, Self::Bytes(0))
    }

    /// Whether it is known to be more than `max` bytes.
    pub const fn exceeds(self, max: u64) -> bool {
        match self {
            Self::Bytes(bytes) => bytes > max,
            Self::Unknown => false,
        }
    }

    /// The most of it that `room` bytes of memory can hold.
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
