//! A second, slow composition of the machines, written from the docs of [`httpool::pool`],
//! [`httpool::call`] and [`httpool::dial`] alone. It keeps everything in maps and searches them. It
//! shares no code with [`httpool::client`], and must behave the same.

use core::fmt;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use httpool::{
    call::{Call, Next},
    client::{Closed, Config},
    dial::{self, Dial},
    h1::{Connection, Event, Reuse},
    id::ConnId,
    pool::{Action, Checkin, Claim, Lease, Pool, Ticket},
    time::Instant,
    trace::{Sink, Trace, Who},
};

use super::{
    client::{Act, Said},
    reader::{head_text, text},
};

mod face;

/// The composition: its calls, dials and pool.
pub(super) struct Parts {
    config: Config,
    sink: Option<Arc<dyn Sink>>,
    pool: Pool<Connection>,
    /// The calls that have not ended, by number.
    calls: BTreeMap<usize, OneCall>,
    requests: usize,
    dials: BTreeMap<ConnId, OneDial>,
    acts: VecDeque<Act>,
    /// Calls whose ticket has an answer, in the order in which the pool reported them.
    woken: VecDeque<usize>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("calls", &self.calls.len()).field("pool", &self.pool).finish()
    }
}

#[derive(Debug)]
struct OneCall {
    call: Call,
    slot: u32,
    ticket: Option<Ticket>,
    /// Whether the ticket has an answer that the call has not claimed yet.
    asks: bool,
    conn: Option<OneConn>,
    /// Whether the application discarded the call, so that it gets no further events.
    silent: bool,
    /// Whether the driver was told to transmit and has not asked for output since.
    told: bool,
    rewinding: bool,
    /// The trailer fields of a response that was complete before its request was sent.
    late_end: Option<String>,
    /// Whether the call was discarded but still asks for its request body.
    feeds: bool,
}

/// A connection in use by a call.
#[derive(Debug)]
struct OneConn {
    name: ConnId,
    lease: Lease,
    h1: Connection,
    out: Vec<u8>,
    /// Whether the driver was told to transmit on this connection for the current request.
    told: bool,
}

#[derive(Debug)]
struct OneDial {
    dial: Dial,
    up: bool,
    told: bool,
    shaking: bool,
}

impl Parts {
    pub(super) fn new(config: Config, sink: Option<Arc<dyn Sink>>) -> Self {
        let mut pool = Pool::new(config.pool);
        if let Some(sink) = &sink {
            pool.set_trace(Trace::new(sink.clone(), Who::Pool));
        }
        Self {
            config,
            sink,
            pool,
            calls: BTreeMap::new(),
            requests: 0,
            dials: BTreeMap::new(),
            acts: VecDeque::new(),
            woken: VecDeque::new(),
        }
    }

    fn trace(&self, who: Who) -> Option<Trace> {
        self.sink.clone().map(|sink| Trace::new(sink, who))
    }

    /// Returns the number of the call that uses a connection.
    fn user(&self, conn: ConnId) -> Option<usize> {
        let uses = |it: &OneCall| it.conn.as_ref().is_some_and(|it| it.name == conn);
        self.calls.iter().find(|(_, it)| uses(it)).map(|(number, _)| *number)
    }

    /// Returns a call, unless it has ended or the application has discarded or cancelled it.
    fn alive(&mut self, number: usize) -> Option<&mut OneCall> {
        self.calls.get_mut(&number).filter(|it| !it.silent)
    }

    /// Returns a call that may still send body, perhaps after the application has discarded it.
    fn feeding(&mut self, number: usize) -> Option<&mut OneCall> {
        self.calls.get_mut(&number).filter(|it| !it.silent || it.feeds)
    }

    /// Passes an input to a call, and performs the steps that follow.
    fn with_call(&mut self, number: usize, now: Instant, tell: impl FnOnce(&mut OneCall)) {
        if let Some(it) = self.alive(number) {
            tell(it);
            self.follow(Some(number), now);
        }
    }

    fn with_dial(&mut self, conn: ConnId, now: Instant, tell: impl FnOnce(&mut OneDial)) {
        if let Some(it) = self.dials.get_mut(&conn) {
            tell(it);
            self.step_dial(conn, now);
            self.follow(None, now);
        }
    }

    /// Runs the machines until none has anything left to do: the call that got the input first,
    /// then the pool, then the calls that the pool woke, in order.
    fn follow(&mut self, first: Option<usize>, now: Instant) {
        if let Some(number) = first {
            self.step_call(number, now);
        }
        loop {
            while let Some(action) = self.pool.poll_action() {
                self.obey(action, now);
            }
            let Some(number) = self.woken.pop_front() else { return };
            self.step_call(number, now);
        }
    }

