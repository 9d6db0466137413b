//! Tests of the rules for scarce resources: places in the queue, and file descriptors.

use alloc::{format, string::ToString};

use super::words::{ANY, FRESH, World, key, ms};
use crate::{
    error::{DialError, IoKind, Unavailable},
    id::ConnId,
    limits::PoolLimits,
    pool::Dialing,
};

const SHORT: DialError = DialError::Connect(IoKind::Exhausted);

#[test]
fn the_line_is_bounded_and_a_hit_is_not_a_wait() {
    let mut w =
        World::new(PoolLimits { waiting_max: 1, open_per_key_max: 1, ..PoolLimits::default() });
    let (a, _b) = (w.lease("a"), w.lease("b"));
    w.keep(a);
    let waiting = w.checkout("b", ANY);
    assert_eq!(w.pool.checkout(&key("b"), ANY, w.now), Err(Unavailable::LineFull));
    let hit = w.checkout("a", ANY);
    let _held = w.take(hit);
    w.pool.cancel(waiting, w.now);
    w.checkout("b", ANY);
}

#[test]
fn a_key_cannot_fill_the_line_for_others() {
    let limits = PoolLimits { waiting_max: 3, waiting_per_key_max: 2, ..PoolLimits::default() };
    let mut w = World::new(PoolLimits { open_per_key_max: 1, ..limits });
    let (_a, b) = (w.lease("a"), w.lease("b"));
    let silent = [w.checkout("a", ANY), w.checkout("a", ANY)];
    assert_eq!(w.pool.checkout(&key("a"), ANY, w.now), Err(Unavailable::KeyLineFull));
    let other = w.checkout("b", ANY);
    assert!(w.waits(other, false));
    w.keep(b);
    let _held = w.take(other);
    w.pool.cancel(silent[0], w.now);
    w.checkout("a", ANY);
}

#[test]
fn who_can_dial_at_once_is_not_refused() {
    let limits = PoolLimits { waiting_max: 1, waiting_per_key_max: 1, ..PoolLimits::default() };
    let mut w = World::new(PoolLimits { open_per_key_max: 2, open_max: 3, ..limits });
    let (_a, _b) = (w.lease("a"), w.lease("a"));
    w.checkout("a", ANY);
    assert_eq!(w.pool.checkout(&key("a"), ANY, w.now), Err(Unavailable::KeyLineFull));
    // The queue is full, and there is room for one more connection.
    let (ticket, dial) = w.dialing("b", ANY);
    assert_eq!(w.pool.checkout(&key("c"), ANY, w.now), Err(Unavailable::LineFull));
    assert_eq!(w.pool.checkout(&key("b"), FRESH, w.now), Err(Unavailable::KeyLineFull));
    // An idle connection is evicted to make room.
    w.dialed(dial);
    let held = w.take(ticket);
    w.keep(held);
    w.actions();
    w.dialing("c", ANY);
}

#[test]
fn a_dial_that_nobody_waits_for_takes_in_who_comes() {
    let mut w = World::own(PoolLimits { waiting_max: 1, open_max: 2, ..PoolLimits::default() });
    let _held = w.lease("b");
    let (first, _) = w.dialing("a", ANY);
    w.pool.cancel(first, w.now);
    let waiting = w.checkout("c", ANY);
    assert_eq!(w.pool.checkout(&key("d"), ANY, w.now), Err(Unavailable::LineFull));
    let second = w.checkout("a", ANY);
    assert!(w.waits(second, true) && w.waits(waiting, false));
}

#[test]
fn a_dial_without_a_descriptor_takes_that_of_the_oldest_idle_connection() {
    for dialing in [Dialing::Shared, Dialing::PerThread] {
        let mut w = World::with(PoolLimits::default(), dialing);
        let (a, b) = (w.lease("a"), w.lease("b"));
        w.keep(b);
        w.keep(a);
        let (ticket, dial) = w.dialing("c", ANY);
        w.pool.dial_failed(dial, SHORT, w.now);
        let again = ConnId { index: 1, generation: 1 };
        let said = w.said();
        assert_eq!(said[0], format!("wake {ticket}"));
        assert_eq!(said[1], "close c1.0 made-room");
        assert!(said[2].starts_with("dial ") && said[2].ends_with("http://c"), "{said:?}");
        assert!(w.waits(ticket, true));
        // If that is not enough, the idle connection of the other key is evicted as well.
        let dial = w.pool.dial_of(ticket).unwrap();
        w.pool.dial_failed(dial, SHORT, w.now);
        assert!(w.said().contains(&"close c0.0 made-room".to_string()), "{again}");
        assert!(w.waits(ticket, true));
        // Now no connection is left to close.
        let dial = w.pool.dial_of(ticket).unwrap();
        w.pool.dial_failed(dial, SHORT, w.now);
        w.actions();
        let dial = w.pool.dial_of(ticket).expect("one was closed since that dial began");
        w.pool.dial_failed(dial, SHORT, w.now);
        assert_eq!(w.fails(ticket), Unavailable::Dial(SHORT));
        assert_eq!(w.open(), 0);
    }
}

