//! Doubly linked lists through the entries of a slab. Every operation is O(1) and allocates
//! nothing.

use core::marker::PhantomData;

use crate::id::Slab;

/// Selects the links of an entry that a list uses. An entry can be in one list for each of its
/// links.
pub(super) trait Chain<V> {
    fn links(entry: &V) -> &Links;
    fn links_mut(entry: &mut V) -> &mut Links;
}

/// The neighbours of an entry in a list.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Links {
    prev: Option<u32>,
    next: Option<u32>,
    linked: bool,
}

impl Links {
    pub(super) fn linked(&self) -> bool {
        self.linked
    }
}

/// A list of entries, given by their slots.
#[derive(Debug, Clone)]
pub(super) struct List<C> {
    front: Option<u32>,
    back: Option<u32>,
    len: usize,
    chain: PhantomData<C>,
}

impl<C> List<C> {
    pub(super) const fn new() -> Self {
        Self { front: None, back: None, len: 0, chain: PhantomData }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn front(&self) -> Option<u32> {
        self.front
    }

    pub(super) fn back(&self) -> Option<u32> {
        self.back
    }

    pub(super) fn push_back<V>(&mut self, slab: &mut Slab<V>, index: u32)
    where
        C: Chain<V>,
    {
        debug_assert!(!C::links(&slab[index]).linked, "in one list at a time");
        *C::links_mut(&mut slab[index]) = Links { prev: self.back, next: None, linked: true };
        match self.back {
            Some(back) => C::links_mut(&mut slab[back]).next = Some(index),
            None => self.front = Some(index),
        }
        self.back = Some(index);
        self.len += 1;
    }

    pub(super) fn push_front<V>(&mut self, slab: &mut Slab<V>, index: u32)
    where
        C: Chain<V>,
    {
        debug_assert!(!C::links(&slab[index]).linked, "in one list at a time");
        *C::links_mut(&mut slab[index]) = Links { prev: None, next: self.front, linked: true };
        match self.front {
            Some(front) => C::links_mut(&mut slab[front]).prev = Some(index),
            None => self.back = Some(index),
        }
        self.front = Some(index);
        self.len += 1;
    }

    /// Removes an entry from this list. Does nothing if the entry is in no list.
    pub(super) fn remove<V>(&mut self, slab: &mut Slab<V>, index: u32)
    where
        C: Chain<V>,
    {
        let Links { prev, next, linked } = core::mem::take(C::links_mut(&mut slab[index]));
        if !linked {
            return;
        }
        match prev {
            Some(prev) => C::links_mut(&mut slab[prev]).next = next,
            None => self.front = next,
        }
        match next {
            Some(next) => C::links_mut(&mut slab[next]).prev = prev,
            None => self.back = prev,
        }
        self.len -= 1;
    }

    pub(super) fn pop_front<V>(&mut self, slab: &mut Slab<V>) -> Option<u32>
    where
        C: Chain<V>,
    {
        let front = self.front?;
        self.remove(slab, front);
        Some(front)
    }

    /// Returns the entry after one of this list.
    pub(super) fn after<V>(&self, slab: &Slab<V>, index: u32) -> Option<u32>
    where
        C: Chain<V>,
    {
        C::links(&slab[index]).next
    }

    /// Iterates from front to back.
    pub(super) fn iter<V>(&self, slab: &Slab<V>) -> impl Iterator<Item = u32>
    where
        C: Chain<V>,
    {
        core::iter::successors(self.front, |index| C::links(&slab[*index]).next)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    struct ByAll;
    impl Chain<Links> for ByAll {
        fn links(entry: &Links) -> &Links {
            entry
        }
        fn links_mut(entry: &mut Links) -> &mut Links {
            entry
        }
    }

    #[test]
    fn entries_come_and_go_at_both_ends_and_in_the_middle() {
        let mut slab = Slab::new();
        let mut list = List::<ByAll>::new();
        for _ in 0..5 {
            slab.insert(Links::default());
        }
        for index in [2, 3, 4] {
            list.push_back(&mut slab, index);
        }
        for index in [1, 0] {
            list.push_front(&mut slab, index);
        }
        let all = |list: &List<ByAll>, slab: &Slab<Links>| list.iter(slab).collect::<Vec<_>>();
        assert_eq!(all(&list, &slab), [0, 1, 2, 3, 4]);
        list.remove(&mut slab, 2);
        list.remove(&mut slab, 2);
        list.remove(&mut slab, 4);
        assert_eq!(
            (all(&list, &slab), list.len(), list.back()),
            (Vec::from([0, 1, 3]), 3, Some(3))
        );
        assert_eq!(list.pop_front(&mut slab), Some(0));
        assert_eq!(list.pop_front(&mut slab), Some(1));
        assert_eq!(list.pop_front(&mut slab), Some(3));
        assert_eq!(list.pop_front(&mut slab), None);
        assert!(list.is_empty() && list.front().is_none() && list.back().is_none());
    }
}
