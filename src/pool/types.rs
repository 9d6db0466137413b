//! What is handed in and what comes out.

use core::fmt;

use crate::{
    error::Unavailable,
    id::{ConnId, names},
    message::Key,
};

names!(
    /// A place in line, generational.
    ///
    /// Given out by [`Pool::checkout`](super::Pool::checkout), and spent by a final [`Claim`] or by
    /// [`Pool::cancel`](super::Pool::cancel). A spent one names nothing.
    Ticket, "t"
);

/// The right to use one connection.
///
/// Not `Clone`: it is given back exactly once, with [`Pool::checkin`](super::Pool::checkin). A driver
/// keeps it in a guard that gives it back on drop, so that an unwinding thread loses no place.
#[derive(Debug)]
#[must_use = "a dropped lease counts against the limits for ever"]
pub struct Lease {
    pub(super) conn: ConnId,
}

impl Lease {
    /// Of which connection.
    pub const fn conn(&self) -> ConnId {
        self.conn
    }

    /// The lease that a recorded driver gave back. Of a connection that is not leased it is stale.
    pub(crate) const fn replayed(conn: ConnId) -> Self {
        Self { conn }
    }
}

/// What kind of connection a call can use. By default: any, and probed before use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "callers build it; a new wish is a new question")]
pub struct Want {
    /// Only one that has just been dialled, and in front of the line: the stale rule. (A connection
    /// that was dialled and then parked may be as dead as the one that failed.)
    pub fresh: bool,
    /// The request may be sent again if the connection turns out dead. If not, a connection is
    /// probed before it is used, also within [`probe_after`](field@crate::limits::PoolLimits::probe_after).
    pub repeatable: bool,
    /// It is a retry: the pool's retry budget, shared by all calls, is asked.
    pub retry: bool,
}

/// `fresh`, `repeatable` and `retry`, as far as they hold, each with a space before it.
impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [(self.fresh, "fresh"), (self.repeatable, "repeatable"), (self.retry, "retry")];
        words.iter().filter(|(on, _)| *on).try_for_each(|(_, word)| write!(f, " {word}"))
    }
}

/// The answer to [`Pool::claim`](super::Pool::claim). Any but [`Wait`](Self::Wait) spends the ticket.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a driver must know what to do with each")]
pub enum Claim<T> {
    /// A connection that has been used or parked before, the newest of its key.
    Reuse {
        /// The right to it.
        lease: Lease,
        /// What the driver keeps with it.
        io: T,
        /// Look before the first byte is written (without blocking, without the lock) whether the
        /// peer has closed it, or has sent bytes that nobody asked for. If so, give it back as
        /// [`Checkin::Discard`] and check out again.
        probe: bool,
    },
    /// A connection that has just been dialled.
    Fresh {
        /// The right to it.
        lease: Lease,
        /// What the driver keeps with it.
        io: T,
    },
    /// Not yet.
    Wait {
        /// A dial is under way on its behalf, so the queue's clock stands still.
        dialing: bool,
    },
    /// There will be none: the dial at this ticket's wish failed, the pool was closed, or the ticket
    /// had been spent.
    Failed(Unavailable),
}

/// What is to be done, once. Drain under the lock, do after it.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
#[expect(clippy::exhaustive_enums, reason = "a driver must know what to do with each")]
pub enum Action<T> {
    /// Run a [`Dial`](crate::dial::Dial), then [`Pool::dialed`](super::Pool::dialed) or
    /// [`Pool::dial_failed`](super::Pool::dial_failed). From now on the claim of `ticket` says
    /// `dialing`.
    Dial {
        /// Its name from now on.
        conn: ConnId,
        /// At whose wish. Where threads dial for themselves, wake that one to do it.
        ticket: Ticket,
        /// Where to.
        key: Key,
    },
    /// Nobody needs that dial any more; its name is stale already. With `own_dials` only
    /// [`Pool::close`](super::Pool::close) says so: else a thread gives its own dial up by itself.
    Abandon {
        /// Which.
        conn: ConnId,
    },
    /// [`Pool::claim`](super::Pool::claim) has a new answer for this one: a final one, or another
    /// word on `dialing` that no [`Dial`](Self::Dial) told of. Sent only to a ticket that was told to
    /// wait, and once until it asks again. It may be spent by the time this is read.
    Wake(Ticket),
    /// Close it; its name is stale already.
    Close {
        /// Which.
        conn: ConnId,
        /// What was kept with it.
        io: T,
        /// Why.
        why: Evicted,
    },
}

/// `dial c0.0 t0.0 http://a`, `abandon c0.0`, `wake t0.0`, `close c0.0 idle`.
impl<T> fmt::Display for Action<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial { conn, ticket, key } => write!(f, "dial {conn} {ticket} {key}"),
            Self::Abandon { conn } => write!(f, "abandon {conn}"),
            Self::Wake(ticket) => write!(f, "wake {ticket}"),
            Self::Close { conn, why, .. } => write!(f, "close {conn} {why}"),
        }
    }
}

/// Why the pool let a connection go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Evicted {
    /// Idle for longer than `idle_max`.
    Idle,
    /// Open for longer than `age_max`.
    Age,
    /// More than `idle_per_key_max` allows, or of a name that was stale.
    Surplus,
    /// Its place was needed for another.
    MadeRoom,
    /// The peer closed it, or spoke unasked.
    Lost,
    /// The pool was closed.
    Closed,
}

impl Evicted {
    /// The word that traces use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Age => "age",
            Self::Surplus => "surplus",
            Self::MadeRoom => "made-room",
            Self::Lost => "lost",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for Evicted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a lease ends.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a connection is kept or it is not")]
pub enum Checkin<T> {
    /// Keep the connection for others: both halves are done, no input is left, nothing forbids reuse.
    Keep(T),
    /// It is closed, or has become another protocol's.
    Discard,
}

/// How many of what. A connection is counted once: `open = idle + leased + dialing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Connections that take a place.
    pub open: usize,
    /// Free to be used.
    pub idle: usize,
    /// In use, or granted to a ticket that has not claimed it yet.
    pub leased: usize,
    /// Being opened.
    pub dialing: usize,
    /// Tickets in line.
    pub waiting: usize,
}
