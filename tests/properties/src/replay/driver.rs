//! Drives a `Client` by a script of bytes, which decides the order and the success of events.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use httpool::{
    call::{Policy, Retry, Route},
    client::{Action, Client, Config, Inbox, Transmit},
    error::{BodyUnusable, IoKind, ResolveKind, TlsKind},
    h1::Eof,
    id::{CallId, ConnId, LookUpId, SocketId},
    message::{
        BodyLeft, BodyLength, Credentials, Hop, HopKind, Method, Origin, Request, Scheme, Status,
    },
    time::Instant,
    trace::Sink,
};

use crate::Source;

/// Bytes that peers send, whole or in pieces, requested or not.
const SAYINGS: [&[u8]; 28] = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: sid=topsecret; Path=/\r\n\r\nBODY!",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nBODY!",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 4\r\n\r\nBODY",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: a, b, c, d, e, f\r\nContent-Length: 4\r\n\r\nBODY",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;ext\r\nBODY!\r\n0\r\nCookie: topsecret\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://us%40er:topsecret@b.test/next?t=topsecret&topsecret#topsecret\r\nContent-Length: 3\r\n\r\nBOD",
    b"HTTP/1.1 307 Temporary Redirect\r\nLocation: //topsecret@a.test/%7e?q='topsecret \xc3\xa9\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 308 Permanent Redirect\r\nLocation: ?a=\"topsecret<\xff>&b=%2\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: /?a=topsecret1\r\nLocation: /?a=topsecret2\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 303 See Other\r\nLocation: ftp://a/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\nBODY",
    b"HTTP/1.1 503 Busy\r\nRetry-After: Thu, 01 Jan 1970 00:00:03 GMT\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: <http://me:topsecret@c/?d=topsecret>\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\nBODY until the end",
    b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 4\r\n\r\nBODY",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nBODY",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nBODYBODY",
    b"HTTP/1.1 200 OK\r\nBad Line\r\nCookie: topsecret\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"5\r\nBODY!\r\n",
    b"0\r\n\r\n",
    b"\r\n",
    b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nBODY",
    b"\x05\x02\x01\x00\x05\x00\x00\x01\0\0\0\0\0\0",
    b"\x05\xff",
    b"\xff\x00\x80",
];

/// A client, the driver's state of its connections and calls, and the rest of the script.
pub(super) struct Driven<'s> {
    client: Client,
    now: Instant,
    script: Source<'s>,
    peers: BTreeMap<SocketId, Peer>,
    /// The connections whose name is being looked up.
    look_ups: BTreeSet<ConnId>,
    /// The names with open connections that are being looked up again.
    look_ups_again: Vec<LookUpId>,
    calls: Vec<CallId>,
}

/// The driver's state of one socket.
#[derive(Default)]
struct Peer {
    connecting: bool,
    shaking: bool,
    may_send: bool,
    inbox: Inbox,
    /// The number of bytes of output that are not written yet.
    unsent: usize,
    /// The output that was written last.
    asked: Vec<u8>,
}

impl<'s> Driven<'s> {
    pub(super) fn new(script: &'s [u8], sink: Arc<dyn Sink>) -> Self {
        let mut script = Source::new(script);
        let setting = script.byte();
        let mut config = Config::default();
        config.pool.open_max = 3;
        config.pool.open_per_key_max = 2;
        config.pool.waiting_max = 6;
        config.pool.waiting_per_key_max = 4;
        config.pool.idle_max = Duration::from_secs(2);
        config.pool.look_up_every = (setting & 8 > 0).then_some(Duration::from_millis(300));
        config.dial.tls_available = setting & 1 > 0;
        config.dial.race_after = (setting & 2 > 0).then_some(Duration::from_millis(250));
        config.seed = 7;
        config.wall_at_epoch = (setting & 4 > 0).then_some(Duration::from_secs(1));
        let mut client = Client::new(config);
        client.set_trace(sink);
        let now = Instant::from_nanos(0);
        Self {
            client,
            now,
            script,
            peers: BTreeMap::new(),
            look_ups: BTreeSet::new(),
            look_ups_again: Vec::new(),
            calls: Vec::new(),
        }
    }

