//! Checks that the properties can fail. Each mutation puts a fault back into the core, and one of
//! the properties must find it within the given number of random scripts.
//!
//! `RUSTFLAGS="--cfg httpool_mutations" CARGO_TARGET_DIR=target/mutations cargo test --release \
//! -p httpool-properties --test mutated_properties -- --nocapture`
#![cfg(httpool_mutations)]

use std::panic::catch_unwind;

use httpool::mutation::{Mutation, mutate};
use httpool_properties::TARGETS;

const DEFECTS: &[Mutation] = &[
    Mutation::LostWaiter,
    Mutation::EvictedGrant,
    Mutation::PoisonedIdle,
    Mutation::PostTwice,
    Mutation::LeakedLease,
    Mutation::NoDeadline,
    Mutation::SurplusDials,
    Mutation::UnfairLine,
    Mutation::KeptUnsent,
    Mutation::LeakedCredentials,
    Mutation::StaleName,
    Mutation::KeptRetired,
    Mutation::SurplusKeys,
    Mutation::AgedReuse,
    Mutation::MixedVersions,
];

const SCRIPTS: u64 = 3_000;

#[test]
fn every_defect_is_found_by_a_property() {
    // A property fails by panicking. Hides those messages.
    std::panic::set_hook(Box::new(|_| {}));
    let mut lost = Vec::new();
    for mutation in DEFECTS {
        mutate(Some(*mutation));
        let mut finders = Vec::new();
        for (name, property) in TARGETS {
            let found = (0..SCRIPTS).find(|n| catch_unwind(|| property(&script(*n))).is_err());
            finders.extend(found.map(|n| format!("{name} ({})", n + 1)));
        }
        println!("{mutation:?}: {}", finders.join(", "));
        if finders.is_empty() {
            lost.push(*mutation);
        }
    }
    mutate(None);
    let _ = std::panic::take_hook();
    assert!(lost.is_empty(), "not found: {lost:?}");
}

/// Returns the `n`th script, the same at each run.
fn script(n: u64) -> Vec<u8> {
    let mut state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 7;
    let mut next = || {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    };
    let len = next() % 600;
    (0..len).map(|_| (next() >> 56) as u8).collect()
}
