//! Names that move to other addresses, and are looked up again while connections to them are open.

use std::net::SocketAddr;

use httpool::{client::Closed, id::LookUpId, pool::Evicted};

use super::{Names, base::Base, clock::LATE, driver::Driver, marks::Mark, stage::Event};

/// The most look-ups of names with open connections that are answered. A call may be stalled for
/// hours, and its world would else consist of look-ups. Names move much earlier.
const ANSWERS_MAX: u32 = 10_000;

impl Driver {
    pub(super) fn look_up_again(&mut self, base: &mut Base, look_up: LookUpId, host: &str) {
        base.stage.tell(35, look_up.to_bits(), format_args!("look up {host} for {look_up}"));
        if !self.look_ups_again.insert(look_up) {
            base.stage.wrong(|| format!("{host} is looked up twice for {look_up}"));
        }
        base.look_up_again(host, look_up.to_bits());
    }

    pub(super) fn looked_up(&mut self, base: &mut Base, look_up: u64, origin: u32) {
        let id = LookUpId::from_bits(look_up);
        self.look_ups_again.remove(&id);
        // Requests on connections that were lent begin before this.
        self.obey(base);
        let found = base.found(origin as usize);
        let count = found.len();
        base.stage.tell(34, look_up, format_args!("{id} found: {count} addresses"));
        self.client.handle_looked_up(id, &found, base.stage.instant());
    }
}

impl Base {
    /// Begins to look up a name with open connections again.
    pub(super) fn look_up_again(&mut self, host: &str, look_up: u64) {
        self.stage.mark(Mark::LookedUpAgain);
        self.look_ups_again += 1;
        let Some(origin) = self.called(host).filter(|_| self.answers()) else { return };
        let it = &self.plan.origins[origin];
        if let Names::Found { after } | Names::Missing { after } = it.names {
            let after = it.queued.unwrap_or_default() + after;
            let event = Event::LookedUp { look_up, origin: origin as u32 };
            self.stage.plan(after.as_nanos() as u64, event);
        }
    }

    /// Whether look-ups are still answered. One without an answer is the last one of its name.
    const fn answers(&self) -> bool {
        self.look_ups_again <= ANSWERS_MAX
    }

    /// Returns the addresses that another look-up of a name finds.
    pub(super) fn find_again(&mut self, host: &str) -> Vec<SocketAddr> {
        self.stage.mark(Mark::LookedUpAgain);
        self.called(host).map_or_else(Vec::new, |origin| self.found(origin))
    }

    /// Whether the name of a server has other addresses now than at the beginning.
    pub(super) fn has_moved(&self, origin: usize) -> bool {
        self.plan.origins[origin].moves.is_some_and(|at| at.as_nanos() <= self.stage.now.into())
    }

    /// Checks that the name of a connection that is closed because its address is gone has moved. The
    /// answer may be older than the connection, which then was being opened and has served one call
    /// at most.
    pub(super) fn check_gone(&mut self, sock: u32, why: Closed) {
        let it = self.net.get(sock);
        let gone = self.has_moved(it.named) && (it.old || it.requests < 2);
        if why == Closed::Evicted(Evicted::AddressGone) && !gone {
            self.stage.wrong(|| format!("s{sock} is closed, and its name has its address"));
        }
    }

    /// Checks that the name of a connection has its address, or that the client cannot know better:
    /// the next look-up after the move has not been answered, or comes after this first use.
    pub(super) fn check_address(&mut self, sock: u32, call: u32) {
        let (now, answers) = (self.stage.now, self.answers());
        let it = self.net.get_mut(sock);
        let since = *it.begun.get_or_insert(now);
        it.requests += 1;
        let (old, origin) = (it.old, &self.plan.origins[it.named]);
        let Names::Found { after } = origin.names else { return };
        // A thread asks for a look-up when it has something to do, and other calls go on meanwhile.
        if !old || !answers || self.plan.threads {
            return;
        }
        if let (Some(every), Some(moves)) = (self.plan.config.pool.look_up_every, origin.moves) {
            let known = since.max(moves.as_nanos() as u64);
            let known =
                known + (every + origin.queued.unwrap_or_default() + after).as_nanos() as u64;
            let late = if self.stage.noise.lazy { 3 * LATE } else { 0 };
            if now > known + late {
                let words = "is used again although its name has lost its address";
                self.stage.wrong(|| format!("call {call}: s{sock} {words}"));
            }
        }
    }
}
