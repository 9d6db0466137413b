//! The pool's methods. Each traces the event, makes one change, and then settles its consequences.

use alloc::{
    collections::{BTreeMap, VecDeque},
    string::String,
};
use core::{fmt, time::Duration};

use super::{
    Action, Checkin, Claim, Dialing, Evicted, Lease, Stats, Ticket, Want,
    ages::Ages,
    budget::Bucket,
    list::List,
    look_ups::EVERY_MIN,
    record::Input,
    shortage::Room,
    table::{ByUse, Conn, Dialed, Due, Entry, Free, Standing, State, Turn, Waiter, Warm},
};
use crate::{
    error::{DialError, Unavailable},
    id::{ConnId, Slab},
    limits::PoolLimits,
    message::Key,
    mutation::{Mutation, mutated},
    time::Instant,
    trace::Trace,
};

/// A connection pool. See the [module](super).
///
/// `T` is the driver's data for a connection. Every method is O(1), except that looking up a key is
/// O(log keys), and that [`handle_timeout`](Self::handle_timeout) and [`close`](Self::close) are
/// linear in the connections that they close. No method does I/O. None allocates once the pool has
/// reached its largest size. Each is short enough to run under a mutex. If `now` is earlier than in
/// the last call, as can happen between threads, the last time is used instead.
#[cfg_attr(test, derive(Clone))]
pub struct Pool<T> {
    pub(super) limits: PoolLimits,
    pub(super) dialing_by: Dialing,
    pub(super) names: BTreeMap<Key, u32>,
    pub(super) keys: Slab<Entry>,
    pub(super) conns: Slab<Conn<T>>,
    pub(super) tickets: Slab<Waiter>,
    /// The idle connections of all keys; the next to evict or to close by age is in front.
    pub(super) lru: List<ByUse>,
    pub(super) ages: Ages,
    /// Keys that need a dial, have no connection, and find no room. They come before `held`.
    pub(super) stranded: List<Turn>,
    /// Keys that need a dial, have connections, and find no room for more.
    pub(super) held: List<Turn>,
    /// Keys with idle connections. Empty if there is no bound on them.
    pub(super) warm: List<Warm>,
    /// Keys whose name is looked up again, in the order of the times.
    pub(super) due: List<Due>,
    /// The number of repeated look-ups so far. It tells their ids apart.
    pub(super) asks: u32,
    pub(super) dialing: usize,
    pub(super) waiting: usize,
    /// The current limit on connections. It is below `open_max` for a while after a shortage.
    pub(super) room: Room,
    /// The number of connections and dials removed so far, except dials that found no descriptor.
    pub(super) gone: u64,
    pub(super) budget: Option<Bucket>,
    pub(super) closed: bool,
    /// The latest time passed to any method.
    pub(super) now: Instant,
    pub(super) actions: VecDeque<Action<T>>,
    pub(super) trace: Trace,
}

impl<T> Pool<T> {
    /// Makes an empty pool.
    pub fn new(limits: PoolLimits, dialing: Dialing) -> Self {
        Self {
            limits: PoolLimits {
                open_max: limits.open_max.max(1),
                open_per_key_max: limits.open_per_key_max.max(1),
                dialing_per_key_max: limits.dialing_per_key_max.max(1),
                waiting_max: limits.waiting_max.max(1),
                waiting_per_key_max: limits.waiting_per_key_max.max(1),
                look_up_every: limits.look_up_every.map(|it| it.max(EVERY_MIN)),
                ..limits
            },
            dialing_by: dialing,
            names: BTreeMap::new(),
            keys: Slab::new(),
            conns: Slab::new(),
            tickets: Slab::new(),
            lru: List::new(),
            ages: Ages::new(),
            stranded: List::new(),
            held: List::new(),
            warm: List::new(),
            due: List::new(),
            asks: 0,
            dialing: 0,
            waiting: 0,
            room: Room::new(limits.open_max.max(1)),
            gone: 0,
            budget: limits.retry_budget.map(Bucket::new),
            closed: false,
            now: Instant::default(),
            actions: VecDeque::new(),
            trace: Trace::OFF,
        }
    }

