//! Tests of sockets and look-ups: each is ended once, and stale ids are ignored.

use super::*;
use crate::{
    client::{Closed, Inbox, Outbox},
    h1::CloseReason,
    message::{Hop, HopKind, Origin, Scheme},
    pool::Evicted,
};

/// Races two addresses. Returns their sockets.
fn race(world: &mut World) -> [SocketId; 2] {
    world.get("http://a/");
    let addrs = ["192.0.2.1:80", "192.0.2.2:80"].map(|addr| addr.parse().unwrap());
    world.client.handle_resolved(ConnId::from_bits(0), &addrs, world.now);
    world.settle().after(Duration::from_millis(250));
    let sockets = [0, 1].map(|n| world.connecting[n]);
    world.done();
    sockets
}

#[test]
fn the_socket_that_loses_a_race_is_closed_once() {
    for late in [false, true] {
        let mut world = World::new();
        let [first, second] = race(&mut world);
        world.client.handle_connected(second, Ok(()), world.now);
        if late {
            // Its connect ends before the driver has taken its `Close`.
            world.client.handle_connected(first, Ok(()), world.now);
        }
        world.settle();
        assert_eq!(world.done(), ["close s0.0 abandoned", "transmit s1.0"]);
        world.client.handle_connected(first, Err(IoKind::Refused), world.now);
        world.says(second, OK);
        world.client.close(world.now);
        world.settle();
        assert_eq!(world.done(), ["close s1.0 closed"]);
    }
}

#[test]
fn a_socket_that_could_not_be_connected_is_not_closed_and_its_slot_is_used_again() {
    let mut world = World::new();
    let [first, second] = race(&mut world);
    world.client.handle_connected(first, Err(IoKind::Refused), world.now);
    world.client.handle_connected(second, Err(IoKind::Refused), world.now);
    world.settle();
    assert!(!world.done().iter().any(|action| action.starts_with("close")));
    assert_eq!(world.told().len(), 1);
    world.get("http://192.0.2.3/");
    assert_eq!(world.done(), ["connect s1.1 c0.1 192.0.2.3:80"]);
    // The stale id of the slot's first socket changes nothing.
    world.client.handle_connected(second, Ok(()), world.now);
    world.settle();
    assert_eq!(world.done(), [""; 0]);
}

#[test]
fn a_look_up_is_cancelled_with_its_call_unless_it_was_answered() {
    for answered in [false, true] {
        let mut world = World::new();
        let call = world.get("http://a/");
        if answered {
            let addr = "192.0.2.1:80".parse().unwrap();
            world.client.handle_resolved(ConnId::from_bits(0), &[addr], world.now);
            world.settle();
        }
        world.done();
        world.client.cancel(call, world.now);
        world.settle();
        let expected = if answered { "close s0.0 abandoned" } else { "cancel-resolve c0.0" };
        assert_eq!(world.done(), [expected]);
    }
}

#[test]
fn a_socket_whose_dial_fails_is_closed_as_failed() {
    let mut world = World::new();
    let mut policy = Policy::default();
    let proxy = Origin::new(Scheme::Http, "127.0.0.1", 3128);
    policy.routes.http = crate::call::Route::Tunnel([Hop::new(HopKind::Socks5, proxy)].into());
    world.request(Request::get("http://192.0.2.1/").build().unwrap(), policy);
    world.connect().done();
    world.says(SocketId::from_bits(0), &[5, 255]);
    assert_eq!(world.done()[0], "close s0.0 failed");
}

/// The input is cut everywhere. While the call is paused no event comes, and none is lost.
#[test]
fn an_inbox_keeps_input_while_a_response_is_paused() {
    let input = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nokok";
    for cut in 0..=input.len() {
        let mut world = World::new();
        let call = world.get("http://127.0.0.1/");
        world.connect();
        let (socket, mut inbox, mut events) = (world.socket(call), Inbox::new(), Vec::new());
        for piece in [&input[..cut], &input[cut..], b""] {
            for new in [piece, b""] {
                let input = inbox.with(new);
                while let Some(event) = world.client.read(socket, &input, world.now) {
                    events.push(event.to_string());
                    world.client.pause(call, world.now);
                }
                drop(input);
                assert_eq!(inbox.is_stopped(), !world.client.wants_input(socket));
                world.client.resume(call, world.now);
            }
        }
        assert_eq!(events[0], "head a0.0 200", "{cut}");
        assert_eq!(events.last().unwrap(), "end a0.0", "{cut}");
        assert!(inbox.is_empty());
    }
}

