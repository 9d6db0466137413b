//! Deadlines of calls and dials: an indexed heap, whose entries can be moved and removed.

use alloc::vec::Vec;

use crate::time::{Deadline, Instant};

/// The owner of a deadline, as one number: twice the slot of a call, or twice the slot of a
/// connection plus one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owner(u32);

impl Owner {
    pub(super) const fn call(slot: u32) -> Self {
        Self(slot << 1)
    }

    pub(super) const fn dial(slot: u32) -> Self {
        Self(slot << 1 | 1)
    }

    pub(super) const fn slot(self) -> u32 {
        self.0 >> 1
    }

    pub(super) const fn is_call(self) -> bool {
        self.0 & 1 == 0
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    at: Instant,
    owner: Owner,
    which: Deadline,
}

/// Holds at most one entry for each owner, never later than the owner's deadline.
///
/// Most deadlines move later: each read restarts the stall deadline. So an entry is moved only if
/// its deadline becomes earlier. When the entry comes up, the owner is asked for its deadline, and
/// the entry is put back if there is time left. The heap has four branches with the earliest entry
/// on top; of equal ones, the smallest owner.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: Vec<Entry>,
    /// The position of each owner's entry in the heap, or `NOWHERE`.
    places: Vec<u32>,
}

const NOWHERE: u32 = u32::MAX;
const BRANCHES: usize = 4;

impl Timers {
    pub(super) fn soonest(&self) -> Option<(Instant, Owner, Deadline)> {
        self.heap.first().map(|it| (it.at, it.owner, it.which))
    }

    /// Notes the owner's current deadline, if any.
    pub(super) fn set(&mut self, owner: Owner, deadline: Option<(Instant, Deadline)>) {
        let Some((at, which)) = deadline else { return };
        let entry = Entry { at, owner, which };
        match self.place(owner) {
            Some(place) if at < self.heap[place].at => {
                self.heap[place] = entry;
                self.rise(place);
            }
            Some(_) => {}
            None => {
                if self.places.len() <= owner.0 as usize {
                    self.places.resize(owner.0 as usize + 1, NOWHERE);
                }
                self.heap.push(entry);
                self.rise(self.heap.len() - 1);
            }
        }
    }

    pub(super) fn remove(&mut self, owner: Owner) {
        let Some(place) = self.place(owner) else { return };
        self.places[owner.0 as usize] = NOWHERE;
        let last = self.heap.pop();
        if let Some(last) = last.filter(|last| last.owner != owner) {
            self.heap[place] = last;
            self.rise(place);
            if let Some(place) = self.place(last.owner) {
                self.sink(place);
            }
        }
    }

    /// Removes and returns the earliest entry, if its time has come.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Owner> {
        let (at, owner, _) = self.soonest()?;
        if now < at {
            return None;
        }
        self.remove(owner);
        Some(owner)
    }

    /// Returns whether each entry is where its owner's place says, and the heap is in order.
    pub(super) fn is_whole(&self) -> bool {
        let placed = self.places.iter().filter(|place| **place != NOWHERE).count();
        placed == self.heap.len()
            && self.heap.iter().enumerate().all(|(place, entry)| {
                self.place(entry.owner) == Some(place)
                    && (place == 0 || key(&self.heap[(place - 1) / BRANCHES]) <= key(entry))
            })
    }

    /// Returns when the owner's entry comes up.
    pub(super) fn at(&self, owner: Owner) -> Option<Instant> {
        self.place(owner).map(|place| self.heap[place].at)
    }

    fn place(&self, owner: Owner) -> Option<usize> {
        let place = self.places.get(owner.0 as usize)?;
        (*place != NOWHERE).then_some(*place as usize)
    }

    fn rise(&mut self, mut place: usize) {
        let entry = self.heap[place];
        while place > 0 {
            let above = (place - 1) / BRANCHES;
            if key(&self.heap[above]) <= key(&entry) {
                break;
            }
            self.put(place, self.heap[above]);
            place = above;
        }
        self.put(place, entry);
    }

    fn sink(&mut self, mut place: usize) {
        let entry = self.heap[place];
        loop {
            let first = place * BRANCHES + 1;
            let below = first..self.heap.len().min(first + BRANCHES);
            let Some(least) = below.min_by_key(|at| key(&self.heap[*at])) else { break };
            if key(&entry) <= key(&self.heap[least]) {
                break;
            }
            self.put(place, self.heap[least]);
            place = least;
        }
        self.put(place, entry);
    }

    fn put(&mut self, place: usize, entry: Entry) {
        self.heap[place] = entry;
        self.places[entry.owner.0 as usize] = place as u32;
    }
}

const fn key(entry: &Entry) -> (Instant, Owner) {
    (entry.at, entry.owner)
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use quickcheck::quickcheck;

    use super::*;

    quickcheck! {
        /// Compares any order of moves with a plain map as the model.
        fn it_is_a_map_in_order(moves: Vec<(u8, Option<u8>)>) -> bool {
            let (mut timers, mut model) = (Timers::default(), BTreeMap::new());
            let instant = |at: u8| Instant::from_nanos(at.into());
            for (owner, at) in moves {
                let owner = Owner(u32::from(owner % 16));
                match at {
                    Some(at) => {
                        timers.set(owner, Some((instant(at), Deadline::Total)));
                        let held = model.entry(owner).or_insert(at);
                        *held = at.min(*held);
                    }
                    None => {
                        timers.remove(owner);
                        model.remove(&owner);
                    }
                }
                let soonest = model.iter().map(|(owner, at)| (instant(*at), *owner)).min();
                if !timers.is_whole() || timers.soonest().map(|it| (it.0, it.1)) != soonest {
                    return false;
                }
            }
            let mut all: Vec<_> = model.iter().map(|(owner, at)| (*at, *owner)).collect();
            all.sort_unstable();
            let end = instant(u8::MAX);
            all.iter().all(|(_, owner)| timers.pop_due(end) == Some(*owner))
                && timers.pop_due(end).is_none()
        }
    }
}
