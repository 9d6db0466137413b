//! What all threads of a client share, and the one lock.

use std::{
    collections::BTreeMap,
    fmt,
    net::TcpStream,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use httpool::{
    call::Policy,
    dial, h1,
    pool::{Action, Checkin, Lease, Pool, Ticket},
    time::Instant,
    trace::{Sink, Trace, Who},
};

use crate::{resolve::Resolver, scratch::Scratch, seat::Seat};

/// A connection with its protocol state: what the pool keeps.
#[derive(Debug)]
pub(crate) struct Warm {
    pub(crate) tcp: TcpStream,
    pub(crate) h1: h1::Connection,
    /// The receive timeout that the socket has; none if it was never set.
    pub(crate) timeout: Option<Duration>,
}

pub(crate) struct Shared {
    locked: Mutex<Locked>,
    epoch: std::time::Instant,
    pub(crate) wall_at_epoch: Option<Duration>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) dial: dial::Policy,
    pub(crate) messages: h1::Limits,
    pub(crate) resolver: Resolver,
    pub(crate) default_fields: Vec<(String, String)>,
    pub(crate) body_bytes_max: u64,
    sink: Option<Arc<dyn Sink>>,
    calls: AtomicU64,
}

/// How a client is set up.
pub(crate) struct Settings {
    pub(crate) pool: httpool::pool::Limits,
    pub(crate) policy: Policy,
    pub(crate) dial: dial::Policy,
    pub(crate) messages: h1::Limits,
    pub(crate) resolver: Resolver,
    pub(crate) default_fields: Vec<(String, String)>,
    pub(crate) body_bytes_max: u64,
    pub(crate) sink: Option<Arc<dyn Sink>>,
}

/// What the lock protects. It is held for decisions, never for bytes: no socket is read, written or
/// closed, and no name is resolved, while it is.
pub(crate) struct Locked {
    pub(crate) pool: Pool<Warm>,
    /// Who waits for which ticket.
    seats: BTreeMap<Ticket, Arc<Seat>>,
    /// Buffers that no call uses.
    scratch: Vec<Scratch>,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Self {
        let mut pool = Pool::new(settings.pool);
        if let Some(sink) = &settings.sink {
            pool.set_trace(Trace::new(sink.clone(), Who::Pool));
        }
        Self {
            locked: Mutex::new(Locked { pool, seats: BTreeMap::new(), scratch: Vec::new() }),
            epoch: std::time::Instant::now(),
            wall_at_epoch: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok(),
            policy: Arc::new(settings.policy),
            dial: settings.dial,
            messages: settings.messages,
            resolver: settings.resolver,
            default_fields: settings.default_fields,
            body_bytes_max: settings.body_bytes_max,
            sink: settings.sink,
            calls: AtomicU64::new(0),
        }
    }

    /// The time, as the core counts it.
    pub(crate) fn now(&self) -> Instant {
        let nanos = self.epoch.elapsed().as_nanos();
        Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Another call's number.
    pub(crate) fn next_call(&self) -> u64 {
        self.calls.fetch_add(1, Relaxed)
    }

    pub(crate) fn trace(&self, who: Who) -> Option<Trace> {
        self.sink.as_ref().map(|sink| Trace::new(sink.clone(), who))
    }

    /// Runs `work` under the lock, and does what the pool then wants done: seats are rung under it,
    /// sockets closed after it.
    pub(crate) fn settled<R>(&self, work: impl FnOnce(&mut Locked, Instant) -> R) -> R {
        let now = self.now();
        let mut closed = Vec::new();
        let mut locked = self.locked();
        let result = work(&mut locked, now);
        if locked.pool.poll_timeout().is_some_and(|at| at <= now) {
            locked.pool.handle_timeout(now);
        }
        locked.settle(&mut closed);
        drop(locked);
        drop(closed);
        result
    }

    /// Gives a lease back. `warm`: the connection, if it is kept.
    pub(crate) fn checkin(&self, lease: Lease, warm: Option<Warm>) {
        self.settled(|locked, now| {
            let how = warm.map_or(Checkin::Discard, Checkin::Keep);
            locked.pool.checkin(lease, how, now);
        });
    }

    pub(crate) fn give_scratch(&self, mut scratch: Scratch) {
        scratch.clear();
        self.locked().scratch.push(scratch);
    }

    pub(crate) fn take_scratch(&self) -> Scratch {
        self.locked().scratch.pop().unwrap_or_default()
    }

    fn locked(&self) -> MutexGuard<'_, Locked> {
        // A panic of another thread must not take the pool from the rest: its state is whole
        // whenever the lock is free, since no code of the application runs under it.
        self.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Locked {
    /// Whoever waits for `ticket` sits there.
    pub(crate) fn seat(&mut self, ticket: Ticket, seat: Arc<Seat>) {
        self.seats.insert(ticket, seat);
    }

    pub(crate) fn unseat(&mut self, ticket: Ticket) {
        self.seats.remove(&ticket);
    }

    fn settle(&mut self, closed: &mut Vec<Warm>) {
        while let Some(action) = self.pool.poll_action() {
            match action {
                Action::Dial { conn, ticket, key } => {
                    if let Some(seat) = self.seats.get(&ticket) {
                        seat.order(conn, key);
                        seat.ring();
                    }
                }
                Action::Wake(ticket) => {
                    if let Some(seat) = self.seats.get(&ticket) {
                        seat.ring();
                    }
                }
                // The pool was closed: its thread learns it when it asks for its ticket.
                Action::Abandon { .. } => {}
                Action::Close { io, .. } => closed.push(io),
            }
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({:?})", self.locked().pool.stats())
    }
}
