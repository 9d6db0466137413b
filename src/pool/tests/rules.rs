//! Tests of the pool's rules, one each.

use alloc::{format, string::ToString, vec::Vec};
use core::time::Duration;

use super::words::{ANY, FRESH, RETRY, World, key, ms};
use crate::{
    error::{DialError, Unavailable},
    id::ConnId,
    limits::{PoolLimits, RetryBudget},
    pool::{Claim, Dialing, Pool, Ticket, Want},
    time::Instant,
};

#[test]
fn the_newest_idle_connection_is_used_first() {
    let mut w = World::new(PoolLimits::default());
    let (a, b) = (w.lease("a"), w.lease("a"));
    w.keep(a);
    w.keep(b);
    let ticket = w.checkout("a", ANY);
    let (lease, io) = w.take(ticket);
    assert_eq!(io, 2);
    w.keep((lease, io));
    assert!(w.actions().is_empty());
}

#[test]
fn every_reuse_is_probed_also_at_the_same_instant() {
    let mut w = World::new(PoolLimits::default());
    let held = w.lease("a");
    w.keep(held);
    for (wait, want) in [(ms(0), ANY), (ms(0), Want::default()), (ms(1), ANY)] {
        w.pass(wait);
        let ticket = w.checkout("a", want);
        let Claim::Reuse { lease, io, probe } = w.pool.claim(ticket, w.now) else { panic!() };
        assert!(probe);
        w.keep((lease, io));
    }
}

#[test]
fn within_probe_after_only_what_may_not_be_repeated_asks_for_a_probe() {
    let mut w = World::new(PoolLimits { probe_after: ms(2), ..PoolLimits::default() });
    let held = w.lease("a");
    w.keep(held);
    for (wait, want, expected) in
        [(ms(1), ANY, false), (ms(2), ANY, true), (ms(0), Want::default(), true)]
    {
        w.pass(wait);
        let ticket = w.checkout("a", want);
        let Claim::Reuse { lease, io, probe } = w.pool.claim(ticket, w.now) else { panic!() };
        assert_eq!(probe, expected);
        w.keep((lease, io));
    }
}

#[test]
fn a_grant_in_vain_does_not_hide_how_long_a_connection_was_silent() {
    let mut w =
        World::new(PoolLimits { probe_after: ms(1), idle_max: ms(10), ..PoolLimits::default() });
    let held = w.lease("a");
    w.keep(held);
    w.pass(ms(9));
    let ticket = w.checkout("a", ANY);
    w.pool.cancel(ticket, w.now);
    let ticket = w.checkout("a", ANY);
    assert!(matches!(w.pool.claim(ticket, w.now), Claim::Reuse { probe: true, .. }));
}

#[test]
fn what_was_idle_or_open_for_too_long_is_closed_before_use() {
    let limits = PoolLimits { idle_max: ms(10), age_max: Some(ms(25)), ..PoolLimits::default() };
    let mut w = World::new(limits);
    let held = w.lease("a");
    w.keep(held);
    w.pass(ms(10));
    w.checkout("a", ANY);
    assert_eq!(w.said(), ["close c0.0 idle", "dial c0.1 t0.1 http://a"]);
    let conn = ConnId { index: 0, generation: 1 };
    w.dialed(conn);
    let mut ticket = Ticket { index: 0, generation: 1 };
    for _ in 0..3 {
        let held = w.take(ticket);
        w.pass(ms(8));
        w.keep(held);
        ticket = w.checkout("a", ANY);
    }
    assert_eq!(w.pool.stats().leased, 1, "24 ms old");
    w.pool.cancel(ticket, w.now);
    w.pass(ms(1));
    w.checkout("a", ANY);
    assert_eq!(w.said(), ["close c0.1 age", "dial c0.2 t0.5 http://a"]);
}

#[test]
fn a_connection_that_comes_back_too_old_is_closed() {
    let mut w = World::new(PoolLimits { age_max: Some(ms(5)), ..PoolLimits::default() });
    let held = w.lease("a");
    w.pass(ms(5));
    w.keep(held);
    assert_eq!(w.said(), ["close c0.0 age"]);
}

