//! Tests of request and response bodies, and of back-pressure.

use super::*;
use crate::{error::BodyUnusable, message::BodyLeft};

fn post(len: u64, replayable: bool) -> Request {
    Request::post("http://127.0.0.1/").body(BodyLength::Known { len, replayable }).build().unwrap()
}

/// Returns the body bytes that may be sent after the head.
fn body_wanted(world: &mut World, socket: SocketId) -> Transmit {
    let mut out = Vec::new();
    let wanted = world.client.poll_transmit(socket, &mut out);
    world.client.handle_written(socket, out.len(), world.now);
    wanted
}

#[test]
fn a_body_is_sent_when_the_application_has_it() {
    let mut world = World::new();
    let call = world.request(post(5, true), Policy::default());
    world.connect();
    let socket = world.socket(call);
    assert_eq!(body_wanted(&mut world, socket), Transmit::Body { call, max: BodyLeft::Bytes(5) });
    assert_eq!(world.why(call), "the application, for more of the body");
    assert!(world.client.send_body(call, 2, false, world.now).is_some());
    assert_eq!(world.why(call), "the socket, to take more of the request");
    world.client.handle_written(socket, 2, world.now);
    assert_eq!(body_wanted(&mut world, socket), Transmit::Body { call, max: BodyLeft::Bytes(3) });
    // The application has no body bytes yet, and later it has.
    world.done();
    world.client.body_ready(call);
    world.settle();
    assert_eq!(world.done(), ["transmit s0.0"]);
    assert!(world.client.send_body(call, 3, true, world.now).is_some());
    world.client.handle_written(socket, 3, world.now);
    assert_eq!(body_wanted(&mut world, socket), Transmit::Nothing);
    world.says(socket, OK);
    assert_eq!((world.client.calls(), world.client.stats().idle), (0, 1));
}

#[cfg(feature = "gzip")]
#[test]
fn a_decoded_body_ends_with_the_answer_of_its_reader_and_only_then_frees_its_connection() {
    use crate::content::{Coding, DecodeError, DecodeErrorKind};

    let answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok";
    let why = DecodeError::new(Some(Coding::Gzip), DecodeErrorKind::Truncated, 2);
    for usable in [true, false] {
        let mut world = World::new();
        let request = Request::get("http://127.0.0.1/").decode(true).build().unwrap();
        let call = world.request(request, Policy::default());
        world.connect();
        let socket = world.socket(call);
        world.done();
        world.says(socket, answer);
        assert_eq!(world.told(), ["a0.0 head 200", "a0.0 data ok"]);
        assert_eq!(world.done(), ["check-body a0.0"]);
        assert_eq!(world.client.stats().idle, 0);
        assert_eq!(world.why(call), "the application, to go on reading");
        if usable {
            world.client.body_used(call, world.now);
        } else {
            world.client.body_unusable(call, BodyUnusable::Decode(why), world.now);
        }
        world.settle();
        let told = match usable {
            true => "a0.0 end".into(),
            false => format!("a0.0 failed: {}", Cause::BodyUnusable(BodyUnusable::Decode(why))),
        };
        assert_eq!(world.told(), [told]);
        assert_eq!(world.client.stats().idle, usize::from(usable));
    }
}

#[cfg(feature = "gzip")]
#[test]
fn a_call_that_is_discarded_while_its_body_waits_for_its_reader_keeps_its_connection() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok";
    let mut world = World::new();
    let request = Request::get("http://127.0.0.1/").decode(true).build().unwrap();
    let call = world.request(request, Policy::default());
    world.connect();
    world.says(world.socket(call), answer);
    world.client.discard(call, world.now);
    world.settle();
    assert_eq!((world.client.calls(), world.client.stats().idle), (0, 1));
}

