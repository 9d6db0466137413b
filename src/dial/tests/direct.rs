//! Tests of dials without proxies: names, addresses in turn or racing, TLS, deadlines.

use alloc::format;

use super::*;
use crate::error::{IoKind, ResolveKind, TlsKind};

const A: &str = "192.0.2.1:80";
const B: &str = "192.0.2.2:80";
const A6: &str = "[2001:db8::1]:80";
const B6: &str = "[2001:db8::2]:80";

fn named() -> Key {
    Key::direct(http("a.test", 80))
}

#[test]
fn an_address_needs_no_look_up() {
    for (host, addr) in [("192.0.2.1", "192.0.2.1:8080"), ("[::1]", "[::1]:8080")] {
        let mut scene = Scene::new(&Key::direct(http(host, 8080)), &in_turn());
        scene.says(&format!("connect 0 {addr}"));
        scene.begin(0);
        scene.says("wait");
        assert_eq!(scene.dial.winner(), None);
        scene.dial.connected(0, scene.now);
        scene.says("ready 0");
        assert_eq!(scene.dial.winner(), Some(0));
        scene.waits_for(None);
    }
}

#[test]
fn the_second_address_takes_over_when_the_first_fails() {
    let mut scene = Scene::new(&named(), &in_turn());
    scene.says("resolve a.test:80");
    scene.waits_for(None);
    scene.dial.resolving(scene.now);
    scene.says("wait");
    scene.waits_for(Some((10_000, Deadline::Resolve)));
    scene.resolved(&[A6, A]);
    scene.says(&format!("connect 0 {A6}"));
    scene.begin(0);
    scene.dial.connect_failed(0, IoKind::Unreachable, scene.now);
    scene.says(&format!("connect 1 {A}"));
    scene.begin(1);
    scene.dial.connected(1, scene.now);
    scene.says("ready 1");
}

#[test]
fn the_last_reason_is_the_error() {
    let mut scene = Scene::new(&named(), &in_turn());
    scene.resolved(&[A, B]);
    scene.begin(0);
    scene.dial.connect_failed(0, IoKind::Unreachable, scene.now);
    // The socket could not even be created, so the attempt never began.
    scene.dial.connect_failed(1, IoKind::Exhausted, scene.now);
    scene.says("failed Connect(Exhausted)");
    scene.waits_for(None);
}

#[test]
fn a_name_without_addresses_fails() {
    let mut scene = Scene::new(&named(), &in_turn());
    scene.resolved(&[]);
    scene.says("failed Name");
}

#[test]
fn not_every_address_of_many_is_tried_and_none_twice() {
    let many: Vec<SocketAddr> =
        (0..64).map(|n: u8| SocketAddr::from(([192, 0, 2, n / 2], 80))).collect();
    let mut scene = Scene::new(&named(), &in_turn());
    scene.dial.resolved(&many, scene.now);
    for attempt in 0..16 {
        scene.says(&format!("connect {attempt} 192.0.2.{attempt}:80"));
        scene.begin(attempt);
        scene.dial.connect_failed(attempt, IoKind::Refused, scene.now);
    }
    scene.says("failed Connect(Refused)");
}

#[test]
fn an_address_that_swallows_everything_has_only_its_share_of_the_time() {
    let mut scene = Scene::new(&named(), &in_turn());
    scene.resolved(&[A, B, A6]);
    scene.pass(1_000);
    scene.begin(0);
    scene.waits_for(Some((4_333, Deadline::Connect)));
    scene.pass(3_333);
    scene.says("wait");
    scene.pass(1);
    scene.says("abandon 0");
    scene.dial.abandoned(0);
    scene.says(&format!("connect 1 {B}"));
    scene.begin(1);
    scene.dial.connect_failed(1, IoKind::Refused, scene.now);
    scene.begin(2);
    // The last address has all the time that is left.
    scene.waits_for(Some((11_000, Deadline::Connect)));
    scene.pass(10_000);
    scene.says("abandon 2");
    scene.dial.abandoned(2);
    scene.says("failed Timeout(Connect)");
}

