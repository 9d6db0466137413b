//! Looks the names of open connections up again, and takes connections out of use whose address is
//! gone.

use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{
    Action, Evicted, Pool,
    record::Input,
    table::{Free, State},
};
use crate::{
    id::{ConnId, LookUpId},
    mutation::{Mutation, mutated},
    time::Instant,
};

/// The shortest time between an answer and the next look-up.
pub(super) const EVERY_MIN: Duration = Duration::from_millis(1);

impl<T> Pool<T> {
    /// Reports the address that a dial is connected to ([`Dial::peer_ip`](crate::dial::Dial::peer_ip)),
    /// before [`dialed`](Self::dialed). Ignored without
    /// [`look_up_every`](field@crate::limits::PoolLimits::look_up_every), for a key without a name,
    /// and if the id is stale.
    pub fn dial_peer(&mut self, conn: ConnId, ip: IpAddr) {
        if self.limits.look_up_every.is_none() {
            return;
        }
        self.event(self.now, Input::Peer(conn, ip));
        if self.is_dial(conn) && self.keys[self.conns[conn.index].key].look_ups.is_some() {
            self.conns[conn.index].peer = Some(ip.to_canonical());
        }
    }

    /// Answers [`Action::LookUp`]. `addrs` are the addresses that the name has now, in any order; if
    /// the look-up failed, there are none, and nothing changes. Only their IP addresses count.
    /// Ignored if the id is stale. Takes time linear in the number of the key's connections, times
    /// the number of addresses.
    ///
    /// Closes idle and granted connections to other addresses, and leased ones when they come back.
    /// The ticket of a granted one returns to the front of the queue, even if the queue is full.
    pub fn looked_up(&mut self, look_up: LookUpId, addrs: &[SocketAddr], now: Instant) {
        self.event(now, Input::LookedUp(look_up, addrs.into()));
        let LookUpId { index: key, generation } = look_up;
        let entry = self.keys.at_mut(key).and_then(|it| it.look_ups.as_mut());
        let Some(it) = entry.filter(|it| it.asked == Some(generation)) else { return };
        it.asked = None;
        if !addrs.is_empty() {
            it.found.clear();
            it.found.extend(addrs.iter().map(|addr| addr.ip().to_canonical()));
            it.answers = it.answers.wrapping_add(1);
            self.close_gone(key);
        }
        self.plan_look_up(key);
        self.settle(key);
    }

    /// Records that a connection to its address is open from now on. Returns whether the name still
    /// has the address, as far as is known: the answer of a look-up that came while the connection
    /// was being opened may not have it.
    pub(super) fn begin_peer(&mut self, conn: u32) -> bool {
        let it = &self.conns[conn];
        let (key, peer, answers) = (it.key, it.peer, it.answers);
        if peer.is_none() {
            return true;
        }
        let Some(look_ups) = &mut self.keys[key].look_ups else { return true };
        if look_ups.answers != answers && !look_ups.has(peer) {
            return false;
        }
        look_ups.peers.push_back(&mut self.conns, conn);
        self.plan_look_up(key);
        true
    }

    /// Records that a connection is closed, or will not be used again. Without another one, the
    /// name is not looked up again.
    pub(super) fn end_peer(&mut self, conn: u32) {
        let it = &self.conns[conn];
        if !it.by_peer.linked() {
            return;
        }
        let key = it.key;
        if let Some(look_ups) = &mut self.keys[key].look_ups {
            look_ups.peers.remove(&mut self.conns, conn);
            if look_ups.peers.is_empty() {
                self.due.remove(&mut self.keys, key);
            }
        }
    }

    /// Offers a connection that was just dialed, to a ticket that waits now, and to no later one.
    pub(super) fn offer_once(&mut self, conn: u32, free: Free<T>, first: Option<u32>) {
        let waits = first.or_else(|| self.keys[self.conns[conn].key].front(true)).is_some();
        if waits {
            self.offer(conn, free, first);
            self.conns[conn].retired = Some(Evicted::AddressGone);
        } else {
            self.close_conn(conn, free.io, Evicted::AddressGone);
        }
    }

    /// Lets a leased connection be closed when it comes back.
    pub(super) fn retire_leased(&mut self, conn: u32, why: Evicted) {
        self.conns[conn].retired = Some(why);
        self.end_peer(conn);
    }

    /// Returns when the next name is looked up again.
    pub(super) fn first_look_up(&self) -> Option<Instant> {
        let key = self.due.front()?;
        self.keys[key].look_ups.as_ref().map(|it| it.at)
    }

    /// Asks for the look-ups whose time has come.
    pub(super) fn look_up_due(&mut self) {
        while self.first_look_up().is_some_and(|at| at <= self.now)
            && let Some(key) = self.due.pop_front(&mut self.keys)
        {
            let Some(it) = &mut self.keys[key].look_ups else { return };
            let generation = self.asks;
            self.asks = self.asks.wrapping_add(1);
            it.asked = Some(generation);
            let (host, port) = (it.host.clone(), it.port);
            let look_up = LookUpId { index: key, generation };
            self.act(Action::LookUp { look_up, host, port });
        }
    }

    /// Puts a key at the end of those whose name is looked up again, unless it is among them, its
    /// look-up runs, or no connection is left that may be used again.
    fn plan_look_up(&mut self, key: u32) {
        let entry = &mut self.keys[key];
        let at = self.limits.look_up_every.and_then(|every| self.now.reachable(every));
        if let (Some(it), Some(at)) = (&mut entry.look_ups, at)
            && !entry.due.linked()
            && it.asked.is_none()
            && !it.peers.is_empty()
        {
            it.at = at;
            self.due.push_back(&mut self.keys, key);
        }
    }

    /// Takes the connections of a key out of use whose address the last answer does not have. The
    /// idle ones come first, so that no ticket of a granted one gets one of them.
    fn close_gone(&mut self, key: u32) {
        if mutated(Mutation::KeptAddress) {
            return;
        }
        let mut next = self.keys[key].look_ups.as_ref().and_then(|it| it.peers.front());
        while let Some(conn) = next {
            let Some(it) = &self.keys[key].look_ups else { return };
            next = it.peers.after(&self.conns, conn);
            if it.has(self.conns[conn].peer) {
                continue;
            }
            match self.conns[conn].state {
                State::Idle { .. } => self.evict(conn, Evicted::AddressGone),
                State::Leased => self.retire_leased(conn, Evicted::AddressGone),
                State::Granted { .. } | State::Dialing(_) => {}
            }
        }
        while let Some(conn) = self.first_gone(key) {
            let State::Granted { free, ticket } = self.take(conn) else { return };
            self.close_conn(conn, free.io, Evicted::AddressGone);
            self.stand_again(ticket);
        }
    }

    /// Returns the first granted connection of a key whose address the last answer does not have.
    fn first_gone(&self, key: u32) -> Option<u32> {
        let it = self.keys[key].look_ups.as_ref()?;
        let granted = |conn: &u32| matches!(self.conns[*conn].state, State::Granted { .. });
        let gone = |conn: &u32| !it.has(self.conns[*conn].peer);
        it.peers.iter(&self.conns).filter(granted).find(gone)
    }
}
