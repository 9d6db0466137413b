//! Tests of what concerns all connections of one key.

use alloc::vec::Vec;

use super::words::{ANY, World, key, ms};
use crate::{
    error::Unavailable,
    limits::PoolLimits,
    message::KeyLimits,
    pool::{Action, Claim, Dialing, Uses},
};

fn bounded(idle_keys_max: usize) -> PoolLimits {
    PoolLimits { idle_keys_max, ..PoolLimits::default() }
}

fn uses(w: &World, host: &str) -> (u64, u64) {
    let Uses { opened, leases } = w.pool.key_uses(&key(host));
    (opened, leases)
}

#[test]
fn closing_a_key_ends_all_that_concerns_it_and_nothing_else() {
    for dialing in [Dialing::Shared, Dialing::PerThread] {
        let limits = PoolLimits { open_per_key_max: 3, ..PoolLimits::default() };
        let mut w = World::with(limits, dialing);
        let (held, idle, granted) = (w.lease("a"), w.lease("a"), w.lease("a"));
        let other = w.lease("b");
        let waiting = w.checkout("a", ANY);
        assert!(w.waits(waiting, false));
        w.keep(granted);
        let behind = w.checkout("a", ANY);
        w.keep(idle);
        let last = w.checkout("a", ANY);
        assert!(w.waits(last, false));
        w.keep(other);
        w.actions();
        w.pool.close_key(&key("a"), w.now);
        w.actions();
        for ticket in [waiting, behind, last] {
            assert_eq!(w.fails(ticket), Unavailable::Closed);
        }
        let stats = w.pool.key_stats(&key("a"));
        assert_eq!((stats.open, stats.leased, stats.waiting), (1, 1, 0));
        assert_eq!(w.pool.key_stats(&key("b")).idle, 1);
        w.keep(held);
        assert_eq!(w.actions().len(), 1, "it is closed when it comes back");
        assert_eq!(w.pool.key_stats(&key("a")).open, 0);
        let again = w.lease("a");
        w.keep(again);
        assert_eq!(w.pool.key_stats(&key("a")).idle, 1, "the key can be used again");
    }
}

#[test]
fn closing_a_key_abandons_its_dials() {
    let mut w = World::new(PoolLimits::default());
    let (ticket, dial) = w.dialing("a", ANY);
    w.pool.close_key(&key("a"), w.now);
    assert_eq!(w.said(), ["abandon c0.0", "wake t0.0"]);
    assert_eq!(w.fails(ticket), Unavailable::Closed);
    w.dialed(dial);
    assert_eq!(w.said(), ["close c0.0 surplus"], "its id is stale");
    w.pool.close_key(&key("unknown"), w.now);
    assert!(w.actions().is_empty());
}

#[test]
fn a_retired_pool_closes_what_is_idle_and_what_comes_back_and_goes_on() {
    let limits = PoolLimits { open_per_key_max: 2, ..PoolLimits::default() };
    let mut w = World::new(limits);
    let (held, idle) = (w.lease("a"), w.lease("a"));
    w.keep(idle);
    w.pool.retire(w.now);
    assert_eq!(w.said(), ["close c1.0 closed"]);
    let waiting = w.lease("a");
    w.keep(held);
    assert_eq!(w.said(), ["close c0.0 closed"]);
    w.keep(waiting);
    assert_eq!((w.open(), w.pool.stats().idle), (1, 1));
}

#[test]
fn the_key_that_got_a_connection_back_the_longest_ago_loses_its_idle_ones() {
    let mut w = World::new(bounded(2));
    let held: Vec<_> = ["a", "a", "b", "c"].map(|host| w.lease(host)).into();
    for lease in held {
        w.pass(ms(1));
        w.keep(lease);
    }
    assert_eq!(w.said(), ["close c0.0 surplus", "close c1.0 surplus"]);
    // A key that is used is not the oldest any more.
    let ticket = w.checkout("b", ANY);
    let b = w.take(ticket);
    w.keep(b);
    let a = w.lease("a");
    w.keep(a);
    assert_eq!(w.said(), ["close c3.0 surplus"]);
    let idle = |host| w.pool.key_stats(&key(host)).idle;
    assert_eq!([idle("a"), idle("b"), idle("c")], [1, 1, 0]);
}

#[test]
fn with_no_key_that_may_keep_connections_each_is_closed_when_it_comes_back() {
    let mut w = World::new(bounded(0));
    let held = w.lease("a");
    w.keep(held);
    assert_eq!(w.said(), ["close c0.0 surplus"]);
    assert_eq!(w.open(), 0);
}

#[test]
fn the_uses_of_a_watched_key_are_kept_and_dead_connections_do_not_count() {
    let mut w = World::new(PoolLimits::default());
    w.pool.watch(&key("a"));
    w.pool.watch(&key("a"));
    let held = w.lease("a");
    w.keep(held);
    let ticket = w.checkout("a", ANY);
    let Claim::Reuse { lease, .. } = w.pool.claim(ticket, w.now) else { panic!() };
    assert_eq!(uses(&w, "a"), (1, 2));
    w.pool.checkin_dead(lease, w.now);
    w.actions();
    assert_eq!((uses(&w, "a"), w.open()), ((1, 1), 0));
    w.pool.unwatch(&key("a"));
    assert_eq!(uses(&w, "a"), (1, 1));
    w.pool.unwatch(&key("a"));
    w.pool.unwatch(&key("a"));
    assert_eq!(uses(&w, "a"), (0, 0), "nothing refers to the key");
    let held = w.lease("b");
    assert_eq!(uses(&w, "b"), (1, 1));
    w.discard(held);
    w.actions();
    assert_eq!(uses(&w, "b"), (0, 0));
}

#[test]
fn a_key_with_limits_of_its_own_keeps_to_them_and_shares_nothing() {
    let mut w = World::new(PoolLimits { open_per_key_max: 1, ..PoolLimits::default() });
    let own = key("a").with_limits(Some(KeyLimits::new(2, 1)));
    let lease = |w: &mut World| {
        let ticket = w.pool.checkout(&own, ANY, w.now).unwrap();
        let dial = w.actions().into_iter().find_map(|action| match action {
            Action::Dial { conn, .. } => Some(conn),
            _ => None,
        });
        w.dialed(dial.unwrap());
        w.take(ticket)
    };
    let plain = w.lease("a");
    let held = [lease(&mut w), lease(&mut w)];
    let third = w.pool.checkout(&own, ANY, w.now).unwrap();
    assert!(w.waits(third, false));
    assert!(w.actions().is_empty(), "two are all that it may have");
    w.keep(plain);
    assert!(w.waits(third, false), "a connection with other limits is another's");
    w.pool.cancel(third, w.now);
    held.into_iter().for_each(|held| w.keep(held));
    assert_eq!(w.said(), ["close c2.0 surplus"], "one is kept");
    assert_eq!((w.pool.key_stats(&own).idle, w.pool.key_stats(&key("a")).idle), (1, 1));
    let none = key("a").with_limits(Some(KeyLimits::new(0, 0)));
    let ticket = w.pool.checkout(&none, ANY, w.now).unwrap();
    assert!(w.waits(ticket, true), "no connection at all would serve no call");
}
