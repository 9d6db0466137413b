//! A response that is complete before the body of its request has left (RFC 9110 7.5).

use super::*;
use crate::{
    error::{Phase, Unsent},
    message::BodyLeft,
};

const EARLY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Makes a call that has sent its head and the first of the body's three bytes, and whose response
/// is complete.
fn answered(answer: &[u8]) -> World {
    let mut world = World::new(post(true), Policy::default());
    world.lease(false).written();
    assert!(world.call.send_body(&mut world.conn, 1, false, world.now).is_some());
    world.call.written(1, world.now);
    world.says(answer);
    world
}

#[test]
fn a_complete_success_lets_the_rest_of_the_body_go() {
    for status in [200, 204, 299, 302, 304, 399] {
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        let mut world = answered(answer.as_bytes());
        assert_eq!(world.told, [format!("head {status}"), "end".into()]);
        assert_eq!(
            (world.call.next(), world.call.phase()),
            (Next::SendBody(BodyLeft::Bytes(2)), Phase::Send)
        );
        assert_eq!(world.call.poll_timeout(), None, "the application has nothing to write yet");
        assert!(world.call.send_body(&mut world.conn, 2, true, world.now).is_some());
        assert_eq!(world.call.next(), Next::Exchange);
        assert_eq!(world.call.poll_timeout().unwrap().1, Deadline::Write);
        world.call.written(1, world.now);
        assert_eq!(world.call.next(), Next::Exchange);
        world.call.written(1, world.now);
        world.release(b"");
        assert_eq!((world.call.next(), &world.kept[..]), (Next::Done, &[true][..]));
        assert_eq!(world.call.body_taken(), None);
    }
}

#[test]
fn an_answer_that_needs_no_more_stops_the_body_and_counts_it() {
    for answer in [
        &b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n"[..],
        b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 599 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 No\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    ] {
        let world = answered(answer);
        assert_eq!((world.call.next(), &world.kept[..]), (Next::Done, &[false][..]));
        let taken = world.call.body_taken().unwrap();
        assert_eq!((taken.bytes(), taken.of()), (1, Some(3)));
    }
}

#[test]
fn a_redirect_that_is_followed_stops_the_body() {
    let mut world = answered(&redirect(307, "/2"));
    assert_eq!((world.call.next(), &world.kept[..]), (Next::Rewind, &[false][..]));
    world.call.rewound(world.now);
    world.lease(false).written().body(3).says(OK);
    assert_eq!((world.call.next(), world.call.body_taken()), (Next::Done, None));
}

