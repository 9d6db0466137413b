//! The applications: what each does with its call, and what it may hear of it.

use httpool::{
    error::{
        Cause, DialError, Failure, RedirectError, RequestError, ResolveKind, Unavailable, Unsent,
    },
    id::CallId,
    message::{Body, BodyLeft, Request},
    time::Deadline,
};

use super::{
    Framing, Plan, Reading, Reply,
    marks::Mark,
    reply::{POISON, answer_byte, has_body, request_byte},
    run::{LATE, LATE_THREAD},
    server::Servers,
    stage::{Does, Event, Stage},
};

/// How a call ended, as its application saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// With a whole response of this status.
    Response(u16),
    /// With a failure.
    Failed(Failure),
    /// Another protocol is spoken from there on.
    HandOver,
    /// The application gave it up.
    Cancelled,
    /// The application wanted no more of it.
    Discarded,
}

/// One call and its application.
#[derive(Debug, Default)]
pub(super) struct Case {
    /// Its name, from its beginning on.
    pub(super) id: Option<CallId>,
    pub(super) outcome: Option<Outcome>,
    pub(super) began: u64,
    pub(super) ended: u64,
    /// The how-manieth it is.
    pub(super) order: u32,
    status: u16,
    /// Which answer it is being given.
    pub(super) serial: u32,
    is_head: bool,
    heard_head: bool,
    /// So much of the body has come.
    got: u32,
    /// How much of the reading script is done.
    read: usize,
    /// It was given what nobody can tell from an answer.
    pub(super) tainted: bool,
    /// So much of the request's body has been given.
    given: u32,
    waits: bool,
    pub(super) paused: bool,
    /// When it last wrote, and was last given, something.
    pub(super) wrote: u64,
    pub(super) took: u64,
    /// When it stopped reading.
    paused_at: u64,
    /// When the window of its minimum rate began, and how many bytes that has still to bring.
    window: u64,
    due: u64,
    /// Since when it reads what nobody wants.
    pub(super) drains: Option<u64>,
    /// How many attempts have begun, and what its history counted then.
    pub(super) attempts: u32,
    pub(super) past: u32,
    /// The socket that it wrote to last, where threads run.
    pub(super) sock: u32,
}

/// A piece of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Supply {
    Piece { len: usize, last: bool },
    NotYet,
    Fails,
}

impl Case {
    /// It runs, and its application wants to hear of it.
    pub(super) const fn is_live(&self) -> bool {
        self.id.is_some() && self.outcome.is_none()
    }

