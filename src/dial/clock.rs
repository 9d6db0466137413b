//! The clock of the connect timeout.

use core::time::Duration;

use crate::time::Instant;

/// A time limit that can be suspended.
pub(super) struct Clock {
    left: Option<Duration>,
    pub(super) until: Option<Instant>,
}

impl Clock {
    pub(super) fn new(left: Option<Duration>) -> Self {
        Self { left, until: None }
    }

    pub(super) fn run(&mut self, now: Instant) {
        if self.until.is_none() {
            self.until = self.left.map(|left| now.after(left));
        }
    }

    pub(super) fn stop(&mut self, now: Instant) {
        if let Some(until) = self.until.take() {
            self.left = Some(until.since(now));
        }
    }
}
