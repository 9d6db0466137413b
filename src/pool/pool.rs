//! The pool's methods: each notes the event, changes one thing, and settles what follows from it.

use alloc::{
    collections::{BTreeMap, VecDeque},
    string::String,
};
use core::{fmt, time::Duration};

use super::{
    Action, Checkin, Claim, Evicted, Lease, Stats, Ticket, Want,
    budget::Bucket,
    list::List,
    shortage::Room,
    table::{ByAge, ByUse, Conn, Dialing, Entry, Free, Standing, State, Turn, Waiter},
};
use crate::{
    error::{DialError, Unavailable},
    id::{ConnId, Slab},
    limits::PoolLimits,
    message::Key,
    mutation::{Mutation, mutated},
    time::Instant,
    trace::{Named, Trace},
};

/// Who may use which connection; see the [module](super).
///
/// `T` is what a driver keeps with a connection. Every method is O(1) (O(log keys) to look a key up;
/// [`handle_timeout`](Self::handle_timeout) and [`close`](Self::close) in the number of connections
/// they let go), does no I/O and, once the pool has been as full as it gets, allocates nothing: short
/// enough for a mutex. Methods that take `now` may be handed a time before the last one, as happens
/// between threads; it then counts as the last one.
#[cfg_attr(test, derive(Clone))]
pub struct Pool<T> {
    pub(super) limits: PoolLimits,
    pub(super) names: BTreeMap<Key, u32>,
    pub(super) keys: Slab<Entry>,
    pub(super) conns: Slab<Conn<T>>,
    pub(super) tickets: Slab<Waiter>,
    /// Idle, over all keys: the next to be evicted or swept in front.
    pub(super) lru: List<ByUse>,
    /// Open, over all keys, for the sweep by age; one that was in use when its time came is no
    /// longer here. Empty without `age_max`.
    pub(super) ages: List<ByAge>,
    /// Keys that would dial, have nothing open and find no room. They come before `held`.
    pub(super) stranded: List<Turn>,
    /// Keys that would dial, have something open and find no room for more.
    pub(super) held: List<Turn>,
    pub(super) dialing: usize,
    pub(super) waiting: usize,
    /// For how many connections there is room: less than `open_max` for a while after a shortage.
    pub(super) room: Room,
    /// How many connections and dials were let go in all, but for dials that found no descriptor.
    pub(super) gone: u64,
    pub(super) budget: Option<Bucket>,
    pub(super) closed: bool,
    /// The latest time that was told.
    pub(super) now: Instant,
    pub(super) actions: VecDeque<Action<T>>,
    pub(super) trace: Trace,
}