#[test]
fn a_body_is_written_from_an_outbox_whatever_the_socket_takes() {
    for most in 1..20 {
        let mut world = World::new();
        let request =
            Request::post("http://127.0.0.1/").body(BodyLength::Unknown { replayable: true });
        let call = world.client.request(request.build().unwrap(), Arc::default(), world.now);
        let Some(Action::Connect { socket, .. }) = world.client.poll_action() else { panic!() };
        world.client.handle_connected(socket, Ok(()), world.now);
        assert_eq!(world.client.poll_action(), Some(Action::Transmit { socket, probe: false }));
        let (mut out, mut wire, mut pieces) = (Outbox::default(), Vec::new(), 0);
        let body = |_, _| {
            pieces += 1;
            (pieces <= 3).then(|| (bytes::Bytes::from_static(b"abc"), pieces == 3))
        };
        let write = |chunks: [&[u8]; 4]| {
            let all = chunks.concat();
            wire.extend_from_slice(&all[..all.len().min(most)]);
            Ok(all.len().min(most))
        };
        world.client.write_all(socket, &mut out, world.now, body, write);
        let end = b"\r\n\r\n3\r\nabc\r\n3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n";
        assert!(wire.ends_with(end), "{most}: {}", String::from_utf8_lossy(&wire));
        assert!(out.is_empty() && world.why(call).starts_with("the server"));
    }
}

/// The driver reports the end of a call, and the next one begins, before it takes all actions.
#[test]
fn a_queued_transmit_of_an_earlier_request_does_not_release_the_bytes_of_the_next() {
    let mut world = World::new();
    let body = BodyLength::Known { len: 3, replayable: true };
    let post = Request::post("http://127.0.0.1/").body(body).build().unwrap();
    let first = world.request(post, Policy::default());
    world.connect();
    let socket = world.socket(first);
    world.client.body_ready(first);
    assert!(world.client.send_body(first, 3, true, world.now).is_some());
    world.client.handle_written(socket, 3, world.now);
    let mut rest = OK;
    loop {
        let (taken, step) = world.client.receive(socket, rest, world.now);
        rest = &rest[taken..];
        if matches!(step, Step::NeedInput) {
            break;
        }
    }
    let get = Request::get("http://127.0.0.1/").build().unwrap();
    world.client.request(get, Arc::default(), world.now);
    let mut out = Vec::new();
    for probe in [false, true] {
        assert!(out.is_empty(), "the connection was not probed");
        assert_eq!(world.client.poll_action(), Some(Action::Transmit { socket, probe }));
        let _ = world.client.poll_transmit(socket, &mut out);
    }
    assert!(out.starts_with(b"GET "));
}

#[test]
fn a_socket_has_a_key_while_its_connection_is_open_and_a_caller_while_it_is_used() {
    let mut world = World::new();
    let call = world.get("http://127.0.0.1/");
    let socket = world.connecting[0];
    assert_eq!((world.client.key(socket), world.client.caller(socket)), (None, None));
    world.connect();
    let key = world.client.key(socket).map(ToString::to_string);
    assert_eq!(key.as_deref(), Some("http://127.0.0.1"));
    assert_eq!(world.client.caller(socket), Some(call));
    world.says(socket, OK);
    assert_eq!(world.client.caller(socket), None);
    assert!(world.client.key(socket).is_some());

    let call = world.get("http://127.0.0.1/");
    world.client.cancel(call, world.now);
    assert_eq!(world.client.caller(socket), None);
    world.settle();
    assert_eq!((world.client.key(socket), world.client.caller(socket)), (None, None));
}

#[test]
fn bytes_behind_a_response_are_the_reason_to_close_its_connection() {
    let mut world = World::new();
    let call = world.get("http://127.0.0.1/");
    world.connect();
    let socket = world.socket(call);
    world.done();
    world.says(socket, &[OK, b"more"].concat());
    assert_eq!(world.done(), ["close s0.0 used Unsolicited"]);
}

#[test]
fn each_reason_of_a_close_has_a_name_of_its_own() {
    let used = [
        CloseReason::PeerAsked,
        CloseReason::WeAsked,
        CloseReason::CloseDelimited,
        CloseReason::Unsolicited,
        CloseReason::RequestUnfinished,
        CloseReason::ResponseUnfinished,
        CloseReason::Violation,
        CloseReason::Switched,
    ];
    let evicted = [
        Evicted::Idle,
        Evicted::Age,
        Evicted::Surplus,
        Evicted::MadeRoom,
        Evicted::Lost,
        Evicted::Closed,
        Evicted::AddressGone,
    ];
    let mut names: Vec<_> = used.map(|why| Closed::Used(why).name()).to_vec();
    names.extend(evicted.map(|why| Closed::Evicted(why).name()));
    names.extend([Closed::Unfinished, Closed::Abandoned, Closed::Failed].map(Closed::name));
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}
