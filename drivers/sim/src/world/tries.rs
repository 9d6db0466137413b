//! How long an address that does not answer keeps the next one waiting.

use httpool::dial::Policy;

use super::{base::Base, marks::Mark, run::LATE};

/// The addresses of one connection: how many have not been tried, and by when the next must be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tries {
    left: u64,
    /// When time for connecting is over.
    until: Option<u64>,
    /// When the next address must be tried, if nothing else happens.
    due: Option<u64>,
    /// It is a total deadline that makes it so soon.
    by_total: bool,
}

/// More of one name are not tried.
const TRIED_MAX: u64 = 16;
/// RFC 8305 section 5: a race must not be quicker.
const DELAY_MIN: u64 = 10_000_000;

impl Tries {
    /// There are so many addresses.
    pub(super) fn found(&mut self, count: usize) {
        self.left = (count as u64).min(TRIED_MAX);
    }

    /// An attempt begins. The next address must be tried when this one has had its share of the time
    /// for connecting, or until the calls under way give up; or after the delay of a race.
    pub(super) fn begins(&mut self, base: &mut Base) {
        self.check(base);
        if let Some(due) = self.due.filter(|due| base.stage.now >= *due) {
            base.stage.mark(Mark::NextAddress);
            if self.by_total && due > 0 {
                base.stage.mark(Mark::NextAddressTotal);
            }
        }
        let Policy { connect_timeout, race_after, .. } = base.plan.config.dial;
        let now = base.stage.now;
        if self.until.is_none() {
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

    /// An attempt has failed: the next address is due at once.
    pub(super) fn failed(&mut self, base: &mut Base) {
        self.check(base);
        self.due = (self.left > 0).then_some(base.stage.now);
        self.by_total = false;
    }

    /// There is a connection, and no address is tried any more.
    pub(super) fn connected(&mut self, base: &mut Base) {
        self.check(base);
        *self = Self::default();
    }

    /// Whether the next address should have been tried before now.
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

/// When the last of the calls under way gives up, if all of them do. (For which of them a connection
/// is opened may have changed since that was decided.)
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
