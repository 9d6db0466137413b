//! A shortage of descriptors: the system has none for one more connection.
//!
//! For a while the pool then has room for as many connections as it has open, and no more. All else
//! follows from the rules of the bound on all connections: the one that was idle for longest is
//! closed and the dial begun again, and with none idle the ticket waits in line for one to come
//! back. Only where nothing is open, so that nothing can be closed or come back, does the dial's
//! failure count.

use core::time::Duration;

use super::{
    Pool,
    table::{Dialing, State},
};
use crate::{
    error::DialError,
    id::ConnId,
    mutation::{Mutation, mutated},
    time::Instant,
};

/// How long the pool opens no more than it had open when a dial found no descriptor. Descriptors
/// may be free again by then: other parts of the program use them as well. One failed dial a second
/// costs little if they are not.
const LASTS: Duration = Duration::from_secs(1);

/// How many connections there is room for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Most connections at the moment.
    pub(super) max: usize,
    /// When that is `open_max` again, if it is less.
    pub(super) until: Option<Instant>,
}

impl Room {
    pub(super) const fn new(open_max: usize) -> Self {
        Self { max: open_max, until: None }
    }
}

impl<T> Pool<T> {
    /// Whether whoever a failed dial ran for gets another in place of the failure: it found no
    /// descriptor, and something else is open, or has been closed since the dial began. (One that
    /// is closed to make room for a dial is closed by the driver only after the pool has let it
    /// go.)
    pub(super) fn is_begun_again(&self, conn: u32, why: DialError) -> bool {
        if !why.is_shortage() || mutated(Mutation::FatalShortage) {
            return false;
        }
        let since = match &self.conns[conn].state {
            State::Dialing(Dialing { gone, .. }) => *gone,
            State::Idle { .. } | State::Granted { .. } | State::Leased => self.gone,
        };
        self.conns.len() > 1 || self.gone > since
    }

    /// A dial has found no descriptor, and its own place is free again.
    pub(super) fn run_short(&mut self) {
        self.room.max = self.conns.len().clamp(1, self.limits.open_max);
        self.room.until = Some(self.now.after(LASTS));
    }

    /// Has room for all connections again if the time for that has come.
    pub(super) fn end_shortage(&mut self) {
        if self.room.until.is_some_and(|until| until <= self.now) {
            self.room = Room::new(self.limits.open_max);
        }
    }

    /// When a key that waits for its turn may have it though no connection comes back.
    pub(super) fn shortage_until(&self) -> Option<Instant> {
        self.room.until.filter(|_| self.next_turn().is_some())
    }

    /// Frees the place of a dial that found no descriptor: nothing was open there.
    pub(super) fn remove_short(&mut self, conn: ConnId) {
        self.free_place(conn.index);
        self.run_short();
    }
}