#[test]
fn a_dial_without_a_descriptor_waits_for_one_in_use() {
    let mut w = World::new(PoolLimits::default());
    let (a, other) = (w.lease("a"), w.lease("a"));
    let (same, dial) = w.dialing("a", ANY);
    w.pool.dial_failed(dial, SHORT, w.now);
    assert_eq!(w.said(), [format!("wake {same}")]);
    assert!(w.waits(same, false), "the clock of the queue runs");
    w.keep(a);
    assert_eq!(w.said(), [format!("wake {same}")]);
    let a = w.take(same);
    // For another key, a connection that comes back makes room.
    w.pass(ms(1_000));
    let (ticket, dial) = w.dialing("b", ANY);
    w.pool.dial_failed(dial, SHORT, w.now);
    w.actions();
    assert!(w.waits(ticket, false));
    w.keep(a);
    assert_eq!(w.said(), ["close c0.0 made-room".into(), format!("dial c0.1 {ticket} http://b")]);
    w.keep(other);
    assert_eq!(w.pool.stats().idle, 1);
}

#[test]
fn a_shortage_is_over_in_a_second() {
    let mut w = World::new(PoolLimits::default());
    let _held = w.lease("a");
    let (first, dial) = w.dialing("b", ANY);
    w.pool.dial_failed(dial, SHORT, w.now);
    w.actions();
    assert!(w.waits(first, false));
    let second = w.checkout("c", ANY);
    assert!(w.waits(second, false), "nothing is tried meanwhile");
    assert_eq!(w.pool.poll_timeout(), Some(w.now.after(ms(1_000))));
    w.pass(ms(1_000));
    w.pool.handle_timeout(w.now);
    assert_eq!((w.actions().len(), w.pool.stats().dialing), (2, 2));
    assert_eq!(w.pool.poll_timeout(), None);
    // The first ticket that asks notices it as well.
    let dial = w.pool.dial_of(first).unwrap();
    w.pool.dial_failed(dial, SHORT, w.now);
    w.actions();
    assert!(w.waits(first, false));
    w.pass(ms(1_000));
    w.checkout("d", ANY);
    assert_eq!(w.pool.stats().dialing, 3);
}

#[test]
fn a_dial_without_a_descriptor_fails_where_nothing_is_open() {
    let mut w = World::new(PoolLimits::default());
    let (first, dial) = w.dialing("a", ANY);
    let (second, other) = w.dialing("b", ANY);
    // The other dial may succeed and come back, or fail and free its descriptor.
    w.pool.dial_failed(dial, SHORT, w.now);
    assert!(w.waits(first, false));
    w.pool.dial_failed(other, SHORT, w.now);
    assert_eq!(w.fails(second), Unavailable::Dial(SHORT));
    w.actions();
    assert!(w.waits(first, true));
    let again = w.pool.dial_of(first).unwrap();
    w.pool.dial_failed(again, SHORT, w.now);
    assert_eq!(w.fails(first), Unavailable::Dial(SHORT));
    w.actions();
    w.dialing("a", ANY);
}

#[test]
fn what_was_closed_while_a_dial_ran_has_left_a_descriptor() {
    let mut w = World::own(PoolLimits::default());
    let held = w.lease("a");
    let (ticket, dial) = w.dialing("b", ANY);
    w.discard(held);
    w.pool.dial_failed(dial, SHORT, w.now);
    w.actions();
    assert!(w.waits(ticket, true));
    let again = w.pool.dial_of(ticket).unwrap();
    w.pool.dial_failed(again, SHORT, w.now);
    assert_eq!(w.fails(ticket), Unavailable::Dial(SHORT));
}