#[test]
fn connections_that_were_opened_together_become_too_old_one_after_the_other() {
    let limits = PoolLimits { age_max: Some(ms(160)), ..PoolLimits::default() };
    let mut w = World::new(PoolLimits { age_jitter: ms(80), idle_max: ms(1_000), ..limits });
    let held: Vec<_> = (0..32).map(|_| w.lease("a")).collect();
    for held in held {
        w.keep(held);
    }
    // The shortest life is 160 - 80 * 15 / 16 = 85 ms; from then on a group of two ends every 5 ms.
    assert_eq!(w.pool.poll_timeout(), Some(w.now.after(ms(85))));
    w.pass(ms(84));
    for left in (0..16).rev() {
        w.pool.handle_timeout(w.now);
        assert_eq!(w.open(), 2 * (left + 1));
        w.pass(ms(1));
        w.pool.handle_timeout(w.now);
        assert_eq!(w.open(), 2 * left);
        assert!(w.said().iter().all(|line| line.ends_with(" age")));
        w.pass(ms(4));
    }
}

#[test]
fn a_jitter_above_the_age_lets_no_connection_live_longer() {
    let limits = PoolLimits { age_max: Some(ms(10)), ..PoolLimits::default() };
    let mut w = World::new(PoolLimits { age_jitter: Duration::MAX, ..limits });
    let (a, b) = (w.lease("a"), w.lease("a"));
    w.keep(a);
    w.keep(b);
    assert_eq!(w.said(), ["close c1.0 age"], "the other has its whole age");
    w.pass(ms(10));
    w.pool.handle_timeout(w.now);
    assert_eq!(w.said(), ["close c0.0 age"]);
}

#[test]
fn more_than_are_kept_are_closed_on_return() {
    let mut w = World::new(PoolLimits { idle_per_key_max: 1, ..PoolLimits::default() });
    let (a, b) = (w.lease("a"), w.lease("a"));
    w.keep(a);
    w.keep(b);
    assert_eq!(w.said(), ["close c1.0 surplus"]);
}

#[test]
fn first_come_first_served() {
    let mut w = World::new(PoolLimits { open_per_key_max: 1, ..PoolLimits::default() });
    let mut held = w.lease("a");
    let line: Vec<_> = (0..3).map(|_| w.checkout("a", ANY)).collect();
    for ticket in &line {
        assert!(w.waits(*ticket, false));
    }
    for ticket in line {
        w.keep(held);
        assert_eq!(w.said(), [format!("wake {ticket}")]);
        held = w.take(ticket);
    }
}

#[test]
fn who_wants_a_fresh_one_goes_in_front_and_takes_no_other() {
    let mut w = World::new(PoolLimits { open_per_key_max: 2, ..PoolLimits::default() });
    let (a, b) = (w.lease("a"), w.lease("a"));
    let (plain, fresh) = (w.checkout("a", ANY), w.checkout("a", FRESH));
    assert!(w.waits(plain, false) && w.waits(fresh, false));
    w.keep(a);
    assert_eq!(w.said(), [format!("wake {plain}")]);
    let a = w.take(plain);
    w.discard(b);
    assert_eq!(w.said(), [format!("dial c1.1 {fresh} http://a")]);
    let later = w.checkout("a", ANY);
    let io = w.dialed(ConnId { index: 1, generation: 1 });
    assert_eq!(w.said(), [format!("wake {fresh}")]);
    assert_eq!(w.take(fresh).1, io);
    assert!(w.waits(later, false));
    w.keep(a);
    let _held = w.take(later);
}

#[test]
fn an_idle_connection_makes_room_for_a_fresh_one() {
    let mut w = World::new(PoolLimits { open_per_key_max: 1, ..PoolLimits::default() });
    let held = w.lease("a");
    w.keep(held);
    let (ticket, conn) = w.dialing("a", FRESH);
    assert_eq!(w.open(), 1);
    w.dialed(conn);
    assert!(matches!(w.pool.claim(ticket, w.now), Claim::Fresh { .. }));
}

#[test]
fn retries_are_a_share_of_the_work() {
    let retry_budget = Some(RetryBudget::new(50, 1));
    let mut w = World::new(PoolLimits { retry_budget, ..PoolLimits::default() });
    w.checkout("a", RETRY);
    assert_eq!(w.pool.checkout(&key("a"), RETRY, w.now), Err(Unavailable::RetryBudget));
    w.checkout("a", ANY);
    assert_eq!(w.pool.checkout(&key("a"), RETRY, w.now), Err(Unavailable::RetryBudget));
    w.checkout("b", ANY);
    w.checkout("a", RETRY);
}

#[test]
fn no_more_dials_than_tickets_nor_than_allowed() {
    let mut w = World::new(PoolLimits { dialing_per_key_max: 2, ..PoolLimits::default() });
    let tickets: Vec<_> = (0..4).map(|_| w.checkout("a", ANY)).collect();
    assert_eq!(w.pool.stats().dialing, 2);
    assert!(w.waits(tickets[1], true) && w.waits(tickets[2], false));
    w.actions();
    w.dialed(ConnId { index: 0, generation: 0 });
    assert_eq!(w.said(), [format!("dial c2.0 {} http://a", tickets[2])]);
    assert_eq!(w.pool.stats().dialing, 2);
}