    /// Plays the script to its end, then closes the client.
    pub(super) fn play(mut self) {
        while !self.script.is_empty() {
            let what = self.byte();
            self.step(what);
            self.drain();
        }
        self.client.close_now(self.now);
        self.drain();
        if let Err(why) = self.client.check() {
            panic!("{why}");
        }
    }

    fn byte(&mut self) -> u8 {
        self.script.byte()
    }

    /// Performs one step: mostly a requested action, else an arbitrary event.
    fn step(&mut self, what: u8) {
        match what {
            0..20 => self.request(),
            20..150 => {
                let (which, luck) = (self.byte(), self.byte() >= 24);
                let look_up = self.look_ups.pop_first();
                if let Some(conn) = look_up {
                    self.answer(conn, luck);
                } else if let Some(socket) = self.socket(which) {
                    self.follow(socket, luck);
                }
            }
            150..180 => self.speak(),
            180..205 => self.pass(),
            _ => self.disturb(what),
        }
    }

    fn disturb(&mut self, what: u8) {
        let (byte, now) = (self.byte(), self.now);
        if what < 225 {
            let which = self.byte();
            if let Some(conn) = self.look_ups.first().copied().filter(|_| byte >= 128) {
                match byte % 2 {
                    0 => self.client.handle_resolve_queued(conn, now),
                    _ => self.client.handle_resolving(conn, now),
                }
            }
            if let Some(look_up) = self.look_ups_again.pop() {
                let addrs = [[192, 0, 2, 1], [192, 0, 2, 7]].map(|ip| (ip, 80).into());
                let found = addrs.get(usize::from(which % 3)..=usize::from(which % 3));
                self.client.handle_looked_up(look_up, found.unwrap_or_default(), now);
            }
            let Some(socket) = self.socket(which) else { return };
            match byte % 6 {
                0 => drop(self.client.handle_eof(socket, Eof::Clean, now)),
                1 => drop(self.client.handle_eof(socket, Eof::Broken, now)),
                2 => self.client.handle_write_failed(socket, IoKind::Reset, now),
                3 => self.transmit(socket, byte),
                _ => self.wrote(socket, byte),
            }
            return;
        }
        let call = usize::from(byte >> 3) % self.calls.len().max(1);
        let Some(&call) = self.calls.get(call) else { return };
        match byte % 8 {
            0 => self.client.cancel(call, now),
            1 => self.client.discard(call, now),
            2 | 3 => self.client.pause(call, now),
            4 | 5 => self.client.resume(call, now),
            6 => self.client.body_failed(call, now),
            _ => self.client.body_ready(call),
        }
    }

    fn pass(&mut self) {
        let millis = 1 << (self.byte() % 14);
        self.now = self.now.after(Duration::from_millis(millis));
        if let (true, Some((at, _))) = (millis < 4, self.client.poll_timeout()) {
            self.now = self.now.max(at);
        }
        self.client.handle_timeout(self.now);
    }

