//! Checks how long an unresponsive address delays the attempt to connect to the next one.

use httpool::dial::DialPolicy;

use super::{base::Base, clock::LATE, marks::Mark};

/// Tracks the addresses of one connection: how many are left to try, and when the next one is due.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tries {
    left: u64,
    /// When the connect timeout passes.
    until: Option<u64>,
    /// When the next address must be tried at the latest.
    due: Option<u64>,
    /// Whether a call's total deadline, not the connect timeout, gives `due`.
    by_total: bool,
}

/// The client tries at most this many addresses of one name.
const TRIED_MAX: u64 = 16;
/// The least delay between two attempts of a race, in nanoseconds (RFC 8305 section 5).
const DELAY_MIN: u64 = 10_000_000;

impl Tries {
    /// Sets the number of addresses that the look-up returned.
    pub(super) fn found(&mut self, count: usize) {
        self.left = (count as u64).min(TRIED_MAX);
    }

    /// Notes that an attempt begins, and computes when the next address is due. Without racing that
    /// is after this attempt's share of the time left. The time left ends with the connect timeout,
    /// or earlier when all live calls reach their total deadlines. With racing it is after the race
    /// delay at the latest.
    pub(super) fn begins(&mut self, base: &mut Base) {
        self.check(base);
        if let Some(due) = self.due.filter(|due| base.stage.now >= *due) {
            base.stage.mark(Mark::NextAddress);
            if self.by_total && due > 0 {
                base.stage.mark(Mark::NextAddressTotal);
            }
        }
        let DialPolicy { connect_timeout, race_after, .. } = base.plan.config.dial;
        let now = base.stage.now;
        if self.until.is_none() {
            // A dial for a call with a longer connect timeout of its own has that.
            let own = base.plan.calls.iter().filter_map(|it| it.policy.timeout.connect).max();
            let connect_timeout = connect_timeout.map(|time| time.max(own.unwrap_or_default()));
            self.until = connect_timeout.map(|time| now + time.as_nanos() as u64);
        }
        self.left = self.left.saturating_sub(1);
        let total = last_total(base);
        let until = self.until.into_iter().chain(total).min();
        self.by_total = total.is_some() && until == total && until != self.until;
        let share = until.map(|until| until.saturating_sub(now) / (self.left + 1));
        let patience = match race_after.map(|delay| (delay.as_nanos() as u64).max(DELAY_MIN)) {
            Some(delay) => Some(share.map_or(delay, |share| delay.min(share.max(DELAY_MIN)))),
            None => share,
        };
        self.due = patience.filter(|_| self.left > 0).map(|patience| now + patience);
    }

    /// Notes that an attempt failed: the next address is due at once.
    pub(super) fn failed(&mut self, base: &mut Base) {
        self.check(base);
        self.due = (self.left > 0).then_some(base.stage.now);
        self.by_total = false;
    }

    /// Notes that an attempt succeeded: no further address is due.
    pub(super) fn connected(&mut self, base: &mut Base) {
        self.check(base);
        *self = Self::default();
    }

    /// Reports a violation if the next address should have been tried before now.
    pub(super) fn check(&self, base: &mut Base) {
        let now = base.stage.now;
        if let Some(due) = self.due.filter(|due| now > due + 3 * LATE) {
            let late = now - due;
            base.stage.wrong(|| {
                format!("an address that does not answer costs {late} ns more than its share")
            });
        }
    }
}

/// Returns the latest total deadline of all live calls, or `None` if one of them has no total
/// deadline. It considers all calls, because the pool may since have assigned the dial to another
/// call.
fn last_total(base: &Base) -> Option<u64> {
    let Base { plan, cases, stage, .. } = base;
    let live = cases.iter().zip(&plan.calls).filter(|(case, _)| {
        case.id.is_some() && (case.outcome.is_none() || case.ended == stage.now)
    });
    let mut last = None;
    for (case, script) in live {
        let total = script.policy.timeout.total?;
        last = last.max(Some(case.began + total.as_nanos() as u64));
    }
    last
}
