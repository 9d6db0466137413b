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
    h1::{CloseReason, Connection, Event, Reuse},
    id::{ConnId, SocketId},
    pool::{Action, Checkin, Claim, Dialing, Lease, Pool, Ticket},
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
    /// Each idle connection is kept with its socket.
    pool: Pool<(SocketId, Connection)>,
    /// The calls that have not ended, by number.
    calls: BTreeMap<usize, OneCall>,
    requests: usize,
    dials: BTreeMap<ConnId, OneDial>,
    /// The open sockets, and their connections.
    sockets: BTreeMap<SocketId, ConnId>,
    /// The slots of closed sockets, and how often each slot was used.
    free: Vec<u32>,
    used: Vec<u32>,
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
    checking: bool,
    /// The trailer fields of a response that was complete before its request was sent.
    late_end: Option<String>,
    /// Whether the call was discarded but still asks for its request body.
    feeds: bool,
}

/// A connection in use by a call.
#[derive(Debug)]
struct OneConn {
    socket: SocketId,
    lease: Lease,
    h1: Connection,
    out: Vec<u8>,
    /// Whether the driver was told to transmit on this connection for the current request.
    told: bool,
}

#[derive(Debug)]
struct OneDial {
    dial: Dial,
    /// The number of each attempt with a socket, and whether it is connected.
    attempts: BTreeMap<u8, (SocketId, bool)>,
    /// Whether a look-up, output for a proxy or a handshake was announced to the driver.
    looks_up: bool,
    told: bool,
    shaking: bool,
}

impl OneDial {
    /// Returns the socket of the attempt that won.
    fn winner(&self) -> SocketId {
        self.dial.winner().map(|attempt| self.attempts[&attempt].0).expect("TCP is connected")
    }

    /// Returns the number of a socket's attempt, if the socket is connected.
    fn up(&self, socket: SocketId) -> Option<u8> {
        self.attempts.iter().find(|(_, it)| **it == (socket, true)).map(|(attempt, _)| *attempt)
    }
}

