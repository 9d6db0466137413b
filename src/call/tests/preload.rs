//! Bodies of responses that are a part of their attempt.

use super::*;

fn preloading(total: u32) -> Policy {
    let mut policy = retrying(total);
    policy.preload = true;
    policy
}

const SHORT: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort";

/// Answers the step that comes before another attempt.
#[track_caller]
fn restart(world: &mut World) -> &mut World {
    assert_eq!(world.call.next(), Next::Restart);
    assert!(!world.call.released(&mut world.conn, b"", world.now), "not before it is answered");
    world.call.restarted(world.now);
    world.release(b"");
    world
}

#[test]
fn a_body_that_is_lost_or_corrupt_begins_another_attempt() {
    let broken: [fn(&mut World); 4] = [
        |world| {
            world.says(SHORT).eof(true);
        },
        |world| {
            world.says(SHORT).eof(false);
        },
        |world| {
            world.says(SHORT).after(seconds(60));
        },
        |world| {
            world.says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhixx\r\n");
        },
    ];
    for breaks in broken {
        let mut world = World::get(preloading(1));
        breaks(world.lease(false).written());
        restart(&mut world).lease(false).written().says(OK);
        assert_eq!(world.told.len(), 5, "{:?}", world.told);
        assert_eq!((world.call.next(), &world.kept[..]), (Next::Done, &[false, true][..]));
        assert!(world.call.history()[0].cause.is_some());
        assert_eq!(world.call.incomplete(), None);
    }
}

#[test]
fn a_body_that_is_streamed_is_never_asked_for_again() {
    let mut world = World::get(retrying(3));
    world.lease(false).written().says(SHORT).eof(true);
    assert_eq!(world.failed().kind(), ErrorKind::IncompleteRead);
    assert!(!world.call.retries_spent());
}

#[test]
fn a_failed_body_counts_as_a_read_error_of_its_method() {
    let mut world = World::new(post(true), preloading(3));
    world.lease(false).written().body(3).says(SHORT).eof(true);
    assert_eq!(world.failed().kind(), ErrorKind::IncompleteRead);
    let mut policy = preloading(3);
    policy.retry.methods = None;
    let mut world = World::new(post(true), policy.clone());
    world.lease(false).written().body(3).says(SHORT).eof(true);
    restart(&mut world);
    assert_eq!(world.call.next(), Next::Rewind);
    let mut world = World::new(post(false), policy);
    world.lease(false).written().body(3).says(SHORT).eof(true);
    assert_eq!(world.failed().kind(), ErrorKind::IncompleteRead);
    let mut policy = preloading(3);
    policy.retry.read = Some(0);
    let mut world = World::get(policy);
    world.lease(false).written().says(SHORT).eof(true);
    assert!(world.call.retries_spent() && world.failed().phase == Phase::Body);
}

#[test]
fn the_total_deadline_ends_a_preloaded_body_for_good() {
    let mut policy = preloading(3);
    policy.timeout.total = Some(seconds(9));
    let mut world = World::get(policy);
    world.lease(false).written().says(SHORT).after(seconds(9));
    assert_eq!(world.failed().cause, Cause::Timeout(Deadline::Total));
}

#[test]
fn a_failure_between_two_attempts_needs_no_restart() {
    let mut world = World::get(preloading(3));
    world.lease(false).written().says(SHORT).eof(true);
    world.call.cancel(world.now);
    world.release(b"");
    assert_eq!(world.failed().cause, Cause::Cancelled);
    let mut world = World::get(preloading(3));
    world.lease(false).written().says(SHORT).eof(true);
    restart(&mut world);
    world.call.lease_failed(Unavailable::Dial(DialError::Name), world.now);
    assert_eq!(world.call.next(), Next::Checkout, "there is nothing to forget any more");
}

#[test]
fn a_response_whose_request_cannot_be_sent_is_not_asked_for_again() {
    let mut policy = preloading(3);
    policy.retry.methods = None;
    let mut world = World::new(post(true), policy);
    world.lease(false).written().says(SHORT);
    world.call.write_failed(IoKind::Reset, world.now);
    world.eof(false);
    assert_eq!(world.unsent(), (200, "0 of 3 bytes".into()));
}
