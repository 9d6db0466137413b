//! Where a connection goes: to a ticket, to the idle ones, or away.

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
    /// The one path of a connection that has become free: returned, dialled, or granted in vain.
    /// `first`: who has a right to it before the line.
    ///
    /// A key that finds no room and has nothing open at all would starve beside a busy one, whose
    /// own line takes all it gets back: so a connection that comes back makes room for it.
    pub(super) fn offer(&mut self, conn: u32, free: Free<T>, first: Option<u32>) {
        let key = &self.keys[self.conns[conn].key];
        let unfit = if self.closed {
            Some(Evicted::Closed)
        } else if free.fresh {
            None
        } else if self.is_aged(conn) {
            Some(Evicted::Age)
        } else if !self.stranded.is_empty() {
            Some(Evicted::MadeRoom)
        } else {
            None
        };
        if let Some(why) = unfit {
            self.close_conn(conn, free.io, why);
        } else if let Some(ticket) = first.or_else(|| key.front(free.fresh)) {
            self.grant(ticket, conn, free);
        } else if key.idle.len() >= self.limits.idle_per_key_max {
            self.close_conn(conn, free.io, Evicted::Surplus);
        } else {
            self.park(conn, free);
        }
    }

    /// The newest idle connection of a key. Those that were idle or open for too long are closed.
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

    /// Lets an idle connection go.
    pub(super) fn evict(&mut self, conn: u32, why: Evicted) {
        if let Some(free) = self.unpark(conn) {
            self.close_conn(conn, free.io, why);
        }
    }

    /// Frees the place of a connection that is in no list, and has it closed.
    pub(super) fn close_conn(&mut self, conn: u32, io: T, why: Evicted) {
        let name = self.name(conn);
        self.remove(conn);
        self.act(Action::Close { conn: name, io, why });
    }

    /// Frees the place of a connection that is in no list, and with it a descriptor.
    pub(super) fn remove(&mut self, conn: u32) {
        self.gone += 1;
        self.free_place(conn);
    }

    /// Frees the place of a connection that is in no list.
    pub(super) fn free_place(&mut self, conn: u32) {
        self.ages.remove(&mut self.conns, conn);
        self.keys[self.conns[conn].key].open -= 1;
        self.conns.remove_at(conn);
    }

    /// The state of a connection, which is leased from now on.
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
        self.keys[it.key].idle.push_back(&mut self.conns, conn);
        self.lru.push_back(&mut self.conns, conn);
    }

    fn unpark(&mut self, conn: u32) -> Option<Free<T>> {
        let State::Idle { free, .. } = self.take(conn) else { return None };
        self.keys[self.conns[conn].key].idle.remove(&mut self.conns, conn);
        if !mutated(Mutation::EvictedGrant) {
            self.lru.remove(&mut self.conns, conn);
        }
        Some(free)
    }

    fn is_aged(&self, conn: u32) -> bool {
        let age = self.now.since(self.conns[conn].opened);
        self.limits.age_max.is_some_and(|age_max| age >= age_max)
    }
}
