//! The events that the driver reports.

use core::net::SocketAddr;

use super::{Client, Event, Step, dials::Announced, sockets::Stage};
use crate::{
    error::{IoKind, ResolveKind, TlsKind},
    h1::Eof,
    id::{ConnId, LookUpId, SocketId},
    mutation::{Mutation, mutated},
    time::Instant,
};

/// # The driver tells
impl Client {
    /// Reports that the look-up for [`Action::Resolve`](super::Action::Resolve) waits for a thread
    /// of the resolver. Call [`handle_resolving`](Self::handle_resolving) when it begins.
    pub fn handle_resolve_queued(&mut self, conn: ConnId, now: Instant) {
        if let Some(dialing) = self.dials.get_mut(conn) {
            dialing.dial.resolve_queued(now);
            self.attend_dial(conn, now);
        }
    }

    /// Reports that a [queued](Self::handle_resolve_queued) look-up has begun.
    pub fn handle_resolving(&mut self, conn: ConnId, now: Instant) {
        if let Some(dialing) = self.dials.get_mut(conn) {
            dialing.dial.resolving(now);
            self.attend_dial(conn, now);
        }
    }

    /// Answers [`Action::Resolve`](super::Action::Resolve). `addrs` are in the resolver's order, and may be empty.
    pub fn handle_resolved(&mut self, conn: ConnId, addrs: &[SocketAddr], now: Instant) {
        if let Some(dialing) = self.dials.get_mut(conn) {
            dialing.answered(Announced::Resolve);
            dialing.dial.resolved(addrs, now);
            self.attend_dial(conn, now);
        }
    }

    /// Answers [`Action::Resolve`](super::Action::Resolve): the look-up failed. If the name does
    /// not exist, call [`handle_resolved`](Self::handle_resolved) without addresses instead.
    pub fn handle_resolve_failed(&mut self, conn: ConnId, why: ResolveKind, now: Instant) {
        if let Some(dialing) = self.dials.get_mut(conn) {
            dialing.answered(Announced::Resolve);
            dialing.dial.resolve_failed(why, now);
            self.attend_dial(conn, now);
        }
    }

    /// Answers [`Action::LookUp`](super::Action::LookUp). `addrs` are the addresses that the name has
    /// now, in any order; if the look-up failed, pass none, and nothing changes. See
    /// [`Pool::looked_up`](crate::pool::Pool::looked_up).
    pub fn handle_looked_up(&mut self, look_up: LookUpId, addrs: &[SocketAddr], now: Instant) {
        self.pool.looked_up(look_up, addrs, now);
        self.go_on(now);
    }

    /// Answers [`Action::Connect`](super::Action::Connect). After `Err`, the id is stale: close the socket. Ignored if the id
    /// is stale already: an [`Action::Close`](super::Action::Close) has told the driver to close the socket.
    pub fn handle_connected(&mut self, socket: SocketId, done: Result<(), IoKind>, now: Instant) {
        let Some(it) = self.sockets.get_mut(socket).filter(|it| it.stage == Stage::Connecting)
        else {
            return;
        };
        let (conn, attempt) = (it.conn, it.attempt);
        let Some(dialing) = self.dials.get_mut(conn) else { return };
        match done {
            Ok(()) => {
                it.stage = Stage::Dialing;
                dialing.dial.connected(attempt, now);
            }
            Err(why) => {
                self.sockets.remove(socket);
                dialing.sockets.retain(|it| *it != socket);
                dialing.dial.connect_failed(attempt, why, now);
            }
        }
        self.advance(conn, now);
        if self.dials.get(conn).is_some_and(|it| it.dial.winner() == Some(attempt)) {
            self.pool.dial_connected(conn);
        }
        self.go_on(now);
    }

    /// Answers [`Action::StartTls`](super::Action::StartTls). A handshake that is done may be
    /// described for the trace: see [`Dial::tls_up`](crate::dial::Dial::tls_up).
    pub fn handle_tls(&mut self, socket: SocketId, done: Result<&str, TlsKind>, now: Instant) {
        if let Some(conn) = self.sockets.dialing(socket)
            && let Some(dialing) = self.dials.get_mut(conn)
        {
            dialing.answered(Announced::StartTls);
            match done {
                Ok(session) => dialing.dial.tls_up(session, now),
                Err(why) => dialing.dial.tls_failed(why, now),
            }
            self.attend_dial(conn, now);
        }
    }

