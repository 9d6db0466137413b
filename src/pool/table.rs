//! What the pool remembers of keys, connections and tickets, and the lists that hold them.

use super::{
    Want,
    list::{Chain, Links, List},
};
use crate::{error::Unavailable, message::Key, time::Instant};

/// A key that something refers to: a connection, or a ticket in line.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: Key,
    /// Connections in whatever state.
    pub(super) open: usize,
    /// Of these, being dialled.
    pub(super) dialing: usize,
    /// Of these, idle: the newest used at the back.
    pub(super) idle: List<ByKey>,
    /// Dials that the pool may still abandon: the youngest at the back.
    pub(super) dials: List<ByKey>,
    /// Dials that nobody in line waits for and that the pool does not abandon.
    pub(super) orphans: List<ByKey>,
    /// Tickets that want a fresh connection; they come before `plain`.
    pub(super) fresh: Line,
    /// All other tickets.
    pub(super) plain: Line,
    /// Which ring of keys that would dial but have no room it is in, if in any.
    pub(super) stranded: bool,
    pub(super) turn: Links,
}

impl Entry {
    pub(super) fn new(name: Key) -> Self {
        Self {
            name,
            open: 0,
            dialing: 0,
            idle: List::new(),
            dials: List::new(),
            orphans: List::new(),
            fresh: Line::new(),
            plain: Line::new(),
            stranded: false,
            turn: Links::default(),
        }
    }

    pub(super) fn line(&mut self, fresh: bool) -> &mut Line {
        if fresh { &mut self.fresh } else { &mut self.plain }
    }

    pub(super) fn waiting(&self) -> usize {
        self.fresh.all.len() + self.plain.all.len()
    }

    /// The first in line with no dial on its behalf.
    pub(super) fn undialed(&self) -> Option<u32> {
        self.fresh.undialed.front().or_else(|| self.plain.undialed.front())
    }

    /// Who is next for a connection, of those that can use it.
    pub(super) fn front(&self, fresh: bool) -> Option<u32> {
        self.fresh.all.front().filter(|_| fresh).or_else(|| self.plain.all.front())
    }
}

/// A line of tickets, first come first served.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) all: List<InLine>,
    /// Those with no dial on their behalf.
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
    /// When the dial had ended; until then, when it began.
    pub(super) opened: Instant,
    pub(super) state: State<T>,
    pub(super) by_key: Links,
    pub(super) by_use: Links,
    pub(super) by_age: Links,
}

/// Where a connection is.
#[derive(Debug, Clone)]
pub(super) enum State<T> {
    Dialing(Dialing),
    Idle {
        free: Free<T>,
        /// Since when it is here: the order of sweeping. Later than `free.since` after a grant that
        /// nobody claimed.
        parked: Instant,
    },
    /// Still in the pool, for a ticket that has yet to claim it.
    Granted {
        free: Free<T>,
        ticket: u32,
    },
    /// With a driver.
    Leased,
}

/// A dial under way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dialing {
    /// On whose behalf. None: an orphan.
    pub(super) ticket: Option<u32>,
    /// Not that ticket's own wish: begun for another that has left. Its failure is not that
    /// ticket's, and neither is its success before others'.
    pub(super) adopted: bool,
    /// The pool does not abandon it: TCP is up, or it is a thread's own, which alone knows.
    pub(super) kept: bool,
    /// How many connections the pool had let go when it was decided.
    pub(super) gone: u64,
}

/// A connection in the pool's hands.
#[derive(Debug, Clone)]
pub(super) struct Free<T> {
    pub(super) io: T,
    /// When it was last in use, or dialled: how long it has been silent.
    pub(super) since: Instant,
    /// Dialled just now, and not parked since.
    pub(super) fresh: bool,
}

/// A ticket that is not spent.
#[derive(Debug, Clone)]
pub(super) struct Waiter {
    pub(super) key: u32,
    pub(super) want: Want,
    pub(super) state: Standing,
    /// What it was last told of dialing, if it has not been woken since.
    pub(super) told: Option<bool>,
    pub(super) in_line: Links,
    pub(super) undialed: Links,
}

/// How a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// In line; the dial on its behalf.
    Waiting { dial: Option<u32> },
    /// A connection waits for it.
    Granted(u32),
    /// There will be none.
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
    /// The connections of one key: idle, or dials.
    ByKey, by_key of Conn<T>, T
);
chain!(
    /// The idle connections of all keys, the longest parked in front.
    ByUse, by_use of Conn<T>, T
);
chain!(
    /// Connections of all keys by age, the oldest in front.
    ByAge, by_age of Conn<T>, T
);
chain!(
    /// Tickets in the order of their turn.
    InLine, in_line of Waiter
);
chain!(
    /// Tickets with no dial on their behalf.
    Undialed, undialed of Waiter
);
chain!(
    /// Keys that would dial, but for the bound on all connections.
    Turn, turn of Entry
);
