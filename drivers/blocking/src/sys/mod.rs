//! What a socket must do that `std` cannot: write and look without blocking, and wait for several
//! things at once.
//!
//! Two files with the same few functions. On Unix it is done with `poll(2)` and `MSG_DONTWAIT`.
//! Elsewhere (and on Unix with `--cfg httpool_std_only`, so that it does not rot) with `std` alone:
//! waiting for several things is then done by looking again every millisecond, the probe of an idle
//! connection costs three system calls instead of one, and a connect can be interrupted only
//! between addresses.

use std::time::Duration;

#[cfg(all(unix, not(httpool_std_only)))]
#[path = "unix.rs"]
mod imp;
#[cfg(not(all(unix, not(httpool_std_only))))]
#[path = "portable.rs"]
mod imp;

pub(crate) use imp::{Bell, Connecting, is_dead, recv, recv_now, recv_onto, send_now, wait};

/// What a wait ended with.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ready {
    /// The socket has input, its end, or an error.
    pub(crate) readable: bool,
    /// The socket takes output, or has an error.
    pub(crate) writable: bool,
}

/// The largest power of two of milliseconds that is not longer than `left`, and at least one: what
/// a socket's receive timeout is set to, so that it rarely has to be set again.
pub(crate) fn rounded(left: Duration) -> Duration {
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
