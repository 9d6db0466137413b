//! Deadlines, and the clocks that stand still.

use super::*;

#[test]
fn each_phase_has_its_deadline() {
    let late = |world: &mut World| {
        let (at, which) = world.call.poll_timeout().unwrap();
        world.after(at.since(world.now));
        assert_eq!(world.failed().cause, Cause::Timeout(which));
        which
    };
    assert_eq!(late(&mut World::get(Policy::default())), Deadline::Queue);
    assert_eq!(late(World::get(Policy::default()).lease(false)), Deadline::Write);
    assert_eq!(late(World::get(Policy::default()).lease(false).written()), Deadline::FirstByte);
    let mut reading = World::get(Policy::default());
    reading.lease(false).written().says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    assert_eq!(late(&mut reading), Deadline::Stall);
    assert_eq!(reading.failed().reached, Reached::Answered);
}

#[test]
fn the_total_deadline_binds_in_every_state() {
    let mut policy = retrying(9);
    policy.timeout.total = Some(seconds(3));
    let total = Cause::Timeout(Deadline::Total);
    let mut line = World::get(policy.clone());
    assert_eq!(line.after(seconds(3)).failed().cause, total);
    let mut busy = World::get(policy.clone());
    assert_eq!(busy.lease(false).written().after(seconds(3)).failed().cause, total);
    let mut waiting = World::get(policy);
    waiting.lease(false).written();
    waiting.says(b"HTTP/1.1 503 Busy\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(waiting.call.next(), Next::Wait);
    assert_eq!(waiting.after(seconds(2)).call.next(), Next::Checkout);
    assert_eq!(waiting.after(seconds(1)).failed().cause, total);
}

/// The connection ends the sending of itself: no body is sent, and what is read has its deadline.
#[test]
fn an_answer_that_cuts_the_request_off_is_waited_for_with_a_deadline() {
    for (expects, answer) in [(true, "403 No"), (false, "200 OK\r\nConnection: close")] {
        let request =
            Request::post("http://a/").body(BodyLength::Known { len: 9, replayable: true });
        let request = request.expect_continue(expects).build().unwrap();
        let mut world = World::new(request, Policy::default());
        world.lease(false).written();
        if !expects {
            assert!(world.call.send_body(&mut world.conn, 3, false, world.now).is_some());
            world.call.written(1, world.now);
        }
        world.says(format!("HTTP/1.1 {answer}\r\nContent-Length: 9\r\n\r\n").as_bytes());
        assert!(!world.call.sends() && world.call.next() == Next::Exchange);
        assert_eq!(world.call.poll_timeout().unwrap().1, Deadline::Stall);
        world.says(b"wonderful");
        assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
    }
}

#[test]
fn a_paused_reader_stops_the_stall_clock() {
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    world.call.pause(world.now);
    assert_eq!(world.call.poll_timeout(), None);
    world.after(seconds(1_000));
    world.call.resume(world.now);
    assert_eq!(world.call.poll_timeout(), Some((world.now.after(seconds(60)), Deadline::Stall)));
}

#[test]
fn a_paused_reader_stops_no_clock_of_what_is_for_nobody() {
    let mut world = World::get(Policy::default());
    world.lease(false).written();
    world.call.pause(world.now);
    world.says(b"HTTP/1.1 302 R\r\nLocation: /2\r\nContent-Length: 9\r\n\r\n");
    assert_eq!(world.call.poll_timeout().unwrap().1, Deadline::Drain);

    let mut world = World::get(Policy::default());
    world.lease(false).written().says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    world.call.discard(world.now);
    world.call.pause(world.now);
    assert_eq!(world.call.poll_timeout().unwrap().1, Deadline::Drain);
}

const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Says one byte of `drip` after each `gap`, until the call has ended. How many it took.
fn drips(world: &mut World, drip: &[u8], gap: Duration) -> usize {
    for (said, byte) in drip.iter().enumerate() {
        world.after(gap);
        if !matches!(world.call.next(), Next::Exchange) {
            return said;
        }
        world.says(&[*byte]);
    }
    drip.len()
}

#[test]
fn a_drip_of_framing_does_not_outlast_the_stall_deadline() {
    let drips_of = [
        &b"00000000000000000000000001\r\nx\r\n"[..],
        b"1;extension=of-some-length\r\nx\r\n",
        b"1\r\nx\r\n000000000000000000000",
        b"0\r\nTrailer: of some length\r\n\r\n",
    ];
    for drip in drips_of {
        let mut world = World::get(Policy::default());
        world.lease(false).written().says(CHUNKED);
        drips(&mut world, drip, seconds(10));
        assert_eq!(world.failed().cause, Cause::Timeout(Deadline::Stall));
        // 60 s after the head, or after the only byte of body there was.
        let body = if drip.starts_with(b"1\r\nx") { 40 } else { 0 };
        assert_eq!(world.now, at(60 + body), "{}", String::from_utf8_lossy(drip));
    }
}

#[test]
fn bytes_of_the_body_begin_the_stall_deadline_again() {
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
    assert_eq!(drips(&mut world, &[b'x'; 19], seconds(50)), 19);
    assert_eq!(world.call.poll_timeout(), Some((at(19 * 50 + 60), Deadline::Stall)));
}

#[test]
fn a_reader_that_pauses_now_and_then_does_not_prolong_a_drip_of_framing() {
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(CHUNKED);
    for _ in 0..6 {
        assert_eq!(world.call.next(), Next::Exchange);
        world.after(seconds(10)).says(b"0");
        world.call.pause(world.now);
        world.after(seconds(1_000));
        world.call.resume(world.now);
    }
    world.after(Duration::ZERO);
    assert_eq!(world.failed().cause, Cause::Timeout(Deadline::Stall));
}

#[test]
fn what_comes_before_the_final_head_does_not_prolong_the_wait_for_it() {
    let interim: &[u8] = b"HTTP/1.1 102 Processing\r\n\r\n";
    for said in [&interim[..1], interim] {
        let mut world = World::get(Policy::default());
        world.lease(false).written();
        for _ in 0..5 {
            world.after(seconds(10)).says(said);
            assert_eq!(world.call.poll_timeout(), Some((at(60), Deadline::FirstByte)));
        }
        assert_eq!(world.after(seconds(10)).failed().cause, Cause::Timeout(Deadline::FirstByte));
    }
}

/// 100 bytes in each 10 seconds.
fn with_rate() -> World {
    let mut policy = Policy::default();
    policy.timeout.stall = None;
    policy.timeout.rate = Some(MinRate::new(10, seconds(10)));
    let mut world = World::get(policy);
    world.lease(false).written();
    assert_eq!(world.call.poll_timeout(), Some((at(60), Deadline::FirstByte)));
    world.says(CHUNKED);
    world
}

#[test]
fn a_body_that_comes_too_slowly_misses_the_rate_deadline() {
    let mut world = with_rate();
    assert_eq!(world.call.poll_timeout(), Some((at(10), Deadline::Rate)));
    // Extensions are no bytes of the body.
    let piece = format!("32;{}\r\n{}\r\n", "e".repeat(90), "x".repeat(50));
    world.after(seconds(4)).says(piece.as_bytes());
    assert_eq!(world.call.poll_timeout(), Some((at(10), Deadline::Rate)));
    // The next window begins as soon as this one has its 100 bytes.
    world.after(seconds(4)).says(piece.as_bytes());
    assert_eq!(world.call.poll_timeout(), Some((at(18), Deadline::Rate)));
    let much = format!("3e8\r\n{}\r\n", "x".repeat(1_000));
    world.after(seconds(1)).says(much.as_bytes());
    assert_eq!(world.call.poll_timeout(), Some((at(19), Deadline::Rate)));
    assert_eq!(world.after(seconds(10)).failed().cause, Cause::Timeout(Deadline::Rate));
}

#[test]
fn the_window_of_the_rate_stands_still_while_the_reader_pauses() {
    let mut world = with_rate();
    world.after(seconds(7));
    world.call.pause(world.now);
    assert_eq!(world.call.poll_timeout(), None);
    world.after(seconds(1_000));
    world.call.resume(world.now);
    assert_eq!(world.call.poll_timeout(), Some((at(1_010), Deadline::Rate)));
    world.says(&[b"64\r\n".to_vec(), vec![b'x'; 100]].concat());
    assert_eq!(world.call.poll_timeout(), Some((at(1_017), Deadline::Rate)));
    world.says(b"\r\n0\r\n\r\n");
    assert_eq!((world.call.next(), world.call.poll_timeout()), (Next::Done, None));
}

#[test]
fn bytes_that_come_during_a_pause_count_and_leave_the_clocks_standing() {
    let mut world = with_rate();
    world.call.pause(world.now);
    world.says(&[b"64\r\n".to_vec(), vec![b'x'; 100]].concat());
    assert_eq!(world.call.poll_timeout(), None);
    world.after(seconds(100));
    world.call.resume(world.now);
    assert_eq!(world.call.poll_timeout(), Some((at(110), Deadline::Rate)));
}

/// The head of a response whose body nobody wants, and has not begun.
fn unwanted(status: u16) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} X\r\nLocation: /2\r\nContent-Length: 60000\r\n\r\n");
    head.into_bytes()
}

