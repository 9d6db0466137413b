//! Tests calls that fail.

use std::{
    error::Error as _,
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use httpool_mio::{
    Driver, Resolve,
    httpool::{
        call::{Policy, Retry},
        error::{Cause, DialError, IoKind, Reached, ResolveKind, Unavailable},
        time::Deadline,
    },
};

use crate::{World, cause, support::Server};

const SHORT: Option<Duration> = Some(Duration::from_millis(30));

/// Returns a port without a listener.
fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn refused() -> Cause {
    Cause::Unavailable(Unavailable::Dial(DialError::Connect(IoKind::Refused)))
}

struct Knows(fn(&str) -> io::Result<Vec<SocketAddr>>);

impl Resolve for Knows {
    fn resolve(&self, host: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        (self.0)(host)
    }
}

#[test]
fn a_refused_connection_says_so_with_the_systems_reason() {
    let mut world = World::new();
    let error = world.fetch(&format!("http://127.0.0.1:{}/", nobody())).unwrap_err();
    assert!(error.is_connect());
    assert_eq!((cause(&error), error.reached()), (refused(), Reached::Nothing));
    let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn what_the_system_said_belongs_to_the_call_it_was_said_of() {
    let know = |host: &str| Err(io::Error::other(format!("{host} is unknown")));
    let mut world = World::with(Driver::builder().resolver(Arc::new(Knows(know))));
    let calls: Vec<_> = (0..20).map(|n| world.get(&format!("http://host-{n}.test/"))).collect();
    let refused = world.get(&format!("http://127.0.0.1:{}/", nobody()));
    for (n, call) in calls.into_iter().enumerate() {
        let error = world.driver.fetch(call).unwrap_err();
        assert_eq!(cause(&error), Cause::Unavailable(Unavailable::Dial(DialError::Name)));
        assert_eq!(error.source().unwrap().to_string(), format!("host-{n}.test is unknown"));
    }
    let error = world.driver.fetch(refused).unwrap_err();
    assert!(error.source().unwrap().downcast_ref::<io::Error>().is_some());
}

#[test]
fn a_resolver_that_panics_fails_its_call_alone() {
    let know = |host: &str| match host {
        "bad.test" => panic!("the resolver is broken, as it should be"),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    let mut world = World::with(Driver::builder().resolver(Arc::new(Knows(know))));
    for host in ["bad.test", "good.test", "bad.test"] {
        let error = world.fetch(&format!("http://{host}/")).unwrap_err();
        let why = match host {
            "bad.test" => DialError::Resolve(ResolveKind::Panicked),
            _ => DialError::Name,
        };
        assert_eq!(cause(&error), Cause::Unavailable(Unavailable::Dial(why)));
        assert_eq!(error.to_string().contains("panicked"), host == "bad.test");
        assert!(error.source().is_some());
    }
}

#[test]
fn addresses_are_tried_in_turn_and_names_may_be_fixed() {
    let server = Server::answering("hello");
    let local = |last| [127, 0, 0, last].into();
    // The first address has no listener.
    let (host, port) = ("two.test", server.port());
    let builder = Driver::builder().resolve_to(host, port, local(77));
    let mut world = World::with(builder.resolve_to(host, port, local(1)));
    let answer = world.fetch(&format!("http://{host}:{port}/")).unwrap();
    assert_eq!(answer.text(), "hello");
}

#[test]
fn a_request_that_cannot_be_built_is_refused_at_once() {
    let mut world = World::new();
    for url in ["ftp://127.0.0.1/", "nonsense"] {
        let error = world.client().get(url).send().unwrap_err();
        assert!(error.as_request_error().is_some());
    }
    let error = world.client().get("http://a/").header("X", "a\r\nb").send().unwrap_err();
    assert_eq!(error.reached(), Reached::Nothing);
    assert_eq!(world.client().calls(), 0);
}

#[test]
fn each_deadline_names_itself() {
    let server = Server::start(|peer| match peer.head() {
        Some(head) if head.contains("/half") => {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
            peer.until_closed();
        }
        // Does not even read the rest of the request.
        Some(head) if head.contains("/deaf") => loop {
            std::thread::park();
        },
        _ => peer.until_closed(),
    });
    type Change = fn(&mut Policy);
    let deadlines: [(_, _, Change); 4] = [
        ("/mute", Deadline::FirstByte, |policy| policy.timeout.first_byte = SHORT),
        ("/mute", Deadline::Total, |policy| policy.timeout.total = SHORT),
        ("/half", Deadline::Stall, |policy| policy.timeout.stall = SHORT),
        ("/deaf", Deadline::Write, |policy| policy.timeout.write = SHORT),
    ];
    let mut world = World::new();
    for (path, which, change) in deadlines {
        let mut policy = Policy::default();
        change(&mut policy);
        let body = vec![0; if path == "/deaf" { 64 << 20 } else { 0 }];
        let call = world.client().post(&server.url(path)).policy(policy).body(body);
        let call = call.send().unwrap();
        let error = world.driver.fetch(call).unwrap_err();
        assert_eq!(cause(&error), Cause::Timeout(which));
        assert!(error.is_timeout());
        assert_eq!(world.stats().open, 0);
    }
}

#[test]
fn a_line_has_a_deadline_and_leaving_it_loses_nothing() {
    let server = Server::replying(|_| Vec::new());
    let mut world = World::narrow();
    let held = world.get(&server.url("/"));
    let mut policy = Policy::default();
    policy.timeout.queue = SHORT;
    let call = world.client().get(&server.url("/")).policy(policy).send().unwrap();
    let error = world.driver.fetch(call).unwrap_err();
    assert_eq!(cause(&error), Cause::Timeout(Deadline::Queue));
    assert_eq!(error.reached(), Reached::Nothing);
    world.client().cancel(held);
    assert_eq!((world.stats().open, world.stats().waiting), (0, 0));
}

#[test]
fn a_reset_is_told_with_the_systems_reason() {
    let server = Server::start(|peer| {
        peer.head();
        // Closing with unread input sends a reset.
        let unread = peer.tcp.peek(&mut [0]).unwrap_or(0);
        assert_eq!(unread, 1);
    });
    let mut world = World::new();
    let call = world.client().post(&server.url("/")).body(vec![0; 100_000]).send().unwrap();
    let error = world.driver.fetch(call).unwrap_err();
    assert_eq!(cause(&error), Cause::Lost(IoKind::Reset));
    let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn a_failed_attempt_is_history_when_another_succeeds() {
    let server = Server::start(|peer| {
        if peer.number == 0 {
            peer.head();
            return;
        }
        peer.request();
        peer.answer("hello");
    });
    let mut world = World::new();
    let call = world.client().get(&server.url("/")).retry(Retry::new(1)).send().unwrap();
    let answer = world.driver.fetch(call).unwrap();
    assert_eq!(answer.history().len(), 1);
    assert!(answer.history()[0].cause.is_some());
}

#[test]
fn a_response_is_fetched_once() {
    let server = Server::answering("hello");
    let mut world = World::new();
    let call = world.get(&server.url("/"));
    world.driver.fetch(call).unwrap();
    let error = world.driver.fetch(call).unwrap_err();
    assert!(error.to_string().contains("no such call"), "{error}");
    let call = world.get(&server.url("/"));
    world.client().cancel(call);
    assert!(world.driver.fetch(call).is_err());
}