#[test]
fn an_address_has_its_share_of_the_time_until_the_connection_is_needed() {
    let mut scene = Scene::new(&named(), &in_turn());
    scene.resolved(&[A, B]);
    let total = scene.now.after(Duration::from_secs(3));
    scene.dial.needed_by(Some(total), scene.now);
    scene.begin(0);
    scene.waits_for(Some((1_500, Deadline::Connect)));
    scene.pass(1_500);
    scene.says("abandon 0");
    scene.dial.abandoned(0);
    // The first waiting call has given up. Another one, which has more time, takes over the same
    // dial.
    scene.dial.needed_by(None, scene.now);
    scene.begin(1);
    scene.waits_for(Some((10_000, Deadline::Connect)));
}

#[test]
fn a_dead_address_costs_the_delay_of_the_race_or_its_share_if_that_is_less() {
    assert_eq!(DialPolicy::default(), racing());
    for (needed_by, next) in [(60_000, 250), (400, 200), (100, 50), (1, 10)] {
        let mut scene = Scene::new(&named(), &racing());
        scene.resolved(&[A6, A]);
        let needed_by = scene.now.after(Duration::from_millis(needed_by));
        scene.dial.needed_by(Some(needed_by), scene.now);
        scene.begin(0);
        scene.waits_for(Some((next, Deadline::Connect)));
        scene.pass(next);
        scene.says(&format!("connect 1 {A}"));
    }
}

#[test]
fn every_kind_of_failure_goes_on_to_the_next_address_at_once() {
    use IoKind::{Eof, Exhausted, Other, Refused, Reset, TimedOut, Unreachable};
    for why in [Refused, Reset, Unreachable, Eof, TimedOut, Exhausted, Other] {
        for policy in [in_turn(), racing()] {
            let mut scene = Scene::new(&named(), &policy);
            scene.resolved(&[A6, A]);
            scene.begin(0);
            scene.dial.connect_failed(0, why, scene.now);
            scene.says(&format!("connect 1 {A}"));
        }
    }
}

/// The driver reports an attempt before it is offered, so that it is not offered again.
#[test]
fn the_last_address_goes_on_when_its_share_has_passed() {
    let mut policy = in_turn();
    policy.connect_timeout = None;
    let mut scene = Scene::new(&named(), &policy);
    scene.resolved(&[A, B]);
    scene.dial.needed_by(Some(scene.now.after(Duration::from_secs(2))), scene.now);
    scene.begin(0);
    scene.begin(1);
    scene.says("abandon 1");
    scene.dial.abandoned(1);
    scene.pass(1_000);
    scene.says("wait");
    scene.dial.connected(0, scene.now);
    scene.says("ready 0");
}

#[test]
fn racing_families_take_turns() {
    let mut scene = Scene::new(&named(), &racing());
    scene.resolved(&[A6, B6, A, B]);
    for (attempt, addr) in [(0, A6), (1, A), (2, B6), (3, B)] {
        scene.says(&format!("connect {attempt} {addr}"));
        scene.begin(attempt);
        scene.says("wait");
        scene.pass(249);
        scene.says("wait");
        scene.pass(1);
    }
    scene.waits_for(Some((10_000, Deadline::Connect)));
    scene.pass(10_000);
    for attempt in 0..4 {
        scene.says(&format!("abandon {attempt}"));
        scene.dial.abandoned(attempt);
    }
    scene.says("failed Timeout(Connect)");
}

#[test]
fn the_first_to_connect_wins_and_the_other_is_abandoned() {
    for (winner, loser) in [(0, 1), (1, 0)] {
        let mut scene = Scene::new(&named(), &racing());
        scene.resolved(&[A6, A]);
        scene.begin(0);
        scene.waits_for(Some((250, Deadline::Connect)));
        scene.pass(250);
        scene.begin(1);
        scene.dial.connected(winner, scene.now);
        scene.says(&format!("abandon {loser}"));
        // The loser connected before it was closed. This changes nothing.
        scene.dial.connected(loser, scene.now);
        scene.says(&format!("abandon {loser}"));
        scene.dial.abandoned(loser);
        scene.says(&format!("ready {winner}"));
    }
}

#[test]
fn racing_does_not_wait_after_a_failure() {
    let mut scene = Scene::new(&named(), &racing());
    scene.resolved(&[A6, A]);
    scene.begin(0);
    scene.pass(10);
    scene.dial.connect_failed(0, IoKind::Unreachable, scene.now);
    scene.says(&format!("connect 1 {A}"));
    scene.begin(1);
    scene.dial.connect_failed(1, IoKind::Refused, scene.now);
    scene.says("failed Connect(Refused)");
}

