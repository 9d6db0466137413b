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
    /// From the request's end to the end of the final response's head. Neither 1xx responses nor
    /// pieces of a head prolong it. 60 seconds by default. The request has ended when the system has
    /// taken its last bytes; with the bound above, when it holds less than half of the bound unsent.
    /// Elsewhere the time runs while the system still sends what it holds.
    pub first_byte: Option<Duration>,
    /// From the head, or the last bytes of the body, to the next bytes of the body or its end, while
    /// the application reads. Chunk sizes, chunk extensions, line ends and trailers are not bytes of
    /// the body and do not prolong it. While the application does not read it stands still; while a
    /// body that nobody wants is read, [`drain_time_max`](super::Policy::drain_time_max) counts
    /// instead. 60 seconds by default.
    pub stall: Option<Duration>,
    /// The slowest that the body may come. None by default. (curl: `--speed-limit` and
    /// `--speed-time`; urllib3 has no such setting.)
    pub rate: Option<MinRate>,
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
            rate: None,
            expect_continue: Duration::from_secs(1),
            total: None,
        }
    }
}

/// The slowest that the body of a response may come: the deadline `rate` passes when a window does
/// not bring `bytes_per_second` times its length in seconds.
///
/// The first window begins with the head, or with the end of the request if that is later. As soon
/// as a window has brought its bytes the next one begins; what came beyond them is not credited to
/// it. The same bytes count as for [`Timeout::stall`], as they come over the connection: before a
/// content coding is undone. The window stands still while the application does not read. Zero bytes
/// a second ask for nothing.
///
/// ```
/// use core::time::Duration;
/// use httpool::call::{MinRate, Policy};
///
/// let mut policy = Policy::default();
/// // Less than 30 kB in 30 seconds is too slow.
/// policy.timeout.rate = Some(MinRate::new(1_000, Duration::from_secs(30)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MinRate {
    /// Bytes of the body for each second (curl: `--speed-limit`).
    pub bytes_per_second: u64,
    /// The time in which they are counted (curl: `--speed-time`, 30 seconds there).
    pub window: Duration,
}

impl MinRate {
    /// `bytes_per_second`, counted over `window`.
    pub const fn new(bytes_per_second: u64, window: Duration) -> Self {
        Self { bytes_per_second, window }
    }

    /// How many bytes a window must bring; zero only where the rate is.
    fn bytes(self) -> u64 {
        let nanos = self.window.as_nanos().saturating_mul(self.bytes_per_second.into());
        u64::try_from(nanos.div_ceil(1_000_000_000)).unwrap_or(u64::MAX)
    }
}

/// One clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Clock {
    /// There is no bound.
    #[default]
    Off,
    /// It runs out then.
    Runs(Instant),
    /// It stands still, with so much left.
    Stands(Duration),
}

impl Clock {
    fn new(length: Option<Duration>, now: Instant) -> Self {
        length.map_or(Self::Off, |length| Self::Runs(now.after(length)))
    }

    const fn hold(&mut self, held: bool, now: Instant) {
        match *self {
            Self::Runs(at) if held => *self = Self::Stands(at.since(now)),
            Self::Stands(left) if !held => *self = Self::Runs(now.after(left)),
            Self::Off | Self::Runs(_) | Self::Stands(_) => {}
        }
    }

    const fn runs_out(self, which: Deadline) -> Option<(Instant, Deadline)> {
        match self {
            Self::Runs(at) => Some((at, which)),
            Self::Off | Self::Stands(_) => None,
        }
    }
}

