//! Simulates the applications: performs each call's script and judges the events that the call
//! receives.

use httpool::{
    error::{
        Cause, DialError, Failure, RedirectError, RequestError, ResolveKind, Unavailable, Unsent,
    },
    id::{CallId, ConnId},
    message::{BodyLeft, BodyLength, Request},
    time::Deadline,
};

use super::{
    Framing, Plan, Reading, Reply,
    clock::{LATE, LATE_THREAD},
    marks::Mark,
    net::Net,
    reply::{POISON, answer_byte, has_body, request_byte},
    server::Servers,
    stage::{Does, Event, Stage},
};

/// How a call ended, as seen by its application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A complete response with this status.
    Response(u16),
    /// A failure.
    Failed(Failure),
    /// The connection was handed over to another protocol.
    HandOver,
    /// The application cancelled the call.
    Cancelled,
    /// The application discarded the rest of the response.
    Discarded,
}

/// The state of one call and its application.
#[derive(Debug, Default)]
pub(super) struct Case {
    /// The call's id, once the call has begun.
    pub(super) id: Option<CallId>,
    pub(super) outcome: Option<Outcome>,
    pub(super) began: u64,
    pub(super) ended: u64,
    /// The call's position in the order in which calls began.
    pub(super) order: u32,
    status: u16,
    /// The serial number of the response that the call receives. Servers number the arrivals of a
    /// call's request from 0.
    pub(super) serial: u32,
    is_head: bool,
    pub(super) heard_head: bool,
    /// The number of bytes of the response body that have come.
    got: u32,
    /// The number of entries of the reading script that are done.
    read: usize,
    /// Whether the call received an unsolicited response that no client could have recognised as
    /// such.
    pub(super) tainted: bool,
    /// The application could not use the body.
    pub(super) refused: bool,
    /// The number of bytes of the request body that were given.
    given: u32,
    waits: bool,
    pub(super) paused: bool,
    /// When the call last wrote bytes, and when it last received some.
    pub(super) wrote: u64,
    pub(super) took: u64,
    /// When the application stopped reading.
    paused_at: u64,
    /// When the window of the minimum rate began, and how many bytes are still due in it.
    window: u64,
    due: u64,
    /// When the call began to read an unwanted body, if it does.
    pub(super) drains: Option<u64>,
    /// The connection that is being opened for the call, the length of its history and whether it
    /// wants a fresh connection, and when that began.
    pub(super) opens: Option<(ConnId, (usize, bool), u64)>,
    /// The number of attempts that have begun, and the length of the history at the last.
    pub(super) attempts: u32,
    pub(super) past: u32,
    /// The socket that the call wrote to last. Only set when threads run.
    pub(super) sock: u32,
}

/// The application's answer when asked for a piece of its request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Supply {
    Piece { len: usize, last: bool },
    NotYet,
    Fails,
}

impl Case {
    /// Whether the call runs and its application still expects events.
    pub(super) const fn is_live(&self) -> bool {
        self.id.is_some() && self.outcome.is_none()
    }

    /// Decides the next piece of the request body: at most `max` bytes of it.
    pub(super) fn supply(
        &mut self,
        plan: &Plan,
        stage: &mut Stage,
        call: u32,
        max: BodyLeft,
    ) -> Supply {
        let body = &plan.calls[call as usize].body;
        let left = body.len.unwrap_or(0) - self.given;
        if self.waits {
            return Supply::NotYet;
        }
        if body.fails_at.is_some_and(|at| self.given >= at) {
            stage.mark(Mark::FaultBody);
            return Supply::Fails;
        }
        if let Some(gap) = body.gap
            && stage.random.once_in(2)
        {
            self.waits = true;
            stage.mark(Mark::NotYet);
            stage.plan(gap.as_nanos() as u64, Event::App { call, what: Does::BodyReady });
            return Supply::NotYet;
        }
        let len = max.within(left.min(body.piece.max(1)) as usize);
        // The source announces its end with the last piece or with an empty piece after it.
        let last = len == left as usize && (stage.random.once_in(2) || len == 0);
        Supply::Piece { len, last }
    }

