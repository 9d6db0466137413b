//! Reports about DNS look-ups, and the time until which a dial is needed.

use super::Client;
use crate::{
    error::ResolveKind,
    id::{CallId, ConnId},
    time::Instant,
};

impl Client {
    /// Reports that the look-up for [`Action::Resolve`](super::Action::Resolve) waits for a thread
    /// of the resolver. Call [`handle_resolving`](Self::handle_resolving) when it begins.
    pub fn handle_resolve_queued(&mut self, conn: ConnId, now: Instant) {
        if let Some(dialing) = self.conns.dialing(conn) {
            dialing.dial.resolve_queued(now);
            self.attend_dial(conn, now);
        }
    }

    /// Reports that a [queued](Self::handle_resolve_queued) look-up has begun.
    pub fn handle_resolving(&mut self, conn: ConnId, now: Instant) {
        if let Some(dialing) = self.conns.dialing(conn) {
            dialing.dial.resolving(now);
            self.attend_dial(conn, now);
        }
    }

    /// Answers [`Action::Resolve`](super::Action::Resolve): the look-up failed.
    pub fn handle_resolve_failed(&mut self, conn: ConnId, why: ResolveKind, now: Instant) {
        if let Some(dialing) = self.conns.dialing(conn) {
            dialing.dial.resolve_failed(why, now);
            self.attend_dial(conn, now);
        }
    }

    /// Returns the connection that is being opened for a waiting call.
    pub fn dial_of(&self, call: CallId) -> Option<ConnId> {
        let running = self.calls.get(call.index, call.generation)?;
        self.pool.dial_of(running.ticket?)
    }

    /// Returns when the call that a connection is being opened for gives it up.
    pub(super) fn needed_by(&self, conn: ConnId, now: Instant) -> Option<Instant> {
        let index = self.waiter(self.pool.ticket_of(conn)?)?;
        self.calls[index].call.needed_by(now)
    }
}
