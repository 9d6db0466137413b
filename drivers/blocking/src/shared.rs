//! The state that all threads of a client share, and its one lock.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use httpool::{
    client::Closed,
    id::{ConnId, LookUpId},
    message::Key,
    pool::{Action, Checkin, Dialing, Evicted, Lease, Pool, Ticket},
    time::Instant,
    trace::{Trace, Who},
};
use httpool_kit::{Settings, logs};

use crate::{
    platform::{Lock, Platform, Unpark},
    pooled::Pooled,
    scratch::{FreeList, Scratch},
};

pub(crate) struct Shared<P: Platform> {
    pub(crate) platform: P,
    locked: P::Lock<Locked<P>>,
    pub(crate) wall_at_epoch: Option<Duration>,
    pub(crate) settings: Settings,
    calls: AtomicU64,
    /// This state, for the answers of look-ups that no thread waits for.
    own: Weak<Self>,
}

/// The state under the lock. While the lock is held, no socket is read, written or closed, and no
/// name is resolved.
pub(crate) struct Locked<P: Platform> {
    pub(crate) pool: Pool<Box<Pooled<P>>>,
    /// The waiting thread of each ticket.
    waiting: BTreeMap<Ticket, Waiting<P>>,
    /// Buffers that no call uses.
    scratch: FreeList,
}

/// A thread that waits for a ticket.
struct Waiting<P: Platform> {
    parker: Arc<P::Parker>,
    /// The dial that the pool ordered from this thread, until the thread takes it.
    job: Option<DialJob>,
}

/// The work to do after the lock is released: connections to close, then threads to wake, then
/// names to look up.
struct After<P: Platform> {
    closed: Vec<(ConnId, Evicted, Box<Pooled<P>>)>,
    woken: Vec<Arc<P::Parker>>,
    look_ups: Vec<(LookUpId, String, u16)>,
}

/// A dial that the pool has ordered.
#[derive(Debug)]
pub(crate) struct DialJob {
    pub(crate) conn: ConnId,
    pub(crate) key: Key,
}

impl<P: Platform> Shared<P> {
    pub(crate) fn new(platform: P, settings: Settings) -> Arc<Self> {
        let mut pool = Pool::new(settings.pool, Dialing::PerThread);
        if let Some(sink) = &settings.sink {
            pool.set_trace(Trace::new(sink.clone(), Who::Pool));
        }
        let locked = Locked { pool, waiting: BTreeMap::new(), scratch: FreeList::new() };
        Arc::new_cyclic(|own| Self {
            locked: platform.lock(locked),
            wall_at_epoch: platform.wall_at_epoch(),
            platform,
            settings,
            calls: AtomicU64::new(0),
            own: own.clone(),
        })
    }

    pub(crate) fn now(&self) -> Instant {
        self.platform.now()
    }

    /// Returns the number of the next call.
    pub(crate) fn next_call(&self) -> u64 {
        self.calls.fetch_add(1, Relaxed)
    }

    /// Returns the trace of a call or a dial.
    pub(crate) fn trace(&self, who: Who) -> Trace {
        self.settings.trace_of(who)
    }

    /// Runs `work` under the lock, and then performs the pool's actions. Parkers are woken under
    /// the lock, and sockets are closed after it. A thread that dials in place of a closed
    /// connection is woken after the close, because it may need the descriptor.
    pub(crate) fn settled<R>(&self, work: impl FnOnce(&mut Locked<P>, Instant) -> R) -> R {
        self.settled_at(self.now(), work)
    }

    /// Does the same as [`settled`](Self::settled), for a caller that knows the time.
    pub(crate) fn settled_at<R>(
        &self,
        now: Instant,
        work: impl FnOnce(&mut Locked<P>, Instant) -> R,
    ) -> R {
        let mut after = After { closed: Vec::new(), woken: Vec::new(), look_ups: Vec::new() };
        let result = self.locked.with(|locked| {
            let result = work(locked, now);
            if locked.pool.poll_timeout().is_some_and(|at| at <= now) {
                locked.pool.handle_timeout(now);
            }
            locked.settle(&mut after);
            result
        });
        for (conn, why, pooled) in after.closed {
            logs::closed(conn, Closed::Evicted(why));
            pooled.net.close();
        }
        after.woken.iter().for_each(|parker| parker.unpark());
        for (look_up, host, port) in after.look_ups {
            self.look_up_again(look_up, &host, port);
        }
        result
    }

