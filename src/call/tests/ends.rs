//! How calls end: cancelled, discarded, handed over.

use super::*;

#[test]
fn cancel_ends_a_call_in_any_state_and_never_keeps_its_connection() {
    let mut line = World::get(Policy::default());
    line.call.cancel(line.now);
    assert_eq!(line.failed().cause, Cause::Cancelled);
    let mut busy = World::get(Policy::default());
    busy.lease(false).written();
    busy.call.cancel(busy.now);
    busy.release(b"");
    assert_eq!((busy.failed().cause, busy.kept), (Cause::Cancelled, vec![false]));
    let mut done = World::get(Policy::default());
    done.lease(false).written().says(OK);
    done.call.cancel(done.now);
    assert_eq!(done.call.next(), Next::Done);
}

#[test]
fn what_nobody_wants_is_drained_within_a_bound() {
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhi");
    world.call.discard(world.now);
    world.says(b"ho");
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![true]));
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n");
    world.call.discard(world.now);
    world.says(&vec![0; 70_000]);
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
}

#[test]
fn an_upgrade_is_handed_over() {
    let request = Request::get("http://a/").header("Upgrade", "x").build().unwrap();
    let mut policy = Policy::default();
    policy.timeout.total = Some(seconds(3));
    let mut world = World::new(request, policy);
    world.lease(false).written();
    world.says(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw");
    assert_eq!(world.told, ["head 101"]);
    assert_eq!((world.call.next(), world.call.poll_timeout()), (Next::HandOver, None));
}

#[test]
fn interim_responses_are_shown_on_request() {
    let early: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\n";
    let mut policy = Policy::default();
    policy.show_interim = true;
    let mut world = World::get(policy);
    world.lease(false).written().says(&[early, OK].concat());
    assert_eq!(world.told[..2], ["interim 103", "head 200"]);
}

#[test]
fn the_policy_lists_may_be_changed() {
    let mut policy = Policy::default();
    policy.redirect.strip = vec![Cow::Borrowed("x-mine")];
    let request = Request::get("http://a/").header("X-Mine", "1").header("Cookie", "c").build();
    let mut world = World::new(request.unwrap(), policy);
    world.lease(false).written().says(&redirect(302, "http://b/"));
    world.lease(false);
    assert!(!world.head().contains("X-Mine") && world.head().contains("Cookie: c"));
    assert_eq!(world.call.key().to_string(), "http://b");
}

#[test]
fn a_body_that_ends_before_its_length_is_whole_only_if_the_policy_accepts_that() {
    let half: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhi";
    let chunked: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n";
    for (accept, response, clean, whole) in [
        (false, half, true, false),
        (true, half, true, true),
        (true, half, false, false),
        (true, chunked, true, false),
        (true, b"HTTP/1.1 200 OK\r\nContent-Len", true, false),
    ] {
        let mut world = World::get(Policy::default().accept_short_body(accept));
        world.lease(false).written().says(response).eof(clean).release(b"");
        assert_eq!(world.kept, [false]);
        let ended = world.call.next() == Next::Done;
        assert_eq!(ended, whole, "{accept} {clean}");
        assert_eq!(world.told.last().map(String::as_str) == Some("end"), whole);
    }
}
