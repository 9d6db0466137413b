//! Settles the consequences of an input: asks calls, dials and the pool for their next step, until
//! all of them wait.

use super::{Action, Client, Closed, Event, Step, timers::Owner};
use crate::{
    call::{Call, Next},
    error::IoKind,
    h1::{self, Eof},
    id::{CallId, ConnId, SocketId},
    message::OwnedFields,
    mutation::{Mutation, mutated},
    pool::{self, Checkin, Claim, Lease, Ticket},
    time::Instant,
};

/// A call, and the client's state for it.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) call: Call,
    /// The ticket with which it waits for a connection.
    pub(super) ticket: Option<Ticket>,
    /// The connection that is being opened for it.
    pub(super) opening: Option<ConnId>,
    /// Whether the ticket must be claimed.
    asks: bool,
    /// The socket that it uses.
    pub(super) socket: Option<SocketId>,
    /// The connection that it uses or used last, and whether it was a reused one; or a later
    /// connection that failed to open.
    pub(super) served: Option<(ConnId, bool)>,
    /// Whether the application gave the call up: its id is stale, and it has no more events.
    pub(super) silent: bool,
    pub(super) announced: Announced,
    /// Whether the call has ended, and its end is queued for the driver or was passed to it.
    pub(super) ended: bool,
    /// The trailer fields of a complete response, kept until the request's body has been sent and
    /// the response's body was decoded.
    late_end: Option<OwnedFields>,
    /// Whether the application gave the call up while its body is still being sent.
    pub(super) feeds: bool,
}

/// The action that the driver was last given for a call's current step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announced {
    /// None, or it has been performed.
    Nothing,
    /// The `Transmit` of a new request, which the driver has not taken yet. It tells whether to
    /// probe, so there are no bytes to write before it is taken. `place` is its place among all
    /// actions: another `Transmit` of the same socket may be in front of it.
    Begin { place: u64 },
    /// A `Transmit`. The driver asks for bytes until there are none.
    Transmit,
    /// A `Rewind`, which has not been answered.
    Rewind,
    /// A `CheckBody`, which has not been answered.
    CheckBody,
}

