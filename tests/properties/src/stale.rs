//! Checks that stale ids are ignored.

use core::time::Duration;
use std::collections::BTreeSet;

use httpool::{
    error::{DialError, Unavailable},
    id::ConnId,
    limits::PoolLimits,
    message::{Key, Origin, Scheme},
    pool::{Action, Checkin, Claim, Dialing, Evicted, Lease, Pool, Ticket, Want},
    time::Instant,
};
use quickcheck::{Arbitrary, Gen};

use super::{
    ClientScript,
    source::{Source, random_bytes, shorter},
};

/// Passes arbitrary ids, as stale readiness in an event loop does, to a pool or a client. It must
/// decide from then on like a twin that did not get them. No id may be given out twice.
pub fn stale_ids(data: &[u8]) {
    let mut source = Source::new(data);
    if source.flag() {
        ClientScript::decode(&mut source).hold_to_twin();
    } else {
        StaleScript::decode(&mut source).hold();
    }
}

/// The events of both pools, and the stale ids that only one of them gets.
#[derive(Debug, Clone)]
pub struct StaleScript {
    dialing: Dialing,
    events: Vec<Event>,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Checkout { key: u8, fresh: bool },
    Claim(u8),
    Cancel(u8),
    Checkin(u8, bool),
    Dialed(u8),
    DialFailed(u8),
    Lost(u8),
    Pass(u8),
    Stale(Stale, u64),
}

/// The call that is made with a stale id.
#[derive(Debug, Clone, Copy)]
enum Stale {
    Claim,
    Cancel,
    Dialed,
    DialFailed,
    DialAbandoned,
    Connected,
    Lost,
}

impl StaleScript {
    /// Decodes a flag, the weight of each kind of event, and then events.
    pub fn decode(source: &mut Source<'_>) -> Self {
        let dialing = source.dialing();
        let weights = source.swarm([12, 14, 4, 8, 10, 3, 3, 4, 30]);
        let mut events = Vec::new();
        while !source.is_empty() && events.len() < 400 {
            events.push(Event::decode(source, &weights));
        }
        Self { dialing, events }
    }

    /// Panics if a stale id has an effect.
    pub fn hold(&self) {
        let mut twins = Twins::new(self.dialing);
        for event in &self.events {
            twins.happen(*event);
        }
    }
}

impl Event {
    fn decode(source: &mut Source<'_>, weights: &[u16]) -> Self {
        let kind = source.weighted(weights);
        let n = source.byte();
        match kind {
            0 => Self::Checkout { key: n % 3, fresh: n > 200 },
            1 => Self::Claim(n),
            2 => Self::Cancel(n),
            3 => Self::Checkin(n, source.chance(200)),
            4 => Self::Dialed(n),
            5 => Self::DialFailed(n),
            6 => Self::Lost(n),
            7 => Self::Pass(n % 40),
            _ => {
                let what = source.pick(&[
                    Stale::Claim,
                    Stale::Cancel,
                    Stale::Dialed,
                    Stale::DialFailed,
                    Stale::DialAbandoned,
                    Stale::Connected,
                    Stale::Lost,
                ]);
                // Mostly a slot that was used, with one of its generations.
                let bits = if n < 250 {
                    u64::from(source.byte() % 8) << 32 | u64::from(n % 8)
                } else {
                    source.long()
                };
                Self::Stale(what, bits)
            }
        }
    }
}

impl Arbitrary for StaleScript {
    fn arbitrary(g: &mut Gen) -> Self {
        let bytes = random_bytes(g);
        Self::decode(&mut Source::new(&bytes))
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        shorter(self, |script| &mut script.events)
    }
}

/// Two pools that get the same events. Only `told` gets stale ids too.
struct Twins {
    told: Pool<u32>,
    untold: Pool<u32>,
    keys: [Key; 3],
    /// Ids that are valid now, and all that ever were.
    tickets: Vec<Ticket>,
    dials: Vec<ConnId>,
    open: Vec<ConnId>,
    all_tickets: BTreeSet<u64>,
    all_conns: BTreeSet<u64>,
    leases: Vec<(Lease, Lease, u32)>,
    opened: u32,
    now: Instant,
}

impl Twins {
    fn new(dialing: Dialing) -> Self {
        let mut limits = PoolLimits::default();
        limits.open_max = 5;
        limits.open_per_key_max = 3;
        limits.idle_per_key_max = 2;
        limits.idle_max = Duration::from_millis(50);
        Self {
            told: Pool::new(limits, dialing),
            untold: Pool::new(limits, dialing),
            keys: ["a", "b", "c"].map(|host| Key::direct(Origin::new(Scheme::Http, host, 80))),
            tickets: Vec::new(),
            dials: Vec::new(),
            open: Vec::new(),
            all_tickets: BTreeSet::new(),
            all_conns: BTreeSet::new(),
            leases: Vec::new(),
            opened: 0,
            now: Instant::from_nanos(0),
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Checkout { key, fresh } => self.checkout(usize::from(key), fresh),
            Event::Claim(n) => self.claim(n),
            Event::Cancel(n) => {
                if let Some(ticket) = take(&mut self.tickets, n) {
                    self.told.cancel(ticket, self.now);
                    self.untold.cancel(ticket, self.now);
                }
            }
            Event::Checkin(n, keep) => {
                if let Some((one, other, io)) = take(&mut self.leases, n) {
                    if !keep {
                        self.open.retain(|conn| *conn != one.conn());
                    }
                    let how = || if keep { Checkin::Keep(io) } else { Checkin::Discard };
                    self.told.checkin(one, how(), self.now);
                    self.untold.checkin(other, how(), self.now);
                }
            }
            Event::Dialed(n) => {
                if let Some(conn) = take(&mut self.dials, n) {
                    self.open.push(conn);
                    self.told.dialed(conn, self.opened, self.now);
                    self.untold.dialed(conn, self.opened, self.now);
                    self.opened += 1;
                }
            }
            Event::DialFailed(n) => {
                if let Some(conn) = take(&mut self.dials, n) {
                    self.told.dial_failed(conn, DialError::Name, self.now);
                    self.untold.dial_failed(conn, DialError::Name, self.now);
                }
            }
            Event::Lost(n) => {
                if !self.open.is_empty() {
                    let conn = self.open[usize::from(n) % self.open.len()];
                    self.told.idle_lost(conn);
                    self.untold.idle_lost(conn);
                }
            }
            Event::Pass(ms) => {
                self.now = self.now.after(Duration::from_millis(ms.into()));
                self.told.handle_timeout(self.now);
                self.untold.handle_timeout(self.now);
            }
            Event::Stale(what, bits) => self.tell(what, bits),
        }
        self.compare();
    }