impl Parts {
    pub(super) fn new(config: Config, sink: Option<Arc<dyn Sink>>) -> Self {
        let mut pool = Pool::new(config.pool, Dialing::Shared);
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
            sockets: BTreeMap::new(),
            free: Vec::new(),
            used: Vec::new(),
            acts: VecDeque::new(),
            woken: VecDeque::new(),
        }
    }

    fn trace(&self, who: Who) -> Option<Trace> {
        self.sink.clone().map(|sink| Trace::new(sink, who))
    }

    /// Returns the number of the call that uses a socket.
    fn user(&self, socket: SocketId) -> Option<usize> {
        let uses = |it: &OneCall| it.conn.as_ref().is_some_and(|it| it.socket == socket);
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

    /// Returns the dial that runs on a connected socket.
    fn dial_on(&self, socket: SocketId) -> Option<ConnId> {
        let conn = *self.sockets.get(&socket)?;
        self.dials.get(&conn)?.up(socket).map(|_| conn)
    }

    /// Makes the id of a new socket. The slot that became free last is used first.
    fn open(&mut self, conn: ConnId) -> SocketId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.used.push(0);
            self.used.len() as u32 - 1
        });
        let socket =
            SocketId::from_bits(u64::from(self.used[slot as usize]) << 32 | u64::from(slot));
        self.sockets.insert(socket, conn);
        socket
    }

    /// Frees the id of a socket that was closed, handed over, or not connected.
    fn forget(&mut self, socket: SocketId) {
        self.sockets.remove(&socket).expect("it was open");
        self.used[socket.index()] += 1;
        self.free.push(socket.index() as u32);
    }

    fn close_socket(&mut self, socket: SocketId, why: Closed) {
        self.forget(socket);
        self.acts.push_back(Act::Close { socket, why });
    }

    /// Ends a dial without a connection.
    fn end_dial(&mut self, conn: ConnId, why: Closed) {
        let Some(it) = self.dials.remove(&conn) else { return };
        if it.looks_up {
            self.acts.push_back(Act::CancelResolve { conn });
        }
        for (socket, _) in it.attempts.into_values() {
            self.close_socket(socket, why);
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

    fn obey(&mut self, action: Action<(SocketId, Connection)>, now: Instant) {
        match action {
            Action::Dial { conn, ticket, key } => {
                let asked = self.calls.values_mut().find(|it| it.ticket == Some(ticket));
                let policy = asked.map(|it| {
                    it.call.opens(conn, now);
                    it.call.dial_policy(&self.config.dial)
                });
                let policy = policy.unwrap_or_else(|| self.config.dial.clone());
                let mut dial = Dial::new(&key, &policy, now);
                if let Some(trace) = self.trace(Who::Dial(conn.to_bits())) {
                    dial.set_trace(trace);
                }
                let (attempts, looks_up) = (BTreeMap::new(), false);
                let it = OneDial { dial, attempts, looks_up, told: false, shaking: false };
                self.dials.insert(conn, it);
                self.step_dial(conn, now);
                self.wake(ticket);
            }
            Action::Abandon { conn } => {
                let dial = self.dials.get_mut(&conn).map(|it| &mut it.dial);
                if let Some((host, port)) = dial.and_then(|dial| dial.stale_answer(now)) {
                    self.acts.push_back(Act::Refresh { host: host.to_owned(), port });
                }
                self.end_dial(conn, Closed::Abandoned);
            }
            Action::Wake(ticket) => self.wake(ticket),
            Action::LookUp { look_up, host, port } => {
                self.acts.push_back(Act::LookUp { look_up, host, port });
            }
            Action::Close { io: (socket, _), why, .. } => {
                self.close_socket(socket, Closed::Evicted(why));
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
                        self.acts.push_back(Act::Transmit { socket: conn.socket, probe: false });
                    }
                    return;
                }
                Next::CheckBody => {
                    if !it.checking && !it.silent {
                        it.checking = true;
                        self.acts.push_back(Act::CheckBody { call: number });
                    }
                    return;
                }
                Next::Restart => {
                    it.late_end = None;
                    it.call.restarted(now);
                    if !it.silent {
                        self.acts.push_back(Act::Restart { call: number });
                    }
                }
                Next::Exchange | Next::Wait => return,
                Next::Release => self.release(number, b"", now),
                Next::HandOver => {
                    let gone = self.calls.remove(&number).and_then(|it| it.conn);
                    let OneConn { socket, lease, .. } = gone.expect("it was leased");
                    self.pool.checkin(lease, Checkin::Discard, now);
                    self.forget(socket);
                    self.acts.push_back(Act::HandOver { socket, call: number });
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

    fn claimed(&mut self, number: usize, answer: Claim<(SocketId, Connection)>, now: Instant) {
        let Some(it) = self.calls.get_mut(&number) else { return };
        let (lease, (socket, mut h1), reused, probe) = match answer {
            Claim::Wait { dialing } => return it.call.dialing(dialing, now),
            Claim::Failed(why) => {
                it.ticket = None;
                return it.call.lease_failed(why, now);
            }
            Claim::Fresh { lease, io } => (lease, io, false, false),
            Claim::Reuse { lease, io, probe } => (lease, io, true, probe),
        };
        it.ticket = None;
        let mut out = Vec::new();
        it.call.lent(lease.conn(), now);
        it.call.start(&mut h1, reused.into(), now, &mut out);
        it.conn = Some(OneConn { socket, lease, h1, out, told: false });
        it.told = true;
        self.acts.push_back(Act::Transmit { socket, probe });
    }

    /// Returns a connection to the pool. `rest` is input that was read and not taken.
    fn release(&mut self, number: usize, rest: &[u8], now: Instant) {
        let Some(it) = self.calls.get_mut(&number) else { return };
        let OneConn { socket, lease, mut h1, .. } = it.conn.take().expect("it was leased");
        if it.call.released(&mut h1, rest, now) {
            return self.pool.checkin(lease, Checkin::Keep((socket, h1)), now);
        }
        self.pool.checkin(lease, Checkin::Discard, now);
        let why = match h1.reuse() {
            Reuse::Never(why) => Closed::Used(why),
            Reuse::Ready if !rest.is_empty() => Closed::Used(CloseReason::Unsolicited),
            Reuse::Ready | Reuse::NotYet => Closed::Unfinished,
        };
        self.close_socket(socket, why);
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
                    it.looks_up = true;
                    it.dial.resolving(now);
                }
                dial::Next::Connect { attempt, addr } => {
                    let (local, addr) = (it.dial.key().local(), addr.clone());
                    let socket = self.open(conn);
                    self.acts.push_back(Act::Connect { socket, conn, addr, local });
                    // The dial has as much time as the call that it runs for.
                    let whose = |it: &&OneCall| {
                        it.ticket.is_some_and(|ticket| self.pool.dial_of(ticket) == Some(conn))
                    };
                    let total = self.calls.values().find(whose);
                    let it = self.dials.get_mut(&conn).expect("it is dialed");
                    it.attempts.insert(attempt, (socket, false));
                    it.dial.needed_by(total.and_then(|it| it.call.needed_by(now)), now);
                    it.dial.connecting(attempt, now);
                }
                dial::Next::Abandon { .. } => self.abandon(conn),
                dial::Next::Exchange => {
                    if !it.told {
                        it.told = true;
                        let socket = it.winner();
                        self.acts.push_back(Act::Transmit { socket, probe: false });
                    }
                    break;
                }
                dial::Next::StartTls { tls, name } => {
                    if !it.shaking {
                        let name = name.to_owned();
                        let socket = it.winner();
                        self.acts.push_back(Act::StartTls { socket, tls, name });
                        it.shaking = true;
                    }
                    break;
                }
                dial::Next::Wait => break,
                dial::Next::Ready { .. } => {
                    let (socket, peer) = (it.winner(), it.dial.peer_ip());
                    self.dials.remove(&conn);
                    if let Some(ip) = peer {
                        self.pool.dial_peer(conn, ip);
                    }
                    let h1 = Connection::new(self.config.messages);
                    self.pool.dialed(conn, (socket, h1), now);
                }
                dial::Next::Failed(why) => {
                    self.end_dial(conn, Closed::Failed);
                    self.pool.dial_failed(conn, why, now);
                }
            }
        }
    }

    /// Closes the sockets that a dial asks to abandon: all of them if it has failed.
    fn abandon(&mut self, conn: ConnId) {
        let Some(it) = self.dials.get_mut(&conn) else { return };
        let mut gone = Vec::new();
        while let dial::Next::Abandon { attempt } = it.dial.next() {
            it.dial.abandoned(attempt);
            gone.extend(it.attempts.remove(&attempt));
        }
        let failed = matches!(it.dial.next(), dial::Next::Failed(_));
        for (socket, _) in gone {
            self.close_socket(socket, if failed { Closed::Failed } else { Closed::Abandoned });
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
