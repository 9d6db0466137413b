//! Tests `close` and `close_now`.

use httpool_mio::{
    Error,
    httpool::error::{Cause, Reached, Unavailable},
};

use crate::{World, cause, support::Server};

const CLOSED: Cause = Cause::Unavailable(Unavailable::Closed);

fn causes(errors: &[Error]) -> Vec<Cause> {
    errors.iter().map(cause).collect()
}

#[test]
fn a_graceful_close_lets_those_with_a_connection_end() {
    let (server, other) = (Server::answering("hello"), Server::answering("hello"));
    let mut world = World::narrow();
    world.fetch(&other.url("/")).unwrap();
    let call = world.get(&server.url("/"));
    world.get(&server.url("/in-line"));
    world.until(|world| world.stats().leased == 1);
    world.client().close();
    assert_eq!(world.stats().idle, 0);
    world.until(|world| world.client().calls() == 0);
    assert_eq!(world.told, ["failed", "head 200", "end"]);
    assert_eq!(
        (causes(&world.errors), world.errors[0].reached()),
        (vec![CLOSED], Reached::Nothing)
    );
    assert_eq!(world.stats().open, 0);
    assert_eq!(cause(&world.fetch(&server.url("/")).unwrap_err()), CLOSED);
    assert_eq!((server.requests(), world.client().call(call).is_none()), (1, true));
}

#[test]
fn a_close_ends_what_is_being_opened() {
    let server = Server::answering("hello");
    let mut world = World::new();
    world.get(&server.url("/"));
    world.client().close();
    world.until_told("failed");
    assert_eq!(causes(&world.errors), [CLOSED]);
    assert_eq!(world.stats().open, 0);
}

#[test]
fn an_immediate_close_ends_everything_and_tells() {
    let server = Server::replying(|request| match request.target() {
        "/half" => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".into(),
        "/mute" => Vec::new(),
        _ => crate::support::ok("whole"),
    });
    let mut world = World::new();
    world.fetch(&server.url("/")).unwrap();
    for path in ["/half", "/mute"] {
        world.get(&server.url(path));
    }
    world.until(|world| world.body == b"half" && server.requests() == 3);
    world.get(&server.url("/being-opened"));
    world.client().close_now();
    assert_eq!(world.stats().open, 0);
    world.until(|world| world.errors.len() == 3);
    assert_eq!(world.client().calls(), 0);
    let cancelled = world.errors.iter().filter(|error| error.is_cancelled()).count();
    assert_eq!((cancelled, causes(&world.errors).contains(&CLOSED)), (2, true));
    world.turn();
    assert_eq!(world.told, ["head 200", "failed", "failed", "failed"]);
}
