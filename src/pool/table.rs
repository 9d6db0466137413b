//! The entries for keys, connections and tickets, and the lists that link them.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::net::IpAddr;

use super::{
    Evicted, Uses, Want,
    list::{Chain, Links, List},
};
use crate::{
    error::Unavailable,
    limits::PoolLimits,
    message::{Key, KeyLimits},
    mutation::{Mutation, mutated},
    time::Instant,
};

/// A key that has connections or waiting tickets.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: Key,
    /// The number of connections, in any state.
    pub(super) open: usize,
    /// The number of connections being dialed.
    pub(super) dialing: usize,
    /// The idle connections; the most recently used is at the back.
    pub(super) idle: List<ByKey>,
    /// Dials that the pool can abandon; the youngest is at the back.
    pub(super) dials: List<ByKey>,
    /// Dials that no ticket waits for and that the pool does not abandon.
    pub(super) orphans: List<ByKey>,
    /// Tickets that want a fresh connection. They come before `plain`.
    pub(super) fresh: Line,
    /// All other tickets.
    pub(super) plain: Line,
    /// Whether the key is in the ring `stranded` rather than in `held`, if it is in one of them.
    pub(super) stranded: bool,
    pub(super) turn: Links,
    /// The place among the keys with idle connections, if there is a bound on them.
    pub(super) warm: Links,
    pub(super) uses: Uses,
    /// How often the key is watched. It is not forgotten before that is zero.
    pub(super) watched: u32,
    /// Most connections, and most idle ones.
    pub(super) limits: KeyLimits,
    /// The look-ups of its name. `None` unless they are repeated.
    pub(super) look_ups: Option<Box<LookUps>>,
    /// Its place among the keys whose name is looked up again.
    pub(super) due: Links,
}

impl Entry {
    pub(super) fn new(name: Key, pool: &PoolLimits) -> Self {
        let limits = match name.limits() {
            Some(own) if !mutated(Mutation::SharedLimits) => {
                KeyLimits::new(own.open_max.max(1), own.idle_max)
            }
            _ => KeyLimits::new(pool.open_per_key_max, pool.idle_per_key_max),
        };
        Self {
            limits,
            open: 0,
            dialing: 0,
            idle: List::new(),
            dials: List::new(),
            orphans: List::new(),
            fresh: Line::new(),
            plain: Line::new(),
            stranded: false,
            turn: Links::default(),
            warm: Links::default(),
            uses: Uses::default(),
            watched: 0,
            look_ups: LookUps::new(pool, &name),
            due: Links::default(),
            name,
        }
    }

    pub(super) fn line(&mut self, fresh: bool) -> &mut Line {
        if fresh { &mut self.fresh } else { &mut self.plain }
    }

    pub(super) fn waiting(&self) -> usize {
        self.fresh.all.len() + self.plain.all.len()
    }

    /// Returns the first ticket without a dial.
    pub(super) fn undialed(&self) -> Option<u32> {
        self.fresh.undialed.front().or_else(|| self.plain.undialed.front())
    }

    /// Returns the next ticket for a connection. Only a `fresh` connection can go to the tickets
    /// that want a fresh one.
    pub(super) fn front(&self, fresh: bool) -> Option<u32> {
        self.fresh.all.front().filter(|_| fresh).or_else(|| self.plain.all.front())
    }
}

/// A queue of tickets, first come, first served.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) all: List<InLine>,
    /// The tickets without a dial.
    pub(super) undialed: List<Undialed>,
}

impl Line {
    const fn new() -> Self {
        Self { all: List::new(), undialed: List::new() }
    }
}

/// A connection, from the decision to dial it until it is closed.
#[derive(Debug, Clone)]
pub(super) struct Conn<T> {
    pub(super) key: u32,
    /// The end of the dial; while dialing, its beginning.
    pub(super) opened: Instant,
    pub(super) state: State<T>,
    /// Why the connection is closed when it comes back, if it is.
    pub(super) retired: Option<Evicted>,
    /// The address that was looked up for it, if the name is looked up again.
    pub(super) peer: Option<IpAddr>,
    /// The number of [answers](LookUps::answers) when its dial began.
    pub(super) answers: u32,
    pub(super) by_peer: Links,
    pub(super) by_key: Links,
    pub(super) by_use: Links,
    pub(super) by_age: Links,
    /// Its group in [`Ages`](super::ages::Ages).
    pub(super) age_group: u8,
}

