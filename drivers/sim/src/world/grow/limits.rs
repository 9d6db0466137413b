//! Limits and ends of connections in generated plans.

use std::sync::Arc;

use httpool::{call::Policy, message::KeyLimits};

use super::{Grower, Kind, micros};
use crate::world::{OriginPlan, Plan, Random};

impl Grower {
    /// Adds limits on descriptors and on the number of calls in line for one server, and a body
    /// long enough to be read straight into the application's buffer. It draws from a generator of
    /// its own, so that the rest of the plan stays the same.
    pub(super) fn scarcity(&self, plan: &mut Plan, seed: u64) {
        let mut random = Random::new(seed ^ 0x5ca2_c17e);
        let handed_over = plan.calls.iter().any(|it| it.upgrade);
        if random.once_in(5) && (self.kind != Kind::Sound || !handed_over) {
            plan.descriptors = Some(random.from(1, 6) as u32);
        }
        if random.once_in(8) && self.kind != Kind::Sound {
            plan.config.pool.waiting_per_key_max = random.from(1, 3) as usize;
        }
        if random.once_in(8) && plan.noise.window >= 8_000 && plan.noise.read_max >= 500 {
            let call = random.below(plan.calls.len() as u64) as usize;
            let replies = &mut plan.calls[call].replies;
            let reply = random.below(replies.len() as u64) as usize;
            replies[reply].len = random.from(9_000, 24_000) as u32;
        }
    }

    /// Adds a bound on the keys with idle connections, jitter of their ages, and applications that
    /// close connections. It draws from a generator of its own too.
    pub(super) fn keys(&self, plan: &mut Plan, seed: u64) {
        let mut random = Random::new(seed ^ 0x6b65_7973);
        let pool = &mut plan.config.pool;
        if random.once_in(6) {
            pool.idle_keys_max = random.below(3) as usize;
        }
        pool.age_jitter = pool.age_max.unwrap_or_default() / random.pick(&[1, 10, 100]);
        if self.kind != Kind::Sound && random.once_in(8) {
            for _ in 0..random.from(1, 2) {
                let origin = random.once_in(2).then(|| random.below(plan.origins.len() as u64));
                let at = micros(random.from(0, 100_000));
                plan.clears.push((at, origin.map(|it| it as usize)));
            }
        }
    }

    /// Lets the pool look names up again, and lets names move to other addresses. It draws from a
    /// generator of its own too.
    pub(super) fn moves(plan: &mut Plan, seed: u64) {
        let mut random = Random::new(seed ^ 0x6d6f_7665);
        if !random.once_in(6) {
            return;
        }
        plan.config.pool.look_up_every = Some(micros(random.pick(&[3_000, 10_000, 100_000])));
        let is_name = |it: &OriginPlan| it.url.ends_with(".test");
        for origin in plan.origins.iter_mut().filter(|it| is_name(it)) {
            origin.moves = random.once_in(2).then(|| micros(random.from(0, 100_000)));
        }
    }

    /// Gives the calls with one of the policies limits of their own. It draws from a generator of
    /// its own too.
    pub(super) fn own_limits(plan: &mut Plan, seed: u64) {
        let mut random = Random::new(seed ^ 0x006f_776e_6564);
        if !random.once_in(6) {
            return;
        }
        let open = random.pick(&[1, 1, 2, usize::MAX]);
        let limits = KeyLimits::new(open, random.below(3) as usize);
        let before = plan.calls[0].policy.clone();
        let mut own = Policy::clone(&before);
        own.routes.limits = Some(limits);
        let own = Arc::new(own);
        for call in plan.calls.iter_mut().filter(|it| Arc::ptr_eq(&it.policy, &before)) {
            call.policy = own.clone();
        }
    }
}
