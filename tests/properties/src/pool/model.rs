//! Implements the pool's rules slowly and simply: everything is a list that is searched.

use core::time::Duration;
use std::collections::VecDeque;

use httpool::{
    error::{DialError, Unavailable},
    limits::PoolLimits,
    pool::{Dialing, Evicted, Want},
};

use super::state::{Answer, Conn, Deed, Place, SHORT, Standing, Ticket};

mod closing;
mod fresh_names;
mod times;

use fresh_names::LookUps;

#[derive(Debug)]
pub(super) struct Model {
    limits: PoolLimits,
    dialing: Dialing,
    pub(super) now: Duration,
    closed: bool,
    /// All connections so far, in the order of their dials.
    pub(super) conns: Vec<Conn>,
    /// All tickets so far.
    pub(super) tickets: Vec<Ticket>,
    /// The tickets that wait, of all keys, first come first served.
    line: VecDeque<usize>,
    /// Those of `line` that have no dial.
    undialed: VecDeque<usize>,
    idle: Vec<usize>,
    orphans: Vec<usize>,
    /// The keys with idle connections, in the order in which they last got one back.
    warm: Vec<usize>,
    /// The number of connections opened so far.
    opened: usize,
    stranded: Vec<usize>,
    held: Vec<usize>,
    retry_cents: u32,
    /// The most connections allowed now. A shortage of descriptors lowers it until `short_until`.
    room: usize,
    short_until: Option<Duration>,
    /// The number of connections that have ended, except dials without a descriptor.
    gone: u64,
    pub(super) deeds: Vec<Deed>,
    /// The look-ups of each key's name.
    look_ups: [LookUps; KEYS],
    /// The key of each look-up so far, until it is answered.
    pub(super) asked: Vec<Option<usize>>,
    /// The keys whose name is looked up again, with the time, in the order of the plans.
    due: Vec<(Duration, usize)>,
}

const KEYS: usize = 3;

impl Model {
    pub(super) fn new(limits: PoolLimits, dialing: Dialing) -> Self {
        Self {
            limits,
            dialing,
            now: Duration::ZERO,
            closed: false,
            conns: Vec::new(),
            tickets: Vec::new(),
            line: VecDeque::new(),
            undialed: VecDeque::new(),
            idle: Vec::new(),
            orphans: Vec::new(),
            warm: Vec::new(),
            opened: 0,
            stranded: Vec::new(),
            held: Vec::new(),
            retry_cents: limits.retry_budget.map_or(0, |it| it.burst * 100),
            room: limits.open_max,
            short_until: None,
            gone: 0,
            deeds: Vec::new(),
            look_ups: Default::default(),
            asked: Vec::new(),
            due: Vec::new(),
        }
    }

    pub(super) fn checkout(&mut self, key: usize, want: Want) -> Result<usize, Unavailable> {
        if self.closed {
            return Err(Unavailable::Closed);
        }
        if self.limits.retry_budget.is_some() && want.retry && self.retry_cents < 100 {
            return Err(Unavailable::RetryBudget);
        }
        let hit = if want.fresh { None } else { self.newest_idle(key) };
        let own = self.line.iter().filter(|it| self.tickets[**it].key == key).count();
        let full = if own >= self.limits.waiting_per_key_max {
            Some(Unavailable::KeyLineFull)
        } else if self.line.len() >= self.limits.waiting_max {
            Some(Unavailable::LineFull)
        } else {
            None
        };
        if let (None, Some(why)) = (hit, full) {
            self.settle(key);
            self.forget_unused();
            if !self.dials_at_once(key, want.fresh) {
                return Err(why);
            }
        }
        if let Some(budget) = self.limits.retry_budget {
            if want.retry {
                self.retry_cents -= 100;
            } else if !want.fresh {
                self.retry_cents = (self.retry_cents + budget.percent).min(budget.burst * 100);
            }
        }
        let ticket = self.tickets.len();
        self.tickets.push(Ticket { key, want, standing: Standing::Waiting { dial: None } });
        match hit {
            Some(conn) => self.grant_idle(ticket, conn),
            None => {
                self.line.push_back(ticket);
                if !self.adopt_orphan(ticket) {
                    self.undialed.push_back(ticket);
                }
                self.settle(key);
            }
        }
        Ok(ticket)
    }

