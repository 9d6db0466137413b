//! Tests the driver on an event loop of the application's own.

use std::{
    error::Error as _,
    io::{Read, Write},
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
    time::Duration,
};

use httpool_mio::{
    Driver, Embedded, Output,
    httpool::call::Policy,
    mio::{Events, Interest, Poll, Token, Waker, event::Event, net::UdpSocket},
};

use crate::support::Server;

/// Runs an application's loop: gives the driver its events, and `other` the remaining ones.
fn run(poll: &mut Poll, http: &mut Embedded, told: &mut Vec<u8>, mut other: impl FnMut(&Event)) {
    let mut events = Events::with_capacity(16);
    while http.client().calls() > 0 {
        poll.poll(&mut events, http.poll_timeout()).unwrap();
        for event in &events {
            assert_eq!(http.owns(event.token()), http.handle(event));
            if !http.owns(event.token()) {
                other(event);
            }
        }
        http.settle(|_, output| match output {
            Output::Data(_, data) => told.extend_from_slice(data),
            Output::Failed(_, error) => panic!("{error}"),
            _ => {}
        });
    }
}

#[test]
fn beside_a_socket_of_ones_own() {
    // The server answers when a datagram tells it to. The datagram is sent when the application's
    // own socket has been ready. So neither progresses without the other.
    let mut poll = Poll::new().unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let mut own = UdpSocket::bind(any).unwrap();
    let own_addr = own.local_addr().unwrap();
    poll.registry().register(&mut own, Token(7), Interest::READABLE).unwrap();
    let server = Server::start(move |peer| {
        let theirs = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        while peer.request().is_some() {
            theirs.send_to(b"asked", own_addr).unwrap();
            let mut word = [0; 16];
            let (len, _) = theirs.recv_from(&mut word).unwrap();
            peer.send(crate::support::ok(&word[..len]));
        }
    });
    let mut http = Driver::builder().embed(poll.registry(), 100..200).unwrap();
    assert!(!http.owns(Token(7)) && http.owns(Token(100)) && !http.owns(Token(200)));
    let mut told = Vec::new();
    for _ in 0..3 {
        http.client().get(&server.url("/")).send().unwrap();
        run(&mut poll, &mut http, &mut told, |event| {
            assert_eq!(event.token(), Token(7));
            let mut word = [0; 16];
            while let Ok((len, from)) = own.recv_from(&mut word) {
                assert_eq!(&word[..len], b"asked");
                own.send_to(b"tell!", from).unwrap();
            }
        });
    }
    assert_eq!(told, b"tell!tell!tell!");
    assert_eq!(server.accepted(), 1);
}

#[test]
fn two_drivers_and_a_lent_waker_on_one_poll() {
    let server = Server::answering("hello");
    let mut poll = Poll::new().unwrap();
    let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
    let drivers = [1_000..2_000, 2_000..3_000].map(|tokens| {
        Driver::builder().waker(waker.clone()).embed(poll.registry(), tokens).unwrap()
    });
    let [mut one, mut other] = drivers;
    // Uses a name that must be looked up, so that the waker is needed.
    let url = format!("http://localhost:{}/", server.port());
    for _ in 0..3 {
        one.client().get(&url).send().unwrap();
        other.client().get(&url).send().unwrap();
    }
    let mut events = Events::with_capacity(16);
    let mut told = Vec::new();
    while one.client().calls() + other.client().calls() > 0 {
        let waits = [one.poll_timeout(), other.poll_timeout()];
        poll.poll(&mut events, waits.into_iter().flatten().min()).unwrap();
        for event in &events {
            let taken = one.handle(event) || other.handle(event);
            assert_eq!(taken, event.token() != Token(0));
        }
        for driver in [&mut one, &mut other] {
            driver.settle(|_, output| {
                if let Output::Data(_, data) = output {
                    told.extend_from_slice(data);
                }
            });
        }
    }
    assert_eq!(told, b"hello".repeat(6));
}

