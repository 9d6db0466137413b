//! Races of many addresses in virtual time, with failures at random.

use alloc::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::error::IoKind;

/// A generator of numbers (xorshift64*), the same at each run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % bound
    }
}

/// The sockets of one race. Each is opened once and closed once.
#[derive(Default)]
struct Sockets {
    /// The time at which each attempt connects or fails, and whether it connects. The attempts that
    /// are not here never answer.
    due: BTreeMap<u8, (u64, bool)>,
    open: BTreeSet<u8>,
    begun: BTreeSet<u8>,
    most: usize,
}

/// Runs a race to its end. Returns its sockets, when it ended, and whether it has a winner.
fn race(
    addresses: u64,
    draw: &mut Draw,
    fate: impl Fn(&mut Draw, u8) -> Option<(u64, bool)>,
) -> (Sockets, u64, bool) {
    let key = Key::direct(http("a.test", 80));
    let mut scene = Scene::new(&key, &racing());
    scene.dial.resolving(scene.now);
    let addrs: Vec<SocketAddr> = (0..addresses)
        .map(|n| {
            let n = n as u16;
            if n.is_multiple_of(2) {
                ([0x2001, 0xdb8, 0, 0, 0, 0, 0, n], 80).into()
            } else {
                ([192, 0, 2, n as u8], 80).into()
            }
        })
        .collect();
    scene.dial.resolved(&addrs, scene.now);
    let mut sockets = Sockets::default();
    loop {
        let millis = scene.now.as_nanos() / 1_000_000;
        match scene.dial.next() {
            Next::Connect { attempt, .. } => {
                assert!(sockets.begun.insert(attempt), "attempt {attempt} twice");
                sockets.open.insert(attempt);
                sockets.most = sockets.most.max(sockets.open.len());
                if let Some((after, connects)) = fate(draw, attempt) {
                    sockets.due.insert(attempt, (millis + after, connects));
                }
                scene.begin(attempt);
            }
            Next::Abandon { attempt } => {
                assert!(sockets.open.remove(&attempt), "attempt {attempt} is closed twice");
                sockets.due.remove(&attempt);
                scene.dial.abandoned(attempt);
            }
            Next::Ready { attempt } => {
                assert!(sockets.open.remove(&attempt));
                return (sockets, millis, true);
            }
            Next::Failed(_) => return (sockets, millis, false),
            Next::Wait => {
                let due = sockets.due.iter().map(|(attempt, (at, _))| (*at, *attempt)).min();
                let (wake, _) = scene.dial.poll_timeout().expect("a race has a deadline");
                let wake = wake.as_nanos().div_ceil(1_000_000);
                match due.filter(|(at, _)| *at < wake) {
                    Some((at, attempt)) => {
                        scene.pass(at - millis);
                        let connects = sockets.due.remove(&attempt).is_some_and(|(_, it)| it);
                        if connects {
                            scene.dial.connected(attempt, scene.now);
                        } else {
                            sockets.open.remove(&attempt);
                            scene.dial.connect_failed(attempt, IoKind::Refused, scene.now);
                        }
                    }
                    None => scene.pass(wake - millis),
                }
            }
            other @ (Next::Resolve { .. } | Next::Exchange | Next::StartTls { .. }) => {
                panic!("{other}")
            }
        }
    }
}

#[test]
fn a_hundred_thousand_races_leave_no_socket_and_close_each_loser_once() {
    let (mut draw, mut won) = (Draw(11), 0);
    for _ in 0..100_000 {
        let addresses = 1 + draw.below(6);
        let (sockets, _, ready) = race(addresses, &mut draw, |draw, _| match draw.below(4) {
            0 => None,
            1 => Some((draw.below(3_000), true)),
            _ => Some((draw.below(600), false)),
        });
        assert!(sockets.open.is_empty(), "left open: {:?}", sockets.open);
        assert!(sockets.begun.len() as u64 <= addresses);
        assert!(sockets.most <= sockets.begun.len(), "more sockets than attempts");
        won += u32::from(ready);
    }
    assert!((20_000..80_000).contains(&won), "{won} have a winner");
}

#[test]
fn a_black_hole_of_ipv6_costs_the_delay_of_an_attempt_at_most() {
    // Half of the addresses are IPv6 and swallow everything. The others connect in 20 ms.
    for addresses in [2, 4, 8] {
        let hole = |_: &mut Draw, attempt: u8| (attempt % 2 == 1).then_some((20, true));
        let (sockets, millis, ready) = race(addresses, &mut Draw(1), hole);
        assert!(ready && millis <= 250 + 20, "{millis} ms for {addresses} addresses");
        assert_eq!(sockets.begun.len(), 2);
        assert!(sockets.open.is_empty());
    }
}
