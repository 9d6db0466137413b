//! Tests of the timings that a call collects.

use super::*;
use crate::{
    call::{AttemptCause, Phases, Timings},
    dial::{Connected, Dial, DialPolicy, StepKind},
    id::ConnId,
    message::{Key, Origin, Scheme},
};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn timed(request: Request, policy: Policy) -> World {
    let mut world = World::new(request, policy);
    world.call.set_timings();
    world
}

fn get(policy: Policy) -> World {
    timed(Request::get("http://a/1").build().unwrap(), policy)
}

fn timings(world: &World) -> &Timings {
    world.call.timings().unwrap()
}

fn pass(world: &mut World, millis: u64) -> &mut World {
    world.now = world.now.after(ms(millis));
    world
}

fn conn(number: u64) -> ConnId {
    ConnId::from_bits(number)
}

#[test]
fn a_call_that_is_not_asked_to_collects_no_timings() {
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(OK);
    assert!(world.call.timings().is_none());
}

#[test]
fn the_phases_of_an_attempt_follow_each_other_and_their_sum_is_its_time() {
    let mut world = get(Policy::default());
    world.call.lent(conn(7), world.now);
    pass(&mut world, 1).lease(false);
    pass(&mut world, 2).written();
    pass(&mut world, 4);
    let taken = world.call.receive(&mut world.conn, &OK[..1], world.now).0;
    assert_eq!(taken, 0);
    pass(&mut world, 8).says(OK);
    let timings = timings(&world);
    let [only] = &timings.attempts[..] else { panic!("{timings:?}") };
    assert_eq!(
        (only.cause, only.connection, only.reused),
        (AttemptCause::First, Some(conn(7)), false)
    );
    let phases = only.phases();
    let expected =
        Phases { queue: ms(1), send: ms(2), wait: ms(4), receive: ms(8), ..Phases::default() };
    assert_eq!(phases, expected);
    assert_eq!((phases.total(), timings.ended), (ms(15), Some(ms(15))));
    assert_eq!(only.head, Some(ms(15)));
    let head = OK.len() as u64 - 2;
    assert_eq!((only.bytes_sent, only.head_bytes, only.body_bytes), (28, head, 2));
    assert_eq!((only.status, only.failure), (Some(Status::OK), None));
}

#[test]
fn a_redirect_a_retry_and_a_stale_connection_are_attempts_with_their_causes() {
    let mut policy = retrying(3);
    policy.retry.backoff = ms(100);
    policy.retry.backoff_jitter = Duration::ZERO;
    let mut world = get(policy);
    attempt_after(&mut world, &redirect(302, "/2"));
    pass(&mut world, 5).lease(true).written();
    pass(&mut world, 6).eof(true);
    world.lease(false).written();
    pass(&mut world, 7).eof(false);
    // urllib3: only later retries wait.
    world.lease(false).written().eof(false);
    assert_eq!(world.call.next(), Next::Wait);
    let waits = world.call.poll_timeout().unwrap().0.since(world.now);
    world.after(waits);
    attempt_after(&mut world, OK);

    let timings = timings(&world);
    let causes: Vec<_> = timings.attempts.iter().map(|it| it.cause).collect();
    use AttemptCause::{First, Redirect, Retry, Stale};
    assert_eq!(causes, [First, Redirect, Stale, Retry, Retry]);
    let [first, second, third, fourth, last] = &timings.attempts[..] else { panic!("{causes:?}") };
    assert_eq!((first.url.path(), second.url.path()), ("/1", "/2"));
    assert_eq!((first.status, first.ended), (Status::new(302), Some(second.began)));
    assert_eq!((second.reused, second.phases().wait), (true, ms(6)));
    assert_eq!(second.failure, None, "it is sent again, and not a failure");
    assert_eq!(third.failure, Some(Cause::Lost(IoKind::Reset)));
    assert_eq!(last.began, fourth.ended.unwrap() + waits, "the pause belongs to no attempt");
    assert_eq!((last.status, timings.redirected()), (Some(Status::OK), second.began));
    let sum: Duration = timings.attempts.iter().map(|it| it.phases().total()).sum();
    assert_eq!(Some(sum + waits), timings.ended);
}

fn attempt_after(world: &mut World, answer: &[u8]) {
    pass(world, 1).lease(false).written();
    pass(world, 2).says(answer);
}

