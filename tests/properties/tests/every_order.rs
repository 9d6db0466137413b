//! Tries every order of events in small worlds.

use httpool_properties::{Small, every_order};

/// Tries every order of three calls over two connections. There must be at least `least` orders.
/// Fewer would mean that an event is no longer possible.
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
