//! All orders of what can happen in small worlds.

use httpool_sim::property::{Small, every_order};

/// Runs all orders of three calls over two connections. `least`: there are about so many, and fewer
/// would mean that something has become impossible that should be tried.
fn hold(cancels: usize, faults: usize, least: u64) {
    let small = Small { calls: 3, connections: 2, cancels, faults, writes_apart: true };
    let orders = every_order(small);
    assert!(orders >= least, "{orders} orders");
}

#[test]
fn nothing_goes_wrong() {
    hold(0, 0, 800);
}

#[test]
fn one_call_of_three_is_cancelled() {
    hold(1, 0, 5_000);
}

#[test]
fn one_thing_goes_wrong() {
    hold(0, 1, 5_500);
}

#[test]
fn one_call_is_cancelled_and_one_thing_goes_wrong() {
    hold(1, 1, 75_000);
}
