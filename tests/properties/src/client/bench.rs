//! A test driver around any composition of the machines. Its sockets are a table, and it may
//! misbehave.

use core::{net::SocketAddr, time::Duration};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use httpool::{
    call::Policy,
    error::{BodyUnusable, IoKind, ResolveKind, TlsKind},
    id::{ConnId, LookUpId, SocketId},
    message::{BodyLeft, BodyLength, Request},
    time::Instant,
};

use super::{
    Ask, Event, Setting,
    machines::{Act, Input, Machines, Said},
};
use crate::call::PIECES;

/// The driver's state of a socket that is not closed.
#[derive(Debug, Default)]
pub(super) struct Sock {
    /// Whether it is connected.
    pub(super) up: bool,
    pub(super) shaking: bool,
    /// Whether there is output to ask for.
    pub(super) transmit: bool,
    pub(super) unwritten: usize,
    /// Input that was read and not taken.
    pub(super) rest: Vec<u8>,
    /// Whether a proxy was asked for a tunnel and has not answered.
    pub(super) tunnel_asked: bool,
}

/// The application's state of a call.
#[derive(Debug)]
pub(super) struct View {
    pub(super) body: BodyLength,
    /// The number of body bytes left to give, and of the pieces that were given.
    pub(super) left: BodyLeft,
    pub(super) pieces: usize,
    pub(super) rewind: bool,
    /// The body waits to be decoded.
    pub(super) check: bool,
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
    pub(super) socks: BTreeMap<SocketId, Sock>,
    /// All sockets so far.
    pub(super) sockets: Vec<SocketId>,
    pub(super) closed: BTreeSet<SocketId>,
    /// The sockets that the driver has reported as not connected.
    failed: BTreeSet<SocketId>,
    /// The connections with a look-up, and all that ever had one.
    pub(super) look_ups: BTreeSet<ConnId>,
    pub(super) conns: Vec<ConnId>,
    /// The look-ups of names with open connections.
    look_ups_again: Vec<LookUpId>,
    /// The connections for which the driver has reported an answer. The client may have cancelled
    /// the look-up before, or count the next one as answered.
    answered: BTreeSet<ConnId>,
    pub(super) calls: Vec<View>,
}