    /// Joins the queue for a connection to `key`.
    ///
    /// Call [`claim`](Self::claim) at once. An idle connection is granted immediately, and only
    /// tickets that were told to wait are woken.
    ///
    /// # Errors
    /// [`Unavailable::Closed`], [`RetryBudget`](Unavailable::RetryBudget), or, if the ticket would
    /// have to wait, [`KeyLineFull`](Unavailable::KeyLineFull) or
    /// [`LineFull`](Unavailable::LineFull).
    pub fn checkout(&mut self, key: &Key, want: Want, now: Instant) -> Result<Ticket, Unavailable> {
        self.now = self.now.max(now);
        self.note_checkout(key, want);
        let answer = self.admit(key, want);
        match &answer {
            Ok(ticket) => self.answer(format_args!("admit {ticket}")),
            Err(why) => self.answer(format_args!("refuse {why:?}")),
        }
        answer
    }

    /// Returns the state of a ticket. Any answer but [`Claim::Wait`] spends the ticket.
    pub fn claim(&mut self, ticket: Ticket, now: Instant) -> Claim<T> {
        self.event(now, Input::Claim(ticket));
        let claim = self.hand_over(ticket);
        match &claim {
            Claim::Reuse { lease, probe, .. } => {
                let word = if *probe { " probe" } else { "" };
                self.answer(format_args!("reuse {ticket} {}{word}", lease.conn));
            }
            Claim::Fresh { lease, .. } => {
                self.answer(format_args!("fresh {ticket} {}", lease.conn))
            }
            Claim::Wait { dialing } => {
                let word = if *dialing { " dialing" } else { "" };
                self.answer(format_args!("wait {ticket}{word}"));
            }
            Claim::Failed(why) => self.answer(format_args!("fail {ticket} {why:?}")),
        }
        claim
    }

    /// Cancels a ticket in any state. A connection granted to it goes to the next ticket. Ignored
    /// if the ticket is spent.
    pub fn cancel(&mut self, ticket: Ticket, now: Instant) {
        self.event(now, Input::Cancel(ticket));
        let Some(waiter) = self.tickets.get(ticket.index, ticket.generation) else { return };
        let (key, standing) = (waiter.key, waiter.state);
        match standing {
            Standing::Waiting { .. } => self.leave_line(ticket.index),
            Standing::Granted(conn) => {
                if let State::Granted { free, .. } = self.take(conn) {
                    self.offer(conn, free, None);
                }
            }
            Standing::Failed(_) => {}
        }
        self.tickets.remove_at(ticket.index);
        if !matches!(standing, Standing::Failed(_)) {
            self.settle(key);
        }
    }

    /// Returns a lease. If it is from another pool, its connection comes back as [`Action::Close`].
    pub fn checkin(&mut self, lease: Lease, how: Checkin<T>, now: Instant) {
        let Lease { conn } = lease;
        self.event(now, Input::Checkin(conn, (&how).into()));
        let leased = self.conns.get(conn.index, conn.generation);
        let key = leased.filter(|it| matches!(it.state, State::Leased)).map(|it| it.key);
        match (key, how) {
            (Some(key), Checkin::Keep(io)) => {
                self.offer(conn.index, Free { io, since: self.now, fresh: false }, None);
                self.settle(key);
            }
            (Some(key), Checkin::Discard) => {
                self.remove(conn.index);
                self.settle(key);
            }
            (None, Checkin::Keep(io)) => self.close_stale(conn, io),
            (None, Checkin::Discard) => {}
        }
    }

    /// Reports that a dial has connected TCP. It is then no longer abandoned when its ticket is
    /// served by another connection, but finished, and parked if no ticket waits. Has no effect
    /// with [`Dialing::PerThread`]: there only [`close`](Self::close) abandons dials.
    pub fn dial_connected(&mut self, conn: ConnId) {
        self.event(self.now, Input::Connected(conn));
        if self.is_dial(conn) {
            self.keep_dial(conn.index);
        }
    }

    /// Reports that a dial has succeeded. If the id is stale, `io` comes back as [`Action::Close`].
    pub fn dialed(&mut self, conn: ConnId, io: T, now: Instant) {
        self.event(now, Input::Dialed(conn));
        if !self.is_dial(conn) {
            return self.close_stale(conn, io);
        }
        let key = self.conns[conn.index].key;
        let adopted = self.dial(conn.index).adopted;
        let wisher = self.end_dial(conn.index);
        let mut first = wisher;
        if adopted || self.dialing_by == Dialing::Shared {
            first = self.keys[key].front(true);
            self.exchange(wisher, first);
        }
        self.begin_age(conn.index);
        self.keys[key].uses.opened += 1;
        let free = Free { io, since: self.now, fresh: true };
        if self.begin_peer(conn.index) {
            self.offer(conn.index, free, first);
        } else {
            self.offer_once(conn.index, free, first);
        }
        self.settle(key);
    }

