//! The questions of the driver.

use super::{Client, Reason, sockets::Stage, timers::Owner};
use crate::{
    dial,
    id::{CallId, ConnId, SocketId},
    message::{BodyLeft, Key},
    time::{Deadline, Instant},
};

/// # The driver asks
impl Client {
    /// Returns whether to read from `socket`. False while its response is paused, before TCP is
    /// connected, during a TLS handshake, and for a stale id. True for an idle connection, to
    /// notice that the peer closes it.
    pub fn wants_input(&self, socket: SocketId) -> bool {
        self.sockets.get(socket).is_some_and(|it| match it.stage {
            Stage::Leased => !self.calls[it.call].call.is_paused(),
            Stage::Dialing => self.exchanges(it.conn),
            Stage::Idle => true,
            Stage::Connecting => false,
        })
    }

    /// Returns whether the connection of `socket` is open and no call uses it. Bytes that come on
    /// it are unsolicited: [`read`](Self::read) closes it.
    pub fn is_idle(&self, socket: SocketId) -> bool {
        self.sockets.get(socket).is_some_and(|it| it.stage == Stage::Idle)
    }

    /// Returns how many of the next bytes are body data only: see
    /// [`Connection::body_ahead`](crate::h1::Connection::body_ahead).
    pub fn body_ahead(&self, socket: SocketId) -> BodyLeft {
        let leased = self.sockets.get(socket).filter(|it| it.stage == Stage::Leased);
        leased.map_or(BodyLeft::NONE, |it| it.h1.body_ahead())
    }

    /// Returns whether the bytes fetched for `socket` must still be written. False after the server
    /// has refused the request before its end (RFC 9112 9.5), after a failed write, and for a stale
    /// id. [`fill`](Self::fill) asks this.
    pub fn sends(&self, socket: SocketId) -> bool {
        self.sockets.get(socket).is_some_and(|it| match it.stage {
            Stage::Leased => self.calls[it.call].call.sends(),
            Stage::Dialing => true,
            Stage::Idle | Stage::Connecting => false,
        })
    }

    /// Returns whether a connection exists: being opened, idle or in use. A driver that keeps
    /// something for a connection, such as the system's error, drops it when this is false.
    pub fn has(&self, conn: ConnId) -> bool {
        self.pool.has(conn)
    }

    /// Returns the key of the connection of `socket`, once it is open: idle or in use. `None`
    /// while it is being opened, and for a stale id.
    pub fn key(&self, socket: SocketId) -> Option<&Key> {
        let it = self.sockets.get(socket)?;
        matches!(it.stage, Stage::Idle | Stage::Leased).then(|| self.pool.key_of(it.conn))?
    }

    /// Returns the call that uses `socket`. `None` if no call does, if the application gave the
    /// call up, and for a stale id.
    pub fn caller(&self, socket: SocketId) -> Option<CallId> {
        let index = self.sockets.caller(socket)?;
        (!self.calls[index].silent).then(|| self.name(index))
    }

    /// Returns whether bytes are being exchanged with a proxy.
    fn exchanges(&self, conn: ConnId) -> bool {
        self.dials.get(conn).is_some_and(|it| it.dial.next() == dial::Next::Exchange)
    }

    /// Returns whether the request on `socket` is long enough to limit the unsent bytes that the
    /// system buffers: see [`Call::is_long`](crate::call::Call::is_long).
    pub fn is_long(&self, socket: SocketId) -> bool {
        self.sockets.caller(socket).is_some_and(|index| self.calls[index].call.is_long())
    }

    /// Returns whether, with such a limit, the last bytes for `socket` count as written only once
    /// the socket is writable again: see
    /// [`Call::is_written_late`](crate::call::Call::is_written_late).
    pub fn is_written_late(&self, socket: SocketId) -> bool {
        self.sockets.caller(socket).is_some_and(|index| self.calls[index].call.is_written_late())
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout), and the reason. The time is
    /// never later than the earliest deadline. It may be too early after a deadline has moved.
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        let soonest = self.timers.soonest().map(|(at, owner, which)| {
            let slot = owner.slot();
            if owner.is_call() {
                (at, Reason::Call(self.name(slot), which))
            } else {
                (at, Reason::Dial(self.dials.name_at(slot), which))
            }
        });
        match (soonest, self.pool.poll_timeout()) {
            (Some(soonest), Some(idle)) if soonest.0 <= idle => Some(soonest),
            (_, Some(idle)) => Some((idle, Reason::Idle)),
            (soonest, None) => soonest,
        }
    }

    pub(super) fn deadline(&mut self, owner: Owner) -> Option<(Instant, Deadline)> {
        if owner.is_call() {
            self.calls.at(owner.slot()).and_then(|(_, it)| it.call.poll_timeout())
        } else {
            self.dials.at(owner.slot()).and_then(|(_, it)| it.dial.poll_timeout())
        }
    }
}