#[test]
fn http_1_0_has_not_said_that_it_needs_no_more() {
    let mut world = answered(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
    world.body(2).release(b"");
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
}

#[test]
fn a_peer_that_closes_or_is_lost_meanwhile_makes_it_a_failure() {
    for (clean, why) in [(true, IoKind::Eof), (false, IoKind::Reset)] {
        let mut world = answered(EARLY);
        world.eof(clean);
        assert_eq!((world.unsent(), &world.kept[..]), ((200, "1 of 3 bytes".into()), &[false][..]));
        let failure = world.failed();
        let Cause::BodyUnsent(unsent) = failure.cause else { panic!() };
        assert_eq!((unsent.why(), failure.reached), (Unsent::Lost(why), Reached::Answered));
    }
    let mut world = answered(EARLY);
    world.call.write_failed(IoKind::Reset, world.now);
    world.release(b"");
    assert_eq!(
        world.failed().to_string(),
        "the server answered 200, but of the request's body 1 of 3 bytes were taken: the peer reset \
         the connection (while sending the request; the server had begun to answer)"
    );
}

/// The end of the connection is the end of the response, and the failure comes in its place.
#[test]
fn a_body_that_ends_with_the_connection_has_no_end_without_the_request() {
    let mut world = answered(b"HTTP/1.1 200 OK\r\n\r\nall");
    world.eof(true);
    assert_eq!(world.told, ["head 200", "data all"]);
    assert_eq!(world.unsent(), (200, "1 of 3 bytes".into()));
}

#[test]
fn a_failed_write_shows_at_the_end_of_the_response() {
    let mut world = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    world.call.write_failed(IoKind::Reset, world.now);
    world.says(b"ok");
    assert_eq!(world.told, ["head 200", "data ok"]);
    assert_eq!(world.unsent(), (200, "1 of 3 bytes".into()));
}

#[test]
fn deadlines_that_pass_meanwhile_are_failures_with_the_count() {
    for which in [Deadline::Write, Deadline::Total] {
        let mut policy = Policy::default();
        policy.timeout.write = Some(seconds(5)).filter(|_| which == Deadline::Write);
        policy.timeout.total = Some(seconds(9)).filter(|_| which == Deadline::Total);
        let mut world = World::new(post(true), policy);
        world.lease(false).written().says(EARLY);
        assert!(world.call.send_body(&mut world.conn, 3, true, world.now).is_some());
        world.call.written(1, world.now);
        assert_eq!(world.call.poll_timeout().unwrap().1, which);
        world.after(seconds(9));
        let Cause::BodyUnsent(unsent) = world.failed().cause else { panic!() };
        assert_eq!(unsent.why(), Unsent::Timeout(which));
        assert_eq!((world.unsent(), world.kept), ((200, "1 of 3 bytes".into()), vec![false]));
    }
}

/// No byte of what the server sends on is anybody's, and the body goes out all the same.
#[test]
fn what_comes_behind_the_response_forbids_reuse_and_stops_nothing() {
    let mut world = answered(&[EARLY, b"HTTP/1.1 200 EVIL\r\n\r\n"].concat());
    world.body(2).release(b"");
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
}

#[test]
fn a_paused_reader_hears_of_the_end_when_it_reads_on() {
    let mut world = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    world.says(b"ok");
    world.call.pause(world.now);
    world.body(2);
    assert_eq!((world.call.next(), world.call.poll_timeout()), (Next::Exchange, None));
    world.call.resume(world.now);
    world.release(b"");
    assert_eq!((world.call.next(), &world.kept[..]), (Next::Done, &[true][..]));

    let mut world = answered(EARLY);
    world.call.pause(world.now);
    world.eof(true);
    assert_eq!(world.unsent(), (200, "1 of 3 bytes".into()));
}

#[test]
fn the_write_deadline_begins_anew_when_the_application_reads_on() {
    let mut world = answered(EARLY);
    assert!(world.call.send_body(&mut world.conn, 2, true, world.now).is_some());
    world.call.pause(world.now);
    world.now = world.now.after(seconds(1_000));
    world.call.resume(world.now);
    assert_eq!(world.call.poll_timeout(), Some((world.now.after(seconds(30)), Deadline::Write)));
}

#[test]
fn a_discarded_response_lets_the_body_go_on_to_its_end() {
    for answer in [&b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"[..], EARLY] {
        let mut world = answered(answer);
        assert!(world.call.discard(world.now));
        assert_eq!(world.call.next(), Next::SendBody(BodyLeft::Bytes(2)));
        if answer != EARLY {
            world.says(b"ok");
        }
        world.body(2).release(b"");
        assert_eq!((world.call.next(), world.kept), (Next::Done, vec![true]));
    }
    // More than is worth the connection is read on all the same while the body goes out.
    let mut policy = Policy::default();
    policy.drain_bytes_max.0 = 4;
    let mut world = World::new(post(true), policy);
    world.lease(false).written().says(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
    world.call.discard(world.now);
    world.says(b"much more");
    assert_eq!(world.call.next(), Next::SendBody(BodyLeft::Bytes(3)));
    world.body(3).says(b"than wanted");
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
    // A refusal needs no body, and its connection is lost.
    let mut world = answered(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\n");
    world.call.discard(world.now);
    assert_eq!(world.call.next(), Next::Release);
}

#[test]
fn a_success_in_place_of_a_100_lets_the_body_go() {
    let body = BodyLength::Known { len: 3, replayable: true };
    let request = Request::post("http://a/").body(body).expect_continue(true).build().unwrap();
    let mut world = World::new(request, Policy::default());
    world.lease(false).written().says(EARLY);
    world.body(3).release(b"");
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![true]));
}

#[test]
fn a_417_is_followed_by_one_attempt_without_expect() {
    const NO: &[u8] = b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n";
    let expecting = |replayable| {
        let body = BodyLength::Known { len: 3, replayable };
        Request::post("http://a/").body(body).expect_continue(true).build().unwrap()
    };
    // The body has not begun, and need not be given twice.
    let mut world = World::new(expecting(false), Policy::default());
    world.lease(false).written();
    assert!(world.head().contains("\r\nExpect: 100-continue\r\n"));
    world.says(NO);
    assert_eq!((world.call.next(), &world.kept[..]), (Next::Checkout, &[false][..]));
    assert_eq!(world.call.history()[0].status, Status::new(417));
    world.lease(false).written();
    assert!(!world.head().contains("Expect") && world.head().contains("\r\nContent-Length: 3\r\n"));
    world.body(3).says(NO);
    assert_eq!(
        (&world.told[..], world.call.next()),
        (&["head 417".into(), "end".into()][..], Next::Done)
    );

    // The wait for a 100 was over, and the body has begun.
    for replayable in [true, false] {
        let mut world = World::new(expecting(replayable), Policy::default());
        world.lease(false).written().after(seconds(1)).body(3).says(NO);
        let next = if replayable { Next::Rewind } else { Next::Done };
        assert_eq!((world.call.next(), &world.kept[..]), (next, &[true][..]));
    }
    // A 417 to a request without Expect is a response like any other.
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(NO);
    assert_eq!(world.told, ["head 417", "end"]);
}

/// With a bound on what the system holds, the last bytes of a long request are written late.
#[test]
fn a_long_request_is_one_that_outlasts_its_first_write() {
    let is_long = |body| {
        let mut world =
            World::new(Request::post("http://a/").body(body).build().unwrap(), Policy::default());
        world.lease(false);
        world
    };
    let known = |len| BodyLength::Known { len, replayable: true };
    assert!(!is_long(known(100_000)).call.is_long());
    let mut long = is_long(known(200_000));
    assert!(long.call.is_long() && !long.call.is_written_late());
    let _ = long.call.send_body(&mut long.conn, 100_000, false, long.now);
    assert!(!long.call.is_written_late());
    let _ = long.call.send_body(&mut long.conn, 100_000, true, long.now);
    assert!(long.call.is_written_late());
    let mut chunked = is_long(BodyLength::Unknown { replayable: false });
    assert!(!chunked.call.is_long());
    let _ = chunked.call.send_body(&mut chunked.conn, 100_000, false, chunked.now);
    assert!(!chunked.call.is_long());
    let _ = chunked.call.send_body(&mut chunked.conn, 100_000, false, chunked.now);
    assert!(chunked.call.is_long() && !chunked.call.is_written_late());
    assert!(!World::get(Policy::default()).call.is_long());
}

#[test]
fn chunks_are_counted_without_their_framing() {
    let request = Request::post("http://a/").body(BodyLength::Unknown { replayable: false });
    let mut world = World::new(request.build().unwrap(), Policy::default());
    world.lease(false).written();
    let framing = world.call.send_body(&mut world.conn, 20, false, world.now).unwrap();
    world.call.written(framing.prefix().len() + 7, world.now);
    world.says(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n");
    let taken = world.call.body_taken().unwrap();
    assert_eq!((taken.bytes(), taken.of()), (7, None));
    assert_eq!(taken.to_string(), "7 bytes of a body of unknown length");
}

#[test]
fn body_is_asked_for_until_it_is_framed_or_given_up() {
    let mut world = World::new(post(true), Policy::default());
    assert!(!world.call.is_sending_body());
    world.lease(false).written();
    assert!(world.call.is_sending_body());
    world.body(3);
    assert!(!world.call.is_sending_body());

    let mut world = World::new(post(true), Policy::default());
    world.lease(false).written();
    world.call.write_failed(IoKind::Reset, world.now);
    assert!(!world.call.is_sending_body());
}

#[test]
fn a_trace_counts_the_bytes_of_a_body_that_was_stopped() {
    let stopped = |request: Request| {
        let mut world = World::new(request, Policy::default());
        world.call.set_trace(Trace::keeping(100, Who::Call(0), None), world.now);
        world.lease(false).written();
        world.says(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
        let lines = world.call.recent_trace().unwrap().lines();
        lines.filter(|line| line.contains("body stopped")).map(String::from).collect::<Vec<_>>()
    };
    let [line] = &stopped(post(true))[..] else { panic!("one line") };
    assert!(line.ends_with("> body stopped: 0 of 3 bytes were taken"), "{line}");
    assert_eq!(stopped(Request::get("http://a/1").build().unwrap()), Vec::<String>::new());

    // Neither a request without a body nor a body that has been sent is stopped.
    for (request, body) in [(Request::get("http://a/1").build().unwrap(), 0), (post(true), 3)] {
        let mut world = World::new(request, Policy::default());
        world.call.set_trace(Trace::keeping(100, Who::Call(0), None), world.now);
        world.lease(false);
        if body > 0 {
            world.written().body(body);
        }
        world.call.write_failed(IoKind::Reset, world.now);
        let mut lines = world.call.recent_trace().unwrap().lines();
        assert!(!lines.any(|line| line.contains("body stopped")));
    }
}