    fn request(&mut self) {
        let (shape, wishes) = (self.byte(), self.byte());
        let scheme = if shape & 0x38 == 0x38 { "https" } else { "http" };
        let host = ["a.test", "b.test:81", "192.0.2.7", "[2001:db8::1]"][usize::from(shape & 3)];
        let method = [Method::GET, Method::POST, Method::PUT, Method::HEAD]
            [usize::from(shape >> 2 & 3)]
        .clone();
        let mut request = Request::builder(
            method,
            &format!("{scheme}://me:topsecret@{host}/x?y={shape}&z=topsecret"),
        )
        .header("Cookie", "topsecret=1")
        .header("Referer", "/?a=topsecret#topsecret")
        .header("X-Own", "ownsecret");
        if wishes & 1 > 0 {
            request = request.header("Upgrade", "x");
        }
        if wishes & 2 > 0 {
            request = request.header("Host", "virtual.test").expect_continue(true);
        }
        let replayable = wishes & 4 > 0;
        request = request.decode(wishes & 0x18 == 0x18).body(match shape >> 6 {
            0 | 1 => BodyLength::Empty,
            2 => BodyLength::Known { len: 9, replayable },
            _ => BodyLength::Unknown { replayable },
        });
        let mut policy = Policy::default();
        policy.retry = Retry::new(u32::from(wishes >> 3 & 3));
        policy.retry.statuses.extend(Status::new(503));
        policy.retry.backoff = Duration::from_millis(100);
        policy.retry.backoff_jitter = Duration::from_millis(50);
        policy.repeat_unsafe = wishes & 0x20 > 0;
        policy.show_interim = wishes & 0x40 > 0;
        policy.preload = wishes & 0x60 == 0x60;
        policy.timeout.total = (wishes & 0x80 > 0).then_some(Duration::from_secs(20));
        policy.timeout.first_byte = Some(Duration::from_secs(3));
        let proxy = |kind, user| {
            Hop::new(kind, Origin::new(Scheme::Http, "192.0.2.99", 3128))
                .with_credentials(Credentials::new(user, "topsecret"))
        };
        policy.routes.http = match self.byte() % 12 {
            0 => Route::Tunnel([proxy(HopKind::Connect, "anna")].into()),
            1 => Route::Tunnel([proxy(HopKind::Connect, "otto")].into()),
            2 => Route::Tunnel([proxy(HopKind::Socks5h, "a:b")].into()),
            3 => {
                Route::Tunnel([proxy(HopKind::Socks5, "ab"), proxy(HopKind::Connect, "a:b")].into())
            }
            _ => Route::Direct,
        };
        let Ok(request) = request.build() else { return };
        self.calls.push(self.client.request(request, Arc::new(policy), self.now));
    }

    /// Answers a look-up. It fails unless `luck` is true.
    fn answer(&mut self, conn: ConnId, luck: bool) {
        let now = self.now;
        let all =
            ["192.0.2.1:80", "[2001:db8::2]:80"].map(|addr| addr.parse().expect("an address"));
        match luck {
            true => self.client.handle_resolved(conn, &all, now),
            false if self.calls.len() == 2 => {
                self.client.handle_resolve_failed(conn, ResolveKind::Panicked, now);
            }
            false if self.refusal() == IoKind::Exhausted => {
                self.client.handle_resolve_failed(conn, ResolveKind::Exhausted, now);
            }
            false => self.client.handle_resolved(conn, &[], now),
        }
    }

    /// Performs an action that the client requested. It fails unless `luck` is true.
    fn follow(&mut self, socket: SocketId, luck: bool) {
        let now = self.now;
        let peer = self.peer(socket);
        if std::mem::take(&mut peer.connecting) {
            let done = if luck { Ok(()) } else { Err(self.refusal()) };
            if done.is_err() {
                self.peers.remove(&socket);
            }
            self.client.handle_connected(socket, done, now);
        } else if std::mem::take(&mut peer.shaking) {
            let done =
                if luck { Ok("TLSv1.3 X25519 full verified") } else { Err(TlsKind::Alert(40)) };
            self.client.handle_tls(socket, done, now);
        } else if std::mem::take(&mut peer.may_send) {
            self.transmit(socket, if luck { 0 } else { 0xff });
            self.drain();
            self.wrote(socket, if luck { 1 } else { 0 });
        } else if peer.unsent > 0 {
            self.wrote(socket, 1);
        } else {
            let asked = std::mem::take(&mut peer.asked);
            if asked.is_empty() && luck {
                return;
            }
            let saying = match asked.as_slice() {
                [1, ..] => b"\x01\x00",
                [5, 1, 0, ..] => &b"\x05\x00\x00\x01\0\0\0\0\0\0"[..],
                [5, ..] => b"\x05\x02",
                [b'C', b'O', ..] if luck => b"HTTP/1.1 200 Yes\r\nSet-Cookie: topsecret\r\n\r\n",
                // The first half of the list are complete responses.
                _ => SAYINGS[usize::from(self.byte()) % (SAYINGS.len() / 2)],
            };
            self.say(socket, saying);
        }
    }

    /// Receives bytes from a peer, requested or not.
    fn speak(&mut self) {
        let what = usize::from(self.byte());
        let which = self.byte();
        if let Some(socket) = self.socket(which) {
            self.say(socket, SAYINGS[what % SAYINGS.len()]);
        }
    }

