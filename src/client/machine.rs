//! The client's methods: each hands one thing on, and has the rest follow.

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

/// What a [`Client`] is set up with.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Config {
    /// How many connections, and for how long.
    pub pool: PoolLimits,
    /// How connections are opened. Its `limits` are those of `messages`.
    pub dial: dial::Policy,
    /// Bounds on what a server may send.
    pub messages: MessageLimits,
    /// For the jitter of retry delays: the same seed and the same inputs give the same outputs. 0 by
    /// default.
    pub seed: u64,
    /// The time of day at the driver's epoch, as time since 1970: for a Retry-After that is a date
    /// in a response that has no Date. None by default.
    pub wall_at_epoch: Option<Duration>,
    /// How many lines of its trace each call keeps, so that a failed one can show them:
    /// [`Call::recent_trace`]. 0 by default.
    pub recent_trace: usize,
}

/// All calls and connections of one event loop. See the [module](super) for how it is driven.
pub struct Client {
    pub(super) pool: Pool<h1::Connection>,
    pub(super) calls: Slab<Running>,
    pub(super) conns: Conns,
    /// Whose each ticket is, by the ticket's slot.
    pub(super) tickets: Vec<u32>,
    pub(super) timers: Timers,
    /// Whose time has come; empty but for its memory.
    due: Vec<(Instant, Owner)>,
    pub(super) actions: VecDeque<Action>,
    /// Calls to be looked at.
    pub(super) work: VecDeque<u32>,
    /// Calls whose end the driver has been told of: their ids are stale when it asks for more.
    pub(super) over: Vec<u32>,
    pub(super) dial: dial::Policy,
    pub(super) messages: MessageLimits,
    pub(super) sink: Option<Arc<dyn Sink>>,
    recent_trace: usize,
    seed: u64,
    wall_at_epoch: Option<Duration>,
    /// How many calls have not ended.
    pub(super) live: usize,
    /// How many calls there have been.
    requests: u64,
}

impl Client {
    /// A client with nothing under way.
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

    /// Has every event and action of the pool, and of all calls and dials that begin from now on,
    /// written to `sink`. A call is [`Who::Call`] with the number of its request, from 0; a dial
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

    /// Gives a call up. Its id is stale at once, and its connection, if it has one, is closed. Nothing
    /// more is said of it, not even what had happened already and waits in
    /// [`poll_action`](Self::poll_action).
    pub fn cancel(&mut self, call: CallId, now: Instant) {
        if let Some(running) = self.silence(call) {
            running.call.cancel(now);
            self.attend(call.index, now);
        }
    }

    /// The application wants no more of a response whose head it has had. The call's id is stale at
    /// once; what is left of the body is read and dropped, within
    /// [`Policy::drain_bytes_max`] and [`Policy::drain_time_max`], so that the connection can be
    /// kept. Before the head this is [`cancel`](Self::cancel).
    ///
    /// Where the request's body is still going out and the response does not end that, it is sent to
    /// its end. Then the driver goes on to give it: [`Transmit::Body`], [`send_body`](Self::send_body),
    /// [`body_ready`](Self::body_ready) and [`body_failed`](Self::body_failed) know the id until
    /// [`Action::BodyDone`]. [`feeds`](Self::feeds) says whether it is so.
    pub fn discard(&mut self, call: CallId, now: Instant) {
        if let Some(running) = self.silence(call) {
            if !running.call.discard(now) {
                running.call.cancel(now);
            }
            running.feeds = running.call.is_sending_body();
            self.attend(call.index, now);
        }
    }

    /// Whether the body of a call that was [discarded](Self::discard) is still being sent.
    pub fn feeds(&self, call: CallId) -> bool {
        self.calls.get(call.index, call.generation).is_some_and(|it| it.feeds && !it.ended)
    }

    /// Stops, or goes on, reading a response: while it is paused its connection wants no input, and
    /// the stall and rate deadlines stand still. Before the head, and after the end, it says nothing.
    pub fn pause(&mut self, call: CallId, paused: bool, now: Instant) {
        if let Some(running) = self.alive(call) {
            running.call.pause(paused, now);
            self.attend(call.index, now);
        }
    }

