//! The client's methods. Each passes one input to a machine and then settles its consequences.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use core::{fmt, net::SocketAddr, time::Duration};

use super::{
    Action, Closed, Event, Reason, Transmit, Waiting,
    conns::{Conns, Use},
    run::Running,
    timers::{Owner, Timers},
};
use crate::{
    call::{Call, Next, Policy},
    dial,
    error::{IoKind, TlsKind},
    h1::{self, Framing},
    id::{CallId, ConnId, Slab},
    limits::{MessageLimits, PoolLimits},
    message::{BodyLeft, Key, Request},
    mutation::{Mutation, mutated},
    pool::{Pool, Stats},
    time::{Deadline, Instant},
    trace::{Sink, Trace, Who},
};

/// The settings of a [`Client`].
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Config {
    /// The limits of the pool: connections, queue, idle times, retry budget.
    pub pool: PoolLimits,
    /// The policy for opening connections. Its `limits` are replaced by `messages`.
    pub dial: dial::Policy,
    /// The limits on responses.
    pub messages: MessageLimits,
    /// Seeds the jitter of retry delays: the same seed and the same inputs give the same outputs. 0
    /// by default.
    pub seed: u64,
    /// The wall-clock time at the driver's epoch, since 1970. A Retry-After date counts from it if
    /// the response has no Date. `None` by default.
    pub wall_at_epoch: Option<Duration>,
    /// The number of trace lines that each call keeps, to explain a failure:
    /// [`Call::recent_trace`]. 0 by default.
    pub recent_trace: usize,
}

/// All calls and connections of one event loop. The [module](super) describes how to drive it.
pub struct Client {
    pub(super) pool: Pool<h1::Connection>,
    pub(super) calls: Slab<Running>,
    pub(super) conns: Conns,
    /// The call of each ticket, by the ticket's slot.
    pub(super) tickets: Vec<u32>,
    pub(super) timers: Timers,
    /// Scratch space for the owners whose deadline has come. Empty between calls.
    due: Vec<(Instant, Owner)>,
    pub(super) actions: VecDeque<Action>,
    /// Calls to serve.
    pub(super) work: VecDeque<u32>,
    /// Calls whose end was passed to the driver. Their ids become stale at the next action.
    pub(super) over: Vec<u32>,
    pub(super) dial: dial::Policy,
    pub(super) messages: MessageLimits,
    pub(super) sink: Option<Arc<dyn Sink>>,
    recent_trace: usize,
    seed: u64,
    wall_at_epoch: Option<Duration>,
    /// The number of calls that have not ended.
    pub(super) live: usize,
    /// The number of calls started so far.
    requests: u64,
}

impl Client {
    /// Makes a client without calls or connections.
    pub fn new(config: Config) -> Self {
        let mut dial = config.dial;
        dial.limits = config.messages;
        Self {
            pool: Pool::new(config.pool),
            calls: Slab::new(),
            conns: Conns::default(),
            tickets: Vec::new(),
            timers: Timers::default(),
            due: Vec::new(),
            actions: VecDeque::new(),
            work: VecDeque::new(),
            over: Vec::new(),
            dial,
            messages: config.messages,
            sink: None,
            recent_trace: config.recent_trace,
            seed: config.seed,
            wall_at_epoch: config.wall_at_epoch,
            live: 0,
            requests: 0,
        }
    }

    /// Traces every event and action of the pool, and of all calls and dials that begin from now
    /// on, to `sink`. A call is [`Who::Call`] with the number of its request, from 0. A dial is
    /// [`Who::Dial`] with the bits of its connection's id.
    pub fn set_trace(&mut self, sink: Arc<dyn Sink>) {
        self.pool.set_trace(Trace::new(sink.clone(), Who::Pool));
        self.sink = Some(sink);
    }

    // ---- The application's inputs ------------------------------------------------------------

    /// Starts a call.
    pub fn request(&mut self, request: Request, policy: Arc<Policy>, now: Instant) -> CallId {
        let number = self.requests;
        self.requests += 1;
        let mut call = Call::new(request, policy, self.seed.wrapping_add(number), now);
        if let Some(at_epoch) = self.wall_at_epoch {
            call.set_wall_clock(at_epoch);
        }
        let who = Who::Call(number);
        call.set_trace(Trace::keeping(self.recent_trace, who, self.sink.clone()), now);
        let (index, generation) = self.calls.insert(Running::new(call));
        self.live += 1;
        self.attend(index, now);
        CallId { index, generation }
    }