#[test]
fn racing_addresses_are_ten_milliseconds_apart_at_least() {
    let policy = DialPolicy { race_after: Some(Duration::ZERO), ..racing() };
    let mut scene = Scene::new(&named(), &policy);
    scene.resolved(&[A6, A]);
    scene.begin(0);
    scene.waits_for(Some((10, Deadline::Connect)));
}

#[test]
fn a_loser_that_fails_by_itself_need_not_be_abandoned() {
    let mut scene = Scene::new(&named(), &racing());
    scene.resolved(&[A6, A]);
    scene.begin(0);
    scene.pass(250);
    scene.begin(1);
    scene.dial.connected(1, scene.now);
    scene.dial.connect_failed(0, IoKind::Refused, scene.now);
    scene.says("ready 1");
}

#[test]
fn a_socket_that_should_not_be_is_abandoned_and_nothing_else_changes() {
    let mut scene = Scene::connected(&Key::direct(http("192.0.2.1", 80)), &in_turn());
    for attempt in [1, 16, 255] {
        scene.dial.connecting(attempt, scene.now);
        scene.dial.connected(attempt, scene.now);
        scene.says(&format!("abandon {attempt}"));
        scene.dial.abandoned(attempt);
        scene.says("ready 0");
    }
}

#[test]
fn an_attempt_begun_after_the_deadline_is_abandoned() {
    let mut scene = Scene::new(&named(), &in_turn());
    scene.resolved(&[A, B]);
    scene.begin(0);
    scene.pass(5_000);
    scene.dial.abandoned(0);
    scene.says(&format!("connect 1 {B}"));
    scene.pass(5_000);
    scene.says("failed Timeout(Connect)");
    scene.begin(1);
    scene.says("abandon 1");
    scene.dial.abandoned(1);
    scene.says("failed Timeout(Connect)");
}

#[test]
fn a_wanted_socket_that_the_driver_closed_is_a_failure() {
    let mut scene = Scene::new(&named(), &in_turn());
    scene.resolved(&[A, B]);
    scene.begin(0);
    scene.dial.abandoned(0);
    scene.says(&format!("connect 1 {B}"));
}

#[test]
fn tls_is_shaken_hands_with_the_peers_name() {
    for (host, name) in [("a.test", "a.test"), ("a.test.", "a.test"), ("[::1]", "::1")] {
        let mut scene = Scene::new(&Key::direct(https(host, 443)), &with_tls());
        if scene.dial.next() == (Next::Resolve { host, port: 443 }) {
            scene.resolved(&["192.0.2.1:443"]);
        }
        scene.begin(0);
        scene.pass(1);
        scene.dial.connected(0, scene.now);
        scene.says(&format!("start-tls 0 {name}"));
        scene.waits_for(Some((10_001, Deadline::Tls)));
        scene.dial.tls_up("", scene.now);
        scene.says("ready 0");
    }
}

#[test]
fn tls_that_fails_fails_the_dial_and_closes_the_socket() {
    let key = Key::direct(https("192.0.2.1", 443));
    let end = |act: fn(&mut Scene)| {
        let mut scene = Scene::connected(&key, &with_tls());
        act(&mut scene);
        scene.says("abandon 0");
        scene.dial.abandoned(0);
        assert_eq!(scene.dial.winner(), None);
        scene.waits_for(None);
        scene.dial.next().to_string()
    };
    let refused = end(|scene| scene.dial.tls_failed(TlsKind::Issuer, scene.now));
    assert_eq!(refused, "failed Tls(Issuer)");
    let lost = end(|scene| scene.dial.lost(IoKind::Reset, scene.now));
    assert_eq!(lost, "failed Tls(Lost(Reset))");
    assert_eq!(end(|scene| scene.pass(10_000)), "failed Timeout(Tls)");
}

#[test]
fn without_tls_nothing_is_tried_that_needs_it() {
    let scene = Scene::new(&Key::direct(https("a.test", 443)), &in_turn());
    scene.says("failed Tls(Unavailable)");
}

