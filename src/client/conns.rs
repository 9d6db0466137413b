//! The client's state for each connection that is not idle.

use alloc::{boxed::Box, vec::Vec};

use crate::{
    dial::{Dial, Next},
    h1,
    id::ConnId,
    pool::Lease,
};

/// A table by the slots of the pool's connections. An idle connection has no entry, because the
/// pool keeps its state.
#[derive(Debug, Default)]
pub(super) struct Conns {
    slots: Vec<Option<(ConnId, Entry)>>,
    /// Buffers for encoded heads, ready for reuse.
    spare: Vec<Vec<u8>>,
}

#[derive(Debug)]
enum Entry {
    Dialing(Dialing),
    Leased(Leased),
}

/// A connection that is being opened.
#[derive(Debug)]
pub(super) struct Dialing {
    pub(super) dial: Box<Dial>,
    /// Whether the pool was told that TCP is connected.
    pub(super) up: bool,
    /// Whether the driver was told that there may be bytes to write to a proxy.
    pub(super) told: bool,
    /// Whether the driver was told to begin the TLS handshake.
    pub(super) shaking: bool,
}

/// A connection in use.
#[derive(Debug)]
pub(super) struct Leased {
    pub(super) lease: Lease,
    pub(super) h1: h1::Connection,
    /// The call that uses it.
    pub(super) call: u32,
    /// The encoded bytes that the driver has not fetched yet.
    pub(super) out: Vec<u8>,
    /// Whether the driver has taken the `Transmit` action, which says whether to probe first.
    pub(super) told: bool,
}

/// The use of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Dialing,
    Leased,
    /// The connection is idle, or its id is stale: only the pool knows which.
    Free,
}

/// The maximum number of spare head buffers.
const SPARE_MAX: usize = 64;

impl Conns {
    pub(super) fn get(&self, conn: ConnId) -> Use {
        match self.entry(conn) {
            Some(Entry::Dialing(_)) => Use::Dialing,
            Some(Entry::Leased(_)) => Use::Leased,
            None => Use::Free,
        }
    }

    pub(super) fn dialing(&mut self, conn: ConnId) -> Option<&mut Dialing> {
        match self.entry_mut(conn) {
            Some(Entry::Dialing(dialing)) => Some(dialing),
            Some(Entry::Leased(_)) | None => None,
        }
    }

    pub(super) fn dialing_at(&mut self, slot: u32) -> Option<(ConnId, &mut Dialing)> {
        match self.slots.get_mut(slot as usize) {
            Some(Some((conn, Entry::Dialing(dialing)))) => Some((*conn, dialing)),
            _ => None,
        }
    }

    pub(super) fn leased(&mut self, conn: ConnId) -> Option<&mut Leased> {
        match self.entry_mut(conn) {
            Some(Entry::Leased(leased)) => Some(leased),
            Some(Entry::Dialing(_)) | None => None,
        }
    }

    pub(super) fn h1(&self, conn: ConnId) -> Option<&h1::Connection> {
        match self.entry(conn) {
            Some(Entry::Leased(leased)) => Some(&leased.h1),
            Some(Entry::Dialing(_)) | None => None,
        }
    }

    pub(super) fn dial(&self, conn: ConnId) -> Option<&Dial> {
        match self.entry(conn) {
            Some(Entry::Dialing(dialing)) => Some(&dialing.dial),
            Some(Entry::Leased(_)) | None => None,
        }
    }

    /// Returns the call that uses `conn`.
    pub(super) fn caller(&self, conn: ConnId) -> Option<u32> {
        match self.entry(conn) {
            Some(Entry::Leased(leased)) => Some(leased.call),
            Some(Entry::Dialing(_)) | None => None,
        }
    }

    /// Returns the id of the connection in a slot, or a stale id if the slot has no entry.
    pub(super) fn name_at(&self, slot: u32) -> ConnId {
        let entry = self.slots.get(slot as usize).and_then(Option::as_ref);
        entry.map_or(ConnId { index: slot, generation: u32::MAX }, |(conn, _)| *conn)
    }

    /// Returns whether bytes are being exchanged with a proxy.
    pub(super) fn exchanges(&self, conn: ConnId) -> bool {
        self.dial(conn).is_some_and(|dial| dial.next() == Next::Exchange)
    }

    pub(super) fn begin(&mut self, conn: ConnId, dial: Dial) {
        let dial = Box::new(dial);
        self.put(conn, Entry::Dialing(Dialing { dial, up: false, told: false, shaking: false }));
    }

    /// Adds an entry for a connection that is now in use, with a buffer for its encoded bytes.
    pub(super) fn lease(&mut self, lease: Lease, h1: h1::Connection, call: u32) -> ConnId {
        let (conn, out) = (lease.conn(), self.spare.pop().unwrap_or_default());
        self.put(conn, Entry::Leased(Leased { lease, h1, call, out, told: false }));
        conn
    }

    /// Returns the number of spare head buffers.
    #[cfg(test)]
    pub(super) fn spare(&self) -> usize {
        self.spare.len()
    }

    /// Removes the entry of a connection in use.
    pub(super) fn unlease(&mut self, conn: ConnId) -> Option<(Lease, h1::Connection)> {
        self.leased(conn)?;
        match self.slots[conn.index()].take() {
            Some((_, Entry::Leased(Leased { lease, h1, mut out, .. }))) => {
                if self.spare.len() < SPARE_MAX {
                    out.clear();
                    self.spare.push(out);
                }
                Some((lease, h1))
            }
            Some((_, Entry::Dialing(_))) | None => None,
        }
    }

    /// Removes the entry of a dial. Returns whether there was one.
    pub(super) fn end_dial(&mut self, conn: ConnId) -> bool {
        let dialing = self.dialing(conn).is_some();
        if dialing {
            self.slots[conn.index()] = None;
        }
        dialing
    }

    /// Returns the numbers of connections being opened and in use, for
    /// [`check`](super::Client::check).
    pub(super) fn count(&self) -> (usize, usize) {
        let entries = self.slots.iter().flatten();
        let dialing = entries.clone().filter(|it| matches!(it.1, Entry::Dialing(_))).count();
        (dialing, entries.count() - dialing)
    }

    fn put(&mut self, conn: ConnId, entry: Entry) {
        if self.slots.len() <= conn.index() {
            self.slots.resize_with(conn.index() + 1, || None);
        }
        self.slots[conn.index()] = Some((conn, entry));
    }

    fn entry(&self, conn: ConnId) -> Option<&Entry> {
        let slot = self.slots.get(conn.index())?.as_ref();
        slot.filter(|(name, _)| *name == conn).map(|(_, entry)| entry)
    }

    fn entry_mut(&mut self, conn: ConnId) -> Option<&mut Entry> {
        let slot = self.slots.get_mut(conn.index())?.as_mut();
        slot.filter(|(name, _)| *name == conn).map(|(_, entry)| entry)
    }
}
