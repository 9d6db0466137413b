//! Closes connections by age, those that were opened together not all at once.

use core::time::Duration;

use super::{
    Evicted, Pool,
    list::List,
    table::{ByAge, State},
};
use crate::{
    mutation::{Mutation, mutated},
    time::Instant,
};

/// The number of groups. The connections of one group live equally long, so each group is in the
/// order in which it ends.
const GROUPS: usize = 16;

/// All open connections, to close them by age; one that was in use when it became too old has been
/// removed. Empty without [`age_max`](field@crate::limits::PoolLimits::age_max).
#[cfg_attr(test, derive(Clone))]
pub(super) struct Ages {
    groups: [List<ByAge>; GROUPS],
    /// The number of connections opened so far, of which the lowest bits count.
    opened: u8,
}

impl Ages {
    pub(super) const fn new() -> Self {
        Self { groups: [const { List::new() }; GROUPS], opened: 0 }
    }

    /// Returns the group for the next connection. Consecutive ones get groups that lie far apart:
    /// 0, 8, 4, 12, 2 and so on. So any number of connections that are opened together spread
    /// evenly over the groups, and no randomness is needed.
    fn next_group(&mut self) -> u8 {
        let group = self.opened.reverse_bits() >> 4;
        self.opened = (self.opened + 1) % GROUPS as u8;
        group
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &List<ByAge>> {
        self.groups.iter()
    }
}

impl<T> Pool<T> {
    /// Records that a connection is open from now on.
    pub(super) fn begin_age(&mut self, conn: u32) {
        self.conns[conn].opened = self.now;
        if self.limits.age_max.is_some() {
            let group = self.ages.next_group();
            self.conns[conn].age_group = group;
            self.ages.groups[usize::from(group)].push_back(&mut self.conns, conn);
        }
    }

    /// Removes a connection from its group, if it is in one.
    pub(super) fn end_age(&mut self, conn: u32) {
        let group = usize::from(self.conns[conn].age_group);
        self.ages.groups[group].remove(&mut self.conns, conn);
    }

    /// Returns whether a connection is too old to be used again.
    pub(super) fn is_aged(&self, conn: u32) -> bool {
        self.limits
            .age_max
            .filter(|_| !mutated(Mutation::AgedReuse))
            .is_some_and(|max| self.now.since(self.conns[conn].opened) >= self.lifetime(conn, max))
    }

    /// Returns when the first connection becomes too old.
    pub(super) fn first_age(&self) -> Option<Instant> {
        let max = self.limits.age_max?;
        let fronts = self.ages.groups().filter_map(List::front);
        fronts.filter_map(|conn| self.age_until(conn, max)).min()
    }

    /// Closes the idle connections that are too old. One that is in use ends its exchange first.
    pub(super) fn sweep_aged(&mut self) {
        let Some(max) = self.limits.age_max else { return };
        for group in 0..GROUPS {
            while let Some(conn) = self.ages.groups[group].front()
                && self.age_until(conn, max).is_some_and(|until| until <= self.now)
            {
                self.end_age(conn);
                if matches!(self.conns[conn].state, State::Idle { .. }) {
                    self.sweep(conn, Evicted::Age);
                }
            }
        }
    }

    fn age_until(&self, conn: u32, max: Duration) -> Option<Instant> {
        self.conns[conn].opened.reachable(self.lifetime(conn, max))
    }

    /// Returns for how long after it was opened a connection may be used again.
    fn lifetime(&self, conn: u32, max: Duration) -> Duration {
        let earlier = self.limits.age_jitter / GROUPS as u32;
        max.saturating_sub(earlier.saturating_mul(self.conns[conn].age_group.into()))
    }
}
