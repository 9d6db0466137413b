//! Checks the client's invariants.

use alloc::{format, string::String};

use super::{
    Client,
    run::{Announced, Running},
    sockets::Stage,
    timers::Owner,
};
use crate::call::Next;

macro_rules! hold {
    ($invariant:expr, $($words:tt)+) => {
        if !$invariant {
            return Err(format!($($words)+));
        }
    };
}

impl Client {
    /// Checks the invariants of the client, for tests and simulators: those of
    /// [`Pool::check`](crate::pool::Pool::check), and
    ///
    /// - the client and the pool agree on the connections in use and being dialed, and each
    ///   connection in use belongs to its call;
    /// - each socket belongs to one dial or one connection, and each connection has one socket;
    /// - each call has a ticket, a connection or neither, as its next step requires;
    /// - each deadline has a timer entry that is not too late;
    /// - no call waits without a deadline or a pending action of the driver;
    /// - a call that has ended has no ticket and no connection.
    ///
    /// Takes time linear in the number of calls and connections.
    ///
    /// # Errors
    /// A description of the first invariant that does not hold, which is a bug in the core.
    pub fn check(&self) -> Result<(), String> {
        self.pool.check()?;
        let stats = self.pool.stats();
        let dialing = self.dials.iter().count();
        let leased = self.sockets.iter().filter(|(_, it)| it.stage == Stage::Leased).count();
        hold!(dialing == stats.dialing, "{dialing} dials run, the pool has {}", stats.dialing);
        hold!(leased == stats.leased, "{leased} are in use, the pool lent {}", stats.leased);
        self.check_sockets()?;
        hold!(self.timers.is_whole(), "the timers are out of order");
        hold!(self.work.is_empty(), "work is left");
        let (mut using, mut live) = (0, 0);
        for (index, _, running) in self.calls.iter() {
            self.check_call(index, running).map_err(|why| format!("call {index}: {why}"))?;
            using += usize::from(running.socket.is_some());
            live += usize::from(!running.ended);
        }
        hold!(using == leased, "{leased} are in use, by {using} calls");
        hold!(live == self.live, "{live} calls are alive, not {}", self.live);
        Ok(())
    }

    /// Checks that each socket belongs to a dial or to a connection of the pool, and that each such
    /// connection has one socket.
    fn check_sockets(&self) -> Result<(), String> {
        let (mut racing, mut pooled) = (0, 0);
        for (socket, it) in self.sockets.iter() {
            let dial = self.dials.get(it.conn);
            match it.stage {
                Stage::Connecting | Stage::Dialing => {
                    let known = dial.is_some_and(|dial| dial.sockets.contains(&socket));
                    hold!(known, "{socket} belongs to no dial");
                    racing += 1;
                }
                Stage::Idle | Stage::Leased => {
                    hold!(dial.is_none(), "{socket} is in use while {} is dialed", it.conn);
                    pooled += 1;
                }
            }
        }
        let raced = self.dials.iter().map(|(_, dial)| dial.sockets.len()).sum::<usize>();
        hold!(raced == racing, "dials have {raced} sockets, and {racing} run");
        let open = self.pool.stats().open - self.pool.stats().dialing;
        hold!(open == pooled, "{pooled} sockets are for {open} connections of the pool");
        Ok(())
    }

    fn check_call(&self, index: u32, running: &Running) -> Result<(), String> {
        let (next, deadline) = (running.call.next(), running.call.poll_timeout());
        if running.ended {
            hold!(
                running.ticket.is_none() && running.socket.is_none(),
                "it ended and holds something"
            );
            return Ok(());
        }
        if let Some((at, which)) = deadline {
            let comes_up = self.timers.at(Owner::call(index));
            hold!(comes_up.is_some_and(|up| up <= at), "{which} would pass unnoticed");
        }
        let holds = (running.ticket.is_some(), running.socket.is_some());
        let wanted = match next {
            Next::Checkout => (true, false),
            Next::Exchange | Next::SendBody(_) | Next::CheckBody => (false, true),
            Next::Rewind | Next::Wait => (false, false),
            Next::Leave
            | Next::Restart
            | Next::Release
            | Next::HandOver
            | Next::Done
            | Next::Failed(_) => {
                return Err(format!("{next:?} was left undone"));
            }
        };
        hold!(holds == wanted, "{next:?} with (ticket, connection) = {holds:?}");
        if let Some(socket) = running.socket {
            hold!(self.sockets.caller(socket) == Some(index), "its socket is not leased to it");
        }
        let rewinds = running.announced == Announced::Rewind;
        hold!(next != Next::Rewind || rewinds, "nobody was asked to rewind");
        Ok(())
    }
}