    /// Reports that a dial has failed. This fails the ticket that asked for the dial, if it still
    /// waits for it. A ticket that took the dial over gets another dial. Ignored if the id is
    /// stale.
    ///
    /// `Connect(Exhausted)` means that there was no file descriptor. The ticket then also gets
    /// another dial, in place of an idle connection or of one that comes back. It fails only if
    /// nothing else is open.
    pub fn dial_failed(&mut self, conn: ConnId, why: DialError, now: Instant) {
        self.event(now, Input::DialFailed(conn, why));
        self.lose_dial(conn, Some(why));
    }

    /// Reports that a thread has given up its dial before TCP was connected, and has closed the
    /// socket, because its ticket was cancelled or served by another connection
    /// ([`Dialing::PerThread`]). This fails no ticket: one that took the dial over gets another.
    /// Ignored if the id is stale.
    pub fn dial_abandoned(&mut self, conn: ConnId, now: Instant) {
        self.event(now, Input::DialAbandoned(conn));
        self.lose_dial(conn, None);
    }

    /// Reports that the peer closed an idle connection, or sent bytes on it. If it was granted and
    /// not yet claimed, its ticket returns to the front of the queue, even if the queue is full.
    /// Ignored if the id is stale or the connection is leased.
    pub fn idle_lost(&mut self, conn: ConnId) {
        self.event(self.now, Input::Lost(conn));
        let Some(lost) = self.conns.get(conn.index, conn.generation) else { return };
        let key = lost.key;
        match lost.state {
            State::Idle { .. } => self.evict(conn.index, Evicted::Lost),
            State::Granted { ticket, .. } => {
                if let State::Granted { free, .. } = self.take(conn.index) {
                    self.close_conn(conn.index, free.io, Evicted::Lost);
                }
                self.stand_again(ticket);
            }
            State::Dialing(_) | State::Leased => return,
        }
        self.settle(key);
    }

    /// Closes idle and granted connections, abandons dials, fails all tickets with
    /// [`Claim::Failed`], and refuses new ones. A leased connection is closed when it comes back.
    pub fn close(&mut self) {
        self.event(self.now, Input::Close);
        self.closed = true;
        for ticket in 0..self.tickets.bound() {
            let standing = self.tickets.at(ticket).map(|(_, waiter)| waiter.state);
            if let Some(Standing::Waiting { .. } | Standing::Granted(_)) = standing {
                self.leave_line(ticket);
                self.fail(ticket, Unavailable::Closed);
            }
        }
        for conn in 0..self.conns.bound() {
            match self.conns.at(conn).map(|(_, it)| &it.state) {
                Some(State::Dialing(_)) => self.abandon(conn),
                Some(State::Idle { .. }) => self.evict(conn, Evicted::Closed),
                Some(State::Granted { .. }) => {
                    if let State::Granted { free, .. } = self.take(conn) {
                        self.close_conn(conn, free.io, Evicted::Closed);
                    }
                }
                Some(State::Leased) => {
                    self.end_age(conn);
                    self.end_peer(conn);
                }
                None => {}
            }
        }
        for key in 0..self.keys.bound() {
            if self.keys.at(key).is_some() {
                self.settle(key);
            }
        }
    }

    /// Returns the next action to perform. Any number of events may be reported before the actions
    /// are drained.
    pub fn poll_action(&mut self) -> Option<Action<T>> {
        self.actions.pop_front()
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout). The time is never later than
    /// the first expiry of an idle connection, the time to look a name up again, or the end of a
    /// shortage of descriptors that tickets wait for. It may be too early if a connection is in use
    /// when it becomes too old.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let idle = self.lru.front().and_then(|conn| self.idle_until(conn));
        [idle, self.first_age(), self.first_look_up(), self.shortage_until()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Closes connections that were idle or open for too long, asks for the look-ups that are due,
    /// and retries dials after a shortage of descriptors. It need not be called in time, because the
    /// other methods check the times themselves; only look-ups then come later.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.event(now, Input::Timeout);
        while let Some(conn) = self.lru.front()
            && self.idle_until(conn).is_some_and(|until| until <= self.now)
        {
            self.sweep(conn, Evicted::Idle);
        }
        self.sweep_aged();
        self.look_up_due();
        self.take_turns();
    }