/// A call that finds no token waits for a connection in use, as it does without descriptors.
#[test]
fn too_few_tokens_make_a_call_wait_for_one() {
    let server = Server::answering("hello");
    let mut poll = Poll::new().unwrap();
    // One token for the waker, and two for connections.
    let mut http = Driver::builder().embed(poll.registry(), 10..13).unwrap();
    for _ in 0..3 {
        http.client().get(&server.url("/")).send().unwrap();
    }
    let mut events = Events::with_capacity(16);
    let mut told = Vec::new();
    while http.client().calls() > 0 {
        let moment = Some(Duration::from_millis(1));
        poll.poll(&mut events, http.poll_timeout().min(moment).or(moment)).unwrap();
        events.iter().for_each(|event| assert!(http.handle(event)));
        http.settle(|_, output| match output {
            Output::Data(_, data) => told.extend_from_slice(data),
            Output::Failed(_, error) => panic!("{error}"),
            _ => {}
        });
    }
    assert_eq!(told, b"hello".repeat(3));
    assert_eq!((server.accepted(), server.requests()), (2, 3));
}

/// Connects from an address of the application's choice.
#[test]
fn a_connection_may_come_from_a_local_address() {
    let server = Server::start(|peer| {
        peer.request();
        let from = peer.tcp.peer_addr().unwrap().ip().to_string();
        peer.answer(&from);
    });
    let mut policy = Policy::default();
    policy.routes.local = Some([127, 0, 0, 9].into());
    let mut world = crate::World::with(Driver::builder().policy(policy));
    assert_eq!(world.fetch(&server.url("/")).unwrap().text(), "127.0.0.9");
}

const fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
const _: () = is_unwind_safe::<Driver>();
const _: () = is_unwind_safe::<Embedded>();

/// A panic in the closure loses the connection of its event, and no other.
#[test]
fn a_closure_that_panics_leaves_the_loop_whole() {
    let server = Server::start(|peer| {
        while let Some(request) = peer.request() {
            peer.send(crate::support::ok(vec![request.target().len() as u8; 1_000]));
        }
    });
    let mut driver = Driver::new().unwrap();
    let call = driver.client().get(&server.url("/")).send().unwrap();
    let panicking = std::panic::AssertUnwindSafe(|| {
        driver.run(|_, output| {
            if let Output::Head(..) = output {
                panic!("as it should");
            }
        })
    });
    assert!(std::panic::catch_unwind(panicking).is_err());
    // The connection has lost the bytes after the head, and must not take others for them.
    let error = driver.fetch(call).unwrap_err();
    assert!(error.source().unwrap().to_string().contains("panicked"), "{error}");
    let next = driver.client().get(&server.url("/next")).send().unwrap();
    assert_eq!(driver.fetch(next).unwrap().body(), [5; 1_000]);
}

/// The driver's sockets and others wait together, also on the driver's own poll.
#[test]
fn a_driver_shows_events_of_others() {
    let server = Server::answering("hello");
    let mut driver = Driver::new().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut listener = httpool_mio::mio::net::TcpListener::from_std(listener);
    driver.registry().register(&mut listener, Token(1), Interest::READABLE).unwrap();
    let mut events = Events::with_capacity(16);
    driver.client().get(&server.url("/")).send().unwrap();
    let mut theirs = std::net::TcpStream::connect(addr).unwrap();
    theirs.write_all(b"x").unwrap();
    let (mut accepted, mut ended) = (false, false);
    while !(accepted && ended) {
        driver
            .turn(&mut events, None, |_, output| ended |= matches!(output, Output::End(..)))
            .unwrap();
        if events.iter().any(|event| event.token() == Token(1)) {
            let (mut tcp, _) = listener.accept().unwrap();
            accepted = true;
            assert!(tcp.read(&mut [0]).is_ok_and(|read| read == 1));
        }
    }
}
