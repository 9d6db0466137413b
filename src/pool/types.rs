//! The inputs and outputs of the pool.

use alloc::string::String;
use core::fmt;

use crate::{
    error::Unavailable,
    id::{ConnId, LookUpId, names},
    message::Key,
};

names!(
    /// Identifies a place in the pool's queue.
    ///
    /// [`Pool::checkout`](super::Pool::checkout) issues it. A final [`Claim`] or
    /// [`Pool::cancel`](super::Pool::cancel) spends it. A spent ticket is ignored.
    Ticket, "t"
);

/// Which code opens the connections of a pool. The drivers choose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "a loop opens all connections, or each thread its own")]
pub enum Dialing {
    /// An event loop opens all connections. A new connection goes to the first call in line. A
    /// connection that no call needs any more is completed and kept idle if its TCP connection is
    /// open.
    #[default]
    Shared,
    /// Each thread opens connections itself. A new connection goes to the call that asked for it, if
    /// that still waits. When that call got another connection, its thread reports that it has
    /// abandoned the dial, or hands the new connection to the pool.
    PerThread,
}

/// The right to use one connection.
///
/// It is not `Clone`, because it must be returned exactly once, with
/// [`Pool::checkin`](super::Pool::checkin). Keep it in a guard that returns it on drop, so that a
/// panic does not leak the connection's place.
#[derive(Debug)]
#[must_use = "a dropped lease counts against the limits for ever"]
pub struct Lease {
    pub(super) conn: ConnId,
}

impl Lease {
    /// Returns the id of the connection.
    pub const fn conn(&self) -> ConnId {
        self.conn
    }

    /// Makes a lease for replay, from the id in a recorded check-in. The pool ignores it if the
    /// connection is not leased.
    pub(crate) const fn replayed(conn: ConnId) -> Self {
        Self { conn }
    }
}

/// The kind of connection that a call can use. The default is any connection, probed before use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "callers build it; a new wish is a new question")]
pub struct Want {
    /// Accept only a connection that was dialed for this purpose, and come before the other
    /// tickets. Set after a reused connection turned out dead. (A connection that was dialed and
    /// then parked may be dead as well.)
    pub fresh: bool,
    /// The request can be sent again if the connection turns out dead. If not set, a connection is
    /// always probed before reuse, also within [`probe_after`](field@crate::limits::PoolLimits::probe_after).
    pub repeatable: bool,
    /// This is a retry, so the pool's retry budget, which all calls share, must allow it.
    pub retry: bool,
}

/// Writes those of `fresh`, `repeatable` and `retry` that are set, each after a space.
impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [(self.fresh, "fresh"), (self.repeatable, "repeatable"), (self.retry, "retry")];
        words.iter().filter(|(on, _)| *on).try_for_each(|(_, word)| write!(f, " {word}"))
    }
}

/// The answer of [`Pool::claim`](super::Pool::claim). Any answer but [`Wait`](Self::Wait) spends
/// the ticket.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a driver must know what to do with each")]
pub enum Claim<T> {
    /// A connection that was used or parked before: the newest idle one of its key.
    Reuse {
        /// The right to use it.
        lease: Lease,
        /// The driver's data for it.
        io: T,
        /// Before the first write, check (without blocking, outside the lock) whether the peer has
        /// closed the connection or sent bytes that answer no request. If so, return the lease with
        /// [`Checkin::Discard`] and check out again.
        probe: bool,
    },
    /// A connection that was just dialed.
    Fresh {
        /// The right to use it.
        lease: Lease,
        /// The driver's data for it.
        io: T,
    },
    /// The ticket must wait.
    Wait {
        /// A dial runs for this ticket, so the queue deadline is suspended.
        dialing: bool,
    },
    /// There is no connection: the dial for this ticket failed, the pool was closed, or the ticket
    /// was spent.
    Failed(Unavailable),
}

