//! The deadlines of a call, and the clocks that watch them.

use core::{fmt, time::Duration};

use crate::{
    mutation::{Mutation, mutated},
    setters::setters,
    time::{Deadline, Instant, sooner},
};

/// How long each phase of a call may take. `None` is without bound. The timeouts for look-up,
/// TCP and TLS handshake are in [`dial::DialPolicy`](crate::dial::DialPolicy).
///
/// urllib3 has fewer: its `read`, the longest gap between two reads, is `first_byte` and `stall`
/// here, which [`read`](Self::read) sets both. urllib3's `total` bounds neither the wait in line
/// nor the body nor the pauses between attempts; [`total`](field@Self::total) here bounds
/// everything. [`urllib3`](Self::urllib3) makes a timeout from its three numbers.
///
/// A time of zero passes at once: a call with such a deadline fails, unless the step that it bounds
/// takes no time.
///
/// ```
/// # use std::{io::Read, net::TcpListener, thread};
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/", listener.local_addr()?);
/// # thread::spawn(move || {
/// #     // Takes the request, and never answers.
/// #     let (mut tcp, _) = listener.accept().unwrap();
/// #     while tcp.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {}
/// # });
/// use httpool::{call::Timeout, error::Reached};
/// use httpool_blocking::Client;
/// use std::time::Duration;
///
/// // Ten seconds for the whole call; 50 ms for the server to begin its response.
/// let timeout =
///     Timeout::default().total(Duration::from_secs(10)).first_byte(Duration::from_millis(50));
/// let error = Client::new().get(&url).timeouts(timeout).send().unwrap_err();
/// assert!(error.is_timeout());
/// assert_eq!(error.reached(), Reached::Sent);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeout {
    /// For the wait in line for a connection (urllib3: `pool_timeout`). The time in which a
    /// connection is opened for the call does not count. 60 seconds by default.
    pub queue: Option<Duration>,
    /// For opening a connection for the call: the look-up, TCP, proxies and TLS together, from the
    /// moment at which one begins to be opened for it. A call that takes over a connection that is
    /// being opened for another one counts from then. The dial goes on for other calls.
    ///
    /// Without a value, which is the default, the timeouts of the
    /// [dial's policy](crate::dial::DialPolicy) count alone. A longer value prolongs the policy's
    /// [`connect_timeout`](field@crate::dial::DialPolicy::connect_timeout) for a dial that begins for
    /// this call. (urllib3: `Timeout.connect`, which does not limit the look-up, and is counted for
    /// each address anew.)
    pub connect: Option<Duration>,
    /// Between two writes that moved bytes of the request. It also runs while the response is read,
    /// and after it. 30 seconds by default.
    ///
    /// A write moves bytes when the operating system takes them. On Linux the drivers let it hold
    /// at most [`UNSENT_BYTES_MAX`](crate::limits::UNSENT_BYTES_MAX) unsent, if the request is
    /// longer than [`LONG_REQUEST_BYTES`](crate::limits::LONG_REQUEST_BYTES): the deadline then
    /// measures the server. Elsewhere, and in a driver with the standard library alone, the system
    /// may hold megabytes. The time in which a slow server takes them then counts as one gap
    /// between two writes.
    pub write: Option<Duration>,
    /// From the end of the request to the end of the final response's head. Neither 1xx responses
    /// nor pieces of a head prolong it. 60 seconds by default.
    ///
    /// The request has ended when the operating system has taken its last bytes. Where the drivers
    /// bound the unsent bytes (see [`write`](field@Self::write)), it has ended when the system
    /// holds less than half of that bound.
    pub first_byte: Option<Duration>,
    /// From the head, or from the last bytes of the body, to the next bytes of the body or its end.
    /// It does not run while the application does not read. Chunk sizes, chunk extensions, line
    /// ends and trailers are not bytes of the body and do not prolong it. 60 seconds by default.
    /// For an unwanted body, [`drain_time_max`](field@super::Policy::drain_time_max) counts
    /// instead.
    pub stall: Option<Duration>,
    /// The lowest rate of the response's body. None by default. (curl: `--speed-limit` and
    /// `--speed-time`; urllib3 has no such setting.)
    pub rate: Option<MinRate>,
    /// For the wait for 100 (Continue), if the request has `Expect: 100-continue`. Then the body is
    /// sent without it (RFC 9110 10.1.1). 1 second by default.
    pub expect_continue: Duration,
    /// For the whole call: the wait in line, opening connections, all attempts and the pauses
    /// between them, and the response's body. None by default.
    pub total: Option<Duration>,
}

