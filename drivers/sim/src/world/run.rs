//! Runs one world over `client::Client` until nothing is left in it.

use std::{sync::Arc, sync::Mutex, time::Duration};

use httpool::{
    client::Client,
    trace::{Line, Sink},
};

use super::{
    Coverage, Outcome, Plan,
    base::Base,
    cases::Case,
    clock::LATE,
    driver::Driver,
    marks::Marks,
    seen::Seen,
    stage::{Does, Event, Stage},
    watch,
};

/// A world that takes more steps than this has a livelock. One that reads bodies of 37,000 bytes a
/// byte at a time takes 150,000.
const STEPS_MAX: u64 = 600_000;
/// A world that lasts longer than this, in nanoseconds, has a livelock.
const TIME_MAX: u64 = 24 * 3_600 * 1_000_000_000;
/// Checking the sockets more often than this without time passing is a livelock.
const SPINS_MAX: u32 = 10_000;

/// The result of a world without violations.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The calls, in the order of the plan.
    pub calls: Vec<CallReport>,
    /// A hash of all events: two runs that differ in any event have different hashes.
    pub hash: u64,
    /// The number of steps in the world.
    pub steps: u64,
    marks: Marks,
}

/// The result of a call.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CallReport {
    /// How the call ended.
    pub outcome: Outcome,
    /// How long the call took, from its beginning to its end.
    pub took: Duration,
    /// How often its request arrived at a server.
    pub arrivals: u32,
    /// How often a server processed its request.
    pub effects: u32,
}

impl Report {
    pub(super) const fn new(calls: Vec<CallReport>, stage: &Stage, steps: u64) -> Self {
        Self { calls, hash: stage.hash(), steps, marks: stage.marks }
    }

    /// Adds the marks of this world to `coverage`.
    pub fn count(&self, coverage: &mut Coverage) {
        coverage.add(self.marks, self.calls.len() as u64, self.steps);
    }
}

/// A rule of the oracle that a world has broken.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Violation {
    /// Describes the violation.
    pub what: String,
}

