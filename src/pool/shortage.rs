//! Handles a shortage of file descriptors: the system has none for one more connection.
//!
//! For a while the pool then limits itself to the connections that it has open. The rules for the
//! limit on all connections do the rest: the connection idle for longest is closed and the dial
//! begins again; without an idle one, the ticket waits in the queue until one comes back. A dial's
//! failure fails its ticket only if nothing else is open, because then nothing can be closed or
//! come back.

use core::time::Duration;

use super::{
    Pool,
    table::{Dialed, State},
};
use crate::{
    error::DialError,
    id::ConnId,
    mutation::{Mutation, mutated},
    time::Instant,
};

/// How long the pool opens no more connections than it had when a dial found no descriptor. By then
/// the rest of the program may have freed some. If not, one failed dial each second costs little.
const LASTS: Duration = Duration::from_secs(1);

/// The current limit on connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// The maximum number of connections at the moment.
    pub(super) max: usize,
    /// When the limit returns to `open_max`; `None` if it is `open_max`.
    pub(super) until: Option<Instant>,
}

impl Room {
    pub(super) const fn new(open_max: usize) -> Self {
        Self { max: open_max, until: None }
    }
}

impl<T> Pool<T> {
    /// Returns whether the ticket of a failed dial gets another dial: the failed one found no
    /// descriptor, and another connection is open or was closed since the dial began. (The driver
    /// closes a connection, evicted to make room, only after the pool has removed it.)
    pub(super) fn is_begun_again(&self, conn: u32, why: DialError) -> bool {
        if !why.is_shortage() || mutated(Mutation::FatalShortage) {
            return false;
        }
        let since = match &self.conns[conn].state {
            State::Dialing(Dialed { gone, .. }) => *gone,
            State::Idle { .. } | State::Granted { .. } | State::Leased => self.gone,
        };
        self.conns.len() > 1 || self.gone > since
    }

    /// Lowers the limit after a dial found no descriptor. The dial must have been removed already.
    pub(super) fn run_short(&mut self) {
        self.room.max = self.conns.len().clamp(1, self.limits.open_max);
        self.room.until = Some(self.now.after(LASTS));
    }

    /// Restores the limit once the shortage has lasted its time.
    pub(super) fn end_shortage(&mut self) {
        if self.room.until.is_some_and(|until| until <= self.now) {
            self.room = Room::new(self.limits.open_max);
        }
    }

    /// Returns when a key that waits for room may dial although no connection comes back.
    pub(super) fn shortage_until(&self) -> Option<Instant> {
        self.room.until.filter(|_| self.next_turn().is_some())
    }

    /// Removes a dial that found no descriptor, and lowers the limit.
    pub(super) fn remove_short(&mut self, conn: ConnId) {
        self.free_place(conn.index);
        self.run_short();
    }
}
