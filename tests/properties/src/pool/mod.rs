//! Checks the pool against a simple, slow model.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the model only matches the states that a rule concerns"
)]

use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use httpool::{
    error::{DialError, Unavailable},
    id::{ConnId, LookUpId},
    limits::{PoolLimits, RetryBudget},
    message::{Key, Origin, Scheme},
    pool::{Action, Checkin, Claim, Dialing, Lease, Pool, Stats, Ticket, Want},
    time::Instant,
};
use quickcheck::{Arbitrary, Gen};

use self::{
    model::Model,
    state::{Answer, Deed, Place, SHORT, Standing},
};
use super::source::{Source, random_bytes, shorter};

mod model;
mod state;

/// Passes any script of events to the pool and to a slow, simple model. Both must decide the same.
/// Nothing may be lost or reported twice. Nothing is left when all leases have been returned.
pub fn pool_ops(data: &[u8]) {
    PoolScript::decode(&mut Source::new(data)).hold();
}

/// The model is slow, and this many events reach all its states.
const EVENTS_MAX: usize = 400;
/// Stands for a second instead of a number of milliseconds.
const LONG: u8 = 255;

/// An event. Its numbers choose among ids: low ones among those that are valid, high ones among all
/// that ever were. Actions must come in the same order from both, except those of closing many.
#[derive(Debug, Clone, Copy)]
enum Event {
    Checkout { key: u8, fresh: bool, repeatable: bool, retry: bool },
    Claim(u8),
    Cancel(u8),
    Keep(u8),
    Discard(u8),
    Dialed(u8),
    DialFailed(u8),
    DialShort(u8),
    DialAbandoned(u8),
    Connected(u8),
    LookedUp(u8),
    Lost(u8),
    Pass(u8),
    Timeout,
    Close,
    CloseKey(u8),
    Retire,
}

/// Limits, and the events that happen within them.
#[derive(Debug, Clone)]
pub struct PoolScript {
    dialing: Dialing,
    open_max: usize,
    open_per_key_max: usize,
    idle_per_key_max: usize,
    dialing_per_key_max: usize,
    waiting_max: usize,
    waiting_per_key_max: usize,
    ages: bool,
    age_jitter: Duration,
    idle_keys_max: usize,
    looks_up: bool,
    events: Vec<Event>,
}

impl PoolScript {
    /// Decodes eleven bytes of limits, the weight of each kind of event, and then events.
    pub fn decode(source: &mut Source<'_>) -> Self {
        let (dialing, ages) = (source.dialing(), source.flag());
        let mut small = |max: usize| 1 + source.below(max);
        let mut script = Self {
            dialing,
            ages,
            open_max: small(6),
            open_per_key_max: small(4),
            idle_per_key_max: small(4) - 1,
            dialing_per_key_max: small(3),
            waiting_max: small(6),
            waiting_per_key_max: small(6),
            idle_keys_max: source.pick(&[usize::MAX, usize::MAX, 2, 1, 0]),
            age_jitter: Duration::from_millis(source.pick(&[0, 50, 100])),
            looks_up: source.flag(),
            events: Vec::new(),
        };
        // A close is rare, because little can happen after it.
        let weights = source.swarm([48, 60, 12, 24, 8, 28, 6, 6, 10, 6, 12, 6, 1, 10, 3, 3, 12]);
        while !source.is_empty() && script.events.len() < EVENTS_MAX {
            script.events.push(Event::decode(source, &weights));
        }
        script
    }

    /// Panics if the pool and the model differ.
    pub fn hold(&self) {
        let mut pair = Pair::new(self);
        for event in &self.events {
            pair.happen(*event);
        }
        pair.finish();
    }
}

impl Event {
    fn decode(source: &mut Source<'_>, weights: &[u16]) -> Self {
        let kind = source.weighted(weights);
        let n = source.byte();
        match kind {
            0 => Self::Checkout {
                key: n % 3,
                fresh: source.chance(40),
                repeatable: source.chance(200),
                retry: source.chance(50),
            },
            1 => Self::Claim(n),
            2 => Self::Cancel(n),
            3 => Self::Keep(n),
            4 => Self::Discard(n),
            5 => Self::Dialed(n),
            6 => Self::DialFailed(n),
            7 => Self::DialAbandoned(n),
            8 => Self::Connected(n),
            9 => Self::Lost(n),
            // Sometimes passes a whole second, which ends a shortage of descriptors.
            10 => Self::Pass(if n >= 248 { LONG } else { n % 16 }),
            11 => Self::Timeout,
            12 => Self::Close,
            13 => Self::DialShort(n),
            14 => Self::CloseKey(n % 3),
            15 => Self::Retire,
            _ => Self::LookedUp(n),
        }
    }
}

