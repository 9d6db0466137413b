//! Settles the consequences of an input: asks calls, dials and the pool for their next step, until
//! all of them wait.

use super::{Action, Client, Closed, Event, timers::Owner};
use crate::{
    call::{Call, Next},
    dial::{self, Dial},
    error::IoKind,
    h1::{self, Connection, Eof, Reuse},
    id::{CallId, ConnId},
    message::{Key, OwnedFields},
    mutation::{Mutation, mutated},
    pool::{self, Checkin, Claim, Lease, Ticket},
    time::Instant,
    trace::{Trace, Who},
};

/// A call, and the client's state for it.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) call: Call,
    /// The ticket with which it waits for a connection.
    pub(super) ticket: Option<Ticket>,
    /// Whether the ticket must be claimed.
    asks: bool,
    /// The connection that it uses.
    pub(super) conn: Option<ConnId>,
    /// The connection that it uses or used last, and whether it was a reused one; or a later
    /// connection that failed to open.
    pub(super) served: Option<(ConnId, bool)>,
    /// Whether the application gave the call up: its id is stale, and it has no more events.
    pub(super) silent: bool,
    /// Whether the driver was told that there is something to send.
    pub(super) told: bool,
    /// Whether the driver was told to rewind the body.
    pub(super) rewinding: bool,
    /// Whether the call has ended, and its end is queued for the driver or was passed to it.
    pub(super) ended: bool,
    /// The trailer fields of a complete response, kept until the request's body has been sent.
    late_end: Option<OwnedFields>,
    /// Whether the application gave the call up while its body is still being sent.
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
    /// Serves a call after an event, and then all that depends on it.
    pub(super) fn attend(&mut self, index: u32, now: Instant) {
        self.serve(index, now);
        self.go_on(now);
    }

    /// Advances a dial after an event, and then all that depends on it.
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

    /// Performs the pool's actions and serves the calls that they concern, until none is left.
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

    pub(super) fn receive_end(&mut self, conn: ConnId, eof: Eof, now: Instant) -> Event<'static> {
        let Some(leased) = self.conns.leased(conn) else { return Event::NeedInput };
        let (index, running) = (leased.call, &mut self.calls[leased.call]);
        let event = running.call.receive_eof(&mut leased.h1, eof, now);
        let event = self.of(index, event);
        self.attend(index, now);
        event
    }

    /// Removes a call that has ended, once its end was passed to the driver.
    pub(super) fn forget(&mut self, index: u32) {
        self.timers.remove(Owner::call(index));
        self.calls.remove_at(index);
    }

    /// Tags an event with its call. Drops it if the application gave the call up.
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

    /// Performs the call's next steps until it waits or has ended.
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
                Next::Leave => self.leave(index, now),
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

    /// Handles the end of a call that has no event for its end. Reports `BodyDone` if its body was
    /// still being sent.
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

    /// Checks out a connection for a call.
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

    /// Cancels the ticket of a call for which no connection was opened in time.
    fn leave(&mut self, index: u32, now: Instant) {
        let running = &mut self.calls[index];
        if let Some(ticket) = running.ticket.take() {
            let dial = self.pool.dial_of(ticket).map(|conn| (conn, false));
            running.served = dial.or(running.served);
            self.pool.cancel(ticket, now);
        }
        running.call.left(now);
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
        running.call.start(&mut leased.h1, reused.into(), now, &mut leased.out);
        (running.conn, running.served, running.told) = (Some(conn), Some((conn, reused)), true);
        self.actions.push_back(Action::Transmit { conn, probe });
    }

    /// Returns a call's connection to the pool. `rest` is the input that was not consumed.
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
                self.begin_dial(conn, ticket, &key, now);
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

    /// Returns the call of a ticket.
    pub(super) fn waiter(&self, ticket: Ticket) -> Option<u32> {
        let index = *self.tickets.get(ticket.index())?;
        let (_, running) = self.calls.at(index)?;
        (running.ticket == Some(ticket)).then_some(index)
    }

    fn begin_dial(&mut self, conn: ConnId, ticket: Ticket, key: &Key, now: Instant) {
        let waiter = self.waiter(ticket).map(|index| &self.calls[index].call);
        let policy = waiter.map_or(self.dial, |call| call.dial_policy(&self.dial));
        let mut dial = Dial::new(key, &policy, now);
        if let Some(sink) = &self.sink {
            dial.set_trace(Trace::new(sink.clone(), Who::Dial(conn.to_bits())));
        }
        self.conns.begin(conn, dial);
        self.advance(conn, now);
    }

    /// Performs the dial's next steps until it waits or has ended.
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
                    let needed_by = self.needed_by(conn, now);
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