#[test]
fn an_unwanted_body_costs_bounded_time() {
    for status in [302, 503] {
        let mut world = World::get(retrying(9));
        world.lease(false).written().says(&unwanted(status));
        assert!(world.call.is_draining());
        // Each byte is too late to prolong it, and the connection is not kept.
        for _ in 0..5 {
            assert_eq!(world.call.poll_timeout(), Some((after_millis(500), Deadline::Drain)));
            world.after(Duration::from_millis(100)).says(b"x");
        }
        assert_eq!((world.call.next(), world.kept.clone()), (Next::Checkout, vec![false]));
        assert!(!world.call.is_draining());
        world.lease(false).written().says(OK);
        assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false, true]));
    }
}

#[test]
fn a_discarded_body_costs_bounded_time() {
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(&unwanted(200));
    world.after(seconds(7));
    assert!(world.call.discard(world.now));
    assert_eq!(world.call.poll_timeout().unwrap().0, world.now.after(Duration::from_millis(500)));
    world.after(Duration::from_millis(500));
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
}

#[test]
fn the_total_deadline_binds_while_an_unwanted_body_is_read() {
    let mut policy = Policy::default();
    policy.timeout.total = Some(Duration::from_millis(200));
    policy.drain_time_max = DrainTime(seconds(9));
    let mut world = World::get(policy);
    world.lease(false).written().says(&unwanted(302));
    assert_eq!(world.call.poll_timeout(), Some((after_millis(200), Deadline::Total)));
    world.after(Duration::from_millis(200));
    assert_eq!(world.failed().cause, Cause::Timeout(Deadline::Total));
}