impl Arbitrary for PoolScript {
    fn arbitrary(g: &mut Gen) -> Self {
        let bytes = random_bytes(g);
        Self::decode(&mut Source::new(&bytes))
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        shorter(self, |script| &mut script.events)
    }
}

fn address(peer: u8) -> IpAddr {
    [192, 0, 2, peer].into()
}

/// The pool and the model. Ids are matched by the order in which they were given out.
struct Pair {
    pool: Pool<u32>,
    model: Model,
    keys: [Key; 3],
    conns: Vec<ConnId>,
    tickets: Vec<Ticket>,
    /// The last news of dialing for each ticket, unless the ticket was woken since.
    told: Vec<Option<bool>>,
    leases: Vec<(usize, Lease, u32)>,
    look_ups: Vec<LookUpId>,
    clock: Duration,
    opened: u32,
    ended: Vec<u32>,
    /// The most concurrent calls of each key, as long as none wanted a fresh connection.
    peaks: Option<[usize; 3]>,
}

impl Pair {
    fn new(script: &PoolScript) -> Self {
        let mut limits = PoolLimits::default();
        limits.open_max = script.open_max;
        limits.open_per_key_max = script.open_per_key_max;
        limits.idle_per_key_max = script.idle_per_key_max;
        limits.dialing_per_key_max = script.dialing_per_key_max;
        limits.waiting_max = script.waiting_max;
        limits.waiting_per_key_max = script.waiting_per_key_max;
        limits.idle_max = Duration::from_millis(30);
        limits.age_max = script.ages.then_some(Duration::from_millis(100));
        limits.age_jitter = script.age_jitter;
        limits.idle_keys_max = script.idle_keys_max;
        limits.look_up_every = script.looks_up.then_some(Duration::from_millis(20));
        limits.probe_after = Duration::from_millis(3);
        limits.retry_budget = Some(RetryBudget::new(30, 2));
        Self {
            pool: Pool::new(limits, script.dialing),
            model: Model::new(limits, script.dialing),
            keys: ["a", "b", "c"].map(|host| Key::direct(Origin::new(Scheme::Http, host, 80))),
            conns: Vec::new(),
            tickets: Vec::new(),
            told: Vec::new(),
            leases: Vec::new(),
            look_ups: Vec::new(),
            clock: Duration::ZERO,
            opened: 0,
            ended: Vec::new(),
            peaks: Some([0; 3]),
        }
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(0).after(self.clock)
    }

