//! Decides about a free connection: grants it to a ticket, parks it as idle, or closes it.

use core::mem;

use super::{
    Action, Evicted, Pool,
    table::{Free, Standing, State},
};
use crate::{
    id::ConnId,
    mutation::{Mutation, mutated},
};

impl<T> Pool<T> {
    /// Offers a connection that has become free: returned, dialed, or granted but not claimed.
    /// `first` is a ticket that comes before the queue.
    ///
    /// A key without any connection would starve beside a busy key, because the busy key's own
    /// queue takes every connection that it returns. So while such a key waits, a returned
    /// connection is closed to make room for it.
    pub(super) fn offer(&mut self, conn: u32, free: Free<T>, first: Option<u32>) {
        let key = &self.keys[self.conns[conn].key];
        let unfit = if self.closed {
            Some(Evicted::Closed)
        } else if free.fresh {
            self.conns[conn].retired
        } else if self.is_aged(conn) {
            Some(Evicted::Age)
        } else if let Some(why) = self.conns[conn].retired
            && !mutated(Mutation::KeptRetired)
        {
            Some(why)
        } else if !self.stranded.is_empty() {
            Some(Evicted::MadeRoom)
        } else {
            None
        };
        if let Some(why) = unfit {
            self.close_conn(conn, free.io, why);
        } else if let Some(ticket) = first.or_else(|| key.front(free.fresh)) {
            self.grant(ticket, conn, free);
        } else if key.idle.len() >= key.limits.idle_max
            || !self.make_room_for_key(self.conns[conn].key)
        {
            self.close_conn(conn, free.io, Evicted::Surplus);
        } else {
            self.park(conn, free);
        }
    }

    /// Returns the newest idle connection of a key. Closes those that were idle or open for too
    /// long.
    pub(super) fn newest_idle(&mut self, key: u32) -> Option<u32> {
        loop {
            let conn = self.keys[key].idle.back()?;
            let State::Idle { free, .. } = &self.conns[conn].state else { return None };
            if self.now.since(free.since) >= self.limits.idle_max {
                self.evict(conn, Evicted::Idle);
            } else if self.is_aged(conn) {
                self.evict(conn, Evicted::Age);
            } else {
                return Some(conn);
            }
        }
    }

    pub(super) fn grant_idle(&mut self, ticket: u32, conn: u32) {
        if let Some(free) = self.unpark(conn) {
            self.grant(ticket, conn, free);
        }
    }

    /// Removes an idle connection from the pool and closes it.
    pub(super) fn evict(&mut self, conn: u32, why: Evicted) {
        if let Some(free) = self.unpark(conn) {
            self.close_conn(conn, free.io, why);
        }
    }

    /// Removes a connection that is in no list, and closes it.
    pub(super) fn close_conn(&mut self, conn: u32, io: T, why: Evicted) {
        let name = self.name(conn);
        self.remove(conn);
        self.act(Action::Close { conn: name, io, why });
    }

    /// Removes a connection that is in no list, and counts that a file descriptor becomes free.
    pub(super) fn remove(&mut self, conn: u32) {
        self.gone += 1;
        self.free_place(conn);
    }

    /// Removes a connection that is in no list from the table and the counters.
    pub(super) fn free_place(&mut self, conn: u32) {
        self.end_age(conn);
        self.end_peer(conn);
        self.keys[self.conns[conn].key].open -= 1;
        self.conns.remove_at(conn);
    }

    /// Sets a connection to leased, and returns its previous state.
    pub(super) fn take(&mut self, conn: u32) -> State<T> {
        mem::replace(&mut self.conns[conn].state, State::Leased)
    }

    pub(super) fn name(&self, conn: u32) -> ConnId {
        ConnId { index: conn, generation: self.conns.generation(conn) }
    }

    fn grant(&mut self, ticket: u32, conn: u32, free: Free<T>) {
        self.leave_line(ticket);
        self.tickets[ticket].state = Standing::Granted(conn);
        self.conns[conn].state = State::Granted { free, ticket };
        self.tell(ticket);
    }

    fn park(&mut self, conn: u32, free: Free<T>) {
        let it = &mut self.conns[conn];
        it.state = State::Idle { free: Free { fresh: false, ..free }, parked: self.now };
        let key = it.key;
        self.keys[key].idle.push_back(&mut self.conns, conn);
        self.warm_up(key);
        self.lru.push_back(&mut self.conns, conn);
    }

    fn unpark(&mut self, conn: u32) -> Option<Free<T>> {
        let State::Idle { free, .. } = self.take(conn) else { return None };
        let key = self.conns[conn].key;
        self.keys[key].idle.remove(&mut self.conns, conn);
        self.cool_down(key);
        if !mutated(Mutation::EvictedGrant) {
            self.lru.remove(&mut self.conns, conn);
        }
        Some(free)
    }
}