#[test]
fn a_finished_dial_serves_the_front_and_the_other_takes_over_its_dial() {
    let mut w = World::new(PoolLimits::default());
    let (first, slow) = w.dialing("a", ANY);
    let (second, quick) = w.dialing("a", ANY);
    let io = w.dialed(quick);
    assert_eq!(w.said(), [format!("wake {first}")]);
    assert_eq!(w.take(first).1, io);
    assert!(w.waits(second, true));
    w.pool.dial_failed(slow, DialError::Name, w.now);
    assert_eq!(w.said(), [format!("wake {second}"), format!("dial c0.1 {second} http://a")]);
    assert!(w.waits(second, true), "it was not its own dial that failed");
}

#[test]
fn a_surplus_dial_is_abandoned_the_youngest_first() {
    let mut w = World::new(PoolLimits::default());
    let held = w.lease("a");
    let (first, old) = w.dialing("a", ANY);
    let (second, young) = w.dialing("a", ANY);
    w.keep(held);
    assert_eq!(w.said(), [format!("abandon {young}"), format!("wake {first}")]);
    assert!(w.waits(second, true));
    let late = w.dialed(young);
    let io = w.dialed(old);
    assert_eq!(w.said(), [format!("close {young} surplus"), format!("wake {second}")]);
    assert_eq!((w.take(second).1, late), (io, io - 1));
}

#[test]
fn a_connected_dial_is_finished_and_parked_or_serves_who_comes() {
    let mut w = World::new(PoolLimits::default());
    let (first, conn) = w.dialing("a", ANY);
    w.pool.dial_connected(conn);
    w.pool.cancel(first, w.now);
    assert_eq!((w.said().len(), w.pool.stats().dialing), (0, 1));
    let second = w.checkout("a", ANY);
    assert!(w.waits(second, true), "it takes that dial over");
    w.pool.cancel(second, w.now);
    w.dialed(conn);
    assert_eq!((w.said().len(), w.pool.stats().idle), (0, 1));
    let third = w.checkout("a", ANY);
    assert!(matches!(w.pool.claim(third, w.now), Claim::Reuse { .. }), "parked is not fresh");
}

#[test]
fn a_thread_is_served_by_its_own_dial_first() {
    let mut w = World::own(PoolLimits { dialing_per_key_max: 2, ..PoolLimits::default() });
    let (first, _) = w.dialing("a", ANY);
    let (second, other) = w.dialing("a", ANY);
    let third = w.checkout("a", ANY);
    assert!(w.waits(third, false));
    w.dialed(other);
    assert_eq!(w.said(), [format!("wake {second}"), format!("dial c2.0 {third} http://a")]);
    assert!(w.waits(first, true));
}

#[test]
fn a_thread_served_otherwise_hands_in_what_is_up() {
    let mut w = World::own(PoolLimits::default());
    let held = w.lease("a");
    let (first, dial) = w.dialing("a", ANY);
    w.keep(held);
    assert_eq!(w.said(), [format!("wake {first}")]);
    let held = w.take(first);
    assert_eq!((w.pool.stats().dialing, w.open()), (1, 2), "until its thread has told");
    let second = w.checkout("a", ANY);
    assert!(w.waits(second, true), "and no other dial is begun beside it");
    let io = w.dialed(dial);
    assert_eq!(w.said(), [format!("wake {second}")]);
    assert_eq!(w.take(second).1, io);
    w.keep(held);
    assert_eq!(w.pool.stats().idle, 1);
}

#[test]
fn a_dial_that_its_thread_has_given_up_is_begun_anew_for_who_counted_on_it() {
    let mut w = World::own(PoolLimits::default());
    let (first, dial) = w.dialing("a", ANY);
    let (second, other) = w.dialing("a", ANY);
    w.pool.cancel(first, w.now);
    w.pool.cancel(second, w.now);
    let third = w.checkout("a", ANY);
    assert!(w.waits(third, true));
    w.pool.dial_abandoned(dial, w.now);
    assert!(w.said().is_empty() && w.waits(third, true), "there is the other one");
    w.pool.dial_abandoned(other, w.now);
    w.pool.dial_abandoned(other, w.now);
    let again = ConnId { index: other.index, generation: 1 };
    assert_eq!(w.said(), [format!("wake {third}"), format!("dial {again} {third} http://a")]);
    w.pool.cancel(third, w.now);
    w.pool.dial_abandoned(again, w.now);
    assert_eq!(w.open(), 0);
}