/// The state of a connection.
#[derive(Debug, Clone)]
pub(super) enum State<T> {
    Dialing(Dialed),
    Idle {
        free: Free<T>,
        /// When it was parked. The pool closes idle connections in this order. Later than
        /// `free.since` if the connection was granted and not claimed.
        parked: Instant,
    },
    /// Reserved for a ticket that has not claimed it yet.
    Granted {
        free: Free<T>,
        ticket: u32,
    },
    /// In use by the driver.
    Leased,
}

/// The state of a dial: a connection that is being opened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dialed {
    /// The ticket that the dial runs for; `None` for an orphan.
    pub(super) ticket: Option<u32>,
    /// Whether the ticket took the dial over from a ticket that left. The failure of the dial then
    /// fails no ticket, and its connection goes to the queue rather than to this ticket first.
    pub(super) adopted: bool,
    /// Whether the pool must not abandon the dial: TCP is connected, or the dial belongs to a
    /// thread.
    pub(super) kept: bool,
    /// The value of [`Pool::gone`](super::Pool::gone) when the dial was decided.
    pub(super) gone: u64,
}

/// A connection that is held by the pool.
#[derive(Debug, Clone)]
pub(super) struct Free<T> {
    pub(super) io: T,
    /// When the connection was last used or dialed. It has been silent since.
    pub(super) since: Instant,
    /// Whether it was dialed just now, and not parked since.
    pub(super) fresh: bool,
}

/// A ticket that has not been answered yet.
#[derive(Debug, Clone)]
pub(super) struct Waiter {
    pub(super) key: u32,
    pub(super) want: Want,
    pub(super) state: Standing,
    /// The `dialing` flag that the driver was last given; `None` if the ticket was woken since, or
    /// never told to wait.
    pub(super) told: Option<bool>,
    pub(super) in_line: Links,
    pub(super) undialed: Links,
}

/// The state of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// In the queue, with the dial that runs for it.
    Waiting { dial: Option<u32> },
    /// A connection is reserved for it.
    Granted(u32),
    /// It will get no connection.
    Failed(Unavailable),
}

macro_rules! chain {
    ($(#[$doc:meta])* $name:ident, $field:ident of $entry:ty $(, $t:ident)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub(super) struct $name;
        impl$(<$t>)? Chain<$entry> for $name {
            fn links(entry: &$entry) -> &Links {
                &entry.$field
            }
            fn links_mut(entry: &mut $entry) -> &mut Links {
                &mut entry.$field
            }
        }
    };
}

chain!(
    /// The connections of one key: the idle ones, or the dials.
    ByKey, by_key of Conn<T>, T
);
chain!(
    /// The idle connections of all keys; the one parked longest is in front.
    ByUse, by_use of Conn<T>, T
);
chain!(
    /// The connections of all keys by age; the oldest is in front.
    ByAge, by_age of Conn<T>, T
);
chain!(
    /// The connections of one key by the order in which they were opened, if its name is looked up
    /// again.
    ByPeer, by_peer of Conn<T>, T
);
chain!(
    /// Keys whose name is looked up again; the next one is in front.
    Due, due of Entry
);
chain!(
    /// Tickets in the order of the queue.
    InLine, in_line of Waiter
);
chain!(
    /// Tickets without a dial.
    Undialed, undialed of Waiter
);
chain!(
    /// Keys with idle connections; the one that got one back the longest ago is in front.
    Warm, warm of Entry
);
chain!(
    /// Keys that need a dial, but find no room because of the limit on all connections.
    Turn, turn of Entry
);

/// The look-ups of one key's name.
#[derive(Debug, Clone)]
pub(super) struct LookUps {
    pub(super) host: String,
    pub(super) port: u16,
    /// The open connections that may be used again, in the order in which they were opened.
    pub(super) peers: List<ByPeer>,
    /// When the name is looked up again, if the key is in the list of those that are.
    pub(super) at: Instant,
    /// The number of the look-up that runs, if one does.
    pub(super) asked: Option<u32>,
    /// The addresses of the last answer.
    pub(super) found: Vec<IpAddr>,
    /// The number of answers so far.
    pub(super) answers: u32,
}

impl LookUps {
    /// Returns the look-ups of a key, if it has a name and names are looked up again.
    fn new(limits: &PoolLimits, key: &Key) -> Option<Box<Self>> {
        limits.look_up_every?;
        let (host, port) = key.looked_up()?;
        Some(Box::new(Self {
            host: host.into(),
            port,
            peers: List::new(),
            at: Instant::default(),
            asked: None,
            found: Vec::new(),
            answers: 0,
        }))
    }

    /// Whether the last answer has the address. True for a connection without one.
    pub(super) fn has(&self, peer: Option<IpAddr>) -> bool {
        peer.is_none_or(|peer| self.found.contains(&peer))
    }
}
