//! The state machine of a call. The [module](super) draws it.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::time::Duration;

use super::{
    HistoryEntry, Next, Policy, Reused, Timings,
    attempt::{Attempt, Then},
    record::Input,
    retry::Left,
    state::State,
    timeout::Clocks,
    via::{AtProxy, for_origin},
};
use crate::{
    dial::Guard,
    error::{Cause, DialError, Failure, IoKind, Phase, Reached, Unavailable, Violation},
    h1::{Connection, Eof, Event, Framing, Reuse},
    message::{BodyLeft, BodyLength, Key, Request},
    mutation::{Mutation, mutated},
    time::{Deadline, Instant},
    trace::{Passed, Trace},
};

/// One request until its end, over as many connections as that takes.
///
/// One exchange, in short; the [module](super#a-walk-through-a-call) walks through a longer one.
///
/// ```
/// use std::sync::Arc;
/// use httpool::{
///     call::{Call, Next, Policy, Reused},
///     h1::{Connection, Event},
///     message::Request,
///     time::Instant,
/// };
///
/// let request = Request::get("http://example.com/").build()?;
/// let now = Instant::from_nanos(0);
/// let mut call = Call::new(request, Arc::new(Policy::default()), 1, now);
/// assert_eq!(call.next(), Next::Checkout);
///
/// // The driver has a connection: from its pool, or a new one.
/// let (mut conn, mut out) = (Connection::new(Default::default()), Vec::new());
/// call.start(&mut conn, Reused::No, now, &mut out);
/// assert!(out.starts_with(b"GET / HTTP/1.1\r\nHost: example.com\r\n"));
/// assert_eq!(call.next(), Next::Exchange);
/// call.written(out.len(), now);
///
/// let input = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
/// let (taken, event) = call.receive(&mut conn, input, now);
/// assert!(matches!(event, Event::Head(head) if head.status() == 200));
/// let (_, event) = call.receive(&mut conn, &input[taken..], now);
/// assert!(matches!(event, Event::Data(b"hi")));
/// let (_, event) = call.receive(&mut conn, b"", now);
/// assert!(matches!(event, Event::End(_)));
///
/// assert_eq!(call.next(), Next::Release);
/// assert!(call.released(&mut conn, b"", now), "the connection may be kept");
/// assert_eq!(call.next(), Next::Done);
/// # Ok::<(), httpool::error::RequestError>(())
/// ```
#[derive(Debug)]
pub struct Call {
    pub(super) request: Request,
    pub(super) policy: Arc<Policy>,
    pub(super) key: Key,
    /// The peer of the connections is a proxy that forwards the request.
    pub(super) forwards: bool,
    /// Judges the origins that are reached through a proxy that forwards.
    pub(super) guard: Guard,
    pub(super) state: State,
    pub(super) attempt: Attempt,
    pub(super) clocks: Clocks,
    pub(super) left: Left,
    pub(super) redirects: u32,
    /// The request that follows a redirect, until the next attempt begins.
    pub(super) redirected: Option<Request>,
    /// The target of the redirect that the call could not follow, for the error.
    pub(super) refused: Option<Box<str>>,
    pub(super) at_proxy: Option<Box<AtProxy>>,
    /// The next attempt takes a new connection, and goes to the front of the line.
    pub(super) fresh: bool,
    /// The next attempt is a retry. If the pool's retry budget refuses it, the call fails with
    /// this.
    pub(super) retrying: Option<Failure>,
    /// The call has failed because a counter of its [`Retry`](super::Retry) is used up.
    pub(super) spent: bool,
    /// The server asked for the pause before the next attempt.
    pub(super) asked_to_wait: bool,
    /// The reader has got a head, and must forget it.
    pub(super) restarts: bool,
    /// A piece of the request's body was asked for.
    pub(super) body_begun: bool,
    pub(super) reached: Reached,
    pub(super) history: Vec<HistoryEntry>,
    pub(super) random: u64,
    pub(super) wall_at_epoch: Option<Duration>,
    pub(super) began: Instant,
    pub(super) trace: Trace,
    /// The next step, as it was last written to the trace.
    pub(super) said: Option<Next>,
    pub(super) timings: Option<Box<Timings>>,
}

