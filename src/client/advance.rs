//! Advances dials: asks each for its next step until it waits or has ended.

use alloc::vec::Vec;

use super::{Action, Client, Closed, dials::Announced, sockets::Stage, timers::Owner};
use crate::{
    dial::{Dial, Next},
    id::{ConnId, SocketId},
    message::{Key, PeerAddr},
    mutation::{Mutation, mutated},
    pool::Ticket,
    time::Instant,
    trace::{Trace, Who},
};

impl Client {
    /// Advances a dial after an event, and then all that depends on it.
    pub(super) fn attend_dial(&mut self, conn: ConnId, now: Instant) {
        self.advance(conn, now);
        self.go_on(now);
    }

    pub(super) fn begin_dial(&mut self, conn: ConnId, ticket: Ticket, key: &Key, now: Instant) {
        let opener = self.waiter(ticket);
        let policy = match opener {
            Some(index) => {
                let running = &mut self.calls[index];
                running.opening = Some(conn);
                running.call.opens(conn, now);
                running.call.dial_policy(&self.dial)
            }
            None => self.dial.clone(),
        };
        let mut dial = Dial::new(key, &policy, now);
        if let Some(sink) = &self.sink {
            dial.set_trace(Trace::new(sink.clone(), Who::Dial(conn.to_bits())));
        }
        if self.timings {
            dial.set_timings();
        }
        self.dials.begin(conn, dial, opener);
        self.advance(conn, now);
    }

    /// Adds the timings of the dial that was begun for a call to those of the call, when it has
    /// ended or the call does not wait for it any more.
    pub(super) fn keep_timings(&mut self, index: u32, now: Instant) {
        if let Some(running) = self.calls.at_mut(index)
            && let Some(conn) = running.opening.take()
            && let Some(dialing) = self.dials.get(conn)
        {
            running.call.keep_timings_of(conn, &dialing.dial, now);
        }
    }

    fn keep_timings_of(&mut self, conn: ConnId, now: Instant) {
        if let Some(index) = self.dials.get(conn).and_then(|dialing| dialing.opener)
            && self.calls.at_mut(index).is_some_and(|running| running.opening == Some(conn))
        {
            self.keep_timings(index, now);
        }
    }

    /// Performs the dial's next steps until it waits or has ended.
    pub(super) fn advance(&mut self, conn: ConnId, now: Instant) {
        while let Some(dialing) = self.dials.get_mut(conn) {
            if let Some((host, port)) = dialing.dial.stale_answer(now) {
                self.actions.push_back(Action::Refresh { host: host.into(), port });
            }
            match dialing.dial.next() {
                Next::Resolve { host, port } => {
                    self.actions.push_back(Action::Resolve { conn, host: host.into(), port });
                    dialing.announced = Announced::Resolve;
                    dialing.dial.resolving(now);
                }
                Next::Connect { attempt, addr } => {
                    let addr = addr.clone();
                    self.begin_attempt(conn, attempt, addr, now);
                }
                Next::Abandon { .. } => self.close_unwanted(conn),
                Next::Exchange => {
                    if let Some(socket) = dialing.announce(Announced::Transmit) {
                        self.actions.push_back(Action::Transmit { socket, probe: false });
                    }
                    break;
                }
                Next::StartTls { tls, name } => {
                    let name = name.into();
                    if let Some(socket) = dialing.announce(Announced::StartTls) {
                        self.actions.push_back(Action::StartTls { socket, tls, name });
                    }
                    break;
                }
                Next::Wait => break,
                Next::Ready { .. } => {
                    let socket = dialing.winner().expect("an attempt wins with its socket");
                    if let Some(socket) = self.sockets.get_mut(socket) {
                        socket.stage = Stage::Idle;
                    }
                    dialing.sockets.clear();
                    let peer = dialing.dial.peer_ip();
                    self.keep_timings_of(conn, now);
                    self.end_dial(conn, Closed::Failed);
                    if let Some(ip) = peer {
                        self.pool.dial_peer(conn, ip);
                    }
                    self.pool.dialed(conn, socket, now);
                }
                Next::Failed(why) => {
                    self.keep_timings_of(conn, now);
                    let payer = self.pool.payer_of(conn, why);
                    let payer = payer.and_then(|ticket| self.waiter(ticket));
                    if let (Some(index), Some(dialing)) = (payer, self.dials.get_mut(conn)) {
                        self.calls[index].call.keep_proxy_response(&mut dialing.dial);
                    }
                    self.end_dial(conn, Closed::Failed);
                    if let Some(index) = payer {
                        self.calls[index].served = Some((conn, false));
                    }
                    self.pool.dial_failed(conn, why, now);
                }
            }
        }
        if self.dials.get(conn).is_some() {
            self.timers_set(Owner::dial(conn.index));
        }
    }

    fn begin_attempt(&mut self, conn: ConnId, attempt: u8, addr: PeerAddr, now: Instant) {
        let needed_by = self.needed_by(conn, now);
        let Some(dialing) = self.dials.get_mut(conn) else { return };
        let socket = self.sockets.begin(conn, attempt, self.messages);
        dialing.sockets.push(socket);
        let local = dialing.dial.key().local();
        self.actions.push_back(Action::Connect { socket, conn, addr, local });
        dialing.dial.needed_by(needed_by, now);
        dialing.dial.connecting(attempt, now);
    }

    /// Closes the sockets that a dial does not want: those that lost a race, or all if it failed.
    fn close_unwanted(&mut self, conn: ConnId) {
        let Some(dialing) = self.dials.get_mut(conn) else { return };
        let mut unwanted: Vec<SocketId> = Vec::new();
        while let Next::Abandon { attempt } = dialing.dial.next() {
            dialing.dial.abandoned(attempt);
            let sockets = &self.sockets;
            unwanted.extend(dialing.sockets.extract_if(.., |socket| {
                sockets.get(*socket).is_none_or(|it| it.attempt == attempt)
            }));
        }
        let failed = matches!(dialing.dial.next(), Next::Failed(_));
        let why = if failed { Closed::Failed } else { Closed::Abandoned };
        for socket in unwanted {
            if why == Closed::Abandoned && mutated(Mutation::OpenLoser) {
                self.sockets.remove(socket);
                continue;
            }
            self.close_socket(socket, why);
        }
    }

    /// Removes a dial, closes its sockets, and ends its look-up.
    pub(super) fn end_dial(&mut self, conn: ConnId, why: Closed) {
        let Some(dialing) = self.dials.end(conn) else { return };
        self.timers.remove(Owner::dial(conn.index));
        if dialing.announced == Announced::Resolve && !mutated(Mutation::EndlessLookUp) {
            self.actions.push_back(Action::CancelResolve { conn });
        }
        for socket in dialing.sockets {
            self.close_socket(socket, why);
        }
    }
}
