//! The connections that are being opened.

use alloc::{boxed::Box, vec::Vec};

use crate::{
    dial::Dial,
    id::{ConnId, SocketId},
};

/// The dials, by the slots of the pool's connections.
#[derive(Debug, Default)]
pub(super) struct Dials {
    slots: Vec<Option<(ConnId, Box<Dialing>)>>,
}

/// A connection that is being opened.
#[derive(Debug)]
pub(super) struct Dialing {
    pub(super) dial: Dial,
    /// Its sockets.
    pub(super) sockets: Vec<SocketId>,
    pub(super) announced: Announced,
    /// The slot of the call that it was begun for.
    pub(super) opener: Option<u32>,
}

/// The action that the driver was last given for a dial's current step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announced {
    Nothing,
    /// A look-up, which has not been answered.
    Resolve,
    /// Bytes for a proxy. Input from the proxy can cause more.
    Transmit,
    /// A TLS handshake, which has not been answered.
    StartTls,
}

impl Dialing {
    /// Returns the socket of the attempt that has won. All others are closed then.
    pub(super) fn winner(&self) -> Option<SocketId> {
        self.sockets.first().copied()
    }

    /// Records that an action is given to the driver. Returns the socket for it, or `None` if it
    /// was given before.
    pub(super) fn announce(&mut self, action: Announced) -> Option<SocketId> {
        let before = core::mem::replace(&mut self.announced, action);
        self.winner().filter(|_| before != action)
    }

    /// Records that the driver has answered an action. Ignored if another one was given.
    pub(super) fn answered(&mut self, action: Announced) {
        if self.announced == action {
            self.announced = Announced::Nothing;
        }
    }
}

impl Dials {
    pub(super) fn get(&self, conn: ConnId) -> Option<&Dialing> {
        let (of, dialing) = self.slots.get(conn.index())?.as_ref()?;
        (*of == conn).then_some(dialing)
    }

    pub(super) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Dialing> {
        let (of, dialing) = self.slots.get_mut(conn.index())?.as_mut()?;
        (*of == conn).then_some(dialing)
    }

    /// Returns the dial in a slot, and its connection.
    pub(super) fn at(&mut self, slot: u32) -> Option<(ConnId, &mut Dialing)> {
        self.slots.get_mut(slot as usize)?.as_mut().map(|(conn, it)| (*conn, &mut **it))
    }

    /// Returns the id of the connection in a slot, or a stale id if the slot has no dial.
    pub(super) fn name_at(&self, slot: u32) -> ConnId {
        let entry = self.slots.get(slot as usize).and_then(Option::as_ref);
        entry.map_or(ConnId { index: slot, generation: u32::MAX }, |(conn, _)| *conn)
    }

    pub(super) fn begin(&mut self, conn: ConnId, dial: Dial, opener: Option<u32>) {
        if self.slots.len() <= conn.index() {
            self.slots.resize_with(conn.index() + 1, || None);
        }
        let (sockets, announced) = (Vec::new(), Announced::Nothing);
        let dialing = Dialing { dial, sockets, announced, opener };
        self.slots[conn.index()] = Some((conn, Box::new(dialing)));
    }

    pub(super) fn end(&mut self, conn: ConnId) -> Option<Box<Dialing>> {
        self.get(conn)?;
        self.slots[conn.index()].take().map(|(_, dialing)| dialing)
    }

    /// Returns the dials that run.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnId, &Dialing)> {
        self.slots.iter().flatten().map(|(conn, dialing)| (*conn, &**dialing))
    }
}
