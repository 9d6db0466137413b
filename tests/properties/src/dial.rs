//! Checks a dial with any order of reports of its driver, and with any answers of proxies.

use core::{
    fmt::Write,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use httpool::{
    dial::{Dial, DialPolicy, Guard, Next},
    error::{DialError, IoKind, ResolveKind, TlsKind},
    limits::PROXY_BODY_BYTES_MAX,
    message::{Credentials, Hop, HopKind, Key, Origin, Scheme},
    replay,
    time::Instant,
    trace::{Recorder, Redaction, Trace, Who},
};
use quickcheck::{Arbitrary, Gen};

use super::source::{Source, random_bytes, shorter};

/// Drives a dial by a [`DialScript`].
pub fn dial_script(data: &[u8]) {
    DialScript::decode(&mut Source::new(data)).hold();
}

/// A key, a policy, and the reports of a driver.
#[derive(Debug, Clone)]
pub struct DialScript {
    setting: u8,
    guarded: bool,
    ops: Vec<Op>,
}

/// An operation of the driver.
#[derive(Debug, Clone)]
enum Op {
    /// Performs `next`. The flag decides whether that succeeds.
    Follow(bool),
    /// Reports that a look-up runs or waits, whether or not that is expected. So do the others.
    Resolving(bool),
    ResolveFailed,
    Resolved(u8),
    NeededBy(u16),
    Connecting(u8),
    Connected(u8),
    ConnectFailed(u8),
    Abandoned(u8),
    /// Adds these bytes to the input, and presents so many of them.
    Receive(Vec<u8>, u8),
    TlsUp,
    TlsFailed,
    Lost,
    Pass(u16),
}

/// Answers of proxies, whole or cut, with bytes behind them.
const ANSWERS: &[&[u8]] = &[
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 4\r\n\r\npage",
    b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npage\r\n",
    b"0\r\n\r\n",
    b"HTTP/1.0 403 No\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\n\r\n",
    b"\x05\x00",
    b"\x05\x02",
    b"\x05\xff",
    b"\x01\x00",
    b"\x01\x01",
    b"\x05\x00\x00\x01\0\0\0\0\0\0",
    b"\x05\x00\x00\x03\x05bound\0\0",
    b"\x05\x05",
    b"\x00\x5a\0\0\0\0\0\0",
    b"\x00\x5b",
];

impl DialScript {
    /// Decodes a key and policy, the weight of each kind of operation, and then operations.
    pub fn decode(source: &mut Source<'_>) -> Self {
        let (setting, guarded) = (source.byte(), source.chance(32));
        let weights = source.swarm([40, 3, 2, 3, 2, 4, 4, 3, 2, 12, 3, 2, 2, 6]);
        let mut ops = Vec::new();
        while !source.is_empty() && ops.len() < 300 {
            ops.push(Op::decode(source, &weights));
        }
        Self { setting, guarded, ops }
    }

    /// Panics if the dial does not end, forgets a socket, dials a denied address, keeps more of a
    /// proxy's response than it may, or if its recording does not replay.
    pub fn hold(&self) {
        let mut bench = Bench::new(self.setting, self.guarded);
        for op in &self.ops {
            bench.play(op);
            bench.check();
        }
        // From here on the driver only performs `next`, and everything fails.
        for _ in 0..64 {
            bench.follow(false);
            bench.check();
        }
        let end = bench.dial.next();
        assert!(matches!(end, Next::Ready { .. } | Next::Failed(_)), "it does not end: {end}");
        let text = bench.text.lock().expect("nobody panics here");
        for secret in ["topsecret", "dG9wc2VjcmV0"] {
            assert!(!text.contains(secret), "{secret} is in\n{text}");
        }
        if let Err(why) = replay::check(&text) {
            panic!("{why}\n{text}");
        }
    }
}

impl Op {
    fn decode(source: &mut Source<'_>, weights: &[u16]) -> Self {
        let kind = source.weighted(weights);
        // Few different numbers, so that reports meet the same attempt.
        let attempt = |source: &mut Source<'_>| source.pick(&[0, 0, 1, 1, 2, 3, 15, 16, 255]);
        match kind {
            0 => Self::Follow(source.chance(190)),
            1 => Self::Resolving(source.flag()),
            2 => Self::ResolveFailed,
            3 => Self::Resolved(source.byte() % 5),
            4 => Self::NeededBy(source.number() % 6_000),
            5 => Self::Connecting(attempt(source)),
            6 => Self::Connected(attempt(source)),
            7 => Self::ConnectFailed(attempt(source)),
            8 => Self::Abandoned(attempt(source)),
            9 if source.chance(200) => Self::Receive(source.pick(ANSWERS).to_vec(), source.byte()),
            9 => Self::Receive(source.bytes().to_vec(), source.byte()),
            10 => Self::TlsUp,
            11 => Self::TlsFailed,
            12 => Self::Lost,
            _ => Self::Pass(source.number() % 6_000),
        }
    }
}

impl Arbitrary for DialScript {
    fn arbitrary(g: &mut Gen) -> Self {
        Self::decode(&mut Source::new(&random_bytes(g)))
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        shorter(self, |script| &mut script.ops)
    }
}

/// A dial, and the state of its driver.
struct Bench {
    dial: Dial,
    now: Instant,
    guard: Guard,
    /// The attempts that have an open socket.
    open: BTreeSet<u8>,
    /// The input that the dial has not taken.
    input: Vec<u8>,
    text: Arc<Mutex<String>>,
}

fn key(setting: u8) -> Key {
    let http = |host, port| Origin::new(Scheme::Http, host, port);
    let https = |host, port| Origin::new(Scheme::Https, host, port);
    let peer = if setting & 1 == 0 { http("a.test", 80) } else { https("192.0.2.1", 443) };
    let hop = |kind| {
        let proxy = if setting & 2 == 0 { http("p.test", 1) } else { https("[::1]", 1) };
        Hop::new(kind, proxy).with_credentials(Credentials::new("u", "topsecret"))
    };
    use HopKind::{Connect, Socks4, Socks4a, Socks5, Socks5h};
    let kinds: &[HopKind] = match setting >> 2 & 7 {
        0 => &[],
        1 | 2 => &[Connect],
        3 => &[Socks4],
        4 => &[Socks4a, Connect],
        5 => &[Socks5, Socks5],
        6 => &[Socks5h],
        _ => &[Connect, Socks4, Socks5h],
    };
    Key::direct(peer).through(kinds.iter().map(|kind| hop(*kind)).collect::<Vec<_>>())
}

impl Bench {
    fn new(setting: u8, guarded: bool) -> Self {
        let mut policy = DialPolicy::default();
        policy.tls_available = true;
        if setting & 32 == 0 {
            policy.race_after = None;
        }
        if setting & 64 == 0 {
            (policy.resolve_timeout, policy.connect_timeout, policy.tls_timeout) =
                (None, None, None);
        }
        let guard = match guarded {
            true => Guard::new().deny("192.0.2.0/31".parse().expect("a network")),
            false => Guard::new(),
        };
        let text = Arc::new(Mutex::new(String::new()));
        let to = text.clone();
        let recorder = Recorder::new(Redaction::default(), move |line| {
            to.lock().expect("nobody panics here").write_fmt(line).expect("memory takes all");
        });
        let now = Instant::from_nanos(0);
        let mut dial = Dial::new(&key(setting), &policy.guard(guard.clone()), now);
        dial.set_trace(Trace::new(Arc::new(recorder), Who::Dial(1)));
        Self { dial, now, guard, open: BTreeSet::new(), input: Vec::new(), text }
    }

    fn play(&mut self, op: &Op) {
        let Self { dial, now, .. } = self;
        let now = *now;
        match op {
            Op::Follow(luck) => self.follow(*luck),
            Op::Resolving(true) => dial.resolving(now),
            Op::Resolving(false) => dial.resolve_queued(now),
            Op::ResolveFailed => dial.resolve_failed(ResolveKind::Busy, now),
            Op::Resolved(count) => dial.resolved(&addrs(*count), now),
            Op::NeededBy(millis) => {
                dial.needed_by(Some(now.after(Duration::from_millis((*millis).into()))), now);
            }
            Op::Connecting(attempt) => {
                self.open.insert(*attempt);
                dial.connecting(*attempt, now);
            }
            Op::Connected(attempt) => {
                self.open.insert(*attempt);
                dial.connected(*attempt, now);
            }
            Op::ConnectFailed(attempt) => {
                self.open.remove(attempt);
                dial.connect_failed(*attempt, IoKind::Refused, now);
            }
            Op::Abandoned(attempt) => {
                self.open.remove(attempt);
                dial.abandoned(*attempt);
            }
            Op::Receive(bytes, len) => self.receive(bytes, usize::from(*len)),
            Op::TlsUp => dial.tls_up("", now),
            Op::TlsFailed => dial.tls_failed(TlsKind::Alert(40), now),
            Op::Lost => dial.lost(IoKind::Reset, now),
            Op::Pass(millis) => {
                self.now = now.after(Duration::from_millis((*millis).into()));
                self.dial.handle_timeout(self.now);
            }
        }
    }

    /// Presents the input up to `len` bytes, and those behind them. Input outside of an exchange
    /// is for the layers.
    fn receive(&mut self, bytes: &[u8], len: usize) {
        self.input.extend_from_slice(bytes);
        for upto in [len.min(self.input.len()), usize::MAX] {
            let upto = upto.min(self.input.len());
            let taken = self.dial.receive(&self.input[..upto], self.now);
            assert!(taken <= upto, "it took more than there was");
            self.input.drain(..taken);
        }
        if self.dial.next() != Next::Exchange {
            self.input.clear();
        }
    }

    /// Performs `next`, or ends what is under way. Without `luck` it fails, or lasts until its
    /// deadline.
    fn follow(&mut self, luck: bool) {
        let op = match self.dial.next() {
            Next::Resolve { .. } if luck => Op::Resolving(true),
            Next::Resolve { .. } => Op::Resolved(0),
            Next::Connect { attempt, .. } if luck => Op::Connecting(attempt),
            Next::Connect { attempt, .. } => Op::ConnectFailed(attempt),
            Next::Abandon { attempt } => Op::Abandoned(attempt),
            Next::StartTls { .. } if luck => Op::TlsUp,
            Next::Exchange if luck => {
                let mut out = Vec::new();
                self.dial.poll_transmit(&mut out);
                Op::Receive(consent(&out).to_vec(), 3)
            }
            Next::Ready { .. } | Next::Failed(_) => return,
            Next::Wait | Next::Exchange | Next::StartTls { .. } => {
                match (self.dial.poll_timeout(), self.open.last()) {
                    (Some((at, _)), _) if !luck => return self.wake(at),
                    (_, Some(attempt)) if luck => Op::Connected(*attempt),
                    // Also for a socket that the driver has closed without a report.
                    (_, _) if self.dial.winner().is_some() => Op::Lost,
                    (_, Some(attempt)) => Op::ConnectFailed(*attempt),
                    (_, None) => Op::Resolved(if luck { 3 } else { 0 }),
                }
            }
        };
        self.play(&op);
    }

    /// Lets a deadline pass, and checks that it is not reported again.
    fn wake(&mut self, at: Instant) {
        self.now = self.now.max(at);
        self.dial.handle_timeout(self.now);
        assert!(self.dial.poll_timeout().is_none_or(|(next, _)| next > at), "a spent deadline");
    }

    fn check(&self) {
        let (dial, next) = (&self.dial, self.dial.next());
        assert_eq!(dial.next(), next);
        if let Next::Connect { addr, .. } = next {
            let permitted = addr.tcp().is_some_and(|addr| self.guard.permits(addr.ip()));
            assert!(permitted, "a denied address: {addr}");
        }
        let refused = matches!(
            next,
            Next::Failed(DialError::ProxyRefused(300..) | DialError::ProxyLogin(300..))
        );
        match dial.proxy_response() {
            Some(response) => assert!(response.body().len() <= PROXY_BODY_BYTES_MAX),
            None => assert!(!refused, "without the response of the proxy"),
        }
        match next {
            Next::Ready { attempt } => {
                assert_eq!(dial.winner(), Some(attempt));
                assert!(self.open.iter().all(|open| *open == attempt), "{:?}", self.open);
            }
            Next::Failed(_) => assert!(self.open.is_empty(), "{:?}", self.open),
            _ => return,
        }
        assert_eq!(dial.poll_timeout(), None);
    }
}

/// Returns the proxy's answer that grants `request`.
fn consent(request: &[u8]) -> &'static [u8] {
    match request {
        [] => b"",
        [1, ..] => b"\x01\x00",
        [4, ..] => b"\x00\x5a\0\0\0\0\0\0",
        [5, 1, 0, ..] => b"\x05\x00\x00\x01\0\0\0\0\0\0",
        [5, ..] => b"\x05\x02",
        _ => b"HTTP/1.1 200 OK\r\n\r\n",
    }
}

fn addrs(count: u8) -> Vec<SocketAddr> {
    let addr = |n: u8| match n % 2 {
        0 => IpAddr::from([192, 0, 2, n]),
        _ => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(n)]),
    };
    (0..count).map(|n| SocketAddr::new(addr(n), 80)).collect()
}
