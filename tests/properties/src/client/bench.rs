//! A test driver around any composition of the machines. Its sockets are a table, and it may
//! misbehave.

use core::{net::SocketAddr, time::Duration};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use httpool::{
    call::Policy,
    error::{IoKind, ResolveKind, TlsKind},
    id::ConnId,
    message::{BodyLeft, BodyLength, Request},
    time::Instant,
};

use super::{
    Ask, Event, Setting,
    machines::{Act, Input, Machines, Said},
};
use crate::call::PIECES;

/// The driver's state of a connection that it was told of and that is not closed.
#[derive(Debug, Default)]
pub(super) struct Sock {
    /// Whether a look-up is under way.
    pub(super) resolving: bool,
    /// The attempts under way, and whether each is connected.
    pub(super) attempts: BTreeMap<u8, bool>,
    /// The attempts that the machines began, and those that the driver has reported.
    pub(super) begun: BTreeSet<u8>,
    pub(super) told: BTreeSet<u8>,
    pub(super) shaking: bool,
    /// Whether there is output to ask for.
    pub(super) transmit: bool,
    pub(super) unwritten: usize,
    /// Input that was read and not taken.
    pub(super) rest: Vec<u8>,
    /// Whether a proxy was asked for a tunnel and has not answered.
    pub(super) tunnel_asked: bool,
}

impl Sock {
    pub(super) fn is_up(&self) -> bool {
        self.attempts.values().any(|up| *up)
    }
}

/// The application's state of a call.
#[derive(Debug)]
pub(super) struct View {
    pub(super) body: BodyLength,
    /// The number of body bytes left to give, and of the pieces that were given.
    pub(super) left: BodyLeft,
    pub(super) pieces: usize,
    pub(super) rewind: bool,
    pub(super) paused: bool,
    pub(super) heads: usize,
    /// Whether the application discarded or cancelled the call, so that it expects no further
    /// events.
    pub(super) left_alone: bool,
    /// How the call ended.
    pub(super) outcome: Option<&'static str>,
}

/// The driver, the application, and the peers.
#[derive(Debug)]
pub(super) struct Bench<M> {
    pub(super) machines: M,
    pub(super) setting: Setting,
    pub(super) now: Instant,
    pub(super) socks: BTreeMap<ConnId, Sock>,
    /// All connections so far.
    pub(super) conns: Vec<ConnId>,
    pub(super) closed: BTreeSet<ConnId>,
    pub(super) calls: Vec<View>,
}

impl<M: Machines> Bench<M> {
    pub(super) fn new(machines: M, setting: Setting) -> Self {
        Self {
            machines,
            setting,
            now: Instant::from_nanos(0),
            socks: BTreeMap::new(),
            conns: Vec::new(),
            closed: BTreeSet::new(),
            calls: Vec::new(),
        }
    }

    pub(super) fn happen(&mut self, event: Event) {
        // Gives each event a time of its own, so that few deadlines coincide.
        self.now = self.now.after(Duration::from_nanos(1));
        match event {
            Event::Request(ask) => self.request(ask),
            Event::Cancel(n) => self.leave(n, Input::Cancel),
            Event::Discard(n) => self.leave(n, Input::Discard),
            Event::Pause(n, paused) => self.with_call(n, |call| Input::Pause(call, paused)),
            Event::BodyReady(n) => self.with_call(n, Input::BodyReady),
            Event::BodyFailed(n) => self.with_call(n, Input::BodyFailed),
            Event::Rewound(n, done) => self.with_call(n, |call| Input::Rewound(call, done)),
            Event::Resolved(n, found) => {
                self.with_conn(n, |conn| match found {
                    0..235 => Input::Resolved(conn, addresses(found)),
                    235..240 => Input::ResolveFailed(conn, ResolveKind::Exhausted),
                    240..245 => Input::ResolveQueued(conn),
                    245..250 => Input::Resolving(conn),
                    250.. => Input::ResolveFailed(conn, ResolveKind::Busy),
                });
            }
            Event::Connected { n, attempt, done } => self.connected(n, attempt, done),
            Event::Tls(n, done) => self.tls(n, done),
            Event::Transmit(n) => {
                if let Some(conn) = self.conn(n) {
                    self.transmit(conn, false);
                }
            }
            Event::SendBody { n, len, last } => {
                if let Some(call) = self.call(n) {
                    self.machines.send_body(call, len.into(), last, self.now);
                }
            }
            Event::Written(n, bytes) => {
                if let Some(conn) = self.conn(n) {
                    self.written(conn, bytes.into());
                }
            }
            Event::WriteFailed(n) => {
                self.with_conn(n, |conn| Input::WriteFailed(conn, IoKind::Reset));
            }
            Event::Says { n, piece, cut } => self.says(n, piece, cut),
            Event::Eof(n, clean) => {
                if let Some(conn) = self.conn(n) {
                    let said = self.machines.eof(conn, clean, self.now);
                    self.heard(&said);
                }
            }
            Event::Late => self.late(),
            Event::Pass(ms) => self.pass(Duration::from_millis(ms.into())),
            Event::Jump(seconds) => {
                self.now = self.now.after(Duration::from_secs(seconds.into()));
                self.tell(&Input::Timeout);
            }
            Event::Drain => self.drain(),
            Event::Honest(n) => self.honest(n),
            Event::Stale(what, bits) => self.stale(what, bits),
            Event::Close => self.tell(&Input::Close),
            Event::CloseNow => self.tell(&Input::CloseNow),
        }
        if self.setting.eager {
            self.drain();
        }
        self.check();
    }