impl Violation {
    pub(super) const fn new(what: String) -> Self {
        Self { what }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Violation {}

/// Runs a world.
///
/// # Errors
/// A rule of the oracle is broken: the core has a bug, or the plan asks for something impossible.
pub fn run(plan: &Plan) -> Result<Report, Violation> {
    World::new(plan, false, None).run().0
}

/// Runs a world whose client writes its trace to `sink`, such as a
/// [`Recorder`](httpool::trace::Recorder).
///
/// # Errors
/// As [`run`].
pub fn record(plan: &Plan, sink: Arc<dyn Sink>) -> Result<Report, Violation> {
    World::new(plan, false, Some(sink)).run().0
}

/// Runs a world and returns its trace as well: a line for each event and action of the world, the
/// client and its machines.
pub fn trace(plan: &Plan) -> (Result<Report, Violation>, Vec<String>) {
    World::new(plan, true, None).run()
}

struct World {
    base: Base,
    driver: Driver,
    steps: u64,
    /// The trace lines of the machines, if the world is traced.
    machines: Option<Arc<Words>>,
}

impl World {
    fn new(plan: &Plan, logs: bool, sink: Option<Arc<dyn Sink>>) -> Self {
        let mut base = Base::new(plan.clone(), logs);
        for (call, script) in plan.calls.iter().enumerate() {
            let event = Event::App { call: call as u32, what: Does::Begin };
            base.stage.queue.plan(script.at.as_nanos() as u64, event);
        }
        if let Some((at, now)) = plan.close {
            base.stage.queue.plan(at.as_nanos() as u64, Event::Close { now });
        }
        for (at, origin) in plan.clears.iter().copied() {
            base.stage.queue.plan(at.as_nanos() as u64, Event::Clear { origin });
        }
        let mut config = plan.config.clone();
        config.timings = true;
        let mut client = Client::new(config);
        let machines = logs.then(Arc::<Words>::default);
        if let Some(sink) = sink.or_else(|| machines.clone().map(|words| words as Arc<dyn Sink>)) {
            client.set_trace(sink);
        }
        Self { base, driver: Driver::new(client), steps: 0, machines }
    }

    fn run(mut self) -> (Result<Report, Violation>, Vec<String>) {
        while self.base.stage.wrong.is_none() && self.step() {}
        if self.base.stage.wrong.is_none() {
            self.ends();
        }
        let log = self.base.stage.take_log();
        let result = match self.base.stage.wrong.take() {
            Some(what) => Err(Violation::new(what)),
            None => Ok(self.report()),
        };
        (result, log)
    }

    /// Handles one event or several, then performs the client's actions. Returns whether anything
    /// can still happen.
    fn step(&mut self) -> bool {
        self.steps += 1;
        if self.steps > STEPS_MAX || self.base.stage.now > TIME_MAX {
            self.base.stage.wrong(|| "the world does not end".into());
            return false;
        }
        if !self.happens() {
            return self.last();
        }
        let until = self.base.stage.now + LATE;
        while self.base.stage.noise.lazy
            && self.base.stage.random.once_in(3)
            && self.base.stage.queue.next_at().is_some_and(|at| at <= until)
        {
            self.happens();
        }
        self.settle();
        true
    }

    /// Handles the next event, or the next deadline if that comes first. Returns `false` if there
    /// is neither.
    fn happens(&mut self) -> bool {
        let next = self.base.stage.queue.next_at();
        let timeout = self.driver.next_timeout();
        match (next, timeout) {
            (Some(at), Some((by, reason))) if by.as_nanos() < at => {
                self.pass(by.as_nanos(), reason)
            }
            (Some(at), _) => {
                self.base.stage.now = self.base.stage.now.max(at);
                if let Some(event) = self.base.stage.queue.pop()
                    && let Some(event) = self.base.happens(event)
                {
                    self.driver.happens(&mut self.base, event);
                }
            }
            (None, Some((by, reason))) => self.pass(by.as_nanos(), reason),
            (None, None) => return false,
        }
        true
    }

    /// Handles a deadline. The client may have extended it, but the next deadline must be later.
    fn pass(&mut self, by: u64, reason: httpool::client::Reason) {
        self.base.stage.now = self.base.stage.now.max(by);
        self.driver.timeout(&mut self.base, reason);
        let next = self.driver.next_timeout();
        if let Some((at, reason)) = next.filter(|(at, _)| at.as_nanos() <= self.base.stage.now) {
            self.base.stage.wrong(|| {
                format!("the timeout {reason:?} at {at} was handled, and is reported again")
            });
        }
    }

    /// Performs actions until none is left, and checks the invariants.
    fn settle(&mut self) {
        let mut spins = 0;
        loop {
            self.driver.obey(&mut self.base);
            if let Err(why) = self.driver.client.check() {
                self.base.stage.wrong(|| format!("an invariant is broken: {why}"));
            }
            spins += 1;
            if spins > SPINS_MAX {
                self.base.stage.wrong(|| "the sockets are checked without end".into());
            }
            if self.base.stage.wrong.is_some() || !self.driver.look(&mut self.base) {
                break;
            }
        }
        self.driver.obey(&mut self.base);
        if self.base.stage.noise.stale && self.base.stage.random.once_in(8) {
            self.driver.tell_stale(&mut self.base);
        }
        watch::overdue(&mut self.base, &self.driver.client);
        let one = self.steps as usize % self.base.cases.len().max(1);
        if let Some(id) = self.base.cases.get(one).filter(|it| it.is_live()).and_then(|it| it.id) {
            watch::state(&mut self.base.stage, &self.driver.client, id);
            watch::limits(&mut self.base.stage, &self.driver.client, id);
        }
        if let Some(words) = &self.machines {
            for line in words.take() {
                self.base.stage.say(format_args!("  | {line}"));
            }
        }
    }

    /// Handles the end of the plan: a call that still runs hangs, and otherwise the client is
    /// closed. Returns whether the world goes on.
    fn last(&mut self) -> bool {
        for (call, case) in self.base.cases.iter().enumerate() {
            if let Some(id) = case.id.filter(|_| case.is_live()) {
                // After an unsolicited response a call may wait for a body that never comes. No
                // client could avoid that.
                if self.base.stage.out_of_step && !self.base.why.closed_now {
                    self.driver.close(&mut self.base, true);
                    self.settle();
                    return true;
                }
                let why = self.driver.client.why(id).map(|it| it.to_string());
                let why = why.unwrap_or_else(|| "nothing".into());
                self.base.stage.wrong(|| format!("call {call} hangs: it waits for {why}"));
                return false;
            }
        }
        if self.base.why.closed {
            return false;
        }
        self.driver.close(&mut self.base, false);
        self.settle();
        true
    }

    /// Checks at the end that no call, connection or socket is left.
    fn ends(&mut self) {
        self.driver.drop_hands(&mut self.base);
        let (stats, calls) = (self.driver.client.stats(), self.driver.client.calls());
        let Base { stage, net, cases, servers, plan, .. } = &mut self.base;
        if calls > 0 {
            stage.wrong(|| format!("{calls} calls are left"));
        }
        if stats.open + stats.waiting > 0 {
            stage.wrong(|| format!("the pool is not empty: {stats:?}"));
        }
        let known = self.driver.links.iter().flatten().count();
        if known > 0 || net.open() > 0 {
            stage.wrong(|| format!("{known} of {} sockets were not closed", net.open()));
        }
        let look_ups = self.driver.look_ups.len();
        if look_ups > 0 {
            stage.wrong(|| format!("{look_ups} look-ups run for nobody"));
        }
        for (call, case) in cases.iter().enumerate() {
            let seen = servers.seen(call);
            if case.id.is_some() && case.outcome.is_none() {
                stage.wrong(|| format!("call {call} never ended"));
            }
            judge_effects(plan, stage, call, seen);
            judge_whole(case, stage, call, seen);
        }
    }

    fn report(&self) -> Report {
        let calls = self.base.cases.iter().enumerate().map(|(call, case)| {
            let seen = self.base.servers.seen(call);
            CallReport {
                outcome: case.outcome.unwrap_or(Outcome::Cancelled),
                took: Duration::from_nanos(case.ended - case.began),
                arrivals: seen.heads,
                effects: seen.effects,
            }
        });
        Report::new(calls.collect(), &self.base.stage, self.steps)
    }
}

/// Checks that no server processed an unsafe request twice, unless the policy allows it.
pub(super) fn judge_effects(plan: &Plan, stage: &mut Stage, call: usize, seen: Seen) {
    let script = &plan.calls[call];
    let twice = stage.out_of_step
        || script.policy.repeat_unsafe
        || script.policy.retry.methods.as_ref().is_none_or(|it| it.contains(&script.method));
    if seen.unsafe_effects > 1 && !twice {
        stage.wrong(|| format!("call {call}: processed {} times", seen.unsafe_effects));
    }
}

/// Checks that the server of a successful call has the whole request, or did not want the rest.
pub(super) fn judge_whole(case: &Case, stage: &mut Stage, call: usize, seen: Seen) {
    let success = matches!(case.outcome, Some(Outcome::Response(status)) if status < 400);
    let judged = success && !case.tainted && !stage.out_of_step;
    if judged && !seen.is_settled(case.serial) {
        stage.wrong(|| format!("call {call}: a success, but its server lacks part of the request"));
    }
}

/// Collects the trace lines of the machines.
#[derive(Default)]
struct Words(Mutex<Vec<String>>);

impl Words {
    fn take(&self) -> Vec<String> {
        let mut lines = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::take(&mut *lines)
    }
}

impl Sink for Words {
    fn line(&self, line: &Line<'_>) {
        let mut lines = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        lines.push(line.to_string());
    }
}