#[test]
fn a_look_up_has_a_deadline_of_its_own() {
    let mut scene = Scene::new(&named(), &in_turn());
    scene.pass(3_600_000);
    scene.says("resolve a.test:80");
    scene.dial.resolving(scene.now);
    scene.pass(9_999);
    scene.says("wait");
    scene.pass(1);
    scene.says("failed Timeout(Resolve)");
    scene.resolved(&[A]);
    scene.says("failed Timeout(Resolve)");
}

#[test]
fn a_look_up_that_waits_for_a_thread_has_two_clocks() {
    for told_first in [false, true] {
        let mut scene = Scene::new(&named(), &in_turn());
        if told_first {
            // An event loop reports the start of every look-up.
            scene.dial.resolving(scene.now);
        }
        scene.dial.resolve_queued(scene.now);
        scene.says("wait");
        scene.waits_for(Some((10_000, Deadline::Resolver)));
        scene.pass(9_999);
        // Reporting it twice changes nothing.
        scene.dial.resolve_queued(scene.now);
        scene.waits_for(Some((10_000, Deadline::Resolver)));
        scene.dial.resolving(scene.now);
        scene.waits_for(Some((19_999, Deadline::Resolve)));
        scene.pass(5_000);
        scene.dial.resolving(scene.now);
        scene.dial.resolve_queued(scene.now);
        scene.waits_for(Some((19_999, Deadline::Resolve)));
        scene.pass(5_000);
        scene.says("failed Timeout(Resolve)");
    }
    let mut scene = Scene::new(&named(), &in_turn());
    scene.dial.resolve_queued(scene.now);
    scene.pass(10_000);
    scene.says("failed Timeout(Resolver)");
    scene.dial.resolving(scene.now);
    scene.says("failed Timeout(Resolver)");
}

#[test]
fn a_look_up_that_breaks_is_told_from_a_name_without_addresses() {
    for (why, failed) in [
        (ResolveKind::NotFound, "failed Name"),
        (ResolveKind::Busy, "failed Resolve(Busy)"),
        (ResolveKind::Panicked, "failed Resolve(Panicked)"),
        (ResolveKind::Zone, "failed Resolve(Zone)"),
    ] {
        let mut scene = Scene::new(&named(), &in_turn());
        scene.dial.resolve_failed(why, scene.now);
        scene.says(failed);
    }
    let mut scene = Scene::new(&named(), &in_turn());
    scene.resolved(&[A]);
    scene.dial.resolve_failed(ResolveKind::Busy, scene.now);
    scene.says(&format!("connect 0 {A}"));
}

#[test]
fn zone_ids_survive() {
    let host = |host| Key::direct(http(host, 80));
    Scene::new(&host("[fe80::1%3]"), &in_turn()).says("connect 0 [fe80::1%3]:80");
    let mut scene = Scene::new(&host("[fe80::1%eth0]"), &in_turn());
    scene.says("resolve fe80::1%eth0:80");
    scene.resolved(&["[fe80::1%2]:80", "[fe80::1%4]:80", "[fe80::1%2]:80"]);
    scene.says("connect 0 [fe80::1%2]:80");
    scene.begin(0);
    scene.dial.connect_failed(0, IoKind::Refused, scene.now);
    scene.says("connect 1 [fe80::1%4]:80");
}

#[test]
fn an_answer_is_stale_once_an_address_has_failed() {
    let stale = Some(("a.test", 80));
    let mut scene = Scene::new(&named(), &in_turn());
    scene.resolved(&[A, B, A6]);
    scene.begin(0);
    assert_eq!(scene.dial.stale_answer(scene.now), None);
    scene.dial.connect_failed(0, IoKind::Refused, scene.now);
    assert_eq!(scene.dial.stale_answer(scene.now), stale);
    assert_eq!(scene.dial.stale_answer(scene.now), None, "it is said once");
    scene.begin(1);
    scene.pass(5_000);
    assert_eq!(scene.dial.stale_answer(scene.now), stale, "its share has passed");
    scene.dial.abandoned(1);
    scene.begin(2);
    scene.pass(5_000);
    scene.says("abandon 2");
    assert_eq!(scene.dial.stale_answer(scene.now), stale, "the deadline has passed");

    // The waiting call has given up.
    let mut scene = Scene::new(&named(), &in_turn());
    scene.resolved(&[A]);
    scene.dial.needed_by(Some(scene.now.after(Duration::from_secs(1))), scene.now);
    scene.begin(0);
    scene.pass(999);
    assert_eq!(scene.dial.stale_answer(scene.now), None);
    scene.pass(1);
    assert_eq!(scene.dial.stale_answer(scene.now), stale);
    assert_eq!(scene.dial.stale_answer(scene.now), None);

    // The attempt that lost the race has not failed.
    let mut scene = Scene::new(&named(), &racing());
    scene.resolved(&[A6, A]);
    scene.begin(0);
    scene.pass(250);
    scene.begin(1);
    scene.dial.connected(1, scene.now);
    scene.dial.abandoned(0);
    assert_eq!(scene.dial.stale_answer(scene.now), None);

    // The bytes answer no request.
    let mut scene = Scene::new(&Key::direct(http("192.0.2.1", 80)), &in_turn());
    scene.begin(0);
    scene.dial.connect_failed(0, IoKind::Refused, scene.now);
    assert_eq!(scene.dial.stale_answer(scene.now), None);
}

