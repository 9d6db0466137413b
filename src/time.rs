//! Points in time and deadlines. The driver supplies the time; the core never reads a clock.

use core::{fmt, time::Duration};

/// A point in monotonic time, in nanoseconds since an epoch that the driver chooses.
///
/// The range is 584 years. `None` stands for "no deadline".
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
    /// Returns the instant `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns the nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns this instant plus `delay`. Saturates at the last instant that fits.
    #[must_use]
    pub const fn after(self, delay: Duration) -> Self {
        let nanos = delay.as_nanos();
        if nanos > u64::MAX as u128 {
            return Self(u64::MAX);
        }
        Self(self.0.saturating_add(nanos as u64))
    }

    /// Returns this instant plus `delay`; `None` if that saturates, because it then never comes.
    pub(crate) fn reachable(self, delay: Duration) -> Option<Self> {
        Some(self.after(delay)).filter(|at| *at < Self(u64::MAX))
    }

    /// Returns the time from `earlier` to this instant, or zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Writes the seconds since the epoch, with six decimals.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000_000, self.0 % 1_000_000_000 / 1_000)
    }
}

/// The kind of a deadline. A call that misses the deadline reports it in its error.
///
/// Each deadline is kept by one machine: the first five by [`Dial`](crate::dial::Dial), the others
/// by [`Call`](crate::call::Call).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Deadline {
    /// Limits the DNS look-up of a name, from the moment it begins.
    Resolve,
    /// Limits how long a look-up waits for a thread of the resolver. It is as long as
    /// [`Resolve`](Self::Resolve).
    Resolver,
    /// Limits the TCP connects and the answers of proxies, over all addresses together.
    Connect,
    /// Limits the TLS handshake with the origin.
    Tls,
    /// Limits each TLS handshake with a proxy. It is as long as [`Tls`](Self::Tls).
    ProxyTls,
    /// Limits the wait in the pool's queue. It ends once a connection is granted, or a dial begins
    /// on the call's behalf.
    Queue,
    /// Limits the time between two writes that moved bytes.
    Write,
    /// Limits the time from the end of the request to the end of the response's head.
    FirstByte,
    /// Limits the time from the head, or from the last bytes of the body, to the next bytes of the
    /// body. Suspended while the application does not read.
    Stall,
    /// Ends the wait for a 100 (Continue). Missing it is no error: the body is then sent.
    Continue,
    /// Ends the wait before the next attempt. Missing it is no error.
    Backoff,
    /// Limits the whole call: queue, dials, attempts, backoff and body.
    Total,
    /// Limits the time for as many bytes of the body as the minimum rate demands. Suspended while
    /// the application does not read.
    Rate,
    /// Limits how long the rest of a discarded body is read. Missing it closes the connection and
    /// is no error.
    Drain,
}

impl Deadline {
    pub(crate) const ALL: [Self; 14] = [
        Self::Resolve,
        Self::Resolver,
        Self::Connect,
        Self::Tls,
        Self::ProxyTls,
        Self::Queue,
        Self::Write,
        Self::FirstByte,
        Self::Stall,
        Self::Continue,
        Self::Backoff,
        Self::Total,
        Self::Rate,
        Self::Drain,
    ];

    /// Returns the name of the deadline in traces and errors.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Resolver => "resolver",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::ProxyTls => "proxy-tls",
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

/// Returns the earlier of two deadlines; `a` if both are at the same instant.
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
