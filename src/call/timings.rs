//! The times of the attempts of a call.

use alloc::{boxed::Box, vec::Vec};
use core::time::Duration;

use super::{Call, attempt::Then, record::Input, state::State};
use crate::{
    dial::{Connected, Dial, DialTimings, StepKind},
    error::{Cause, Failure},
    id::ConnId,
    message::{Method, Request, Status, Url},
    time::Instant,
};

/// The timeline of a call: its attempts, each with its phases. All times count from the beginning
/// of the call.
///
/// It is collected after [`Call::set_timings`]. The same events give the same timeline.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use httpool::{
///     call::{AttemptCause, Call, Next, Policy, Reused},
///     h1::Connection,
///     message::Request,
///     time::Instant,
/// };
///
/// let at = |ms: u64| Instant::from_nanos(ms * 1_000_000);
/// let request = Request::get("http://example.com/").build()?;
/// let mut call = Call::new(request, Arc::new(Policy::default()), 1, at(0));
/// call.set_timings();
///
/// let (mut conn, mut out) = (Connection::new(Default::default()), Vec::new());
/// call.start(&mut conn, Reused::No, at(20), &mut out);
/// call.written(out.len(), at(21));
/// let input = b"HTTP/1.1 204 No Content\r\n\r\n";
/// let (mut taken, _) = call.receive(&mut conn, input, at(50));
/// while call.next() == Next::Exchange {
///     taken += call.receive(&mut conn, &input[taken..], at(50)).0;
/// }
/// assert!(call.released(&mut conn, b"", at(50)));
///
/// let attempt = &call.timings().unwrap().attempts[0];
/// assert_eq!(attempt.cause, AttemptCause::First);
/// let phases = attempt.phases();
/// assert_eq!(phases.wait, Duration::from_millis(29));
/// assert_eq!(phases.total(), Duration::from_millis(50));
/// # Ok::<(), httpool::error::RequestError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Timings {
    /// The driver's time at which the call began: the zero of all other times.
    pub began: Instant,
    /// The attempts, the first one first. There is at least one.
    pub attempts: Vec<AttemptTimings>,
    /// The time at which the call ended. `None` while it runs, as it does until the body of its
    /// response was read.
    pub ended: Option<Duration>,
}

/// The reason why an attempt was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttemptCause {
    /// The attempt is the first one of its call.
    First,
    /// A redirect is followed.
    Redirect,
    /// The attempt before it has failed, or its response is retried.
    Retry,
    /// The reused connection of the attempt before it was [stale](super#stale-connections).
    Stale,
}

impl AttemptCause {
    /// Returns the cause as one word: `first`, `redirect`, `retry`, `stale`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Redirect => "redirect",
            Self::Retry => "retry",
            Self::Stale => "stale",
        }
    }
}

/// The timeline of one attempt. All times count from the beginning of the call. A time is `None` if
/// the attempt has not got so far.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AttemptTimings {
    /// The reason why it was made.
    pub cause: AttemptCause,
    /// The method of its request.
    pub method: Method,
    /// The URL of its request.
    pub url: Url,
    /// The time at which it began. A pause before it is over then.
    pub began: Duration,
    /// The connections that were opened for it, until the attempt got one of them or another one.
    pub dials: Vec<(ConnId, DialTimings)>,
    /// The connection that it got.
    pub connection: Option<ConnId>,
    /// Whether that connection had served another request before.
    pub reused: bool,
    /// The time at which it got its connection.
    pub leased: Option<Duration>,
    /// The time at which the last byte of the request was written.
    pub sent: Option<Duration>,
    /// The time at which the first byte of a response came.
    pub first_byte: Option<Duration>,
    /// The time at which the head of the final response was complete.
    pub head: Option<Duration>,
    /// The time at which it ended.
    pub ended: Option<Duration>,
    /// The number of bytes of the head of its request.
    pub request_head_bytes: u64,
    /// The number of bytes that were written: the request with its framing.
    pub bytes_sent: u64,
    /// The number of bytes of the heads of its responses.
    pub head_bytes: u64,
    /// The number of bytes of the body of its response that the application got, before they are
    /// decoded and without framing.
    pub body_bytes: u64,
    /// The status of its final response.
    pub status: Option<Status>,
    /// The reason why it failed.
    pub failure: Option<Cause>,
}

/// The time of an attempt, divided into phases that follow each other. Their sum is exactly the
/// time from the beginning of the attempt to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Phases {
    /// Waiting in the pool's queue, for a thread of the resolver, and everything else before the
    /// request was sent that is not one of the next four.
    pub queue: Duration,
    /// Looking names up.
    pub look_up: Duration,
    /// Opening a TCP connection, over all addresses that were tried.
    pub connect: Duration,
    /// Asking proxies for tunnels.
    pub proxy: Duration,
    /// TLS handshakes.
    pub tls: Duration,
    /// Writing the request.
    pub send: Duration,
    /// Waiting for the first byte of the response.
    pub wait: Duration,
    /// Reading the response.
    pub receive: Duration,
}

