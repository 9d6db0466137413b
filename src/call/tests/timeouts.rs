//! The timeouts of urllib3: connect, read, total.

use super::*;
use crate::call::{Timeout, timeout::Clocks};

fn of(connect: u64, read: u64, total: u64) -> Timeout {
    let time = |time| (time > 0).then(|| seconds(time));
    Timeout::urllib3(time(connect), time(read), time(total)).unwrap()
}

#[test]
fn a_timeout_of_zero_is_refused_by_its_name() {
    let zero = Some(Duration::ZERO);
    for (timeout, name) in [
        (Timeout::urllib3(zero, None, None), "connect"),
        (Timeout::urllib3(None, zero, None), "read"),
        (Timeout::urllib3(None, None, zero), "total"),
    ] {
        let text = timeout.unwrap_err().to_string();
        assert!(text.starts_with(&format!("the {name} timeout is 0")), "{text}");
    }
}

#[test]
fn a_total_of_zero_passes_at_once() {
    let mut policy = Policy::default();
    policy.timeout.total = Some(Duration::ZERO);
    let mut world = World::get(policy);
    world.after(Duration::ZERO);
    assert_eq!(world.failed().cause, Cause::Timeout(Deadline::Total));
}

#[test]
fn a_connection_is_needed_by_the_sooner_of_connect_and_total() {
    let now = Instant::from_nanos(0);
    for ((connect, total), by) in [((2, 9), 2), ((9, 2), 2), ((0, 9), 9), ((2, 0), 2)] {
        let timeout = of(connect, 0, total);
        let by_then = Clocks::start(&timeout, now).needed_by(timeout.connect, now);
        assert_eq!(by_then, Some(now.after(seconds(by))), "{connect} {total}");
    }
    let none = of(0, 0, 0);
    assert_eq!(Clocks::start(&none, now).needed_by(none.connect, now), None);
}

#[test]
fn read_bounds_the_first_byte_and_each_gap_of_the_body_within_what_is_left_of_total() {
    for ((read, total), (head, body)) in [
        ((7, 0), ((7, Deadline::FirstByte), (7, Deadline::Stall))),
        ((7, 10), ((7, Deadline::FirstByte), (6, Deadline::Total))),
        ((0, 10), ((10, Deadline::Total), (6, Deadline::Total))),
        ((60, 10), ((10, Deadline::Total), (6, Deadline::Total))),
    ] {
        let policy = Policy { timeout: of(0, read, total), ..Policy::default() };
        let mut world = World::get(policy);
        world.lease(false).written();
        let due = |world: &World| {
            let (at, which) = world.call.poll_timeout().unwrap();
            (at.since(world.now).as_secs(), which)
        };
        assert_eq!(due(&world), head, "{read} {total}");
        world.after(seconds(4)).says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1");
        assert_eq!(due(&world), body, "{read} {total}");
    }
    let mut world = World::get(Policy { timeout: of(0, 0, 0), ..Policy::default() });
    world.lease(false).written().says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1");
    assert_eq!(world.call.poll_timeout(), None, "None is without bound");
}

#[test]
fn each_drip_of_a_body_prolongs_read_and_not_total() {
    let mut world = World::get(Policy { timeout: of(0, 3, 10), ..Policy::default() });
    world.lease(false).written().says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    for _ in 0..4 {
        world.after(seconds(2)).says(b"x");
    }
    world.after(seconds(2));
    assert_eq!(world.failed().cause, Cause::Timeout(Deadline::Total));
}

#[test]
fn the_setter_read_sets_both_waits_for_the_server() {
    let timeout = Timeout::default().read(seconds(5));
    assert_eq!((timeout.first_byte, timeout.stall), (Some(seconds(5)), Some(seconds(5))));
    assert_eq!(timeout.read(None).stall, None);
    let text = format!("{:?}", of(1, 2, 3));
    assert!(text.contains("connect: Some(1s)") && text.contains("total: Some(3s)"), "{text}");
}

#[test]
fn the_debug_text_of_a_timeout_has_its_times() {
    let text = format!("{:?}", of(1, 2, 3));
    for part in ["connect: Some(1s)", "first_byte: Some(2s)", "stall: Some(2s)", "total: Some(3s)"]
    {
        assert!(text.contains(part), "{text}");
    }
}
