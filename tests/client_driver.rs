//! What a driver relies on when it puts a `Client` on its sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use httpool::{
    call::Policy,
    client::{Action, Client, Closed, Config, Event},
    error::{Cause, DialError, IoKind, Unavailable},
    id::{CallId, ConnId},
    message::Request,
    time::Instant,
};

const NOW: Instant = Instant::from_nanos(0);

fn request(client: &mut Client, url: &str, upgrade: bool) -> (CallId, ConnId) {
    let mut request = Request::get(url);
    if upgrade {
        request = request.field("Connection", "upgrade").field("Upgrade", "echo");
    }
    let call = client.request(request.build().unwrap(), Arc::new(Policy::default()), NOW);
    match client.poll_action() {
        Some(Action::Connect { conn, .. }) => (call, conn),
        other => panic!("{other:?}"),
    }
}

fn connected(client: &mut Client, conn: ConnId) {
    client.handle_connected(conn, 0, Ok(()), NOW);
    assert_eq!(client.poll_action(), Some(Action::Transmit { conn, probe: false }));
    let mut out = Vec::new();
    client.poll_transmit(conn, &mut out);
    client.handle_written(conn, out.len(), NOW);
}

#[test]
fn what_comes_behind_a_101_is_left_to_whom_the_socket_is_handed() {
    let mut client = Client::new(Config::default());
    let (call, conn) = request(&mut client, "http://192.0.2.1/", true);
    connected(&mut client, conn);
    let head = b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    let input = [&head[..], b"not HTTP"].concat();
    let (taken, event) = client.receive(conn, &input, NOW);
    assert!(matches!(event, Event::Head(..)));
    // A driver goes on with the rest until it hears that more is needed.
    let (more, event) = client.receive(conn, &input[taken..], NOW);
    assert!(matches!(event, Event::NeedInput));
    assert_eq!(&input[taken + more..], b"not HTTP");
    assert_eq!(client.poll_action(), Some(Action::HandOver { conn, call }));
    client.check().unwrap();
}

#[test]
fn bytes_on_an_idle_connection_close_it() {
    let mut client = Client::new(Config::default());
    let (_, conn) = request(&mut client, "http://192.0.2.1/", false);
    connected(&mut client, conn);
    let input = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let (taken, _) = client.receive(conn, input, NOW);
    let (_, event) = client.receive(conn, &input[taken..], NOW);
    assert!(matches!(event, Event::End(..)));
    assert_eq!(client.poll_action(), None);
    client.receive(conn, b"", NOW);
    assert_eq!(client.stats().idle, 1);
    let (_, event) = client.receive(conn, b"HTTP/1.1 200 OK\r\n", NOW);
    assert!(matches!(event, Event::NeedInput));
    assert!(matches!(
        client.poll_action(),
        Some(Action::Close { conn: closed, why: Closed::Evicted(_) }) if closed == conn
    ));
    client.check().unwrap();
}

/// A driver keeps the system's error by connection, and looks for it when a call fails.
#[test]
fn a_failed_call_names_the_connection_that_could_not_be_opened() {
    let mut client = Client::new(Config::default());
    let (call, conn) = request(&mut client, "http://192.0.2.1/", false);
    let (other, other_conn) = request(&mut client, "http://192.0.2.2/", false);
    assert_eq!(client.connection(call), None);
    client.handle_connected(conn, 0, Err(IoKind::Refused), NOW);
    client.handle_connected(other_conn, 0, Err(IoKind::Unreachable), NOW);
    let mut failed = Vec::new();
    while let Some(action) = client.poll_action() {
        if let Action::Failed { call, failure } = action {
            failed.push((call, failure.cause, client.connection(call)));
        }
    }
    let dial = |kind| Cause::Unavailable(Unavailable::Dial(DialError::Connect(kind)));
    assert_eq!(
        failed,
        [
            (call, dial(IoKind::Refused), Some((conn, false))),
            (other, dial(IoKind::Unreachable), Some((other_conn, false))),
        ]
    );
}
