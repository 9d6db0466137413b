//! The sockets of a loop, by slot and by connection.

use httpool::id::ConnId;
use httpool_kit::Outgoing;
use mio::net::TcpStream;

/// One socket. Nothing is kept with one that is idle but this.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) tcp: TcpStream,
    pub(crate) conn: ConnId,
    /// The next socket of the same connection, while addresses race.
    next: Option<u32>,
    /// Which of those it is.
    pub(crate) attempt: u8,
    /// TCP stands, and this is the socket that the connection is.
    pub(crate) up: bool,
    /// It may be readable: there was an event, and no read has been told to wait since.
    pub(crate) readable: bool,
    /// The same for writing.
    pub(crate) writable: bool,
    /// The peer has closed its side, so that a short read is not yet the last.
    pub(crate) closing: bool,
    /// It is broken, so that it takes output only to fail.
    pub(crate) broken: bool,
    /// Its end has been read.
    pub(crate) ended: bool,
    /// Whether what the system holds unsent is bounded; `None`: not yet tried.
    pub(crate) bounded: Option<bool>,
    /// Input was left because the reader paused: it goes first, without a read.
    pub(crate) unheard: bool,
    /// It is in the list of those to be looked at.
    pub(crate) queued: bool,
    /// Only while bytes wait, in either direction.
    pub(crate) held: Option<Box<Held>>,
}

/// In debug builds mio keeps more with each, and so it does on Windows.
const SOCKET_MAX: usize = if cfg!(debug_assertions) { 56 } else { 40 };
const _: () =
    assert!(cfg!(windows) || size_of::<Socket>() <= SOCKET_MAX, "an idle connection is small");

/// Bytes that wait.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// What the socket had no room for.
    pub(crate) out: Outgoing,
    /// What was read and not taken.
    pub(crate) rest: Vec<u8>,
}

impl Socket {
    pub(crate) fn new(tcp: TcpStream, conn: ConnId, attempt: u8) -> Self {
        Self {
            tcp,
            conn,
            next: None,
            attempt,
            up: false,
            readable: false,
            writable: false,
            closing: false,
            broken: false,
            ended: false,
            bounded: None,
            unheard: false,
            queued: false,
            held: None,
        }
    }

    /// Keeps no memory for bytes when none wait.
    pub(crate) fn let_go(&mut self) {
        if self.held.as_ref().is_some_and(|held| held.out.is_empty() && held.rest.is_empty()) {
            self.held = None;
        }
    }

    /// Whether the last bytes of a request have gone to the system, and are not called written yet.
    pub(crate) fn holds_back(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.out.holds_back())
    }

    /// Whether to write what the socket had no room for. That a broken one takes output does not
    /// mean that the last bytes have left.
    pub(crate) fn writes_on(&self) -> bool {
        self.writable && self.has_out() && !(self.broken && self.holds_back())
    }

    /// Whether there is something that the socket had no room for.
    pub(crate) fn has_out(&self) -> bool {
        self.held.as_ref().is_some_and(|held| !held.out.is_empty())
    }
}

/// All sockets. A slot is a token's number; a connection has one socket, or several that race.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    slots: Vec<Option<Socket>>,
    free: Vec<u32>,
    /// The first slot of each connection, by the connection's own slot.
    first: Vec<Option<u32>>,
}

impl Sockets {
    /// The slot that the next socket will have.
    pub(crate) fn next_slot(&self) -> u32 {
        self.free.last().copied().unwrap_or(self.slots.len() as u32)
    }

    pub(crate) fn insert(&mut self, mut socket: Socket) {
        let (conn, slot) = (socket.conn, self.next_slot());
        if self.first.len() <= conn.index() {
            self.first.resize(conn.index() + 1, None);
        }
        socket.next = self.first[conn.index()].replace(slot);
        match self.free.pop() {
            Some(slot) => self.slots[slot as usize] = Some(socket),
            None => self.slots.push(Some(socket)),
        }
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Socket> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// The socket that is the connection, once TCP stands.
    pub(crate) fn slot_of(&self, conn: ConnId) -> Option<u32> {
        self.slots_of(conn).find(|slot| self.at(*slot).is_some_and(|socket| socket.up))
    }

    /// The socket of an attempt.
    pub(crate) fn slot_of_attempt(&self, conn: ConnId, attempt: u8) -> Option<u32> {
        self.slots_of(conn)
            .find(|slot| self.at(*slot).is_some_and(|socket| socket.attempt == attempt))
    }

    /// Any socket of a connection.
    pub(crate) fn any_slot_of(&self, conn: ConnId) -> Option<u32> {
        self.slots_of(conn).next()
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<Socket> {
        let socket = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        let before = self
            .slots_of(socket.conn)
            .find(|other| self.at(*other).is_some_and(|it| it.next == Some(slot)));
        match before {
            Some(before) => {
                if let Some(before) = self.get_mut(before) {
                    before.next = socket.next;
                }
            }
            None => self.first[socket.conn.index()] = socket.next,
        }
        Some(socket)
    }

    /// How many sockets there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    fn at(&self, slot: u32) -> Option<&Socket> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// A stale connection has none: its slot is empty, or another's.
    fn slots_of(&self, conn: ConnId) -> impl Iterator<Item = u32> {
        let first = self.first.get(conn.index()).copied().flatten();
        let next = |slot: &u32| self.at(*slot).and_then(|socket| socket.next);
        core::iter::successors(first, next)
            .filter(move |slot| self.at(*slot).is_some_and(|socket| socket.conn == conn))
    }
}