    /// Answers [`Transmit::Body`]: frames `len` bytes that the driver now writes, whole, before it
    /// asks for more. `last`: the body ends with them. `None`: no body is to be sent now, or it is
    /// longer or shorter than declared, and the call has failed.
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

    /// The application has body again, after it had none for [`Transmit::Body`]: an
    /// [`Action::Transmit`] follows.
    pub fn body_ready(&mut self, call: CallId) {
        let Some(running) = self.feeding(call) else { return };
        if let (Next::SendBody(_), Some(conn)) = (running.call.next(), running.conn) {
            self.actions.push_back(Action::Transmit { conn, probe: false });
        }
    }

    /// The application's source of the body failed: the request cannot be finished.
    pub fn body_failed(&mut self, call: CallId, now: Instant) {
        if let Some(running) = self.feeding(call) {
            running.call.body_failed(now);
            self.attend(call.index, now);
        }
    }

    /// Answers [`Action::Rewind`]: whether the body can be given from its start again.
    pub fn rewound(&mut self, call: CallId, done: bool, now: Instant) {
        if let Some(running) = self.alive(call) {
            running.rewinding = false;
            running.call.rewound(done, now);
            self.attend(call.index, now);
        }
    }

    /// Closes what is idle or being opened, fails calls in line, and refuses new ones. Calls that
    /// have a connection go on to their end, and their connections are then closed.
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

    /// Answers [`Action::Resolve`], with addresses in the resolver's order, or none.
    pub fn handle_resolved(&mut self, conn: ConnId, addrs: &[SocketAddr], now: Instant) {
        if let Some(dialing) = self.conns.dialing(conn) {
            dialing.dial.resolved(addrs, now);
            self.attend_dial(conn, now);
        }
    }

    /// Answers [`Action::Connect`]. Of a stale name nothing is known: its sockets are to be closed
    /// when [`Action::Close`] says so, which comes before the name is stale.
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