impl<T> Pool<T> {
    /// An empty pool.
    pub fn new(limits: PoolLimits) -> Self {
        Self {
            limits: PoolLimits {
                open_max: limits.open_max.max(1),
                open_per_key_max: limits.open_per_key_max.max(1),
                dialing_per_key_max: limits.dialing_per_key_max.max(1),
                waiting_max: limits.waiting_max.max(1),
                waiting_per_key_max: limits.waiting_per_key_max.max(1),
                ..limits
            },
            names: BTreeMap::new(),
            keys: Slab::new(),
            conns: Slab::new(),
            tickets: Slab::new(),
            lru: List::new(),
            ages: List::new(),
            stranded: List::new(),
            held: List::new(),
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

    /// Takes a place in line for a connection to `key`.
    ///
    /// Ask [`claim`](Self::claim) at once: on a hit it is answered, and a ticket is woken only after
    /// it was told to wait.
    ///
    /// # Errors
    /// [`Unavailable::Closed`], [`RetryBudget`](Unavailable::RetryBudget), or where the ticket
    /// would have to wait [`KeyLineFull`](Unavailable::KeyLineFull) and
    /// [`LineFull`](Unavailable::LineFull).
    pub fn checkout(&mut self, key: &Key, want: Want, now: Instant) -> Result<Ticket, Unavailable> {
        self.now = self.now.max(now);
        self.note_checkout(key, want);
        let answer = self.admit(key, want);
        match &answer {
            Ok(ticket) => self.answer(format_args!("admit {ticket}")),
            Err(why) => {
                let named = Named(why);
                self.trace.action_as(
                    self.now,
                    format_args!("refuse {why}"),
                    format_args!("refuse {named}"),
                );
            }
        }
        answer
    }

    /// What has become of a ticket. Any answer but [`Claim::Wait`] spends it.
    pub fn claim(&mut self, ticket: Ticket, now: Instant) -> Claim<T> {
        self.event(now, format_args!("claim {ticket}"));
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
            Claim::Failed(why) => {
                let named = Named(why);
                self.trace.action_as(
                    self.now,
                    format_args!("fail {ticket} {why}"),
                    format_args!("fail {ticket} {named}"),
                );
            }
        }
        claim
    }

    /// Gives a ticket up, in whatever state; what it had been granted goes to the next. A spent one
    /// is ignored.
    pub fn cancel(&mut self, ticket: Ticket, now: Instant) {
        self.event(now, format_args!("cancel {ticket}"));
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

    /// Gives a lease back. A connection of another pool's lease comes out again as
    /// [`Action::Close`].
    pub fn checkin(&mut self, lease: Lease, how: Checkin<T>, now: Instant) {
        let Lease { conn } = lease;
        let word = if matches!(how, Checkin::Keep(_)) { "keep" } else { "discard" };
        self.event(now, format_args!("checkin {conn} {word}"));
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

    /// A dial is too far on to be abandoned when its ticket is served otherwise: TCP is up. It is
    /// then finished, and parked if nobody waits. With `own_dials` this changes nothing: the pool
    /// abandons no thread's dial but by [`close`](Self::close).
    pub fn dial_connected(&mut self, conn: ConnId) {
        self.event(self.now, format_args!("connected {conn}"));
        if self.is_dial(conn) {
            self.keep_dial(conn.index);
        }
    }

    /// A dial has ended well. Of a stale name, `io` comes out again as [`Action::Close`].
    pub fn dialed(&mut self, conn: ConnId, io: T, now: Instant) {
        self.event(now, format_args!("dialed {conn}"));
        if !self.is_dial(conn) {
            return self.close_stale(conn, io);
        }
        let key = self.conns[conn.index].key;
        let adopted = self.dial(conn.index).adopted;
        let wisher = self.end_dial(conn.index);
        let mut first = wisher;
        if adopted || !self.limits.own_dials {
            first = self.keys[key].front(true);
            self.exchange(wisher, first);
        }
        self.conns[conn.index].opened = self.now;
        if self.limits.age_max.is_some() {
            self.ages.push_back(&mut self.conns, conn.index);
        }
        self.offer(conn.index, Free { io, since: self.now, fresh: true }, first);
        self.settle(key);
    }

    /// A dial has failed. The ticket at whose wish it ran pays for it, if it still waits; if not,
    /// whoever was to profit gets another dial. A stale name is ignored.
    ///
    /// `Connect(Exhausted)` says that there was no descriptor: the ticket then gets another dial as
    /// well, in place of an idle connection or when one comes back, unless nothing else is open.
    pub fn dial_failed(&mut self, conn: ConnId, why: DialError, now: Instant) {
        self.now = self.now.max(now);
        let named = Named(why);
        self.trace.event_as(
            self.now,
            format_args!("dial failed {conn} {why}"),
            format_args!("dial-failed {conn} {named}"),
        );
        self.lose_dial(conn, Some(why));
    }

    /// A dial has been given up before TCP was up, and its socket closed: by a thread whose ticket
    /// was served otherwise or cancelled (`own_dials`). Nobody pays for it: whoever counted on it
    /// gets another. A stale name is ignored.
    pub fn dial_abandoned(&mut self, conn: ConnId, now: Instant) {
        self.now = self.now.max(now);
        self.trace.event_as(
            self.now,
            format_args!("dial abandoned {conn}"),
            format_args!("dial-abandoned {conn}"),
        );
        self.lose_dial(conn, None);
    }

    /// A connection in the pool was closed by its peer, or spoke unasked. One that had been granted
    /// and not claimed costs its ticket nothing: that stands in front of the line again, even if
    /// the line is full. A stale name, or that of a leased connection, is ignored.
    pub fn idle_lost(&mut self, conn: ConnId) {
        self.event(self.now, format_args!("lost {conn}"));
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

    /// Closes what is idle or granted, abandons dials, answers all tickets with [`Claim::Failed`],
    /// refuses new ones. What is leased is closed when it comes back.
    pub fn close(&mut self) {
        self.event(self.now, format_args!("close"));
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
                Some(State::Leased) => self.ages.remove(&mut self.conns, conn),
                None => {}
            }
        }
        for key in 0..self.keys.bound() {
            if self.keys.at(key).is_some() {
                self.settle(key);
            }
        }
    }

    /// The next thing to do. Any number of events may be handed in before a drain.
    pub fn poll_action(&mut self) -> Option<Action<T>> {
        self.actions.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout): never later than the first idle
    /// connection's time is over, or a shortage of descriptors that a ticket waits out. It may be
    /// early, for a connection that is in use when it has grown too old.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let idle = self.lru.front().and_then(|conn| self.idle_until(conn));
        let age = self.ages.front().and_then(|conn| self.age_until(conn));
        [idle, age, self.shortage_until()].into_iter().flatten().min()
    }

    /// Closes what has been idle or open for too long, and tries again to open what there were no
    /// descriptors for. Nothing depends on its being called in time: the other methods look at the
    /// clock themselves.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.event(now, format_args!("timeout"));
        while let Some(conn) = self.lru.front()
            && self.idle_until(conn).is_some_and(|until| until <= self.now)
        {
            self.sweep(conn, Evicted::Idle);
        }
        while let Some(conn) = self.ages.front()
            && self.age_until(conn).is_some_and(|until| until <= self.now)
        {
            self.ages.remove(&mut self.conns, conn);
            if matches!(self.conns[conn].state, State::Idle { .. }) {
                self.sweep(conn, Evicted::Age);
            }
        }
        self.take_turns();
    }

