//! Runs every order of a few events: up to three tickets, two connections, and each failure once.
//! After every event the pool passes its checks and has announced all changes. From every state, a
//! driver that continues serves all tickets, and then nothing is left.

use alloc::vec::Vec;
use core::time::Duration;

use crate::{
    error::{DialError, IoKind},
    id::ConnId,
    limits::PoolLimits,
    message::{Key, Origin, Scheme},
    pool::{Action, Checkin, Claim, Dialing, Lease, Pool, Ticket, Want},
    time::Instant,
};

#[derive(Debug, Clone, Copy)]
enum Event {
    Checkout { fresh: bool },
    Claim(usize),
    Cancel(usize),
    Keep(usize),
    Discard(usize),
    Dialed(usize),
    DialFailed(usize, DialError),
    DialAbandoned(usize),
    Connected(usize),
    Lost(ConnId),
    Tick,
}

/// The driver's knowledge of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Unasked,
    Told { dialing: bool },
    Woken,
    Spent,
}

/// A pool and a driver that can do anything; each failure happens at most once.
#[derive(Clone)]
struct World {
    pool: Pool<u32>,
    hosts: &'static [&'static str],
    now: Instant,
    tickets: Vec<(Ticket, Known)>,
    dials: Vec<ConnId>,
    leases: Vec<(ConnId, u32)>,
    /// The connections opened and not yet closed, by number and id.
    open: Vec<(u32, ConnId)>,
    opened: u32,
    mishaps: Vec<&'static str>,
}

/// The failure of a dial that finds no file descriptor.
const SHORT: DialError = DialError::Connect(IoKind::Exhausted);
const IDLE_MAX: Duration = Duration::from_millis(10);

fn world(hosts: &'static [&'static str], open_max: usize, dialing: Dialing) -> World {
    let limits = PoolLimits { open_max, idle_max: IDLE_MAX, ..PoolLimits::default() };
    World {
        pool: Pool::new(limits, dialing),
        hosts,
        now: Instant::from_nanos(0),
        tickets: Vec::new(),
        dials: Vec::new(),
        leases: Vec::new(),
        open: Vec::new(),
        opened: 0,
        mishaps: Vec::from([
            "fresh",
            "cancel",
            "discard",
            "fail",
            "short",
            "abandon",
            "connected",
            "lost",
            "tick",
        ]),
    }
}

