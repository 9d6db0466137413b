//! Tests a pending TCP connect. The peer is a listener with a full queue, to which Linux neither
//! accepts nor refuses connections.
#![cfg(target_os = "linux")]

use std::{
    net::{TcpListener, TcpStream},
    time::Duration,
};

use httpool_mio::{
    Driver,
    httpool::{
        client::{Opening, Waiting},
        dial,
        error::{Cause, DialError, Unavailable},
        time::Deadline,
    },
};

use crate::{World, cause, support::Server};

/// Returns a listener whose queue is full: it has one place, which the stream takes.
fn full(address: &str) -> (TcpListener, TcpStream) {
    let listener = TcpListener::bind(address).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let filler = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener, filler)
}

fn url(listener: &TcpListener) -> String {
    format!("http://{}/", listener.local_addr().unwrap())
}

fn is_connecting(why: Option<Waiting<'_>>) -> bool {
    matches!(why, Some(Waiting::Dial(_, Opening::Tcp)))
}

#[test]
fn a_cancel_and_a_close_end_it() {
    for close in [false, true] {
        let (listener, _filler) = full("127.0.0.1:0");
        let mut world = World::new();
        let call = world.get(&url(&listener));
        for _ in 0..3 {
            world.turn();
            assert!(is_connecting(world.client().why(call)));
        }
        if close {
            world.client().close();
        } else {
            world.client().cancel(call);
        }
        assert_eq!((world.stats().open, world.client().calls()), (0, 0));
        world.turn();
        let closed = [Cause::Unavailable(Unavailable::Closed)];
        let causes: Vec<_> = world.errors.iter().map(cause).collect();
        assert_eq!(causes, if close { &closed[..] } else { &[] });
    }
}

#[test]
fn it_has_a_deadline() {
    let (listener, _filler) = full("127.0.0.1:0");
    let mut policy = dial::DialPolicy::default();
    policy.connect_timeout = Some(Duration::from_millis(30));
    let mut world = World::with(Driver::builder().dial(policy));
    let error = world.fetch(&url(&listener)).unwrap_err();
    let late = DialError::Timeout(Deadline::Connect);
    assert_eq!(cause(&error), Cause::Unavailable(Unavailable::Dial(late)));
    assert!(error.is_timeout() && error.is_connect());
    assert_eq!(world.stats().open, 0);
}

/// The first address does not answer. The second is tried beside it, and wins. The first attempt is
/// closed: its place in the queue of the other listener stays empty.
#[test]
fn another_address_is_raced() {
    let server = Server::answering("hello");
    let port = server.port();
    let (silent, filler) = full(&format!("127.0.0.78:{port}"));
    let mut policy = dial::DialPolicy::default();
    policy.race_after = Some(Duration::from_millis(10));
    let local = |last| [127, 0, 0, last].into();
    let builder = Driver::builder().dial(policy).resolve_to("two.test", port, local(78));
    let mut world = World::with(builder.resolve_to("two.test", port, local(1)));
    let url = format!("http://two.test:{port}/");
    for reused in [false, true] {
        let answer = world.fetch(&url).unwrap();
        assert_eq!((answer.reused(), &*answer.text()), (reused, "hello"));
    }
    assert_eq!((world.stats().open, server.accepted()), (1, 1));
    drop((silent.accept().unwrap(), filler));
    silent.set_nonblocking(true).unwrap();
    assert!(silent.accept().is_err(), "nobody else is in the queue");
}

#[test]
fn a_connection_that_comes_back_is_used_instead() {
    let (listener, filler) = full("127.0.0.1:0");
    let mut world = World::new();
    // Takes the test's own connection out of the queue, so that the driver's first one can follow.
    drop((listener.accept().unwrap(), filler));
    let first = world.get(&url(&listener));
    world.until(|world| world.client().why(first) == Some(Waiting::Head));
    let (mut peer, _) = listener.accept().unwrap();
    let _filler = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let second = world.get(&url(&listener));
    world.until(|world| is_connecting(world.client().why(second)));
    let mut answer = || {
        use std::io::{Read, Write};
        assert!(peer.read(&mut [0; 4096]).unwrap() > 0);
        peer.write_all(&crate::support::ok("hello")).unwrap();
    };
    answer();
    assert!(!world.driver.fetch(first).unwrap().reused());
    world.until(|world| world.client().why(second) == Some(Waiting::Head));
    answer();
    assert!(world.driver.fetch(second).unwrap().reused());
    assert_eq!((world.stats().open, world.stats().idle), (1, 1));
}