    /// Appends the bytes of a piece that [`supply`](Self::supply) announced.
    pub(super) fn give(&mut self, call: u32, len: usize, out: &mut Vec<u8>) {
        let end = self.given + len as u32;
        out.extend((self.given..end).map(|at| request_byte(call, at)));
        self.given = end;
    }

    pub(super) const fn body_ready(&mut self) {
        self.waits = false;
    }

    pub(super) const fn rewind(&mut self) {
        self.given = 0;
    }

    pub(super) const fn pause(&mut self, stage: &Stage) {
        (self.paused, self.paused_at) = (true, stage.now);
    }

    /// Lets the application read on. The stall clock and the rate window stood still while it
    /// paused.
    pub(super) const fn resume(&mut self, stage: &Stage) {
        let time = stage.now - self.paused_at;
        self.paused = false;
        (self.took, self.window) = (self.took + time, self.window + time);
    }

    /// Counts body bytes towards the minimum rate.
    fn count(&mut self, plan: &Plan, stage: &Stage, call: u32, bytes: u64) {
        match self.due.checked_sub(bytes) {
            Some(due @ 1..) => self.due = due,
            _ => self.open_window(plan, stage, call),
        }
    }

    fn open_window(&mut self, plan: &Plan, stage: &Stage, call: u32) {
        let Some(rate) = plan.calls[call as usize].policy.timeout.rate else { return };
        let bytes = u128::from(rate.bytes_per_second) * rate.window.as_nanos();
        (self.window, self.due) = (stage.now, bytes.div_ceil(1_000_000_000) as u64);
    }

    /// Returns how long the current window of the minimum rate has been open, in nanoseconds.
    pub(super) const fn in_window(&self, stage: &Stage) -> u64 {
        stage.now.saturating_sub(self.window)
    }

    pub(super) const fn end(&mut self, stage: &Stage, outcome: Outcome) {
        self.outcome = Some(outcome);
        self.ended = stage.now;
    }

    /// Judges the head of a response: its status, and the call and the serial number that it names.
    /// `poisoned`: the head is unsolicited.
    pub(super) fn head(
        &mut self,
        plan: &Plan,
        stage: &mut Stage,
        call: u32,
        (status, (id, serial)): (u16, (Option<u32>, Option<u32>)),
        poisoned: bool,
    ) {
        stage.tell(
            3,
            u64::from(call) << 16 | u64::from(status),
            format_args!("call {call}: {status}"),
        );
        if self.heard_head {
            stage.wrong(|| format!("call {call}: a second head"));
        }
        (self.heard_head, self.status) = (true, status);
        self.open_window(plan, stage, call);
        self.is_head = plan.calls[call as usize].method.as_str() == "HEAD";
        self.tainted |= poisoned;
        if self.tainted {
            stage.mark(Mark::Tainted);
            return;
        }
        match (id, serial) {
            (Some(POISON), _) => stage.wrong(|| format!("call {call}: an unsolicited response")),
            (Some(id), Some(serial)) if id == call => self.serial = serial,
            (id, _) => stage.wrong(|| format!("call {call}: the response to call {id:?}")),
        }
        let reply = Servers::reply(plan, call as usize, self.serial);
        if reply.status != status {
            let scripted = reply.status;
            stage.wrong(|| format!("call {call}: status {status}, but {scripted} was sent"));
        }
        if reply.redirect.is_some() || matches!(status, 413 | 429 | 503) {
            stage.mark(Mark::Status);
        }
    }

