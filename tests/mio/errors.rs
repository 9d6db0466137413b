//! Tests the messages of errors, and the accessors of responses.

use std::{error::Error as _, io, sync::Arc};

use httpool_mio::{
    Driver, Error, Resolve, Responses,
    httpool::call::{Policy, Redirect},
};

use crate::{World, support::Server};

fn saying(answer: &'static str) -> Server {
    Server::replying(move |_| answer.into())
}

/// Checks that no source repeats the message of `error`, and that its `Debug` is its `Display` with
/// the sources.
fn check(error: &Error) {
    let (said, mut debug) = (error.to_string(), error.to_string());
    let mut source = error.source();
    while let Some(why) = source {
        assert!(!said.contains(&why.to_string()), "{error:?}");
        debug += &format!("\n  caused by: {why}");
        source = why.source();
    }
    assert_eq!(format!("{error:?}"), debug);
}

#[test]
fn a_redirect_that_cannot_be_followed_is_named_with_its_target() {
    let mut policy = Policy::default();
    policy.redirect = Redirect::limited(2);
    let mut world = World::with(Driver::builder().policy(policy));
    let server = saying("HTTP/1.1 302 F\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n");
    let error = world.fetch(&server.url("/")).unwrap_err();
    check(&error);
    assert_eq!(error.redirect(), Some(&*server.url("/loop")));
    let says = format!("the redirect to {} cannot be followed: ", server.url("/loop"));
    assert!(error.to_string().contains(&says), "{error}");
}

#[test]
fn a_bound_that_was_exceeded_is_named() {
    let server = Server::answering("longer");
    let (mut world, mut whole) = (World::new(), Responses::new(5));
    let call = world.get(&server.url("/"));
    world.driver.run(|client, output| whole.put(client, output)).unwrap();
    let error = whole.take(call).unwrap().unwrap_err();
    check(&error);
    assert!(error.to_string().contains("body_bytes_max"), "{error}");
}

struct Panics;

impl Resolve for Panics {
    fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<std::net::SocketAddr>> {
        panic!("the resolver is broken, as it should be")
    }
}

#[test]
fn a_resolver_that_panics_is_said_to_have_panicked() {
    let mut world = World::with(Driver::builder().resolver(Arc::new(Panics)));
    let error = world.fetch("http://a.test/").unwrap_err();
    check(&error);
    assert!(error.to_string().contains("panicked"), "{error}");
}

#[test]
fn debug_shows_no_secrets() {
    let server = saying("HTTP/1.1 200 OK\r\nSet-Cookie: sid=secret\r\nContent-Length: 0\r\n\r\n");
    let mut world = World::new();
    let url = server.url("/x").replace("http://", "http://user:secret@");
    let request = world.client().get(&url).header("Cookie", "secret");
    let shown = format!("{request:?}");
    assert!(!shown.contains("secret"), "{shown}");
    let call = request.send().unwrap();
    let response = world.driver.fetch(call).unwrap();
    let shown = format!("{response:?} {:?}", world.driver);
    assert!(!shown.contains("secret") && shown.contains("Set-Cookie: ***"), "{shown}");
}
