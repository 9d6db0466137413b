//! Tests of names that are looked up again.

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::net::{IpAddr, SocketAddr};

use super::words::{ANY, FRESH, World, key, ms};
use crate::{
    id::{ConnId, LookUpId},
    limits::PoolLimits,
    message::{Hop, HopKind, Key, Origin, Scheme, UnixPath},
    pool::{Claim, Dialing, Lease},
    time::Instant,
};

const LIMITS: fn() -> PoolLimits = || PoolLimits::default().look_up_every(ms(100));
const FIRST: LookUpId = of_first_key(0);

/// The id of the look-up with this number, for the key in the first slot.
const fn of_first_key(number: u64) -> LookUpId {
    LookUpId::from_bits(number << 32)
}

fn ip(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

/// Reports that a dial has succeeded, at an address.
fn dialed(w: &mut World, conn: ConnId, last: u8) {
    w.pool.dial_peer(conn, ip(last));
    w.dialed(conn);
    w.check();
}

/// Opens a connection to an address, and claims it.
fn lease(w: &mut World, host: &str, last: u8) -> (Lease, u32) {
    let (ticket, conn) = w.dialing(host, ANY);
    dialed(w, conn, last);
    let taken = w.take(ticket);
    w.actions();
    taken
}

fn park(w: &mut World, host: &str, last: u8) {
    let held = lease(w, host, last);
    w.keep(held);
}

/// Lets the time until the next look-up pass, and returns the actions.
fn time_out(w: &mut World) -> Vec<String> {
    w.pass(ms(100));
    w.pool.handle_timeout(w.now);
    w.check();
    w.said()
}

fn found(w: &mut World, look_up: LookUpId, lasts: &[u8]) -> Vec<String> {
    let addrs: Vec<SocketAddr> = lasts.iter().map(|last| (ip(*last), 9).into()).collect();
    w.pool.looked_up(look_up, &addrs, w.now);
    w.check();
    w.said()
}

#[test]
fn a_name_is_looked_up_this_long_after_its_first_connection_and_after_each_answer() {
    let mut w = World::new(LIMITS());
    let held = lease(&mut w, "a", 1);
    assert_eq!(w.pool.poll_timeout(), Some(Instant::from_nanos(0).after(ms(100))));
    w.pass(ms(60));
    let other = lease(&mut w, "a", 1);
    w.pass(ms(39));
    w.pool.handle_timeout(w.now);
    assert!(w.said().is_empty());
    w.pass(ms(1));
    w.pool.handle_timeout(w.now);
    assert_eq!(w.said(), ["look-up l0.0 a:80"], "both connections are in use");
    w.pass(ms(500));
    w.pool.handle_timeout(w.now);
    assert!(w.said().is_empty(), "it is not asked for twice");
    assert_eq!(w.pool.poll_timeout(), None);
    assert!(found(&mut w, FIRST, &[1]).is_empty());
    assert_eq!(w.pool.poll_timeout(), Some(w.now.after(ms(100))));
    assert_eq!(time_out(&mut w), ["look-up l0.1 a:80"]);
    w.discard(held);
    w.discard(other);
    assert!(w.said().is_empty());
}

#[test]
fn a_connection_whose_address_is_gone_takes_no_new_call() {
    for dialing in [Dialing::Shared, Dialing::PerThread] {
        let mut w = World::with(LIMITS(), dialing);
        let [leased, stays, granted, idle] = [1, 2, 1, 1].map(|last| lease(&mut w, "a", last));
        w.keep(idle);
        w.keep(granted);
        let ticket = w.checkout("a", ANY);
        time_out(&mut w);
        let said = found(&mut w, FIRST, &[3, 2]);
        assert_eq!(said[..2], ["close c3.0 address-gone", "close c2.0 address-gone"]);
        assert_eq!(said[2..], [format!("dial c2.1 {ticket} http://a")], "it is in line again");
        assert!(w.waits(ticket, true));
        w.keep(leased);
        assert_eq!(w.said(), ["close c0.0 address-gone"]);
        w.keep(stays);
        let (lease, _) = w.take(ticket);
        assert_eq!(lease.conn().to_string(), "c1.0");
    }
}

#[test]
fn the_ticket_of_a_granted_connection_gets_an_idle_one_that_is_not_gone() {
    let mut w = World::new(LIMITS());
    let (stays, gone) = (lease(&mut w, "a", 2), lease(&mut w, "a", 1));
    w.keep(stays);
    w.keep(gone);
    let ticket = w.checkout("a", ANY);
    time_out(&mut w);
    assert_eq!(found(&mut w, FIRST, &[2]), ["close c1.0 address-gone"]);
    let Claim::Reuse { lease, .. } = w.pool.claim(ticket, w.now) else { panic!() };
    assert_eq!(lease.conn().to_string(), "c0.0");
}

#[test]
fn a_failed_or_empty_answer_changes_nothing_and_the_next_look_up_comes() {
    let mut w = World::new(LIMITS());
    park(&mut w, "a", 1);
    for number in 0..3 {
        assert_eq!(time_out(&mut w), [format!("look-up l0.{number} a:80")]);
        assert!(found(&mut w, of_first_key(number), &[]).is_empty());
        assert_eq!(w.pool.stats().idle, 1);
    }
    time_out(&mut w);
    assert_eq!(found(&mut w, of_first_key(3), &[2]), ["close c0.0 address-gone"]);
}

#[test]
fn an_answer_counts_by_its_ip_addresses_alone_and_mapped_ones_are_the_same() {
    let mut w = World::new(LIMITS());
    let (ticket, conn) = w.dialing("a", ANY);
    w.pool.dial_peer(conn, "::ffff:192.0.2.1".parse().unwrap());
    w.dialed(conn);
    let held = w.take(ticket);
    w.keep(held);
    time_out(&mut w);
    assert!(found(&mut w, FIRST, &[7, 1]).is_empty());
    w.pass(ms(100));
    w.pool.handle_timeout(w.now);
    w.pool.looked_up(FIRST, &["[::ffff:192.0.2.1]:1".parse().unwrap()], w.now);
    assert_eq!(w.pool.stats().idle, 1);
}

#[test]
fn a_stale_answer_is_ignored() {
    let mut w = World::new(LIMITS());
    let held = lease(&mut w, "a", 1);
    assert!(found(&mut w, FIRST, &[2]).is_empty(), "it was not asked for");
    time_out(&mut w);
    w.discard(held);
    // The key is forgotten, and its slot is that of another one.
    park(&mut w, "b", 1);
    assert_eq!(time_out(&mut w), ["look-up l0.1 b:80"]);
    assert!(found(&mut w, FIRST, &[2]).is_empty());
    assert!(found(&mut w, LookUpId::from_bits(u64::MAX), &[2]).is_empty());
    assert_eq!(found(&mut w, of_first_key(1), &[2]), ["close c0.1 address-gone"]);
    assert!(found(&mut w, of_first_key(1), &[3]).is_empty(), "answered already");
}

#[test]
fn an_answer_to_an_earlier_look_up_of_the_same_name_is_ignored() {
    let mut w = World::new(LIMITS());
    let _held = lease(&mut w, "a", 1);
    assert_eq!(time_out(&mut w), ["look-up l0.0 a:80"]);
    assert!(found(&mut w, FIRST, &[1]).is_empty());
    park(&mut w, "a", 1);
    assert_eq!(time_out(&mut w), ["look-up l0.1 a:80"]);
    assert!(found(&mut w, FIRST, &[2]).is_empty());
    let closed = found(&mut w, of_first_key(1), &[2]);
    assert_eq!(closed.len(), 1, "{closed:?}");
}

#[test]
fn a_connection_that_was_being_opened_when_its_address_went_serves_one_call() {
    for dialing in [Dialing::Shared, Dialing::PerThread] {
        let mut w = World::with(LIMITS(), dialing);
        let held = lease(&mut w, "a", 1);
        time_out(&mut w);
        let (ticket, late) = w.dialing("a", ANY);
        found(&mut w, FIRST, &[2]);
        // The dial below begins after the answer, so its address is a newer one.
        let (other, newer) = w.dialing("a", ANY);
        dialed(&mut w, late, 1);
        let taken = w.take(ticket);
        w.said();
        w.keep(taken);
        assert_eq!(w.said(), [format!("close {late} address-gone")]);
        dialed(&mut w, newer, 3);
        let taken = w.take(other);
        w.said();
        w.keep(taken);
        assert_eq!((w.said().len(), w.pool.stats().idle), (0, 1));
        w.discard(held);
    }
}

#[test]
fn a_connection_that_was_being_opened_when_its_address_went_is_not_kept_for_later() {
    let mut w = World::new(LIMITS());
    let held = lease(&mut w, "a", 2);
    time_out(&mut w);
    let (ticket, late) = w.dialing("a", ANY);
    w.pool.dial_connected(late);
    found(&mut w, FIRST, &[2]);
    w.pool.cancel(ticket, w.now);
    dialed(&mut w, late, 1);
    assert_eq!(w.said(), ["close c1.0 address-gone"], "no ticket waits");
    // It was granted, and its ticket is cancelled: the next one gets another connection.
    time_out(&mut w);
    let (ticket, late) = w.dialing("a", FRESH);
    found(&mut w, of_first_key(1), &[2]);
    dialed(&mut w, late, 1);
    w.said();
    w.pool.cancel(ticket, w.now);
    assert_eq!(w.said(), [format!("close {late} address-gone")]);
    w.check();
    w.discard(held);
}

#[test]
fn names_are_looked_up_in_the_order_of_their_times_and_only_while_they_have_connections() {
    let mut w = World::new(LIMITS());
    for host in ["b", "a", "c"] {
        park(&mut w, host, 1);
        w.pass(ms(1));
    }
    let d = lease(&mut w, "d", 1);
    w.discard(d);
    w.pool.close_key(&key("a"), w.now);
    w.said();
    assert_eq!(time_out(&mut w), ["look-up l0.0 b:80", "look-up l2.1 c:80"]);
    let held = {
        let ticket = w.checkout("b", ANY);
        w.take(ticket)
    };
    w.pool.retire(w.now);
    w.said();
    found(&mut w, FIRST, &[1]);
    assert_eq!(w.pool.poll_timeout(), None, "the one left is closed when it comes back");
    w.keep(held);
    assert_eq!(w.said(), ["close c0.0 closed"]);
}

#[test]
fn a_closed_pool_looks_nothing_up() {
    let mut w = World::new(LIMITS());
    let held = lease(&mut w, "a", 1);
    w.pool.close();
    w.check();
    assert!(time_out(&mut w).is_empty());
    assert_eq!(w.pool.poll_timeout(), None);
    w.keep(held);
    assert_eq!(w.said(), ["close c0.0 closed"]);
}

#[test]
fn nothing_is_looked_up_for_addresses_and_unix_sockets_and_only_the_nearest_proxy() {
    let origin = |host: &str| Origin::new(Scheme::Http, host, 80);
    let proxy = |host: &str| Hop::new(HopKind::Connect, Origin::new(Scheme::Http, host, 3128));
    let a = Key::direct(origin("a"));
    for (key, said) in [
        (a.clone(), "look-up l0.0 a:80"),
        (a.clone().through(vec![proxy("p"), proxy("q")]), "look-up l0.0 p:3128"),
        (a.clone().through(vec![proxy("192.0.2.9")]), ""),
        (a.with_unix(Some(UnixPath::new(b"/run/x"))), ""),
        (Key::direct(origin("192.0.2.9")), ""),
        (Key::direct(origin("[::1]")), ""),
        (Key::direct(origin("[fe80::1%eth0]")), ""),
    ] {
        let mut w = World::new(LIMITS());
        let _ticket = w.pool.checkout(&key, ANY, w.now).unwrap();
        let conn = ConnId::from_bits(0);
        dialed(&mut w, conn, 1);
        w.said();
        assert_eq!(time_out(&mut w).concat(), said, "{key}");
    }
}

#[test]
fn without_the_limit_nothing_is_looked_up_or_noted() {
    let mut w = World::new(PoolLimits::default());
    park(&mut w, "a", 1);
    w.pass(ms(59_000));
    w.pool.handle_timeout(w.now);
    assert!(w.said().is_empty());
    assert!(found(&mut w, FIRST, &[2]).is_empty());
    assert_eq!(w.pool.stats().idle, 1);
}

#[test]
fn a_time_that_never_ends_asks_for_nothing_and_none_at_all_for_one_each_millisecond() {
    let mut w = World::new(PoolLimits::default().look_up_every(core::time::Duration::MAX));
    park(&mut w, "a", 1);
    w.check();
    assert_eq!(w.pool.poll_timeout(), Some(w.now.after(ms(60_000))), "the end of its idle time");
    let mut w = World::new(PoolLimits::default().look_up_every(ms(0)));
    park(&mut w, "a", 1);
    assert_eq!(w.pool.poll_timeout(), Some(w.now.after(ms(1))));
}
