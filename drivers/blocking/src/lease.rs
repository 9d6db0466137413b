//! Gets a connection for a call: from the pool, by waiting in the queue, or by a dial.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use httpool::{
    call::{Call, Next},
    client::Closed,
    error::Unavailable,
    id::ConnId,
    pool::{Claim, Evicted, Lease, Ticket},
    time::Instant,
};
use httpool_kit::{WireBuffers, logs};

use crate::{
    cancel::Watch,
    platform::{Parker, Platform},
    pooled::Pooled,
    shared::{DialJob, Shared},
};

/// A connection with its lease, and whether it was used before.
#[derive(Debug)]
pub(crate) struct Leased<P: Platform> {
    pub(crate) lease: Lease,
    pub(crate) pooled: Box<Pooled<P>>,
    pub(crate) reused: bool,
}

/// Performs [`Next::Checkout`]. Returns `None` if there is no connection. The call was then told
/// why. The system's error of a failed dial is stored in `source`. A call of a pool whose `gate` is
/// closed gets none. `now` is the current time, and
/// is updated after each wait. `buffers` are lent to the wire of the connection.
pub(crate) fn checkout<P: Platform>(
    shared: &Shared<P>,
    call: &mut Call,
    (watch, gate): (&Watch, Option<&AtomicBool>),
    source: &mut Option<io::Error>,
    (now, buffers): (&mut Instant, &mut WireBuffers),
) -> Option<Leased<P>> {
    loop {
        let leased = match shared.settled_at(*now, |locked, now| {
            if gate.is_some_and(|closed| closed.load(Relaxed)) {
                return Err(Unavailable::Closed);
            }
            let ticket = locked.pool.checkout(call.key(), call.want(), now)?;
            let claim = locked.pool.claim(ticket, now);
            if let Claim::Wait { .. } = claim {
                let parker = shared.platform.parker();
                // A wake-up that was meant for an earlier wait must not end this one.
                parker.reset();
                locked.sit(ticket, parker);
            }
            Ok::<_, Unavailable>((ticket, claim))
        }) {
            Err(why) => {
                call.lease_failed(why, *now);
                return None;
            }
            Ok((ticket, claim @ Claim::Wait { .. })) => {
                let answer = Line::enter(shared, ticket, watch).wait(claim, call, source, buffers);
                *now = shared.now();
                answer?
            }
            Ok((_, claim)) => answered(shared, claim, (call, buffers), *now)?,
        };
        match leased {
            Answer::Leased(leased) => return Some(leased),
            Answer::Dead => *now = shared.now(),
        }
    }
}

/// The result of a claim that does not wait.
enum Answer<P: Platform> {
    Leased(Leased<P>),
    /// The idle connection was dead and has been closed. The caller checks out again.
    Dead,
}

/// Converts a claim to its result. Probes an idle connection, outside the lock.
fn answered<P: Platform>(
    shared: &Shared<P>,
    claim: Claim<Box<Pooled<P>>>,
    (call, buffers): (&mut Call, &mut WireBuffers),
    now: Instant,
) -> Option<Answer<P>> {
    match claim {
        Claim::Reuse { lease, mut io, probe } => {
            io.net.wire.lend(buffers);
            if probe && io.net.is_dead() {
                io.net.wire.take_back(buffers);
                logs::closed(lease.conn(), Closed::Evicted(Evicted::Lost));
                io.net.close();
                shared.checkin_dead(lease, now);
                return Some(Answer::Dead);
            }
            Some(Answer::Leased(Leased { lease, pooled: io, reused: true }))
        }
        Claim::Fresh { lease, mut io } => {
            io.net.wire.lend(buffers);
            Some(Answer::Leased(Leased { lease, pooled: io, reused: false }))
        }
        Claim::Failed(why) => {
            call.lease_failed(why, now);
            None
        }
        // A waiting claim is handled by `Line::wait` and never passed in.
        Claim::Wait { .. } => None,
    }
}

/// The place of a thread in the pool's queue. Dropping it cancels the ticket, and abandons the dial
/// that the thread was to run or was running.
pub(crate) struct Line<'a, P: Platform> {
    pub(crate) shared: &'a Shared<P>,
    pub(crate) parker: Arc<P::Parker>,
    watch: &'a Watch,
    ticket: Ticket,
    spent: bool,
    job: Option<DialJob>,
    /// The connection that is being dialed, if there is one.
    pub(crate) dials: Option<ConnId>,
}

impl<'a, P: Platform> Line<'a, P> {
    fn enter(shared: &'a Shared<P>, ticket: Ticket, watch: &'a Watch) -> Self {
        let parker = shared.platform.parker();
        watch.sits(&parker);
        Self { shared, parker, watch, ticket, spent: false, job: None, dials: None }
    }

    fn wait(
        mut self,
        mut claim: Claim<Box<Pooled<P>>>,
        call: &mut Call,
        source: &mut Option<io::Error>,
        buffers: &mut WireBuffers,
    ) -> Option<Answer<P>> {
        loop {
            let Claim::Wait { dialing } = claim else {
                return answered(self.shared, claim, (call, buffers), self.shared.now());
            };
            call.dialing(dialing, self.shared.now());
            let answered = match self.job.take() {
                Some(job) => self.dial(&job, call, source),
                None => {
                    let now = self.shared.now();
                    self.parker.park(call.poll_timeout().map(|(at, _)| at.since(now)));
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

    /// Whether the call has ended while it waited: it was cancelled, or a deadline has passed.
    pub(crate) fn is_over(&self, call: &mut Call) -> bool {
        let now = self.shared.now();
        if self.watch.is_cancelled() {
            call.cancel(now);
        }
        call.handle_timeout(now);
        call.next() != Next::Checkout
    }

    /// Claims the connection of the ticket, and takes over the dial that the pool ordered for it.
    pub(crate) fn claim(&mut self) -> Claim<Box<Pooled<P>>> {
        self.shared.settled(|locked, now| {
            let claim = locked.pool.claim(self.ticket, now);
            self.spent = !matches!(claim, Claim::Wait { .. });
            let job = if self.spent {
                locked.stand_up(self.ticket)
            } else {
                locked.take_job(self.ticket)
            };
            self.job = self.job.take().or(job);
            claim
        })
    }
}

impl<P: Platform> Drop for Line<'_, P> {
    fn drop(&mut self) {
        self.watch.leaves();
        if self.spent && self.job.is_none() && self.dials.is_none() {
            return;
        }
        self.shared.settled(|locked, now| {
            let mut job = self.job.take();
            if !self.spent {
                locked.pool.cancel(self.ticket, now);
                job = locked.stand_up(self.ticket).or(job);
            }
            // Abandoned after the ticket is cancelled. Otherwise the pool would begin another dial
            // for it.
            for conn in job.map(|job| job.conn).into_iter().chain(self.dials) {
                locked.pool.dial_abandoned(conn, now);
            }
        });
    }
}
