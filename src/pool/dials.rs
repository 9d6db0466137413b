//! Begins, reassigns and abandons dials, and decides which key may dial when there is not room for
//! all.

use core::mem;

use super::{
    Action, Dialing, Evicted, Pool, Ticket,
    list::Links,
    table::{Conn, Dialed, Entry, Standing, State},
};
use crate::{
    error::{DialError, Unavailable},
    id::ConnId,
    message::{Hop, Key, Origin},
    mutation::{Mutation, mutated},
};

impl<T> Pool<T> {
    /// Restores the pool's order after a change to `key`: updates its place in the rings, begins
    /// the dials that there is room for, and removes the key if it is unused.
    pub(super) fn settle(&mut self, key: u32) {
        self.queue_up(key);
        self.take_turns();
        self.forget(key);
    }

    /// Begins dials for the keys that wait for room (those in the rings), as long as there is room.
    pub(super) fn take_turns(&mut self) {
        self.end_shortage();
        while let Some(next) = self.next_turn() {
            let gone = self.gone;
            if !self.make_room(next) {
                return;
            }
            self.begin_dial(next, gone);
            self.leave_ring(next);
            self.queue_up(next);
        }
    }

    /// Returns the index of a key in the table.
    pub(super) fn known(&self, key: &Key) -> Option<u32> {
        if mutated(Mutation::SharedTunnel) {
            fn way(key: &Key) -> impl Iterator<Item = &Origin> {
                key.hops().iter().map(Hop::proxy)
            }
            let same = |other: &Key| {
                let alike = other.peer() == key.peer() && other.limits() == key.limits();
                alike && way(key).eq(way(other))
            };
            return self.names.iter().find(|(other, _)| same(other)).map(|(_, index)| *index);
        }
        self.names.get(key).copied()
    }

    /// Adds a key to the table and returns its index.
    pub(super) fn intern(&mut self, key: &Key) -> u32 {
        let (index, _) = self.keys.insert(Entry::new(key.clone(), &self.limits));
        self.names.insert(key.clone(), index);
        index
    }

    /// Reassigns a dial whose ticket has left the queue: to the next ticket without a dial. If
    /// there is none, the youngest dial of the key is abandoned. A dial that must be kept is not
    /// abandoned but becomes an orphan.
    pub(super) fn release_dial(&mut self, dial: u32) {
        self.dial_mut(dial).ticket = None;
        if self.closed {
            return self.abandon(dial);
        }
        let key = self.conns[dial].key;
        let entry = &mut self.keys[key];
        if let Some(heir) = entry.undialed() {
            let line = entry.line(self.tickets[heir].want.fresh);
            line.undialed.remove(&mut self.tickets, heir);
            self.adopt(dial, heir);
            if mutated(Mutation::LostWaiter) {
                self.tickets[heir].told = None;
            }
            self.tell(heir);
        } else if let Some(youngest) = entry.dials.back() {
            if let Some(heir) = self.dial_mut(youngest).ticket.take() {
                self.adopt(dial, heir);
            }
            self.abandon(youngest);
        } else {
            entry.orphans.push_back(&mut self.conns, dial);
        }
    }

    /// Assigns a dial to a ticket other than the one that asked for it.
    pub(super) fn adopt(&mut self, dial: u32, ticket: u32) {
        let it = self.dial_mut(dial);
        (it.ticket, it.adopted) = (Some(ticket), true);
        self.tickets[ticket].state = Standing::Waiting { dial: Some(dial) };
    }

    /// Settles the tickets of two dials, after a dial of `from` was granted to `to`: `from` gets
    /// the dial of `to` in exchange.
    pub(super) fn exchange(&mut self, from: Option<u32>, to: Option<u32>) {
        if from == to {
            return;
        }
        let spare = to.and_then(|to| match &mut self.tickets[to].state {
            Standing::Waiting { dial } => dial.take(),
            Standing::Granted(_) | Standing::Failed(_) => None,
        });
        match (from, spare) {
            (Some(from), Some(spare)) => self.adopt(spare, from),
            (Some(from), None) => self.seek_dial(from),
            (None, Some(spare)) => self.release_dial(spare),
            (None, None) => {}
        }
    }

