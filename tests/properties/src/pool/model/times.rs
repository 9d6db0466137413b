//! Ends connections by their age and by their idle time.

use core::time::Duration;

use httpool::pool::Evicted;

use super::{super::state::Place, Model};

impl Model {
    pub(in super::super) fn timeout(&mut self) {
        while let Some(conn) = self.idle.first().copied() {
            let Place::Idle { parked, .. } = self.conns[conn].place else { panic!() };
            if self.now - parked < self.limits.idle_max {
                break;
            }
            self.evict(conn, Evicted::Idle);
            self.settle(self.conns[conn].key);
        }
        let mut old: Vec<_> = (0..self.conns.len()).filter(|it| self.is_aging(*it)).collect();
        old.sort_by_key(|it| (self.conns[*it].group, self.conns[*it].opened));
        for conn in old {
            if self.is_aged(conn) {
                self.conns[conn].swept = true;
                if let Place::Idle { .. } = self.conns[conn].place {
                    self.evict(conn, Evicted::Age);
                    self.settle(self.conns[conn].key);
                }
            }
        }
        self.look_up_due();
        self.take_turns();
    }

    pub(in super::super) fn next_timeout(&self) -> Option<Duration> {
        let idle = self.conns.iter().filter_map(|it| match it.place {
            Place::Idle { parked, .. } => Some(parked + self.limits.idle_max),
            _ => None,
        });
        let aging = (0..self.conns.len()).filter(|it| self.is_aging(*it));
        let age = aging.filter_map(|it| Some(self.conns[it].opened + self.lifetime(it)?));
        let waits = !self.stranded.is_empty() || !self.held.is_empty();
        let due = self.due.iter().map(|(at, _)| *at);
        idle.chain(age).chain(due).chain(self.short_until.filter(|_| waits)).min()
    }

    pub(super) fn is_aged(&self, conn: usize) -> bool {
        self.lifetime(conn).is_some_and(|max| self.now - self.conns[conn].opened >= max)
    }

    /// Returns for how long a connection may be used. The ends of connections are spread in 16
    /// steps over `age_jitter`.
    fn lifetime(&self, conn: usize) -> Option<Duration> {
        let earlier = self.limits.age_jitter / 16 * u32::from(self.conns[conn].group);
        Some(self.limits.age_max?.saturating_sub(earlier))
    }

    fn is_aging(&self, conn: usize) -> bool {
        let it = &self.conns[conn];
        !it.swept && !matches!(it.place, Place::Dialing { .. } | Place::Gone)
    }
}