#[test]
fn a_dial_that_was_taken_over_serves_the_front() {
    let mut w = World::own(PoolLimits::default());
    let (first, slow) = w.dialing("a", ANY);
    let (second, quick) = w.dialing("a", ANY);
    w.pool.cancel(second, w.now);
    let third = w.checkout("a", ANY);
    assert!(w.waits(third, true));
    let io = w.dialed(quick);
    assert_eq!(w.said(), [format!("wake {first}")]);
    assert_eq!(w.take(first).1, io);
    assert!(w.waits(third, true), "now the first one's");
    w.pool.dial_failed(slow, DialError::Name, w.now);
    assert!(w.waits(third, true), "for which it does not pay");
}

#[test]
fn a_failed_dial_fails_the_ticket_that_wished_for_it() {
    for dialing in [Dialing::Shared, Dialing::PerThread] {
        let mut w = World::with(PoolLimits::default(), dialing);
        let (first, _) = w.dialing("a", ANY);
        let (second, dial) = w.dialing("a", ANY);
        w.pool.dial_failed(dial, DialError::Name, w.now);
        assert_eq!(w.said(), [format!("wake {second}")]);
        assert_eq!(w.fails(second), Unavailable::Dial(DialError::Name));
        assert_eq!(w.fails(second), Unavailable::Spent);
        assert!(w.waits(first, true));
    }
}

#[test]
fn the_oldest_idle_connection_of_another_key_makes_room() {
    let mut w = World::new(PoolLimits { open_max: 2, ..PoolLimits::default() });
    let (a, b) = (w.lease("a"), w.lease("b"));
    w.keep(b);
    w.keep(a);
    w.checkout("c", ANY);
    assert_eq!(w.said(), ["close c1.0 made-room", "dial c1.1 t0.2 http://c"]);
}

#[test]
fn keys_without_room_take_turns() {
    let mut w = World::new(PoolLimits { open_max: 2, ..PoolLimits::default() });
    let (x, y) = (w.lease("x"), w.lease("y"));
    let tickets = ["a", "a", "b", "c"].map(|host| w.checkout(host, ANY));
    for ticket in tickets {
        assert!(w.waits(ticket, false));
    }
    w.discard(x);
    w.discard(y);
    let dial = |slot: u32, n: u32, t: usize, host: &str| {
        format!("dial c{slot}.{n} {} http://{host}", tickets[t])
    };
    assert_eq!(w.said(), [dial(0, 1, 0, "a"), dial(1, 1, 2, "b")]);
    w.pool.cancel(tickets[2], w.now);
    assert_eq!(w.said(), ["abandon c1.1".to_string(), dial(1, 2, 3, "c")]);
    w.pool.cancel(tickets[3], w.now);
    assert_eq!(w.said(), ["abandon c1.2".to_string(), dial(1, 3, 1, "a")]);
}

#[test]
fn a_busy_key_does_not_starve_one_that_has_nothing() {
    let mut w = World::new(PoolLimits { open_max: 2, ..PoolLimits::default() });
    let (first, second) = (w.lease("busy"), w.lease("busy"));
    let waiting = w.checkout("busy", ANY);
    let starving = w.checkout("a", ANY);
    assert!(w.waits(waiting, false) && w.waits(starving, false));
    w.keep(first);
    assert_eq!(
        w.said(),
        ["close c0.0 made-room".to_string(), format!("dial c0.1 {starving} http://a")]
    );
    w.keep(second);
    assert_eq!(w.said(), [format!("wake {waiting}")]);
}

#[test]
fn a_ticket_that_gives_up_at_its_grant_loses_no_connection() {
    let mut w = World::new(PoolLimits { open_per_key_max: 1, ..PoolLimits::default() });
    let held = w.lease("a");
    let (first, second) = (w.checkout("a", ANY), w.checkout("a", ANY));
    assert!(w.waits(first, false) && w.waits(second, false));
    w.keep(held);
    w.pool.cancel(first, w.now);
    assert_eq!(w.said(), [format!("wake {first}"), format!("wake {second}")]);
    assert_eq!(w.fails(first), Unavailable::Spent);
    w.pool.cancel(first, w.now);
    w.pool.cancel(second, w.now);
    assert_eq!(w.pool.stats().idle, 1);
}

