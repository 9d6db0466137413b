//! Attempts after the first: the stale rule, and retries.

use super::*;

#[test]
fn a_dead_idle_connection_sends_a_get_again_and_in_front() {
    for clean in [true, false] {
        let mut world = World::get(Policy::default());
        world.lease(true).written().eof(clean);
        assert!(world.call.want().fresh);
        world.lease(false).written().says(OK);
        assert_eq!((world.call.next(), world.call.history().len()), (Next::Done, 0));
    }
}

#[test]
fn only_a_connection_that_had_served_can_be_stale() {
    let mut world = World::get(Policy::default());
    world.lease(false).written().eof(true);
    assert_eq!(world.failed().cause, Cause::Lost(IoKind::Eof));
    assert_eq!(world.failed().reached, Reached::Sent);
}

#[test]
fn a_post_whose_bytes_have_left_is_never_sent_again_unasked() {
    let mut world = World::new(post(true), Policy::default());
    world.lease(true).written().body(3).eof(true);
    assert_eq!(world.failed().reached, Reached::Sent);

    let mut policy = Policy::default();
    policy.repeat_unsafe = true;
    let mut world = World::new(post(true), policy);
    world.lease(true).written().body(3).eof(true);
    assert_eq!(world.call.next(), Next::Rewind);
}

#[test]
fn a_post_of_which_nothing_left_is_sent_again() {
    let mut world = World::new(post(true), Policy::default());
    world.lease(true);
    world.call.write_failed(IoKind::Reset, world.now);
    world.eof(false);
    assert_eq!(world.call.next(), Next::Checkout);
    assert!(world.call.want().fresh);
}

#[test]
fn an_answer_that_had_begun_ends_the_stale_rule() {
    let mut world = World::get(Policy::default());
    world.lease(true).written().says(b"HTTP/1.1 2").eof(true);
    assert_eq!(world.failed().cause, Cause::Violation(Violation::Truncated));
    assert_eq!(world.failed().reached, Reached::Answered);
}

#[test]
fn input_before_a_byte_has_left_answers_nothing() {
    let mut world = World::get(Policy::default());
    world.lease(true).says(b"HTTP/1.1 200 EVIL\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((world.call.next(), world.kept.clone()), (Next::Checkout, vec![false]));
    assert!(world.call.want().fresh && world.told.is_empty());
    world.lease(false).says(b"HTTP/1.1 200 EVIL\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(world.failed().cause, Cause::Violation(Violation::Unsolicited));
}

#[test]
fn a_status_is_tried_again_after_what_retry_after_says_with_no_connection_held() {
    let mut world = World::get(retrying(3));
    world.lease(false).written();
    world.says(b"HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((world.call.next(), world.kept.clone()), (Next::Wait, vec![true]));
    assert_eq!(world.call.poll_timeout(), Some((world.now.after(seconds(5)), Deadline::Backoff)));
    world.after(seconds(5)).lease(false).written().says(OK);
    assert_eq!(world.call.next(), Next::Done);
}

#[test]
fn a_trace_tells_how_long_a_pause_is_and_who_wants_it() {
    let mut policy = retrying(3);
    policy.retry.backoff = seconds(1) / 4;
    let mut world = World::get(policy);
    world.call.set_trace(Trace::keeping(100, Who::Call(0), None), world.now);
    for head in ["Retry-After: 5\r\n", "Retry-After: 0\r\n", ""] {
        world.lease(false).written();
        let answer = format!("HTTP/1.1 503 Busy\r\n{head}Content-Length: 0\r\n\r\n");
        world.says(answer.as_bytes()).after(seconds(5));
    }
    let recent = world.call.recent_trace().unwrap();
    let waits: Vec<_> = recent.lines().filter_map(|line| line.split_once("> wait ")).collect();
    let waits: Vec<_> = waits.into_iter().map(|(_, wait)| wait).collect();
    assert_eq!(waits, ["5 s, as the server asked", "0.5 s", "1 s"]);
}

#[test]
fn a_pause_beyond_the_total_deadline_hands_the_answer_over() {
    let mut policy = retrying(3);
    policy.timeout.total = Some(seconds(2));
    let mut world = World::get(policy);
    world.lease(false).written();
    world.says(b"HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(world.told, ["head 503", "end"]);
}

#[test]
fn spent_retries_are_an_error_or_an_answer() {
    let busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    let mut world = World::get(retrying(1));
    world.lease(false).written().says(busy);
    world.lease(false).written().says(busy);
    assert_eq!(world.failed().cause, Cause::Status(503));
    let mut policy = retrying(1);
    policy.retry.raise_on_status = false;
    let mut world = World::get(policy);
    world.lease(false).written().says(busy);
    world.lease(false).written().says(busy);
    assert_eq!(world.told, ["head 503", "end"]);
}

#[test]
fn a_failed_dial_is_tried_again_for_any_method() {
    let why = Unavailable::Dial(DialError::Connect(IoKind::Refused));
    let mut world = World::new(post(false), retrying(1));
    world.call.lease_failed(why, world.now);
    assert_eq!(world.call.next(), Next::Checkout);
    assert!(world.call.want().retry);
    world.call.lease_failed(why, world.now);
    assert_eq!(world.failed().cause, Cause::Unavailable(why));
    assert_eq!(world.failed().reached, Reached::Nothing);
}

#[test]
fn a_refused_retry_budget_tells_the_failure_before() {
    let mut world = World::get(retrying(3));
    world.lease(false).written().eof(true);
    world.call.lease_failed(Unavailable::RetryBudget, world.now);
    assert_eq!(world.failed().cause, Cause::Lost(IoKind::Eof));
}

#[test]
fn a_failure_before_a_byte_has_left_is_tried_again_for_any_method() {
    let mut world = World::new(post(true), retrying(1));
    world.lease(false);
    world.call.write_failed(IoKind::Reset, world.now);
    world.eof(false);
    assert_eq!((world.call.next(), world.call.history().len()), (Next::Checkout, 1));

    let mut world = World::new(post(true), retrying(1));
    world.lease(false).written().body(3).eof(false);
    assert_eq!(world.failed().cause, Cause::Lost(IoKind::Reset));
}

#[test]
fn nothing_written_is_no_progress() {
    let mut world = World::get(Policy::default());
    world.call.written(1, world.now);
    assert_eq!(world.call.reached(), Reached::Nothing);
    world.lease(false);
    let deadline = world.call.poll_timeout();
    world.now = world.now.after(seconds(1));
    world.call.written(0, world.now);
    assert_eq!((world.call.reached(), world.call.poll_timeout()), (Reached::Nothing, deadline));
}
