//! The retry budget, which all calls of a pool share.

use super::Want;
use crate::limits::RetryBudget;

/// The cost of one retry. Each call that is not a retry contributes a fraction of it.
const ONE: u64 = 100;

/// The rest of a [`RetryBudget`].
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    budget: RetryBudget,
    left: u64,
}

impl Bucket {
    pub(super) fn new(budget: RetryBudget) -> Self {
        Self { budget, left: Self::most(budget) }
    }

    /// Returns whether the budget allows this checkout.
    pub(super) fn covers(&self, want: Want) -> bool {
        !want.retry || self.left >= ONE
    }

    /// Pays for a retry out of the budget, or adds the fraction of a retry that each other call
    /// contributes.
    pub(super) fn charge(&mut self, want: Want) {
        if want.retry {
            self.left = self.left.saturating_sub(ONE);
        } else if !want.fresh {
            let more = self.left.saturating_add(u64::from(self.budget.percent));
            self.left = more.min(Self::most(self.budget));
        }
    }

    fn most(budget: RetryBudget) -> u64 {
        u64::from(budget.burst.max(1)) * ONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_ordinary_checkouts_and_a_reserve() {
        let ordinary = Want::default();
        let retry = Want { retry: true, ..ordinary };
        let stale = Want { fresh: true, ..ordinary };
        let mut bucket = Bucket::new(RetryBudget::new(25, 2));
        bucket.charge(ordinary);
        bucket.charge(retry);
        bucket.charge(retry);
        assert!(!bucket.covers(retry) && bucket.covers(ordinary), "the reserve does not overflow");
        for _ in 0..3 {
            bucket.charge(ordinary);
            bucket.charge(stale);
        }
        assert!(!bucket.covers(retry));
        bucket.charge(ordinary);
        assert!(bucket.covers(retry), "one for four at 25 percent");
    }
}
