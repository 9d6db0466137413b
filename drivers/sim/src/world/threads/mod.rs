//! Runs worlds over the blocking driver. Each lock, wait, wake-up and timeout of the driver is a
//! step of a schedule that the seed decides.
//!
//! The threads are real, but only one runs at a time. The network, the servers and the oracle are
//! those of the event-loop worlds.

mod platform;
mod program;
mod scheduler;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

use httpool::trace::{Line, Sink};
use httpool_blocking::{Cancel, Client, platform::ClientOn};

use self::{
    platform::{Sim, drop_parker},
    program::Program,
    scheduler::{Over, Scheduler, me},
};
use super::{
    CallReport, Outcome, Plan, Report, Violation,
    base::Base,
    run::{judge_effects, judge_whole},
};
use crate::layer::Cipher;

/// The most threads that make calls.
const THREADS_MAX: usize = 8;

/// Runs a world over the blocking driver. Up to eight threads make its calls, and another thread
/// cancels calls and closes the client. Connections to `https` servers carry sessions with the cipher
/// of [`layer`](crate::layer). The plan is adapted to that driver: a body of unknown length is not
/// replayable.
///
/// # Errors
/// A rule of the oracle is broken.
pub fn run_threads(plan: &Plan) -> Result<Report, Violation> {
    run(plan, false).0
}

/// Runs a world as [`run_threads`], and returns its trace as well: a line for each event.
pub fn trace_threads(plan: &Plan) -> (Result<Report, Violation>, Vec<String>) {
    run(plan, true)
}

fn run(plan: &Plan, logs: bool) -> (Result<Report, Violation>, Vec<String>) {
    let base = Base::new(suited(plan), logs);
    let plan = base.plan.clone();
    let callers = plan.calls.len().clamp(1, THREADS_MAX);
    let scheduler = Arc::new(Scheduler::new(base, callers + 1));
    let mut builder = Client::builder()
        .pool(plan.config.pool)
        .dial(plan.config.dial.clone())
        .messages(plan.config.messages)
        .layers(Arc::new(Cipher::default()))
        .no_default_headers();
    if logs {
        builder = builder.trace(Arc::new(Words(scheduler.clone())));
    }
    let client = ClientOn::new(Sim(scheduler.clone()), builder);
    let cancels: Arc<[Cancel]> = plan.calls.iter().map(|_| Cancel::new()).collect();

    thread::scope(|scope| {
        for nth in 0..=callers {
            let program = Program {
                scheduler: scheduler.clone(),
                client: client.clone(),
                plan: plan.clone(),
                cancels: cancels.clone(),
            };
            let work = move || {
                program.scheduler.enter(nth);
                if nth == callers {
                    program.disturb();
                } else {
                    let calls = program.plan.calls.len() as u32;
                    program.make((nth as u32..calls).step_by(callers));
                }
            };
            let scheduler = &scheduler;
            scope.spawn(move || {
                let done = catch_unwind(AssertUnwindSafe(work));
                if let Err(panic) = done
                    && !panic.is::<Over>()
                {
                    scheduler.lock().base.stage.wrong(|| "a thread panics".into());
                }
                drop_parker();
                scheduler.leave();
            });
        }
        scheduler.start();
    });

    client.close();
    let stats = client.stats();
    drop(client);
    let mut world = match Arc::into_inner(scheduler) {
        Some(scheduler) => scheduler.into_world(),
        None => return (Err(Violation::new("a socket is left".into())), Vec::new()),
    };
    world.run_dry();
    let (steps, misled) = (world.steps, world.misled);
    let Base { stage, net, cases, servers, plan, .. } = &mut world.base;
    if stats.open + stats.waiting > 0 && !misled {
        stage.wrong(|| format!("the pool is not empty: {stats:?}"));
    }
    if net.open() > 0 {
        stage.wrong(|| format!("{} sockets are left", net.open()));
    }
    for (call, case) in cases.iter().enumerate() {
        if case.outcome.is_none() && !misled {
            stage.wrong(|| format!("call {call} never ended"));
        }
        judge_effects(plan, stage, call, servers.seen(call));
        judge_whole(case, stage, call, servers.seen(call));
    }
    let log = stage.take_log();
    if let Some(what) = stage.wrong.take() {
        return (Err(Violation::new(what)), log);
    }
    let calls = cases.iter().enumerate().map(|(call, case)| CallReport {
        outcome: case.outcome.unwrap_or(Outcome::Cancelled),
        took: Duration::from_nanos(case.ended.saturating_sub(case.began)),
        arrivals: servers.seen(call).heads,
        effects: servers.seen(call).effects,
    });
    (Ok(Report::new(calls.collect(), stage, steps)), log)
}

/// Writes the trace lines of the machines into the world's trace.
struct Words(Arc<Scheduler>);

impl Sink for Words {
    fn line(&self, line: &Line<'_>) {
        self.0.lock().base.stage.say(format_args!("  | {} {}", me(), line));
    }
}

/// Adapts a plan to the blocking driver.
fn suited(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    plan.threads = true;
    for call in &mut plan.calls {
        call.body.replayable &= call.body.known;
    }
    plan
}