    /// Cancels a call. Its id is stale at once, and its connection is closed. No further event or
    /// action concerns it, not even one already queued in [`poll_action`](Self::poll_action).
    pub fn cancel(&mut self, call: CallId, now: Instant) {
        if let Some(running) = self.silence(call) {
            running.call.cancel(now);
            self.attend(call.index, now);
        }
    }

    /// Discards the rest of a response after its head. The call's id is stale at once. The rest of
    /// the body is read and dropped, within [`Policy::drain_bytes_max`] and
    /// [`Policy::drain_time_max`], so that the connection can be kept. Before the head this is
    /// [`cancel`](Self::cancel).
    ///
    /// A request body that is still being sent is sent to its end, unless the response ends it. The
    /// driver continues to supply it: [`Transmit::Body`], [`send_body`](Self::send_body),
    /// [`body_ready`](Self::body_ready) and [`body_failed`](Self::body_failed) accept the id until
    /// [`Action::BodyDone`]. [`feeds`](Self::feeds) tells whether this is the case.
    pub fn discard(&mut self, call: CallId, now: Instant) {
        if let Some(running) = self.silence(call) {
            if !running.call.discard(now) {
                running.call.cancel(now);
            }
            running.feeds = running.call.is_sending_body();
            self.attend(call.index, now);
        }
    }

    /// Returns whether the body of a [discarded](Self::discard) call is still being sent.
    pub fn feeds(&self, call: CallId) -> bool {
        self.calls.get(call.index, call.generation).is_some_and(|it| it.feeds && !it.ended)
    }

    /// Pauses or resumes reading a response. While it is paused its connection wants no input, and
    /// the stall and rate deadlines are suspended. Ignored before the head and after the end.
    pub fn pause(&mut self, call: CallId, paused: bool, now: Instant) {
        if let Some(running) = self.alive(call) {
            if paused {
                running.call.pause(now);
            } else {
                running.call.resume(now);
            }
            self.attend(call.index, now);
        }
    }

    /// Answers [`Transmit::Body`]: returns the framing for `len` bytes. The driver must write all
    /// of them before it asks for more. `last` ends the body. `None` means that no body is to be
    /// sent now, or that it is longer or shorter than declared, and the call has failed.
    #[must_use = "the framing belongs around the piece"]
    pub fn send_body(
        &mut self,
        call: CallId,
        len: usize,
        last: bool,
        now: Instant,
    ) -> Option<Framing> {
        let conn = self.feeding(call)?.conn?;
        let (running, leased) = (&mut self.calls[call.index], self.conns.leased(conn)?);
        let framing = running.call.send_body(&mut leased.h1, len, last, now);
        self.attend(call.index, now);
        framing
    }

    /// Reports that the application has body bytes again, after it had none for [`Transmit::Body`].
    /// An [`Action::Transmit`] follows.
    pub fn body_ready(&mut self, call: CallId) {
        let Some(running) = self.feeding(call) else { return };
        if let (Next::SendBody(_), Some(conn)) = (running.call.next(), running.conn) {
            self.actions.push_back(Action::Transmit { conn, probe: false });
        }
    }

    /// Reports that the application's source of the body failed, so the request cannot be finished.
    pub fn body_failed(&mut self, call: CallId, now: Instant) {
        if let Some(running) = self.feeding(call) {
            running.call.body_failed(now);
            self.attend(call.index, now);
        }
    }

    /// Answers [`Action::Rewind`]. `done` tells whether the body can be read from its start again.
    pub fn rewound(&mut self, call: CallId, done: bool, now: Instant) {
        if let Some(running) = self.alive(call) {
            running.rewinding = false;
            if done {
                running.call.rewound(now);
            } else {
                running.call.rewind_failed(now);
            }
            self.attend(call.index, now);
        }
    }

    /// Closes idle connections and dials, fails waiting calls, and refuses new ones. Calls with a
    /// connection continue to their end; then their connections are closed.
    pub fn close(&mut self, now: Instant) {
        self.pool.close();
        self.go_on(now);
    }

    /// Closes everything now: each call ends with [`Action::Failed`], each connection with
    /// [`Action::Close`].
    pub fn close_now(&mut self, now: Instant) {
        self.close(now);
        for index in 0..self.calls.bound() {
            if let Some(running) = self.calls.at_mut(index).filter(|it| !it.ended) {
                running.call.cancel(now);
                self.attend(index, now);
            }
        }
    }

    // ---- The driver's inputs -----------------------------------------------------------------

