//! Tests calls that are cancelled in any state. They have no further events, and leave nothing
//! behind.

use std::{
    io::{self, Read},
    net::SocketAddr,
    sync::{
        Mutex,
        mpsc::{self, Receiver},
    },
    thread,
    time::Duration,
};

use httpool_mio::{
    Body, Driver, Resolve,
    httpool::{
        call::{DrainTime, Policy, Retry, Route},
        client::{Opening, Waiting},
        id::CallId,
        message::{Hop, HopKind, Origin, Scheme},
    },
};

use crate::{World, support::Server};

/// Waits until the call waits for `stage`, then cancels it.
fn given_up(world: &mut World, call: CallId, stage: impl Fn(Waiting<'_>) -> bool) {
    world.until(|world| stage(world.client().why(call).unwrap()));
    let told = world.told.len();
    world.client().cancel(call);
    assert_eq!(world.client().why(call), None);
    world.until(|world| {
        let stats = world.stats();
        (stats.open, stats.waiting) == (stats.idle, 0)
    });
    assert_eq!((world.told.len(), world.client().calls()), (told, 0));
    // The loop serves further calls.
    let server = Server::answering("fine");
    assert_eq!(world.fetch(&server.url("/")).unwrap().text(), "fine");
}

/// Takes requests and never answers.
fn mute() -> Server {
    Server::replying(|_| Vec::new())
}

/// A resolver that answers when its other end is dropped.
struct Slow(Mutex<Receiver<()>>);

impl Resolve for Slow {
    fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        self.0.lock().unwrap().recv().ok();
        Err(io::Error::other("nobody knows"))
    }
}

#[test]
fn while_a_name_is_looked_up() {
    let (go, wait) = mpsc::channel();
    let slow = std::sync::Arc::new(Slow(Mutex::new(wait)));
    let mut world = World::with(Driver::builder().resolver(slow));
    let call = world.get("http://slow.test/");
    given_up(&mut world, call, |why| matches!(why, Waiting::Dial(_, Opening::Name)));
    // The answer comes after the call was cancelled.
    drop(go);
    for _ in 0..10 {
        world.turn();
    }
    assert!(world.told.is_empty());
}

#[test]
fn while_a_proxy_is_asked() {
    let (over, is_over) = mpsc::channel::<()>();
    let is_over = Mutex::new(is_over);
    let proxy = Server::start(move |peer| {
        peer.request();
        is_over.lock().unwrap().recv().ok();
    });
    let origin = Origin::new(Scheme::Http, "127.0.0.1", proxy.port());
    let mut policy = Policy::default();
    policy.routes.http = Route::Tunnel([Hop::new(HopKind::Connect, origin)].into());
    let mut world = World::new();
    let call = world.client().get("http://127.0.0.1:9/").policy(policy).send().unwrap();
    world.until(|_| proxy.requests() == 1);
    assert!(matches!(world.client().why(call), Some(Waiting::Dial(_, Opening::Proxy))));
    world.client().cancel(call);
    assert_eq!((world.client().calls(), world.stats().waiting), (0, 0));
    // TCP is connected, so the dial goes on for the next call. Here it fails.
    assert_eq!(world.stats().dialing, 1);
    drop(over);
    world.until(|world| world.stats().open == 0);
    assert!(world.told.is_empty());
}

#[test]
fn before_the_loop_has_had_a_turn() {
    let (server, mut world) = (mute(), World::new());
    let call = world.get(&server.url("/"));
    given_up(&mut world, call, |_| true);
    assert_eq!(server.requests(), 0);
}

#[test]
fn in_line() {
    let (server, mut world) = (mute(), World::narrow());
    let held = world.get(&server.url("/"));
    world.until(|world| world.client().why(held) == Some(Waiting::Head));
    let call = world.get(&server.url("/"));
    world
        .until(|world| world.client().why(call).is_some_and(|why| matches!(why, Waiting::Line(_))));
    world.client().cancel(call);
    assert_eq!((world.stats().waiting, world.client().calls()), (0, 1));
    given_up(&mut world, held, |why| why == Waiting::Head);
}

