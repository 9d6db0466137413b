//! How long each phase of a call may take, and the clocks that keep it.

use core::time::Duration;

use crate::time::{Deadline, Instant, sooner};

/// How long each phase may take; `None` is for ever. Those of a dial (resolve, connect, TLS) are in
/// [`dial::Policy`](crate::dial::Policy).
///
/// urllib3 knows two of these: its `connect` is the dial's, and its `read`, the gap between two
/// reads, is `first_byte` and `stall` here. Its `total` bounds neither the queue nor the body nor
/// the pauses between attempts; [`total`](Self::total) here bounds everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeout {
    /// In line for a connection, the time of dials on the call's behalf not counted (urllib3:
    /// `pool_timeout`). 60 seconds by default.
    pub queue: Option<Duration>,
    /// Between two writes that moved bytes, also while the response is being read and behind it. 30
    /// seconds by default. What moves is what the system takes. On Linux the drivers bound what it
    /// holds unsent of a request longer than
    /// [`LONG_REQUEST_BYTES`](crate::limits::LONG_REQUEST_BYTES) to
    /// [`UNSENT_BYTES_MAX`](crate::limits::UNSENT_BYTES_MAX), so that the deadline sees what the peer
    /// takes. Elsewhere, and in a driver with the standard library alone, the system's whole buffer
    /// stands between, which may be megabytes: a peer that reads slowly may then pass the deadline.
    pub write: Option<Duration>,
    /// From the request's end to the response's head. 60 seconds by default. The request has ended when
    /// the system has taken its last bytes; with the bound above, when it holds less than half of the
    /// bound unsent. Elsewhere the time runs while the system still sends what it holds.
    pub first_byte: Option<Duration>,
    /// Between two reads that brought bytes of the body, while the application reads. 60 seconds by
    /// default.
    pub stall: Option<Duration>,
    /// For a 100 (Continue), before the body is sent anyway (RFC 9110 10.1.1). 1 second by default.
    pub expect_continue: Duration,
    /// The whole call: queue, dials, attempts, pauses between them, body. None by default.
    pub total: Option<Duration>,
}

impl Default for Timeout {
    fn default() -> Self {
        Self {
            queue: Some(Duration::from_secs(60)),
            write: Some(Duration::from_secs(30)),
            first_byte: Some(Duration::from_secs(60)),
            stall: Some(Duration::from_secs(60)),
            expect_continue: Duration::from_secs(1),
            total: None,
        }
    }
}

/// The clocks of one call. Each is off (`None`) or runs out at an instant.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clocks {
    total: Option<Instant>,
    phase: Option<(Instant, Deadline)>,
    write: Option<Instant>,
    /// What is left of the queue's time while its clock stands still.
    queue_left: Option<Duration>,
}

impl Clocks {
    pub(super) fn start(timeout: &Timeout, now: Instant) -> Self {
        Self { total: timeout.total.map(|total| now.after(total)), ..Self::default() }
    }

    pub(super) fn total(&self) -> Option<Instant> {
        self.total
    }

    /// Ends whatever phase was being timed, and begins another.
    pub(super) fn begin(&mut self, which: Deadline, length: Option<Duration>, now: Instant) {
        self.phase = length.map(|length| (now.after(length), which));
        self.queue_left = None;
    }

    pub(super) fn end_phase(&mut self) {
        self.phase = None;
        self.queue_left = None;
    }

    /// Which phase is being timed.
    pub(super) fn phase(&self) -> Option<Deadline> {
        self.phase.map(|(_, which)| which)
    }

    pub(super) fn set_write(&mut self, at: Option<Instant>) {
        self.write = at;
    }

    /// Stops the queue's clock while a dial is under way, and lets it go on after.
    pub(super) fn hold_queue(&mut self, held: bool, now: Instant) {
        match self.phase {
            Some((at, Deadline::Queue)) if held => {
                self.queue_left = Some(at.since(now));
                self.phase = None;
            }
            None if !held => {
                if let Some(left) = self.queue_left.take() {
                    self.phase = Some((now.after(left), Deadline::Queue));
                }
            }
            _ => {}
        }
    }

    /// The soonest that runs out; of those at the same instant the most particular.
    pub(super) fn soonest(&self) -> Option<(Instant, Deadline)> {
        let write = self.write.map(|at| (at, Deadline::Write));
        let total = self.total.map(|at| (at, Deadline::Total));
        sooner(sooner(self.phase, write), total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queues_clock_stands_still_during_a_dial() {
        let at = |seconds: u64| Instant::from_nanos(seconds * 1_000_000_000);
        let mut clocks = Clocks::start(&Timeout::default(), at(0));
        clocks.begin(Deadline::Queue, Some(Duration::from_secs(10)), at(0));
        clocks.hold_queue(true, at(4));
        assert_eq!(clocks.soonest(), None);
        clocks.hold_queue(false, at(100));
        assert_eq!(clocks.soonest(), Some((at(106), Deadline::Queue)));
    }
}
