//! Closes and counts the connections of one key, and bounds the number of keys that keep idle ones.

use super::{
    Evicted, Lease, Pool, Uses,
    record::Input,
    table::{Standing, State},
};
use crate::{
    error::Unavailable,
    message::Key,
    mutation::{Mutation, mutated},
    time::Instant,
};

impl<T> Pool<T> {
    /// Returns how many connections to a key were opened, and how many leases of them were claimed.
    /// Counted since the key was first used or [watched](Self::watch). Once it has neither
    /// connections nor waiting tickets, and is not watched, it is forgotten, and so are the counts.
    pub fn key_uses(&self, key: &Key) -> Uses {
        self.names.get(key).map(|key| self.keys[*key].uses).unwrap_or_default()
    }

    /// Keeps the [counts](Self::key_uses) of a key until [`unwatch`](Self::unwatch) was called as
    /// often as this.
    pub fn watch(&mut self, key: &Key) {
        self.note_key(key, Input::Watch);
        let key = self.names.get(key).copied().unwrap_or_else(|| self.intern(key));
        self.keys[key].watched = self.keys[key].watched.saturating_add(1);
    }

    /// Ends one [`watch`](Self::watch) of a key. Ignored if there is none.
    pub fn unwatch(&mut self, key: &Key) {
        self.note_key(key, Input::Unwatch);
        if let Some(&key) = self.names.get(key) {
            self.keys[key].watched = self.keys[key].watched.saturating_sub(1);
            self.forget(key);
        }
    }

    /// Closes the connections to one key, as [`close`](Self::close) does for all: idle and granted
    /// ones at once, leased ones when they come back. Abandons its dials, and fails its tickets with
    /// [`Unavailable::Closed`]. Later tickets for the key get new connections. Takes time linear in
    /// the size of the pool.
    pub fn close_key(&mut self, key: &Key, now: Instant) {
        self.now = self.now.max(now);
        self.note_key(key, Input::CloseKey);
        let Some(&key) = self.names.get(key) else { return };
        for ticket in 0..self.tickets.bound() {
            let waiter = self.tickets.at(ticket).filter(|(_, waiter)| waiter.key == key);
            let standing = waiter.map(|(_, waiter)| waiter.state);
            if let Some(Standing::Waiting { .. } | Standing::Granted(_)) = standing {
                self.leave_line(ticket);
                self.fail(ticket, Unavailable::Closed);
            }
        }
        for conn in 0..self.conns.bound() {
            let own = self.conns.at(conn).filter(|(_, it)| it.key == key);
            match own.map(|(_, it)| &it.state) {
                Some(State::Dialing(_)) => self.abandon(conn),
                Some(State::Idle { .. }) => self.evict(conn, Evicted::Closed),
                Some(State::Granted { .. }) => {
                    if let State::Granted { free, .. } = self.take(conn) {
                        self.close_conn(conn, free.io, Evicted::Closed);
                    }
                }
                Some(State::Leased) => self.retire_leased(conn, Evicted::Closed),
                None => {}
            }
        }
        self.settle(key);
    }

    /// Closes all idle connections, and each leased one when it comes back (urllib3:
    /// `PoolManager.clear`). Tickets go on waiting, and dials go on. Takes time linear in the size
    /// of the pool.
    pub fn retire(&mut self, now: Instant) {
        self.event(now, Input::Retire);
        for conn in 0..self.conns.bound() {
            match self.conns.at(conn).map(|(_, it)| &it.state) {
                Some(State::Idle { .. }) => self.sweep(conn, Evicted::Closed),
                Some(State::Leased) => self.retire_leased(conn, Evicted::Closed),
                Some(State::Dialing(_) | State::Granted { .. }) | None => {}
            }
        }
    }

    /// Returns the lease of a connection that the [probe](super::Claim::Reuse) has found dead. Does
    /// what [`Checkin::Discard`](super::Checkin::Discard) does, and takes the lease out of the
    /// [count](Self::key_uses).
    pub fn checkin_dead(&mut self, lease: Lease, now: Instant) {
        let Lease { conn } = lease;
        self.event(now, Input::Dead(conn));
        let leased = self.conns.get(conn.index, conn.generation);
        if let Some(key) = leased.filter(|it| matches!(it.state, State::Leased)).map(|it| it.key) {
            let uses = &mut self.keys[key].uses;
            uses.leases = uses.leases.saturating_sub(1);
            self.remove(conn.index);
            self.settle(key);
        }
    }

    /// Makes room among the keys with idle connections for one more. If there are as many as
    /// [`idle_keys_max`](crate::limits::PoolLimits::idle_keys_max) allows, closes all idle
    /// connections of the key that got one back the longest ago. Returns whether there is room.
    pub(super) fn make_room_for_key(&mut self, key: u32) -> bool {
        let bound = self.limits.idle_keys_max;
        if !self.keys[key].idle.is_empty()
            || self.warm.len() < bound
            || mutated(Mutation::SurplusKeys)
        {
            return true;
        }
        let Some(oldest) = self.warm.front() else { return false };
        while let Some(conn) = self.keys[oldest].idle.front() {
            self.evict(conn, Evicted::Surplus);
        }
        self.queue_up(oldest);
        self.forget(oldest);
        true
    }

    /// Records that a connection of a key is idle from now on. Without a bound on such keys there
    /// is no list of them.
    pub(super) fn warm_up(&mut self, key: u32) {
        if self.limits.idle_keys_max != usize::MAX {
            self.warm.remove(&mut self.keys, key);
            self.warm.push_back(&mut self.keys, key);
        }
    }

    /// Records that a connection of a key is idle no longer.
    pub(super) fn cool_down(&mut self, key: u32) {
        if self.keys[key].idle.is_empty() {
            self.warm.remove(&mut self.keys, key);
        }
    }
}
