//! Tests redirects and retries, as the servers see them.

use std::io::Cursor;

use httpool_mio::{
    Body, Driver,
    httpool::{
        call::{Redirect, Retry},
        error::{Cause, Reached},
        message::Status,
    },
};

use crate::{
    World, cause,
    support::{Server, ok},
};

/// Redirects `/<status>` to `/end`, which answers with the method and the body that it received.
fn redirecting() -> Server {
    Server::replying(|request| match request.target() {
        "/end" => ok(format!("{} {}", request.method(), String::from_utf8_lossy(&request.body))),
        path => format!("HTTP/1.1 {} R\r\nLocation: end\r\nContent-Length: 0\r\n\r\n", &path[1..])
            .into(),
    })
}

#[test]
fn redirects_and_retries_of_the_driver_are_those_of_each_call_that_has_no_others() {
    let server = redirecting();
    let settings = Driver::builder().redirect(Redirect::none()).retry(Retry::new(1));
    let (url, mut world) = (server.url("/302"), World::with(settings));
    assert_eq!(world.fetch(&url).unwrap().status(), 302);
    let request = world.client().get(&url).build().unwrap();
    let call = world.client().send(&request);
    assert_eq!(world.driver.fetch(call).unwrap().status(), 302);
    let call = world.client().get(&url).redirect(Redirect::default()).send().unwrap();
    assert_eq!(world.driver.fetch(call).unwrap().status(), 200);
}

#[test]
fn bodies_are_given_again_after_a_redirect_where_they_can_be() {
    let (server, mut world) = (redirecting(), World::new());
    let bodies: [fn() -> Body; 2] =
        [|| "body".into(), || Body::seekable(Cursor::new("body")).unwrap()];
    for body in bodies {
        for (status, seen) in [(303, "GET "), (307, "POST body"), (308, "POST body")] {
            let url = server.url(&format!("/{status}"));
            let call = world.client().post(&url).body(body()).send().unwrap();
            let response = world.driver.fetch(call).unwrap();
            assert_eq!(response.url().path(), "/end");
            assert_eq!(response.history()[0].status.unwrap(), status);
            assert_eq!(response.text(), seen);
        }
    }
    let once = Body::reader(Cursor::new("body"));
    let call = world.client().post(&server.url("/307")).body(once).send().unwrap();
    let error = world.driver.fetch(call).unwrap_err();
    assert_eq!((cause(&error), error.reached()), (Cause::NotReplayable, Reached::Answered));
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_redirect_to_another_server_finds_its_connections() {
    let other = Server::answering("there");
    let location = other.url("/");
    let server = Server::replying(move |_| {
        format!("HTTP/1.1 302 R\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into()
    });
    let mut world = World::new();
    for _ in 0..3 {
        let response = world.fetch(&server.url("/")).unwrap();
        assert_eq!((response.url().port(), &*response.text()), (Some(other.port()), "there"));
    }
    assert_eq!((server.accepted(), other.accepted()), (1, 1));
}

#[test]
fn a_busy_server_is_asked_again() {
    let server = Server::start(|peer| {
        while peer.request().is_some() {
            if peer.number > 0 {
                peer.answer("now");
                continue;
            }
            return peer
                .send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    let mut retry = Retry::new(1);
    retry.statuses.push(Status::new(503).unwrap());
    let mut world = World::new();
    let call = world.client().get(&server.url("/")).retry(retry).send().unwrap();
    let response = world.driver.fetch(call).unwrap();
    assert_eq!(response.history().len(), 1);
    assert_eq!(response.text(), "now");
    assert_eq!((server.accepted(), server.requests()), (2, 2));
}