    /// Returns the dial that runs for a waiting ticket.
    pub fn dial_of(&self, ticket: Ticket) -> Option<ConnId> {
        match self.tickets.get(ticket.index, ticket.generation)?.state {
            Standing::Waiting { dial } => dial.map(|dial| self.name(dial)),
            Standing::Granted(_) | Standing::Failed(_) => None,
        }
    }

    /// Returns whether a connection exists: dialed, idle or leased.
    pub(crate) fn has(&self, conn: ConnId) -> bool {
        self.conns.get(conn.index, conn.generation).is_some()
    }

    /// Returns the key of a connection.
    pub(crate) fn key_of(&self, conn: ConnId) -> Option<&Key> {
        let conn = self.conns.get(conn.index, conn.generation)?;
        Some(&self.keys[conn.key].name)
    }

    /// Returns the ticket that would fail if the dial failed now: see
    /// [`dial_failed`](Self::dial_failed).
    pub(crate) fn payer_of(&self, conn: ConnId, why: DialError) -> Option<Ticket> {
        match self.conns.get(conn.index, conn.generation)?.state {
            State::Dialing(_) if self.is_begun_again(conn.index, why) => None,
            State::Dialing(Dialed { ticket: Some(index), adopted: false, .. }) => {
                Some(Ticket { index, generation: self.tickets.generation(index) })
            }
            State::Dialing(_) | State::Idle { .. } | State::Granted { .. } | State::Leased => None,
        }
    }

    /// Returns the ticket that a dial runs for.
    pub(crate) fn ticket_of(&self, conn: ConnId) -> Option<Ticket> {
        match self.conns.get(conn.index, conn.generation)?.state {
            State::Dialing(Dialed { ticket: Some(index), .. }) => {
                Some(Ticket { index, generation: self.tickets.generation(index) })
            }
            State::Dialing(_) | State::Idle { .. } | State::Granted { .. } | State::Leased => None,
        }
    }

    /// Returns the numbers of connections and waiting tickets, over all keys.
    pub fn stats(&self) -> Stats {
        let (open, idle, dialing) = (self.conns.len(), self.lru.len(), self.dialing);
        Stats { open, idle, dialing, leased: open - idle - dialing, waiting: self.waiting }
    }

    /// Returns the numbers of connections and waiting tickets of one key.
    pub fn key_stats(&self, key: &Key) -> Stats {
        let Some(entry) = self.known(key).map(|key| &self.keys[key]) else {
            return Stats::default();
        };
        let (open, idle, dialing) = (entry.open, entry.idle.len(), entry.dialing);
        Stats { open, idle, dialing, leased: open - idle - dialing, waiting: entry.waiting() }
    }

    /// Checks all invariants of the pool, for tests and simulators. Takes time linear in the size
    /// of the pool.
    ///
    /// - Each connection is in one place, and each counter equals the length that it counts.
    /// - The limits hold: on all connections; for each key, on connections, dials and idle ones.
    /// - No connection is idle that a waiting ticket could use.
    /// - Each waiting ticket has a dial, or its key is in a ring, or its key has reached a limit of
    ///   its own and has connections in use or being dialed.
    /// - A key is in a ring only if the limit on all connections is reached and none is idle.
    ///   (After a shortage of descriptors, a lower limit applies for a while.)
    /// - Dials and tickets point at each other. An orphan is a dial that the pool must not abandon,
    ///   and no ticket without a dial waits beside it.
    /// - Idle connections are in the order of their expiry, all connections in the order of their
    ///   age.
    /// - A name is looked up again, or will be, if a connection to one of its addresses can be used
    ///   again, and only then.
    /// - Unused keys are removed, and a closed pool has leased connections only.
    ///
    /// The order of the queue cannot be seen from one state, so the tests compare it with a model.
    ///
    /// # Errors
    /// A description of the first invariant that does not hold, which is a bug in the pool.
    pub fn check(&self) -> Result<(), String> {
        super::check::walk(self)
    }
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        f.debug_struct("Pool").field("stats", &stats).field("closed", &self.closed).finish()
    }
}