    /// Marks a dial as one that must not be abandoned.
    pub(super) fn keep_dial(&mut self, dial: u32) {
        if !mem::replace(&mut self.dial_mut(dial).kept, true) {
            self.keys[self.conns[dial].key].dials.remove(&mut self.conns, dial);
        }
    }

    /// Removes a dial from the lists and counters, and returns its ticket. The connection still
    /// counts against the limits.
    pub(super) fn end_dial(&mut self, dial: u32) -> Option<u32> {
        let Dialed { ticket, kept, .. } = *self.dial(dial);
        let entry = &mut self.keys[self.conns[dial].key];
        if !kept {
            entry.dials.remove(&mut self.conns, dial);
        } else if ticket.is_none() {
            entry.orphans.remove(&mut self.conns, dial);
        }
        entry.dialing -= 1;
        self.dialing -= 1;
        self.conns[dial].state = State::Leased;
        if let Some(ticket) = ticket {
            self.tickets[ticket].state = Standing::Waiting { dial: None };
        }
        ticket
    }

    /// Removes a dial that failed (`why`) or was abandoned by its thread. The failure fails the
    /// ticket that asked for the dial. A ticket that took the dial over gets another one, and so
    /// does every ticket if the dial was abandoned, or found no file descriptor while others can
    /// become free.
    pub(super) fn lose_dial(&mut self, conn: ConnId, why: Option<DialError>) {
        if !self.is_dial(conn) {
            return;
        }
        let key = self.conns[conn.index].key;
        let short = why.is_some_and(DialError::is_shortage);
        let adopted = self.dial(conn.index).adopted;
        let why = why.filter(|why| !adopted && !self.is_begun_again(conn.index, *why));
        match (self.end_dial(conn.index), why) {
            (Some(ticket), Some(why)) => {
                self.leave_line(ticket);
                self.fail(ticket, Unavailable::Dial(why));
            }
            (Some(ticket), None) => self.seek_dial(ticket),
            (None, _) => {}
        }
        if short {
            self.remove_short(conn);
        } else {
            self.remove(conn.index);
        }
        self.settle(key);
    }

    /// Abandons a dial that no ticket needs.
    pub(super) fn abandon(&mut self, dial: u32) {
        let conn = self.name(dial);
        self.end_dial(dial);
        self.remove(dial);
        self.act(Action::Abandon { conn });
    }

    pub(super) fn is_dial(&self, conn: ConnId) -> bool {
        let conn = self.conns.get(conn.index, conn.generation);
        conn.is_some_and(|conn| matches!(conn.state, State::Dialing(_)))
    }

    pub(super) fn dial(&self, dial: u32) -> &Dialed {
        match &self.conns[dial].state {
            State::Dialing(it) => it,
            State::Idle { .. } | State::Granted { .. } | State::Leased => {
                unreachable!("lists and tickets name dials under way")
            }
        }
    }

    fn dial_mut(&mut self, dial: u32) -> &mut Dialed {
        match &mut self.conns[dial].state {
            State::Dialing(it) => it,
            State::Idle { .. } | State::Granted { .. } | State::Leased => {
                unreachable!("lists and tickets name dials under way")
            }
        }
    }

    /// Begins a dial for the first ticket without one. `gone` is the value of [`Pool::gone`] before
    /// room was made for the dial.
    fn begin_dial(&mut self, key: u32, gone: u64) {
        let entry = &mut self.keys[key];
        let Some(ticket) = entry.undialed() else { return };
        let line = entry.line(self.tickets[ticket].want.fresh);
        if !mutated(Mutation::SurplusDials) {
            line.undialed.remove(&mut self.tickets, ticket);
        }
        let kept = self.dialing_by == Dialing::PerThread;
        let (index, generation) = self.conns.insert(Conn {
            key,
            opened: self.now,
            state: State::Dialing(Dialed { ticket: Some(ticket), adopted: false, kept, gone }),
            retired: None,
            peer: None,
            answers: entry.look_ups.as_ref().map_or(0, |it| it.answers),
            by_peer: Links::default(),
            by_key: Links::default(),
            by_use: Links::default(),
            by_age: Links::default(),
            age_group: 0,
        });
        if !kept {
            entry.dials.push_back(&mut self.conns, index);
        }
        entry.open += 1;
        entry.dialing += 1;
        self.dialing += 1;
        let name = entry.name.clone();
        let waiter = &mut self.tickets[ticket];
        waiter.state = Standing::Waiting { dial: Some(index) };
        waiter.told = waiter.told.map(|_| true);
        let ticket = Ticket { index: ticket, generation: self.tickets.generation(ticket) };
        self.act(Action::Dial { conn: ConnId { index, generation }, ticket, key: name });
    }