    /// The dial under way on behalf of a ticket that waits.
    pub fn dial_of(&self, ticket: Ticket) -> Option<ConnId> {
        match self.tickets.get(ticket.index, ticket.generation)?.state {
            Standing::Waiting { dial } => dial.map(|dial| self.name(dial)),
            Standing::Granted(_) | Standing::Failed(_) => None,
        }
    }

    /// The ticket that would pay if the dial failed now: see [`dial_failed`](Self::dial_failed).
    pub(crate) fn payer_of(&self, conn: ConnId, why: DialError) -> Option<Ticket> {
        match self.conns.get(conn.index, conn.generation)?.state {
            State::Dialing(_) if self.is_begun_again(conn.index, why) => None,
            State::Dialing(Dialing { ticket: Some(index), adopted: false, .. }) => {
                Some(Ticket { index, generation: self.tickets.generation(index) })
            }
            State::Dialing(_) | State::Idle { .. } | State::Granted { .. } | State::Leased => None,
        }
    }

    /// The ticket on whose behalf a dial runs.
    pub(crate) fn ticket_of(&self, conn: ConnId) -> Option<Ticket> {
        match self.conns.get(conn.index, conn.generation)?.state {
            State::Dialing(Dialing { ticket: Some(index), .. }) => {
                Some(Ticket { index, generation: self.tickets.generation(index) })
            }
            State::Dialing(_) | State::Idle { .. } | State::Granted { .. } | State::Leased => None,
        }
    }

    /// How many of what, over all keys.
    pub fn stats(&self) -> Stats {
        let (open, idle, dialing) = (self.conns.len(), self.lru.len(), self.dialing);
        Stats { open, idle, dialing, leased: open - idle - dialing, waiting: self.waiting }
    }

    /// How many of what, of one key.
    pub fn key_stats(&self, key: &Key) -> Stats {
        let Some(entry) = self.names.get(key).map(|key| &self.keys[*key]) else {
            return Stats::default();
        };
        let (open, idle, dialing) = (entry.open, entry.idle.len(), entry.dialing);
        Stats { open, idle, dialing, leased: open - idle - dialing, waiting: entry.waiting() }
    }

    /// Walks the whole pool and compares it with its invariants, for tests and simulators. It takes
    /// time in proportion to what the pool holds.
    ///
    /// - Each connection is in one place, and counts equal the lengths of what they count.
    /// - The bounds hold: over all, and for each key connections, dials and idle ones.
    /// - Where a ticket waits that an idle connection could serve, none is idle.
    /// - Each ticket in line has a dial, or its key's turn to dial comes, or its key has reached a
    ///   bound of its own and connections under way.
    /// - A turn is waited for only while the bound on all connections is reached (for a while after
    ///   a shortage of descriptors, that of those that were open then) and nothing is idle.
    /// - Dials and tickets point at each other. A dial that nobody waits for is one that the pool does
    ///   not abandon, and there is none beside a ticket that has no dial.
    /// - Idle connections stand in the order of their expiry, all by the order of their age.
    /// - A key that nothing refers to is forgotten, and a closed pool keeps leased connections only.
    ///
    /// First come, first served is an order in time, which no one moment shows: the tests hold it
    /// against a model.
    ///
    /// # Errors
    /// The first invariant that does not hold, in words: a bug in the pool.
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
        let mut known = self.names.get(key).copied();
        let hit = known.filter(|_| !want.fresh).and_then(|key| self.newest_idle(key));
        if hit.is_none()
            && let Some(why) = self.full_line(known)
        {
            // What was too old is closed by now, and its place may be somebody's.
            match known {
                Some(key) => self.settle(key),
                None => self.take_turns(),
            }
            known = self.names.get(key).copied();
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

    /// Why one more ticket may not wait.
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

    /// Whether a connection that has been silent since then is probed before it is used.
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

    fn sweep(&mut self, conn: u32, why: Evicted) {
        let key = self.conns[conn].key;
        self.evict(conn, why);
        self.settle(key);
    }

    fn idle_until(&self, conn: u32) -> Option<Instant> {
        match self.conns[conn].state {
            State::Idle { parked, .. } => after(parked, self.limits.idle_max),
            State::Dialing(_) | State::Granted { .. } | State::Leased => None,
        }
    }

    fn age_until(&self, conn: u32) -> Option<Instant> {
        after(self.conns[conn].opened, self.limits.age_max?)
    }

    fn event(&mut self, now: Instant, text: fmt::Arguments<'_>) {
        self.now = self.now.max(now);
        self.trace.event(self.now, text);
    }

    fn answer(&mut self, text: fmt::Arguments<'_>) {
        self.trace.action(self.now, text);
    }

    pub(super) fn act(&mut self, action: Action<T>) {
        self.trace.action(self.now, format_args!("{action}"));
        self.actions.push_back(action);
    }
}

/// None for a time too far off to come.
fn after(start: Instant, delay: Duration) -> Option<Instant> {
    Some(start.after(delay)).filter(|at| *at < Instant::from_nanos(u64::MAX))
}
