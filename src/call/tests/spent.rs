//! Retries that are used up, and those that a policy disables.

use super::*;

const REFUSED: Unavailable = Unavailable::Dial(DialError::Connect(IoKind::Refused));

#[test]
fn a_failure_after_the_last_retry_is_the_reason_of_a_max_retry_error() {
    let mut world = World::get(retrying(1));
    world.lease(false).written().eof(true);
    assert!(!world.call.retries_spent());
    world.call.lease_failed(REFUSED, world.now);
    assert!(world.call.retries_spent());
    assert_eq!(world.failed().kind(), ErrorKind::NewConnection);
    let causes: Vec<_> = world.call.history().iter().map(|entry| entry.cause).collect();
    assert_eq!(causes, [Some(Cause::Lost(IoKind::Eof))]);
}

#[test]
fn a_read_error_of_a_method_that_is_not_allowed_is_raised_as_it_is() {
    let mut world = World::new(post(true), retrying(3));
    world.lease(false).written().body(3).after(seconds(60));
    assert_eq!(world.failed().kind(), ErrorKind::ReadTimeout);
    assert!(!world.call.retries_spent() && world.call.history().is_empty());
}

#[test]
fn what_is_never_retried_spends_no_retries() {
    let mut world = World::get(retrying(3));
    world.call.cancel(world.now);
    assert!(!world.call.retries_spent());
    let mut world = World::get(retrying(0));
    world.call.lease_failed(Unavailable::Closed, world.now);
    assert_eq!(world.failed().kind(), ErrorKind::ClosedPool);
    assert!(!world.call.retries_spent());
}

#[test]
fn statuses_and_redirects_that_no_retry_is_left_for_are_max_retry_errors() {
    let mut world = World::get(retrying(0));
    world.lease(false).written();
    world.says(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    assert!(world.call.retries_spent() && world.failed().kind() == ErrorKind::MaxRetry);
    let mut policy = Policy::default();
    policy.redirect.max = Some(0);
    let mut world = World::get(policy);
    world.lease(false).written().says(&redirect(302, "/2"));
    assert!(world.call.retries_spent() && world.failed().kind() == ErrorKind::MaxRetry);
}

#[test]
fn disabled_retries_raise_the_error_as_it_is_and_return_the_redirect() {
    for connect in [true, false] {
        let mut policy = retrying(3);
        policy.retry.disabled = !connect;
        policy.retry.connect_disabled = connect;
        let mut world = World::get(policy);
        world.call.lease_failed(REFUSED, world.now);
        assert_eq!(world.failed().kind(), ErrorKind::NewConnection);
        assert!(!world.call.retries_spent());
    }
    let mut policy = retrying(3);
    policy.retry.read_disabled = true;
    let mut world = World::get(policy);
    world.call.lease_failed(REFUSED, world.now);
    world.lease(false).written().eof(true);
    assert_eq!(world.failed().cause, Cause::Lost(IoKind::Eof));
    assert!(!world.call.retries_spent());

    let mut policy = retrying(3);
    (policy.retry.disabled, policy.retry.count_redirects) = (true, true);
    let mut world = World::get(policy);
    world.lease(false).written().says(&redirect(302, "/2"));
    assert_eq!((world.call.next(), &world.told[0][..]), (Next::Done, "head 302"));
}

#[test]
fn a_body_that_ends_early_tells_what_came_and_what_is_missing() {
    for (framing, body, came, missing) in [
        ("Content-Length: 10", "hello", 5, BodyLeft::Bytes(5)),
        ("Transfer-Encoding: chunked", "3\r\nabc\r\n8\r\nde", 5, BodyLeft::Bytes(6)),
    ] {
        for clean in [true, false] {
            let mut world = World::get(Policy::default());
            world.lease(false).written();
            world.says(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{body}").as_bytes());
            assert_eq!(world.call.incomplete(), None);
            world.eof(clean);
            assert_eq!(world.call.incomplete(), Some((came, missing)));
            let kind = if clean { ErrorKind::IncompleteRead } else { ErrorKind::Protocol };
            assert_eq!(world.failed().kind(), kind);
        }
    }
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(b"HTTP/1.1 2").eof(true);
    assert_eq!((world.call.incomplete(), world.failed().kind()), (None, ErrorKind::Protocol));
}