impl<M: Machines> Bench<M> {
    pub(super) fn new(machines: M, setting: Setting) -> Self {
        Self {
            machines,
            setting,
            now: Instant::from_nanos(0),
            socks: BTreeMap::new(),
            sockets: Vec::new(),
            closed: BTreeSet::new(),
            failed: BTreeSet::new(),
            look_ups: BTreeSet::new(),
            conns: Vec::new(),
            look_ups_again: Vec::new(),
            answered: BTreeSet::new(),
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
            Event::BodyUsed(n) => self.with_call(n, Input::BodyUsed),
            Event::BodyUnusable(n) => self.with_call(n, |call| {
                Input::BodyUnusable(call, BodyUnusable::TooLong { max: n.into() })
            }),
            Event::Rewound(n, done) => self.with_call(n, |call| Input::Rewound(call, done)),
            Event::Resolved(n, found) => self.resolved(n, found),
            Event::Connected { n, why, done } => self.connected(n, why, done),
            Event::Tls(n, done) => self.tls(n, done),
            Event::Transmit(n) => {
                if let Some(socket) = self.socket(n) {
                    self.transmit(socket, false);
                }
            }
            Event::SendBody { n, len, last } => {
                if let Some(call) = self.call(n) {
                    self.machines.send_body(call, len.into(), last, self.now);
                }
            }
            Event::Written(n, bytes) => {
                if let Some(socket) = self.socket(n) {
                    self.written(socket, bytes.into());
                }
            }
            Event::WriteFailed(n) => {
                if let Some(socket) = self.socket(n) {
                    self.tell(&Input::WriteFailed(socket, IoKind::Reset));
                }
            }
            Event::Says { n, piece, cut } => self.says(n, piece, cut),
            Event::Eof(n, clean) => {
                if let Some(socket) = self.socket(n) {
                    let said = self.machines.eof(socket, clean, self.now);
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
            check: false,
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

    /// Returns the `n`th open socket; for a high `n`, any socket so far.
    pub(super) fn socket(&self, n: u8) -> Option<SocketId> {
        if n >= 240 {
            return pick(&self.sockets, n);
        }
        let among: Vec<_> = self.socks.keys().copied().collect();
        pick(&among, n)
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
                self.conns.push(conn);
                assert!(self.look_ups.insert(conn), "{conn} has two look-ups");
            }
            Act::CancelResolve { conn } => {
                let ran = self.look_ups.remove(&conn);
                assert!(ran || self.answered.contains(&conn), "{conn} has no look-up");
            }
            Act::LookUp { look_up, host, .. } => {
                assert!(host.parse::<core::net::IpAddr>().is_err(), "{host} is an address");
                self.look_ups_again.push(look_up);
            }
            Act::Refresh { host, .. } => {
                assert!(host.parse::<core::net::IpAddr>().is_err(), "{host} was not looked up");
            }
            Act::Connect { socket, .. } => {
                assert!(!self.sockets.contains(&socket), "{socket} given out twice");
                self.sockets.push(socket);
                self.socks.insert(socket, Sock::default());
            }
            Act::StartTls { socket, .. } => {
                assert!(self.sock(socket).up);
                self.sock(socket).shaking = true;
            }
            Act::Transmit { socket, .. } => {
                assert!(self.sock(socket).up, "{socket} has nobody to speak to");
                self.sock(socket).transmit = true;
            }
            Act::Close { socket, .. } => self.gone(socket),
            Act::HandOver { socket, call } => {
                assert_eq!(self.calls[call].heads, 1, "handed over without its head");
                self.gone(socket);
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
            Act::Restart { call } => {
                let view = &mut self.calls[call];
                assert_eq!(view.heads, 1, "forgotten without a head");
                view.heads = 0;
            }
            Act::CheckBody { call } => {
                assert_eq!(self.calls[call].heads, 1, "a body without a head");
                self.calls[call].check = true;
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

    fn sock(&mut self, socket: SocketId) -> &mut Sock {
        self.socks.get_mut(&socket).unwrap_or_else(|| panic!("{socket} is closed or never was"))
    }

    /// Forgets a closed socket. Its `Close` may have been queued when the driver reported that it
    /// could not be connected.
    fn gone(&mut self, socket: SocketId) {
        let open = self.socks.remove(&socket).is_some();
        if !open && self.failed.remove(&socket) {
            return;
        }
        assert!(open, "{socket} is closed and was not open");
        assert!(self.closed.insert(socket), "{socket} is closed twice");
    }

    fn resolved(&mut self, n: u8, found: u8) {
        // An answer may come twice.
        if let Some(look_up) = pick(&self.look_ups_again, n).filter(|_| found % 4 == 2) {
            return self.tell(&Input::LookedUp(look_up, addresses(found / 4)));
        }
        let among: Vec<_> = self.look_ups.iter().copied().collect();
        let chosen = if n >= 240 { pick(&self.conns, n) } else { pick(&among, n) };
        let Some(conn) = chosen else { return };
        match found {
            240..245 => self.tell(&Input::ResolveQueued(conn)),
            245..250 => self.tell(&Input::Resolving(conn)),
            0..235 => self.answer(conn, &Input::Resolved(conn, addresses(found))),
            235..240 => self.answer(conn, &Input::ResolveFailed(conn, ResolveKind::Exhausted)),
            250.. => self.answer(conn, &Input::ResolveFailed(conn, ResolveKind::Busy)),
        }
    }

    pub(super) fn was_answered(&self, conn: &ConnId) -> bool {
        self.answered.contains(conn)
    }

    /// Answers a look-up, perhaps one that was not asked for.
    pub(super) fn answer(&mut self, conn: ConnId, input: &Input) {
        self.look_ups.remove(&conn);
        self.answered.insert(conn);
        self.tell(input);
    }

    fn connected(&mut self, n: u8, why: u8, done: bool) {
        let Some(socket) = self.socket(n) else { return };
        let why = if why < 128 { IoKind::Refused } else { IoKind::Exhausted };
        self.connect(socket, if done { Ok(()) } else { Err(why) });
    }

    /// Reports the result of a connect, perhaps again.
    pub(super) fn connect(&mut self, socket: SocketId, done: Result<(), IoKind>) {
        match (self.socks.get_mut(&socket), done) {
            (Some(sock), Ok(())) => sock.up = true,
            // A connected socket cannot fail. Its loss is reported as an end of stream.
            (Some(sock), Err(_)) if !sock.up => {
                self.gone(socket);
                self.failed.insert(socket);
            }
            (Some(_) | None, _) => {}
        }
        self.tell(&Input::Connected(socket, done));
    }

    fn tls(&mut self, n: u8, done: bool) {
        let Some(socket) = self.socket(n) else { return };
        if let Some(sock) = self.socks.get_mut(&socket) {
            sock.shaking = false;
        }
        let done = if done { Ok(()) } else { Err(TlsKind::Unavailable) };
        self.tell(&Input::Tls(socket, done));
    }

    /// Asks for output, and gives a piece of body if the client wants one.
    pub(super) fn transmit(&mut self, socket: SocketId, whole: bool) {
        let mut out = Vec::new();
        let wanted = self.machines.poll_transmit(socket, &mut out);
        if let Some(sock) = self.socks.get_mut(&socket) {
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
        if let (Some((prefix, suffix)), Some(sock)) = (framing, self.socks.get_mut(&socket)) {
            sock.unwritten += prefix.len() + len + suffix.len();
            // There may be further output.
            sock.transmit = true;
        }
    }

    pub(super) fn written(&mut self, socket: SocketId, most: usize) {
        let bytes = match self.socks.get_mut(&socket) {
            Some(sock) => {
                let bytes = sock.unwritten.min(most);
                sock.unwritten -= bytes;
                bytes
            }
            None => most,
        };
        self.tell(&Input::Written(socket, bytes));
    }

    fn says(&mut self, n: u8, piece: u8, cut: u8) {
        let Some(socket) = self.socket(n) else { return };
        let piece = PIECES[usize::from(piece) % PIECES.len()];
        let cut = if cut < 128 { piece.len() } else { usize::from(cut) % piece.len() };
        // A driver that is told that no input is wanted leaves it in the socket.
        if n >= 240 || self.machines.wants_input(socket) {
            self.read(socket, &piece[..cut]);
        }
    }

    pub(super) fn read(&mut self, socket: SocketId, piece: &[u8]) {
        let sock = self.socks.get_mut(&socket);
        let mut input = sock.map(|it| core::mem::take(&mut it.rest)).unwrap_or_default();
        input.extend_from_slice(piece);
        let mut at = 0;
        // Each call takes input, or ends an empty body or an attempt.
        for _ in 0..2 * input.len() + 8 {
            let ahead = self.machines.body_ahead(socket);
            let (taken, said) = self.machines.receive(socket, &input[at..], self.now);
            if let Said::Data(_, data) = &said {
                assert_eq!(data[..], input[at + taken - data.len()..at + taken]);
                assert!(ahead.is_none() || ahead.within(data.len()) == data.len());
            }
            at += taken;
            self.heard(&said);
            if said == Said::NeedInput {
                if let Some(sock) = self.socks.get_mut(&socket) {
                    sock.rest = input.split_off(at);
                }
                return;
            }
        }
        panic!("{socket} says the same for ever");
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

    /// Passes an id that is stale: no open socket has it, and no call that the application may
    /// still name.
    fn stale(&mut self, what: u8, bits: u64) {
        if !self.setting.stale {
            return;
        }
        self.drain();
        let socket = self.socks.keys().any(|socket| socket.to_bits() == bits);
        let call = self.machines.call_of(bits).map(|call| &self.calls[call]);
        let feeds = self.machines.call_of(bits).is_some_and(|call| self.machines.feeds(call));
        if !socket && !feeds && call.is_none_or(|it| it.left_alone || it.outcome.is_some()) {
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
        for socket in &self.sockets {
            let open = self.socks.get(socket).is_some_and(|it| it.up);
            assert!(self.machines.sends(*socket) <= open || !self.setting.eager);
            assert!(self.machines.wants_input(*socket) <= open || !self.setting.eager);
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