impl Call {
    /// A call that is about to get its first connection. `seed` is for the random part of the
    /// pauses between retries.
    pub fn new(request: Request, policy: Arc<Policy>, seed: u64, now: Instant) -> Self {
        let (key, forwards) = policy.routes.key(request.origin());
        let mut call = Self {
            key,
            forwards,
            guard: Guard::new(),
            clocks: Clocks::start(&policy.timeout, now),
            left: Left::all_of(&policy.retry),
            request: if forwards { request } else { for_origin(request) },
            policy,
            state: State::Checkout,
            attempt: Attempt::new(false),
            redirects: 0,
            redirected: None,
            at_proxy: None,
            refused: None,
            fresh: false,
            retrying: None,
            spent: false,
            asked_to_wait: false,
            restarts: false,
            body_begun: false,
            reached: Reached::Nothing,
            history: Vec::new(),
            random: seed,
            wall_at_epoch: None,
            began: now,
            trace: Trace::OFF,
            said: None,
            timings: None,
        };
        call.enter_line(now);
        call
    }

    /// Sets the time of day at the driver's epoch, as time since 1970. It is needed if Retry-After
    /// is a date and the response has no Date.
    pub fn set_wall_clock(&mut self, at_epoch: Duration) {
        self.wall_at_epoch = Some(at_epoch);
    }

    /// The step that the driver must perform next. Asking twice gives the same answer.
    pub fn next(&self) -> Next {
        match self.state {
            _ if self.restarts => Next::Restart,
            State::Rewind => Next::Rewind,
            State::Checkout => Next::Checkout,
            State::Leave => Next::Leave,
            State::Exchange if self.attempt.unchecked && !self.attempt.paused => Next::CheckBody,
            State::Exchange => match self.attempt.sendable {
                Some(max) => Next::SendBody(max),
                None => Next::Exchange,
            },
            State::Release(_) => Next::Release,
            State::Wait => Next::Wait,
            State::HandOver => Next::HandOver,
            State::Done => Next::Done,
            State::Failed(failure) => Next::Failed(failure),
        }
    }

    /// The instant of the next deadline, and which deadline it is. `None`: no clock runs.
    pub fn poll_timeout(&self) -> Option<(Instant, Deadline)> {
        self.clocks.soonest()
    }

    /// The instant at which the call gives up a connection that is being opened for it, by
    /// [`Timeout::connect`](field@super::Timeout::connect) or
    /// [`Timeout::total`](field@super::Timeout::total). For
    /// [`Dial::needed_by`](crate::dial::Dial::needed_by).
    pub fn needed_by(&self, now: Instant) -> Option<Instant> {
        self.clocks.needed_by(self.policy.timeout.connect, now)
    }

    /// Tells the call, while it waits in line, that a connection is being opened for it, or is no
    /// longer.
    pub fn dialing(&mut self, under_way: bool, now: Instant) {
        if matches!(self.state, State::Checkout) {
            self.trace.event(now, Input::Dialing(under_way));
            if under_way {
                self.clocks.begin_dial(self.policy.timeout.connect, now);
            } else {
                self.clocks.end_dial(now);
            }
        }
    }

    /// Answers [`Next::Checkout`]: begins an attempt on `conn`, and appends the request's head to
    /// `out`. Ask [`next`](Self::next) before you write: the head and the first piece of the body
    /// belong in one `writev`.
    pub fn start(
        &mut self,
        conn: &mut Connection,
        reused: Reused,
        now: Instant,
        out: &mut Vec<u8>,
    ) {
        if self.trace.is_on() {
            self.note_lease(conn, reused, now);
        }
        let reused = reused == Reused::Yes;
        if !matches!(self.state, State::Checkout) {
            return;
        }
        (self.fresh, self.retrying) = (false, None);
        self.attempt = Attempt::new(reused);
        self.clocks.end_phase();
        let before = out.len();
        let begun = if reused { conn.start_next_cycle() } else { Ok(()) };
        if let Err(why) = begun.and_then(|()| conn.send_request(&self.request, self.target(), out))
        {
            let failure = Failure::new(Cause::Misuse(why), Phase::Send, self.reached);
            self.state = State::Release(Then::Fail(failure));
        } else {
            let head = out.get(before..).unwrap_or_default();
            self.attempt.unwritten = head.len() as u64;
            self.time_lease(reused, head.len() as u64, now);
            self.note_head(head, now);
            self.state = State::Exchange;
            self.arm_write(now);
            self.attempt.look_at(conn);
        }
        self.say(now);
    }

