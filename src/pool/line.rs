//! The queue of tickets: enqueues and dequeues them, wakes them, and finds dials for them.

use super::{
    Action, Pool, Ticket,
    table::{Standing, State},
};
use crate::{
    error::Unavailable,
    mutation::{Mutation, mutated},
};

impl<T> Pool<T> {
    /// Appends a new ticket to the queue of its key. Tickets that want a fresh connection have
    /// their own queue, which comes first.
    pub(super) fn join_line(&mut self, ticket: u32) {
        let waiter = &self.tickets[ticket];
        let line = self.keys[waiter.key].line(waiter.want.fresh);
        if mutated(Mutation::UnfairLine) {
            line.all.push_front(&mut self.tickets, ticket);
        } else {
            line.all.push_back(&mut self.tickets, ticket);
        }
        self.waiting += 1;
        if !self.adopt_orphan(ticket) {
            let waiter = &self.tickets[ticket];
            let line = self.keys[waiter.key].line(waiter.want.fresh);
            line.undialed.push_back(&mut self.tickets, ticket);
        }
    }

    /// Puts a ticket back at the front of the queue after its granted connection was lost.
    pub(super) fn stand_again(&mut self, ticket: u32) {
        let (key, want) = (self.tickets[ticket].key, self.tickets[ticket].want);
        if !want.fresh
            && let Some(conn) = self.newest_idle(key)
        {
            return self.grant_idle(ticket, conn);
        }
        self.tickets[ticket].state = Standing::Waiting { dial: None };
        self.keys[key].line(want.fresh).all.push_front(&mut self.tickets, ticket);
        self.waiting += 1;
        self.seek_dial(ticket);
    }

    /// Removes a ticket from the queue, if it is in it, and reassigns its dial.
    pub(super) fn leave_line(&mut self, ticket: u32) {
        let waiter = &mut self.tickets[ticket];
        let Standing::Waiting { dial } = &mut waiter.state else { return };
        if !waiter.in_line.linked() {
            return;
        }
        let dial = dial.take();
        let line = self.keys[waiter.key].line(waiter.want.fresh);
        line.all.remove(&mut self.tickets, ticket);
        line.undialed.remove(&mut self.tickets, ticket);
        self.waiting -= 1;
        if let Some(dial) = dial {
            self.release_dial(dial);
        }
    }

    /// Finds another dial for a waiting ticket that has lost its own: an orphan, or the next dial
    /// that begins.
    pub(super) fn seek_dial(&mut self, ticket: u32) {
        if !self.adopt_orphan(ticket) {
            let waiter = &self.tickets[ticket];
            let line = self.keys[waiter.key].line(waiter.want.fresh);
            line.undialed.push_front(&mut self.tickets, ticket);
        }
        self.tell(ticket);
    }

    pub(super) fn fail(&mut self, ticket: u32, why: Unavailable) {
        self.tickets[ticket].state = Standing::Failed(why);
        self.tell(ticket);
    }

    /// Wakes a ticket that was told to wait, if its answer has changed.
    pub(super) fn tell(&mut self, ticket: u32) {
        let generation = self.tickets.generation(ticket);
        let waiter = &mut self.tickets[ticket];
        let still = match waiter.state {
            Standing::Waiting { dial } => waiter.told == Some(dial.is_some()),
            Standing::Granted(_) | Standing::Failed(_) => false,
        };
        if !still && waiter.told.take().is_some() {
            self.act(Action::Wake(Ticket { index: ticket, generation }));
        }
    }

    fn adopt_orphan(&mut self, ticket: u32) -> bool {
        let key = self.tickets[ticket].key;
        let Some(orphan) = self.keys[key].orphans.pop_front(&mut self.conns) else { return false };
        debug_assert!(matches!(self.conns[orphan].state, State::Dialing(_)));
        self.adopt(orphan, ticket);
        true
    }
}
