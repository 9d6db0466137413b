//! What a driver tells of a look-up beside its answer, and until when a dial is needed.

use super::Client;
use crate::{
    error::ResolveKind,
    id::{CallId, ConnId},
    time::Instant,
};

impl Client {
    /// The look-up for [`Action::Resolve`](super::Action::Resolve) waits for a thread of the
    /// resolver's. When it begins, [`handle_resolving`](Self::handle_resolving) says so.
    pub fn handle_resolve_queued(&mut self, conn: ConnId, now: Instant) {
        if let Some(dialing) = self.conns.dialing(conn) {
            dialing.dial.resolve_queued(now);
            self.attend_dial(conn, now);
        }
    }

    /// A look-up that [waited](Self::handle_resolve_queued) has begun.
    pub fn handle_resolving(&mut self, conn: ConnId, now: Instant) {
        if let Some(dialing) = self.conns.dialing(conn) {
            dialing.dial.resolving(now);
            self.attend_dial(conn, now);
        }
    }

    /// Answers [`Action::Resolve`](super::Action::Resolve): the name was not looked up, or the
    /// look-up broke. That there is no such name is an answer without addresses.
    pub fn handle_resolve_failed(&mut self, conn: ConnId, why: ResolveKind, now: Instant) {
        if let Some(dialing) = self.conns.dialing(conn) {
            dialing.dial.resolve_failed(why, now);
            self.attend_dial(conn, now);
        }
    }

    /// The connection that is being opened on behalf of a call in line.
    pub fn dial_of(&self, call: CallId) -> Option<ConnId> {
        let running = self.calls.get(call.index, call.generation)?;
        self.pool.dial_of(running.ticket?)
    }

    /// When the call for which a connection is being opened gives up.
    pub(super) fn needed_by(&self, conn: ConnId) -> Option<Instant> {
        let index = self.waiter(self.pool.ticket_of(conn)?)?;
        self.calls[index].call.total_deadline()
    }
}
