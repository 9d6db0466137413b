//! The proof that the worlds find what they are there to find: each defect that the design excludes
//! is switched on, and must be found within so many seeds.
//!
//! `RUSTFLAGS="--cfg httpool_mutations" CARGO_TARGET_DIR=target/mutations cargo test --release \
//! -p httpool-sim --test mutations -- --nocapture`
#![cfg(httpool_mutations)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use httpool::mutation::{Mutation, mutate};
use httpool_sim::world::{Plan, Random, run};

/// Each defect, and within how many worlds it must be found: some ten times as many as it takes.
const DEFECTS: &[(Mutation, u64)] = &[
    (Mutation::LostWaiter, 600),
    (Mutation::EvictedGrant, 50),
    (Mutation::PoisonedIdle, 4_000),
    (Mutation::PostTwice, 13_000),
    (Mutation::LeakedLease, 20),
    (Mutation::NoDeadline, 2_500),
    (Mutation::SurplusDials, 20),
    (Mutation::UnfairLine, 50),
    (Mutation::KeptUnsent, 17_000),
    (Mutation::LeakedCredentials, 300),
    (Mutation::StaleName, 20),
];

/// The same worlds at each run.
const SEED: u64 = 7;

#[test]
fn every_defect_is_found() {
    // Some defects make the core panic; that, too, is to be found, and not to be printed.
    std::panic::set_hook(Box::new(|_| {}));
    let mut lost = Vec::new();
    for (mutation, within) in DEFECTS {
        mutate(Some(*mutation));
        let found = (0..*within).find_map(|nth| {
            let plan = Plan::from_seed(Random::nth(SEED, nth));
            match catch_unwind(AssertUnwindSafe(|| run(&plan))) {
                Ok(Ok(_)) => None,
                Ok(Err(violation)) => Some((nth + 1, violation.what)),
                Err(_) => Some((nth + 1, "a panic".into())),
            }
        });
        match found {
            Some((worlds, what)) => println!("{mutation:?}: {worlds} of {within} worlds: {what}"),
            None => lost.push(*mutation),
        }
    }
    mutate(None);
    let _ = std::panic::take_hook();
    assert!(lost.is_empty(), "not found: {lost:?}");
}

#[test]
fn every_defect_is_in_the_list() {
    for (place, (mutation, _)) in DEFECTS.iter().enumerate() {
        assert_eq!(*mutation as usize, place);
    }
    assert_eq!(DEFECTS.len() - 1, Mutation::StaleName as usize);
}
