//! A pool with a clock, and helpers for tests. `T` is a number that identifies the connection.

use alloc::{string::ToString, vec::Vec};
use core::time::Duration;

use crate::{
    error::Unavailable,
    id::ConnId,
    limits::PoolLimits,
    message::{Key, Origin, Scheme},
    pool::{Action, Checkin, Claim, Dialing, Lease, Pool, Ticket, Want},
    time::Instant,
};

pub(super) const ANY: Want = Want { fresh: false, repeatable: true, retry: false };
pub(super) const FRESH: Want = Want { fresh: true, ..ANY };
pub(super) const RETRY: Want = Want { retry: true, ..ANY };

pub(super) fn key(host: &str) -> Key {
    Key::direct(Origin::new(Scheme::Http, host, 80))
}

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A pool with a clock.
pub(super) struct World {
    pub(super) pool: Pool<u32>,
    pub(super) now: Instant,
    dialed: u32,
}

impl World {
    pub(super) fn new(limits: PoolLimits) -> Self {
        Self::with(limits, Dialing::Shared)
    }

    pub(super) fn with(limits: PoolLimits, dialing: Dialing) -> Self {
        Self { pool: Pool::new(limits, dialing), now: Instant::from_nanos(0), dialed: 0 }
    }

    pub(super) fn own(limits: PoolLimits) -> Self {
        Self::with(limits, Dialing::PerThread)
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    pub(super) fn checkout(&mut self, host: &str, want: Want) -> Ticket {
        self.pool.checkout(&key(host), want, self.now).unwrap()
    }

    /// Checks out, expects to wait, and returns the ticket and the dial that begins.
    pub(super) fn dialing(&mut self, host: &str, want: Want) -> (Ticket, ConnId) {
        let ticket = self.checkout(host, want);
        assert!(self.waits(ticket, true));
        let actions = self.actions();
        let dial = actions.iter().find_map(|action| match action {
            Action::Dial { conn, ticket: whose, .. } if *whose == ticket => Some(*conn),
            _ => None,
        });
        let Some(conn) = dial else { panic!("{actions:?}") };
        (ticket, conn)
    }

    pub(super) fn dialed(&mut self, conn: ConnId) -> u32 {
        self.dialed += 1;
        self.pool.dialed(conn, self.dialed, self.now);
        self.dialed
    }

    /// Opens and claims a connection.
    pub(super) fn lease(&mut self, host: &str) -> (Lease, u32) {
        let (ticket, conn) = self.dialing(host, ANY);
        self.dialed(conn);
        let taken = self.take(ticket);
        self.actions();
        taken
    }

    pub(super) fn take(&mut self, ticket: Ticket) -> (Lease, u32) {
        match self.pool.claim(ticket, self.now) {
            Claim::Reuse { lease, io, .. } | Claim::Fresh { lease, io } => (lease, io),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn keep(&mut self, (lease, io): (Lease, u32)) {
        self.pool.checkin(lease, Checkin::Keep(io), self.now);
    }

    pub(super) fn discard(&mut self, (lease, _): (Lease, u32)) {
        self.pool.checkin(lease, Checkin::Discard, self.now);
    }

    pub(super) fn waits(&mut self, ticket: Ticket, on_dial: bool) -> bool {
        matches!(self.pool.claim(ticket, self.now), Claim::Wait { dialing } if dialing == on_dial)
    }

    pub(super) fn fails(&mut self, ticket: Ticket) -> Unavailable {
        match self.pool.claim(ticket, self.now) {
            Claim::Failed(why) => why,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn actions(&mut self) -> Vec<Action<u32>> {
        self.pool.check().unwrap();
        core::iter::from_fn(|| self.pool.poll_action()).collect()
    }

    /// Returns the actions as text.
    pub(super) fn said(&mut self) -> Vec<alloc::string::String> {
        self.actions().iter().map(ToString::to_string).collect()
    }

    pub(super) fn check(&self) {
        self.pool.check().unwrap();
    }

    pub(super) fn open(&self) -> usize {
        self.pool.stats().open
    }
}
