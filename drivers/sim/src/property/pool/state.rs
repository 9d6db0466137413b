//! What the model knows of connections and tickets, and what it says.

use core::time::Duration;

use httpool::{
    error::{DialError, IoKind, Unavailable},
    pool::{Evicted, Want},
};

/// How a dial fails that finds no descriptor.
pub(super) const SHORT: DialError = DialError::Connect(IoKind::Exhausted);

/// What the pool is to do, except waking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    Dial { conn: usize, ticket: usize, key: usize },
    Abandon { conn: usize },
    Close { conn: usize, io: u32, why: Evicted },
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
    /// `kept`: not to be abandoned, since TCP is up or a thread has it.
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
    /// How many had gone when it was decided to dial.
    pub(super) gone: u64,
    /// Its age was looked at, while it was in use.
    pub(super) swept: bool,
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