    /// Judges a piece of the response body.
    pub(super) fn data(
        &mut self,
        plan: &Plan,
        stage: &mut Stage,
        call: u32,
        data: &[u8],
        poisoned: bool,
    ) {
        self.tainted |= poisoned;
        stage.tell(
            4,
            u64::from(call) << 32 | data.len() as u64,
            format_args!("call {call}: {} B", data.len()),
        );
        if !self.heard_head || data.is_empty() {
            stage.wrong(|| format!("call {call}: empty data, or data before the head"));
        }
        let serial = self.serial;
        for (byte, at) in data.iter().zip(self.got..) {
            if !self.tainted && *byte != answer_byte(call, serial, at) {
                stage.wrong(|| format!("call {call}: byte {at} of its response is wrong"));
                break;
            }
        }
        self.got += data.len() as u32;
        self.count(plan, stage, call, data.len() as u64);
        let len = Servers::reply(plan, call as usize, serial).len;
        if self.got > len && !self.tainted {
            stage.wrong(|| format!("call {call}: more body than was sent"));
        }
    }

    /// Judges that another attempt begins after a part of the response: its body must be a part of
    /// the attempt.
    pub(super) fn restart(&mut self, plan: &Plan, stage: &mut Stage, call: u32) {
        stage.mark(Mark::Restart);
        if !plan.calls[call as usize].policy.preload || !self.heard_head || self.refused {
            stage.wrong(|| format!("call {call}: another attempt after a body that is streamed"));
        }
        if self.paused {
            self.resume(stage);
        }
        (self.heard_head, self.got) = (false, 0);
    }

    /// Judges the end of a response.
    pub(super) fn finish(&mut self, plan: &Plan, stage: &mut Stage, call: u32, poisoned: bool) {
        self.tainted |= poisoned;
        stage.tell(5, call.into(), format_args!("call {call}: the end"));
        stage.mark(Mark::OutcomeEnd);
        if self.refused {
            stage.wrong(|| format!("call {call}: an end after a body that could not be used"));
        }
        if !self.heard_head {
            stage.wrong(|| format!("call {call}: an end without a head"));
        }
        if !self.tainted {
            let reply = Servers::reply(plan, call as usize, self.serial);
            let whole = if has_body(reply, self.is_head) { reply.len } else { 0 };
            // A body that ends with the connection may be cut without the client's noticing.
            let undelimited = reply.framing == Framing::Close && has_body(reply, self.is_head);
            if self.got != whole && !undelimited {
                let got = self.got;
                stage.wrong(|| format!("call {call}: the end after {got} of {whole} B"));
            }
        }
        self.check_total(plan, stage, call);
        self.end(stage, Outcome::Response(self.status));
    }

    /// Checks that a body that ended with its connection was not cut: over a session, the server has
    /// announced the end.
    pub(super) fn check_end(&self, plan: &Plan, stage: &mut Stage, net: &Net, call: u32) {
        let reply = Servers::reply(plan, call as usize, self.serial);
        let undelimited = reply.framing == Framing::Close;
        let ended = undelimited && has_body(reply, self.is_head) && !self.tainted;
        if ended && !net.ends_clean(self.sock) {
            stage.wrong(|| format!("call {call}: a body that was cut off counts as whole"));
        }
    }

    pub(super) fn fail(
        &mut self,
        plan: &Plan,
        stage: &mut Stage,
        call: u32,
        why: Failure,
        world: &Why,
    ) {
        stage.tell(6, call.into(), format_args!("call {call}: {why}"));
        stage.mark(Mark::OutcomeFailed);
        self.check_total(plan, stage, call);
        if let Some(objection) = self.judge(plan, stage, call, why, world) {
            stage.wrong(|| format!("call {call}: {why}: {objection}"));
        }
        self.end(stage, Outcome::Failed(why));
    }

    fn check_total(&self, plan: &Plan, stage: &mut Stage, call: u32) {
        // A thread that sleeps in its application notices a deadline late.
        let gives_slowly = plan.calls[call as usize].body.gap.is_some();
        if plan.threads && (self.paused || gives_slowly) {
            return;
        }
        let policy = &plan.calls[call as usize].policy;
        let took = stage.now - self.began;
        let late = match (plan.threads, stage.noise.lazy) {
            (true, _) => LATE_THREAD,
            (false, true) => LATE,
            (false, false) => 0,
        };
        if policy
            .timeout
            .total
            .is_some_and(|total| u128::from(took.saturating_sub(late)) > total.as_nanos())
        {
            stage.wrong(|| format!("call {call}: it took {took} ns, more than its total deadline"));
        }
    }