impl Phases {
    /// Returns the phases with their names, in their order.
    pub const fn each(&self) -> [(&'static str, Duration); 8] {
        [
            ("queue", self.queue),
            ("look-up", self.look_up),
            ("connect", self.connect),
            ("proxy", self.proxy),
            ("tls", self.tls),
            ("send", self.send),
            ("wait", self.wait),
            ("receive", self.receive),
        ]
    }

    /// Returns the sum of all phases.
    pub fn total(&self) -> Duration {
        self.each().iter().fold(Duration::ZERO, |sum, (_, took)| sum.saturating_add(*took))
    }
}

impl AttemptTimings {
    fn new(cause: AttemptCause, request: &Request, began: Duration) -> Self {
        Self {
            cause,
            method: request.method().clone(),
            url: request.url().clone(),
            began,
            dials: Vec::new(),
            connection: None,
            reused: false,
            leased: None,
            sent: None,
            first_byte: None,
            head: None,
            ended: None,
            request_head_bytes: 0,
            bytes_sent: 0,
            head_bytes: 0,
            body_bytes: 0,
            status: None,
            failure: None,
        }
    }

    /// Returns the latest time that is known of the attempt.
    pub fn latest(&self) -> Duration {
        let times = [self.leased, self.sent, self.first_byte, self.head, self.ended];
        let dials = self.dials.iter().map(|(_, dial)| dial.ended);
        let times = times.into_iter().chain(dials).flatten();
        times.fold(self.began, Duration::max)
    }

    /// Returns the phases of the attempt, up to its end, or to the latest time that is known.
    pub fn phases(&self) -> Phases {
        let end = self.ended.unwrap_or_else(|| self.latest());
        let leased = self.leased.unwrap_or(end).clamp(self.began, end.max(self.began));
        let mut left = leased.saturating_sub(self.began);
        let mut take = |took: Duration| {
            let taken = took.min(left);
            left -= taken;
            taken
        };
        let mut phases = Phases::default();
        for (_, dial) in &self.dials {
            let sum = |kind: StepKind| {
                let steps = dial.steps.iter().filter(|step| step.kind == kind);
                steps.fold(Duration::ZERO, |sum, step| sum.saturating_add(step.took()))
            };
            phases.look_up += take(sum(StepKind::LookUp));
            phases.connect += take(connect_time(dial));
            phases.proxy += take(sum(StepKind::Proxy));
            phases.tls += take(sum(StepKind::Tls));
        }
        phases.queue = left;
        if self.leased.is_some() {
            let first_byte = self.first_byte.unwrap_or(end).clamp(leased, end.max(leased));
            let sent = self.sent.unwrap_or(first_byte).clamp(leased, first_byte);
            phases.send = sent - leased;
            phases.wait = first_byte - sent;
            phases.receive = end.saturating_sub(first_byte);
        }
        phases
    }
}

/// Returns the time from the first attempt to connect to the end of the race.
fn connect_time(dial: &DialTimings) -> Duration {
    let mut span: Option<(Duration, Duration)> = None;
    let mut won = None;
    for step in &dial.steps {
        if let StepKind::Connect { outcome, .. } = step.kind {
            let ended = step.ended.unwrap_or(step.began);
            let (from, to) = span.unwrap_or((step.began, ended));
            span = Some((from.min(step.began), to.max(ended)));
            if outcome == Some(Connected::Won) {
                won = Some(ended);
            }
        }
    }
    span.map_or(Duration::ZERO, |(from, to)| won.unwrap_or(to).saturating_sub(from))
}

impl Timings {
    /// Returns the address to which a connection was opened by this call. `None` if another call
    /// has opened it.
    pub fn peer(&self, conn: ConnId) -> Option<core::net::SocketAddr> {
        let dials = self.attempts.iter().flat_map(|attempt| &attempt.dials);
        dials.filter(|(opened, _)| *opened == conn).find_map(|(_, dial)| dial.peer())
    }

    /// Returns the number of connections that were opened for the call and used by it.
    pub fn connections_opened(&self) -> usize {
        let used = |it: &&AttemptTimings| it.connection.is_some() && !it.reused;
        self.attempts.iter().filter(used).count()
    }

    /// Returns the time at which the last redirect was followed. Zero without one.
    pub fn redirected(&self) -> Duration {
        let followed = |it: &&AttemptTimings| it.cause == AttemptCause::Redirect;
        self.attempts.iter().rev().find(followed).map_or(Duration::ZERO, |it| it.began)
    }

