//! The sockets of a loop, by slot and by connection.

use httpool::id::ConnId;
use httpool_kit::Outgoing;
use mio::net::TcpStream;

/// One socket. An idle connection has no other memory in the driver.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) tcp: TcpStream,
    pub(crate) conn: ConnId,
    /// The next socket of the same connection, while addresses race.
    next: Option<u32>,
    /// The number of its connection attempt.
    pub(crate) attempt: u8,
    /// Whether TCP is connected and the connection uses this socket.
    pub(crate) up: bool,
    /// Whether it may be readable: there was an event, and no read has returned `WouldBlock` since.
    pub(crate) readable: bool,
    /// Whether it may be writable, likewise.
    pub(crate) writable: bool,
    /// Whether the peer has closed its side. The socket is then read to its end of file, even after
    /// a short read.
    pub(crate) closing: bool,
    /// Whether it is broken. Writes to it then only fail.
    pub(crate) broken: bool,
    /// Whether its end of file was read.
    pub(crate) ended: bool,
    /// Whether the unsent bytes in the system's buffer are bounded. `None` if not tried yet.
    pub(crate) bounded: Option<bool>,
    /// Whether input was left because the application paused the response. It is passed on before
    /// the next read.
    pub(crate) unheard: bool,
    /// Whether it is in the queue of sockets to handle.
    pub(crate) queued: bool,
    /// The bytes that wait to be sent or to be consumed. `None` if there are none.
    pub(crate) held: Option<Box<Held>>,
}

/// The limit on the size of [`Socket`]. mio stores more with a socket in debug builds and on
/// Windows.
const SOCKET_MAX: usize = if cfg!(debug_assertions) { 56 } else { 40 };
const _: () =
    assert!(cfg!(windows) || size_of::<Socket>() <= SOCKET_MAX, "an idle connection is small");

/// The bytes of a socket that wait, in either direction.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Output that the socket's buffer had no room for.
    pub(crate) out: Outgoing,
    /// Input that was read and not consumed.
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

    /// Frees the memory for waiting bytes if there are none.
    pub(crate) fn let_go(&mut self) {
        if self.held.as_ref().is_some_and(|held| held.out.is_empty() && held.rest.is_empty()) {
            self.held = None;
        }
    }

    /// Returns whether the last bytes of a request were given to the system but not yet reported to
    /// the core as written.
    pub(crate) fn holds_back(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.out.holds_back())
    }

    /// Returns whether to write the output that waits. A broken socket accepts output even if the
    /// last bytes were not sent, so it does not confirm held back bytes.
    pub(crate) fn writes_on(&self) -> bool {
        self.writable && self.has_out() && !(self.broken && self.holds_back())
    }

    /// Returns whether output waits for room in the socket's buffer.
    pub(crate) fn has_out(&self) -> bool {
        self.held.as_ref().is_some_and(|held| !held.out.is_empty())
    }
}

/// All sockets, by slot. A socket's token is the driver's first token, plus one, plus its slot. A
/// connection has one socket, or several while addresses race.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    slots: Vec<Option<Socket>>,
    free: Vec<u32>,
    /// The first slot of each connection, by the connection's own slot.
    first: Vec<Option<u32>>,
}

impl Sockets {
    /// Returns the slot that the next socket gets.
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

    /// Returns the slot of the socket that a connection uses, once TCP is connected.
    pub(crate) fn slot_of(&self, conn: ConnId) -> Option<u32> {
        self.slots_of(conn).find(|slot| self.at(*slot).is_some_and(|socket| socket.up))
    }

    /// Returns the slot of a connection attempt.
    pub(crate) fn slot_of_attempt(&self, conn: ConnId, attempt: u8) -> Option<u32> {
        self.slots_of(conn)
            .find(|slot| self.at(*slot).is_some_and(|socket| socket.attempt == attempt))
    }

    /// Returns the slot of any socket of a connection.
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

    /// Returns the number of sockets.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    fn at(&self, slot: u32) -> Option<&Socket> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// Returns the slots of a connection's sockets. A stale id has none: its slot is empty or
    /// belongs to another connection.
    fn slots_of(&self, conn: ConnId) -> impl Iterator<Item = u32> {
        let first = self.first.get(conn.index()).copied().flatten();
        let next = |slot: &u32| self.at(*slot).and_then(|socket| socket.next);
        core::iter::successors(first, next)
            .filter(move |slot| self.at(*slot).is_some_and(|socket| socket.conn == conn))
    }
}