impl Timeout {
    setters! {
        queue: Option<Duration>,
        connect: Option<Duration>,
        write: Option<Duration>,
        first_byte: Option<Duration>,
        stall: Option<Duration>,
        rate: Option<MinRate>,
        expect_continue: Duration,
        total: Option<Duration>,
    }

    /// Sets [`first_byte`](field@Self::first_byte) and [`stall`](field@Self::stall): the longest
    /// wait for the head of the response, and for each next piece of its body (urllib3:
    /// `Timeout.read`).
    #[must_use]
    pub fn read(self, read: impl Into<Option<Duration>>) -> Self {
        let read = read.into();
        self.first_byte(read).stall(read)
    }

    /// urllib3's `Timeout(connect, read, total)`. `None` is without bound, but a connection is
    /// always opened within the times of the [dial's policy](crate::dial::DialPolicy). The wait in
    /// line is without bound, and belongs to `total`: `queue` is urllib3's `pool_timeout`. `read`
    /// also bounds the gaps between two writes, for which urllib3 uses `connect`.
    ///
    /// ```
    /// use core::time::Duration;
    /// use httpool::call::Timeout;
    ///
    /// let two = Duration::from_secs(2);
    /// let timeout = Timeout::urllib3(Some(two), Some(5 * two), None)?;
    /// assert_eq!((timeout.connect, timeout.stall), (Some(two), Some(5 * two)));
    /// assert!(Timeout::urllib3(Some(Duration::ZERO), None, None).is_err());
    /// # Ok::<(), httpool::call::ZeroTimeout>(())
    /// ```
    ///
    /// # Errors
    /// One of the times is zero (urllib3: `ValueError`). A negative one cannot be given.
    pub fn urllib3(
        connect: Option<Duration>,
        read: Option<Duration>,
        total: Option<Duration>,
    ) -> Result<Self, ZeroTimeout> {
        for (which, time) in [("connect", connect), ("read", read), ("total", total)] {
            if time.is_some_and(|time| time.is_zero()) {
                return Err(ZeroTimeout { which });
            }
        }
        Ok(Self::default().queue(None).connect(connect).write(read).read(read).total(total))
    }
}

/// A timeout of zero, which would pass at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZeroTimeout {
    which: &'static str,
}

impl fmt::Display for ZeroTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let which = self.which;
        write!(f, "the {which} timeout is 0, and would pass at once: give a longer time, or none")
    }
}

impl core::error::Error for ZeroTimeout {}

impl Default for Timeout {
    fn default() -> Self {
        Self {
            queue: Some(Duration::from_secs(60)),
            connect: None,
            write: Some(Duration::from_secs(30)),
            first_byte: Some(Duration::from_secs(60)),
            stall: Some(Duration::from_secs(60)),
            rate: None,
            expect_continue: Duration::from_secs(1),
            total: None,
        }
    }
}

/// The lowest rate of a response's body. The deadline `rate` passes when fewer bytes of the body
/// come within a window than `bytes_per_second` times its length in seconds.
///
/// The first window begins with the head, or with the end of the request if that is later. When the
/// bytes of a window have come, the next window begins at once; bytes beyond them do not count for
/// it. The same bytes count as for [`Timeout::stall`](field@Timeout::stall), before any content
/// coding is removed. The window does not run while the application does not read. With zero bytes
/// a second there is no deadline.
///
/// ```
/// use core::time::Duration;
/// use httpool::call::{MinRate, Timeout};
///
/// // Less than 30 kB in 30 seconds is too slow.
/// let timeout = Timeout::default().rate(MinRate::new(1_000, Duration::from_secs(30)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MinRate {
    /// Bytes of the body in each second (curl: `--speed-limit`).
    pub bytes_per_second: u64,
    /// The time over which the bytes are counted (curl: `--speed-time`, 30 seconds there).
    pub window: Duration,
}

impl MinRate {
    /// A rate of `bytes_per_second`, counted over `window`.
    pub const fn new(bytes_per_second: u64, window: Duration) -> Self {
        Self { bytes_per_second, window }
    }

    setters! {
        bytes_per_second: u64,
        window: Duration,
    }