impl<T> Pool<T> {
    fn admit(&mut self, key: &Key, want: Want) -> Result<Ticket, Unavailable> {
        if self.closed {
            return Err(Unavailable::Closed);
        }
        if self.budget.as_ref().is_some_and(|budget| !budget.covers(want)) {
            return Err(Unavailable::RetryBudget);
        }
        let mut known = self.known(key);
        let hit = known.filter(|_| !want.fresh).and_then(|key| self.newest_idle(key));
        if hit.is_none()
            && let Some(why) = self.full_line(known)
        {
            // Connections that were too old are closed by now, and others may have taken their
            // places.
            match known {
                Some(key) => self.settle(key),
                None => self.take_turns(),
            }
            known = self.known(key);
            if mutated(Mutation::RefusedThoughFree) || !self.dials_at_once(known, want.fresh) {
                return Err(why);
            }
        }
        if let Some(budget) = &mut self.budget {
            budget.charge(want);
        }
        let key = known.unwrap_or_else(|| self.intern(key));
        let state = Standing::Waiting { dial: None };
        let (index, generation) = self.tickets.insert(Waiter {
            key,
            want,
            state,
            told: None,
            in_line: Default::default(),
            undialed: Default::default(),
        });
        if let Some(conn) = hit {
            self.grant_idle(index, conn);
        } else {
            self.join_line(index);
            self.settle(key);
        }
        Ok(Ticket { index, generation })
    }

    /// Returns the reason why no more tickets may wait, if a limit is reached.
    fn full_line(&self, key: Option<u32>) -> Option<Unavailable> {
        let own = key.map_or(0, |key| self.keys[key].waiting());
        if own >= self.limits.waiting_per_key_max {
            Some(Unavailable::KeyLineFull)
        } else if self.waiting >= self.limits.waiting_max {
            Some(Unavailable::LineFull)
        } else {
            None
        }
    }

    fn hand_over(&mut self, ticket: Ticket) -> Claim<T> {
        let Some(waiter) = self.tickets.get_mut(ticket.index, ticket.generation) else {
            return Claim::Failed(Unavailable::Spent);
        };
        let conn = match waiter.state {
            Standing::Waiting { dial } => {
                waiter.told = Some(dial.is_some());
                return Claim::Wait { dialing: dial.is_some() };
            }
            Standing::Granted(conn) => conn,
            Standing::Failed(why) => {
                self.tickets.remove_at(ticket.index);
                return Claim::Failed(why);
            }
        };
        let want = waiter.want;
        self.tickets.remove_at(ticket.index);
        let lease = Lease { conn: self.name(conn) };
        self.keys[self.conns[conn].key].uses.leases += 1;
        match self.take(conn) {
            State::Granted { free: Free { io, fresh: true, .. }, .. } => Claim::Fresh { lease, io },
            State::Granted { free: Free { io, since, .. }, .. } => {
                Claim::Reuse { lease, io, probe: self.probes(want, since) }
            }
            State::Dialing(_) | State::Idle { .. } | State::Leased => {
                unreachable!("a granted ticket names a granted connection")
            }
        }
    }

    /// Returns whether a connection that was last used at `since` must be probed before its next
    /// use.
    fn probes(&self, want: Want, since: Instant) -> bool {
        let silent = self.now.since(since);
        if mutated(Mutation::UnprobedReuse) && silent < Duration::from_millis(1) {
            return !want.repeatable;
        }
        !want.repeatable || silent >= self.limits.probe_after
    }

    fn close_stale(&mut self, conn: ConnId, io: T) {
        let why = if self.closed { Evicted::Closed } else { Evicted::Surplus };
        self.act(Action::Close { conn, io, why });
    }

    pub(super) fn sweep(&mut self, conn: u32, why: Evicted) {
        let key = self.conns[conn].key;
        self.evict(conn, why);
        self.settle(key);
    }

    fn idle_until(&self, conn: u32) -> Option<Instant> {
        match self.conns[conn].state {
            State::Idle { parked, .. } => parked.reachable(self.limits.idle_max),
            State::Dialing(_) | State::Granted { .. } | State::Leased => None,
        }
    }

    #[inline]
    pub(super) fn event(&mut self, now: Instant, input: Input<'_>) {
        self.now = self.now.max(now);
        self.trace.event(self.now, input);
    }

    fn answer(&mut self, text: fmt::Arguments<'_>) {
        self.trace.action(self.now, text);
    }

    pub(super) fn act(&mut self, action: Action<T>) {
        self.trace.action(self.now, format_args!("{action}"));
        self.actions.push_back(action);
    }
}
