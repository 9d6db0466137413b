//! Decides what a call does after each event.

use core::time::Duration;

use super::{
    AttemptCause, HistoryEntry, Next, Redirect,
    attempt::{Reader, Then},
    machine::Call,
    retry::{Again, retry_after},
    state::State,
    timeout::Clocks,
};
use crate::{
    error::{Cause, Failure, Phase, RedirectError, Violation},
    h1::{CloseReason, Connection, Event, Reuse},
    message::{BodyLeft, BodyLength, Head, Request, Status},
    mutation::{Mutation, mutated},
    time::{Deadline, Instant},
    trace::Kind,
};

impl Call {
    /// Acts on an event of the connection, and returns what the application gets of it.
    pub(super) fn pass_on<'i>(
        &mut self,
        conn: &mut Connection,
        event: Event<'i>,
        now: Instant,
    ) -> Event<'i> {
        let sending = !self.attempt.given_up && !self.attempt.is_out();
        let event = match event {
            Event::Interim(head) => {
                self.trace.action(now, format_args!("interim {}", head.status()));
                let shown = self.policy.show_interim && head.status() != 100;
                if shown { Event::Interim(head) } else { Event::Skipped }
            }
            Event::Head(head) => {
                self.attempt.answered = true;
                self.handle_head(conn, head, now)
            }
            Event::Data(data) => match &mut self.attempt.reader {
                Reader::Application => {
                    self.attempt.received = self.attempt.received.saturating_add(data.len() as u64);
                    self.trace.action(now, format_args!("data {} B", data.len()));
                    Event::Data(data)
                }
                Reader::Nobody { left, then } => {
                    match left.checked_sub(data.len() as u64) {
                        Some(rest) => *left = rest,
                        // The connection cannot be kept, but the request's body is still sent.
                        None if sending => *left = 0,
                        None => self.state = State::Release(*then),
                    }
                    Event::Skipped
                }
            },
            Event::End(trailers) => {
                let wanted = matches!(self.attempt.reader, Reader::Application);
                self.response_ended(conn, now);
                // A failure comes in place of the end.
                if wanted && !matches!(self.state, State::Release(Then::Fail(_))) {
                    self.trace.action(now, format_args!("end"));
                    Event::End(trailers)
                } else {
                    Event::Skipped
                }
            }
            event @ (Event::NeedInput | Event::Skipped) => event,
        };
        if matches!(self.state, State::Exchange) {
            self.attempt.look_at(conn);
            if !self.attempt.given_up && self.attempt.is_cut_off(conn) {
                self.give_up_sending(now);
            }
            self.time_phase(now);
        }
        event
    }

    /// Decides whether a final response is followed as a redirect, is retried, or goes to the
    /// application.
    pub(super) fn handle_head<'i>(
        &mut self,
        conn: &mut Connection,
        head: Head<'i>,
        now: Instant,
    ) -> Event<'i> {
        let status = head.status();
        self.attempt.status = status.as_u16();
        self.trace.action(now, format_args!("head {status}"));
        if conn.reuse() == Reuse::Never(CloseReason::Switched) {
            self.finish(State::HandOver);
            return Event::Head(head);
        }
        let then = match self.policy.redirect.target(&self.request, &head) {
            Some(target) => {
                let then = self.redirect(target, &head, now);
                if let Some(Then::Fail(_)) = then {
                    self.refused = Some(Redirect::shown_target(&self.request, &head));
                }
                then
            }
            None => {
                self.without_expectation(status).or_else(|| self.retry_after_answer(&head, now))
            }
        };
        self.judge_body(conn, then.is_some(), now);
        match then {
            None => {
                self.choose_codings(&head);
                Event::Head(head)
            }
            Some(then) => {
                self.drain(conn, then);
                Event::Skipped
            }
        }
    }

    /// Follows the redirect to `target`, or fails. `None`: the application gets the response.
    pub(super) fn redirect(
        &mut self,
        target: Result<Request, RedirectError>,
        head: &Head<'_>,
        now: Instant,
    ) -> Option<Then> {
        let fail = |call: &Self, why| Some(Then::Fail(call.failure(why, Phase::Redirect)));
        let request = match target {
            Ok(request) => request,
            Err(why) => return fail(self, Cause::Redirect(why)),
        };
        let within = self.policy.redirect.max.is_none_or(|max| self.redirects < max);
        if !within || !self.left.after_redirect(&self.policy.retry) {
            if !self.policy.redirect.raise || self.policy.retry.disabled {
                return None;
            }
            self.spent = true;
            return fail(self, Cause::Redirect(RedirectError::TooMany));
        }
        if self.body_begun && !request.body().is_replayable() {
            return fail(self, Cause::NotReplayable);
        }
        let pause = self.asked_pause(head, now).filter(|_| !mutated(Mutation::HastyRedirect));
        let pause = pause.unwrap_or_default();
        let max = self.policy.redirect.retry_after_max;
        if !pause.is_zero() && (pause > max || self.is_too_late(pause, now)) {
            let seconds = pause.as_secs();
            return fail(self, Cause::Redirect(RedirectError::RetryAfter { seconds }));
        }
        self.redirects += 1;
        self.remember(Some(head.status()), None);
        self.redirected = Some(request);
        self.asked_to_wait = !pause.is_zero();
        Some(Then::AgainAt(now.after(pause)))
    }

    /// The pause that a response asks for with Retry-After, if the policy respects it.
    fn asked_pause(&self, head: &Head<'_>, now: Instant) -> Option<Duration> {
        if !self.policy.retry.respect_retry_after {
            return None;
        }
        let since = now.since(Instant::default());
        let wall = self.wall_at_epoch.map(|at| at.saturating_add(since).as_secs());
        retry_after(&head.headers(), wall)
    }

    /// Retries after a response with this head, or fails. `None`: the application gets the
    /// response.
    pub(super) fn retry_after_answer(&mut self, head: &Head<'_>, now: Instant) -> Option<Then> {
        let retry = &self.policy.retry;
        let from_proxy = self.forwards && head.status() == Status::PROXY_AUTHENTICATION_REQUIRED;
        if from_proxy || !retry.concerns(head.status()) {
            return None;
        }
        let asked = self.asked_pause(head, now);
        if self.body_begun && !self.request.body().is_replayable() {
            return None;
        }
        let (before, status) = (self.left, head.status());
        let method = self.request.method();
        let failure = self.failure(Cause::Status(status.as_u16()), Phase::Between);
        match self.left.after_status(retry, status, asked.is_some(), method) {
            Again::No => None,
            Again::Spent => {
                self.spent = true;
                Some(Then::Fail(failure))
            }
            Again::Yes => {
                // urllib3: a Retry-After of 0 leaves the pause to the backoff.
                let pause = match asked {
                    Some(asked) if !asked.is_zero() => asked.min(retry.retry_after_max),
                    _ => self.backoff(),
                };
                if self.is_too_late(pause, now) {
                    self.left = before;
                    return None;
                }
                self.remember(Some(status), None);
                self.retrying = Some(failure);
                self.asked_to_wait = asked.is_some_and(|asked| !asked.is_zero());
                Some(Then::AgainAt(now.after(pause)))
            }
        }
    }

    /// Reads the rest of an unwanted response if its connection can then be kept; otherwise gives
    /// the connection back at once.
    pub(super) fn drain(&mut self, conn: &Connection, then: Then) {
        let left = self.policy.drain_bytes_max.0;
        let lost = !self.attempt.is_out() || matches!(conn.reuse(), Reuse::Never(_));
        if lost || conn.body_ahead().exceeds(left) {
            self.state = State::Release(then);
        } else {
            self.attempt.reader = Reader::Nobody { left, then };
        }
    }

    /// Input came before a byte of the request was written, so it cannot be the response.
    pub(super) fn spoken_to_unasked(&mut self, now: Instant) {
        self.trace.action(now, format_args!("unsolicited"));
        if self.attempt.reused && self.may_begin_again() {
            self.fresh = true;
            self.state = State::Release(Then::Again);
        } else {
            self.attempt_failed(Cause::Violation(Violation::Unsolicited), now);
        }
    }

    /// Decides after a failed attempt: sends the request again on a fresh connection, retries, or
    /// fails.
    pub(super) fn attempt_failed(&mut self, cause: Cause, now: Instant) {
        if let Reader::Nobody { then, .. } = self.attempt.reader {
            // The body was unwanted: only its connection is lost, and the call goes on.
            self.state = State::Release(then);
            return;
        }
        let phase = self.phase();
        let cut = matches!(cause, Cause::Tls(why) if !why.is_permanent());
        let lost = cut || matches!(cause, Cause::Lost(_));
        let safe = self.request.method().is_idempotent()
            || self.attempt.written == 0
            || self.policy.repeat_unsafe
            || mutated(Mutation::PostTwice);
        let sent = self.attempt.written > 0;
        let method = self.request.method();
        if self.attempt.answered && !self.is_preloading(cause) || !self.may_begin_again() {
            self.fail(cause, phase);
        } else if lost && self.attempt.reused && !self.attempt.heard && safe {
            self.fresh = true;
            self.state = State::Release(Then::Again);
        } else {
            let again = self.left.after_failure(&self.policy.retry, cause, sent, method);
            self.retry_or_fail(again, cause, phase, now);
        }
    }

    /// Retries after a failure if `again` allows it, or fails.
    pub(super) fn retry_or_fail(&mut self, again: Again, cause: Cause, phase: Phase, now: Instant) {
        if again == Again::Yes {
            let pause = self.backoff();
            self.retry_after_failure(cause, phase, pause, now);
        } else {
            self.spent = again == Again::Spent;
            self.fail(cause, phase);
        }
    }

    /// Retries after `pause`, unless the total deadline passes before.
    pub(super) fn retry_after_failure(
        &mut self,
        cause: Cause,
        phase: Phase,
        pause: Duration,
        now: Instant,
    ) {
        if self.is_too_late(pause, now) {
            return self.fail(cause, phase);
        }
        self.remember(None, Some(cause));
        self.retrying = Some(self.failure(cause, phase));
        if matches!(self.state, State::Exchange) {
            self.restarts = self.attempt.answered && !mutated(Mutation::KeptBody);
            self.attempt.cut = None;
            self.state = State::Release(Then::AgainAt(now.after(pause)));
        } else {
            self.wait(now.after(pause), now);
        }
    }

    /// Whether another attempt can send the body: no byte of it was asked for, or its source can be
    /// set back.
    pub(super) fn may_begin_again(&self) -> bool {
        !self.body_begun || self.request.body().is_replayable()
    }

    /// Whether the total deadline passes before a pause ends.
    pub(super) fn is_too_late(&self, pause: Duration, now: Instant) -> bool {
        self.clocks.total().is_some_and(|total| now.after(pause) >= total)
    }

    pub(super) fn backoff(&mut self) -> Duration {
        let random = self.next_random();
        self.left.pause(&self.policy.retry, random)
    }

    pub(super) fn wait(&mut self, at: Instant, now: Instant) {
        if at <= now {
            return self.begin_attempt(now);
        }
        self.state = State::Wait;
        self.clocks.begin(Deadline::Backoff, Some(at.since(now)), now);
    }

    pub(super) fn begin_attempt(&mut self, now: Instant) {
        let status = self.history.last().and_then(|it| it.status);
        let cause = match &self.redirected {
            // After 417 the request is another one too.
            Some(_) if status.is_some_and(Status::is_redirection) => AttemptCause::Redirect,
            None if self.fresh && self.retrying.is_none() => AttemptCause::Stale,
            _ => AttemptCause::Retry,
        };
        if let Some(request) = self.redirected.take() {
            self.turn_to(request);
        }
        self.time_attempt(cause, now);
        self.clocks.end_phase();
        self.asked_to_wait = false;
        if self.body_begun && self.request.body() != BodyLength::Empty {
            self.state = State::Rewind;
        } else {
            self.enter_line(now);
        }
        self.judge_origin();
    }

    pub(super) fn enter_line(&mut self, now: Instant) {
        self.state = State::Checkout;
        self.clocks.begin(Deadline::Queue, self.policy.timeout.queue, now);
    }

    /// Fails the call. If it has a connection, that is given back first.
    pub(super) fn fail(&mut self, cause: Cause, phase: Phase) {
        self.restarts = false;
        let failure = self.failure(self.or_unsent(cause), phase);
        match self.state {
            State::Done | State::Failed(_) | State::HandOver | State::Release(Then::Done) => {}
            State::Exchange | State::Release(_) => {
                self.state = State::Release(Then::Fail(failure));
            }
            State::Rewind | State::Checkout | State::Leave | State::Wait => {
                self.finish(State::Failed(failure));
            }
        }
    }

    /// Ends the call, with all its clocks.
    pub(super) fn finish(&mut self, state: State) {
        self.state = state;
        self.clocks = Clocks::default();
    }

    pub(super) const fn failure(&self, cause: Cause, phase: Phase) -> Failure {
        Failure::new(cause, phase, self.reached)
    }

    /// The target of the redirect that the call could not follow, if that is how it failed: text to
    /// be shown, of at most 256 bytes, without user name and password.
    pub fn refused_redirect(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Returns the phase of the call, as its errors name it.
    pub const fn phase(&self) -> Phase {
        match self.state {
            State::Checkout | State::Leave => Phase::Checkout,
            State::Exchange | State::Release(_) | State::HandOver => self.attempt.phase(),
            State::Rewind | State::Wait | State::Done | State::Failed(_) => Phase::Between,
        }
    }

    pub(super) fn remember(&mut self, status: Option<Status>, cause: Option<Cause>) {
        self.history.push(HistoryEntry {
            method: self.request.method().clone(),
            url: self.request.url().clone(),
            status,
            cause,
        });
    }

    pub(super) fn arm_write(&mut self, now: Instant) {
        let waiting = self.attempt.unwritten > 0 && !self.attempt.given_up;
        let write = self.policy.timeout.write.filter(|_| waiting);
        self.clocks.set_write(write.map(|write| now.after(write)));
    }

    /// Starts the clock of the attempt's current phase, unless it runs already. Holds it while the
    /// application has paused.
    pub(super) fn time_phase(&mut self, now: Instant) {
        let wanted = self.attempt.deadline();
        if wanted != self.clocks.phase() {
            self.begin_phase(wanted, now);
        }
        self.clocks.hold_body(self.attempt.is_paused(), now);
    }

    /// Counts received bytes for the clocks and the timings.
    #[inline]
    pub(super) fn count_received(&mut self, taken: usize, event: &Event<'_>, now: Instant) {
        // Framing does not count: a peer that trickles it would reach no deadline but the total.
        let framing = if mutated(Mutation::FramingStall) { taken } else { 0 };
        let body = if let Event::Data(data) = event { data.len() } else { framing };
        if body > 0 && self.clocks.phase() == Some(Deadline::Stall) {
            self.clocks.body_came(body as u64, &self.policy.timeout, now);
            self.clocks.hold_body(self.attempt.is_paused(), now);
        }
        if self.timings.is_some() {
            self.time_received(taken, body);
        }
    }

    fn begin_phase(&mut self, wanted: Option<Deadline>, now: Instant) {
        let timeout = &self.policy.timeout;
        match wanted {
            Some(Deadline::Stall) if mutated(Mutation::NoDeadline) => self.clocks.end_phase(),
            Some(Deadline::Stall) => self.clocks.begin_body(timeout, now),
            Some(which @ Deadline::Drain) => {
                self.clocks.begin(which, Some(self.policy.drain_time_max.0), now);
            }
            Some(which @ Deadline::FirstByte) => self.clocks.begin(which, timeout.first_byte, now),
            Some(which @ Deadline::Continue) => {
                self.clocks.begin(which, Some(timeout.expect_continue), now);
            }
            _ => self.clocks.end_phase(),
        }
    }

    /// The next random number: the upper half of splitmix64.
    pub(super) fn next_random(&mut self) -> u32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) as u32
    }

    /// Traces a pause: how long it is, and whether the server asked for it.
    fn say_wait(&mut self, now: Instant) {
        let until = self.poll_timeout().map_or(now, |(at, _)| at);
        let seconds = until.since(now).as_secs_f64();
        let why = if self.asked_to_wait { ", as the server asked" } else { "" };
        self.trace.action(now, format_args!("wait {seconds} s{why}"));
    }

    /// Takes the next step down for the timings and the trace, if it has changed.
    #[inline]
    pub(super) fn say(&mut self, now: Instant) {
        self.observe(now);
        if self.trace.is_on() && self.said != Some(self.next()) {
            self.trace_next(now);
        }
    }

    #[cold]
    fn trace_next(&mut self, now: Instant) {
        self.said = Some(self.next());
        match self.next() {
            Next::Checkout => self.trace.action(now, format_args!("checkout {}", self.key)),
            Next::Leave => self.trace.action(now, format_args!("leave")),
            Next::Rewind => self.trace.action(now, format_args!("rewind")),
            Next::Restart => self.trace.action(now, format_args!("restart")),
            Next::Exchange => self.trace.action(now, format_args!("exchange")),
            Next::SendBody(BodyLeft::Unknown) => self.trace.action(now, format_args!("send body")),
            Next::SendBody(BodyLeft::Bytes(max)) => {
                self.trace.action(now, format_args!("send body, {max} B"));
            }
            Next::CheckBody => self.trace.action(now, format_args!("check body")),
            Next::Wait => self.say_wait(now),
            Next::Release => self.trace.action(now, format_args!("release")),
            Next::HandOver => self.trace.action(now, format_args!("hand over")),
            Next::Done => self.trace.action(now, format_args!("done")),
            Next::Failed(why) => {
                self.trace.show(now, Kind::Action, format_args!("failed: {why}"));
                self.trace.record(now, Kind::Action, format_args!("failed {why:?}"));
            }
        }
    }
}
