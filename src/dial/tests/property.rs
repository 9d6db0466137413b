//! Property test: with any order of driver reports a dial does not panic, ends, and leaves no
//! socket open.

use alloc::{collections::BTreeSet, format, vec};

use quickcheck::{Arbitrary, Gen, QuickCheck};

use super::*;
use crate::{
    error::{IoKind, ResolveKind, TlsKind},
    message::{Credentials, Hop, HopKind},
};

/// An operation of the driver.
#[derive(Clone, Debug)]
enum Op {
    /// Performs `next`; the flag decides whether that succeeds.
    Follow(bool),
    /// Reports this event, whether or not it is expected.
    Resolving,
    ResolveQueued,
    ResolveFailed,
    NeededBy(u16),
    Resolved(u8),
    Connecting(u8),
    Connected(u8),
    ConnectFailed(u8),
    Abandoned(u8),
    Receive(Vec<u8>),
    TlsUp,
    TlsFailed,
    Lost,
    Pass(u16),
}

impl Arbitrary for Op {
    fn arbitrary(g: &mut Gen) -> Self {
        // Few different numbers, so that reports meet the same attempt.
        let attempt = *g.choose(&[0, 0, 1, 1, 2, 3, 15, 16, 255]).unwrap();
        match u8::arbitrary(g) % 28 {
            0 => Self::Resolving,
            1 => Self::Resolved(u8::arbitrary(g) % 5),
            2 => Self::Connecting(attempt),
            3 => Self::Connected(attempt),
            4 => Self::ConnectFailed(attempt),
            5 => Self::Abandoned(attempt),
            6 => Self::Receive(Vec::arbitrary(g)),
            7 => Self::TlsUp,
            8 => Self::TlsFailed,
            9 => Self::Lost,
            12 => Self::ResolveQueued,
            13 => Self::ResolveFailed,
            14 => Self::NeededBy(u16::arbitrary(g) % 6_000),
            10 | 11 => Self::Pass(u16::arbitrary(g) % 6_000),
            _ => Self::Follow(u8::arbitrary(g) % 4 > 0),
        }
    }
}

/// A dial, and the sockets that the driver has open for it.
struct World {
    scene: Scene,
    open: BTreeSet<u8>,
}

impl World {
    fn new(setting: u8) -> Self {
        let peer = || if setting & 1 == 0 { http("a.test", 80) } else { https("192.0.2.1", 443) };
        let hop = |kind| {
            Hop::new(kind, if setting & 2 == 0 { http("p.test", 1) } else { https("[::1]", 1) })
                .with_credentials(Credentials::new("u", "p"))
        };
        use HopKind::{Connect, Socks4, Socks4a, Socks5, Socks5h};
        let hops = match setting >> 2 & 7 {
            0 | 1 => vec![],
            2 => vec![hop(Connect)],
            3 => vec![hop(Socks4)],
            4 => vec![hop(Socks4a), hop(Connect)],
            5 => vec![hop(Socks5), hop(Socks5)],
            6 => vec![hop(Socks5h)],
            _ => vec![hop(Connect), hop(Socks4), hop(Socks5h)],
        };
        let mut policy = if setting & 32 == 0 { racing() } else { in_turn() };
        policy.tls_available = true;
        if setting & 64 == 0 {
            (policy.resolve_timeout, policy.connect_timeout, policy.tls_timeout) =
                (None, None, None);
        }
        let key = Key::direct(peer()).through(hops);
        Self { scene: Scene::new(&key, &policy), open: BTreeSet::new() }
    }