    // ---- The application --------------------------------------------------------------------

    fn request(&mut self, ask: Ask) {
        let (request, policy) = self.setting.request(ask);
        self.begin(&request, &policy);
    }

    pub(super) fn begin(&mut self, request: &Request, policy: &Arc<Policy>) {
        let body = request.body();
        let left = match body {
            BodyLength::Known { len, .. } => BodyLeft::Bytes(len),
            BodyLength::Empty | BodyLength::Unknown { .. } => BodyLeft::Unknown,
        };
        self.calls.push(View {
            body,
            left,
            pieces: 0,
            rewind: false,
            paused: false,
            heads: 0,
            left_alone: false,
            outcome: None,
        });
        self.machines.request(request, policy, None, self.now);
    }

    /// Returns the `n`th call under way. For a high `n` it is any call so far, or one that never
    /// was.
    fn call(&self, n: u8) -> Option<usize> {
        if n >= 240 {
            return Some(usize::from(n) % (self.calls.len() + 1));
        }
        let alive = |it: &usize| self.calls[*it].outcome.is_none() && !self.calls[*it].left_alone;
        let among: Vec<_> = (0..self.calls.len()).filter(alive).collect();
        pick(&among, n)
    }

    fn with_call(&mut self, n: u8, input: impl FnOnce(usize) -> Input) {
        let Some(call) = self.call(n) else { return };
        let input = input(call);
        if let (Some(view), Input::Pause(_, paused)) = (self.calls.get_mut(call), &input) {
            view.paused = *paused;
        }
        if let (Some(view), Input::Rewound(..)) = (self.calls.get_mut(call), &input) {
            view.rewind();
        }
        self.tell(&input);
    }

    fn leave(&mut self, n: u8, how: impl FnOnce(usize) -> Input) {
        let Some(call) = self.call(n) else { return };
        // Actions may hold an end that the driver has not read yet.
        if self.calls.get(call).is_some_and(|it| it.outcome.is_none()) {
            self.drain();
        }
        if let Some(view) = self.calls.get_mut(call) {
            view.left_alone |= view.outcome.is_none();
        }
        self.tell(&how(call));
    }

    /// Checks an event that the application receives.
    pub(super) fn heard(&mut self, said: &Said) {
        let (call, kind) = match said {
            Said::NeedInput | Said::Skipped => return,
            Said::Interim(call, _) => (*call, "interim"),
            Said::Head(call, _) => (*call, "head"),
            Said::Data(call, _) => (*call, "data"),
            Said::End(call, _) => (*call, "end"),
        };
        let view = &mut self.calls[call];
        assert!(!view.left_alone, "{kind} for who wants to hear no more");
        assert_eq!(view.outcome, None, "{kind} behind the end of call {call}");
        let heads = usize::from(matches!(kind, "data" | "end"));
        assert_eq!(view.heads, heads, "{kind} of call {call}");
        match kind {
            "head" => view.heads = 1,
            "end" => view.outcome = Some("end"),
            _ => {}
        }
    }

    fn ended(&mut self, call: usize, how: &'static str) {
        let view = &mut self.calls[call];
        assert!(!view.left_alone, "{how} for who wants to hear no more");
        assert_eq!(view.outcome.replace(how), None, "call {call} ended twice");
    }

    // ---- The driver -------------------------------------------------------------------------

    pub(super) fn tell(&mut self, input: &Input) {
        self.machines.tell(input, self.now);
    }

    /// Returns the `n`th open connection; for a high `n`, any connection so far.
    pub(super) fn conn(&self, n: u8) -> Option<ConnId> {
        if n >= 240 {
            return pick(&self.conns, n);
        }
        let among: Vec<_> = self.socks.keys().copied().collect();
        pick(&among, n)
    }

    fn with_conn(&mut self, n: u8, input: impl FnOnce(ConnId) -> Input) {
        if let Some(conn) = self.conn(n) {
            self.tell(&input(conn));
        }
    }

