//! Reduces a failing plan to a smaller one that still fails.

use super::{BodyPlan, CallPlan, Names, Noise, OriginPlan, Plan, Reply, Report, Violation};

/// Makes a failing plan smaller for as long as it still fails: fewer calls, fewer faults, less
/// noise. The violation may be another one than before.
///
/// `run` is [`run`](super::run) or [`run_threads`](super::run_threads). Returns `None` if the plan
/// does not fail.
pub fn shrink(
    plan: &Plan,
    run: fn(&Plan) -> Result<Report, Violation>,
) -> Option<(Plan, Violation)> {
    let mut found = Shrunk { violation: run(plan).err()?, plan: plan.clone(), run };
    while found.round() {}
    Some((found.plan, found.violation))
}

struct Shrunk {
    plan: Plan,
    violation: Violation,
    run: fn(&Plan) -> Result<Report, Violation>,
}

impl Shrunk {
    /// Tries each reduction once. Returns whether one of them succeeded.
    fn round(&mut self) -> bool {
        let mut smaller = false;
        for call in (0..self.plan.calls.len()).rev() {
            smaller |= self.without(|plan| {
                plan.calls.remove(call);
                true
            });
        }
        for fault in (0..self.plan.faults.len()).rev() {
            smaller |= self.without(|plan| {
                plan.faults.remove(fault);
                true
            });
        }
        smaller |= self.without(|plan| plan.close.take().is_some());
        smaller |= self.without(|plan| plan.clears.pop().is_some());
        smaller |= self.without(|plan| std::mem::take(&mut plan.noise.lazy));
        smaller |= self.without(|plan| std::mem::take(&mut plan.noise.stale));
        smaller |= self.without(|plan| std::mem::take(&mut plan.noise.cuts));
        smaller |= self.without(|plan| {
            let (was, calm) = (plan.noise, Noise::calm());
            plan.noise = calm;
            was.window != calm.window || was.latency_max != calm.latency_max
        });
        for call in 0..self.plan.calls.len() {
            smaller |= self.simpler_call(call);
        }
        for origin in 0..self.plan.origins.len() {
            smaller |= self.simpler_origin(origin);
        }
        smaller
    }

    fn simpler_call(&mut self, call: usize) -> bool {
        let mut change = |change: &dyn Fn(&mut CallPlan) -> bool| {
            self.without(|plan| plan.calls.get_mut(call).is_some_and(change))
        };
        let mut smaller = change(&|it| it.cancel.take().is_some());
        smaller |= change(&|it| it.reading.pop().is_some());
        smaller |= change(&|it| it.replies.len() > 1 && it.replies.pop().is_some());
        smaller |= change(&|it| it.replies.len() > 1 && !it.replies.remove(0).early);
        smaller |= change(&|it| std::mem::take(&mut it.expect));
        smaller |= change(&|it| std::mem::take(&mut it.credentials));
        smaller |= change(&|it| {
            it.body.len.is_some() && {
                it.body = BodyPlan::none();
                true
            }
        });
        smaller |= change(&|it| it.body.gap.take().is_some());
        smaller |= change(&|it| {
            let plain = it.replies.iter().all(|it| *it == Reply::new(it.status));
            it.replies.fill(Reply::new(200));
            !plain
        });
        smaller |= change(&|it| {
            let slow = it.replies.iter().any(|it| it.slow.is_some() || it.padding > 0);
            it.replies.iter_mut().for_each(|it| (it.slow, it.padding) = (None, 0));
            slow
        });
        smaller |= change(&|it| {
            let drips = it.replies.iter().any(|it| it.drip.is_some() || it.interim > 0);
            it.replies.iter_mut().for_each(|it| (it.drip, it.interim) = (None, 0));
            drips
        });
        smaller
    }

    fn simpler_origin(&mut self, origin: usize) -> bool {
        let mut change = |change: &dyn Fn(&mut OriginPlan) -> bool| {
            self.without(|plan| plan.origins.get_mut(origin).is_some_and(change))
        };
        let mut smaller = change(&|it| it.idle_max.take().is_some());
        smaller |= change(&|it| it.requests_max.take().is_some());
        smaller |= change(&|it| it.queued.take().is_some());
        smaller |= change(&|it| it.moves.take().is_some());
        smaller |= change(&|it| it.addresses.len() > 1 && it.addresses.pop().is_some());
        smaller |= change(&|it| {
            let plain = Names::Found { after: std::time::Duration::ZERO };
            std::mem::replace(&mut it.names, plain) != plain
        });
        smaller
    }

    /// Applies `change` to the plan and keeps it if the plan still fails. `change` returns whether
    /// it changed anything.
    fn without(&mut self, change: impl FnOnce(&mut Plan) -> bool) -> bool {
        let mut plan = self.plan.clone();
        if !change(&mut plan) {
            return false;
        }
        match (self.run)(&plan) {
            Ok(_) => false,
            Err(violation) => {
                *self = Self { plan, violation, run: self.run };
                true
            }
        }
    }
}
