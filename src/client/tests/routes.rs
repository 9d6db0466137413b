//! Tests of how calls get connections: dials, the queue, reuse, timers.

use super::*;
use crate::{
    error::{DialError, ResolveKind, Unavailable},
    message::{Hop, HopKind, Origin, Scheme},
};

#[test]
fn a_connection_serves_one_call_after_another() {
    let mut world = World::new();
    let first = world.get("http://127.0.0.1/1");
    assert_eq!(world.done(), ["connect s0.0 c0.0 127.0.0.1:80"]);
    world.connect();
    let socket = world.socket(first);
    assert_eq!(world.written(socket), "GET /1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    world.says(socket, OK);
    assert_eq!(world.told(), ["a0.0 head 200", "a0.0 data ok", "a0.0 end"]);
    let second = world.get("http://127.0.0.1/2");
    assert_eq!(world.client.socket(second), Some(socket));
    assert_eq!(world.done(), ["transmit s0.0", "transmit s0.0 probe"]);
    world.says(socket, OK);
    assert_eq!((world.client.calls(), world.client.stats().idle), (0, 1));
}

#[test]
fn a_name_is_looked_up_and_its_addresses_are_tried_in_order() {
    let mut world = World::new();
    let call = world.get("http://a/");
    assert_eq!(world.done(), ["resolve c0.0 a:80"]);
    assert_eq!(world.why(call), "a connection to http://a, whose name is being looked up");
    let (conn, addrs) = (ConnId::from_bits(0), ["192.0.2.1:80", "192.0.2.2:80"]);
    world.client.handle_resolved(conn, &addrs.map(|addr| addr.parse().unwrap()), world.now);
    world.settle();
    assert_eq!(world.done(), ["connect s0.0 c0.0 192.0.2.1:80"]);
    assert_eq!(world.why(call), "a connection to http://a, over TCP");
    world.client.handle_connected(world.connecting.remove(0), Err(IoKind::Refused), world.now);
    world.settle();
    assert_eq!(world.done(), ["refresh a:80", "connect s0.1 c0.0 192.0.2.2:80"]);
    world.client.handle_connected(world.connecting.remove(0), Ok(()), world.now);
    world.settle();
    assert_eq!(world.why(call), "the server, for the head of its response");
}

#[test]
fn a_look_up_that_waits_for_a_thread_has_a_limit_of_its_own() {
    let pass = |world: &mut World, seconds| {
        world.now = world.now.after(Duration::from_secs(seconds));
        world.client.handle_timeout(world.now);
        world.settle();
    };
    let failed =
        |call, why| [format!("{call} failed: {}", Cause::Unavailable(Unavailable::Dial(why)))];
    let (mut world, conn) = (World::new(), ConnId::from_bits(0));
    let call = world.get("http://a/");
    world.client.handle_resolve_queued(conn, world.now);
    pass(&mut world, 9);
    world.client.handle_resolving(conn, world.now);
    pass(&mut world, 9);
    assert_eq!(world.client.dial_of(call), Some(conn));
    world.client.handle_resolve_failed(conn, ResolveKind::Panicked, world.now);
    world.settle();
    assert_eq!(world.told(), failed(call, DialError::Resolve(ResolveKind::Panicked)));

    let mut world = World::new();
    let call = world.get("http://a/");
    world.client.handle_resolve_queued(conn, world.now);
    pass(&mut world, 10);
    assert_eq!(world.told(), failed(call, DialError::Timeout(Deadline::Resolver)));
}

/// The total deadline of the waiting call limits the share of each address.
#[test]
fn an_address_that_does_not_answer_leaves_the_call_time_for_the_next() {
    let mut world = World::new();
    let mut policy = Policy::default();
    policy.timeout.total = Some(Duration::from_millis(100));
    world.request(Request::get("http://a/").build().unwrap(), policy);
    let (conn, addrs) = (ConnId::from_bits(0), ["192.0.2.1:80", "192.0.2.2:80"]);
    world.client.handle_resolved(conn, &addrs.map(|addr| addr.parse().unwrap()), world.now);
    world.settle();
    world.now = world.now.after(Duration::from_millis(50));
    world.client.handle_timeout(world.now);
    world.settle();
    let done = world.done();
    assert_eq!(done.last().unwrap(), "connect s1.0 c0.0 192.0.2.2:80", "{done:?}");
}

#[test]
fn a_dial_that_fails_is_told() {
    let mut world = World::new();
    world.get("http://a/");
    world.client.handle_resolved(ConnId::from_bits(0), &[], world.now);
    world.settle();
    let done = world.done();
    assert_eq!(done[0], "resolve c0.0 a:80");
    assert!(done[1].starts_with("failed a0.0"), "{done:?}");
    assert_eq!(world.told().len(), 1);
    assert_eq!((world.client.calls(), world.client.stats().open), (0, 0));
}

/// A driver stores the system's error by connection, and looks it up when a call fails.
#[test]
fn a_failed_call_names_the_connection_that_could_not_be_opened() {
    let mut world = World::new();
    let calls = [world.get("http://192.0.2.1/"), world.get("http://192.0.2.2/")];
    let (sockets, conns) = ([0, 1].map(|n| world.connecting[n]), [0, 1].map(ConnId::from_bits));
    assert_eq!(calls.map(|call| world.client.connection(call)), [None, None]);
    for socket in sockets {
        world.client.handle_connected(socket, Err(IoKind::Refused), world.now);
    }
    let mut named = Vec::new();
    while let Some(action) = world.client.poll_action() {
        if let Action::Failed { call, .. } = action {
            named.push((call, world.client.connection(call)));
        }
    }
    assert_eq!(named, [(calls[0], Some((conns[0], false))), (calls[1], Some((conns[1], false)))]);
}

#[test]
fn a_call_in_line_is_served_by_what_comes_back() {
    let mut world = World::with(|config| config.pool.open_per_key_max = 1);
    let first = world.get("http://127.0.0.1/1");
    let second = world.get("http://127.0.0.1/2");
    assert_eq!(world.why(second), "its turn for a connection to http://127.0.0.1");
    world.connect();
    let socket = world.socket(first);
    world.says(socket, OK);
    assert_eq!(world.socket(second), socket);
    assert!(world.written(socket).contains("GET /2 "));
    // The stale id of the previous call is ignored.
    world.client.cancel(first, world.now);
    world.client.body_ready(first);
    assert_eq!(world.client.why(first), None);
    world.says(socket, OK);
    assert_eq!(world.told()[3..], ["a1.0 head 200", "a1.0 data ok", "a1.0 end"]);
}

#[test]
fn an_idle_connection_that_speaks_or_ends_is_closed() {
    for speaks in [true, false] {
        let mut world = World::new();
        let call = world.get("http://127.0.0.1/");
        world.connect();
        let socket = world.socket(call);
        world.says(socket, OK);
        world.done();
        if speaks {
            assert_eq!(world.says(socket, OK), OK);
        } else {
            world.eof(socket);
        }
        assert_eq!(world.done(), ["close s0.0 lost"]);
        world.says(socket, OK);
        assert_eq!((world.done().len(), world.client.stats().open), (0, 0));
    }
}

#[test]
fn what_comes_behind_a_response_closes_the_connection() {
    let mut world = World::new();
    let call = world.get("http://127.0.0.1/");
    world.connect();
    let socket = world.socket(call);
    world.says(socket, &[OK, OK].concat());
    assert_eq!(world.told(), ["a0.0 head 200", "a0.0 data ok", "a0.0 end"]);
    assert_eq!(world.client.stats().open, 0);
}

/// The event loop has begun a request, and then reads bytes that arrived before it.
#[test]
fn a_late_second_response_is_not_taken_for_the_next_one() {
    let mut world = World::new();
    let call = world.get("http://127.0.0.1/1");
    world.connect();
    let socket = world.socket(call);
    world.says(socket, OK);
    let next = Request::get("http://127.0.0.1/2").build().unwrap();
    let next = world.client.request(next, Arc::default(), world.now);
    let (_, event) = world.client.receive(socket, b"HTTP/1.1 200 WRONG\r\n\r\n", world.now);
    assert!(matches!(event, Step::Skipped));
    world.settle().connect();
    let fresh = world.socket(next);
    assert_ne!(fresh, socket);
    world.says(fresh, OK);
    assert_eq!(world.told()[3..], ["a0.1 head 200", "a0.1 data ok", "a0.1 end"]);
}

#[test]
fn every_request_on_a_connection_that_has_served_asks_for_a_probe() {
    let mut world = World::new();
    let call = world.get("http://127.0.0.1/");
    world.connect();
    let socket = world.socket(call);
    world.says(socket, OK);
    world.written(socket);
    let get = Request::get("http://127.0.0.1/").build().unwrap();
    world.client.request(get, Arc::default(), world.now);
    assert_eq!(world.client.poll_action(), Some(Action::Transmit { socket, probe: true }));
    world.transmit(socket);
    world.says(socket, OK);
    world.written(socket);
    let post = Request::post("http://127.0.0.1/").build().unwrap();
    let post = world.client.request(post, Arc::default(), world.now);
    assert_eq!(world.client.poll_action(), Some(Action::Transmit { socket, probe: true }));
    // The connection is dead and nothing was written, so the request is sent on another one, once.
    world.eof(socket).connect();
    let fresh = world.socket(post);
    assert_eq!(world.written(socket), "");
    assert!(world.written(fresh).starts_with("POST / "));
}

#[test]
fn a_redirect_leads_to_another_connection() {
    let mut world = World::new();
    let call = world.get("http://127.0.0.1/");
    world.connect();
    let socket = world.socket(call);
    let away =
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2/x\r\nContent-Length: 4\r\n\r\naway";
    world.says(socket, away);
    world.connect();
    let other = world.socket(call);
    assert_ne!(other, socket);
    assert_eq!(world.written(other), "GET /x HTTP/1.1\r\nHost: 127.0.0.2\r\n\r\n");
    assert_eq!(world.client.call(call).unwrap().history().len(), 1);
    world.says(other, OK);
    assert_eq!(world.told(), ["a0.0 head 200", "a0.0 data ok", "a0.0 end"]);
    assert_eq!(world.client.stats().idle, 2);
}

#[test]
fn a_tunnel_is_asked_for_over_the_proxy() {
    let mut world = World::new();
    let mut policy = Policy::default();
    let proxy = Origin::new(Scheme::Http, "127.0.0.1", 3128);
    policy.routes.http = crate::call::Route::Tunnel([Hop::new(HopKind::Socks5, proxy)].into());
    let call = world.request(Request::get("http://192.0.2.1/").build().unwrap(), policy);
    world.connect();
    let socket = SocketId::from_bits(0);
    assert!(world.client.wants_input(socket));
    assert_eq!(
        world.why(call),
        "a connection to http://192.0.2.1 via http://127.0.0.1:3128: for the answer of a proxy"
    );
    assert_eq!(world.wire.remove(&socket).unwrap(), [5, 1, 0]);
    world.says(socket, &[5, 0]);
    assert_eq!(world.wire.remove(&socket).unwrap(), [5, 1, 0, 1, 192, 0, 2, 1, 0, 80]);
    world.says(socket, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(world.socket(call), socket);
    assert!(world.written(socket).starts_with("GET / HTTP/1.1"));
}

#[test]
fn each_deadline_comes_up_with_its_reason() {
    let mut world = World::new();
    assert_eq!(world.client.poll_timeout(), None);
    let call = world.get("http://127.0.0.1/");
    let dial = Reason::Dial(ConnId::from_bits(0), Deadline::Connect);
    assert_eq!(world.client.poll_timeout(), Some((world.now.after(seconds(10)), dial)));
    world.connect();
    let (mut fired, socket) = (0, world.socket(call));
    // Entries that come up early are put back.
    while let Some((at, Reason::Call(of, which))) = world.client.poll_timeout() {
        assert_eq!(of, call);
        world.after(at.since(world.now));
        fired += 1;
        if world.client.calls() == 0 {
            assert_eq!(which, Deadline::FirstByte);
            break;
        }
    }
    assert!(fired <= 3, "{fired}");
    assert_eq!(world.told(), ["a0.0 failed: the first-byte deadline passed"]);
    assert_eq!(world.client.poll_timeout(), None);
    assert!(!world.client.sends(socket));
}

#[test]
fn idle_connections_are_swept_in_their_time() {
    let mut world = World::new();
    let call = world.get("http://127.0.0.1/");
    world.connect();
    world.says(world.socket(call), OK);
    world.done();
    let idle = Some((world.now.after(seconds(60)), Reason::Idle));
    assert_eq!(world.client.poll_timeout(), idle);
    world.after(seconds(60));
    assert_eq!(world.done(), ["close s0.0 idle"]);
    assert_eq!(world.client.poll_timeout(), None);
}

#[test]
fn a_line_that_moves_on_in_time_does_not_lose_its_deadline() {
    let mut world = World::with(|config| config.pool.open_per_key_max = 1);
    let first = world.get("http://127.0.0.1/1");
    world.connect();
    let mut policy = Policy::default();
    policy.timeout.queue = Some(seconds(5));
    let second = world.request(Request::get("http://127.0.0.1/2").build().unwrap(), policy);
    world.after(seconds(5));
    assert_eq!(world.told(), ["a1.0 failed: the queue deadline passed"]);
    assert_eq!(world.client.why(second), None);
    world.says(world.socket(first), OK);
    assert_eq!(world.client.stats().idle, 1);
}

#[test]
fn a_dial_whose_tcp_is_connected_is_not_abandoned_with_its_call() {
    for connects in [false, true] {
        let mut world = World::new();
        let mut policy = Policy::default();
        let proxy = Origin::new(Scheme::Http, "127.0.0.1", 3128);
        policy.routes.http = crate::call::Route::Tunnel([Hop::new(HopKind::Socks5, proxy)].into());
        let call = world.request(Request::get("http://192.0.2.1/").build().unwrap(), policy);
        if connects {
            world.connect();
        }
        world.client.cancel(call, world.now);
        world.settle();
        let abandoned = world.actions.iter().any(|action| action.ends_with("abandoned"));
        assert_eq!(abandoned, !connects, "{:?}", world.actions);
        assert_eq!(world.client.stats().dialing, usize::from(connects));
    }
}

#[test]
fn head_buffers_are_kept_for_later_connections_up_to_a_limit() {
    let mut world = World::new();
    let calls: Vec<_> = (1..=70).map(|n| world.get(&format!("http://192.0.2.{n}/"))).collect();
    world.connect();
    let conns: Vec<_> = calls.into_iter().map(|call| world.socket(call)).collect();
    for (done, socket) in (1..).zip(conns) {
        world.says(socket, OK);
        assert_eq!(world.client.sockets.spare(), done.min(64));
    }
}