    pub(super) fn drain(&mut self) {
        while let Some(act) = self.machines.poll_action() {
            self.act(act);
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Resolve { conn, host, .. } => {
                assert!(host.parse::<core::net::IpAddr>().is_err(), "{host} is an address");
                self.sock(conn).resolving = true;
            }
            Act::Refresh { host, .. } => {
                assert!(host.parse::<core::net::IpAddr>().is_err(), "{host} was not looked up");
            }
            Act::Connect { conn, attempt, .. } => {
                let sock = self.sock(conn);
                assert!(sock.begun.insert(attempt), "attempt {attempt} begun twice");
                // The driver may have reported this attempt before it began.
                sock.attempts.entry(attempt).or_insert(false);
            }
            Act::Abandon { conn, attempt } => {
                // The attempt may have failed meanwhile.
                let sock = self.sock(conn);
                sock.attempts.remove(&attempt);
                let known = sock.begun.contains(&attempt) || sock.told.contains(&attempt);
                assert!(known, "attempt {attempt} never was");
            }
            Act::StartTls { conn, .. } => {
                assert!(self.sock(conn).is_up());
                self.sock(conn).shaking = true;
            }
            Act::Transmit { conn, .. } => {
                assert!(self.sock(conn).is_up(), "{conn} has nobody to speak to");
                self.sock(conn).transmit = true;
            }
            Act::Close { conn, .. } => self.gone(conn),
            Act::HandOver { conn, call } => {
                assert!(self.socks.contains_key(&conn));
                assert_eq!(self.calls[call].heads, 1, "handed over without its head");
                self.gone(conn);
                self.ended(call, "hand over");
            }
            Act::Rewind { call } => {
                let view = &mut self.calls[call];
                assert!(
                    !view.rewind && view.body != BodyLength::Empty,
                    "asked to rewind for nothing"
                );
                assert!(view.body.is_replayable(), "asked for a body again that is gone");
                view.rewind = true;
            }
            Act::End { call, .. } => {
                assert_eq!(self.calls[call].heads, 1, "an end without a head");
                self.ended(call, "end");
            }
            Act::BodyDone { call } => {
                assert!(self.calls[call].left_alone, "only who hears no more is not told");
            }
            Act::Failed { call, .. } => self.ended(call, "failed"),
        }
    }

    fn sock(&mut self, conn: ConnId) -> &mut Sock {
        assert!(!self.closed.contains(&conn), "{conn} is spoken of behind its end");
        if !self.socks.contains_key(&conn) {
            self.conns.push(conn);
        }
        self.socks.entry(conn).or_default()
    }

    /// Forgets a closed connection. A connection may be closed before anything was begun for it.
    fn gone(&mut self, conn: ConnId) {
        self.socks.remove(&conn);
        assert!(self.closed.insert(conn), "{conn} is closed twice");
    }

    fn connected(&mut self, n: u8, attempt: u8, done: bool) {
        let Some(conn) = self.conn(n) else { return };
        let why = if attempt < 128 { IoKind::Refused } else { IoKind::Exhausted };
        let done = if done { Ok(()) } else { Err(why) };
        let attempts = self.socks.get(&conn).map(|it| it.attempts.keys().copied().collect());
        let attempts: Vec<u8> = attempts.unwrap_or_default();
        let known = pick(&attempts, attempt).filter(|_| attempt < 240);
        let attempt = known.unwrap_or(attempt);
        if let Some(sock) = self.socks.get_mut(&conn) {
            sock.told.insert(attempt);
            // A connected attempt cannot fail. Its loss is reported as an end of stream.
            if done.is_ok() {
                sock.attempts.insert(attempt, true);
            } else if sock.attempts.get(&attempt) == Some(&false) {
                sock.attempts.remove(&attempt);
            }
        }
        self.tell(&Input::Connected(conn, attempt, done));
    }

    fn tls(&mut self, n: u8, done: bool) {
        let Some(conn) = self.conn(n) else { return };
        if let Some(sock) = self.socks.get_mut(&conn) {
            sock.shaking = false;
        }
        let done = if done { Ok(()) } else { Err(TlsKind::Unavailable) };
        self.tell(&Input::Tls(conn, done));
    }

    /// Asks for output, and gives a piece of body if the client wants one.
    pub(super) fn transmit(&mut self, conn: ConnId, whole: bool) {
        let mut out = Vec::new();
        let wanted = self.machines.poll_transmit(conn, &mut out);
        if let Some(sock) = self.socks.get_mut(&conn) {
            sock.transmit = false;
            sock.unwritten += out.len();
            if !out.is_empty() {
                sock.tunnel_asked = out.starts_with(b"CONNECT ");
            }
        }
        let Some((call, max)) = wanted else { return };
        let view = &mut self.calls[call];
        let len = view.left.within(max.within(if whole { 64 } else { 2 }));
        let chunked = matches!(view.body, BodyLength::Unknown { .. });
        let last = chunked && view.pieces > 1 || view.left == BodyLeft::Bytes(len as u64);
        view.pieces += 1;
        if let BodyLeft::Bytes(left) = &mut view.left {
            *left -= len as u64;
        }
        let framing = self.machines.send_body(call, len, last, self.now);
        if let (Some((prefix, suffix)), Some(sock)) = (framing, self.socks.get_mut(&conn)) {
            sock.unwritten += prefix.len() + len + suffix.len();
            // There may be further output.
            sock.transmit = true;
        }
    }

