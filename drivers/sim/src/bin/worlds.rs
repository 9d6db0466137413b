//! Runs worlds from seeds, and says what they have seen.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use httpool_sim::world::{Coverage, Plan, Random, run, shrink, trace};
use lexopt::prelude::*;

const HELP: &str = "\
Runs simulated worlds, each from a seed, against the client.

  --worlds N     how many (200000)
  --seed N       the seed of their seeds (the time)
  --threads N    how many at a time (2)
  --replay SEED  print the trace of the world of that seed, and nothing else
";

/// From so many worlds on, what none of them has reached is a hole in the proof.
const ENOUGH: u64 = 100_000;
/// Every so many worlds, one is run a second time: it must be the same.
const TWICE_EVERY: u64 = 64;

struct Options {
    worlds: u64,
    seed: u64,
    threads: u64,
    replay: Option<u64>,
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
        Some(seed) => replay(seed),
        None => run_all(&options),
    }
}

fn options() -> Result<Option<Options>, lexopt::Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seed = now.as_nanos() as u64;
    let mut options = Options { worlds: 200_000, seed, threads: 2, replay: None };
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("worlds") => options.worlds = args.value()?.parse()?,
            Long("seed") => options.seed = args.value()?.parse()?,
            Long("threads") => options.threads = args.value()?.parse()?,
            Long("replay") => options.replay = Some(args.value()?.parse()?),
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

fn run_all(options: &Options) -> ExitCode {
    let Options { worlds, seed, .. } = *options;
    let threads = options.threads.max(1);
    println!("{worlds} worlds of seed {seed}");
    let begun = Instant::now();
    let stop = AtomicBool::new(false);
    let (coverage, failed) = thread::scope(|scope| {
        let part = |first| run_part(seed, (first, worlds, threads), &stop);
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
    if let Some(seed) = failed {
        explain(seed);
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

/// Every `step`th world from the `first` on. Gives the seed of the first that goes wrong.
fn run_part(
    seed: u64,
    (first, worlds, step): (u64, u64, u64),
    stop: &AtomicBool,
) -> (Coverage, Option<u64>) {
    let mut coverage = Coverage::default();
    let mut nth = first;
    while nth < worlds && !stop.load(Ordering::Relaxed) {
        let own = Random::nth(seed, nth);
        let plan = Plan::from_seed(own);
        let fine = match run(&plan) {
            Ok(report) => {
                report.count(&mut coverage);
                let again = nth % TWICE_EVERY == 0;
                !again || run(&plan).is_ok_and(|second| second.hash == report.hash)
            }
            Err(_) => false,
        };
        if !fine {
            stop.store(true, Ordering::Relaxed);
            return (coverage, Some(own));
        }
        if nth % 1_000_000 == 0 && nth > 0 {
            println!("{nth} worlds");
        }
        nth += step;
    }
    (coverage, None)
}

/// Prints what is left of a world that goes wrong.
fn explain(seed: u64) {
    println!("the world of seed {seed} goes wrong");
    match shrink(&Plan::from_seed(seed)) {
        Some((plan, violation)) => {
            let (_, lines) = trace(&plan);
            println!("{plan:#?}");
            lines.iter().for_each(|line| println!("{line}"));
            println!("seed {seed}: {violation}");
        }
        None => println!("seed {seed}: two runs of it differ"),
    }
}

fn replay(seed: u64) -> ExitCode {
    let plan = Plan::from_seed(seed);
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