#[test]
fn a_granted_connection_that_is_lost_costs_no_turn() {
    let mut w = World::new(PoolLimits { open_per_key_max: 1, ..PoolLimits::default() });
    let held = w.lease("a");
    let (first, second) = (w.checkout("a", ANY), w.checkout("a", ANY));
    assert!(w.waits(first, false) && w.waits(second, false));
    let conn = held.0.conn();
    w.keep(held);
    w.pool.idle_lost(conn);
    w.pool.idle_lost(conn);
    assert_eq!(
        w.said(),
        [
            format!("wake {first}"),
            format!("close {conn} lost"),
            format!("dial c0.1 {first} http://a")
        ]
    );
    assert!(w.waits(first, true) && w.waits(second, false));
}

#[test]
fn a_lost_idle_connection_is_closed_and_a_leased_one_is_not() {
    let mut w = World::new(PoolLimits::default());
    let (a, b) = (w.lease("a"), w.lease("a"));
    let conn = a.0.conn();
    w.pool.idle_lost(b.0.conn());
    w.keep(a);
    w.pool.idle_lost(conn);
    assert_eq!(w.said(), [format!("close {conn} lost")]);
    w.discard(b);
    assert_eq!((w.open(), w.pool.key_stats(&key("a"))), (0, Default::default()));
}

#[test]
fn a_sweep_closes_what_is_due_and_says_when_to_come_again() {
    let limits = PoolLimits { idle_max: ms(10), age_max: Some(ms(15)), ..PoolLimits::default() };
    let mut w = World::new(limits);
    let (a, b, c) = (w.lease("a"), w.lease("b"), w.lease("c"));
    assert_eq!(w.pool.poll_timeout(), Some(w.now.after(ms(15))));
    w.keep(a);
    assert_eq!(w.pool.poll_timeout(), Some(w.now.after(ms(10))));
    w.pass(ms(6));
    w.keep(b);
    w.pass(ms(4));
    w.pool.handle_timeout(w.now);
    assert_eq!(w.said(), ["close c0.0 idle"]);
    assert_eq!(w.pool.poll_timeout(), Some(w.now.after(ms(5))));
    w.pass(ms(5));
    w.pool.handle_timeout(w.now);
    assert_eq!(w.said(), ["close c1.0 age"]);
    assert_eq!(w.pool.poll_timeout(), None, "one that is in use is judged when it comes back");
    w.keep(c);
    assert_eq!(w.said(), ["close c2.0 age"]);
}

#[test]
fn no_deadline_where_none_will_come() {
    let mut w = World::new(PoolLimits { idle_max: Duration::MAX, ..PoolLimits::default() });
    let held = w.lease("a");
    w.keep(held);
    assert_eq!(w.pool.poll_timeout(), None);
}

#[test]
fn a_closed_pool_answers_all_and_keeps_nothing() {
    let mut w = World::new(PoolLimits { open_per_key_max: 2, ..PoolLimits::default() });
    let (out, back, idle) = (w.lease("a"), w.lease("a"), w.lease("b"));
    w.keep(idle);
    let granted = w.checkout("a", ANY);
    assert!(w.waits(granted, false));
    w.keep(back);
    let (waiting, dial) = w.dialing("c", ANY);
    w.pool.close();
    let said = w.said();
    for line in ["close c1.0 closed", "close c2.0 closed", "abandon c3.0"] {
        assert!(said.iter().any(|it| it == line), "{said:?}");
    }
    assert!(said.contains(&format!("wake {waiting}")));
    assert_eq!(w.fails(granted), Unavailable::Closed);
    assert_eq!(w.fails(waiting), Unavailable::Closed);
    assert_eq!(w.pool.checkout(&key("a"), ANY, w.now), Err(Unavailable::Closed));
    w.dialed(dial);
    w.keep(out);
    assert_eq!(w.said(), [format!("close {dial} closed"), "close c0.0 closed".to_string()]);
    assert_eq!((w.open(), w.pool.poll_timeout()), (0, None));
}

#[test]
fn time_does_not_run_backwards() {
    let mut w = World::new(PoolLimits::default());
    let (a, b) = (w.lease("a"), w.lease("a"));
    w.pass(ms(5));
    w.keep(a);
    w.now = Instant::from_nanos(0);
    w.keep(b);
    assert!(w.actions().is_empty());
}

#[test]
fn zero_counts_as_one() {
    let limits = PoolLimits {
        open_max: 0,
        open_per_key_max: 0,
        dialing_per_key_max: 0,
        waiting_max: 0,
        waiting_per_key_max: 0,
        ..PoolLimits::default()
    };
    let mut w = World::new(limits);
    let held = w.lease("a");
    w.keep(held);
}

#[test]
fn a_driver_can_send_it_to_another_thread() {
    fn sends<T: Send>(_: T) {}
    sends(Pool::<u32>::new(PoolLimits::default(), Dialing::Shared));
}
