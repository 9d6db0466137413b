//! What follows from an input: calls, dials and the pool are asked what is next, until all of them
//! wait.

use super::{Action, Client, Closed, Event, timers::Owner};
use crate::{
    call::{Call, Next},
    dial::{self, Dial},
    error::IoKind,
    h1::{self, Connection, Reuse},
    id::{CallId, ConnId},
    message::{Key, OwnedFields},
    mutation::{Mutation, mutated},
    pool::{self, Checkin, Claim, Lease, Ticket},
    time::Instant,
    trace::{Trace, Who},
};

/// A call, and what the client has to remember about it.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) call: Call,
    /// Its place in line.
    pub(super) ticket: Option<Ticket>,
    /// The ticket has to be asked about.
    asks: bool,
    /// The connection that it uses.
    pub(super) conn: Option<ConnId>,
    /// The one it uses or used last, and whether that had served before, or the one that failed to
    /// open since then.
    pub(super) served: Option<(ConnId, bool)>,
    /// Nobody wants to hear of it any more: its id is stale.
    pub(super) silent: bool,
    /// The driver knows that there is something to send.
    pub(super) told: bool,
    /// The driver knows that the body is to be rewound.
    pub(super) rewinding: bool,
    /// It is over; the driver has been, or is being, told so.
    pub(super) ended: bool,
    /// The response is complete, and its end is told when the request has left.
    late_end: Option<OwnedFields>,
    /// Nobody wants to hear of it, and its body is still being asked for.
    pub(super) feeds: bool,
}

impl Running {
    pub(super) const fn new(call: Call) -> Self {
        Self {
            call,
            ticket: None,
            asks: false,
            conn: None,
            served: None,
            silent: false,
            told: false,
            rewinding: false,
            ended: false,
            late_end: None,
            feeds: false,
        }
    }
}

impl Client {
    /// Something has happened to a call.
    pub(super) fn attend(&mut self, index: u32, now: Instant) {
        self.serve(index, now);
        self.go_on(now);
    }

    /// Something has happened to a dial.
    pub(super) fn attend_dial(&mut self, conn: ConnId, now: Instant) {
        self.advance(conn, now);
        self.go_on(now);
    }

    pub(super) fn lose_dial(&mut self, conn: ConnId, why: IoKind, now: Instant) {
        if let Some(dialing) = self.conns.dialing(conn) {
            dialing.dial.lost(why, now);
            self.attend_dial(conn, now);
        }
    }

    /// Does what the pool wants done, and serves the calls that concerns, until nothing is left.
    pub(super) fn go_on(&mut self, now: Instant) {
        loop {
            while let Some(action) = self.pool.poll_action() {
                self.obey(action, now);
            }
            match self.work.pop_front() {
                Some(index) => self.serve(index, now),
                None => return,
            }
        }
    }