    fn happen(&mut self, event: Event) {
        let now = self.now();
        if !matches!(event, Event::Connected(_) | Event::Lost(_) | Event::Pass(_) | Event::Close) {
            self.tell_time();
        }
        match event {
            Event::Checkout { key, fresh, repeatable, retry } => {
                let want = Want { fresh, repeatable, retry };
                self.peaks = self.peaks.filter(|_| !fresh);
                let answer = self.pool.checkout(&self.keys[usize::from(key)], want, now);
                let expected = self.model.checkout(key.into(), want);
                assert_eq!(answer.err(), expected.err());
                if let Ok(ticket) = answer {
                    self.tickets.push(ticket);
                    self.told.push(None);
                }
            }
            Event::Claim(n) => {
                let alive = |it: usize| self.model.tickets[it].standing != Standing::Spent;
                if let Some(ticket) = choose(n, self.tickets.len(), alive) {
                    self.claim(ticket);
                }
            }
            Event::Cancel(n) => {
                let alive = |it: usize| self.model.tickets[it].standing != Standing::Spent;
                if let Some(ticket) = choose(n, self.tickets.len(), alive) {
                    self.pool.cancel(self.tickets[ticket], now);
                    self.model.cancel(ticket);
                }
            }
            Event::Keep(n) => {
                if let Some(at) = choose(n, self.leases.len(), |_| true) {
                    let (conn, lease, io) = self.leases.swap_remove(at);
                    self.pool.checkin(lease, Checkin::Keep(io), now);
                    self.model.checkin(conn, true);
                }
            }
            Event::Discard(n) => {
                if let Some(at) = choose(n, self.leases.len(), |_| true) {
                    let (conn, lease, io) = self.leases.swap_remove(at);
                    self.pool.checkin(lease, Checkin::Discard, now);
                    self.model.checkin(conn, false);
                    self.ended.push(io);
                }
            }
            Event::Dialed(n) => {
                if let Some(conn) = self.a_dial(n) {
                    let peer = n % 3;
                    self.pool.dial_peer(self.conns[conn], address(peer));
                    self.pool.dialed(self.conns[conn], self.opened, now);
                    self.model.dialed(conn, self.opened, peer);
                    self.opened += 1;
                }
            }
            Event::DialFailed(n) => {
                if let Some(conn) = self.a_dial(n) {
                    self.pool.dial_failed(self.conns[conn], DialError::Name, now);
                    self.model.dial_failed(conn, Some(DialError::Name));
                }
            }
            Event::DialShort(n) => {
                if let Some(conn) = self.a_dial(n) {
                    self.pool.dial_failed(self.conns[conn], SHORT, now);
                    self.model.dial_failed(conn, Some(SHORT));
                }
            }
            Event::DialAbandoned(n) => {
                if let Some(conn) = self.a_dial(n) {
                    self.pool.dial_abandoned(self.conns[conn], now);
                    self.model.dial_failed(conn, None);
                }
            }
            Event::Connected(n) => {
                if let Some(conn) = self.a_dial(n) {
                    self.pool.dial_connected(self.conns[conn]);
                    self.model.connected(conn);
                }
            }
            Event::LookedUp(n) => {
                let alive = |it: usize| self.model.asked[it].is_some();
                if let Some(nth) = choose(n, self.look_ups.len(), alive) {
                    let found = n & 7;
                    let addrs = (0..3).filter(|peer| found >> peer & 1 == 1);
                    let addrs: Vec<_> =
                        addrs.map(|peer| SocketAddr::new(address(peer), 80)).collect();
                    self.pool.looked_up(self.look_ups[nth], &addrs, now);
                    self.model.looked_up(nth, found);
                }
            }
            Event::Lost(n) => {
                let alive = |it: usize| self.model.conns[it].place != Place::Gone;
                if let Some(conn) = choose(n, self.conns.len(), alive) {
                    self.pool.idle_lost(self.conns[conn]);
                    self.model.idle_lost(conn);
                }
            }
            Event::Pass(LONG) => self.clock += Duration::from_secs(1),
            Event::Pass(ms) => self.clock += Duration::from_millis(ms.into()),
            Event::Timeout => {
                self.pool.handle_timeout(now);
                self.model.timeout();
            }
            Event::Close => {
                self.pool.close();
                self.model.close();
            }
            Event::CloseKey(key) => {
                self.pool.close_key(&self.keys[usize::from(key)], now);
                self.model.close_key(key.into());
            }
            Event::Retire => {
                self.pool.retire(now);
                self.model.retire();
            }
        }
        self.compare(matches!(event, Event::Close | Event::CloseKey(_) | Event::Retire));
    }

    /// Passes the time to the pool and the model. Most events do, but not if they find no id to
    /// choose.
    fn tell_time(&mut self) {
        self.model.now = self.clock;
        let nobody = Ticket::from_bits(u64::MAX);
        let answer = self.pool.claim(nobody, self.now());
        assert!(matches!(answer, Claim::Failed(Unavailable::Spent)));
    }

    fn a_dial(&self, n: u8) -> Option<usize> {
        let alive = |it: usize| matches!(self.model.conns[it].place, Place::Dialing { .. });
        choose(n, self.conns.len(), alive)
    }

    fn claim(&mut self, ticket: usize) {
        let answer = match self.pool.claim(self.tickets[ticket], self.now()) {
            Claim::Reuse { lease, io, probe } => {
                let conn = self.lease(lease, io);
                Answer::Reuse { conn, io, probe }
            }
            Claim::Fresh { lease, io } => Answer::Fresh { conn: self.lease(lease, io), io },
            Claim::Wait { dialing } => {
                self.told[ticket] = Some(dialing);
                Answer::Wait { dialing }
            }
            Claim::Failed(why) => Answer::Failed(why),
        };
        assert_eq!(answer, self.model.claim(ticket));
    }

    fn lease(&mut self, lease: Lease, io: u32) -> usize {
        let conn = self.conns.iter().rposition(|it| *it == lease.conn()).expect("a name given out");
        assert!(!self.leases.iter().any(|it| it.2 == io), "leased twice");
        assert!(!self.ended.contains(&io), "leased after its end");
        self.leases.push((conn, lease, io));
        conn
    }