    fn last_mut(&mut self) -> Option<&mut AttemptTimings> {
        self.attempts.last_mut()
    }
}

impl Call {
    /// Collects the [`timings`](Self::timings) from now on. Off by default, which costs no memory.
    /// Call it before the first event.
    pub fn set_timings(&mut self) {
        let attempts =
            alloc::vec![AttemptTimings::new(AttemptCause::First, &self.request, Duration::ZERO)];
        self.timings = Some(Box::new(Timings { began: self.began, attempts, ended: None }));
        // A guard may have refused the call already.
        self.observe(self.began);
    }

    /// Returns the timeline of the call so far. `None` unless it is
    /// [collected](Self::set_timings).
    pub fn timings(&self) -> Option<&Timings> {
        self.timings.as_deref()
    }

    /// Names the connection that is being opened for the call, for the trace. Decides nothing.
    pub fn opens(&mut self, conn: ConnId, now: Instant) {
        self.trace.event(now, Input::Opens(conn));
    }

    /// Names the connection on which the next attempt begins, for the trace and the timings. Call
    /// it before [`start`](Self::start). Decides nothing.
    #[inline]
    pub fn lent(&mut self, conn: ConnId, now: Instant) {
        self.trace.event(now, Input::Lent(conn));
        if matches!(self.state, State::Checkout)
            && let Some(attempt) = self.timings.as_mut().and_then(|it| it.last_mut())
        {
            attempt.connection = Some(conn);
        }
    }

    /// Adds the timings of `dial`, which ran for the call to open `conn`, if both are collected.
    /// Call it when the dial has ended, or when the call does not wait for it any more.
    pub fn keep_timings_of(&mut self, conn: ConnId, dial: &Dial, now: Instant) {
        if let Some(timings) = &mut self.timings
            && let Some(dial) = dial.timings_since(timings.began, now)
            && let Some(attempt) = timings.last_mut()
        {
            attempt.dials.push((conn, dial));
        }
    }

    /// Records that an attempt begins.
    pub(super) fn time_attempt(&mut self, cause: AttemptCause, now: Instant) {
        let Some(timings) = &mut self.timings else { return };
        let at = now.since(timings.began);
        if let Some(before) = timings.last_mut() {
            before.ended.get_or_insert(at);
            if cause == AttemptCause::Retry && before.status.is_none() {
                before.failure = self.retrying.map(|failure| failure.cause);
            }
        }
        timings.attempts.push(AttemptTimings::new(cause, &self.request, at));
    }

    /// Records that the attempt has got a connection.
    pub(super) fn time_lease(&mut self, reused: bool, head: u64, now: Instant) {
        let Some(timings) = &mut self.timings else { return };
        let at = now.since(timings.began);
        if let Some(attempt) = timings.last_mut() {
            (attempt.leased, attempt.reused) = (Some(at), reused);
            attempt.request_head_bytes = head;
        }
    }

    #[cold]
    pub(super) fn time_received(&mut self, taken: usize, body: usize) {
        let Some(attempt) = self.timings.as_mut().and_then(|it| it.last_mut()) else { return };
        attempt.body_bytes += body as u64;
        if attempt.head.is_none() {
            attempt.head_bytes += taken as u64;
        }
    }

    /// Records how far the call has got after an event.
    #[inline]
    pub(super) fn observe(&mut self, now: Instant) {
        if self.timings.is_some() {
            self.note_progress(now);
        }
    }

    #[cold]
    #[inline(never)]
    fn note_progress(&mut self, now: Instant) {
        let Self { timings: Some(timings), attempt: state, .. } = self else { return };
        let at = now.since(timings.began);
        let (over, failure) = match self.state {
            State::Release(Then::Fail(failure)) => (false, Some(failure)),
            State::Failed(failure) => (true, Some(failure)),
            State::Done | State::HandOver => (true, None),
            State::Release(_) | State::Wait | State::Rewind => (false, None),
            State::Checkout | State::Leave | State::Exchange => (false, None),
        };
        // The body is set back for an attempt that has begun.
        let released = match self.state {
            State::Rewind | State::Checkout | State::Leave | State::Exchange => false,
            State::Release(_) | State::Wait => true,
            State::HandOver | State::Done | State::Failed(_) => true,
        };
        if let Some(attempt) = timings.attempts.last_mut()
            && attempt.ended.is_none()
        {
            let leased = attempt.leased.is_some();
            attempt.bytes_sent = if leased { state.written } else { 0 };
            let reach = |time: &mut Option<Duration>, reached: bool| {
                if leased && reached {
                    time.get_or_insert(at);
                }
            };
            reach(&mut attempt.sent, state.is_out());
            reach(&mut attempt.first_byte, state.heard);
            reach(&mut attempt.head, state.answered);
            attempt.status = attempt.head.and_then(|_| Status::new(state.status));
            attempt.failure = failure.map(|Failure { cause, .. }| cause);
            attempt.ended = released.then_some(at);
        }
        if over {
            timings.ended.get_or_insert(at);
        }
    }
}