    pub(super) fn receive_answer<'i>(
        &mut self,
        conn: ConnId,
        input: &'i [u8],
        now: Instant,
    ) -> (usize, Event<'i>) {
        let Some(leased) = self.conns.leased(conn) else { return (0, Event::NeedInput) };
        let (index, running) = (leased.call, &mut self.calls[leased.call]);
        let (taken, event) = running.call.receive(&mut leased.h1, input, now);
        let event = self.of(index, event);
        if self.calls[index].call.next() == Next::Release {
            self.release(index, input.get(taken..).unwrap_or_default(), now);
        }
        self.attend(index, now);
        (taken, event)
    }

    pub(super) fn receive_end(
        &mut self,
        conn: ConnId,
        clean: bool,
        now: Instant,
    ) -> Event<'static> {
        let Some(leased) = self.conns.leased(conn) else { return Event::NeedInput };
        let (index, running) = (leased.call, &mut self.calls[leased.call]);
        let event = running.call.receive_eof(&mut leased.h1, clean, now);
        let event = self.of(index, event);
        self.attend(index, now);
        event
    }

    /// Forgets a call that has ended and whose end has been told.
    pub(super) fn forget(&mut self, index: u32) {
        self.timers.remove(Owner::call(index));
        self.calls.remove_at(index);
    }

    /// Puts the name of the call on what is for it, if anybody wants to hear.
    fn of<'i>(&mut self, index: u32, event: h1::Event<'i>) -> Event<'i> {
        let running = &mut self.calls[index];
        if running.silent && !matches!(event, h1::Event::NeedInput) {
            return Event::Skipped;
        }
        let goes_on = running.call.next() != Next::Release;
        let call = self.name(index);
        match event {
            h1::Event::End(trailers) if goes_on => {
                self.calls[index].late_end.insert(OwnedFields::default()).set(&trailers);
                Event::Skipped
            }
            h1::Event::NeedInput => Event::NeedInput,
            h1::Event::Skipped => Event::Skipped,
            h1::Event::Interim(head) => Event::Interim(call, head),
            h1::Event::Head(head) => Event::Head(call, head),
            h1::Event::Data(data) => Event::Data(call, data),
            h1::Event::End(trailers) => Event::End(call, trailers),
        }
    }

    /// Does what a call says is next, until it waits or is over.
    fn serve(&mut self, index: u32, now: Instant) {
        loop {
            let Some(running) = self.calls.at_mut(index).filter(|it| !it.ended) else { return };
            match running.call.next() {
                Next::Checkout => match running.ticket {
                    Some(ticket) if core::mem::take(&mut running.asks) => {
                        let claim = self.pool.claim(ticket, now);
                        self.claimed(index, claim, now);
                    }
                    Some(_) => break,
                    None => self.check_out(index, now),
                },
                Next::Rewind if running.rewinding => break,
                Next::Rewind => {
                    running.rewinding = true;
                    let call = self.name(index);
                    self.actions.push_back(Action::Rewind { call });
                    break;
                }
                Next::SendBody(_) => {
                    if !core::mem::replace(&mut running.told, true)
                        && let Some(conn) = running.conn
                    {
                        self.actions.push_back(Action::Transmit { conn, probe: false });
                    }
                    break;
                }
                Next::Exchange | Next::Wait => break,
                Next::Release => self.release(index, &[], now),
                Next::HandOver => {
                    if let Some(conn) = running.conn.take()
                        && let Some((lease, _)) = self.conns.unlease(conn)
                    {
                        self.pool.checkin(lease, Checkin::Discard, now);
                        let call = self.name(index);
                        self.actions.push_back(Action::HandOver { conn, call });
                    }
                    return self.end(index);
                }
                Next::Done => {
                    let end = running.late_end.take().filter(|_| !running.silent);
                    match end {
                        Some(trailers) => {
                            let call = self.name(index);
                            self.actions.push_back(Action::End { call, trailers });
                        }
                        None => self.ends_unheard(index),
                    }
                    return self.end(index);
                }
                Next::Failed(failure) => {
                    if let Some(ticket) = running.ticket.take() {
                        self.pool.cancel(ticket, now);
                    }
                    if self.calls[index].silent {
                        self.ends_unheard(index);
                    } else {
                        let call = self.name(index);
                        self.actions.push_back(Action::Failed { call, failure });
                    }
                    return self.end(index);
                }
            }
        }
        self.timers_set(Owner::call(index));
    }

    /// A call ends of whose end nothing is to be told, but perhaps that its body is needed no more.
    fn ends_unheard(&mut self, index: u32) {
        if self.calls[index].feeds {
            let call = self.name(index);
            self.actions.push_back(Action::BodyDone { call });
        } else {
            self.over.push(index);
        }
    }

    fn end(&mut self, index: u32) {
        self.calls[index].ended = true;
        self.live -= 1;
        self.timers.remove(Owner::call(index));
    }

    /// Takes a place in line.
    fn check_out(&mut self, index: u32, now: Instant) {
        let running = &mut self.calls[index];
        match self.pool.checkout(running.call.key(), running.call.want(), now) {
            Err(why) => running.call.lease_failed(why, now),
            Ok(ticket) => {
                (running.ticket, running.asks) = (Some(ticket), true);
                if self.tickets.len() <= ticket.index() {
                    self.tickets.resize(ticket.index() + 1, 0);
                }
                self.tickets[ticket.index()] = index;
            }
        }
    }

    fn claimed(&mut self, index: u32, claim: Claim<Connection>, now: Instant) {
        let running = &mut self.calls[index];
        if !matches!(claim, Claim::Wait { .. }) {
            running.ticket = None;
        }
        match claim {
            Claim::Wait { dialing } => running.call.dialing(dialing, now),
            Claim::Failed(why) => running.call.lease_failed(why, now),
            Claim::Fresh { lease, io } => self.start(index, lease, io, false, false, now),
            Claim::Reuse { lease, io, probe } => self.start(index, lease, io, true, probe, now),
        }
    }

    /// Begins an attempt on a connection.
    fn start(
        &mut self,
        index: u32,
        lease: Lease,
        h1: Connection,
        reused: bool,
        probe: bool,
        now: Instant,
    ) {
        let conn = self.conns.lease(lease, h1, index);
        let Some(leased) = self.conns.leased(conn) else { return };
        let running = &mut self.calls[index];
        running.call.start(&mut leased.h1, reused, now, &mut leased.out);
        (running.conn, running.served, running.told) = (Some(conn), Some((conn, reused)), true);
        self.actions.push_back(Action::Transmit { conn, probe });
    }

    /// Gives a call's connection back. `rest`: what was read and not taken.
    fn release(&mut self, index: u32, rest: &[u8], now: Instant) {
        let running = &mut self.calls[index];
        let Some(conn) = running.conn.take() else { return };
        let Some((lease, mut h1)) = self.conns.unlease(conn) else { return };
        if running.call.released(&mut h1, rest, now) {
            self.pool.checkin(lease, Checkin::Keep(h1), now);
        } else {
            let why = match h1.reuse() {
                Reuse::Never(why) => Closed::Used(why),
                Reuse::Ready | Reuse::NotYet => Closed::Unfinished,
            };
            if !mutated(Mutation::LeakedLease) {
                self.pool.checkin(lease, Checkin::Discard, now);
            }
            self.actions.push_back(Action::Close { conn, why });
        }
    }

    fn obey(&mut self, action: pool::Action<Connection>, now: Instant) {
        match action {
            pool::Action::Dial { conn, ticket, key } => {
                self.begin_dial(conn, &key, now);
                self.wake(ticket);
            }
            pool::Action::Abandon { conn } => {
                let dial = self.conns.dialing(conn).map(|dialing| &mut dialing.dial);
                if let Some((host, port)) = dial.and_then(|dial| dial.stale_answer(now)) {
                    self.actions.push_back(Action::Refresh { host: host.into(), port });
                }
                if self.conns.end_dial(conn) {
                    self.timers.remove(Owner::dial(conn.index));
                    self.actions.push_back(Action::Close { conn, why: Closed::Abandoned });
                }
            }
            pool::Action::Wake(ticket) => self.wake(ticket),
            pool::Action::Close { conn, why, .. } => {
                self.actions.push_back(Action::Close { conn, why: Closed::Evicted(why) });
            }
        }
    }

    fn wake(&mut self, ticket: Ticket) {
        if let Some(index) = self.waiter(ticket) {
            self.calls[index].asks = true;
            self.work.push_back(index);
        }
    }

    /// Whose ticket it is.
    pub(super) fn waiter(&self, ticket: Ticket) -> Option<u32> {
        let index = *self.tickets.get(ticket.index())?;
        let (_, running) = self.calls.at(index)?;
        (running.ticket == Some(ticket)).then_some(index)
    }

    fn begin_dial(&mut self, conn: ConnId, key: &Key, now: Instant) {
        let mut dial = Dial::new(key, &self.dial, now);
        if let Some(sink) = &self.sink {
            dial.set_trace(Trace::new(sink.clone(), Who::Dial(conn.to_bits())));
        }
        self.conns.begin(conn, dial);
        self.advance(conn, now);
    }

    /// Does what a dial says is next, until it waits or is over.
    fn advance(&mut self, conn: ConnId, now: Instant) {
        while let Some(dialing) = self.conns.dialing(conn) {
            if let Some((host, port)) = dialing.dial.stale_answer(now) {
                self.actions.push_back(Action::Refresh { host: host.into(), port });
            }
            match dialing.dial.next() {
                dial::Next::Resolve { host, port } => {
                    self.actions.push_back(Action::Resolve { conn, host: host.into(), port });
                    dialing.dial.resolving(now);
                }
                dial::Next::Connect { attempt, addr } => {
                    let local = dialing.dial.key().local();
                    self.actions.push_back(Action::Connect { conn, attempt, addr, local });
                    let needed_by = self.needed_by(conn);
                    if let Some(dialing) = self.conns.dialing(conn) {
                        dialing.dial.needed_by(needed_by, now);
                        dialing.dial.connecting(attempt, now);
                    }
                }
                dial::Next::Abandon { attempt } => {
                    self.actions.push_back(Action::Abandon { conn, attempt });
                    dialing.dial.abandoned(attempt);
                }
                dial::Next::Exchange if dialing.told => break,
                dial::Next::Exchange => {
                    dialing.told = true;
                    self.actions.push_back(Action::Transmit { conn, probe: false });
                    break;
                }
                dial::Next::StartTls { .. } if dialing.shaking => break,
                dial::Next::StartTls { tls, name } => {
                    self.actions.push_back(Action::StartTls { conn, tls, name: name.into() });
                    dialing.shaking = true;
                    break;
                }
                dial::Next::Wait => break,
                dial::Next::Ready { .. } => {
                    self.conns.end_dial(conn);
                    self.timers.remove(Owner::dial(conn.index));
                    self.pool.dialed(conn, Connection::new(self.messages), now);
                }
                dial::Next::Failed(why) => {
                    self.conns.end_dial(conn);
                    self.timers.remove(Owner::dial(conn.index));
                    self.actions.push_back(Action::Close { conn, why: Closed::Failed });
                    let payer = self.pool.payer_of(conn, why);
                    if let Some(index) = payer.and_then(|ticket| self.waiter(ticket)) {
                        self.calls[index].served = Some((conn, false));
                    }
                    self.pool.dial_failed(conn, why, now);
                }
            }
        }
        let Some(dialing) = self.conns.dialing(conn) else { return };
        if !dialing.up && dialing.dial.winner().is_some() {
            dialing.up = true;
            self.pool.dial_connected(conn);
        }
        self.timers_set(Owner::dial(conn.index));
    }

    pub(super) fn name(&self, index: u32) -> CallId {
        CallId { index, generation: self.calls.generation(index) }
    }
}
