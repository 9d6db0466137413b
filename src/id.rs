//! Generational ids: an id that was freed never refers to another entry.

use alloc::vec::Vec;
use core::{
    fmt,
    ops::{Index, IndexMut},
};

use crate::mutation::{Mutation, mutated};

/// Defines an id type: a slot, and the number of times that the slot had been used before.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident, $letter:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name {
            pub(crate) index: u32,
            pub(crate) generation: u32,
        }

        impl $name {
            /// Returns the id as one number, such as for an event loop's token.
            pub const fn to_bits(self) -> u64 {
                (self.generation as u64) << 32 | self.index as u64
            }

            /// Returns the id that [`to_bits`](Self::to_bits) turned into a number.
            pub const fn from_bits(bits: u64) -> Self {
                Self { index: bits as u32, generation: (bits >> 32) as u32 }
            }

            /// Returns the slot, to index a table of the driver with. Slots are small numbers. No
            /// two live ids share a slot, and the slot of a freed id is used again.
            pub const fn index(self) -> usize {
                self.index as usize
            }
        }

        #[doc = concat!("`", $letter, "3.0`: the slot, and how often it had been used before.")]
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}.{}"), self.index, self.generation)
            }
        }
    };
}
pub(crate) use names;

names!(
    /// Identifies a connection, from the decision to dial it until it is closed.
    ///
    /// [`Pool`](crate::pool::Pool) assigns it. Every method ignores a stale id, because stale
    /// readiness is normal in an event loop.
    ConnId, "c"
);

names!(
    /// Identifies a socket of an event loop, from
    /// [`Action::Connect`](crate::client::Action::Connect) until
    /// [`Action::Close`](crate::client::Action::Close) or
    /// [`Action::HandOver`](crate::client::Action::HandOver), or until the driver reports that it
    /// could not be connected.
    ///
    /// [`Client`](crate::client::Client) assigns it. While addresses race, a connection has several
    /// sockets. Every method ignores a stale id. A socket gets the slot of another one only after
    /// the [`poll_action`](crate::client::Client::poll_action) that ended the other.
    SocketId, "s"
);

names!(
    /// Identifies the look-up of a name whose connections are open, until it is answered.
    ///
    /// [`Pool`](crate::pool::Pool) assigns it, if
    /// [`look_up_every`](field@crate::limits::PoolLimits::look_up_every) is set. Each look-up has an
    /// id of its own, also of the same name. An answer with a stale id is ignored.
    LookUpId, "l"
);

names!(
    /// Identifies a call, from [`Client::request`](crate::client::Client::request) until the driver
    /// has received the call's end, or the application cancels or discards the call.
    ///
    /// Every method ignores a stale id. (Traces print a call as `r` and the number of its request,
    /// which is never used again: see [`Who`](crate::trace::Who).)
    CallId, "a"
);

/// A table whose entries are identified by slot and generation, so that an id never refers to
/// another entry. A freed slot is used again. After 2^32 uses of one slot its generations repeat.
#[derive(Debug, Clone)]
pub(crate) struct Slab<V> {
    slots: Vec<Slot<V>>,
    free: Option<u32>,
    len: usize,
}

#[derive(Debug, Clone)]
struct Slot<V> {
    generation: u32,
    state: SlotState<V>,
}

#[derive(Debug, Clone)]
enum SlotState<V> {
    Full(V),
    Free { next: Option<u32> },
}

impl<V> Slab<V> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), free: None, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Inserts `value` and returns its (index, generation).
    pub(crate) fn insert(&mut self, value: V) -> (u32, u32) {
        self.len += 1;
        if let Some(index) = self.free
            && let Some(slot) = self.slots.get_mut(index as usize)
            && let SlotState::Free { next } = slot.state
        {
            self.free = next;
            slot.state = SlotState::Full(value);
            return (index, slot.generation);
        }
        let index = self.slots.len() as u32;
        self.slots.push(Slot { generation: 0, state: SlotState::Full(value) });
        (index, 0)
    }

    pub(crate) fn get(&self, index: u32, generation: u32) -> Option<&V> {
        match self.slots.get(index as usize) {
            Some(Slot { generation: g, state: SlotState::Full(value) }) if *g == generation => {
                Some(value)
            }
            _ => None,
        }
    }

    pub(crate) fn get_mut(&mut self, index: u32, generation: u32) -> Option<&mut V> {
        match self.slots.get_mut(index as usize) {
            Some(Slot { generation: g, state: SlotState::Full(value) }) if *g == generation => {
                Some(value)
            }
            _ => None,
        }
    }

    /// Returns the entry in slot `index` and its generation. For links inside a machine, which do
    /// not hold the generation.
    pub(crate) fn at(&self, index: u32) -> Option<(u32, &V)> {
        match self.slots.get(index as usize) {
            Some(Slot { generation, state: SlotState::Full(value) }) => Some((*generation, value)),
            _ => None,
        }
    }

    /// Returns the entry in slot `index`, mutably.
    pub(crate) fn at_mut(&mut self, index: u32) -> Option<&mut V> {
        match self.slots.get_mut(index as usize) {
            Some(Slot { state: SlotState::Full(value), .. }) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn remove(&mut self, index: u32, generation: u32) -> Option<V> {
        self.get(index, generation)?;
        let slot = self.slots.get_mut(index as usize)?;
        slot.generation = slot.generation.wrapping_add(u32::from(!mutated(Mutation::StaleName)));
        let old = core::mem::replace(&mut slot.state, SlotState::Free { next: self.free });
        self.free = Some(index);
        self.len -= 1;
        match old {
            SlotState::Full(value) => Some(value),
            SlotState::Free { .. } => None,
        }
    }

    /// Removes the entry in slot `index`, whatever its generation.
    pub(crate) fn remove_at(&mut self, index: u32) -> Option<V> {
        let (generation, _) = self.at(index)?;
        self.remove(index, generation)
    }

    /// Returns the generation of slot `index`. Panics if the slot was never used.
    pub(crate) fn generation(&self, index: u32) -> u32 {
        self.slots[index as usize].generation
    }

    /// Returns one more than the highest slot ever used.
    pub(crate) fn bound(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Iterates over (index, generation, entry) in the order of the slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32, &V)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| match &slot.state {
            SlotState::Full(value) => Some((index as u32, slot.generation, value)),
            SlotState::Free { .. } => None,
        })
    }
}

/// Indexes by slot, for links inside a machine, which always point to live entries. Ids from
/// outside must go through [`get`](Slab::get).
impl<V> Index<u32> for Slab<V> {
    type Output = V;

    fn index(&self, index: u32) -> &V {
        self.at(index).expect("a machine unlinks an entry before it removes it").1
    }
}

impl<V> IndexMut<u32> for Slab<V> {
    fn index_mut(&mut self, index: u32) -> &mut V {
        self.at_mut(index).expect("a machine unlinks an entry before it removes it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_round_trip() {
        let id = ConnId { index: 7, generation: u32::MAX };
        assert_eq!(ConnId::from_bits(id.to_bits()), id);
    }

    #[test]
    fn a_stale_name_names_nothing() {
        let mut slab = Slab::new();
        let (index, generation) = slab.insert('a');
        assert_eq!(slab.remove(index, generation), Some('a'));
        let (again, newer) = slab.insert('b');
        assert_eq!(again, index);
        assert_ne!(newer, generation);
        assert_eq!(slab.get(index, generation), None);
        assert_eq!(slab.remove(index, generation), None);
        assert_eq!(slab.get(index, newer), Some(&'b'));
        assert_eq!(slab.len(), 1);
    }
}