    fn obey(&mut self, action: Action<Connection>, now: Instant) {
        match action {
            Action::Dial { conn, ticket, key } => {
                let asked = self.calls.values().find(|it| it.ticket == Some(ticket));
                let policy = asked.map(|it| it.call.dial_policy(&self.config.dial));
                let mut dial = Dial::new(&key, &policy.unwrap_or(self.config.dial), now);
                if let Some(trace) = self.trace(Who::Dial(conn.to_bits())) {
                    dial.set_trace(trace);
                }
                self.dials.insert(conn, OneDial { dial, up: false, told: false, shaking: false });
                self.step_dial(conn, now);
                self.wake(ticket);
            }
            Action::Abandon { conn } => {
                let dial = self.dials.get_mut(&conn).map(|it| &mut it.dial);
                if let Some((host, port)) = dial.and_then(|dial| dial.stale_answer(now)) {
                    self.acts.push_back(Act::Refresh { host: host.to_owned(), port });
                }
                if self.dials.remove(&conn).is_some() {
                    self.acts.push_back(Act::Close { conn, why: Closed::Abandoned });
                }
            }
            Action::Wake(ticket) => self.wake(ticket),
            Action::Close { conn, why, .. } => {
                self.acts.push_back(Act::Close { conn, why: Closed::Evicted(why) });
            }
        }
    }

    fn wake(&mut self, ticket: Ticket) {
        let mut waiting = self.calls.iter_mut();
        if let Some((number, it)) = waiting.find(|(_, it)| it.ticket == Some(ticket)) {
            it.asks = true;
            self.woken.push_back(*number);
        }
    }

    /// Performs a call's next steps.
    fn step_call(&mut self, number: usize, now: Instant) {
        while let Some(it) = self.calls.get_mut(&number) {
            match it.call.next() {
                Next::Checkout => match it.ticket {
                    None => match self.pool.checkout(it.call.key(), it.call.want(), now) {
                        Ok(ticket) => (it.ticket, it.asks) = (Some(ticket), true),
                        Err(why) => it.call.lease_failed(why, now),
                    },
                    Some(ticket) if it.asks => {
                        it.asks = false;
                        let answer = self.pool.claim(ticket, now);
                        self.claimed(number, answer, now);
                    }
                    Some(_) => return,
                },
                Next::Leave => {
                    if let Some(ticket) = it.ticket.take() {
                        self.pool.cancel(ticket, now);
                    }
                    it.call.left(now);
                }
                Next::Rewind => {
                    if !it.rewinding {
                        it.rewinding = true;
                        self.acts.push_back(Act::Rewind { call: number });
                    }
                    return;
                }
                Next::SendBody(_) => {
                    if let Some(conn) = it.conn.as_ref().filter(|_| !it.told) {
                        it.told = true;
                        self.acts.push_back(Act::Transmit { conn: conn.name, probe: false });
                    }
                    return;
                }
                Next::Exchange | Next::Wait => return,
                Next::Release => self.release(number, b"", now),
                Next::HandOver => {
                    let gone = self.calls.remove(&number).and_then(|it| it.conn);
                    let OneConn { name, lease, .. } = gone.expect("it was leased");
                    self.pool.checkin(lease, Checkin::Discard, now);
                    self.acts.push_back(Act::HandOver { conn: name, call: number });
                }
                Next::Done => {
                    if it.feeds {
                        self.acts.push_back(Act::BodyDone { call: number });
                    } else if let Some(trailers) = it.late_end.take().filter(|_| !it.silent) {
                        self.acts.push_back(Act::End { call: number, trailers });
                    }
                    self.calls.remove(&number);
                }
                Next::Failed(failure) => {
                    if let Some(ticket) = it.ticket {
                        self.pool.cancel(ticket, now);
                    }
                    if it.feeds {
                        self.acts.push_back(Act::BodyDone { call: number });
                    } else if !it.silent {
                        self.acts.push_back(Act::Failed { call: number, failure });
                    }
                    self.calls.remove(&number);
                }
            }
        }
    }

    fn claimed(&mut self, number: usize, answer: Claim<Connection>, now: Instant) {
        let Some(it) = self.calls.get_mut(&number) else { return };
        let (lease, mut h1, reused, probe) = match answer {
            Claim::Wait { dialing } => return it.call.dialing(dialing, now),
            Claim::Failed(why) => {
                it.ticket = None;
                return it.call.lease_failed(why, now);
            }
            Claim::Fresh { lease, io } => (lease, io, false, false),
            Claim::Reuse { lease, io, probe } => (lease, io, true, probe),
        };
        it.ticket = None;
        let (name, mut out) = (lease.conn(), Vec::new());
        it.call.start(&mut h1, reused.into(), now, &mut out);
        it.conn = Some(OneConn { name, lease, h1, out, told: false });
        it.told = true;
        self.acts.push_back(Act::Transmit { conn: name, probe });
    }

    /// Returns a connection to the pool. `rest` is input that was read and not taken.
    fn release(&mut self, number: usize, rest: &[u8], now: Instant) {
        let Some(it) = self.calls.get_mut(&number) else { return };
        let OneConn { name, lease, mut h1, .. } = it.conn.take().expect("it was leased");
        if it.call.released(&mut h1, rest, now) {
            return self.pool.checkin(lease, Checkin::Keep(h1), now);
        }
        self.pool.checkin(lease, Checkin::Discard, now);
        let why = match h1.reuse() {
            Reuse::Never(why) => Closed::Used(why),
            Reuse::Ready | Reuse::NotYet => Closed::Unfinished,
        };
        self.acts.push_back(Act::Close { conn: name, why });
    }

