//! The client's sockets, and the connections that use them.

use alloc::vec::Vec;

use crate::{
    h1,
    id::{ConnId, Slab, SocketId},
    limits::MessageLimits,
    pool::Lease,
};

/// All sockets that the driver has been told to connect and not to close.
#[derive(Debug)]
pub(super) struct Sockets {
    slots: Slab<Socket>,
    /// Buffers for encoded heads, ready for reuse.
    spare: Vec<Vec<u8>>,
}

/// A socket and the HTTP state of its connection.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) conn: ConnId,
    /// The number of its attempt, in the dial of its connection.
    pub(super) attempt: u8,
    pub(super) stage: Stage,
    /// The call that uses it while it is leased.
    pub(super) call: u32,
    pub(super) lease: Option<Lease>,
    pub(super) h1: h1::Connection,
    /// The encoded bytes that the driver has not fetched yet.
    pub(super) out: Vec<u8>,
}

const _: () = assert!(size_of::<Socket>() <= 128, "an idle connection is small");

/// The stage of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its TCP connect runs.
    Connecting,
    /// TCP is connected, and the dial continues on it.
    Dialing,
    /// Its connection is in the pool.
    Idle,
    /// A call uses it.
    Leased,
}

/// The maximum number of spare head buffers.
const SPARE_MAX: usize = 64;

impl Sockets {
    pub(super) const fn new() -> Self {
        Self { slots: Slab::new(), spare: Vec::new() }
    }

    /// Adds the socket of a connection attempt.
    pub(super) fn begin(&mut self, conn: ConnId, attempt: u8, limits: MessageLimits) -> SocketId {
        let (index, generation) = self.slots.insert(Socket {
            conn,
            attempt,
            stage: Stage::Connecting,
            call: 0,
            lease: None,
            h1: h1::Connection::new(limits),
            out: Vec::new(),
        });
        SocketId { index, generation }
    }

    pub(super) fn get(&self, socket: SocketId) -> Option<&Socket> {
        self.slots.get(socket.index, socket.generation)
    }

    pub(super) fn get_mut(&mut self, socket: SocketId) -> Option<&mut Socket> {
        self.slots.get_mut(socket.index, socket.generation)
    }

    /// Returns the socket if a call uses it.
    pub(super) fn leased(&mut self, socket: SocketId) -> Option<&mut Socket> {
        self.get_mut(socket).filter(|it| it.stage == Stage::Leased)
    }

    /// Returns the connection of a socket on which a dial runs, once TCP is connected.
    pub(super) fn dialing(&self, socket: SocketId) -> Option<ConnId> {
        self.get(socket).filter(|it| it.stage == Stage::Dialing).map(|it| it.conn)
    }

    /// Returns the call that uses a socket.
    pub(super) fn caller(&self, socket: SocketId) -> Option<u32> {
        self.get(socket).filter(|it| it.stage == Stage::Leased).map(|it| it.call)
    }

    /// Gives a socket to a call, with a buffer for the encoded bytes.
    pub(super) fn lease(&mut self, socket: SocketId, lease: Lease, call: u32) -> &mut Socket {
        let it = &mut self.slots[socket.index];
        it.out = self.spare.pop().unwrap_or_default();
        (it.stage, it.call, it.lease) = (Stage::Leased, call, Some(lease));
        it
    }

    /// Takes a socket back from its call.
    pub(super) fn unlease(&mut self, socket: SocketId) -> Option<(Lease, &mut h1::Connection)> {
        let it = self.slots.get_mut(socket.index, socket.generation)?;
        let lease = it.lease.take()?;
        it.stage = Stage::Idle;
        let mut out = core::mem::take(&mut it.out);
        if self.spare.len() < SPARE_MAX {
            out.clear();
            self.spare.push(out);
        }
        Some((lease, &mut it.h1))
    }

    /// Removes a socket that is not leased. Returns whether it was there.
    pub(super) fn remove(&mut self, socket: SocketId) -> bool {
        self.slots.remove(socket.index, socket.generation).is_some()
    }

    /// Returns the number of spare head buffers.
    #[cfg(test)]
    pub(super) fn spare(&self) -> usize {
        self.spare.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SocketId, &Socket)> {
        self.slots.iter().map(|(index, generation, it)| (SocketId { index, generation }, it))
    }
}