impl Running {
    pub(super) const fn new(call: Call) -> Self {
        Self {
            call,
            ticket: None,
            opening: None,
            asks: false,
            socket: None,
            served: None,
            silent: false,
            announced: Announced::Nothing,
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

    pub(super) fn lose_dial(&mut self, socket: SocketId, why: IoKind, now: Instant) {
        if let Some(conn) = self.sockets.dialing(socket)
            && let Some(dialing) = self.dials.get_mut(conn)
        {
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
        socket: SocketId,
        input: &'i [u8],
        now: Instant,
    ) -> (usize, Step<'i>) {
        let Some(leased) = self.sockets.leased(socket) else { return (0, Step::NeedInput) };
        let (index, running) = (leased.call, &mut self.calls[leased.call]);
        let (taken, event) = running.call.receive(&mut leased.h1, input, now);
        let step = self.of(index, event);
        if self.calls[index].call.next() == Next::Release {
            self.release(index, input.get(taken..).unwrap_or_default(), now);
        }
        self.attend(index, now);
        (taken, step)
    }

    pub(super) fn receive_end(
        &mut self,
        socket: SocketId,
        eof: Eof,
        now: Instant,
    ) -> Option<Event<'static>> {
        let leased = self.sockets.leased(socket)?;
        let (index, running) = (leased.call, &mut self.calls[leased.call]);
        let event = running.call.receive_eof(&mut leased.h1, eof, now);
        let step = self.of(index, event);
        self.attend(index, now);
        match step {
            Step::Event(event) => Some(event),
            Step::NeedInput | Step::Skipped => None,
        }
    }

    /// Removes a call that has ended, once its end was passed to the driver.
    pub(super) fn forget(&mut self, index: u32) {
        self.timers.remove(Owner::call(index));
        self.calls.remove_at(index);
    }

    /// Tags an event with its call. Drops it if the application gave the call up.
    fn of<'i>(&mut self, index: u32, event: h1::Event<'i>) -> Step<'i> {
        let running = &mut self.calls[index];
        if running.silent && !matches!(event, h1::Event::NeedInput) {
            return Step::Skipped;
        }
        let goes_on = running.call.next() != Next::Release;
        let call = self.name(index);
        Step::Event(match event {
            h1::Event::End(trailers) if goes_on => {
                self.calls[index].late_end.insert(OwnedFields::default()).set(&trailers);
                return Step::Skipped;
            }
            h1::Event::NeedInput => return Step::NeedInput,
            h1::Event::Skipped => return Step::Skipped,
            h1::Event::Interim(head) => Event::Interim(call, head),
            h1::Event::Head(head) => Event::Head(call, head),
            h1::Event::Data(data) => Event::Data(call, data),
            h1::Event::End(trailers) => Event::End(call, trailers),
        })
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
                Next::Rewind if running.announced == Announced::Rewind => break,
                Next::Rewind => {
                    running.announced = Announced::Rewind;
                    let call = self.name(index);
                    self.actions.push_back(Action::Rewind { call });
                    break;
                }
                Next::CheckBody => {
                    if running.announced != Announced::CheckBody && !running.silent {
                        running.announced = Announced::CheckBody;
                        let call = self.name(index);
                        self.actions.push_back(Action::CheckBody { call });
                    }
                    break;
                }
                Next::SendBody(_) => {
                    if running.announced == Announced::Nothing
                        && let Some(socket) = running.socket
                    {
                        running.announced = Announced::Transmit;
                        self.actions.push_back(Action::Transmit { socket, probe: false });
                    }
                    break;
                }
                Next::Restart => {
                    running.late_end = None;
                    running.call.restarted(now);
                    if !running.silent {
                        let call = self.name(index);
                        self.actions.push_back(Action::Restart { call });
                    }
                }
                Next::Exchange | Next::Wait => break,
                Next::Release => self.release(index, &[], now),
                Next::HandOver => {
                    if let Some(socket) = running.socket.take()
                        && let Some((lease, _)) = self.sockets.unlease(socket)
                    {
                        self.pool.checkin(lease, Checkin::Discard, now);
                        self.sockets.remove(socket);
                        let call = self.name(index);
                        self.actions.push_back(Action::HandOver { socket, call });
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
                        self.keep_timings(index, now);
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
        self.keep_timings(index, now);
        let running = &mut self.calls[index];
        if let Some(ticket) = running.ticket.take() {
            let dial = self.pool.dial_of(ticket).map(|conn| (conn, false));
            running.served = dial.or(running.served);
            self.pool.cancel(ticket, now);
        }
        running.call.left(now);
    }

    fn claimed(&mut self, index: u32, claim: Claim<SocketId>, now: Instant) {
        if !matches!(claim, Claim::Wait { .. }) {
            self.calls[index].ticket = None;
            self.keep_timings(index, now);
        }
        let running = &mut self.calls[index];
        match claim {
            Claim::Wait { dialing } => running.call.dialing(dialing, now),
            Claim::Failed(why) => running.call.lease_failed(why, now),
            Claim::Fresh { lease, io } => self.start(index, lease, io, None, now),
            Claim::Reuse { lease, io, probe } => self.start(index, lease, io, Some(probe), now),
        }
    }

    /// Begins an attempt on a connection. `reused` tells whether to probe one that was used before.
    fn start(
        &mut self,
        index: u32,
        lease: Lease,
        socket: SocketId,
        reused: Option<bool>,
        now: Instant,
    ) {
        let conn = lease.conn();
        let leased = self.sockets.lease(socket, lease, index);
        let running = &mut self.calls[index];
        running.call.lent(conn, now);
        running.call.start(&mut leased.h1, reused.is_some().into(), now, &mut leased.out);
        (running.socket, running.served) = (Some(socket), Some((conn, reused.is_some())));
        running.announced = Announced::Begin { place: self.taken + self.actions.len() as u64 };
        let probe = reused == Some(true);
        self.actions.push_back(Action::Transmit { socket, probe });
    }

    /// Returns a call's connection to the pool. `rest` is the input that was not consumed.
    fn release(&mut self, index: u32, rest: &[u8], now: Instant) {
        let running = &mut self.calls[index];
        let Some(socket) = running.socket.take() else { return };
        let Some((lease, h1)) = self.sockets.unlease(socket) else { return };
        if running.call.released(h1, rest, now) {
            self.pool.checkin(lease, Checkin::Keep(socket), now);
        } else {
            let why = Closed::after(h1, rest);
            if !mutated(Mutation::LeakedLease) {
                self.pool.checkin(lease, Checkin::Discard, now);
            }
            self.close_socket(socket, why);
        }
    }

    fn obey(&mut self, action: pool::Action<SocketId>, now: Instant) {
        match action {
            pool::Action::Dial { conn, ticket, key } => {
                self.begin_dial(conn, ticket, &key, now);
                self.wake(ticket);
            }
            pool::Action::Abandon { conn } => {
                let dial = self.dials.get_mut(conn).map(|dialing| &mut dialing.dial);
                if let Some((host, port)) = dial.and_then(|dial| dial.stale_answer(now)) {
                    self.actions.push_back(Action::Refresh { host: host.into(), port });
                }
                self.end_dial(conn, Closed::Abandoned);
            }
            pool::Action::Wake(ticket) => self.wake(ticket),
            pool::Action::LookUp { look_up, host, port } => {
                self.actions.push_back(Action::LookUp { look_up, host, port });
            }
            pool::Action::Close { io, why, .. } => self.close_socket(io, Closed::Evicted(why)),
        }
    }

    /// Closes a socket that no call uses. Ignores one that is closed already.
    pub(super) fn close_socket(&mut self, socket: SocketId, why: Closed) {
        if self.sockets.remove(socket) {
            self.actions.push_back(Action::Close { socket, why });
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

    pub(super) fn name(&self, index: u32) -> CallId {
        CallId { index, generation: self.calls.generation(index) }
    }
}
