//! Drives `client::Client` in the world: performs the client's actions on the simulated network and
//! reports the events back.

use std::collections::{BTreeMap, BTreeSet};

use httpool::{
    client::{Action, Client, Inbox, Outbox, Reason},
    error::{IoKind, ResolveKind, TlsKind},
    h1::Eof,
    id::{CallId, ConnId, LookUpId, SocketId},
    message::PeerAddr,
    time::{Deadline, Instant},
};

use httpool_kit::Wire;

use super::{
    Tls,
    base::Base,
    cases::{self, Outcome},
    marks::Mark,
    stage::{Does, Event},
    timings,
    tries::Tries,
    watch,
};
use crate::layer::Cipher;

/// The event-loop driver: the client under test and the driver's own state.
pub(super) struct Driver {
    pub(super) client: Client,
    /// The sockets, indexed by the slots of their ids.
    pub(super) links: Vec<Option<Link>>,
    /// The ids of all sockets so far.
    issued: BTreeSet<SocketId>,
    /// The connections whose name is being looked up.
    pub(super) look_ups: BTreeSet<ConnId>,
    /// The look-ups of names with open connections.
    pub(super) look_ups_again: BTreeSet<LookUpId>,
    /// The connections whose look-up was answered since the last drain of the actions.
    answered: BTreeSet<ConnId>,
    /// The sockets whose connect was reported as failed since the last drain of the actions.
    failed: BTreeSet<SocketId>,
    tries: BTreeMap<ConnId, Tries>,
    /// The plan's number of each call, indexed by the slot of the call's id.
    names: Vec<u32>,
    /// The id of each socket, indexed by its number in the network.
    owners: Vec<SocketId>,
    /// Ids of sockets that no longer exist, and of their connections, used for stale events.
    dead: Vec<(SocketId, ConnId)>,
    pub(super) over: Vec<CallId>,
    /// Sockets handed over to applications.
    pub(super) hands: Vec<Hand>,
    pub(super) spare: Vec<(Inbox, Outbox)>,
    /// Buffers for the bytes that are being read and written.
    pub(super) input: Vec<u8>,
    pub(super) output: Vec<u8>,
    /// Begins the sessions of connections.
    pub(super) cipher: Cipher,
    begun: u32,
}

/// A socket handed over to an application.
pub(super) struct Hand {
    pub(super) call: u32,
    pub(super) sock: u32,
    /// The number of bytes that the application has read.
    pub(super) got: usize,
    pub(super) wire: Wire,
}

/// The driver's state of one socket.
pub(super) struct Link {
    pub(super) id: SocketId,
    pub(super) conn: ConnId,
    /// Its number in the network.
    pub(super) sock: u32,
    /// Whether its connect succeeded.
    pub(super) up: bool,
    /// Input that was read from the socket and that the client has not taken yet.
    pub(super) inbox: Inbox,
    /// Output to be written to the socket.
    pub(super) out: Outbox,
    /// The session of the connection, or none.
    pub(super) wire: Wire,
    /// The number of bytes of HTTP that the client was given, or that wait in `inbox`.
    pub(super) given: u32,
    /// Whether the client was told that the session has ended.
    pub(super) ended: bool,
    /// Whether the socket had no room at the last write.
    pub(super) blocked: bool,
}