#[test]
fn a_failed_call_has_its_failure_and_its_end() {
    let mut world = get(Policy::default());
    let why = Unavailable::Dial(DialError::Connect(IoKind::Refused));
    pass(&mut world, 3);
    world.call.lease_failed(why, world.now);
    let failed = timings(&world);
    assert_eq!(failed.attempts[0].failure, Some(Cause::Unavailable(why)));
    assert_eq!((failed.ended, failed.attempts[0].phases().queue), (Some(ms(3)), ms(3)));

    let mut world = get(Policy::default());
    world.lease(false).written();
    pass(&mut world, 4);
    world.call.cancel(world.now);
    world.release(b"");
    let cancelled = timings(&world);
    assert_eq!(cancelled.attempts[0].failure, Some(Cause::Cancelled));
    assert_eq!((cancelled.ended, cancelled.attempts[0].phases().wait), (Some(ms(4)), ms(4)));
}

#[test]
fn a_dial_adds_each_of_its_steps_also_the_addresses_that_lose() {
    let mut world = timed(Request::get("https://a/").build().unwrap(), Policy::default());
    let key = Key::direct(Origin::new(Scheme::Https, "a", 443));
    let mut policy = DialPolicy::default();
    (policy.tls_available, policy.race_after) = (true, Some(ms(20)));
    pass(&mut world, 1);
    let mut dial = Dial::new(&key, &policy, world.now);
    dial.set_timings();
    dial.resolve_queued(world.now);
    pass(&mut world, 2);
    dial.resolving(world.now);
    pass(&mut world, 3);
    let (six, four) = ("[2001:db8::1]:443".parse().unwrap(), "192.0.2.1:443".parse().unwrap());
    dial.resolved(&[six, four], world.now);
    dial.connecting(0, world.now);
    pass(&mut world, 20);
    dial.handle_timeout(world.now);
    dial.connecting(1, world.now);
    pass(&mut world, 5);
    dial.connected(1, world.now);
    assert_eq!(dial.next(), dial::Next::Abandon { attempt: 0 });
    dial.abandoned(0);
    pass(&mut world, 9);
    dial.tls_up("", world.now);
    world.call.keep_timings_of(conn(3), &dial, world.now);
    world.call.lent(conn(3), world.now);
    world.lease(false);

    let timings = timings(&world);
    let attempt = &timings.attempts[0];
    let (_, dial) = &attempt.dials[0];
    let steps: Vec<_> =
        dial.steps.iter().map(|step| (step.kind, step.began, step.took())).collect();
    let connect = |attempt, addr, outcome| StepKind::Connect { attempt, addr: Some(addr), outcome };
    assert_eq!(
        steps,
        [
            (StepKind::Queue, ms(1), ms(2)),
            (StepKind::LookUp, ms(3), ms(3)),
            (connect(0, six, Some(Connected::Abandoned)), ms(6), ms(25)),
            (connect(1, four, Some(Connected::Won)), ms(26), ms(5)),
            (StepKind::Tls, ms(31), ms(9)),
        ]
    );
    assert_eq!((dial.began, dial.ended, dial.failure), (ms(1), Some(ms(40)), None));
    let phases = attempt.phases();
    assert_eq!(
        (phases.queue, phases.look_up, phases.connect, phases.tls),
        (ms(3), ms(3), ms(25), ms(9))
    );
    assert_eq!((phases.total(), timings.peer(conn(3))), (ms(40), Some(four)));
}

#[test]
fn an_attempt_whose_body_is_set_back_first_has_just_begun() {
    let mut world = timed(post(true), Policy::default());
    world.lease(false).written().body(3);
    pass(&mut world, 2).says(&redirect(307, "/2"));
    assert_eq!(world.call.next(), Next::Rewind);
    pass(&mut world, 1);
    world.call.rewound(world.now);
    world.lease(false).written().body(3);
    pass(&mut world, 4).says(OK);
    let last = &timings(&world).attempts[1];
    assert_eq!((last.began, last.leased, last.ended), (ms(2), Some(ms(3)), Some(ms(7))));
}

#[test]
fn the_body_counts_until_the_application_has_read_it() {
    let mut world = get(Policy::default());
    world.lease(false).written();
    let (head, body) = OK.split_at(OK.len() - 2);
    world.says(head);
    assert_eq!(timings(&world).ended, None);
    pass(&mut world, 50).says(body);
    assert_eq!(timings(&world).attempts[0].phases().receive, ms(50));
}

#[test]
fn an_attempt_answered_before_its_request_was_sent_has_no_wait() {
    let mut world = timed(post(true), Policy::default());
    world.lease(false).written();
    pass(&mut world, 4).says(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n");
    let attempt = &timings(&world).attempts[0];
    let phases = attempt.phases();
    assert_eq!((phases.send, phases.wait, phases.total()), (ms(4), ms(0), ms(4)));
    assert_eq!(attempt.sent, None);
}