    /// Performs a dial's next steps.
    fn step_dial(&mut self, conn: ConnId, now: Instant) {
        while let Some(it) = self.dials.get_mut(&conn) {
            if let Some((host, port)) = it.dial.stale_answer(now) {
                self.acts.push_back(Act::Refresh { host: host.to_owned(), port });
            }
            match it.dial.next() {
                dial::Next::Resolve { host, port } => {
                    self.acts.push_back(Act::Resolve { conn, host: host.to_owned(), port });
                    it.dial.resolving(now);
                }
                dial::Next::Connect { attempt, addr } => {
                    let local = it.dial.key().local();
                    self.acts.push_back(Act::Connect { conn, attempt, addr, local });
                    // The dial has as much time as the call that it runs for.
                    let whose = |it: &&OneCall| {
                        it.ticket.is_some_and(|ticket| self.pool.dial_of(ticket) == Some(conn))
                    };
                    let total = self.calls.values().find(whose);
                    it.dial.needed_by(total.and_then(|it| it.call.needed_by(now)), now);
                    it.dial.connecting(attempt, now);
                }
                dial::Next::Abandon { attempt } => {
                    self.acts.push_back(Act::Abandon { conn, attempt });
                    it.dial.abandoned(attempt);
                }
                dial::Next::Exchange => {
                    if !it.told {
                        it.told = true;
                        self.acts.push_back(Act::Transmit { conn, probe: false });
                    }
                    break;
                }
                dial::Next::StartTls { tls, name } => {
                    if !it.shaking {
                        let name = name.to_owned();
                        self.acts.push_back(Act::StartTls { conn, tls, name });
                        it.shaking = true;
                    }
                    break;
                }
                dial::Next::Wait => break,
                dial::Next::Ready { .. } => {
                    self.dials.remove(&conn);
                    self.pool.dialed(conn, Connection::new(self.config.messages), now);
                }
                dial::Next::Failed(why) => {
                    self.dials.remove(&conn);
                    self.acts.push_back(Act::Close { conn, why: Closed::Failed });
                    self.pool.dial_failed(conn, why, now);
                }
            }
        }
        if let Some(it) = self.dials.get_mut(&conn)
            && !it.up
            && it.dial.winner().is_some()
        {
            it.up = true;
            self.pool.dial_connected(conn);
        }
    }

    fn said(&mut self, number: usize, event: Event<'_>) -> Said {
        let it = self.calls.get_mut(&number);
        let silent = it.as_ref().is_some_and(|it| it.silent);
        match event {
            Event::NeedInput => Said::NeedInput,
            _ if silent => Said::Skipped,
            Event::Skipped => Said::Skipped,
            Event::Interim(head) => Said::Interim(number, head_text(&head)),
            Event::Head(head) => Said::Head(number, head_text(&head)),
            Event::Data(data) => Said::Data(number, data.to_vec()),
            Event::End(fields) => match it.filter(|it| it.call.next() != Next::Release) {
                Some(it) => {
                    it.late_end = Some(text(&fields));
                    Said::Skipped
                }
                None => Said::End(number, text(&fields)),
            },
        }
    }

    /// Handles the deadlines that have passed: the earliest first, and of those at one moment the
    /// one with the lowest slot.
    fn pass(&mut self, now: Instant) {
        let calls = self.calls.iter().filter_map(|(number, it)| {
            let (at, _) = it.call.poll_timeout()?;
            Some((at, it.slot, Owner::Call(*number)))
        });
        let dials = self.dials.iter().filter_map(|(conn, it)| {
            let (at, _) = it.dial.poll_timeout()?;
            Some((at, conn.index() as u32, Owner::Dial(*conn)))
        });
        let mut due: Vec<_> = calls.chain(dials).filter(|(at, ..)| *at <= now).collect();
        due.sort_unstable();
        for (_, _, owner) in due {
            match owner {
                Owner::Call(number) => {
                    if let Some(it) = self.calls.get_mut(&number) {
                        it.call.handle_timeout(now);
                        self.follow(Some(number), now);
                    }
                }
                Owner::Dial(conn) => self.with_dial(conn, now, |it| it.dial.handle_timeout(now)),
            }
        }
        if self.pool.poll_timeout().is_some_and(|at| at <= now) {
            self.pool.handle_timeout(now);
        }
        self.follow(None, now);
    }

    fn close_now(&mut self, now: Instant) {
        let mut numbers: Vec<_> =
            self.calls.iter().map(|(number, it)| (it.slot, *number)).collect();
        numbers.sort_unstable();
        for (_, number) in numbers {
            if let Some(it) = self.calls.get_mut(&number) {
                it.call.cancel(now);
                self.follow(Some(number), now);
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Call(usize),
    Dial(ConnId),
}
