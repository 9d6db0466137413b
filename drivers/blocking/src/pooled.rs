//! A pooled connection: the socket and its protocol state.

use std::time::Duration;

use httpool::{call::Call, h1, limits::MessageLimits};

use crate::{
    platform::{Platform, Socket},
    wired::Wired,
};

/// A pooled connection: the socket and its protocol state.
#[derive(Debug)]
pub(crate) struct Pooled<P: Platform> {
    pub(crate) net: Wired<P::Socket>,
    pub(crate) h1: h1::Connection,
    /// The receive timeout of the socket. `None` if it was never set, or if a read has timed out.
    timeout: Option<Duration>,
    /// Whether a read has ended by the receive timeout since it was last set.
    expired: bool,
    /// Whether the system bounds the unsent bytes that it buffers.
    pub(crate) bounded: bool,
    tried_to_bound: bool,
}

impl<P: Platform> Pooled<P> {
    pub(crate) fn new(net: Wired<P::Socket>, limits: MessageLimits) -> Self {
        let h1 = h1::Connection::new(limits);
        let (timeout, expired) = (None, false);
        Self { net, h1, timeout, expired, bounded: false, tried_to_bound: false }
    }

    /// Bounds the unsent bytes that the system buffers, if the request is long. Tried only once.
    pub(crate) fn bound_unsent(&mut self, call: &Call) {
        if !self.tried_to_bound && call.is_long() {
            self.tried_to_bound = true;
            self.bounded = self.net.socket.bound_unsent();
        }
    }

    /// Sets the receive timeout so that a read ends within `left`. The timeout stays on the socket.
    /// A later request on the same connection need not set it again while it is not longer than
    /// `left`.
    pub(crate) fn bound_reads(&mut self, left: Duration) {
        if self.timeout.is_none_or(|set| set > left) {
            let timeout = rounded(left);
            if self.net.socket.set_receive_timeout(timeout).is_ok() {
                (self.timeout, self.expired) = (Some(timeout), false);
            }
        }
    }

    /// Raises the receive timeout to its maximum, if a read has ended by it. No deadline bounds the
    /// next reads, which would otherwise time out again and again.
    pub(crate) fn unbound_reads(&mut self) {
        if self.expired {
            self.bound_reads(Duration::MAX);
        }
    }

    /// Records that a read has timed out. The timeout may have been shorter than the time left, so
    /// the next [`bound_reads`](Self::bound_reads) sets it anew.
    pub(crate) fn read_timed_out(&mut self) {
        (self.timeout, self.expired) = (None, true);
    }
}

/// Returns the receive timeout for `left`: the largest power of two of milliseconds that is not
/// longer, and at least one. So rounded, it rarely has to be set again. A read that times out
/// before the deadline begins again with the time left. A deadline therefore never passes early,
/// and at most one millisecond late because of the rounding.
fn rounded(left: Duration) -> Duration {
    let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 31);
    Duration::from_millis(1 << millis.ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_rounded_down_to_powers_of_two() {
        let millis = |n| rounded(Duration::from_millis(n)).as_millis();
        assert_eq!([millis(0), millis(1), millis(3), millis(60_000)], [1, 1, 2, 32_768]);
        assert_eq!(rounded(Duration::MAX), Duration::from_millis(1 << 31));
    }
}
