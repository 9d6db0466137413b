//! Checks that the worlds find faults. Each mutation puts a fault back into the core, and the
//! worlds must find it within the given number of runs.
//!
//! `RUSTFLAGS="--cfg httpool_mutations" CARGO_TARGET_DIR=target/mutations cargo test --release \
//! -p httpool-sim --test mutations -- --nocapture`
#![cfg(httpool_mutations)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use httpool::mutation::{Mutation, mutate};
use httpool_sim::world::{Plan, Random, Report, Violation, run, run_threads};

/// Each mutation, and within how many worlds it must be found: over the event-loop driver, and over
/// threads if the fault is in code that the blocking driver uses. 0 stands for none. The limits are
/// about ten times the number of worlds that it takes.
const DEFECTS: &[(Mutation, u64, Option<u64>)] = &[
    (Mutation::LostWaiter, 600, Some(7_000)),
    // The core panics. Over threads it panics again while they unwind, which aborts the process.
    (Mutation::EvictedGrant, 50, None),
    (Mutation::PoisonedIdle, 4_000, None),
    (Mutation::PostTwice, 2_000, Some(5_000)),
    (Mutation::LeakedLease, 20, None),
    (Mutation::NoDeadline, 2_500, Some(200)),
    (Mutation::SurplusDials, 20, None),
    // Threads dial for themselves, so calls may overtake each other.
    (Mutation::UnfairLine, 50, None),
    (Mutation::KeptUnsent, 100_000, Some(60_000)),
    (Mutation::LeakedCredentials, 300, Some(400)),
    // The blocking driver reports no stale ids.
    (Mutation::StaleName, 20, None),
    // Two faults that the worlds found early. Threads neither discard while paused nor report late.
    (Mutation::PausedDiscard, 3_000, None),
    (Mutation::LateNews, 4_000, None),
    // A thread closes the connection of a discarded body at once, and the oracle cannot see when
    // the body of a redirect begins.
    (Mutation::EndlessDrain, 1_000, None),
    (Mutation::FramingStall, 2_000, Some(2_000)),
    (Mutation::HastyRedirect, 1_000, Some(1_000)),
    (Mutation::UnprobedReuse, 5_000, Some(500)),
    // Over threads the oracle cannot see which connections were idle when the call failed.
    (Mutation::FatalShortage, 2_000, None),
    (Mutation::RefusedThoughFree, 500, None),
    (Mutation::CutUpload, 2_500, Some(3_000)),
    // The oracle checks single connection attempts only over the event-loop driver.
    (Mutation::DeadAddress, 4_000, None),
    // The oracle sees only over the event-loop driver which dial runs for a call.
    (Mutation::EndlessConnect, 2_000, None),
    // Threads close the sockets of a race and leave look-ups by themselves.
    (Mutation::OpenLoser, 500, None),
    (Mutation::EndlessLookUp, 500, None),
    // The blocking driver decides which bodies it can use.
    (Mutation::KeptUnusable, 4_000, None),
    (Mutation::ProxyFieldsToOrigin, 10_000, Some(10_000)),
    (Mutation::UnguardedLookUp, 10_000, Some(10_000)),
    (Mutation::UnjudgedRedirect, 10_000, Some(10_000)),
    (Mutation::SharedTunnel, 10_000, Some(10_000)),
    (Mutation::PlainTunnel, 5_000, Some(5_000)),
    (Mutation::CutSession, 2_000, Some(2_000)),
    (Mutation::UnaskedPlaintext, 150_000, Some(40_000)),
    (Mutation::ShortBody, 1_000, Some(1_000)),
    (Mutation::KeptBody, 500, Some(500)),
    // The blocking driver offers no such call, except by urllib3's managers.
    (Mutation::KeptRetired, 5_000, None),
    // Over threads the oracle does not see the pool.
    (Mutation::SurplusKeys, 500, None),
    (Mutation::AgedReuse, 4_000, Some(4_000)),
    (Mutation::LostPreload, 500, Some(7_000)),
    (Mutation::ProxyNotice, 60_000, Some(30_000)),
    (Mutation::NoticeAsTicket, 2_000, Some(2_000)),
    // The worlds download nothing. A property finds it.
    (Mutation::MixedVersions, 0, None),
    // Over threads the oracle does not see the pool.
    (Mutation::SharedLimits, 50, None),
    // Threads ask for look-ups when they have something to do.
    (Mutation::KeptAddress, 6_000, None),
];

/// The seed of the worlds, which are the same at each run.
const SEED: u64 = 7;

#[test]
fn every_defect_is_found() {
    // Some mutations make the core panic, which also counts as found. Hides those messages.
    std::panic::set_hook(Box::new(|_| {}));
    let mut lost = Vec::new();
    for (mutation, loops, threads) in DEFECTS {
        mutate(Some(*mutation));
        let loops = Some(*loops).filter(|loops| *loops > 0);
        let ways = [("event loop", loops, run as Run), ("threads", *threads, run_threads)];
        for (way, within, run) in ways {
            let Some(within) = within else { continue };
            match find(within, run) {
                Some((world, what)) => {
                    println!("{mutation:?} over {way}: in world {world} of {within}: {what}");
                }
                None => lost.push((*mutation, way)),
            }
        }
    }
    mutate(None);
    drop(std::panic::take_hook());
    assert!(lost.is_empty(), "not found: {lost:?}");
}

type Run = fn(&Plan) -> Result<Report, Violation>;

fn find(within: u64, run: Run) -> Option<(u64, String)> {
    (0..within).find_map(|nth| {
        let plan = Plan::from_seed(Random::nth(SEED, nth));
        match catch_unwind(AssertUnwindSafe(|| run(&plan))) {
            Ok(Ok(_)) => None,
            Ok(Err(violation)) => Some((nth + 1, violation.what)),
            Err(_) => Some((nth + 1, "a panic".into())),
        }
    })
}

#[test]
fn every_defect_is_in_the_list() {
    for (place, (mutation, ..)) in DEFECTS.iter().enumerate() {
        assert_eq!(*mutation as usize, place);
    }
    assert_eq!(DEFECTS.len() - 1, Mutation::KeptAddress as usize);
}