    /// The bytes that must come within a window, rounded up: zero only if the rate or the window
    /// is.
    fn bytes(self) -> u64 {
        let nanos = self.window.as_nanos().saturating_mul(self.bytes_per_second.into());
        u64::try_from(nanos.div_ceil(1_000_000_000)).unwrap_or(u64::MAX)
    }
}

/// A clock that runs out, and can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Clock {
    /// Never runs out.
    #[default]
    Off,
    /// Runs out at this instant.
    Runs(Instant),
    /// Held, with this much time left.
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

/// All clocks of one call.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clocks {
    total: Option<Instant>,
    /// The deadline of the current phase, and its clock.
    phase: Option<Deadline>,
    clock: Clock,
    write: Option<Instant>,
    /// The current window of the minimum rate, and the bytes that must still come within it. While
    /// `connect` runs, the held clock of `queue`.
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

    /// Ends the current phase, if there is one, and starts the clock of the phase `which`.
    pub(super) fn begin(&mut self, which: Deadline, length: Option<Duration>, now: Instant) {
        (self.phase, self.clock) = (Some(which), Clock::new(length, now));
        self.window = Clock::Off;
    }

    /// Starts the clocks `stall` and `rate`: the application reads a body from now on.
    pub(super) fn begin_body(&mut self, timeout: &Timeout, now: Instant) {
        self.begin(Deadline::Stall, timeout.stall, now);
        self.begin_window(timeout.rate, now);
    }

    /// Records that bytes of that body have come: `stall` starts anew, and `rate` counts them.
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

    /// The deadline of the current phase, even if the phase has no bound.
    pub(super) fn phase(&self) -> Option<Deadline> {
        self.phase
    }

    pub(super) fn set_write(&mut self, at: Option<Instant>) {
        self.write = at;
    }

    /// Holds the clock `queue`, because a connection is being opened for the call. Starts the clock
    /// `connect`, if it has a length and does not run.
    pub(super) fn begin_dial(&mut self, connect: Option<Duration>, now: Instant) {
        if self.phase == Some(Deadline::Queue) {
            self.clock.hold(true, now);
            if connect.is_some() && !mutated(Mutation::EndlessConnect) {
                self.window = core::mem::replace(&mut self.clock, Clock::new(connect, now));
                self.phase = Some(Deadline::Connect);
            }
        }
    }

    /// Lets the clock `queue` go on: no connection is being opened for the call.
    pub(super) fn end_dial(&mut self, now: Instant) {
        if self.phase == Some(Deadline::Connect) {
            self.clock = core::mem::take(&mut self.window);
            self.phase = Some(Deadline::Queue);
        }
        if self.phase == Some(Deadline::Queue) {
            self.clock.hold(false, now);
        }
    }

    /// The instant until which a connection that is being opened is of use. `connect`: how long
    /// that may take, if it has not begun.
    pub(super) fn needed_by(&self, connect: Option<Duration>, now: Instant) -> Option<Instant> {
        let connect = match (self.phase, self.clock) {
            (Some(Deadline::Connect), Clock::Runs(at)) => Some(at),
            _ => connect.map(|connect| now.after(connect)),
        };
        connect.into_iter().chain(self.total).min()
    }

    /// Holds the clocks of a body while it is not read, or lets them go on.
    pub(super) fn hold_body(&mut self, held: bool, now: Instant) {
        if matches!(self.phase, Some(Deadline::Stall | Deadline::Drain)) {
            self.clock.hold(held, now);
            self.window.hold(held, now);
        }
    }

    /// The instant at which the next clock runs out, and its deadline. If several run out at the
    /// same instant, the order is: the phase, `rate`, `write`, `total`.
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
        clocks.begin_dial(None, at(4));
        assert_eq!(clocks.soonest(), None);
        clocks.end_dial(at(100));
        assert_eq!(clocks.soonest(), Some((at(106), Deadline::Queue)));
        clocks.begin_dial(Some(Duration::from_secs(3)), at(101));
        clocks.begin_dial(Some(Duration::from_secs(3)), at(102));
        assert_eq!(clocks.soonest(), Some((at(104), Deadline::Connect)));
        clocks.end_dial(at(103));
        assert_eq!(clocks.soonest(), Some((at(108), Deadline::Queue)));
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
        let rate = MinRate::new(0, Duration::from_secs(1));
        let timeout = Timeout::default().stall(None).rate(rate);
        let mut clocks = Clocks::default();
        clocks.begin_body(&timeout, at(0));
        clocks.body_came(1, &timeout, at(0));
        assert_eq!(clocks.soonest(), None);
    }
}