    /// Returns whether the limits of `key` allow a dial: `dialing < min(waiters, dialing_max)`, and
    /// fewer connections than it may have, or an idle one to evict. A connection can be idle
    /// while tickets wait only if they all want a fresh one.
    pub(super) fn wants_dial(&self, key: u32) -> bool {
        let entry = &self.keys[key];
        entry.undialed().is_some()
            && entry.dialing < self.limits.dialing_per_key_max
            && (entry.open < entry.limits.open_max || !entry.idle.is_empty())
    }

    /// Returns whether a new ticket would get a dial at once. (While there is room, no key waits
    /// for its turn.)
    pub(super) fn dials_at_once(&self, key: Option<u32>, fresh: bool) -> bool {
        let has_room = self.conns.len() < self.room.max || !self.lru.is_empty();
        let Some(entry) = key.map(|key| &self.keys[key]) else { return has_room };
        let ahead = if fresh { entry.fresh.undialed.front() } else { entry.undialed() };
        let own_room =
            if entry.open < entry.limits.open_max { has_room } else { !entry.idle.is_empty() };
        let dials = own_room && entry.dialing < self.limits.dialing_per_key_max;
        !entry.orphans.is_empty() || ahead.is_none() && dials
    }

    /// Makes room for one more connection of `key`, by evicting an idle one if necessary. Returns
    /// whether there is room. (If `key` is in a ring, an idle connection belongs to another key, or
    /// its tickets want a fresh one.)
    fn make_room(&mut self, key: u32) -> bool {
        let entry = &self.keys[key];
        let oldest = if entry.open >= entry.limits.open_max {
            entry.idle.front()
        } else if self.conns.len() >= self.room.max {
            self.lru.front()
        } else {
            return true;
        };
        let Some(conn) = oldest else { return false };
        let other = self.conns[conn].key;
        self.evict(conn, Evicted::MadeRoom);
        if other != key {
            self.queue_up(other);
            self.forget(other);
        }
        true
    }

    pub(super) fn next_turn(&self) -> Option<u32> {
        self.stranded.front().or_else(|| self.held.front())
    }

    /// Moves `key` to the end of the ring that it belongs in, or out of the rings. A key that is in
    /// the right ring keeps its place.
    pub(super) fn queue_up(&mut self, key: u32) {
        let wants = self.wants_dial(key);
        let entry = &self.keys[key];
        let stranded = entry.open == 0;
        let stays = !wants || entry.stranded == stranded;
        if wants == entry.turn.linked() && stays {
            return;
        }
        self.leave_ring(key);
        if wants {
            self.keys[key].stranded = stranded;
            let ring = if stranded { &mut self.stranded } else { &mut self.held };
            ring.push_back(&mut self.keys, key);
        }
    }

    fn leave_ring(&mut self, key: u32) {
        let ring = if self.keys[key].stranded { &mut self.stranded } else { &mut self.held };
        ring.remove(&mut self.keys, key);
    }

    /// Removes a key without connections and tickets that is not watched. It may be gone already,
    /// because making room for another key can remove it.
    pub(super) fn forget(&mut self, key: u32) {
        let Some((_, entry)) = self.keys.at(key) else { return };
        if entry.open == 0 && entry.waiting() == 0 && entry.watched == 0 {
            self.names.remove(&entry.name);
            self.keys.remove_at(key);
        }
    }
}
