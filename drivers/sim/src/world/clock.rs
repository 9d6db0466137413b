//! A queue of events in virtual time, and how late an event may be.

use std::{cmp::Ordering, collections::BinaryHeap};

/// How late a lazy driver may handle an event, in nanoseconds.
pub(super) const LATE: u64 = 10_000;
/// How late a thread may handle an event because other threads run first, in nanoseconds.
pub(super) const LATE_THREAD: u64 = 3_000_000;

/// Yields events in the order of their time. Events of the same time come in the order in which
/// they were planned.
#[derive(Debug)]
pub(super) struct Queue<E> {
    heap: BinaryHeap<Planned<E>>,
    planned: u32,
}

#[derive(Debug)]
struct Planned<E> {
    at: u64,
    nth: u32,
    event: E,
}

impl<E> Queue<E> {
    pub(super) fn new() -> Self {
        Self { heap: BinaryHeap::with_capacity(64), planned: 0 }
    }

    pub(super) fn plan(&mut self, at: u64, event: E) {
        self.heap.push(Planned { at, nth: self.planned, event });
        self.planned += 1;
    }

    /// Returns the time of the next event, in nanoseconds.
    pub(super) fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|it| it.at)
    }

    pub(super) fn pop(&mut self) -> Option<E> {
        self.heap.pop().map(|it| it.event)
    }
}

impl<E> Planned<E> {
    const fn key(&self) -> (u64, u32) {
        (self.at, self.nth)
    }
}

/// Reversed, because the heap pops its greatest element first.
impl<E> Ord for Planned<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl<E> PartialOrd for Planned<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Planned<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<E> Eq for Planned<E> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_keep_their_order() {
        let mut queue = Queue::new();
        for (at, event) in [(2, 'c'), (1, 'a'), (2, 'd'), (1, 'b')] {
            queue.plan(at, event);
        }
        assert_eq!(queue.next_at(), Some(1));
        assert_eq!(std::iter::from_fn(|| queue.pop()).collect::<String>(), "abcd");
    }
}
