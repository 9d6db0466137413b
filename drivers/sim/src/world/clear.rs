//! Connections that must not be used again because of their age, because their name has moved, or
//! because the application has closed their kind; and bodies that must be read again.

use httpool::{
    error::{Cause, Failure, Phase},
    message::{Key, Method},
};

use super::{
    base::Base,
    clock::{LATE, LATE_THREAD},
    driver::Driver,
    marks::Mark,
    watch,
};

impl Driver {
    /// Closes the connections to a server, or retires all.
    pub(super) fn clear(&mut self, base: &mut Base, origin: Option<usize>) {
        // Requests on connections that were lent begin before this.
        self.obey(base);
        let now = base.stage.instant();
        base.stage.tell(33, origin.map_or(0, |it| it as u64 + 1), format_args!("clear {origin:?}"));
        let key = match origin {
            Some(origin) => {
                let Some(key) = self.key_of(base, origin) else { return };
                base.stage.mark(Mark::ClosesKey);
                base.why.closed_key = true;
                Some(key)
            }
            None => {
                base.stage.mark(Mark::Retires);
                None
            }
        };
        for link in self.links.iter().flatten() {
            let user = watch::user(&self.client, &base.cases, link.id);
            let user = user.and_then(|call| base.cases[call as usize].id);
            let used = user.and_then(|id| self.client.call(id));
            if used.is_some_and(|call| key.as_ref().is_none_or(|key| call.key() == key)) {
                base.net.get_mut(link.sock).retired = true;
            }
        }
        match key {
            Some(key) => self.client.close_key(&key, now),
            None => self.client.retire(now),
        }
    }

    /// Returns the key of a call to a server.
    fn key_of(&self, base: &Base, origin: usize) -> Option<Key> {
        let own = base.cases.iter().zip(&base.plan.calls).filter(|it| it.1.origin == origin);
        let mut live = own.filter_map(|(case, _)| case.id.filter(|_| case.is_live()));
        live.find_map(|id| Some(self.client.call(id)?.key().clone()))
    }
}

impl Base {
    /// Checks that a connection may be used by another request.
    pub(super) fn check_reuse(&mut self, sock: u32, call: u32) {
        self.check_address(sock, call);
        let now = self.stage.now;
        let it = self.net.get(sock);
        let used = it.used_from.map_or(0, |from| now - from);
        let late = match (self.plan.threads, self.stage.noise.lazy) {
            (true, _) => LATE_THREAD,
            (false, true) => LATE,
            (false, false) => 0,
        };
        // A thread may wait for its application's body before it writes the head.
        let waits = self.plan.threads && self.plan.calls[call as usize].body.gap.is_some();
        let most = self.plan.config.pool.age_max.filter(|_| !waits).map(|it| it.as_nanos());
        let words = if it.retired {
            "is used again after its key was closed, or all were retired"
        } else if most.is_some_and(|most| u128::from(used.saturating_sub(late)) >= most) {
            "is used again although it is too old"
        } else {
            return;
        };
        self.stage.wrong(|| format!("call {call}: s{sock} {words}"));
    }

    /// Checks a call that has failed, in its `first` attempt or a later one. If its body was being
    /// preloaded, and a retry was left, the body is read again.
    pub(super) fn check_preload(&mut self, call: u32, why: Failure, first: bool) {
        let script = &self.plan.calls[call as usize];
        let policy = &script.policy;
        let lost = why.phase == Phase::Body && matches!(why.cause, Cause::Lost(_));
        let may = policy.preload
            && policy.retry.total.is_some_and(|total| total > 0)
            && policy.timeout.total.is_none()
            && self.plan.config.pool.retry_budget.is_none();
        let repeats = script.method == Method::GET && script.body.len.is_none() && !script.upgrade;
        if first && lost && may && repeats {
            self.stage
                .wrong(|| format!("call {call}: {why}: a preloaded body that was not read again"));
        }
    }
}