/// The clocks of one call.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clocks {
    total: Option<Instant>,
    /// Which phase there is, and its clock.
    phase: Option<Deadline>,
    clock: Clock,
    write: Option<Instant>,
    /// The window of the minimum rate, and how many bytes it has still to bring.
    window: Clock,
    due: u64,
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
        (self.phase, self.clock) = (Some(which), Clock::new(length, now));
        self.window = Clock::Off;
    }

    /// The application begins to read a body: `stall` and `rate` run.
    pub(super) fn begin_body(&mut self, timeout: &Timeout, now: Instant) {
        self.begin(Deadline::Stall, timeout.stall, now);
        self.begin_window(timeout.rate, now);
    }

    /// So many bytes of that body have come.
    pub(super) fn body_came(&mut self, bytes: u64, timeout: &Timeout, now: Instant) {
        self.clock = Clock::new(timeout.stall, now);
        if self.window != Clock::Off {
            match self.due.checked_sub(bytes) {
                None | Some(0) => self.begin_window(timeout.rate, now),
                Some(due) => self.due = due,
            }
        }
    }

    fn begin_window(&mut self, rate: Option<MinRate>, now: Instant) {
        self.due = rate.map_or(0, MinRate::bytes);
        let window = rate.filter(|_| self.due > 0).map(|rate| rate.window);
        self.window = Clock::new(window, now);
    }

    pub(super) fn end_phase(&mut self) {
        (self.phase, self.clock, self.window) = (None, Clock::Off, Clock::Off);
    }

    /// Which phase is being timed, whether its time is bounded or not.
    pub(super) fn phase(&self) -> Option<Deadline> {
        self.phase
    }

    pub(super) fn set_write(&mut self, at: Option<Instant>) {
        self.write = at;
    }

    /// Stops the queue's clock while a dial is under way, and lets it go on after.
    pub(super) fn hold_queue(&mut self, held: bool, now: Instant) {
        if self.phase == Some(Deadline::Queue) {
            self.clock.hold(held, now);
        }
    }

    /// Stops the clocks of a body while it is not read, and lets them go on after.
    pub(super) fn hold_body(&mut self, held: bool, now: Instant) {
        if matches!(self.phase, Some(Deadline::Stall | Deadline::Drain)) {
            self.clock.hold(held, now);
            self.window.hold(held, now);
        }
    }

    /// The soonest that runs out; of those at the same instant the most particular.
    pub(super) fn soonest(&self) -> Option<(Instant, Deadline)> {
        let phase = self.phase.and_then(|which| self.clock.runs_out(which));
        let rate = self.window.runs_out(Deadline::Rate);
        let write = self.write.map(|at| (at, Deadline::Write));
        let total = self.total.map(|at| (at, Deadline::Total));
        sooner(sooner(sooner(phase, rate), write), total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn the_queues_clock_stands_still_during_a_dial() {
        let mut clocks = Clocks::start(&Timeout::default(), at(0));
        clocks.begin(Deadline::Queue, Some(Duration::from_secs(10)), at(0));
        clocks.hold_queue(true, at(4));
        assert_eq!(clocks.soonest(), None);
        clocks.hold_queue(false, at(100));
        assert_eq!(clocks.soonest(), Some((at(106), Deadline::Queue)));
    }

    #[test]
    fn a_window_of_the_rate_asks_for_whole_bytes() {
        for (rate, millis, bytes) in [
            (0, 1_000, 0),
            (1, 1, 1),
            (1_000, 1_500, 1_500),
            (3, 1_100, 4),
            (u64::MAX, 2_000, u64::MAX),
            (7, 0, 0),
        ] {
            assert_eq!(MinRate::new(rate, Duration::from_millis(millis)).bytes(), bytes);
        }
        assert_eq!(MinRate::new(u64::MAX, Duration::MAX).bytes(), u64::MAX);
    }

    #[test]
    fn a_rate_of_nothing_has_no_deadline() {
        let mut timeout = Timeout { stall: None, ..Timeout::default() };
        timeout.rate = Some(MinRate::new(0, Duration::from_secs(1)));
        let mut clocks = Clocks::default();
        clocks.begin_body(&timeout, at(0));
        clocks.body_came(1, &timeout, at(0));
        assert_eq!(clocks.soonest(), None);
    }
}
