//! The report of a call, for `tracing` or `log`.

use std::{
    panic::{RefUnwindSafe, UnwindSafe},
    time::Duration,
};

use httpool::{
    call::{Call, HistoryEntry, Next},
    client::Closed,
    error::{Cause, Failure},
    id::ConnId,
    message::{Key, Method, Origin, Status},
    time::{Deadline, Instant},
    trace::Who,
};

use super::sink;

/// The report of one call. Empty if nobody listens when the call begins. Dropping it reports a call
/// that has not ended as dropped.
#[derive(Debug, Default)]
pub struct Report(Option<Box<Running>>);

/// A call that has not ended.
#[derive(Debug)]
struct Running {
    it: Begun,
    span: sink::Span,
    began: Instant,
    /// The number of entries of the call's history that were reported.
    told: usize,
    /// The last attempt that was reported: its connection, and the number of attempts before it.
    attempt: Option<(ConnId, usize)>,
    counts: Counts,
}

/// The facts of a call that are known at its begin.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) call: Who,
    pub(super) method: Method,
    pub(super) origin: Origin,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) redirects: u32,
    pub(super) retries: u32,
}

/// The facts of a call that are known at its end.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) outcome: &'static str,
    pub(super) status: Option<Status>,
    pub(super) failure: Option<Failure>,
    pub(super) counts: Counts,
    /// `None` if the call was dropped.
    pub(super) took: Option<Duration>,
}

/// The reason for a retry.
#[derive(Debug, Clone, Copy)]
pub(super) enum Why {
    Status(Status),
    Failed(Option<Cause>),
}

impl Report {
    /// Begins the report of the call with this number. Use the number of its
    /// [trace](httpool::trace::Who::Call).
    pub fn begin(call: &Call, number: u64, now: Instant) -> Self {
        if !sink::is_on() {
            return Self::default();
        }
        let request = call.request();
        let (method, origin) = (request.method().clone(), request.origin().clone());
        let it = Begun { call: Who::Call(number), method, origin };
        Self(Some(Box::new(Running {
            span: sink::begin(&it),
            it,
            began: now,
            told: 0,
            attempt: None,
            counts: Counts::default(),
        })))
    }

    /// Whether anything is reported.
    #[inline]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Reports the retries and redirects since the last report. Those whose pause is not known yet,
    /// because their response is still being read, wait for the next report.
    #[inline]
    pub fn observe(&mut self, call: &Call, now: Instant) {
        if let Some(running) = &mut self.0
            && call.history().len() > running.told
            && !is_exchanging(call)
        {
            running.tell_history(call, now);
        }
    }

    /// Reports that an attempt begins on a connection, if that is a reused one (`true`). Ignored if
    /// this attempt was reported before.
    #[inline]
    pub fn lent(&mut self, call: &Call, (conn, reused): (ConnId, bool), now: Instant) {
        let Some(running) = &mut self.0 else { return };
        let attempt = Some((conn, call.history().len()));
        if running.attempt != attempt {
            running.attempt = attempt;
            running.tell_history(call, now);
            if reused {
                sink::reused(&running.span, &running.it, conn);
            }
        }
    }

    /// Reports what [`observe`](Self::observe) does, and the end of the call if it has ended.
    #[inline]
    pub fn settle(&mut self, call: &Call, now: Instant) {
        if self.0.is_none() {
            return;
        }
        self.observe(call, now);
        let (outcome, failure) = match call.next() {
            Next::Done => ("complete", None),
            Next::HandOver => ("switched", None),
            Next::Failed(why) if why.cause == Cause::Cancelled => ("cancelled", None),
            Next::Failed(why) => ("failed", Some(why)),
            _ => return,
        };
        self.end(outcome, failure, call, now);
    }

    /// Reports that the application has given the call up: it has cancelled it, or it discards the
    /// rest of the response (`discarded`).
    #[inline]
    pub fn give_up(&mut self, call: &Call, discarded: bool, now: Instant) {
        if self.0.is_some() {
            self.observe(call, now);
            self.end(if discarded { "discarded" } else { "cancelled" }, None, call, now);
        }
    }

    fn end(&mut self, outcome: &'static str, failure: Option<Failure>, call: &Call, now: Instant) {
        if let Some(running) = self.0.take() {
            let (counts, took) = (running.counts, Some(now.since(running.began)));
            let ended = Ended { outcome, status: call.status(), failure, counts, took };
            sink::end(&running.span, &running.it, &ended);
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if let Some(running) = self.0.take() {
            let (outcome, counts) = ("dropped", running.counts);
            let ended = Ended { outcome, status: None, failure: None, counts, took: None };
            sink::end(&running.span, &running.it, &ended);
        }
    }
}

/// No method leaves it half changed.
impl UnwindSafe for Report {}
/// No method changes it through a shared reference.
impl RefUnwindSafe for Report {}

impl Running {
    fn tell_history(&mut self, call: &Call, now: Instant) {
        let history = call.history();
        for (index, entry) in history.iter().enumerate().skip(self.told) {
            let last = call.next_request();
            let (url, to) = match history.get(index + 1) {
                Some(next) => (&next.url, Origin::of(&next.url)),
                None => (last.url(), Some(last.origin().clone())),
            };
            let delay = pause(call, now).filter(|_| index + 1 == history.len());
            let same = *url == entry.url;
            match (entry.status.filter(|status| is_redirect(call, entry, *status, same)), to) {
                (Some(status), Some(to)) => {
                    self.counts.redirects += 1;
                    sink::redirected(&self.span, &self.it, (status, &to), delay);
                }
                _ => {
                    self.counts.retries += 1;
                    let why = entry.status.map_or(Why::Failed(entry.cause), Why::Status);
                    sink::retried(&self.span, &self.it, why, delay);
                }
            }
        }
        self.told = history.len();
    }
}

/// Whether an entry is a redirect. One to the same URL looks like a retry if the policy also retries
/// its status.
fn is_redirect(call: &Call, entry: &HistoryEntry, status: Status, same: bool) -> bool {
    let retried = same && call.policy().retry.statuses.contains(&status);
    status.is_redirection() && entry.cause.is_none() && !retried
}

/// Whether a connection is in use, so that the pause before the next attempt is not known.
fn is_exchanging(call: &Call) -> bool {
    let next = call.next();
    let uses = matches!(next, Next::Exchange | Next::SendBody(_) | Next::CheckBody);
    uses || matches!(next, Next::Restart | Next::Release)
}

/// Returns the time until the next attempt, if the call waits for it.
fn pause(call: &Call, now: Instant) -> Option<Duration> {
    let (at, which) = call.poll_timeout().filter(|_| call.next() == Next::Wait)?;
    (which == Deadline::Backoff).then(|| at.since(now))
}

/// Whether a subscriber or a logger may want a report.
#[inline]
pub fn listens() -> bool {
    sink::is_on()
}

/// Reports that a connection was opened. Its handshakes and its tunnel are done.
#[inline]
pub fn opened(conn: ConnId, key: &Key) {
    if sink::is_on() {
        sink::opened(conn, key.peer(), key.hops().first().map(|hop| hop.proxy()));
    }
}

/// Reports that a connection is closed. The sockets that were only being opened are no connections,
/// so they are left out.
#[inline]
pub fn closed(conn: ConnId, why: Closed) {
    if sink::is_on() && !matches!(why, Closed::Abandoned | Closed::Failed) {
        sink::closed(conn, why.name());
    }
}