    pub(super) fn written(&mut self, conn: ConnId, most: usize) {
        let bytes = match self.socks.get_mut(&conn) {
            Some(sock) => {
                let bytes = sock.unwritten.min(most);
                sock.unwritten -= bytes;
                bytes
            }
            None => most,
        };
        self.tell(&Input::Written(conn, bytes));
    }

    fn says(&mut self, n: u8, piece: u8, cut: u8) {
        let Some(conn) = self.conn(n) else { return };
        let piece = PIECES[usize::from(piece) % PIECES.len()];
        let cut = if cut < 128 { piece.len() } else { usize::from(cut) % piece.len() };
        // A driver that is told that no input is wanted leaves it in the socket.
        if n >= 240 || self.machines.wants_input(conn) {
            self.read(conn, &piece[..cut]);
        }
    }

    pub(super) fn read(&mut self, conn: ConnId, piece: &[u8]) {
        let sock = self.socks.get_mut(&conn);
        let mut input = sock.map(|it| core::mem::take(&mut it.rest)).unwrap_or_default();
        input.extend_from_slice(piece);
        let mut at = 0;
        // Each call takes input, or ends an empty body or an attempt.
        for _ in 0..2 * input.len() + 8 {
            let ahead = self.machines.body_ahead(conn);
            let (taken, said) = self.machines.receive(conn, &input[at..], self.now);
            if let Said::Data(_, data) = &said {
                assert_eq!(data[..], input[at + taken - data.len()..at + taken]);
                assert!(ahead.is_none() || ahead.within(data.len()) == data.len());
            }
            at += taken;
            self.heard(&said);
            if said == Said::NeedInput {
                if let Some(sock) = self.socks.get_mut(&conn) {
                    sock.rest = input.split_off(at);
                }
                return;
            }
        }
        panic!("{conn} says the same for ever");
    }

    /// Passes the next deadline.
    pub(super) fn late(&mut self) {
        if let Some(at) = self.machines.poll_timeout() {
            self.now = self.now.max(at);
            self.tell(&Input::Timeout);
            self.drain();
            for _ in 0..8 {
                if self.machines.poll_timeout().is_none_or(|at| at > self.now) {
                    return;
                }
                self.tell(&Input::Timeout);
                self.drain();
            }
            panic!("a deadline passes and passes");
        }
    }

    /// Lets time pass, and handles each deadline at its time.
    fn pass(&mut self, time: Duration) {
        let end = self.now.after(time);
        while self.machines.poll_timeout().is_some_and(|at| at <= end) {
            self.late();
        }
        self.now = end;
    }

    /// Passes an id that is stale: no open connection has it, and no call that the application may
    /// still name.
    fn stale(&mut self, what: u8, bits: u64) {
        if !self.setting.stale {
            return;
        }
        self.drain();
        let conn = self.socks.keys().any(|conn| conn.to_bits() == bits);
        let call = self.machines.call_of(bits).map(|call| &self.calls[call]);
        let feeds = self.machines.call_of(bits).is_some_and(|call| self.machines.feeds(call));
        if !conn && !feeds && call.is_none_or(|it| it.left_alone || it.outcome.is_some()) {
            self.machines.tell_stale(what, bits, self.now);
        }
    }

    pub(super) fn check(&self) {
        if let Err(why) = self.machines.check() {
            panic!("{why}");
        }
        let limits = &self.setting.config.pool;
        let stats = self.machines.stats();
        assert!(stats.open <= limits.open_max.max(1), "{stats:?}");
        for conn in &self.conns {
            self.machines.sends(*conn);
            self.machines.wants_input(*conn);
        }
    }
}

impl View {
    pub(super) fn rewind(&mut self) {
        (self.rewind, self.pieces) = (false, 0);
        if let BodyLength::Known { len, .. } = self.body {
            self.left = BodyLeft::Bytes(len);
        }
    }
}

pub(super) fn addresses(found: u8) -> Vec<SocketAddr> {
    (0..found % 4).map(|host| SocketAddr::from(([10, 0, 1, host], 80))).collect()
}

fn pick<T: Copy>(among: &[T], n: u8) -> Option<T> {
    if among.is_empty() { None } else { Some(among[usize::from(n) % among.len()]) }
}