    pub(super) fn claim(&mut self, ticket: usize) -> Answer {
        let standing = self.tickets[ticket].standing;
        if let Standing::Waiting { dial } = standing {
            return Answer::Wait { dialing: dial.is_some() };
        }
        self.tickets[ticket].standing = Standing::Spent;
        match standing {
            Standing::Granted(conn) => {
                let Place::Granted { since, fresh, .. } = self.conns[conn].place else { panic!() };
                self.conns[conn].place = Place::Leased;
                let io = self.conns[conn].io;
                let repeatable = self.tickets[ticket].want.repeatable;
                let probe = !repeatable || self.now - since >= self.limits.probe_after;
                if fresh { Answer::Fresh { conn, io } } else { Answer::Reuse { conn, io, probe } }
            }
            Standing::Failed(why) => Answer::Failed(why),
            Standing::Spent | Standing::Waiting { .. } => Answer::Failed(Unavailable::Spent),
        }
    }

    pub(super) fn cancel(&mut self, ticket: usize) {
        let (key, standing) = (self.tickets[ticket].key, self.tickets[ticket].standing);
        match standing {
            Standing::Waiting { .. } => self.leave(ticket),
            Standing::Granted(conn) => {
                let Place::Granted { since, fresh, .. } = self.conns[conn].place else { panic!() };
                self.offer(conn, since, fresh, None);
            }
            Standing::Failed(_) | Standing::Spent => {}
        }
        self.tickets[ticket].standing = Standing::Spent;
        if !matches!(standing, Standing::Failed(_) | Standing::Spent) {
            self.settle(key);
        }
    }

    pub(super) fn checkin(&mut self, conn: usize, keep: bool) {
        if keep {
            self.offer(conn, self.now, false, None);
        } else {
            self.conns[conn].place = Place::Gone;
            self.gone += 1;
        }
        self.settle(self.conns[conn].key);
    }

    pub(super) fn connected(&mut self, conn: usize) {
        if let Place::Dialing { kept, .. } = &mut self.conns[conn].place {
            *kept = true;
        }
    }

    pub(super) fn dialed(&mut self, conn: usize, io: u32, peer: u8) {
        let Place::Dialing { ticket: wisher, own, .. } = self.conns[conn].place else {
            let why = if self.closed { Evicted::Closed } else { Evicted::Surplus };
            return self.deeds.push(Deed::Close { conn, io, why });
        };
        let key = self.conns[conn].key;
        self.orphans.retain(|it| *it != conn);
        // Connections that are opened one after the other get ends that lie far apart: the bits of
        // their number, in reverse.
        let (group, order) = ((self.opened % 16) as u8, self.opened);
        self.opened += 1;
        let it = &mut self.conns[conn];
        (it.place, it.io, it.opened) = (Place::Leased, io, self.now);
        it.group = group.reverse_bits() >> 4;
        (it.peer, it.order) = (peer, order);
        let mine = self.dialing == Dialing::PerThread && own;
        let first = if mine { wisher } else { self.front(key, true) };
        if let Some(wisher) = wisher {
            self.tickets[wisher].standing = Standing::Waiting { dial: None };
        }
        if wisher != first {
            let spare = first.and_then(|it| self.lose_dial(it));
            match (wisher, spare) {
                (Some(wisher), Some(spare)) => self.adopt(spare, wisher),
                (Some(wisher), None) => self.seek_dial(wisher),
                (None, Some(spare)) => self.release_dial(spare),
                (None, None) => {}
            }
        }
        if self.is_outdated(conn) {
            if first.or_else(|| self.front(key, true)).is_some() {
                self.offer(conn, self.now, true, first);
                self.conns[conn].retired = Some(Evicted::AddressGone);
            } else {
                self.close_conn(conn, Evicted::AddressGone);
            }
        } else {
            self.plan_look_up(key);
            self.offer(conn, self.now, true, first);
        }
        self.settle(key);
    }