    /// Parses bytes that were read. Returns how many were consumed, and the next step. Call again
    /// with the rest until [`Step::NeedInput`]; then keep the rest and put it in front of the next
    /// input. [`read`](Self::read) does all of this.
    ///
    /// Bytes on an idle connection close it, because they answer no request. They are not consumed,
    /// nor are bytes for a stale id.
    pub fn receive<'i>(
        &mut self,
        socket: SocketId,
        input: &'i [u8],
        now: Instant,
    ) -> (usize, Step<'i>) {
        let Some(it) = self.sockets.get(socket) else { return (0, Step::NeedInput) };
        let conn = it.conn;
        match it.stage {
            Stage::Leased => return self.receive_answer(socket, input, now),
            Stage::Dialing => {
                let taken = self.dials.get_mut(conn).map_or(0, |dialing| {
                    dialing.answered(Announced::Transmit);
                    dialing.dial.receive(input, now)
                });
                self.attend_dial(conn, now);
                return (taken, if taken > 0 { Step::Skipped } else { Step::NeedInput });
            }
            Stage::Idle if !input.is_empty() && !mutated(Mutation::PoisonedIdle) => {
                self.pool.idle_lost(conn);
                self.go_on(now);
            }
            Stage::Idle | Stage::Connecting => {}
        }
        (0, Step::NeedInput)
    }

    /// Reports that the peer closed its side, or that the connection broke. Over TLS an end without
    /// close_notify is [`Eof::Broken`], and an alert is [`Eof::Tls`]. Pass all earlier input to
    /// [`read`](Self::read) first. Returns [`Event::End`] if this ends a body.
    #[must_use = "the end of a body that ends with its connection is in it"]
    pub fn handle_eof(
        &mut self,
        socket: SocketId,
        eof: Eof,
        now: Instant,
    ) -> Option<Event<'static>> {
        let it = self.sockets.get(socket)?;
        match it.stage {
            Stage::Leased => return self.receive_end(socket, eof, now),
            Stage::Dialing => {
                let why = match eof {
                    Eof::Clean => IoKind::Eof,
                    Eof::Broken | Eof::Tls(_) => IoKind::Reset,
                };
                self.lose_dial(socket, why, now);
            }
            Stage::Idle => {
                self.pool.idle_lost(it.conn);
                self.go_on(now);
            }
            Stage::Connecting => {}
        }
        None
    }

    /// Reports that `bytes` bytes were written, of those from
    /// [`poll_transmit`](Self::poll_transmit) and [`send_body`](Self::send_body) and of the body
    /// between them. [`sent`](Self::sent) does this for an outbox.
    pub fn handle_written(&mut self, socket: SocketId, bytes: usize, now: Instant) {
        if let Some(index) = self.sockets.caller(socket) {
            self.calls[index].call.written(bytes, now);
            self.attend(index, now);
        }
    }

    /// Reports a failed write. Continue to read, because a response may have arrived before the
    /// failure.
    pub fn handle_write_failed(&mut self, socket: SocketId, why: IoKind, now: Instant) {
        match self.sockets.caller(socket) {
            Some(index) => {
                self.calls[index].call.write_failed(why, now);
                self.attend(index, now);
            }
            None => self.lose_dial(socket, why, now),
        }
    }

    /// Handles the deadlines that have passed, earliest first. Does nothing if called too early.
    /// May leave work for the next time; [`poll_timeout`](Self::poll_timeout) then returns that.
    pub fn handle_timeout(&mut self, now: Instant) {
        let mut due = core::mem::take(&mut self.due);
        while let Some(owner) = self.timers.pop_due(now) {
            match self.deadline(owner) {
                Some((at, _)) if at <= now => due.push((at, owner)),
                later => self.timers.set(owner, later),
            }
        }
        // An entry may have been early, so sort by the actual deadlines.
        due.sort_unstable();
        for (_, owner) in due.drain(..) {
            if owner.is_call() {
                if let Some(running) = self.calls.at_mut(owner.slot()) {
                    running.call.handle_timeout(now);
                    self.attend(owner.slot(), now);
                }
            } else if let Some((conn, dialing)) = self.dials.at(owner.slot()) {
                dialing.dial.handle_timeout(now);
                self.attend_dial(conn, now);
            }
        }
        // An entry made above may be of a deadline that was handled after it.
        while let Some(owner) = self.timers.pop_due(now) {
            due.push((now, owner));
        }
        for (_, owner) in due.drain(..) {
            self.timers_set(owner);
        }
        self.due = due;
        if self.pool.poll_timeout().is_some_and(|at| at <= now) {
            self.pool.handle_timeout(now);
        }
        self.go_on(now);
    }
}
