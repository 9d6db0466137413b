//! Dials: when one begins, on whose behalf it runs, when it is abandoned. And whose turn it is, where
//! there is no room for all.

use core::mem;

use super::{
    Action, Evicted, Pool, Ticket,
    list::Links,
    table::{Conn, Dialing, Entry, Standing, State},
};
use crate::{
    error::{DialError, Unavailable},
    id::ConnId,
    message::Key,
    mutation::{Mutation, mutated},
};

impl<T> Pool<T> {
    /// Brings all in order after a change to `key`: its place in the ring, what may now be dialled by
    /// whoever's turn it is, and whether the key is still of use.
    pub(super) fn settle(&mut self, key: u32) {
        self.queue_up(key);
        self.take_turns();
        self.forget(key);
    }

    /// Begins dials for the keys that wait for their turn, as long as there is room.
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

    /// The number of a key from now on.
    pub(super) fn intern(&mut self, key: &Key) -> u32 {
        let (index, _) = self.keys.insert(Entry::new(key.clone()));
        self.names.insert(key.clone(), index);
        index
    }

    /// A dial whose ticket has left the line. Of surplus dials the youngest is abandoned; a thread's
    /// own counts on until its thread has told what became of it.
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

    /// Has a dial run on behalf of a ticket at whose wish it was not begun.
    pub(super) fn adopt(&mut self, dial: u32, ticket: u32) {
        let it = self.dial_mut(dial);
        (it.ticket, it.adopted) = (Some(ticket), true);
        self.tickets[ticket].state = Standing::Waiting { dial: Some(dial) };
    }

    /// A dial of `from` has ended in favour of `to`, whose own dial goes to `from` in return.
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

    /// A dial that is not to be abandoned from now on.
    pub(super) fn keep_dial(&mut self, dial: u32) {
        if !mem::replace(&mut self.dial_mut(dial).kept, true) {
            self.keys[self.conns[dial].key].dials.remove(&mut self.conns, dial);
        }
    }

    /// Takes a dial out of all that counts dials, and says on whose behalf it ran. Its place is still
    /// taken.
    pub(super) fn end_dial(&mut self, dial: u32) -> Option<u32> {
        let Dialing { ticket, kept, .. } = *self.dial(dial);
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

    /// A dial has come to nothing. `why`: it failed, for which its ticket pays if it was that one's
    /// wish; if not, or if nobody is to blame, the ticket gets another. So it does where there was
    /// no descriptor, unless nothing else is open.
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

    /// Ends a dial that nobody needs.
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

    pub(super) fn dial(&self, dial: u32) -> &Dialing {
        match &self.conns[dial].state {
            State::Dialing(it) => it,
            State::Idle { .. } | State::Granted { .. } | State::Leased => {
                unreachable!("lists and tickets name dials under way")
            }
        }
    }

    fn dial_mut(&mut self, dial: u32) -> &mut Dialing {
        match &mut self.conns[dial].state {
            State::Dialing(it) => it,
            State::Idle { .. } | State::Granted { .. } | State::Leased => {
                unreachable!("lists and tickets name dials under way")
            }
        }
    }

    /// Begins a dial for the first in line who has none. `gone`: how many connections had been let
    /// go before room was made for it.
    fn begin_dial(&mut self, key: u32, gone: u64) {
        let entry = &mut self.keys[key];
        let Some(ticket) = entry.undialed() else { return };
        let line = entry.line(self.tickets[ticket].want.fresh);
        if !mutated(Mutation::SurplusDials) {
            line.undialed.remove(&mut self.tickets, ticket);
        }
        let kept = self.limits.own_dials;
        let (index, generation) = self.conns.insert(Conn {
            key,
            opened: self.now,
            state: State::Dialing(Dialing { ticket: Some(ticket), adopted: false, kept, gone }),
            by_key: Links::default(),
            by_use: Links::default(),
            by_age: Links::default(),
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

    /// Whether `key` may dial, as far as its own bounds go: `dialing < min(waiters, dialing_max)`,
    /// and a place of its own, if need be that of an idle connection, which then only tickets that
    /// want a fresh one can have left idle.
    pub(super) fn wants_dial(&self, key: u32) -> bool {
        let entry = &self.keys[key];
        entry.undialed().is_some()
            && entry.dialing < self.limits.dialing_per_key_max
            && (entry.open < self.limits.open_per_key_max || !entry.idle.is_empty())
    }

    /// Whether a ticket that came now would get a dial at once. (Where there is room, no key waits
    /// for its turn.)
    pub(super) fn dials_at_once(&self, key: Option<u32>, fresh: bool) -> bool {
        let has_room = self.conns.len() < self.room.max || !self.lru.is_empty();
        let Some(entry) = key.map(|key| &self.keys[key]) else { return has_room };
        let ahead = if fresh { entry.fresh.undialed.front() } else { entry.undialed() };
        let own_room = if entry.open < self.limits.open_per_key_max {
            has_room
        } else {
            !entry.idle.is_empty()
        };
        let dials = own_room && entry.dialing < self.limits.dialing_per_key_max;
        !entry.orphans.is_empty() || ahead.is_none() && dials
    }

    /// Whether there is a place for one more connection of `key`, by letting an idle one go if need
    /// be. (Where `key` waits, an idle connection is another key's, or useless to those who wait.)
    fn make_room(&mut self, key: u32) -> bool {
        let entry = &self.keys[key];
        let oldest = if entry.open >= self.limits.open_per_key_max {
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

    /// Puts `key` at the end of the ring it belongs in, leaves it where it is, or takes it out.
    fn queue_up(&mut self, key: u32) {
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

    /// Forgets a key that nothing refers to, unless that has been done: the key whose connection was
    /// returned last may be the one that made room.
    fn forget(&mut self, key: u32) {
        let Some((_, entry)) = self.keys.at(key) else { return };
        if entry.open == 0 && entry.waiting() == 0 {
            self.names.remove(&entry.name);
            self.keys.remove_at(key);
        }
    }
}