    /// Returns the objection to a failure for which this world has no reason.
    fn judge(
        &self,
        plan: &Plan,
        stage: &mut Stage,
        call: u32,
        why: Failure,
        world: &Why,
    ) -> Option<&'static str> {
        let script = &plan.calls[call as usize];
        let timeout = &script.policy.timeout;
        let since = |then: u64, least: Option<std::time::Duration>| {
            least.is_some_and(|least| u128::from(stage.now - then) >= least.as_nanos())
        };
        let passed = |which: Deadline| match which {
            Deadline::Total => since(self.began, timeout.total),
            Deadline::Queue => since(self.began, timeout.queue),
            Deadline::Write => since(self.wrote, timeout.write),
            Deadline::FirstByte => since(self.wrote, timeout.first_byte),
            Deadline::Stall => since(self.took, timeout.stall),
            // A call with a request body opens its first window when that body has been sent.
            Deadline::Rate if script.body.len.is_some() => timeout.rate.is_some(),
            Deadline::Rate => since(self.window, timeout.rate.map(|it| it.window)),
            _ => false,
        };
        let (mark, fair) = match why.cause {
            Cause::Timeout(which) => (deadline(which), passed(which)),
            Cause::BodyUnsent(unsent) => {
                let whole = script.body.len.map(u64::from);
                let counted = unsent.taken().of().is_none_or(|of| Some(of) == whole)
                    && whole.is_some_and(|whole| unsent.taken().bytes() <= whole)
                    // The blocking driver does not report the head of a response without a body.
                    && (self.tainted || !self.heard_head || self.status == unsent.status());
                let fair = match unsent.why() {
                    Unsent::Timeout(which) => passed(which),
                    _ => true,
                };
                (Mark::CauseBodyUnsent, fair && counted && unsent.status() < 400)
            }
            Cause::Unavailable(Unavailable::LineFull) => (Mark::CauseLineFull, true),
            Cause::Unavailable(Unavailable::KeyLineFull) => (Mark::CauseKeyLineFull, true),
            Cause::Unavailable(Unavailable::Closed) => {
                (Mark::CauseClosed, world.closed || world.closed_key)
            }
            Cause::Unavailable(Unavailable::Dial(DialError::Name)) => (Mark::CauseName, true),
            Cause::Unavailable(Unavailable::Dial(DialError::Connect(_))) => {
                (Mark::CauseConnect, true)
            }
            Cause::Unavailable(Unavailable::Dial(DialError::Resolve(ResolveKind::Exhausted))) => {
                (Mark::CauseShort, plan.descriptors.is_some())
            }
            Cause::Unavailable(Unavailable::Dial(DialError::Tls(_) | DialError::ProxyTls(_))) => {
                (Mark::CauseTls, true)
            }
            Cause::Unavailable(Unavailable::Dial(
                DialError::ProxyLost(_)
                | DialError::ProxyRefused(_)
                | DialError::ProxyLogin(_)
                | DialError::ProxyProtocol,
            )) => (Mark::CauseProxy, true),
            Cause::Unavailable(Unavailable::Dial(DialError::Denied(_))) => {
                (Mark::CauseDenied, !plan.config.dial.guard.is_open())
            }
            Cause::Unavailable(Unavailable::Dial(DialError::Timeout(which))) => {
                let waits = plan.origins.iter().any(|it| it.queued.is_some());
                (deadline(which), which != Deadline::Resolver || waits)
            }
            Cause::Violation(_) => (Mark::CauseViolation, true),
            Cause::Lost(_) => (Mark::CauseLost, true),
            Cause::Redirect(RedirectError::RetryAfter { seconds }) => {
                let max = script.policy.redirect.retry_after_max.as_secs();
                let asked = |it: &Reply| {
                    it.redirect.is_some() && it.retry_after.map(u64::from) == Some(seconds)
                };
                let asked = stage.out_of_step || script.replies.iter().any(asked);
                let fair = asked && (seconds > max || timeout.total.is_some());
                return mark_fair(stage, Mark::CauseRetryAfter, fair);
            }
            Cause::Redirect(_) => return mark_fair(stage, Mark::CauseRedirect, true),
            Cause::Status(_) => return mark_fair(stage, Mark::CauseStatus, true),
            Cause::NotReplayable => {
                (Mark::CauseNotReplayable, !script.body.replayable || !script.body.rewinds)
            }
            Cause::BodyUnusable(_) => {
                return mark_fair(stage, Mark::CauseUnusable, self.refused);
            }
            Cause::Body => (Mark::CauseBody, script.body.fails_at.is_some()),
            Cause::Cancelled => {
                (Mark::CauseCancelled, world.closed_now || plan.threads && script.cancel.is_some())
            }
            _ => (Mark::OutcomeFailed, false),
        };
        mark_fair(stage, mark, fair && !world.sound)
    }

    /// Returns the next action of the reading script, if enough bytes have been read for it.
    pub(super) fn next_reading(&mut self, plan: &Plan, call: u32) -> Option<Reading> {
        let (at, what) = *plan.calls[call as usize].reading.get(self.read)?;
        if self.got < at || self.outcome.is_some() {
            return None;
        }
        self.read += 1;
        Some(what)
    }
}

