//! The sockets of a loop.

use std::io::Write;

use httpool::{
    client::{Inbox, Outbox},
    id::{ConnId, SocketId},
};
use httpool_kit::Wire;

use crate::stream::Stream;

/// One socket. An idle connection has no other memory in the driver, unless it has layers.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) stream: Stream,
    pub(crate) id: SocketId,
    pub(crate) conn: ConnId,
    /// Whether it is connected.
    pub(crate) up: bool,
    /// Whether it may be readable: there was an event, and no read has returned `WouldBlock` since.
    pub(crate) readable: bool,
    /// Whether it may be writable: there was an event, and no write has returned `WouldBlock`
    /// since.
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
    /// Whether it is in the queue of sockets to handle.
    pub(crate) queued: bool,
    /// The layers, and the bytes that wait to be sent or to be consumed. `None` if there are none.
    pub(crate) held: Option<Box<Held>>,
}

/// The limit on the size of [`Socket`]. mio stores more with a socket in debug builds and on
/// Windows.
const SOCKET_MAX: usize = if cfg!(debug_assertions) { 56 } else { 40 };
const _: () =
    assert!(cfg!(windows) || size_of::<Socket>() <= SOCKET_MAX, "an idle connection is small");

/// The layers of a socket, and its bytes that wait, in either direction.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Output that the socket's buffer had no room for.
    pub(crate) out: Outbox,
    /// Input that was read and not consumed.
    pub(crate) inbox: Inbox,
    /// The layers between the socket and HTTP. While the socket is read or written they are in
    /// [`Embedded`](crate::Embedded), and a plain wire is here.
    pub(crate) wire: Wire,
}

impl Socket {
    pub(crate) fn new(stream: Stream, id: SocketId, conn: ConnId) -> Self {
        Self {
            stream,
            id,
            conn,
            up: false,
            readable: false,
            writable: false,
            closing: false,
            broken: false,
            ended: false,
            bounded: None,
            queued: false,
            held: None,
        }
    }

    /// Frees the memory for waiting bytes if there are none.
    pub(crate) fn let_go(&mut self) {
        let Some(held) = &mut self.held else { return };
        if held.out.is_empty() && held.inbox.is_empty() {
            if held.wire.is_plain() {
                self.held = None;
            } else {
                (held.out, held.inbox) = (Outbox::default(), Inbox::new());
            }
        }
    }

    /// Tells the peer through the layers that the connection ends, or sends it the alert of a layer
    /// that has failed, if the socket takes that now. Does nothing without layers.
    pub(crate) fn say_end(&mut self) {
        if let Some(held) = &mut self.held {
            held.wire.close();
            // A broken connection is closed too.
            held.wire.flush(|sealed| self.stream.write(sealed)).ok();
        }
    }

    /// Returns whether there are layers between the socket and HTTP.
    pub(crate) fn is_layered(&self) -> bool {
        self.held.as_ref().is_some_and(|held| !held.wire.is_plain())
    }

    /// Returns whether the handshake of a layer is not done.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.wire.is_handshaking())
    }

    /// Returns whether there may be input: in the socket, in records that were read and not opened,
    /// or left by a paused response.
    pub(crate) fn has_input(&self) -> bool {
        !self.ended && self.readable
            || self
                .held
                .as_ref()
                .is_some_and(|held| held.inbox.is_stopped() || !self.ended && held.wire.may_open())
    }

    /// Returns whether input was left because the application paused the response. It is passed on
    /// before the next read.
    pub(crate) fn is_stopped(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.inbox.is_stopped())
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
        self.held.as_ref().is_some_and(|held| !held.out.is_empty() || held.wire.has_output())
    }
}

/// All sockets, by the slots of their ids. A socket's token is the driver's first token, plus one,
/// plus its slot.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    slots: Vec<Option<Socket>>,
    len: usize,
}

/// Tells the peers of all connections that these end. After a panic, the layers that were in use are
/// not among them, because their last record may have been made in part.
impl Drop for Sockets {
    fn drop(&mut self) {
        self.slots.iter_mut().flatten().for_each(Socket::say_end);
    }
}

impl Sockets {
    pub(crate) fn insert(&mut self, socket: Socket) {
        let slot = socket.id.index();
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, || None);
        }
        self.slots[slot] = Some(socket);
        self.len += 1;
    }

    pub(crate) fn get_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.slots.get_mut(id.index())?.as_mut().filter(|socket| socket.id == id)
    }

    /// Returns the socket in a slot.
    pub(crate) fn at(&mut self, slot: usize) -> Option<&mut Socket> {
        self.slots.get_mut(slot)?.as_mut()
    }

    pub(crate) fn remove(&mut self, id: SocketId) -> Option<Socket> {
        self.get_mut(id)?;
        self.len -= 1;
        self.slots[id.index()].take()
    }

    /// Returns the number of sockets.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}