impl Driver {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            links: Vec::new(),
            issued: BTreeSet::new(),
            look_ups: BTreeSet::new(),
            look_ups_again: BTreeSet::new(),
            answered: BTreeSet::new(),
            failed: BTreeSet::new(),
            tries: BTreeMap::new(),
            names: Vec::new(),
            owners: Vec::new(),
            dead: Vec::new(),
            over: Vec::new(),
            hands: Vec::new(),
            spare: Vec::new(),
            input: Vec::new(),
            output: Vec::new(),
            cipher: Cipher::default(),
            begun: 0,
        }
    }

    /// Handles a planned event that concerns the driver or one of its applications.
    pub(super) fn happens(&mut self, base: &mut Base, event: Event) {
        let now = base.stage.instant();
        match event {
            Event::Connect { sock } => self.connected(base, sock),
            Event::Resolving { conn } => {
                let id = ConnId::from_bits(conn);
                base.stage.tell(28, id.to_bits(), format_args!("the look-up for {id} begins"));
                self.client.handle_resolving(id, now);
            }
            Event::Resolved { conn, origin } => {
                let id = ConnId::from_bits(conn);
                if self.look_ups.remove(&id) {
                    self.answered.insert(id);
                } else if !base.stage.noise.stale {
                    return;
                }
                let found = base.found(origin as usize);
                let count = found.len();
                base.stage.tell(10, id.to_bits(), format_args!("{id} resolved: {count} addresses"));
                let first = self.links.iter().flatten().all(|it| it.conn != id);
                if let Some(tries) = self.tries.get_mut(&id).filter(|_| first) {
                    tries.found(count);
                }
                self.client.handle_resolved(id, &found, now);
            }
            Event::LookedUp { look_up, origin } => self.looked_up(base, look_up, origin),
            Event::Tls { socket } => {
                let id = SocketId::from_bits(socket);
                let Some(link) = self.link(id) else { return };
                let (sock, clean) = (link.sock, link.inbox.is_empty());
                let origin = base.net.get(sock).origin;
                base.stage.tell(11, id.to_bits(), format_args!("handshake of {id} ends"));
                let done = match base.plan.origins[origin].tls {
                    Tls::Fails { why, .. } => Err(why),
                    // Bytes that follow a proxy's 2xx to CONNECT are not a TLS handshake.
                    _ if !clean => Err(TlsKind::Protocol),
                    _ => Ok(""),
                };
                self.client.handle_tls(id, done, now);
            }
            Event::App { call, what } => self.application(base, call, what),
            Event::Close { now: at_once } => self.close(base, at_once),
            Event::Clear { origin } => self.clear(base, origin),
            Event::Poke => {}
            _ => {}
        }
    }

    pub(super) fn close(&mut self, base: &mut Base, at_once: bool) {
        let now = base.stage.instant();
        base.stage.tell(
            12,
            at_once.into(),
            format_args!("close{}", if at_once { " now" } else { "" }),
        );
        base.why.closed = true;
        if at_once {
            base.why.closed_now = true;
            base.stage.mark(Mark::CloseNow);
            self.client.close_now(now);
        } else {
            base.stage.mark(Mark::CloseGently);
            self.client.close(now);
        }
    }

    pub(super) fn timeout(&mut self, base: &mut Base, reason: Reason) {
        let now = base.stage.instant();
        if let Reason::Call(id, which @ (Deadline::Continue | Deadline::Backoff | Deadline::Drain)) =
            reason
            && self.client.call(id).is_some_and(|call| call.poll_timeout() == Some((now, which)))
        {
            base.stage.mark(cases::deadline(which));
        }
        base.stage.note(base.stage.now);
        self.client.handle_timeout(now);
    }

    fn application(&mut self, base: &mut Base, call: u32, what: Does) {
        let now = base.stage.instant();
        let case = &mut base.cases[call as usize];
        if what == Does::Begin {
            return self.begin(base, call);
        }
        if let (Does::BodyReady, Some(id)) = (what, case.id) {
            case.body_ready();
            return self.client.body_ready(id);
        }
        let Some(id) = case.id.filter(|_| case.outcome.is_none()) else { return };
        match what {
            Does::Begin | Does::BodyReady => {}
            Does::Cancel => self.give_up(base, call, id, false),
            Does::Resume => {
                if case.paused {
                    case.resume(&base.stage);
                }
                base.stage.say(format_args!("call {call} reads on"));
                self.client.resume(id, now);
            }
            Does::Rewound => {
                let rewinds = base.plan.calls[call as usize].body.rewinds;
                case.rewind();
                base.stage.mark(if rewinds { Mark::Rewound } else { Mark::FaultRewind });
                if rewinds {
                    self.client.rewound(id, now);
                } else {
                    self.client.rewind_failed(id, now);
                }
            }
        }
    }

    fn begin(&mut self, base: &mut Base, call: u32) {
        let now = base.stage.instant();
        let script = &base.plan.calls[call as usize];
        let request = match cases::request(&base.plan, call) {
            Ok(request) => request,
            Err(why) => return base.stage.wrong(|| format!("call {call} is no request: {why}")),
        };
        let id = self.client.request(request, script.policy.clone(), now);
        base.stage.tell(
            13,
            u64::from(call),
            format_args!("call {call} is {id}: {} server {}", script.method, script.origin),
        );
        if self.names.len() <= id.index() {
            self.names.resize(id.index() + 1, u32::MAX);
        }
        self.names[id.index()] = call;
        let case = &mut base.cases[call as usize];
        (case.id, case.began, case.order) = (Some(id), base.stage.now, self.begun);
        (case.wrote, case.took) = (base.stage.now, base.stage.now);
        self.begun += 1;
        if let Some(after) = script.cancel {
            base.stage.plan(after.as_nanos() as u64, Event::App { call, what: Does::Cancel });
        }
        watch::refused(base, &self.client, call, id);
    }

    /// Cancels or discards a call for its application.
    pub(super) fn give_up(&mut self, base: &mut Base, call: u32, id: CallId, discard: bool) {
        let now = base.stage.instant();
        let word = if discard { "discards" } else { "cancels" };
        base.stage.tell(
            14,
            u64::from(call) << 1 | u64::from(discard),
            format_args!("call {call} {word}"),
        );
        let outcome = if discard {
            base.stage.mark(Mark::Discard);
            self.client.discard(id, now);
            Outcome::Discarded
        } else {
            let early = self.client.connection(id).is_none();
            base.stage.mark(if early { Mark::CancelEarly } else { Mark::Cancel });
            self.client.cancel(id, now);
            Outcome::Cancelled
        };
        base.cases[call as usize].end(&base.stage, outcome);
        // After a discard the client may still ask for the request body, until the body is sent.
        if !self.client.feeds(id) {
            self.over.push(id);
        }
    }

    // ---- Actions ----------------------------------------------------------------------------

    /// Performs all actions that the client has queued.
    pub(super) fn obey(&mut self, base: &mut Base) {
        while let Some(action) = self.client.poll_action() {
            if base.stage.logs() {
                base.stage.say(format_args!("> {action}"));
            }
            self.act(base, action);
        }
        self.answered.clear();
        self.failed.clear();
        let client = &self.client;
        self.tries.retain(|conn, tries| {
            let exists = client.has(*conn);
            if !exists {
                tries.check(base);
            }
            exists
        });
    }

    fn act(&mut self, base: &mut Base, action: Action) {
        match action {
            Action::Resolve { conn, host, .. } => {
                base.stage.tell(20, conn.to_bits(), format_args!("look up {host}"));
                self.look_up(base, conn, &host);
            }
            Action::CancelResolve { conn } => {
                base.stage.tell(22, conn.to_bits(), format_args!("stop the look-up for {conn}"));
                base.stage.mark(Mark::LookUpCancelled);
                if !self.look_ups.remove(&conn) && !self.answered.contains(&conn) {
                    base.stage.wrong(|| format!("{conn}: no look-up runs that could be stopped"));
                }
            }
            Action::Connect { socket, conn, addr, .. } => {
                base.stage.tell(21, socket.to_bits(), format_args!("{socket} of {conn} to {addr}"));
                self.connect(base, socket, conn, &addr);
            }
            Action::Refresh { host, .. } => {
                base.stage.tell(29, 0, format_args!("the look-up result for {host} is refreshed"));
                base.stage.mark(Mark::Refresh);
            }
            Action::LookUp { look_up, host, .. } => self.look_up_again(base, look_up, &host),
            Action::StartTls { socket, tls, name } => {
                base.stage.tell(23, socket.to_bits(), format_args!("shake hands on {socket}"));
                let Some(sock) = self.live(base, socket) else { return };
                if base.net.is_secure(sock) {
                    return self.begin_session(base, socket, tls, &name);
                }
                let after = match base.plan.origins[base.net.get(sock).origin].tls {
                    Tls::Up { after } => after,
                    Tls::Fails { after, .. } => {
                        base.stage.mark(Mark::FaultTls);
                        after
                    }
                    Tls::Never => return base.stage.mark(Mark::FaultTlsNever),
                };
                base.stage.plan(after.as_nanos() as u64, Event::Tls { socket: socket.to_bits() });
            }
            Action::Transmit { socket, probe } => {
                base.stage.tell(
                    24,
                    socket.to_bits() ^ u64::from(probe),
                    format_args!("write to {socket}"),
                );
                if self.live(base, socket).is_none() {
                    return;
                }
                if probe && self.link(socket).is_some_and(|it| it.out.is_empty()) {
                    self.probe(base, socket);
                }
                self.write(base, socket);
            }
            Action::Close { socket, why } => {
                base.stage.tell(25, socket.to_bits(), format_args!("close {socket}: {why}"));
                watch::closed(&mut base.stage, why);
                match self.take(socket) {
                    Some(mut it) => {
                        it.check_lost(base, why);
                        base.check_gone(it.sock, why);
                        it.say_goodbye(base);
                        base.net.close(&mut base.stage, it.sock);
                        self.recycle(it);
                    }
                    // It was queued when the driver reported the socket.
                    None if self.failed.remove(&socket) => {}
                    None => {
                        base.stage.wrong(|| format!("{socket} is closed twice, or was never open"));
                    }
                }
            }
            Action::HandOver { socket, call } => {
                base.stage.tell(26, socket.to_bits(), format_args!("hand {socket} over"));
                self.hand_over(base, socket, call);
            }
            Action::Rewind { call } => {
                base.stage.tell(27, call.to_bits(), format_args!("rewind {call}"));
                let Some(call) = self.known(base, call) else { return };
                let delay = if base.stage.random.once_in(2) { 0 } else { 20_000 };
                base.stage.plan(delay, Event::App { call, what: Does::Rewound });
            }
            Action::Restart { call } => {
                base.stage.tell(32, call.to_bits(), format_args!("restart {call}"));
                let Some(call) = self.known(base, call) else { return };
                let Base { plan, stage, cases, .. } = &mut *base;
                cases[call as usize].restart(plan, stage, call);
            }
            Action::CheckBody { call } => {
                base.stage.tell(30, call.to_bits(), format_args!("check the body of {call}"));
                self.check_body(base, call);
            }
            Action::End { call: id, .. } => {
                let Some(call) = self.known(base, id) else { return };
                base.stage.mark(Mark::LateEnd);
                timings::add_up(base, &self.client, call, id, false);
                let Base { plan, stage, cases, .. } = &mut *base;
                cases[call as usize].finish(plan, stage, call, false);
                self.over.push(id);
            }
            Action::BodyDone { call: id } => {
                base.stage.tell(28, id.to_bits(), format_args!("the body of {id} is done"));
                base.stage.mark(Mark::BodyDone);
                self.over.push(id);
            }
            Action::Failed { call: id, failure } => {
                let Some(call) = self.known(base, id) else { return };
                watch::fails(base, &self.client, call, failure);
                timings::add_up(base, &self.client, call, id, true);
                let case = &mut base.cases[call as usize];
                case.fail(&base.plan, &mut base.stage, call, failure, &base.why);
                self.over.push(id);
            }
        }
    }

    fn look_up(&mut self, base: &mut Base, conn: ConnId, host: &str) {
        self.tries.entry(conn).or_default();
        if base.look_up_is_short() {
            self.answered.insert(conn);
            let now = base.stage.instant();
            return self.client.handle_resolve_failed(conn, ResolveKind::Exhausted, now);
        }
        self.look_ups.insert(conn);
        self.count(base);
        if base.look_up(host, conn.to_bits()) {
            self.client.handle_resolve_queued(conn, base.stage.instant());
        }
    }

    fn connect(&mut self, base: &mut Base, id: SocketId, conn: ConnId, addr: &PeerAddr) {
        if !self.issued.insert(id) {
            return base.stage.wrong(|| format!("{id} is given out twice"));
        }
        let tries = self.tries.entry(conn).or_default();
        if base.is_short() {
            tries.begins(base);
            tries.failed(base);
            self.dead.push((id, conn));
            self.failed.insert(id);
            let (why, now) = (Err(IoKind::Exhausted), base.stage.instant());
            return self.client.handle_connected(id, why, now);
        }
        let Some(sock) = base.connect(addr) else { return };
        tries.begins(base);
        self.owners.push(id);
        if self.links.len() <= id.index() {
            self.links.resize_with(id.index() + 1, || None);
        }
        if let Some(it) = &self.links[id.index()] {
            let old = it.id;
            base.stage.wrong(|| format!("{id} begins in the slot of {old}, which was not closed"));
        }
        let (inbox, out) = self.spare.pop().unwrap_or_default();
        let (wire, given) = (Wire::plain(), 0);
        let (up, blocked, ended) = (false, false, false);
        let link = Link { id, conn, sock, up, inbox, out, wire, given, ended, blocked };
        self.links[id.index()] = Some(link);
        self.count(base);
    }

    /// Checks that the driver was told of no more connections than the pool may open.
    fn count(&self, base: &mut Base) {
        let mut conns = self.look_ups.clone();
        conns.extend(self.links.iter().flatten().map(|it| it.conn));
        let (open, most) = (conns.len(), base.plan.config.pool.open_max);
        if open > most {
            base.stage.wrong(|| format!("{open} connections, but only {most} are allowed"));
        }
    }

    fn connected(&mut self, base: &mut Base, sock: u32) {
        let now = base.stage.instant();
        let id = self.owners[sock as usize];
        let Some(done) = base.finish_connect(sock) else { return };
        base.stage.tell(15, id.to_bits(), format_args!("{id}: {done:?}"));
        if let Some(link) = self.link(id) {
            let conn = link.conn;
            link.up = done.is_ok();
            let tries = self.tries.entry(conn).or_default();
            if done.is_ok() {
                tries.connected(base);
            } else {
                let won = self.links.iter().flatten().any(|it| it.conn == conn && it.up);
                if !won {
                    tries.failed(base);
                }
                if let Some(link) = self.take(id) {
                    self.recycle(link);
                }
                self.failed.insert(id);
                base.net.close(&mut base.stage, sock);
            }
        }
        self.client.handle_connected(id, done, now);
    }

    // ---- Ids --------------------------------------------------------------------------------

    /// Reports random events for stale ids, and checks that they have no effect.
    pub(super) fn tell_stale(&mut self, base: &mut Base) {
        let now = base.stage.instant();
        let before = (self.client.stats(), self.client.calls());
        let random = &mut base.stage.random;
        if !self.dead.is_empty() {
            let (id, conn) = self.dead[random.below(self.dead.len() as u64) as usize];
            match random.below(6) {
                0 => self.client.handle_connected(id, Ok(()), now),
                1 => self.client.handle_written(id, 1, now),
                2 if self.client.has(conn) => {}
                2 => self.client.handle_resolved(conn, &[], now),
                3 => self.client.handle_write_failed(id, IoKind::Reset, now),
                4 => drop(self.client.handle_eof(id, Eof::Clean, now)),
                _ => drop(self.client.receive(id, b"HTTP/1.1 200 OK\r\n\r\n", now)),
            }
        }
        if !self.over.is_empty() {
            let id = self.over[random.below(self.over.len() as u64) as usize];
            match random.below(6) {
                0 => self.client.cancel(id, now),
                1 => self.client.body_ready(id),
                2 => self.client.rewound(id, now),
                3 => self.client.pause(id, now),
                4 => self.client.discard(id, now),
                _ => drop(self.client.send_body(id, 1, true, now)),
            }
        }
        if !self.dead.is_empty() || !self.over.is_empty() {
            base.stage.mark(Mark::FaultStale);
        }
        let action = self.client.poll_action();
        if action.is_some() || before != (self.client.stats(), self.client.calls()) {
            base.stage.wrong(|| format!("an input with a stale id had an effect: {action:?}"));
        }
    }

    /// Returns the plan's number of a call whose request body may still be asked for.
    pub(super) fn fed(&self, base: &mut Base, id: CallId) -> Option<u32> {
        if self.client.feeds(id) {
            return self.names.get(id.index()).copied();
        }
        self.known(base, id)
    }

    /// Returns the plan's number of a call whose application still expects events. Reports a
    /// violation if it does not.
    pub(super) fn known(&self, base: &mut Base, id: CallId) -> Option<u32> {
        let call = self.names.get(id.index()).copied().unwrap_or(u32::MAX);
        let known =
            base.cases.get(call as usize).is_some_and(|it| it.id == Some(id) && it.is_live());
        if !known {
            base.stage.wrong(|| format!("{id} (call {call}) has an event after its end"));
        }
        known.then_some(call)
    }

    pub(super) fn link(&mut self, id: SocketId) -> Option<&mut Link> {
        self.links.get_mut(id.index())?.as_mut().filter(|it| it.id == id)
    }

    /// Returns the number of a socket in the network. Reports a violation if it was closed.
    fn live(&mut self, base: &mut Base, id: SocketId) -> Option<u32> {
        let sock = self.link(id).map(|it| it.sock);
        if sock.is_none() {
            base.stage.wrong(|| format!("{id} is to be written to after its end"));
        }
        sock
    }

    pub(super) fn take(&mut self, id: SocketId) -> Option<Link> {
        let conn = self.link(id)?.conn;
        self.dead.push((id, conn));
        self.links[id.index()].take()
    }

    /// Keeps the buffers of a socket for reuse.
    pub(super) fn recycle(&mut self, link: Link) {
        let Link { mut inbox, mut out, .. } = link;
        inbox.clear();
        out.clear();
        self.spare.push((inbox, out));
    }

    pub(super) fn next_timeout(&self) -> Option<(Instant, Reason)> {
        self.client.poll_timeout()
    }
}