/// Conditions of the world that justify a failure.
#[derive(Debug, Default)]
pub(super) struct Why {
    pub(super) closed: bool,
    pub(super) closed_now: bool,
    /// Whether the connections to a server were closed.
    pub(super) closed_key: bool,
    /// Whether the plan is without faults, so that no call may fail.
    pub(super) sound: bool,
}

fn mark_fair(stage: &mut Stage, mark: Mark, fair: bool) -> Option<&'static str> {
    stage.mark(mark);
    (!fair).then_some("this world has no cause for this failure")
}

pub(super) const fn deadline(which: Deadline) -> Mark {
    match which {
        Deadline::Resolve => Mark::DeadlineResolve,
        Deadline::Resolver => Mark::DeadlineResolver,
        Deadline::Connect => Mark::DeadlineConnect,
        Deadline::Tls | Deadline::ProxyTls => Mark::DeadlineTls,
        Deadline::Queue => Mark::DeadlineQueue,
        Deadline::Write => Mark::DeadlineWrite,
        Deadline::FirstByte => Mark::DeadlineFirstByte,
        Deadline::Stall => Mark::DeadlineStall,
        Deadline::Continue => Mark::DeadlineContinue,
        Deadline::Backoff => Mark::DeadlineBackoff,
        Deadline::Rate => Mark::DeadlineRate,
        Deadline::Drain => Mark::DeadlineDrain,
        _ => Mark::DeadlineTotal,
    }
}

/// Builds the request of a call.
///
/// # Errors
/// The plan describes an invalid request.
pub(super) fn request(plan: &Plan, call: u32) -> Result<Request, RequestError> {
    let script = &plan.calls[call as usize];
    let url = format!("{}/r/{call}/0", plan.origins[script.origin].url);
    let replayable = script.body.replayable;
    let body = match script.body.len {
        None => BodyLength::Empty,
        Some(len) if script.body.known => BodyLength::Known { len: len.into(), replayable },
        Some(_) => BodyLength::Unknown { replayable },
    };
    let mut builder =
        Request::builder(script.method.clone(), &url).body(body).expect_continue(script.expect);
    // Threads would decode the body themselves.
    builder = builder.decode(script.decodes() && !plan.threads);
    if script.credentials {
        builder = builder.header("Authorization", &script.origin.to_string());
    }
    if script.upgrade {
        builder = builder.header("Upgrade", "x");
    }
    if script.closes {
        builder = builder.header("Connection", "close");
    }
    builder.build()
}