#[test]
fn no_time_to_drain_takes_what_has_come() {
    let mut policy = Policy::default();
    policy.drain_time_max = DrainTime(Duration::ZERO);
    let mut world = World::get(policy);
    world.lease(false).written().says(&redirect(302, "/2"));
    assert_eq!((world.call.next(), world.kept.clone()), (Next::Checkout, vec![true]));
    world.lease(false).written().says(&unwanted(302));
    world.after(Duration::ZERO);
    assert_eq!((world.call.next(), world.kept), (Next::Checkout, vec![true, false]));
}

#[test]
fn a_drain_does_not_prolong_the_wait_that_was_asked_for() {
    let mut world = World::get(retrying(9));
    world.lease(false).written();
    world.says(b"HTTP/1.1 503 Busy\r\nRetry-After: 2\r\nContent-Length: 60000\r\n\r\n");
    world.after(Duration::from_millis(500));
    assert_eq!((world.call.next(), world.kept.clone()), (Next::Wait, vec![false]));
    assert_eq!(world.call.poll_timeout(), Some((at(2), Deadline::Backoff)));
}

fn at(seconds: u64) -> Instant {
    Instant::from_nanos(seconds * 1_000_000_000)
}

fn after_millis(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

/// Of a call whose connect deadline has passed.
const NOT_OPENED: Cause =
    Cause::Unavailable(Unavailable::Dial(DialError::Timeout(Deadline::Connect)));

#[test]
fn the_connect_deadline_of_the_call_runs_while_a_connection_is_opened_for_it() {
    let mut policy = Policy::default();
    policy.timeout.connect = Some(seconds(3));
    let mut world = World::get(policy);
    assert_eq!(world.call.poll_timeout().unwrap().1, Deadline::Queue);
    world.call.dialing(true, world.now);
    let until = world.now.after(seconds(3));
    assert_eq!(world.call.poll_timeout(), Some((until, Deadline::Connect)));
    assert_eq!(world.call.needed_by(world.now), Some(until));
    // Another connection is opened for it instead: the clock goes on.
    world.after(seconds(2));
    world.call.dialing(true, world.now);
    assert_eq!(world.call.poll_timeout(), Some((until, Deadline::Connect)));
    assert_eq!(world.after(seconds(1)).call.next(), Next::Leave);
    assert_eq!(world.call.poll_timeout(), None);
    world.call.left(world.now);
    let failed = world.failed();
    assert_eq!((failed.cause, failed.reached), (NOT_OPENED, Reached::Nothing));
}

#[test]
fn a_connect_deadline_ends_with_the_dial_and_is_retried_as_a_failed_connect() {
    let mut policy = Policy::default();
    policy.timeout.connect = Some(seconds(3));
    policy.retry = Retry::new(0);
    policy.retry.total = None;
    policy.retry.connect = Some(1);
    let mut world = World::get(policy);
    world.call.dialing(true, world.now);
    world.after(seconds(2));
    world.call.dialing(false, world.now);
    assert_eq!(world.call.poll_timeout().unwrap().1, Deadline::Queue);
    world.after(seconds(5));
    world.call.dialing(true, world.now);
    assert_eq!(world.after(seconds(3)).call.next(), Next::Leave);
    world.call.left(world.now);
    assert_eq!(world.call.next(), Next::Checkout);
    assert_eq!(world.call.history()[0].cause, Some(NOT_OPENED));
    // The second attempt has the whole time again, and it is the last.
    world.call.dialing(true, world.now);
    assert_eq!(world.after(seconds(2)).call.next(), Next::Checkout);
    assert_eq!(world.after(seconds(1)).call.next(), Next::Leave);
    world.call.left(world.now);
    assert_eq!(world.failed().cause, NOT_OPENED);
}

#[test]
fn a_call_that_leaves_the_line_can_be_cancelled_and_has_its_total_deadline() {
    for total in [None, Some(seconds(4))] {
        let mut policy = Policy::default();
        policy.timeout.connect = Some(seconds(3));
        policy.timeout.total = total;
        let mut world = World::get(policy);
        world.call.dialing(true, world.now);
        assert_eq!(world.after(seconds(3)).call.next(), Next::Leave);
        match total {
            None => world.call.cancel(world.now),
            Some(_) => drop(world.after(seconds(1))),
        }
        let cause = total.map_or(Cause::Cancelled, |_| Cause::Timeout(Deadline::Total));
        assert_eq!(world.failed().cause, cause);
        world.call.left(world.now);
        assert_eq!(world.failed().cause, cause);
    }
}

#[test]
fn a_dial_for_a_call_has_at_least_the_connect_timeout_of_the_call() {
    let dial = dial::DialPolicy::default().connect_timeout(Some(seconds(10)));
    for (own, timeout) in [(None, 10), (Some(3), 10), (Some(20), 20)] {
        let mut policy = Policy::default();
        policy.timeout.connect = own.map(seconds);
        let call = World::get(policy).call;
        assert_eq!(call.dial_policy(&dial).connect_timeout, Some(seconds(timeout)));
        assert_eq!(call.dial_policy(&dial.clone().connect_timeout(None)).connect_timeout, None);
    }
}
