//! An open connection as the pool keeps it.

use std::time::Duration;

use httpool::{call::Call, h1, limits::MessageLimits};

use crate::platform::{Platform, Socket};

/// A connection with its protocol state.
#[derive(Debug)]
pub(crate) struct Warm<P: Platform> {
    pub(crate) socket: P::Socket,
    pub(crate) h1: h1::Connection,
    /// The receive timeout that the socket has; none if it was never set, or has become too short.
    timeout: Option<Duration>,
    /// The socket has one, and a read has ended by it.
    expired: bool,
    /// Whether what the system holds unsent is bounded, and whether that was tried.
    pub(crate) bounded: bool,
    tried_to_bound: bool,
}

impl<P: Platform> Warm<P> {
    pub(crate) fn new(socket: P::Socket, limits: MessageLimits) -> Self {
        let h1 = h1::Connection::new(limits);
        let (timeout, expired) = (None, false);
        Self { socket, h1, timeout, expired, bounded: false, tried_to_bound: false }
    }

    /// Bounds what the system holds unsent, once, where the call's request is long.
    pub(crate) fn bound_unsent(&mut self, call: &Call) {
        if !self.tried_to_bound && call.is_long() {
            self.tried_to_bound = true;
            self.bounded = self.socket.bound_unsent();
        }
    }

    /// Sees to it that a read ends in time. The timeout stays on the socket, so that a warm request
    /// need not set it: what is there suffices while it is not longer than what is left.
    pub(crate) fn bound_reads(&mut self, left: Duration) {
        if self.timeout.is_none_or(|set| set > left) {
            let timeout = rounded(left);
            if self.socket.set_receive_timeout(timeout).is_ok() {
                (self.timeout, self.expired) = (Some(timeout), false);
            }
        }
    }

    /// No deadline bounds a read: one that a short timeout of before has ended does not end by it
    /// again and again.
    pub(crate) fn unbound_reads(&mut self) {
        if self.expired {
            self.bound_reads(Duration::MAX);
        }
    }

    /// A read has ended by the timeout, which perhaps was the shorter one: it is set anew.
    pub(crate) fn read_timed_out(&mut self) {
        (self.timeout, self.expired) = (None, true);
    }
}

/// The largest power of two of milliseconds that is not longer than `left`, and at least one: what
/// a socket's receive timeout is set to, so that it rarely has to be set again. A read that ends by
/// it before the deadline is begun again with what is left. So a deadline never passes early, and
/// by this at most a millisecond late.
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