    /// Looks a name with open connections up again, and tells the pool the answer, unless the client
    /// was dropped by then.
    fn look_up_again(&self, look_up: LookUpId, host: &str, port: u16) {
        let own = self.own.clone();
        let answer = move |addrs: &[SocketAddr]| {
            if let Some(shared) = own.upgrade() {
                shared.settled(|locked, now| locked.pool.looked_up(look_up, addrs, now));
            }
        };
        self.platform.look_up_again(host, port, Box::new(answer));
    }

    /// Returns a lease to the pool. `pooled` is the connection if it is kept, and `None` if it is
    /// closed.
    pub(crate) fn checkin(&self, lease: Lease, pooled: Option<Box<Pooled<P>>>, now: Instant) {
        self.settled_at(now, |locked, now| {
            let how = pooled.map_or(Checkin::Discard, Checkin::Keep);
            locked.pool.checkin(lease, how, now);
        });
    }

    /// Returns the lease of a connection that the probe found dead.
    pub(crate) fn checkin_dead(&self, lease: Lease, now: Instant) {
        self.settled_at(now, |locked, now| locked.pool.checkin_dead(lease, now));
    }

    pub(crate) fn give_scratch(&self, mut scratch: Box<Scratch>) {
        scratch.clear();
        scratch.received.clear();
        drop(self.locked.with(|locked| locked.scratch.give(scratch)));
    }

    pub(crate) fn take_scratch(&self) -> Box<Scratch> {
        self.locked.with(|locked| locked.scratch.take()).unwrap_or_default()
    }

    /// Closes the pool, and drops the unused buffers. From then on no buffers are kept.
    pub(crate) fn close(&self) {
        let buffers = self.settled(|locked, _| {
            locked.pool.close();
            locked.scratch.close()
        });
        drop(buffers);
    }
}

impl<P: Platform> Locked<P> {
    /// Records that the thread of `parker` waits for `ticket`.
    pub(crate) fn sit(&mut self, ticket: Ticket, parker: Arc<P::Parker>) {
        self.waiting.insert(ticket, Waiting { parker, job: None });
    }

    /// Takes the dial that the pool ordered from the thread with this ticket.
    pub(crate) fn take_job(&mut self, ticket: Ticket) -> Option<DialJob> {
        self.waiting.get_mut(&ticket)?.job.take()
    }

    /// Removes the waiting thread of `ticket`. Returns its dial job, if that was not taken.
    pub(crate) fn stand_up(&mut self, ticket: Ticket) -> Option<DialJob> {
        self.waiting.remove(&ticket)?.job
    }

    fn settle(&mut self, after: &mut After<P>) {
        while let Some(action) = self.pool.poll_action() {
            match action {
                Action::Dial { conn, ticket, key } => {
                    if let Some(waiting) = self.waiting.get_mut(&ticket) {
                        debug_assert!(waiting.job.is_none(), "one dial at a time");
                        waiting.job = Some(DialJob { conn, key });
                        if after.closed.is_empty() {
                            waiting.parker.unpark();
                        } else {
                            after.woken.push(waiting.parker.clone());
                        }
                    }
                }
                Action::Wake(ticket) => {
                    if let Some(waiting) = self.waiting.get(&ticket) {
                        waiting.parker.unpark();
                    }
                }
                // The pool was closed. The dialing thread learns it at its next claim.
                Action::Abandon { .. } => {}
                Action::LookUp { look_up, host, port } => {
                    after.look_ups.push((look_up, host, port));
                }
                Action::Close { conn, io, why } => after.closed.push((conn, why, io)),
            }
        }
    }
}

impl<P: Platform> fmt::Debug for Shared<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({:?})", self.locked.with(|locked| locked.pool.stats()))
    }
}
