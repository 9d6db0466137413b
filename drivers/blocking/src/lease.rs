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
    platform::{Platform, Seat, Socket},
    shared::{Order, Shared},
    warm::Warm,
};

/// A connection and the right to use it.
#[derive(Debug)]
pub(crate) struct Leased<P: Platform> {
    pub(crate) lease: Lease,
    pub(crate) warm: Box<Warm<P>>,
    pub(crate) reused: bool,
}

/// Answers [`Next::Checkout`]. `None`: there is none, and the call knows why. What the system said
/// of a failed dial goes into `source`. `now` is the time, and when it took some the new one.
pub(crate) fn checkout<P: Platform>(
    shared: &Shared<P>,
    call: &mut Call,
    watch: &Watch,
    source: &mut Option<io::Error>,
    now: &mut Instant,
) -> Option<Leased<P>> {
    loop {
        let leased = match shared.settled_at(*now, |locked, now| {
            let ticket = locked.pool.checkout(call.key(), call.want(), now)?;
            let claim = locked.pool.claim(ticket, now);
            if let Claim::Wait { .. } = claim {
                let seat = shared.platform.seat();
                // Nothing of an earlier wait may be taken for news of this one.
                seat.hush();
                locked.sit(ticket, seat);
            }
            Ok::<_, Unavailable>((ticket, claim))
        }) {
            Err(why) => {
                call.lease_failed(why, *now);
                return None;
            }
            Ok((ticket, claim @ Claim::Wait { .. })) => {
                let answer = Line::enter(shared, ticket, watch).wait(claim, call, source);
                *now = shared.now();
                answer?
            }
            Ok((_, claim)) => answered(shared, claim, call, *now)?,
        };
        match leased {
            Answer::Leased(leased) => return Some(leased),
            Answer::Dead => *now = shared.now(),
        }
    }
}

/// What a claim came to.
enum Answer<P: Platform> {
    Leased(Leased<P>),
    /// An idle connection that turned out dead, and has been closed: another is wanted.
    Dead,
}

/// Takes what was granted. The probe is done here, outside the lock.
fn answered<P: Platform>(
    shared: &Shared<P>,
    claim: Claim<Box<Warm<P>>>,
    call: &mut Call,
    now: Instant,
) -> Option<Answer<P>> {
    match claim {
        Claim::Reuse { lease, io, probe } if probe && io.socket.is_dead() => {
            drop(io);
            shared.checkin(lease, None, now);
            Some(Answer::Dead)
        }
        Claim::Reuse { lease, io, .. } => {
            Some(Answer::Leased(Leased { lease, warm: io, reused: true }))
        }
        Claim::Fresh { lease, io } => {
            Some(Answer::Leased(Leased { lease, warm: io, reused: false }))
        }
        Claim::Failed(why) => {
            call.lease_failed(why, now);
            None
        }
        // Only a line waits.
        Claim::Wait { .. } => None,
    }
}

/// A thread in line. Leaving it, in whatever way, gives the ticket up, and a dial that it was to run
/// or runs.
pub(crate) struct Line<'a, P: Platform> {
    pub(crate) shared: &'a Shared<P>,
    pub(crate) seat: Arc<P::Seat>,
    watch: &'a Watch,
    ticket: Ticket,
    spent: bool,
    order: Option<Order>,
    /// The dial under way.
    pub(crate) dials: Option<ConnId>,
}

impl<'a, P: Platform> Line<'a, P> {
    fn enter(shared: &'a Shared<P>, ticket: Ticket, watch: &'a Watch) -> Self {
        let seat = shared.platform.seat();
        watch.sits(&seat);
        Self { shared, seat, watch, ticket, spent: false, order: None, dials: None }
    }

    fn wait(
        mut self,
        mut claim: Claim<Box<Warm<P>>>,
        call: &mut Call,
        source: &mut Option<io::Error>,
    ) -> Option<Answer<P>> {
        loop {
            let Claim::Wait { dialing } = claim else {
                return answered(self.shared, claim, call, self.shared.now());
            };
            call.dialing(dialing, self.shared.now());
            let answered = match self.order.take() {
                Some(order) => self.dial(&order, call, source),
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

    /// Asks what has become of the ticket, and what is to be done for it.
    pub(crate) fn claim(&mut self) -> Claim<Box<Warm<P>>> {
        self.shared.settled(|locked, now| {
            let claim = locked.pool.claim(self.ticket, now);
            self.spent = !matches!(claim, Claim::Wait { .. });
            let order = if self.spent {
                locked.stand_up(self.ticket)
            } else {
                locked.take_order(self.ticket)
            };
            self.order = self.order.take().or(order);
            claim
        })
    }
}

impl<P: Platform> Drop for Line<'_, P> {
    fn drop(&mut self) {
        self.watch.leaves();
        if self.spent && self.order.is_none() && self.dials.is_none() {
            return;
        }
        self.shared.settled(|locked, now| {
            let mut order = self.order.take();
            if !self.spent {
                locked.pool.cancel(self.ticket, now);
                order = locked.stand_up(self.ticket).or(order);
            }
            // Only now, or the pool would begin another dial for the ticket.
            for conn in order.map(|order| order.conn).into_iter().chain(self.dials) {
                locked.pool.dial_abandoned(conn, now);
            }
        });
    }
}