impl World {
    fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        let can = |mishap| self.mishaps.contains(&mishap);
        if self.tickets.len() < self.hosts.len() {
            events.push(Event::Checkout { fresh: false });
            if can("fresh") {
                events.push(Event::Checkout { fresh: true });
            }
        }
        for (i, (_, known)) in self.tickets.iter().enumerate() {
            if matches!(known, Known::Unasked | Known::Woken) {
                events.push(Event::Claim(i));
            }
            if *known != Known::Spent && can("cancel") {
                events.push(Event::Cancel(i));
            }
        }
        for i in 0..self.leases.len() {
            events.push(Event::Keep(i));
            if can("discard") {
                events.push(Event::Discard(i));
            }
        }
        for i in 0..self.dials.len() {
            events.push(Event::Dialed(i));
            if can("fail") {
                events.push(Event::DialFailed(i, DialError::Name));
            }
            if can("short") {
                events.push(Event::DialFailed(i, SHORT));
            }
            if can("abandon") {
                events.push(Event::DialAbandoned(i));
            }
            if can("connected") {
                events.push(Event::Connected(i));
            }
        }
        if can("lost") {
            events.extend(self.open.iter().map(|(_, conn)| Event::Lost(*conn)));
        }
        if can("tick") {
            events.push(Event::Tick);
        }
        events
    }

    fn happen(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Checkout { fresh } => {
                self.once(fresh, "fresh");
                let want = Want { fresh, repeatable: true, retry: false };
                let key = key(self.hosts[self.tickets.len()]);
                let ticket = self.pool.checkout(&key, want, now).unwrap();
                self.tickets.push((ticket, Known::Unasked));
            }
            Event::Claim(i) => {
                self.tickets[i].1 = match self.pool.claim(self.tickets[i].0, now) {
                    Claim::Reuse { lease, io, .. } | Claim::Fresh { lease, io } => {
                        assert!(self.open.contains(&(io, lease.conn())), "not open");
                        assert!(!self.leases.contains(&(lease.conn(), io)), "leased twice");
                        self.leases.push((lease.conn(), io));
                        Known::Spent
                    }
                    Claim::Wait { dialing } => Known::Told { dialing },
                    Claim::Failed(_) => Known::Spent,
                };
            }
            Event::Cancel(i) => {
                self.once(true, "cancel");
                self.pool.cancel(self.tickets[i].0, now);
                self.tickets[i].1 = Known::Spent;
            }
            Event::Keep(i) => {
                let (conn, io) = self.leases.swap_remove(i);
                self.pool.checkin(Lease { conn }, Checkin::Keep(io), now);
            }
            Event::Discard(i) => {
                self.once(true, "discard");
                let (conn, io) = self.leases.swap_remove(i);
                self.open.retain(|it| it.0 != io);
                self.pool.checkin(Lease { conn }, Checkin::Discard, now);
            }
            Event::Dialed(i) => {
                let conn = self.dials.swap_remove(i);
                self.open.push((self.opened, conn));
                self.pool.dialed(conn, self.opened, now);
                self.opened += 1;
            }
            Event::DialFailed(i, why) => {
                self.once(true, if why == SHORT { "short" } else { "fail" });
                let conn = self.dials.swap_remove(i);
                self.pool.dial_failed(conn, why, now);
            }
            Event::DialAbandoned(i) => {
                self.once(true, "abandon");
                let conn = self.dials.swap_remove(i);
                self.pool.dial_abandoned(conn, now);
            }
            Event::Connected(i) => {
                self.once(true, "connected");
                self.pool.dial_connected(self.dials[i]);
            }
            Event::Lost(conn) => {
                self.once(true, "lost");
                self.pool.idle_lost(conn);
            }
            Event::Tick => {
                self.once(true, "tick");
                self.now = now.after(IDLE_MAX);
                self.pool.handle_timeout(self.now);
            }
        }
        self.act();
        self.examine();
    }

    fn once(&mut self, it_is: bool, mishap: &'static str) {
        if it_is {
            self.mishaps.retain(|it| *it != mishap);
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.pool.poll_action() {
            match action {
                Action::Dial { conn, ticket, .. } => {
                    self.dials.push(conn);
                    if let Some((_, Known::Told { dialing })) = self.known(ticket) {
                        *dialing = true;
                    }
                }
                Action::Abandon { conn } => {
                    let at = self.dials.iter().position(|it| *it == conn);
                    self.dials.remove(at.expect("only a dial under way is abandoned"));
                }
                Action::Wake(ticket) => {
                    let (_, known) = self.known(ticket).expect("woken, but no longer there");
                    assert!(matches!(known, Known::Told { .. }), "woken out of turn");
                    *known = Known::Woken;
                }
                Action::LookUp { .. } => panic!("no name is looked up again"),
                Action::Close { conn, io, .. } => {
                    let at = self.open.iter().position(|it| *it == (io, conn));
                    self.open.remove(at.expect("only an open connection is closed, and once"));
                    assert!(!self.leases.contains(&(conn, io)), "closed under its user");
                }
            }
        }
    }

    fn known(&mut self, ticket: Ticket) -> Option<&mut (Ticket, Known)> {
        self.tickets.iter_mut().find(|it| it.0 == ticket && it.1 != Known::Spent)
    }

    fn examine(&self) {
        self.pool.check().unwrap();
        let stats = self.pool.stats();
        assert_eq!(stats.dialing, self.dials.len(), "each dial is somewhere");
        assert_eq!(stats.open - stats.dialing, self.open.len(), "each connection is somewhere");
        for (ticket, known) in &self.tickets {
            if let Known::Told { dialing } = known {
                let answer = self.pool.clone().claim(*ticket, self.now);
                let same = matches!(answer, Claim::Wait { dialing: now } if now == *dialing);
                assert!(same, "{ticket} was told {dialing}, not woken, and is now {answer:?}");
            }
        }
    }

    /// Continues without further failures until all tickets are served, and checks that nothing is
    /// left.
    fn finish(mut self) {
        for _ in 0..20 {
            if self.tickets.iter().all(|(_, known)| *known == Known::Spent)
                && self.leases.is_empty()
                && self.dials.is_empty()
            {
                break;
            }
            for i in 0..self.tickets.len() {
                if matches!(self.tickets[i].1, Known::Unasked | Known::Woken) {
                    self.happen(Event::Claim(i));
                }
            }
            while !self.leases.is_empty() {
                self.happen(Event::Keep(0));
            }
            if !self.dials.is_empty() {
                self.happen(Event::Dialed(0));
            }
        }
        assert!(self.tickets.iter().all(|(_, known)| *known == Known::Spent), "one waits for ever");
        self.happen(Event::Tick);
        assert!(self.open.is_empty() && self.pool.stats() == Default::default(), "some are left");
        assert!(self.pool.names.is_empty() && self.pool.tickets.len() == 0);
    }
}

fn key(host: &str) -> Key {
    Key::direct(Origin::new(Scheme::Http, host, 80))
}

/// Explores all orders of events depth first, and finishes from each state.
fn explore(world: &World, depth: usize, states: &mut usize) {
    *states += 1;
    world.clone().finish();
    if depth == 0 {
        return;
    }
    for event in world.events() {
        let mut next = world.clone();
        next.happen(event);
        explore(&next, depth - 1, states);
    }
}

/// Explores from the empty pool, and from a state where the first ticket has a connection and the
/// others wait.
fn explore_all(hosts: &'static [&'static str], open_max: usize) {
    for dialing in [Dialing::Shared, Dialing::PerThread] {
        let mut world = world(hosts, open_max, dialing);
        let mut states = 0;
        explore(&world, 5, &mut states);
        let (checkout, claim) = (Event::Checkout { fresh: false }, Event::Claim);
        for event in [checkout, claim(0), Event::Dialed(0), claim(0)] {
            world.happen(event);
        }
        for event in [checkout, claim(1), checkout, claim(2)] {
            world.happen(event);
        }
        explore(&world, 6, &mut states);
        assert!(states > 9_000, "{states}");
    }
}

#[test]
fn three_tickets_and_two_connections_of_one_key() {
    explore_all(&["a", "a", "a"], 2);
}

#[test]
fn three_tickets_of_two_keys_and_one_connection() {
    explore_all(&["a", "b", "a"], 1);
}

#[test]
fn three_tickets_of_three_keys_and_two_connections() {
    explore_all(&["a", "b", "c"], 2);
}
