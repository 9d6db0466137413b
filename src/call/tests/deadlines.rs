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
        let request = Request::post("http://a/").body(Body::Known { len: 9, replayable: true });
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
    world.call.pause(true, world.now);
    assert_eq!(world.call.poll_timeout(), None);
    world.after(seconds(1_000));
    world.call.pause(false, world.now);
    assert_eq!(world.call.poll_timeout(), Some((world.now.after(seconds(60)), Deadline::Stall)));
}

#[test]
fn a_paused_reader_stops_no_clock_of_what_is_for_nobody() {
    let mut world = World::get(Policy::default());
    world.lease(false).written();
    world.call.pause(true, world.now);
    world.says(b"HTTP/1.1 302 R\r\nLocation: /2\r\nContent-Length: 9\r\n\r\n");
    assert_eq!(world.call.poll_timeout().unwrap().1, Deadline::Stall);

    let mut world = World::get(Policy::default());
    world.lease(false).written().says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    world.call.discard(world.now);
    world.call.pause(true, world.now);
    assert_eq!(world.call.poll_timeout().unwrap().1, Deadline::Stall);
}