    /// Answers [`Action::Resolve`]. `addrs` are in the resolver's order, and may be empty.
    pub fn handle_resolved(&mut self, conn: ConnId, addrs: &[SocketAddr], now: Instant) {
        if let Some(dialing) = self.conns.dialing(conn) {
            dialing.dial.resolved(addrs, now);
            self.attend_dial(conn, now);
        }
    }

    /// Answers [`Action::Connect`]. Ignored if the id is stale: an earlier [`Action::Close`] has
    /// told the driver to close the sockets.
    pub fn handle_connected(
        &mut self,
        conn: ConnId,
        attempt: u8,
        done: Result<(), IoKind>,
        now: Instant,
    ) {
        if let Some(dialing) = self.conns.dialing(conn) {
            match done {
                Ok(()) => dialing.dial.connected(attempt, now),
                Err(why) => dialing.dial.connect_failed(attempt, why, now),
            }
            self.attend_dial(conn, now);
        }
    }

    /// Answers [`Action::StartTls`].
    pub fn handle_tls(&mut self, conn: ConnId, done: Result<(), TlsKind>, now: Instant) {
        if let Some(dialing) = self.conns.dialing(conn) {
            dialing.shaking = false;
            match done {
                Ok(()) => dialing.dial.tls_up(now),
                Err(why) => dialing.dial.tls_failed(why, now),
            }
            self.attend_dial(conn, now);
        }
    }