    fn play(&mut self, op: &Op) {
        let Scene { dial, now } = &mut self.scene;
        let now = *now;
        match op {
            Op::Follow(luck) => self.follow(*luck),
            Op::Resolving => dial.resolving(now),
            Op::ResolveQueued => dial.resolve_queued(now),
            Op::ResolveFailed => dial.resolve_failed(ResolveKind::Busy, now),
            Op::NeededBy(millis) => {
                dial.needed_by(Some(now.after(Duration::from_millis((*millis).into()))), now);
            }
            Op::Resolved(count) => dial.resolved(&addrs(*count), now),
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
            Op::Receive(input) => assert!(dial.receive(input, now) <= input.len()),
            Op::TlsUp => dial.tls_up("", now),
            Op::TlsFailed => dial.tls_failed(TlsKind::Alert(40), now),
            Op::Lost => dial.lost(IoKind::Reset, now),
            Op::Pass(millis) => self.scene.pass((*millis).into()),
        }
    }

    /// Performs `next`, or ends what is under way. Without `luck` it fails, or lasts until its
    /// deadline.
    fn follow(&mut self, luck: bool) {
        let op = match self.scene.dial.next() {
            Next::Resolve { .. } if luck => Op::Resolving,
            Next::Resolve { .. } => Op::Resolved(0),
            Next::Connect { attempt, .. } if luck => Op::Connecting(attempt),
            Next::Connect { attempt, .. } => Op::ConnectFailed(attempt),
            Next::Abandon { attempt } => Op::Abandoned(attempt),
            Next::StartTls { .. } if luck => Op::TlsUp,
            Next::Exchange if luck => Op::Receive(consent(&self.scene.transmits()).to_vec()),
            Next::Ready { .. } | Next::Failed(_) => return,
            Next::Wait | Next::Exchange | Next::StartTls { .. } => {
                match (self.scene.dial.poll_timeout(), self.open.last()) {
                    (Some((at, _)), _) if !luck => return self.wake(at),
                    (_, Some(attempt)) if luck => Op::Connected(*attempt),
                    // Also for a socket that the driver has closed without a report.
                    (_, _) if self.scene.dial.winner().is_some() => Op::Lost,
                    (_, Some(attempt)) => Op::ConnectFailed(*attempt),
                    (_, None) => Op::Resolved(if luck { 3 } else { 0 }),
                }
            }
        };
        self.play(&op);
    }

    /// Lets a deadline pass, and checks that it is not reported again.
    fn wake(&mut self, at: Instant) {
        self.scene.now = self.scene.now.max(at);
        self.scene.dial.handle_timeout(self.scene.now);
        assert!(self.scene.dial.poll_timeout().is_none_or(|(next, _)| next > at));
    }

    /// Checks that a ready dial has exactly one socket, and a failed one has none.
    fn check(&self) {
        let dial = &self.scene.dial;
        assert_eq!(dial.next(), dial.next());
        match dial.next() {
            Next::Ready { attempt } => {
                assert_eq!(dial.winner(), Some(attempt));
                assert!(self.open.iter().all(|open| *open == attempt), "{:?}", self.open);
            }
            Next::Failed(_) => assert!(self.open.is_empty(), "{:?}", self.open),
            Next::Abandon { .. }
            | Next::Resolve { .. }
            | Next::Connect { .. }
            | Next::Exchange
            | Next::StartTls { .. }
            | Next::Wait => return,
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
    (0..count)
        .map(|n| {
            let text = if n % 2 == 0 { format!("192.0.2.{n}:80") } else { format!("[::{n}]:80") };
            text.parse().unwrap()
        })
        .collect()
}

#[test]
fn any_script_ends_and_forgets_no_socket() {
    fn holds(setting: u8, script: Vec<Op>, end: Vec<bool>) -> bool {
        let mut world = World::new(setting);
        for op in &script {
            world.play(op);
            world.check();
        }
        // From here on the driver only performs `next`, and in the end everything fails.
        for luck in end.into_iter().chain([false; 64]) {
            world.follow(luck);
            world.check();
        }
        matches!(world.scene.dial.next(), Next::Ready { .. } | Next::Failed(_))
    }
    QuickCheck::new().tests(3_000).quickcheck(holds as fn(u8, Vec<Op>, Vec<bool>) -> bool);
}