#[test]
fn a_body_held_back_is_asked_for_after_100() {
    let mut world = World::new();
    let request =
        Request::post("http://127.0.0.1/").body(BodyLength::Unknown { replayable: false });
    let call = world.request(request.expect_continue(true).build().unwrap(), Policy::default());
    world.connect();
    let socket = world.socket(call);
    assert_eq!(world.why(call), "the server, for a 100 (Continue)");
    world.done();
    world.says(socket, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(world.done(), ["transmit s0.0"]);
    assert_eq!(body_wanted(&mut world, socket), Transmit::Body { call, max: BodyLeft::Unknown });
    let framing = world.client.send_body(call, 0, true, world.now).unwrap();
    assert_eq!([framing.prefix(), framing.suffix()].concat(), b"0\r\n\r\n");
}

#[test]
fn an_early_refusal_stops_the_sending() {
    let mut world = World::new();
    let call = world.request(post(1_000, false), Policy::default());
    world.connect();
    let socket = world.socket(call);
    world.client.send_body(call, 500, false, world.now).unwrap();
    assert!(world.client.sends(socket));
    let refusal = b"HTTP/1.1 413 No\r\nContent-Length: 3\r\n\r\n";
    world.says(socket, refusal);
    assert!(!world.client.sends(socket));
    assert_eq!(body_wanted(&mut world, socket), Transmit::Nothing);
    world.says(socket, b"why");
    assert_eq!(world.told(), ["a0.0 head 413", "a0.0 data why", "a0.0 end"]);
    assert_eq!(world.done().last().unwrap(), "close s0.0 used RequestUnfinished");
}

/// The end is reported once the body has been sent, or a failure instead of it.
#[test]
fn the_end_of_an_early_success_comes_behind_the_body() {
    const EARLY: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n";
    let begun = || {
        let mut world = World::new();
        let call = world.request(post(5, true), Policy::default());
        world.connect();
        let socket = world.socket(call);
        world.client.send_body(call, 2, false, world.now).unwrap();
        world.client.handle_written(socket, 2, world.now);
        world.says(socket, EARLY);
        assert_eq!(world.told(), ["a0.0 head 200", "a0.0 data ok"]);
        assert_eq!(world.why(call), "the application, for more of the body");
        (world, call, socket)
    };
    let (mut world, call, socket) = begun();
    world.client.send_body(call, 3, true, world.now).unwrap();
    assert_eq!(world.why(call), "the socket, to take more of the request");
    world.done();
    world.client.handle_written(socket, 3, world.now);
    assert!(world.client.call(call).is_some());
    world.settle();
    assert_eq!(
        (world.told(), world.done()),
        (vec!["a0.0 end".into()], vec!["end a0.0, 10 B of trailers".into()])
    );
    assert_eq!((world.client.calls(), world.client.stats().idle), (0, 1));

    let (mut world, call, socket) = begun();
    world.eof(socket);
    let failure = "a0.0 failed: the server answered 200, but of the request's body 2 of 5 bytes were \
                   taken: the peer closed the connection";
    assert_eq!(world.told(), [failure]);
    assert!(world.client.call(call).is_none());
}

/// The id of a discarded call is valid for its body only.
#[test]
fn a_discarded_call_is_fed_until_its_body_is_done() {
    let begun = || {
        let mut world = World::new();
        let call = world.request(post(5, true), Policy::default());
        world.connect();
        let socket = world.socket(call);
        world.client.send_body(call, 2, false, world.now).unwrap();
        world.client.handle_written(socket, 2, world.now);
        world.says(socket, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        world.client.discard(call, world.now);
        world.settle();
        assert_eq!(world.told(), ["a0.0 head 200"]);
        world.done();
        assert!(world.client.feeds(call) && world.client.call(call).is_none());
        (world, call, socket)
    };
    let (mut world, call, socket) = begun();
    world.client.body_ready(call);
    world.settle();
    assert_eq!(world.done(), ["transmit s0.0"]);
    assert_eq!(body_wanted(&mut world, socket), Transmit::Body { call, max: BodyLeft::Bytes(3) });
    world.client.send_body(call, 3, true, world.now).unwrap();
    world.client.handle_written(socket, 3, world.now);
    world.says(socket, b"ok");
    assert_eq!((world.told(), world.done()), (vec![], vec!["body-done a0.0".into()]));
    assert!(
        !world.client.feeds(call) && world.client.send_body(call, 0, true, world.now).is_none()
    );
    assert_eq!((world.client.calls(), world.client.stats().idle), (0, 1));

    let (mut world, call, _) = begun();
    world.client.body_failed(call, world.now);
    world.settle();
    assert_eq!(
        (world.told(), world.done()),
        (vec![], vec!["close s0.0 unfinished".into(), "body-done a0.0".into()])
    );
}

/// A connection that becomes free when the end of a body has been written goes to the next call,
/// which probes before it writes.
#[test]
fn a_request_waits_for_the_word_that_says_whether_to_read_first() {
    let mut world = World::new();
    let first = world.request(post(5, true), Policy::default());
    world.connect();
    let socket = world.socket(first);
    world.client.send_body(first, 5, true, world.now).unwrap();
    world.says(socket, OK);
    world.client.handle_written(socket, 5, world.now);
    let request = Request::get("http://127.0.0.1/").build().unwrap();
    world.client.request(request, Policy::default().into(), world.now);
    let mut out = Vec::new();
    assert_eq!(world.client.poll_transmit(socket, &mut out), Transmit::Nothing);
    assert!(out.is_empty(), "a driver writes on, and has not read the connection again");
    while let Some(action) = world.client.poll_action() {
        if let Action::Transmit { socket, .. } = action {
            let _ = world.client.poll_transmit(socket, &mut out);
        }
    }
    assert!(out.starts_with(b"GET / HTTP/1.1\r\n"));
}

#[test]
fn a_body_is_rewound_for_another_attempt() {
    for can in [true, false] {
        let mut world = World::new();
        let call = world.request(post(2, true), Policy::default());
        world.connect();
        let socket = world.socket(call);
        world.client.send_body(call, 2, true, world.now).unwrap();
        world.client.handle_written(socket, 2, world.now);
        world.done();
        world.says(socket, b"HTTP/1.1 307 There\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(world.done(), ["rewind a0.0"]);
        assert_eq!(world.why(call), "the application, to give the body from its start again");
        if can {
            world.client.rewound(call, world.now);
        } else {
            world.client.rewind_failed(call, world.now);
        }
        world.settle();
        if can {
            assert_eq!(world.client.socket(call), Some(socket));
            assert_eq!(world.done(), ["transmit s0.0 probe"]);
        } else {
            assert_eq!(world.told().len(), 1);
        }
    }
}

#[test]
fn a_failed_source_ends_the_call() {
    let mut world = World::new();
    let call = world.request(post(5, true), Policy::default());
    world.connect();
    world.client.body_failed(call, world.now);
    world.settle();
    assert_eq!(world.told(), ["a0.0 failed: the request's body could not be read"]);
    assert_eq!(world.client.stats().open, 0);
}

#[test]
fn a_paused_reader_holds_the_peer_back_and_stops_the_clock() {
    let mut world = World::new();
    let call = world.get("http://127.0.0.1/");
    world.connect();
    let socket = world.socket(call);
    world.says(socket, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(world.client.body_ahead(socket), BodyLeft::Bytes(4));
    world.client.pause(call, world.now);
    assert!(!world.client.wants_input(socket));
    assert_eq!(world.why(call), "the application, to go on reading");
    world.after(seconds(100_000));
    assert_eq!(world.client.calls(), 1);
    world.client.resume(call, world.now);
    assert!(world.client.wants_input(socket));
    assert_eq!(world.why(call), "the server, for more of the response's body");
    world.after(seconds(60));
    assert_eq!(world.told()[1..], ["a0.0 failed: the stall deadline passed"]);
}