    fn checkout(&mut self, key: usize, fresh: bool) {
        let want = Want { fresh, repeatable: true, retry: false };
        let answer = self.told.checkout(&self.keys[key], want, self.now);
        assert_eq!(answer, self.untold.checkout(&self.keys[key], want, self.now));
        if let Ok(ticket) = answer {
            assert!(self.all_tickets.insert(ticket.to_bits()), "{ticket} given out twice");
            self.tickets.push(ticket);
        }
    }

    fn claim(&mut self, n: u8) {
        let Some(ticket) = take(&mut self.tickets, n) else { return };
        match (self.told.claim(ticket, self.now), self.untold.claim(ticket, self.now)) {
            (
                Claim::Reuse { lease, io, probe },
                Claim::Reuse { lease: other, io: its_io, probe: its_probe },
            ) => {
                assert_eq!((lease.conn(), io, probe), (other.conn(), its_io, its_probe));
                self.leases.push((lease, other, io));
            }
            (Claim::Fresh { lease, io }, Claim::Fresh { lease: other, io: its_io }) => {
                assert_eq!((lease.conn(), io), (other.conn(), its_io));
                self.leases.push((lease, other, io));
            }
            (Claim::Wait { dialing }, Claim::Wait { dialing: its_dialing }) => {
                assert_eq!(dialing, its_dialing);
                self.tickets.push(ticket);
            }
            (Claim::Failed(why), Claim::Failed(its_why)) => assert_eq!(why, its_why),
            (one, other) => panic!("{one:?} for the one, {other:?} for the other"),
        }
    }

    /// Passes an id to the first pool only, unless the id is valid now.
    fn tell(&mut self, what: Stale, bits: u64) {
        let (ticket, conn) = (Ticket::from_bits(bits), ConnId::from_bits(bits));
        assert_eq!((ticket.to_bits(), conn.to_bits()), (bits, bits));
        match what {
            Stale::Claim if !self.tickets.contains(&ticket) => {
                let answer = self.told.claim(ticket, self.now);
                assert!(matches!(answer, Claim::Failed(Unavailable::Spent)), "{answer:?}");
            }
            Stale::Cancel if !self.tickets.contains(&ticket) => self.told.cancel(ticket, self.now),
            Stale::Dialed if !self.dials.contains(&conn) => {
                self.told.dialed(conn, u32::MAX, self.now);
                let Some(Action::Close { conn: closed, io: u32::MAX, why }) =
                    self.told.poll_action()
                else {
                    panic!("what was opened for nobody is closed")
                };
                assert_eq!((closed, why), (conn, Evicted::Surplus));
            }
            Stale::DialFailed if !self.dials.contains(&conn) => {
                self.told.dial_failed(conn, DialError::Name, self.now);
            }
            Stale::DialAbandoned if !self.dials.contains(&conn) => {
                self.told.dial_abandoned(conn, self.now);
            }
            Stale::Connected if !self.dials.contains(&conn) => self.told.dial_connected(conn),
            Stale::Lost if !self.open.contains(&conn) => self.told.idle_lost(conn),
            Stale::Claim
            | Stale::Cancel
            | Stale::Dialed
            | Stale::DialFailed
            | Stale::DialAbandoned
            | Stale::Connected
            | Stale::Lost => {}
        }
    }

    fn compare(&mut self) {
        if let Err(why) = self.told.check() {
            panic!("{why}");
        }
        loop {
            let (one, other) = (self.told.poll_action(), self.untold.poll_action());
            assert_eq!(format!("{one:?}"), format!("{other:?}"));
            match one {
                Some(Action::Dial { conn, .. }) => {
                    assert!(self.all_conns.insert(conn.to_bits()), "{conn} given out twice");
                    self.dials.push(conn);
                }
                Some(Action::Abandon { conn }) => self.dials.retain(|it| *it != conn),
                Some(Action::Close { conn, .. }) => self.open.retain(|it| *it != conn),
                Some(Action::Wake(_) | Action::LookUp { .. }) => {}
                None => break,
            }
        }
        assert_eq!(self.told.stats(), self.untold.stats());
        for key in &self.keys {
            assert_eq!(self.told.key_stats(key), self.untold.key_stats(key));
        }
        assert_eq!(self.told.poll_timeout(), self.untold.poll_timeout());
    }
}

fn take<T>(from: &mut Vec<T>, n: u8) -> Option<T> {
    if from.is_empty() { None } else { Some(from.swap_remove(usize::from(n) % from.len())) }
}
