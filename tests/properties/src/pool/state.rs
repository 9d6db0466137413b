//! The model's state of connections and tickets, and the actions that it produces.

use core::time::Duration;

use httpool::{
    error::{DialError, IoKind, Unavailable},
    pool::{Evicted, Want},
};

/// The error of a dial that finds no descriptor.
pub(super) const SHORT: DialError = DialError::Connect(IoKind::Exhausted);

/// An action of the pool, except waking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    Dial { conn: usize, ticket: usize, key: usize },
    Abandon { conn: usize },
    Close { conn: usize, io: u32, why: Evicted },
    LookUp { key: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Reuse { conn: usize, io: u32, probe: bool },
    Fresh { conn: usize, io: u32 },
    Wait { dialing: bool },
    Failed(Unavailable),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `kept`: not to be abandoned, since TCP is connected or a thread owns the dial.
    Dialing {
        ticket: Option<usize>,
        own: bool,
        kept: bool,
    },
    Idle {
        since: Duration,
        parked: Duration,
    },
    Granted {
        ticket: usize,
        since: Duration,
        fresh: bool,
    },
    Leased,
    Gone,
}

#[derive(Debug)]
pub(super) struct Conn {
    pub(super) key: usize,
    pub(super) place: Place,
    pub(super) io: u32,
    pub(super) opened: Duration,
    /// The number of connections that had ended when this dial was decided.
    pub(super) gone: u64,
    /// Whether its age was checked while it was in use.
    pub(super) swept: bool,
    /// The time by which its life is shorter than `age_max`, in sixteenths of `age_jitter`.
    pub(super) group: u8,
    /// Why it is closed when it comes back, if it is.
    pub(super) retired: Option<Evicted>,
    /// Its address, and its number in the order in which connections were opened.
    pub(super) peer: u8,
    pub(super) order: usize,
    /// The number of answers for its key when this dial was decided.
    pub(super) answers: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Waiting { dial: Option<usize> },
    Granted(usize),
    Failed(Unavailable),
    Spent,
}

#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) key: usize,
    pub(super) want: Want,
    pub(super) standing: Standing,
}
