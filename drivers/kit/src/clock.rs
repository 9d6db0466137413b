//! The clock of a driver.

use std::time::{self, Duration, SystemTime};

use httpool::time::Instant;

/// Measures the time since a driver was started, on the core's clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    epoch: time::Instant,
    wall_at_epoch: Option<Duration>,
}

impl Clock {
    /// Starts a clock: its time is 0 now.
    pub fn start() -> Self {
        let wall_at_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok();
        Self { epoch: time::Instant::now(), wall_at_epoch }
    }

    /// Returns the current time.
    #[inline]
    pub fn now(&self) -> Instant {
        let age = self.epoch.elapsed();
        let nanos = age.as_secs().saturating_mul(1_000_000_000);
        Instant::from_nanos(nanos.saturating_add(age.subsec_nanos().into()))
    }

    /// Returns the wall-clock time when the clock was started, since 1970. `None` if the system's
    /// clock is set to an earlier date.
    pub const fn wall_at_epoch(&self) -> Option<Duration> {
        self.wall_at_epoch
    }
}
