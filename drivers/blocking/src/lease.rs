//! How a call comes to a connection: the pool's line, and the dial it may have to run.

use std::{io, sync::Arc};

use httpool::{
    call::{Call, Next},
    error::Unavailable,
    id::ConnId,
    pool::{Claim, Lease, Ticket},
    time::Instant,
};

use crate::{
    cancel::Watch,
    seat::Seat,
    shared::{Locked, Shared, Warm},
    sys,
};

/// A connection and the right to use it.
#[derive(Debug)]
pub(crate) struct Leased {
    pub(crate) lease: Lease,
    pub(crate) warm: Warm,
    pub(crate) reused: bool,
}

/// Answers [`Next::Checkout`]. `None`: there is none, and the call knows why. What the system said
/// of a failed dial goes into `source`.
pub(crate) fn checkout(
    shared: &Shared,
    call: &mut Call,
    watch: &Watch,
    source: &mut Option<io::Error>,
) -> Option<Leased> {
    loop {
        let leased = match shared.settled(|locked, now| {
            let ticket = locked.pool.checkout(call.key(), call.want(), now)?;
            let claim = locked.pool.claim(ticket, now);
            if let Claim::Wait { .. } = claim {
                let seat = Seat::mine();
                seat.clear();
                locked.seat(ticket, seat);
            }
            Ok::<_, Unavailable>((ticket, claim))
        }) {
            Err(why) => {
                call.lease_failed(why, shared.now());
                return None;
            }
            Ok((ticket, claim @ Claim::Wait { .. })) => {
                Line::enter(shared, ticket, watch).wait(claim, call, source)?
            }
            Ok((_, claim)) => answered(shared, claim, call)?,
        };
        match leased {
            Answer::Leased(leased) => return Some(leased),
            Answer::Dead => {}
        }
    }
}

/// What a claim came to.
enum Answer {
    Leased(Leased),
    /// An idle connection that turned out dead, and has been closed: another is wanted.
    Dead,
}

/// Takes what was granted. The probe is done here, outside the lock.
fn answered(shared: &Shared, claim: Claim<Warm>, call: &mut Call) -> Option<Answer> {
    match claim {
        Claim::Reuse { lease, io, probe } if probe && sys::is_dead(&io.tcp) => {
            drop(io);
            shared.checkin(lease, None);
            Some(Answer::Dead)
        }
        Claim::Reuse { lease, io, .. } => {
            Some(Answer::Leased(Leased { lease, warm: io, reused: true }))
        }
        Claim::Fresh { lease, io } => {
            Some(Answer::Leased(Leased { lease, warm: io, reused: false }))
        }
        Claim::Failed(why) => {
            call.lease_failed(why, shared.now());
            None
        }
        // Only a line waits.
        Claim::Wait { .. } => None,
    }
}

/// A thread in line. Leaving it, in whatever way, gives the ticket up, and a dial that it was to run
/// or runs.
pub(crate) struct Line<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) seat: Arc<Seat>,
    pub(crate) watch: &'a Watch,
    ticket: Ticket,
    spent: bool,
    /// The dial under way.
    pub(crate) dials: Option<ConnId>,
}

impl<'a> Line<'a> {
    fn enter(shared: &'a Shared, ticket: Ticket, watch: &'a Watch) -> Self {
        let seat = Seat::mine();
        watch.sits(&seat);
        Self { shared, seat, watch, ticket, spent: false, dials: None }
    }

    fn wait(
        mut self,
        mut claim: Claim<Warm>,
        call: &mut Call,
        source: &mut Option<io::Error>,
    ) -> Option<Answer> {
        loop {
            let Claim::Wait { dialing } = claim else {
                return answered(self.shared, claim, call);
            };
            call.dialing(dialing, self.shared.now());
            let answered = match self.seat.take_order() {
                Some((conn, key)) => self.dial(conn, &key, call, source),
                None => {
                    let now = self.shared.now();
                    self.seat.park(call.poll_timeout().map(|(at, _)| at.since(now)));
                    None
                }
            };
            if let Some(answer) = answered {
                claim = answer;
                continue;
            }
            if self.is_over(call) {
                return None;
            }
            claim = self.claim();
        }
    }

    /// Whether the call has come to its end while it waited: cancelled, or too late.
    pub(crate) fn is_over(&self, call: &mut Call) -> bool {
        let now = self.shared.now();
        if self.watch.is_cancelled() {
            call.cancel(now);
        }
        call.handle_timeout(now);
        call.next() != Next::Checkout
    }

    /// Asks what has become of the ticket.
    pub(crate) fn claim(&mut self) -> Claim<Warm> {
        let claim = self.shared.settled(|locked, now| {
            let claim = locked.pool.claim(self.ticket, now);
            if !matches!(claim, Claim::Wait { .. }) {
                self.stand_up(locked, now);
            }
            claim
        });
        self.spent = !matches!(claim, Claim::Wait { .. });
        claim
    }

    /// The ticket is spent. An order to dial that was not looked at is sent back.
    fn stand_up(&self, locked: &mut Locked, now: Instant) {
        locked.unseat(self.ticket);
        if let Some((conn, _)) = self.seat.take_order() {
            locked.pool.dial_abandoned(conn, now);
        }
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.watch.leaves();
        if self.spent && self.dials.is_none() {
            return;
        }
        self.shared.settled(|locked, now| {
            if !self.spent {
                locked.pool.cancel(self.ticket, now);
                self.stand_up(locked, now);
            }
            // Last, or the pool would begin another dial for the ticket.
            if let Some(conn) = self.dials {
                locked.pool.dial_abandoned(conn, now);
            }
        });
    }
}