    /// Answers [`Next::Checkout`]: the pool has no connection for this call.
    pub fn lease_failed(&mut self, why: Unavailable, now: Instant) {
        self.trace.event(now, Input::LeaseFailed(why));
        if matches!(self.state, State::Checkout) {
            self.not_leased(why, now);
        }
    }

    /// Answers [`Next::Leave`]: the ticket is cancelled.
    pub fn left(&mut self, now: Instant) {
        self.trace.event(now, Input::Left);
        if matches!(self.state, State::Leave) {
            self.not_leased(Unavailable::Dial(DialError::Timeout(Deadline::Connect)), now);
        }
    }

    fn not_leased(&mut self, why: Unavailable, now: Instant) {
        let cause = Cause::Unavailable(self.seen(why));
        if let (Unavailable::RetryBudget, Some(failure)) = (why, self.retrying) {
            self.spent = true;
            self.finish(State::Failed(failure));
        } else {
            let retry = &self.policy.retry;
            let again = self.left.after_failure(retry, cause, false, self.request.method());
            self.retry_or_fail(again, cause, Phase::Checkout, now);
        }
        self.say(now);
    }

    /// Answers [`Next::SendBody`]: frames `len` bytes of the body. The driver writes all of them,
    /// with the framing around them, before it asks again. `last`: the body ends with them. `None`:
    /// the body is longer or shorter than declared, and the call has failed.
    #[must_use = "the framing belongs around the piece"]
    pub fn send_body(
        &mut self,
        conn: &mut Connection,
        len: usize,
        last: bool,
        now: Instant,
    ) -> Option<Framing> {
        self.trace.event(now, Input::Body(len, last.into()));
        if !matches!(self.state, State::Exchange) {
            return None;
        }
        self.attempt.release_body(conn);
        self.body_begun = true;
        let framed = conn.send_body(len, last);
        match framed {
            Ok(framing) => {
                self.note_piece(&framing, len, now);
                let framed = (framing.prefix().len() + framing.suffix().len()) as u64;
                let framed = framed.saturating_add(len as u64);
                self.attempt.unwritten = self.attempt.unwritten.saturating_add(framed);
                self.count_body(len, framing.suffix().len());
                self.arm_write(now);
                self.attempt.look_at(conn);
                self.time_phase(now);
                self.go_on_to_end(now);
                self.say(now);
                Some(framing)
            }
            Err(why) => {
                self.fail(Cause::Misuse(why), Phase::Send);
                self.say(now);
                None
            }
        }
    }

    /// Answers [`Next::Rewind`]: the source of the body was set back to its start.
    pub fn rewound(&mut self, now: Instant) {
        self.trace.event(now, Input::Rewound);
        if matches!(self.state, State::Rewind) {
            self.body_begun = false;
            self.enter_line(now);
            self.say(now);
        }
    }

    /// Answers [`Next::Rewind`]: the source of the body cannot be set back. The call fails.
    pub fn rewind_failed(&mut self, now: Instant) {
        self.trace.event(now, Input::RewindFailed);
        if matches!(self.state, State::Rewind) {
            self.fail(Cause::NotReplayable, Phase::Between);
            self.say(now);
        }
    }

    /// Fails the call, because the source of the request's body has failed.
    pub fn body_failed(&mut self, now: Instant) {
        self.trace.event(now, Input::BodyFailed);
        self.fail(Cause::Body, self.phase());
        self.say(now);
    }