    /// Handles a failed dial. `why` is `None` if its thread abandoned it.
    pub(super) fn dial_failed(&mut self, conn: usize, why: Option<DialError>) {
        let Place::Dialing { ticket, own, .. } = self.conns[conn].place else { return };
        let open = self.stats(None)[0];
        // Dials again if another connection is open, which may return or be closed, or if one has
        // ended since this dial began, which freed a descriptor.
        let again = why == Some(SHORT) && (open > 1 || self.gone > self.conns[conn].gone);
        self.orphans.retain(|it| *it != conn);
        self.conns[conn].place = Place::Gone;
        if why == Some(SHORT) {
            self.room = (open - 1).max(1);
            self.short_until = Some(self.now + Duration::from_secs(1));
        } else {
            self.gone += 1;
        }
        if let Some(ticket) = ticket {
            self.tickets[ticket].standing = Standing::Waiting { dial: None };
            match why {
                Some(why) if own && !again => {
                    self.leave(ticket);
                    self.tickets[ticket].standing = Standing::Failed(Unavailable::Dial(why));
                }
                _ => self.seek_dial(ticket),
            }
        }
        self.settle(self.conns[conn].key);
    }

    pub(super) fn idle_lost(&mut self, conn: usize) {
        let key = self.conns[conn].key;
        match self.conns[conn].place {
            Place::Idle { .. } => self.evict(conn, Evicted::Lost),
            Place::Granted { ticket, .. } => {
                self.close_conn(conn, Evicted::Lost);
                self.stand_again(ticket);
            }
            Place::Dialing { .. } | Place::Leased | Place::Gone => return,
        }
        self.settle(key);
    }

    /// Puts a ticket back to the front of the line, after its granted connection has ended.
    fn stand_again(&mut self, ticket: usize) {
        let Ticket { key, want, .. } = self.tickets[ticket];
        let other = if want.fresh { None } else { self.newest_idle(key) };
        if let Some(other) = other {
            self.grant_idle(ticket, other);
        } else {
            self.tickets[ticket].standing = Standing::Waiting { dial: None };
            self.line.push_front(ticket);
            self.seek_dial(ticket);
        }
    }

    /// Whether a new ticket would get a dial at once.
    fn dials_at_once(&self, key: usize, fresh: bool) -> bool {
        if self.orphans.iter().any(|it| self.conns[*it].key == key) {
            return true;
        }
        let mut ahead = self.undialed.iter().map(|it| &self.tickets[*it]);
        if ahead.any(|it| it.key == key && (it.want.fresh || !fresh)) {
            return false;
        }
        let ([open, idle, _, dialing, _], all) = (self.stats(Some(key)), self.stats(None));
        let has_room = if open < self.limits.open_per_key_max {
            all[0] < self.room || all[1] > 0
        } else {
            idle > 0
        };
        has_room && dialing < self.limits.dialing_per_key_max
    }

    /// Counts connections that are open, idle, leased and dialing, and tickets that wait. `None`
    /// counts all keys.
    pub(super) fn stats(&self, key: Option<usize>) -> [usize; 5] {
        let of = |what: fn(&Place) -> bool| {
            let ours = self.conns.iter().filter(|it| key.is_none_or(|key| it.key == key));
            ours.filter(|it| what(&it.place)).count()
        };
        let ours = |it: &&usize| key.is_none_or(|key| self.tickets[**it].key == key);
        [
            of(|it| *it != Place::Gone),
            of(|it| matches!(it, Place::Idle { .. })),
            of(|it| matches!(it, Place::Granted { .. } | Place::Leased)),
            of(|it| matches!(it, Place::Dialing { .. })),
            self.line.iter().filter(ours).count(),
        ]
    }

    /// Counts the calls of a key: tickets that are not spent, and leases.
    pub(super) fn calls(&self, key: usize) -> usize {
        let tickets = self.tickets.iter().filter(|it| it.key == key);
        let leased = self.conns.iter().filter(|it| it.key == key && it.place == Place::Leased);
        tickets.filter(|it| it.standing != Standing::Spent).count() + leased.count()
    }

    /// Returns the first ticket in line that can use a connection.
    fn front(&self, key: usize, fresh: bool) -> Option<usize> {
        let of = |wants: bool| {
            let mut line = self.line.iter().copied();
            line.find(|it| self.tickets[*it].key == key && self.tickets[*it].want.fresh == wants)
        };
        (if fresh { of(true) } else { None }).or_else(|| of(false))
    }