#[test]
fn without_timeouts_nothing_is_waited_for() {
    let mut policy = with_tls();
    (policy.resolve_timeout, policy.connect_timeout, policy.tls_timeout) = (None, None, None);
    let mut scene = Scene::new(&Key::direct(https("a.test", 443)), &policy);
    scene.dial.resolving(scene.now);
    scene.waits_for(None);
    scene.resolved(&[A, B]);
    scene.begin(0);
    scene.waits_for(None);
    scene.dial.connected(0, scene.now);
    scene.waits_for(None);
    scene.says("start-tls 0 a.test");
}

#[test]
fn what_comes_out_of_turn_changes_nothing() {
    let mut scene = Scene::new(&named(), &with_tls());
    let disturb = |scene: &mut Scene| {
        let before = scene.dial.next().to_string();
        scene.dial.tls_up("", scene.now);
        scene.dial.tls_failed(TlsKind::Alert(40), scene.now);
        scene.dial.lost(IoKind::Reset, scene.now);
        assert_eq!(scene.dial.receive(b"HTTP/1.1 200 OK\r\n\r\n", scene.now), 0);
        scene.dial.handle_timeout(scene.now);
        scene.dial.connect_failed(7, IoKind::Refused, scene.now);
        scene.dial.abandoned(9);
        assert_eq!(scene.transmits(), b"");
        scene.says(&before);
    };
    disturb(&mut scene);
    scene.dial.resolving(scene.now);
    disturb(&mut scene);
    scene.resolved(&[A, B]);
    disturb(&mut scene);
    scene.begin(0);
    disturb(&mut scene);
    scene.resolved(&[B6]);
    scene.says("wait");
    scene.dial.connected(0, scene.now);
    scene.says("ready 0");
    disturb(&mut scene);
}

#[test]
fn the_trace_tells_the_story() {
    let mut scene = Scene::new(&Key::direct(https("a.test", 443)), &with_tls());
    let lines = Lines::of(&mut scene.dial);
    scene.resolved(&["192.0.2.1:443", "192.0.2.2:443"]);
    scene.begin(0);
    scene.pass(4_999);
    scene.pass(1);
    scene.dial.abandoned(0);
    scene.begin(1);
    scene.dial.connected(1, scene.now);
    scene.dial.tls_up("", scene.now);
    assert_eq!(
        lines.taken(),
        [
            "0.000000 d3 < dial https://a.test",
            "0.000000 d3 > resolve a.test:443",
            "0.000000 d3 < resolving",
            "0.000000 d3 > wait",
            "0.000000 d3 < resolved 192.0.2.1:443,192.0.2.2:443",
            "0.000000 d3 > connect 0 192.0.2.1:443",
            "0.000000 d3 < connecting 0",
            "0.000000 d3 > wait",
            "5.000000 d3 < timeout",
            "5.000000 d3 > abandon 0",
            "5.000000 d3 < abandoned 0",
            "5.000000 d3 > connect 1 192.0.2.2:443",
            "5.000000 d3 < connecting 1",
            "5.000000 d3 > wait",
            "5.000000 d3 < connected 1",
            "5.000000 d3 > start-tls 0 a.test",
            "5.000000 d3 < tls-up",
            "5.000000 d3 > ready 1",
        ]
    );
}