#[test]
fn while_the_request_is_sent() {
    let (over, is_over) = mpsc::channel::<()>();
    let is_over = Mutex::new(is_over);
    let server = Server::start(move |peer| {
        peer.head();
        is_over.lock().unwrap().recv().ok();
    });
    let mut world = World::new();
    let call = world.client().post(&server.url("/")).body(vec![0; 64 << 20]).send().unwrap();
    given_up(&mut world, call, |why| why == Waiting::Room);
    drop(over);
}

#[test]
fn while_its_body_has_nothing_to_give() {
    struct Nothing;
    impl Read for Nothing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }
    let (server, mut world) = (mute(), World::new());
    let call = world.client().post(&server.url("/")).body(Body::reader(Nothing)).send().unwrap();
    given_up(&mut world, call, |why| why == Waiting::Body);
    // The piece became ready after the call was cancelled, and its id is stale.
    world.client().body_ready(call);
    world.turn();
}

#[test]
fn while_an_answer_is_waited_for() {
    let (server, mut world) = (mute(), World::new());
    let call = world.get(&server.url("/"));
    given_up(&mut world, call, |why| why == Waiting::Head);
}

#[test]
fn while_a_response_is_read_or_its_reader_pauses() {
    for pause in [false, true] {
        let server =
            Server::replying(|_| "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".into());
        let mut world = World::new();
        let call = world.get(&server.url("/"));
        world.until(|world| world.body == b"half");
        if pause {
            world.client().pause(call);
        }
        let stage = if pause { Waiting::Reader } else { Waiting::Data };
        given_up(&mut world, call, |why| why == stage);
        world.client().resume(call);
        world.turn();
    }
}

#[test]
fn in_a_pause_before_another_attempt() {
    let server = Server::replying(|_| {
        "HTTP/1.1 503 Later\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n".into()
    });
    let mut world = World::new();
    let call = world.client().get(&server.url("/")).retry(Retry::new(1)).send().unwrap();
    given_up(&mut world, call, |why| matches!(why, Waiting::Pause(_)));
}

#[test]
fn inside_the_closure_that_hears_of_it() {
    for at in ["head", "data"] {
        let server = Server::answering("hello");
        let mut driver = Driver::new().unwrap();
        let call = driver.client().get(&server.url("/")).send().unwrap();
        let mut told = 0;
        driver
            .run(|client, output| {
                use httpool_mio::Output;
                told += 1;
                if matches!((at, output), ("head", Output::Head(..)) | ("data", Output::Data(..))) {
                    client.cancel(call);
                }
            })
            .unwrap();
        assert_eq!(told, if at == "head" { 1 } else { 2 });
        assert_eq!(driver.client().stats().open, 0);
    }
}

#[test]
fn a_discarded_response_gives_its_connection_back() {
    let (go, wait) = mpsc::channel();
    let wait = Mutex::new(wait);
    let server = Server::start(move |peer| {
        while peer.request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
            wait.lock().unwrap().recv().unwrap();
            peer.send("rest");
        }
    });
    let mut policy = Policy::default();
    policy.drain_time_max = DrainTime(Duration::MAX);
    let mut world = World::with(Driver::builder().policy(policy));
    // A paused response is read on, to free the connection.
    for paused in [false, true] {
        let call = world.get(&server.url("/"));
        world.until(|world| world.body == b"half");
        if paused {
            world.client().pause(call);
        }
        world.client().discard(call);
        go.send(()).unwrap();
        world.until(|world| world.client().calls() == 0);
        assert_eq!((&*world.told, &*world.body), (&["head 200".into()][..], &b"half"[..]));
        assert_eq!((world.stats().idle, server.accepted()), (1, 1));
        (world.told, world.body) = Default::default();
    }
}

#[test]
fn a_dropped_driver_closes_its_connections() {
    let (closed, wait_until_closed) = mpsc::channel();
    let closed = Mutex::new(closed);
    let server = Server::start(move |peer| {
        peer.request();
        peer.answer("hello");
        peer.until_closed();
        closed.lock().unwrap().send(()).unwrap();
    });
    let mut world = World::new();
    world.fetch(&server.url("/")).unwrap();
    drop(world);
    wait_until_closed.recv().unwrap();
    // The threads of the driver's resolver end soon after it, so it can be dropped on any thread.
    thread::spawn(|| drop(World::new())).join().unwrap();
}