    /// Records that `bytes` more bytes of the request were written: for [`reached`](Self::reached)
    /// and the write deadline.
    pub fn written(&mut self, bytes: usize, now: Instant) {
        self.trace.event(now, Input::Written(bytes));
        if bytes == 0 || !matches!(self.state, State::Exchange) {
            return;
        }
        self.reached = self.reached.max(Reached::Sent);
        self.attempt.written = self.attempt.written.saturating_add(bytes as u64);
        self.attempt.unwritten = self.attempt.unwritten.saturating_sub(bytes as u64);
        self.arm_write(now);
        self.time_phase(now);
        self.go_on_to_end(now);
    }

    /// Records that writing has failed. The driver goes on reading: the server may have sent an
    /// early response.
    pub fn write_failed(&mut self, why: IoKind, now: Instant) {
        self.trace.event(now, Input::WriteFailed(why));
        if !matches!(self.state, State::Exchange) {
            return;
        }
        self.attempt.broke.get_or_insert(why);
        self.give_up_sending(now);
        self.time_phase(now);
        self.go_on_to_end(now);
        self.say(now);
    }

    /// Parses `input` and returns how many bytes it took, and the next event for the application.
    /// Followed redirects, retried responses and 1xx responses that the policy does not show are
    /// [`Event::Skipped`]. After each event but [`Event::NeedInput`], ask [`next`](Self::next), and
    /// while that is `Exchange` or `SendBody`, call again with the rest of the input.
    ///
    /// Input that comes before a byte was [`written`](Self::written) cannot be a response: the call
    /// goes on with a new connection, or fails.
    pub fn receive<'i>(
        &mut self,
        conn: &mut Connection,
        input: &'i [u8],
        now: Instant,
    ) -> (usize, Event<'i>) {
        if !matches!(self.state, State::Exchange) {
            return (0, Event::NeedInput);
        }
        self.note_input(conn, input, now);
        if !input.is_empty() {
            if self.attempt.written == 0 && !self.attempt.given_up {
                self.spoken_to_unasked(now);
                self.say(now);
                return (0, Event::Skipped);
            }
            self.attempt.heard = true;
            self.reached = Reached::Answered;
        }
        self.attempt.release_body(conn);
        if self.attempt.given_up {
            conn.stop_sending();
        }
        let (taken, event) = match conn.receive(input) {
            Ok((taken, event)) => (taken, self.pass_on(conn, event, now)),
            Err(why) => {
                self.attempt_failed(Cause::Violation(why), now);
                (0, Event::Skipped)
            }
        };
        self.attempt.known = self.attempt.known.saturating_sub(taken);
        self.count_received(taken, &event, now);
        self.say(now);
        (taken, event)
    }

    /// Tells the call that the peer has closed the connection, and how. Returns the end of the
    /// response if its body ends with the connection.
    pub fn receive_eof(&mut self, conn: &mut Connection, eof: Eof, now: Instant) -> Event<'static> {
        self.trace.event(now, Input::Eof(eof));
        let clean = eof == Eof::Clean;
        let lost = match eof {
            Eof::Clean => Cause::Lost(IoKind::Eof),
            Eof::Broken => Cause::Lost(IoKind::Reset),
            Eof::Tls(why) => Cause::Tls(why),
        };
        if !matches!(self.state, State::Exchange) {
            return Event::NeedInput;
        }
        let short = self.policy.accept_short_body || mutated(Mutation::ShortBody);
        let ahead = conn.body_ahead();
        let ended = if short && clean { conn.receive_early_end() } else { conn.receive_eof(eof) };
        if ended.is_err() && self.attempt.answered {
            self.attempt.cut = Some(ahead);
        }
        let event = match ended {
            Ok(event @ Event::End(_)) => {
                self.stop_for_closed(conn, IoKind::Eof, now);
                self.pass_on(conn, event, now)
            }
            Ok(_) if self.attempt.ended => {
                let why = if clean { IoKind::Eof } else { IoKind::Reset };
                self.stop_for_closed(conn, why, now);
                self.go_on_to_end(now);
                Event::Skipped
            }
            Ok(_) | Err(_) if !self.attempt.heard || !clean => {
                self.attempt_failed(lost, now);
                Event::Skipped
            }
            Ok(_) => {
                self.attempt_failed(Cause::Violation(Violation::Truncated), now);
                Event::Skipped
            }
            Err(why) => {
                self.attempt_failed(Cause::Violation(why), now);
                Event::Skipped
            }
        };
        self.say(now);
        event
    }

    /// Pauses the response: the application stops reading. Until it [resumes](Self::resume), the
    /// stall and rate deadlines do not run, and the call ends only if it fails. An unwanted body is
    /// read in any case.
    pub fn pause(&mut self, now: Instant) {
        if !self.attempt.paused && matches!(self.state, State::Exchange) {
            self.trace.event(now, Input::Pause);
            self.attempt.paused = true;
            self.time_phase(now);
            self.go_on_to_end(now);
        }
    }

    /// Resumes a [paused](Self::pause) response: the application reads again. The write deadline
    /// begins anew.
    pub fn resume(&mut self, now: Instant) {
        if self.attempt.paused && matches!(self.state, State::Exchange) {
            self.trace.event(now, Input::Resume);
            self.attempt.paused = false;
            // The driver may not have tried to write during the pause.
            self.arm_write(now);
            self.time_phase(now);
            self.go_on_to_end(now);
        }
    }

    /// Handles the deadline that [`poll_timeout`](Self::poll_timeout) returned. Does nothing before
    /// its instant.
    pub fn handle_timeout(&mut self, now: Instant) {
        let Some((at, which)) = self.clocks.soonest() else { return };
        if now < at {
            return;
        }
        self.trace.event(now, Input::Timeout(Passed(which)));
        match which {
            Deadline::Continue => {
                self.attempt.awaits_continue = false;
                self.attempt.continue_due = true;
                self.attempt.sendable = match self.request.body() {
                    BodyLength::Empty => None,
                    BodyLength::Known { len, .. } => Some(BodyLeft::Bytes(len)),
                    BodyLength::Unknown { .. } => Some(BodyLeft::Unknown),
                };
                self.clocks.end_phase();
            }
            Deadline::Backoff => self.begin_attempt(now),
            Deadline::Total | Deadline::Queue => self.fail(Cause::Timeout(which), self.phase()),
            Deadline::Write
            | Deadline::FirstByte
            | Deadline::Stall
            | Deadline::Rate
            | Deadline::Drain => {
                if matches!(self.state, State::Exchange) {
                    self.attempt_failed(Cause::Timeout(which), now);
                }
            }
            Deadline::Connect => {
                self.state = State::Leave;
                self.clocks.end_phase();
            }
            // The dial watches these itself.
            Deadline::Resolve | Deadline::Resolver | Deadline::Tls | Deadline::ProxyTls => {}
        }
        self.say(now);
    }

    /// Cancels the call: it fails with [`Cause::Cancelled`], unless it has ended.
    pub fn cancel(&mut self, now: Instant) {
        self.trace.event(now, Input::Cancel);
        self.fail(Cause::Cancelled, self.phase());
        self.say(now);
    }

    /// Answers [`Next::Release`]: whether the connection may be kept for another request. `rest` is
    /// the input that was not taken: with any, it is closed.
    #[must_use = "a connection that may not be kept is closed"]
    pub fn released(&mut self, conn: &mut Connection, rest: &[u8], now: Instant) -> bool {
        let State::Release(then) = self.state else { return false };
        if self.restarts {
            return false;
        }
        // The peer would take the next request for the unsent rest of this one.
        let whole = self.attempt.is_out() && !self.attempt.given_up;
        let whole = whole || mutated(Mutation::KeptUnsent);
        let usable = !self.attempt.unusable;
        let keep = whole && usable && rest.is_empty() && conn.reuse() == Reuse::Ready;
        self.note_release(rest.len(), keep, now);
        self.clocks.end_phase();
        self.clocks.set_write(None);
        match then {
            Then::Done => self.finish(State::Done),
            Then::Fail(failure) => self.finish(State::Failed(failure)),
            Then::Again => self.begin_attempt(now),
            Then::AgainAt(at) => self.wait(at, now),
        }
        self.say(now);
        keep
    }
}
