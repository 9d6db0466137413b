//! Time, as told by the driver: the core never reads a clock.

use core::{fmt, time::Duration};

/// A point in monotonic time: nanoseconds since an epoch of the driver's choosing.
///
/// It holds 584 years. "No deadline" is `None`, never a far-off instant.
///
/// ```
/// use core::time::Duration;
/// use httpool::time::Instant;
///
/// let start = Instant::from_nanos(0);
/// let later = start.after(Duration::from_millis(20));
/// assert_eq!(later.since(start), Duration::from_millis(20));
/// assert_eq!(start.since(later), Duration::ZERO);
/// assert_eq!(later.to_string(), "0.020000");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Instant(u64);

impl Instant {
    /// The instant `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This instant plus `delay`. Saturates: a time too far off to hold never comes.
    #[must_use]
    pub const fn after(self, delay: Duration) -> Self {
        let nanos = delay.as_nanos();
        if nanos > u64::MAX as u128 {
            return Self(u64::MAX);
        }
        Self(self.0.saturating_add(nanos as u64))
    }

    /// The time from `earlier` to this instant, or zero where `earlier` is the later one.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Seconds since the epoch, with microseconds.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000_000, self.0 % 1_000_000_000 / 1_000)
    }
}

/// What a deadline is for; it becomes the error when it passes.
///
/// Each has one owner, who alone keeps it: a [`Dial`](crate::dial::Dial) the first four, a
/// [`Call`](crate::call::Call) the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Deadline {
    /// For a name's addresses, from the beginning of the look-up.
    Resolve,
    /// For a look-up to begin, where it has to wait for a thread of the resolver's. As long as
    /// [`Resolve`](Self::Resolve).
    Resolver,
    /// For TCP and a proxy's answers, over all addresses.
    Connect,
    /// For each TLS handshake.
    Tls,
    /// For a connection, until one is granted or a dial begins on the call's behalf.
    Queue,
    /// Between two writes that moved bytes.
    Write,
    /// From the request's end to the end of the response's head.
    FirstByte,
    /// From the head, or the last bytes of the body, to the next bytes of the body; stands still
    /// while the application does not read.
    Stall,
    /// For a 100 (Continue); its passing is no error.
    Continue,
    /// Before the next attempt; its passing is no error.
    Backoff,
    /// The whole: queue, dials, attempts, pauses, body.
    Total,
    /// For the bytes of the body that the minimum rate asks for; stands still while the application
    /// does not read.
    Rate,
    /// For the rest of a body that nobody wants; its passing closes the connection and is no error.
    Drain,
}

impl Deadline {
    /// The word that traces and errors use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Resolver => "resolver",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Queue => "queue",
            Self::Write => "write",
            Self::FirstByte => "first-byte",
            Self::Stall => "stall",
            Self::Continue => "continue",
            Self::Backoff => "backoff",
            Self::Total => "total",
            Self::Rate => "rate",
            Self::Drain => "drain",
        }
    }
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The sooner of two deadlines; of two at the same instant the first named.
pub(crate) fn sooner(
    a: Option<(Instant, Deadline)>,
    b: Option<(Instant, Deadline)>,
) -> Option<(Instant, Deadline)> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.0 < a.0 { b } else { a }),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_saturates() {
        let last = Instant::from_nanos(u64::MAX);
        assert_eq!(last.after(Duration::from_secs(1)), last);
        assert_eq!(Instant::from_nanos(5).after(Duration::MAX), last);
    }

    #[test]
    fn the_sooner_deadline_wins_and_the_first_of_equals() {
        let at = |nanos, which| Some((Instant::from_nanos(nanos), which));
        assert_eq!(sooner(at(2, Deadline::Total), at(1, Deadline::Stall)), at(1, Deadline::Stall));
        assert_eq!(sooner(at(1, Deadline::Total), at(1, Deadline::Stall)), at(1, Deadline::Total));
        assert_eq!(sooner(None, at(1, Deadline::Stall)), at(1, Deadline::Stall));
        assert_eq!(sooner(None, None), None);
    }
}