/// An action to perform once. Drain the actions under the lock, and perform them after releasing
/// it.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
#[expect(clippy::exhaustive_enums, reason = "a driver must know what to do with each")]
pub enum Action<T> {
    /// Run a [`Dial`](crate::dial::Dial), then call [`Pool::dialed`](super::Pool::dialed) or
    /// [`Pool::dial_failed`](super::Pool::dial_failed). From now on a claim of `ticket` returns
    /// `dialing`.
    Dial {
        /// The id of the new connection.
        conn: ConnId,
        /// The ticket that asked for the dial. If threads dial for themselves, wake its thread to
        /// do so.
        ticket: Ticket,
        /// The key to dial.
        key: Key,
    },
    /// Abandon a dial that is not needed any more. Its id is stale already. With
    /// [`Dialing::PerThread`] this
    /// comes only from [`Pool::close`](super::Pool::close), because threads abandon their dials
    /// themselves.
    Abandon {
        /// The id of the dial.
        conn: ConnId,
    },
    /// Call [`Pool::claim`](super::Pool::claim) for this ticket: the answer has changed. Sent once,
    /// and only to a ticket that was told to wait. A change of `dialing` that came with
    /// [`Dial`](Self::Dial) is not announced again. The ticket may be spent by now.
    Wake(Ticket),
    /// Look up the name of a key with open connections, in no case from a cache, and call
    /// [`Pool::looked_up`](super::Pool::looked_up) with the answer. Comes only with
    /// [`look_up_every`](field@crate::limits::PoolLimits::look_up_every). No other look-up of the key
    /// comes before the answer. Nobody waits for it, so it may take its time.
    LookUp {
        /// The id of the look-up.
        look_up: LookUpId,
        /// The name. It is never an IP address.
        host: String,
        /// The port.
        port: u16,
    },
    /// Close the connection. Its id is stale already.
    Close {
        /// The id of the connection.
        conn: ConnId,
        /// The driver's data for it.
        io: T,
        /// The reason.
        why: Evicted,
    },
}

/// Writes `dial c0.0 t0.0 http://a`, `abandon c0.0`, `wake t0.0`, `look-up l0.0 a:80`,
/// `close c0.0 idle`.
impl<T> fmt::Display for Action<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial { conn, ticket, key } => write!(f, "dial {conn} {ticket} {key}"),
            Self::Abandon { conn } => write!(f, "abandon {conn}"),
            Self::Wake(ticket) => write!(f, "wake {ticket}"),
            Self::LookUp { look_up, host, port } => write!(f, "look-up {look_up} {host}:{port}"),
            Self::Close { conn, why, .. } => write!(f, "close {conn} {why}"),
        }
    }
}

/// The reason why the pool removed a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Evicted {
    /// It was idle for longer than `idle_max`.
    Idle,
    /// It was open for longer than `age_max`.
    Age,
    /// There were more idle connections than `idle_per_key_max` allows, or more keys with idle ones
    /// than `idle_keys_max` allows, or the id was stale.
    Surplus,
    /// It made room for another connection.
    MadeRoom,
    /// The peer closed it, or sent bytes on it while it was idle.
    Lost,
    /// The pool was closed, or the connections of the key were.
    Closed,
    /// Its name was [looked up again](field@crate::limits::PoolLimits::look_up_every), and does not
    /// have its address any more.
    AddressGone,
}

impl Evicted {
    /// Returns the name of the reason in traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Age => "age",
            Self::Surplus => "surplus",
            Self::MadeRoom => "made-room",
            Self::Lost => "lost",
            Self::Closed => "closed",
            Self::AddressGone => "address-gone",
        }
    }
}

impl fmt::Display for Evicted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The way a lease ends.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a connection is kept or it is not")]
pub enum Checkin<T> {
    /// Keep the connection for reuse: both halves are done, no input is left, nothing forbids
    /// reuse.
    Keep(T),
    /// Forget the connection: it is closed, or speaks another protocol now.
    Discard,
}

/// How often the connections of a key were opened and used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Uses {
    /// Connections that were opened (urllib3: `num_connections`).
    pub opened: u64,
    /// Leases that were claimed, without those of connections that the probe found dead. Each is
    /// one attempt of a request (urllib3: `num_requests`).
    pub leases: u64,
}

/// Counts of connections and tickets. Each connection is counted once: `open = idle + leased +
/// dialing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// All connections, including those being dialed.
    pub open: usize,
    /// Connections that are idle.
    pub idle: usize,
    /// Connections in use, or granted to a ticket that has not claimed them yet.
    pub leased: usize,
    /// Connections being dialed.
    pub dialing: usize,
    /// Tickets that wait in the queue.
    pub waiting: usize,
}