    /// Parses bytes that were read. Returns how many were consumed, and an event. Call again with
    /// the rest until [`Event::NeedInput`]; then keep the rest and put it in front of the next
    /// input.
    ///
    /// Bytes on an idle connection close it, because they answer no request. They are not consumed,
    /// nor are bytes for a stale id.
    pub fn receive<'i>(
        &mut self,
        conn: ConnId,
        input: &'i [u8],
        now: Instant,
    ) -> (usize, Event<'i>) {
        match self.conns.get(conn) {
            Use::Leased => self.receive_answer(conn, input, now),
            Use::Dialing => {
                let taken = match self.conns.dialing(conn) {
                    Some(dialing) => {
                        dialing.told = false;
                        dialing.dial.receive(input, now)
                    }
                    None => 0,
                };
                self.attend_dial(conn, now);
                (taken, if taken > 0 { Event::Skipped } else { Event::NeedInput })
            }
            // On a connection with a stale id that has switched protocols, the input is the
            // application's.
            Use::Free => {
                if !input.is_empty() && !mutated(Mutation::PoisonedIdle) {
                    self.pool.idle_lost(conn);
                    self.go_on(now);
                }
                (0, Event::NeedInput)
            }
        }
    }

    /// Reports that the peer closed its side, cleanly (`clean`) or by a reset or an error. Over TLS
    /// only a close_notify is clean. Pass all earlier input to [`receive`](Self::receive) first.
    pub fn handle_eof(&mut self, conn: ConnId, clean: bool, now: Instant) -> Event<'static> {
        match self.conns.get(conn) {
            Use::Leased => return self.receive_end(conn, clean.into(), now),
            Use::Dialing => {
                let why = if clean { IoKind::Eof } else { IoKind::Reset };
                self.lose_dial(conn, why, now);
            }
            Use::Free => {
                self.pool.idle_lost(conn);
                self.go_on(now);
            }
        }
        Event::NeedInput
    }

    /// Reports that `bytes` bytes were written, of those from
    /// [`poll_transmit`](Self::poll_transmit) and [`send_body`](Self::send_body) and of the body
    /// between them.
    pub fn handle_written(&mut self, conn: ConnId, bytes: usize, now: Instant) {
        if let Some(index) = self.caller(conn) {
            self.calls[index].call.written(bytes, now);
            self.attend(index, now);
        }
    }

    /// Reports a failed write. Continue to read, because a response may have arrived before the
    /// failure.
    pub fn handle_write_failed(&mut self, conn: ConnId, why: IoKind, now: Instant) {
        match self.caller(conn) {
            Some(index) => {
                self.calls[index].call.write_failed(why, now);
                self.attend(index, now);
            }
            None => self.lose_dial(conn, why, now),
        }
    }

    /// Handles the deadlines that have passed, earliest first. Does nothing if called too early.
    /// May leave work for the next time; [`poll_timeout`](Self::poll_timeout) then returns that.
    pub fn handle_timeout(&mut self, now: Instant) {
        let mut due = core::mem::take(&mut self.due);
        while let Some(owner) = self.timers.pop_due(now) {
            match self.deadline(owner) {
                Some((at, _)) if at <= now => due.push((at, owner)),
                later => self.timers.set(owner, later),
            }
        }
        // An entry may have been early, so sort by the actual deadlines.
        due.sort_unstable();
        for (_, owner) in due.drain(..) {
            if owner.is_call() {
                if let Some(running) = self.calls.at_mut(owner.slot()) {
                    running.call.handle_timeout(now);
                    self.attend(owner.slot(), now);
                }
            } else if let Some((conn, dialing)) = self.conns.dialing_at(owner.slot()) {
                dialing.dial.handle_timeout(now);
                self.attend_dial(conn, now);
            }
        }
        // An entry made above may be of a deadline that was handled after it.
        while let Some(owner) = self.timers.pop_due(now) {
            due.push((now, owner));
        }
        for (_, owner) in due.drain(..) {
            self.timers_set(owner);
        }
        self.due = due;
        if self.pool.poll_timeout().is_some_and(|at| at <= now) {
            self.pool.handle_timeout(now);
        }
        self.go_on(now);
    }

    // ---- Queries of the driver --------------------------------------------------------------

    /// Returns the next action to perform. Drain until `None`.
    pub fn poll_action(&mut self) -> Option<Action> {
        loop {
            while let Some(index) = self.over.pop() {
                self.forget(index);
            }
            let action = self.actions.pop_front()?;
            if let Action::Failed { call, .. }
            | Action::End { call, .. }
            | Action::BodyDone { call }
            | Action::HandOver { call, .. } = action
            {
                self.over.push(call.index);
            } else if let Action::Transmit { conn, .. } = action
                && let Some(leased) = self.conns.leased(conn)
            {
                leased.told = true;
            }
            if !action.call().is_some_and(|call| self.is_silent(call)) {
                return Some(action);
            }
            if let Action::HandOver { conn, .. } = action {
                return Some(Action::Close { conn, why: Closed::Unfinished });
            }
        }
    }

    /// Appends the bytes to write to `conn`, each once, and returns whether body bytes may follow.
    /// With an empty `out` the encoded bytes are not copied. The bytes of a new request are
    /// available only after its [`Action::Transmit`] was taken, which tells whether to probe first.
    pub fn poll_transmit(&mut self, conn: ConnId, out: &mut Vec<u8>) -> Transmit {
        if let Some(dialing) = self.conns.dialing(conn) {
            dialing.dial.poll_transmit(out);
            return Transmit::Nothing;
        }
        let leased = self.conns.leased(conn).filter(|leased| leased.told);
        let Some(leased) = leased else { return Transmit::Nothing };
        let index = leased.call;
        if out.is_empty() {
            core::mem::swap(out, &mut leased.out);
        } else {
            out.append(&mut leased.out);
        }
        let call = self.name(index);
        let running = &mut self.calls[index];
        let Next::SendBody(max) = running.call.next() else {
            running.told = false;
            return Transmit::Nothing;
        };
        running.told = true;
        Transmit::Body { call, max }
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout), and the reason. The time is
    /// never later than the earliest deadline. It may be too early after a deadline has moved.
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        let soonest = self.timers.soonest().map(|(at, owner, which)| {
            let slot = owner.slot();
            if owner.is_call() {
                (at, Reason::Call(self.name(slot), which))
            } else {
                (at, Reason::Dial(self.conns.name_at(slot), which))
            }
        });
        match (soonest, self.pool.poll_timeout()) {
            (Some(soonest), Some(idle)) if soonest.0 <= idle => Some(soonest),
            (_, Some(idle)) => Some((idle, Reason::Idle)),
            (soonest, None) => soonest,
        }
    }

    /// Returns whether to read from `conn`. False while its response is paused, and before TCP is
    /// connected. True for an idle connection, to notice that the peer closes it.
    pub fn wants_input(&self, conn: ConnId) -> bool {
        match self.conns.get(conn) {
            Use::Leased => {
                self.caller(conn).is_some_and(|index| !self.calls[index].call.is_paused())
            }
            Use::Dialing => self.conns.exchanges(conn),
            Use::Free => true,
        }
    }

    /// Returns how many of the next bytes are body data only: see
    /// [`Connection::body_ahead`](h1::Connection::body_ahead).
    pub fn body_ahead(&self, conn: ConnId) -> BodyLeft {
        self.conns.h1(conn).map_or(BodyLeft::NONE, h1::Connection::body_ahead)
    }

    /// Returns whether the bytes fetched for `conn` must still be written. False after the server
    /// has refused the request before its end (RFC 9112 9.5), and after a failed write.
    pub fn sends(&self, conn: ConnId) -> bool {
        match self.caller(conn) {
            Some(index) => self.calls[index].call.sends(),
            None => matches!(self.conns.get(conn), Use::Dialing),
        }
    }

    /// Returns whether the request on `conn` is long enough to limit the unsent bytes that the
    /// system buffers: see [`Call::is_long`].
    pub fn is_long(&self, conn: ConnId) -> bool {
        self.caller(conn).is_some_and(|index| self.calls[index].call.is_long())
    }

    /// Returns whether, with such a limit, the last bytes for `conn` count as written only once the
    /// socket is writable again: see [`Call::is_written_late`].
    pub fn is_written_late(&self, conn: ConnId) -> bool {
        self.caller(conn).is_some_and(|index| self.calls[index].call.is_written_late())
    }

    /// Returns the machine of a call, with its current request and its history. `None` for a stale
    /// id; the id of a call that has ended becomes stale at the next
    /// [`poll_action`](Self::poll_action).
    pub fn call(&self, call: CallId) -> Option<&Call> {
        let running = self.calls.get(call.index, call.generation).filter(|it| !it.silent)?;
        Some(&running.call)
    }

    /// Returns the connection that the call uses or used last, and whether it was a reused one; or
    /// a later connection that failed to open for the call.
    pub fn connection(&self, call: CallId) -> Option<(ConnId, bool)> {
        self.calls.get(call.index, call.generation).filter(|it| !it.silent)?.served
    }

    /// Returns what a call is waiting for, as printable text. `None` for a stale id.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use httpool::{client::{Client, Config}, message::Request, time::Instant};
    /// # let now = Instant::from_nanos(0);
    /// let mut client = Client::new(Config::default());
    /// let request = Request::get("http://example.com/").build()?;
    /// let call = client.request(request, Arc::default(), now);
    /// let why = client.why(call).unwrap().to_string();
    /// assert_eq!(why, "a connection to http://example.com, whose name is being looked up");
    /// # Ok::<(), httpool::error::RequestError>(())
    /// ```
    pub fn why(&self, call: CallId) -> Option<Waiting<'_>> {
        let running = self.calls.get(call.index, call.generation).filter(|it| !it.silent)?;
        Some(Waiting::of(self, running))
    }

    /// Returns the number of calls that have not ended.
    pub fn calls(&self) -> usize {
        self.live
    }

    /// Returns the numbers of connections, and of calls that wait for one.
    pub fn stats(&self) -> Stats {
        self.pool.stats()
    }

    /// Returns the numbers for one key.
    pub fn key_stats(&self, key: &Key) -> Stats {
        self.pool.key_stats(key)
    }

    pub(super) fn timers_set(&mut self, owner: Owner) {
        let deadline = self.deadline(owner);
        self.timers.set(owner, deadline);
    }

    fn deadline(&mut self, owner: Owner) -> Option<(Instant, Deadline)> {
        if owner.is_call() {
            self.calls.at(owner.slot()).and_then(|(_, it)| it.call.poll_timeout())
        } else {
            self.conns.dialing_at(owner.slot()).and_then(|(_, it)| it.dial.poll_timeout())
        }
    }

    /// Stops the events of a call to the application. Returns the call if it has not ended.
    fn silence(&mut self, call: CallId) -> Option<&mut Running> {
        let running = self.calls.get_mut(call.index, call.generation)?;
        let ends = !core::mem::replace(&mut running.silent, true) && !running.ended;
        ends.then_some(running)
    }

    fn is_silent(&self, call: CallId) -> bool {
        !mutated(Mutation::LateNews)
            && self.calls.get(call.index, call.generation).is_none_or(|it| it.silent)
    }

    fn alive(&mut self, call: CallId) -> Option<&mut Running> {
        let running = self.calls.get_mut(call.index, call.generation)?;
        (!running.silent && !running.ended).then_some(running)
    }

    /// Returns a call whose body can be supplied: a live one, or one discarded while its body was
    /// sent.
    fn feeding(&mut self, call: CallId) -> Option<&mut Running> {
        let running = self.calls.get_mut(call.index, call.generation)?;
        ((!running.silent || running.feeds) && !running.ended).then_some(running)
    }

    /// Returns the call that uses a connection.
    pub(super) fn caller(&self, conn: ConnId) -> Option<u32> {
        self.conns.caller(conn)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("calls", &self.calls()).field("pool", &self.pool).finish()
    }
}