    fn first_undialed(&self, key: usize) -> Option<usize> {
        let of = |wants: bool| {
            let mut line = self.undialed.iter().copied();
            line.find(|it| self.tickets[*it].key == key && self.tickets[*it].want.fresh == wants)
        };
        of(true).or_else(|| of(false))
    }

    fn newest_idle(&mut self, key: usize) -> Option<usize> {
        loop {
            let conn = self.idle.iter().copied().rfind(|it| self.conns[*it].key == key)?;
            let Place::Idle { since, .. } = self.conns[conn].place else { panic!() };
            if self.now - since >= self.limits.idle_max {
                self.evict(conn, Evicted::Idle);
            } else if self.is_aged(conn) {
                self.evict(conn, Evicted::Age);
            } else {
                return Some(conn);
            }
        }
    }

    fn offer(&mut self, conn: usize, since: Duration, fresh: bool, first: Option<usize>) {
        let key = self.conns[conn].key;
        if self.closed {
            return self.close_conn(conn, Evicted::Closed);
        }
        if !fresh && self.is_aged(conn) {
            return self.close_conn(conn, Evicted::Age);
        }
        if let Some(why) = self.conns[conn].retired {
            return self.close_conn(conn, why);
        }
        if !fresh && !self.stranded.is_empty() {
            return self.close_conn(conn, Evicted::MadeRoom);
        }
        if let Some(ticket) = first.or_else(|| self.front(key, fresh)) {
            return self.grant(ticket, conn, since, fresh);
        }
        if self.stats(Some(key))[1] >= self.limits.idle_per_key_max {
            return self.close_conn(conn, Evicted::Surplus);
        }
        if !self.warm.contains(&key) && self.warm.len() >= self.limits.idle_keys_max {
            let Some(oldest) = self.warm.first().copied() else {
                return self.close_conn(conn, Evicted::Surplus);
            };
            let of = |it: &usize| self.conns[*it].key == oldest;
            for other in self.idle.iter().copied().filter(of).collect::<Vec<_>>() {
                self.evict(other, Evicted::Surplus);
            }
            self.queue_up(oldest);
        }
        self.conns[conn].place = Place::Idle { since, parked: self.now };
        self.idle.push(conn);
        self.warm.retain(|it| *it != key);
        self.warm.push(key);
    }

    /// Takes a connection off the list of idle ones.
    fn unpark(&mut self, conn: usize) {
        self.idle.retain(|it| *it != conn);
        let Self { warm, idle, conns, .. } = self;
        warm.retain(|key| idle.iter().any(|it| conns[*it].key == *key));
    }

    fn grant(&mut self, ticket: usize, conn: usize, since: Duration, fresh: bool) {
        if self.line.contains(&ticket) {
            self.leave(ticket);
        }
        self.tickets[ticket].standing = Standing::Granted(conn);
        self.conns[conn].place = Place::Granted { ticket, since, fresh };
    }

    fn grant_idle(&mut self, ticket: usize, conn: usize) {
        let Place::Idle { since, .. } = self.conns[conn].place else { panic!() };
        self.unpark(conn);
        self.grant(ticket, conn, since, false);
    }

    fn evict(&mut self, conn: usize, why: Evicted) {
        self.unpark(conn);
        self.close_conn(conn, why);
    }

    fn close_conn(&mut self, conn: usize, why: Evicted) {
        self.conns[conn].place = Place::Gone;
        self.gone += 1;
        self.deeds.push(Deed::Close { conn, io: self.conns[conn].io, why });
    }

    fn abandon(&mut self, conn: usize) {
        self.conns[conn].place = Place::Gone;
        self.gone += 1;
        self.orphans.retain(|it| *it != conn);
        self.deeds.push(Deed::Abandon { conn });
    }

    fn leave(&mut self, ticket: usize) {
        let dial = self.lose_dial(ticket);
        self.line.retain(|it| *it != ticket);
        self.undialed.retain(|it| *it != ticket);
        if let Some(dial) = dial {
            self.release_dial(dial);
        }
    }

    fn lose_dial(&mut self, ticket: usize) -> Option<usize> {
        match &mut self.tickets[ticket].standing {
            Standing::Waiting { dial } => dial.take(),
            _ => None,
        }
    }