    /// Bytes were read. Says how many it took, and what they meant. Call again with the rest until
    /// [`Event::NeedInput`], keep what is then left, and begin the next input with it.
    ///
    /// Bytes on an idle connection close it: nobody asked for them. None are taken there, nor where
    /// the name is stale.
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
            // Of a switched connection, whose name is stale, the input is the application's.
            Use::Free => {
                if !input.is_empty() && !mutated(Mutation::PoisonedIdle) {
                    self.pool.idle_lost(conn);
                    self.go_on(now);
                }
                (0, Event::NeedInput)
            }
        }
    }

    /// The peer has closed its side, in order (`clean`) or by a reset or an error. Over TLS only a
    /// close_notify is in order. What was read before belongs to [`receive`](Self::receive) first.
    pub fn handle_eof(&mut self, conn: ConnId, clean: bool, now: Instant) -> Event<'static> {
        match self.conns.get(conn) {
            Use::Leased => return self.receive_end(conn, clean, now),
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

    /// So many bytes have left, of those that [`poll_transmit`](Self::poll_transmit) and
    /// [`send_body`](Self::send_body) gave and of the body between them.
    pub fn handle_written(&mut self, conn: ConnId, bytes: usize, now: Instant) {
        if let Some(index) = self.caller(conn) {
            self.calls[index].call.written(bytes, now);
            self.attend(index, now);
        }
    }

    /// Writing failed. Go on reading: what the peer has said before may still be an answer.
    pub fn handle_write_failed(&mut self, conn: ConnId, why: IoKind, now: Instant) {
        match self.caller(conn) {
            Some(index) => {
                self.calls[index].call.write_failed(why, now);
                self.attend(index, now);
            }
            None => self.lose_dial(conn, why, now),
        }
    }

    /// Time has passed: the deadlines in it come, the sooner first. Spurious calls do nothing; one
    /// may leave something for the next, which
    /// [`poll_timeout`](Self::poll_timeout) then says.
    pub fn handle_timeout(&mut self, now: Instant) {
        let mut due = core::mem::take(&mut self.due);
        while let Some(owner) = self.timers.pop_due(now) {
            match self.deadline(owner) {
                Some((at, _)) if at <= now => due.push((at, owner)),
                later => self.timers.set(owner, later),
            }
        }
        // An entry may have come up early, and with it before others that pass sooner.
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
        self.due = due;
        if self.pool.poll_timeout().is_some_and(|at| at <= now) {
            self.pool.handle_timeout(now);
        }
        self.go_on(now);
    }

    // ---- What a driver asks ------------------------------------------------------------------

    /// The next thing to do. Drain until `None`.
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

    /// Appends to `out` what is to be written to `conn`, each byte once, and says whether body may
    /// follow. Ask with an empty `out`, and what was encoded is not copied. Of a request that begins
    /// there is nothing before its [`Action::Transmit`] was taken, which says whether to read first.
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

    /// When to call [`handle_timeout`](Self::handle_timeout), and for what: never later than the
    /// soonest deadline. It may be early, where a deadline has moved.
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

    /// Whether to read from `conn`. False while its response is paused, and where TCP is not up yet.
    /// True for an idle connection, to notice its end.
    pub fn wants_input(&self, conn: ConnId) -> bool {
        match self.conns.get(conn) {
            Use::Leased => {
                self.caller(conn).is_some_and(|index| !self.calls[index].call.is_paused())
            }
            Use::Dialing => self.conns.exchanges(conn),
            Use::Free => true,
        }
    }

    /// So many of the next bytes are body and nothing else: see
    /// [`Connection::body_ahead`](h1::Connection::body_ahead).
    pub fn body_ahead(&self, conn: ConnId) -> BodyLeft {
        self.conns.h1(conn).map_or(BodyLeft::NONE, h1::Connection::body_ahead)
    }

    /// Whether what was handed out for `conn` must still be written. It need not once the request
    /// was refused before it was whole (RFC 9112 9.5), or writing has failed.
    pub fn sends(&self, conn: ConnId) -> bool {
        match self.caller(conn) {
            Some(index) => self.calls[index].call.sends(),
            None => matches!(self.conns.get(conn), Use::Dialing),
        }
    }

    /// Whether the request on `conn` is so long that what the system holds unsent should be bounded:
    /// [`Call::is_long`].
    pub fn is_long(&self, conn: ConnId) -> bool {
        self.caller(conn).is_some_and(|index| self.calls[index].call.is_long())
    }

    /// With such a bound: whether what was handed out last for `conn` is written only when the socket
    /// takes output again: [`Call::is_written_late`].
    pub fn is_written_late(&self, conn: ConnId) -> bool {
        self.caller(conn).is_some_and(|index| self.calls[index].call.is_written_late())
    }

    /// The call's machine: its request as it stands, its history. `None` for a stale id; one whose
    /// end was told last is stale when the next action is asked for.
    pub fn call(&self, call: CallId) -> Option<&Call> {
        let running = self.calls.get(call.index, call.generation).filter(|it| !it.silent)?;
        Some(&running.call)
    }

    /// The connection that the call uses or used last, and whether that had served before; or the one
    /// that failed to open at its wish since then.
    pub fn connection(&self, call: CallId) -> Option<(ConnId, bool)> {
        self.calls.get(call.index, call.generation).filter(|it| !it.silent)?.served
    }

    /// What a call is waiting for, to be printed; `None` for a stale id.
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

    /// How many calls have not ended.
    pub fn calls(&self) -> usize {
        self.live
    }

    /// How many connections there are, and how many calls wait for one.
    pub fn stats(&self) -> Stats {
        self.pool.stats()
    }

    /// The same for one key.
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

    /// The application wants to hear no more of a call. Says whether anything is left to end.
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

    /// A call whose body the driver may give: one that is alive, or was discarded while it was sent.
    fn feeding(&mut self, call: CallId) -> Option<&mut Running> {
        let running = self.calls.get_mut(call.index, call.generation)?;
        ((!running.silent || running.feeds) && !running.ended).then_some(running)
    }

    /// Which call uses a connection.
    pub(super) fn caller(&self, conn: ConnId) -> Option<u32> {
        self.conns.caller(conn)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("calls", &self.calls()).field("pool", &self.pool).finish()
    }
}