    /// Receives `saying`, whole or in two pieces.
    fn say(&mut self, socket: SocketId, saying: &[u8]) {
        let (cut, now) = (usize::from(self.byte()), self.now);
        let cut = if cut & 1 == 0 { saying.len() } else { cut % (saying.len() + 1) };
        for piece in [&saying[..cut], &saying[cut..]] {
            let mut inbox = std::mem::take(&mut self.peer(socket).inbox);
            let input = inbox.with(piece);
            while self.client.read(socket, &input, now).is_some() {}
            drop(input);
            self.peer(socket).inbox = inbox;
            self.drain();
            if !self.peers.contains_key(&socket) {
                return;
            }
        }
    }

    /// Asks for output, and gives body in pieces, sometimes of the wrong length.
    fn transmit(&mut self, socket: SocketId, luck: u8) {
        let mut out = Vec::new();
        for _ in 0..4 {
            let before = out.len();
            let transmit = self.client.poll_transmit(socket, &mut out);
            let mut len = out.len() - before;
            if let Transmit::Body { call, max } = transmit {
                let left = self.byte();
                let piece = match max {
                    BodyLeft::Bytes(max @ ..=16) => usize::try_from(max).unwrap_or(0),
                    BodyLeft::Bytes(_) | BodyLeft::Unknown => usize::from(left & 7),
                };
                let (piece, last) = (piece + usize::from(luck == 0xff), left & 8 > 0);
                match self.client.send_body(call, piece, last, self.now) {
                    Some(frame) => len += frame.prefix().len() + piece + frame.suffix().len(),
                    None => return,
                }
            }
            self.peer(socket).unsent += len;
            if transmit == Transmit::Nothing || luck & 1 > 0 {
                break;
            }
        }
        if !out.is_empty() {
            self.peer(socket).asked = out;
        }
    }

    /// Reports the output as written, or half of it.
    fn wrote(&mut self, socket: SocketId, luck: u8) {
        let unsent = self.peer(socket).unsent;
        let gone = if luck & 3 == 0 { unsent / 2 } else { unsent };
        self.peer(socket).unsent -= gone;
        self.client.handle_written(socket, gone, self.now);
    }

    fn drain(&mut self) {
        while let Some(action) = self.client.poll_action() {
            match action {
                Action::Resolve { conn, .. } => drop(self.look_ups.insert(conn)),
                Action::CancelResolve { conn } => drop(self.look_ups.remove(&conn)),
                Action::LookUp { look_up, .. } => self.look_ups_again.push(look_up),
                Action::Connect { socket, .. } => self.peer(socket).connecting = true,
                Action::StartTls { socket, .. } => self.peer(socket).shaking = true,
                Action::Transmit { socket, .. } => self.peer(socket).may_send = true,
                Action::Close { socket, .. } | Action::HandOver { socket, .. } => {
                    self.peers.remove(&socket);
                }
                Action::Rewind { call } => {
                    if self.byte() & 3 > 0 {
                        self.client.rewound(call, self.now);
                    } else {
                        self.client.rewind_failed(call, self.now);
                    }
                }
                Action::CheckBody { call } => match self.byte() & 3 {
                    0 => {
                        let why = BodyUnusable::TooLong { max: 7 };
                        self.client.body_unusable(call, why, self.now);
                    }
                    _ => self.client.body_used(call, self.now),
                },
                Action::End { .. }
                | Action::Restart { .. }
                | Action::BodyDone { .. }
                | Action::Failed { .. }
                | Action::Refresh { .. } => {}
            }
        }
    }

    fn socket(&self, which: u8) -> Option<SocketId> {
        self.peers.keys().nth(usize::from(which) % self.peers.len().max(1)).copied()
    }

    fn refusal(&mut self) -> IoKind {
        if self.byte() < 128 { IoKind::Refused } else { IoKind::Exhausted }
    }

    fn peer(&mut self, socket: SocketId) -> &mut Peer {
        self.peers.entry(socket).or_default()
    }
}
