//! Runs worlds from seeds, and prints how many of them reached each state, fault and outcome.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use httpool_sim::world::{
    Coverage, Plan, Random, Report, Violation, run, run_threads, shrink, trace, trace_threads,
};
use lexopt::prelude::*;

const HELP: &str = "\
Tests the client in simulated worlds, each generated from a seed.

  --worlds N     number of worlds (200000)
  --seed N       seed from which the seeds of the worlds are derived (the time)
  --threads N    number of worlds that run at the same time (2)
  --replay SEED  print the trace of the world with that seed, and run no other
  --blocking     run all worlds over the blocking driver's threads (default: one in ten)
";

/// With this many worlds, a mark that none of them reaches is an error.
const ENOUGH: u64 = 100_000;
/// One of this many worlds runs over the blocking driver's threads.
const THREADS_EVERY: u64 = 10;
/// One of this many worlds is run a second time, to check that it gives the same events.
const TWICE_EVERY: u64 = 61;

struct Options {
    worlds: u64,
    seed: u64,
    threads: u64,
    replay: Option<u64>,
    blocking: bool,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprint!("{why}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match options.replay {
        Some(seed) => replay(seed, options.blocking),
        None => run_all(&options),
    }
}

fn options() -> Result<Option<Options>, lexopt::Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seed = now.as_nanos() as u64;
    let mut options = Options { worlds: 200_000, seed, threads: 2, replay: None, blocking: false };
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("worlds") => options.worlds = args.value()?.parse()?,
            Long("seed") => options.seed = args.value()?.parse()?,
            Long("threads") => options.threads = args.value()?.parse::<u64>()?.max(1),
            Long("replay") => options.replay = Some(args.value()?.parse()?),
            Long("blocking") => options.blocking = true,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

fn run_all(options: &Options) -> ExitCode {
    let Options { worlds, seed, .. } = *options;
    let threads = options.threads;
    println!("{worlds} worlds of seed {seed}");
    let begun = Instant::now();
    let stop = AtomicBool::new(false);
    let (coverage, failed) = thread::scope(|scope| {
        let part = |first| run_part(options, first, &stop);
        let parts: Vec<_> = (0..threads).map(|first| scope.spawn(move || part(first))).collect();
        let mut all = (Coverage::default(), None);
        for part in parts {
            match part.join() {
                Ok((coverage, failed)) => {
                    all.0.merge(&coverage);
                    all.1 = all.1.or(failed);
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    if let Some(world) = failed {
        explain(world);
        return ExitCode::FAILURE;
    }
    let time = begun.elapsed().as_secs_f64();
    for (words, count) in coverage.table() {
        println!("{count:>10}  {words}");
    }
    println!(
        "{} worlds, {} calls, {} steps in {time:.1} s: {:.0} worlds a second, no violation",
        coverage.worlds(),
        coverage.calls(),
        coverage.steps(),
        coverage.worlds() as f64 / time
    );
    let holes: Vec<_> = coverage.holes().collect();
    if !holes.is_empty() {
        println!("never reached: {}", holes.join("; "));
        if worlds >= ENOUGH {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// A world from a seed, over the event-loop driver or over threads.
#[derive(Clone, Copy)]
struct World {
    seed: u64,
    threads: bool,
}

impl World {
    fn run(self) -> Result<Report, Violation> {
        runners(self.threads).0(&Plan::from_seed(self.seed))
    }
}

/// Runs every `options.threads`th world, beginning with the `first`. Returns the first that fails.
fn run_part(options: &Options, first: u64, stop: &AtomicBool) -> (Coverage, Option<World>) {
    let Options { worlds, seed, threads: step, blocking, .. } = *options;
    let mut coverage = Coverage::default();
    let mut nth = first;
    while nth < worlds && !stop.load(Ordering::Relaxed) {
        let threads = blocking || (nth / step).is_multiple_of(THREADS_EVERY);
        let world = World { seed: Random::nth(seed, nth), threads };
        let fine = match world.run() {
            Ok(report) => {
                report.count(&mut coverage);
                let again = nth.is_multiple_of(TWICE_EVERY);
                !again || world.run().is_ok_and(|second| second.hash == report.hash)
            }
            Err(_) => false,
        };
        if !fine {
            stop.store(true, Ordering::Relaxed);
            return (coverage, Some(world));
        }
        if nth.is_multiple_of(1_000_000) && nth > 0 {
            println!("{nth} worlds");
        }
        nth += step;
    }
    (coverage, None)
}

/// Shrinks a failing world, and prints its plan and trace.
fn explain(World { seed, threads }: World) {
    let which = if threads { "--blocking " } else { "" };
    println!("a world fails: {which}--replay {seed}");
    let (run, trace) = runners(threads);
    match shrink(&Plan::from_seed(seed), run) {
        Some((plan, violation)) => {
            let (_, lines) = trace(&plan);
            println!("{plan:#?}");
            lines.iter().for_each(|line| println!("{line}"));
            println!("seed {seed}: {violation}");
        }
        None => println!("seed {seed}: two runs of this world differ"),
    }
}

type Run = fn(&Plan) -> Result<Report, Violation>;
type Trace = fn(&Plan) -> (Result<Report, Violation>, Vec<String>);

fn runners(threads: bool) -> (Run, Trace) {
    if threads { (run_threads, trace_threads) } else { (run, trace) }
}

fn replay(seed: u64, threads: bool) -> ExitCode {
    let plan = Plan::from_seed(seed);
    let (_, trace) = runners(threads);
    let (result, lines) = trace(&plan);
    println!("{plan:#?}");
    lines.iter().for_each(|line| println!("{line}"));
    match result {
        Ok(report) => {
            for (call, it) in report.calls.iter().enumerate() {
                println!("call {call}: {:?} after {:?}", it.outcome, it.took);
            }
            ExitCode::SUCCESS
        }
        Err(violation) => {
            println!("seed {seed}: {violation}");
            ExitCode::FAILURE
        }
    }
}