    /// Its next piece of body, appended to `out` behind what `frame` puts before it.
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
        // The end is said with the last piece, or behind it.
        let last = len == left as usize && (stage.random.once_in(2) || len == 0);
        Supply::Piece { len, last }
    }

    /// Appends the piece that [`supply`](Self::supply) promised.
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

    /// It reads on; the clocks of its body stood still meanwhile.
    pub(super) const fn resume(&mut self, stage: &Stage) {
        let time = stage.now - self.paused_at;
        self.paused = false;
        (self.took, self.window) = (self.took + time, self.window + time);
    }

    /// So many bytes of body have come.
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

    /// For how long its window has been open.
    pub(super) const fn in_window(&self, stage: &Stage) -> u64 {
        stage.now.saturating_sub(self.window)
    }

    pub(super) const fn end(&mut self, stage: &Stage, outcome: Outcome) {
        self.outcome = Some(outcome);
        self.ended = stage.now;
    }

    /// The response's head: its status, and whose it says it is. `poisoned`: it stands where nobody asked for anything.
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
            (Some(POISON), _) => stage.wrong(|| format!("call {call}: an unasked answer")),
            (Some(id), Some(serial)) if id == call => self.serial = serial,
            (id, _) => stage.wrong(|| format!("call {call}: the answer of {id:?}")),
        }
        let reply = Servers::reply(plan, call as usize, self.serial);
        if reply.status != status {
            let scripted = reply.status;
            stage.wrong(|| format!("call {call}: {status}, and {scripted} was sent"));
        }
        if reply.redirect.is_some() || matches!(status, 413 | 429 | 503) {
            stage.mark(Mark::Status);
        }
    }

    /// A piece of body.
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
            stage.wrong(|| format!("call {call}: data out of turn"));
        }
        let serial = self.serial;
        for (byte, at) in data.iter().zip(self.got..) {
            if !self.tainted && *byte != answer_byte(call, serial, at) {
                stage.wrong(|| format!("call {call}: byte {at} of its answer is not its own"));
                break;
            }
        }
        self.got += data.len() as u32;
        self.count(plan, stage, call, data.len() as u64);
        let len = Servers::reply(plan, call as usize, serial).len;
        if self.got > len && !self.tainted {
            stage.wrong(|| format!("call {call}: more than was sent"));
        }
    }

    /// The response is complete.
    pub(super) fn finish(&mut self, plan: &Plan, stage: &mut Stage, call: u32, poisoned: bool) {
        self.tainted |= poisoned;
        stage.tell(5, call.into(), format_args!("call {call}: the end"));
        stage.mark(Mark::OutcomeEnd);
        if !self.heard_head {
            stage.wrong(|| format!("call {call}: an end without a head"));
        }
        if !self.tainted {
            let reply = Servers::reply(plan, call as usize, self.serial);
            let whole = if has_body(reply, self.is_head) { reply.len } else { 0 };
            // Nothing says where a body ends that ends with the connection.
            let undelimited = reply.framing == Framing::Close && has_body(reply, self.is_head);
            if self.got != whole && !undelimited {
                let got = self.got;
                stage.wrong(|| format!("call {call}: {got} of {whole} B, and an end"));
            }
        }
        self.check_total(plan, stage, call);
        self.end(stage, Outcome::Response(self.status));
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
        // A thread that does other things hears late of what was in time.
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

    /// What speaks against a failure.
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
            // With a body of its own, the first window begins with the end of that.
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
                    // Threads are not told of the head of a response without a body.
                    && (self.tainted || !self.heard_head || self.status == unsent.status());
                let fair = match unsent.why() {
                    Unsent::Timeout(which) => passed(which),
                    _ => true,
                };
                (Mark::CauseBodyUnsent, fair && counted && unsent.status() < 400)
            }
            Cause::Unavailable(Unavailable::LineFull) => (Mark::CauseLineFull, true),
            Cause::Unavailable(Unavailable::KeyLineFull) => (Mark::CauseKeyLineFull, true),
            Cause::Unavailable(Unavailable::Closed) => (Mark::CauseClosed, world.closed),
            Cause::Unavailable(Unavailable::Dial(DialError::Name)) => (Mark::CauseName, true),
            Cause::Unavailable(Unavailable::Dial(DialError::Connect(_))) => {
                (Mark::CauseConnect, true)
            }
            Cause::Unavailable(Unavailable::Dial(DialError::Resolve(ResolveKind::Exhausted))) => {
                (Mark::CauseShort, plan.descriptors.is_some())
            }
            Cause::Unavailable(Unavailable::Dial(DialError::Tls(_))) => (Mark::CauseTls, true),
            Cause::Unavailable(Unavailable::Dial(
                DialError::ProxyLost(_) | DialError::ProxyRefused(_) | DialError::ProxyProtocol,
            )) => (Mark::CauseProxy, true),
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
            Cause::Body => (Mark::CauseBody, script.body.fails_at.is_some()),
            Cause::Cancelled => {
                (Mark::CauseCancelled, world.closed_now || plan.threads && script.cancel.is_some())
            }
            _ => (Mark::OutcomeFailed, false),
        };
        mark_fair(stage, mark, fair && !world.sound)
    }

    /// What the application does now that it has read so much.
    pub(super) fn next_reading(&mut self, plan: &Plan, call: u32) -> Option<Reading> {
        let (at, what) = *plan.calls[call as usize].reading.get(self.read)?;
        if self.got < at || self.outcome.is_some() {
            return None;
        }
        self.read += 1;
        Some(what)
    }
}

/// What has happened in the world that may be the reason of a failure.
#[derive(Debug, Default)]
pub(super) struct Why {
    pub(super) closed: bool,
    pub(super) closed_now: bool,
    /// Nothing goes wrong here.
    pub(super) sound: bool,
}

fn mark_fair(stage: &mut Stage, mark: Mark, fair: bool) -> Option<&'static str> {
    stage.mark(mark);
    (!fair).then_some("there is no reason for this")
}

pub(super) const fn deadline(which: Deadline) -> Mark {
    match which {
        Deadline::Resolve => Mark::DeadlineResolve,
        Deadline::Resolver => Mark::DeadlineResolver,
        Deadline::Connect => Mark::DeadlineConnect,
        Deadline::Tls => Mark::DeadlineTls,
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

/// The request of a call.
///
/// # Errors
/// A plan that is no request.
pub(super) fn request(plan: &Plan, call: u32) -> Result<Request, RequestError> {
    let script = &plan.calls[call as usize];
    let url = format!("{}/r/{call}/0", plan.origins[script.origin].url);
    let replayable = script.body.replayable;
    let body = match script.body.len {
        None => Body::Empty,
        Some(len) if script.body.known => Body::Known { len: len.into(), replayable },
        Some(_) => Body::Unknown { replayable },
    };
    let mut builder =
        Request::builder(script.method.clone(), &url).body(body).expect_continue(script.expect);
    if script.credentials {
        builder = builder.field("Authorization", &script.origin.to_string());
    }
    if script.upgrade {
        builder = builder.field("Upgrade", "x");
    }
    if script.closes {
        builder = builder.field("Connection", "close");
    }
    builder.build()
}
