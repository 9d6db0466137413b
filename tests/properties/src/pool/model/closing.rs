//! Closes connections: all, those of one key, and those that are idle or come back.

use httpool::{error::Unavailable, pool::Evicted};

use super::{
    super::state::{Place, Standing, Ticket},
    Model,
};

impl Model {
    pub(in super::super) fn close(&mut self) {
        self.closed = true;
        for ticket in 0..self.tickets.len() {
            let standing = self.tickets[ticket].standing;
            if let Standing::Waiting { .. } | Standing::Granted(_) = standing {
                if let Standing::Waiting { .. } = standing {
                    self.leave(ticket);
                }
                self.tickets[ticket].standing = Standing::Failed(Unavailable::Closed);
            }
        }
        for conn in 0..self.conns.len() {
            match self.conns[conn].place {
                Place::Dialing { .. } => self.abandon(conn),
                Place::Idle { .. } => self.evict(conn, Evicted::Closed),
                Place::Granted { .. } => self.close_conn(conn, Evicted::Closed),
                Place::Leased => self.conns[conn].swept = true,
                Place::Gone => {}
            }
        }
        self.forget_unused();
        self.stranded.clear();
        self.held.clear();
    }

    /// Closes the connections to one key, and fails its tickets.
    pub(in super::super) fn close_key(&mut self, key: usize) {
        // Nothing refers to it.
        let [open, .., waiting] = self.stats(Some(key));
        if open + waiting == 0 {
            return;
        }
        for ticket in 0..self.tickets.len() {
            let Ticket { key: of, standing, .. } = self.tickets[ticket];
            if of != key || matches!(standing, Standing::Failed(_) | Standing::Spent) {
                continue;
            }
            if let Standing::Waiting { .. } = standing {
                self.leave(ticket);
            }
            self.tickets[ticket].standing = Standing::Failed(Unavailable::Closed);
        }
        for conn in 0..self.conns.len() {
            match self.conns[conn].place {
                _ if self.conns[conn].key != key => {}
                Place::Dialing { .. } => self.abandon(conn),
                Place::Idle { .. } => self.evict(conn, Evicted::Closed),
                Place::Granted { .. } => self.close_conn(conn, Evicted::Closed),
                Place::Leased => self.conns[conn].retired = Some(Evicted::Closed),
                Place::Gone => {}
            }
        }
        self.settle(key);
    }

    /// Closes the idle connections, and each leased one when it comes back.
    pub(in super::super) fn retire(&mut self) {
        for conn in 0..self.conns.len() {
            match self.conns[conn].place {
                Place::Idle { .. } => {
                    self.evict(conn, Evicted::Closed);
                    self.settle(self.conns[conn].key);
                }
                Place::Leased => self.conns[conn].retired = Some(Evicted::Closed),
                Place::Dialing { .. } | Place::Granted { .. } | Place::Gone => {}
            }
        }
    }
}