    fn compare(&mut self, closing: bool) {
        if let Err(why) = self.pool.check() {
            panic!("{why}");
        }
        self.model.forget_unused();
        let mut expected = core::mem::take(&mut self.model.deeds);
        let mut done = Vec::new();
        while let Some(action) = self.pool.poll_action() {
            match action {
                Action::Wake(ticket) => {
                    let at = self.tickets.iter().rposition(|it| *it == ticket).expect("a ticket");
                    assert!(self.told[at].take().is_some(), "woken without waiting");
                    continue;
                }
                Action::Dial { conn, .. } => self.conns.push(conn),
                Action::Abandon { .. } | Action::Close { .. } => {}
                Action::LookUp { look_up, .. } => self.look_ups.push(look_up),
            }
            let deed = self.deed(action);
            match deed {
                Deed::Close { io, .. } => {
                    assert!(!self.ended.contains(&io), "closed twice");
                    self.ended.push(io);
                }
                Deed::Dial { ticket, .. } => {
                    self.told[ticket] = self.told[ticket].map(|_| true);
                }
                Deed::Abandon { .. } | Deed::LookUp { .. } => {}
            }
            done.push(deed);
        }
        if closing {
            done.sort();
            expected.sort();
        }
        assert_eq!(done, expected);
        assert_eq!(count(self.pool.stats()), self.model.stats(None));
        for (at, key) in self.keys.iter().enumerate() {
            assert_eq!(count(self.pool.key_stats(key)), self.model.stats(Some(at)));
        }
        self.compare_with_peaks();
        let due = self.model.next_timeout().map(|at| Instant::from_nanos(0).after(at));
        assert_eq!(self.pool.poll_timeout(), due);
        for (ticket, told) in self.model.tickets.iter().zip(&self.told) {
            match ticket.standing {
                Standing::Waiting { dial } => {
                    assert!(told.is_none_or(|told| told == dial.is_some()), "not told of a dial");
                }
                Standing::Granted(_) | Standing::Failed(_) => assert!(told.is_none(), "not woken"),
                Standing::Spent => {}
            }
        }
    }

    /// Checks that a key never has more connections than it had concurrent calls.
    fn compare_with_peaks(&mut self) {
        let Some(peaks) = &mut self.peaks else { return };
        for (at, peak) in peaks.iter_mut().enumerate() {
            *peak = (*peak).max(self.model.calls(at));
            let open = self.model.stats(Some(at))[0];
            assert!(open <= *peak, "{open} connections for {peak} calls");
        }
    }

    fn deed(&self, action: Action<u32>) -> Deed {
        let nth = |conn| self.conns.iter().rposition(|it| *it == conn).expect("a name given out");
        match action {
            Action::Dial { conn, ticket, key } => Deed::Dial {
                conn: nth(conn),
                ticket: self.tickets.iter().rposition(|it| *it == ticket).expect("a ticket"),
                key: self.keys.iter().position(|it| *it == key).expect("a key"),
            },
            Action::Abandon { conn } => Deed::Abandon { conn: nth(conn) },
            Action::Close { conn, io, why } => Deed::Close { conn: nth(conn), io, why },
            Action::LookUp { host, .. } => Deed::LookUp {
                key: self.keys.iter().position(|it| it.peer().host() == host).expect("a key"),
            },
            Action::Wake(_) => unreachable!("handled before"),
        }
    }

    /// Returns all leases. Each connection must then have ended exactly once.
    fn finish(mut self) {
        self.tell_time();
        for ticket in 0..self.tickets.len() {
            self.pool.cancel(self.tickets[ticket], self.now());
            self.model.cancel(ticket);
            self.compare(false);
        }
        while !self.leases.is_empty() {
            self.happen(Event::Keep(0));
        }
        while self.pool.stats().dialing > 0 {
            self.happen(Event::DialFailed(0));
        }
        self.happen(Event::Pass(LONG));
        self.happen(Event::Timeout);
        assert_eq!(self.pool.stats(), Stats::default());
        self.ended.sort_unstable();
        assert_eq!(self.ended, (0..self.opened).collect::<Vec<_>>());
    }
}

/// Returns the `n`th of the valid indexes below `len`; for a high `n`, of all of them.
fn choose(n: u8, len: usize, alive: impl Fn(usize) -> bool) -> Option<usize> {
    let among: Vec<_> = (0..len).filter(|it| n >= 240 || alive(*it)).collect();
    if among.is_empty() { None } else { Some(among[usize::from(n) % among.len()]) }
}

fn count(stats: Stats) -> [usize; 5] {
    [stats.open, stats.idle, stats.leased, stats.dialing, stats.waiting]
}