    /// Handles a dial whose ticket has left.
    fn release_dial(&mut self, dial: usize) {
        let key = self.conns[dial].key;
        if self.closed {
            return self.abandon(dial);
        }
        let Place::Dialing { ticket: now_for, .. } = &mut self.conns[dial].place else { panic!() };
        *now_for = None;
        if let Some(heir) = self.first_undialed(key) {
            self.undialed.retain(|it| *it != heir);
            return self.adopt(dial, heir);
        }
        let can_stop =
            |it: &Conn| it.key == key && matches!(it.place, Place::Dialing { kept: false, .. });
        let Some(youngest) = self.conns.iter().rposition(can_stop) else {
            return self.orphans.push(dial);
        };
        let Place::Dialing { ticket: heir, .. } = self.conns[youngest].place else { panic!() };
        self.abandon(youngest);
        if let Some(heir) = heir {
            self.adopt(dial, heir);
        }
    }

    fn adopt(&mut self, dial: usize, heir: usize) {
        let Place::Dialing { ticket, own, .. } = &mut self.conns[dial].place else { panic!() };
        (*ticket, *own) = (Some(heir), false);
        self.tickets[heir].standing = Standing::Waiting { dial: Some(dial) };
    }

    fn adopt_orphan(&mut self, ticket: usize) -> bool {
        let key = self.tickets[ticket].key;
        let Some(at) = self.orphans.iter().position(|it| self.conns[*it].key == key) else {
            return false;
        };
        let orphan = self.orphans.remove(at);
        self.adopt(orphan, ticket);
        true
    }

    fn seek_dial(&mut self, ticket: usize) {
        if !self.adopt_orphan(ticket) {
            self.undialed.push_front(ticket);
        }
    }

    fn settle(&mut self, key: usize) {
        self.queue_up(key);
        self.take_turns();
    }

    fn take_turns(&mut self) {
        if self.short_until.is_some_and(|until| until <= self.now) {
            (self.room, self.short_until) = (self.limits.open_max, None);
        }
        while let Some(next) = self.stranded.first().or_else(|| self.held.first()).copied() {
            let [open, ..] = self.stats(Some(next));
            let gone = self.gone;
            let full = if open >= self.limits.open_per_key_max {
                Some(self.idle.iter().copied().find(|it| self.conns[*it].key == next))
            } else if self.stats(None)[0] >= self.room {
                Some(self.idle.first().copied())
            } else {
                None
            };
            match full {
                Some(None) => return,
                Some(Some(oldest)) => {
                    self.evict(oldest, Evicted::MadeRoom);
                    if self.conns[oldest].key != next {
                        self.queue_up(self.conns[oldest].key);
                    }
                }
                None => {}
            }
            self.dial(next, gone);
            self.leave_ring(next);
            self.queue_up(next);
        }
    }

    fn dial(&mut self, key: usize, gone: u64) {
        let ticket = self.first_undialed(key).expect("a key has its turn only if it would dial");
        self.undialed.retain(|it| *it != ticket);
        let conn = self.conns.len();
        let kept = self.dialing == Dialing::PerThread;
        let place = Place::Dialing { ticket: Some(ticket), own: true, kept };
        let (opened, io, group) = (self.now, 0, 0);
        let (swept, retired, peer, order) = (false, None, 0, 0);
        let answers = self.look_ups[key].answers;
        self.conns.push(Conn {
            key,
            place,
            io,
            opened,
            group,
            gone,
            swept,
            retired,
            peer,
            order,
            answers,
        });
        self.tickets[ticket].standing = Standing::Waiting { dial: Some(conn) };
        self.deeds.push(Deed::Dial { conn, ticket, key });
    }

    fn queue_up(&mut self, key: usize) {
        assert!(key < KEYS);
        let [open, idle, _, dialing, _] = self.stats(Some(key));
        let wants = self.first_undialed(key).is_some()
            && dialing < self.limits.dialing_per_key_max
            && (open < self.limits.open_per_key_max || idle > 0);
        let ring = if open == 0 { &self.stranded } else { &self.held };
        if wants && ring.contains(&key) {
            return;
        }
        self.leave_ring(key);
        if wants {
            if open == 0 { &mut self.stranded } else { &mut self.held }.push(key);
        }
    }

    fn leave_ring(&mut self, key: usize) {
        self.stranded.retain(|it| *it != key);
        self.held.retain(|it| *it != key);
    }
}
