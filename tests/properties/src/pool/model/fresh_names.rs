//! Looks names up again, and takes connections out of use whose address is gone.

use httpool::pool::Evicted;

use super::{
    super::state::{Deed, Place},
    Model,
};

/// The look-ups of a key's name.
#[derive(Debug, Default)]
pub(super) struct LookUps {
    /// The addresses of the last answer, each a bit.
    found: u8,
    /// The number of answers.
    pub(super) answers: u32,
}

impl Model {
    /// Answers a look-up. Each bit of `found` is an address.
    pub(in super::super) fn looked_up(&mut self, nth: usize, found: u8) {
        let Some(key) = self.asked[nth].take() else { return };
        if found != 0 {
            self.look_ups[key].found = found;
            self.look_ups[key].answers += 1;
            self.close_gone(key);
        }
        self.plan_look_up(key);
        self.settle(key);
    }

    fn close_gone(&mut self, key: usize) {
        let mut gone = self.peers(key);
        gone.retain(|conn| self.look_ups[key].found >> self.conns[*conn].peer & 1 == 0);
        for conn in gone.iter().copied() {
            match self.conns[conn].place {
                Place::Idle { .. } => self.evict(conn, Evicted::AddressGone),
                Place::Leased => self.conns[conn].retired = Some(Evicted::AddressGone),
                Place::Granted { .. } | Place::Dialing { .. } | Place::Gone => {}
            }
        }
        for conn in gone {
            if let Place::Granted { ticket, .. } = self.conns[conn].place {
                self.close_conn(conn, Evicted::AddressGone);
                self.stand_again(ticket);
            }
        }
    }

    /// Whether a new connection leads to an address that an answer did not have, which came while it
    /// was being opened.
    pub(super) fn is_outdated(&self, conn: usize) -> bool {
        let it = &self.conns[conn];
        let last = &self.look_ups[it.key];
        it.answers != last.answers && last.found >> it.peer & 1 == 0
    }

    pub(super) fn plan_look_up(&mut self, key: usize) {
        let planned = self.asked.contains(&Some(key)) || self.due.iter().any(|it| it.1 == key);
        if let Some(every) = self.limits.look_up_every
            && !planned
            && !self.peers(key).is_empty()
        {
            self.due.push((self.now + every, key));
        }
    }

    pub(super) fn look_up_due(&mut self) {
        self.forget_unused();
        while let Some((at, key)) = self.due.first().copied()
            && at <= self.now
        {
            self.due.remove(0);
            self.asked.push(Some(key));
            self.deeds.push(Deed::LookUp { key });
        }
    }

    /// Forgets the look-ups of keys without connections. The pool forgets a key that has no tickets
    /// in line either.
    pub(in super::super) fn forget_unused(&mut self) {
        for key in 0..self.look_ups.len() {
            if self.peers(key).is_empty() {
                self.due.retain(|it| it.1 != key);
            }
            let [open, .., waiting] = self.stats(Some(key));
            if open + waiting == 0 {
                self.look_ups[key] = LookUps::default();
                self.asked.iter_mut().filter(|it| **it == Some(key)).for_each(|it| *it = None);
            }
        }
    }

    /// Returns the connections of a key that can be used again, in the order in which they were
    /// opened.
    fn peers(&self, key: usize) -> Vec<usize> {
        let open = |it: &Place| !matches!(it, Place::Dialing { .. } | Place::Gone);
        let used = |it: usize| {
            let conn = &self.conns[it];
            conn.key == key && open(&conn.place) && conn.retired.is_none() && !self.closed
        };
        let mut peers: Vec<_> = (0..self.conns.len()).filter(|it| used(*it)).collect();
        peers.sort_by_key(|it| self.conns[*it].order);
        peers
    }
}
