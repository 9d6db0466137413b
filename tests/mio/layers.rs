//! Tests connections with layers between the socket and HTTP, by a small cipher in place of TLS.

mod dials;
mod ends;
mod uploads;

use std::{
    io::{ErrorKind, Read, Write},
    sync::Arc,
    thread,
    time::Duration,
};

use httpool_mio::{
    Driver, DriverBuilder, Error, Method, Output, Switched, layer::LayerError, mio::Events,
};
use httpool_sim::layer::{Cipher, Half};

use crate::{
    World, limits,
    support::{
        Peer, Server, ok,
        sessions::{self, answers},
    },
};

fn builder() -> DriverBuilder {
    Driver::builder()
        .layers(Arc::new(Cipher::new(100)))
        .pool(limits(|limits| limits.open_per_key_max = 1))
}

fn world() -> World {
    World::with(builder())
}

/// Returns the failure of a layer that is the source of `error`.
fn layer_error(error: &Error) -> &LayerError {
    let source = std::error::Error::source(error).unwrap_or_else(|| panic!("no source: {error}"));
    source.downcast_ref().unwrap_or_else(|| panic!("another source: {source}"))
}

impl World {
    fn hello(&mut self, url: &str) {
        assert_eq!(self.fetch(url).unwrap().text(), "hello");
    }
}

#[test]
fn requests_and_responses_go_through_a_session_and_the_connection_is_reused() {
    let server = Server::secure(answers);
    let mut world = world();
    for _ in 0..3 {
        world.hello(&server.https("/"));
    }
    assert_eq!((server.accepted(), server.requests()), (1, 3));
}

#[test]
fn a_handshake_and_responses_come_in_pieces_of_one_and_of_five_bytes() {
    for piece in [1, 5] {
        let server = sessions::in_pieces(piece);
        let mut world = world();
        for _ in 0..3 {
            world.hello(&server.https("/"));
        }
        assert_eq!(server.accepted(), 1);
    }
}

#[test]
fn records_are_cut_anywhere() {
    for answer in [sessions::LENGTH, sessions::CHUNKED] {
        let (server, cuts) = sessions::cut_anywhere(answer.into());
        let (mut world, mut cut) = (world(), 0);
        while cut <= *cuts.lock().unwrap() {
            world.hello(&server.https("/"));
            cut += 1;
        }
        assert!(cut > 50);
        assert_eq!(server.accepted(), 1);
    }
}

#[test]
fn long_bodies_are_read_whole() {
    let body: Vec<u8> = (0..1_000_000).map(|at| (at / 7) as u8).collect();
    for record in [100, 16_384] {
        let server = sessions::sending(body.clone(), record);
        let mut world = world();
        for path in ["/length", "/chunked"] {
            assert!(world.fetch(&server.https(path)).unwrap().body() == body, "{path}");
        }
        assert_eq!(server.accepted(), 1);
    }
}

/// The application pauses at each piece, between two records of one read. No event of the socket
/// tells later that there are more.
#[test]
fn a_response_that_is_paused_between_two_records_goes_on_without_another_event() {
    for record in [100, 1_000, 16_384] {
        let server = sessions::sending(vec![b'x'; 50_000], record);
        let mut driver = builder().build().unwrap();
        let mut events = Events::with_capacity(64);
        let call = driver.client().get(&server.https("/")).send().unwrap();
        let (mut got, mut is_paused, mut ended) = (0, false, false);
        while !ended {
            // Nothing comes in one turn while the response is paused.
            for resumes in [false, true] {
                if resumes {
                    is_paused = false;
                    driver.client().resume(call);
                }
                let moment = Some(Duration::from_millis(if resumes { 1 } else { 0 }));
                let turned = driver.turn(&mut events, moment, |client, output| match output {
                    Output::Data(_, data) => {
                        assert!(!is_paused, "an output of a paused call");
                        got += data.len();
                        is_paused = true;
                        client.pause(call);
                    }
                    Output::End(..) => ended = true,
                    Output::Failed(_, error) => panic!("{error}"),
                    _ => {}
                });
                turned.unwrap();
            }
        }
        assert_eq!((got, driver.client().stats().idle), (50_000, 1));
    }
}

#[test]
fn plaintext_behind_a_response_ends_the_connection() {
    for glued in [true, false] {
        for len in [5, 40_000] {
            let (server, is_sent) = sessions::speaks_unasked(glued, len);
            let mut world = world();
            assert_eq!(world.fetch(&server.https("/")).unwrap().body().len(), len);
            is_sent.recv().unwrap();
            assert_eq!(world.fetch(&server.https("/")).unwrap().text(), "good");
            assert_eq!(server.accepted(), 2, "glued: {glued}, {len}");
        }
    }
}

/// Runs a request, then `idle` at the server, then other requests. Returns the number of
/// connections.
fn idles(idle: impl Fn(&mut Peer) + Send + Sync + 'static) -> usize {
    let (server, is_sent) = sessions::idling(idle);
    let mut world = world();
    world.hello(&server.https("/"));
    is_sent.recv().unwrap();
    for _ in 0..3 {
        let call = world.client().post(&server.https("/")).body("x").send().unwrap();
        assert_eq!(world.driver.fetch(call).unwrap().text(), "hello");
    }
    assert_eq!(server.requests(), 4);
    server.accepted()
}

#[test]
fn a_ticket_on_an_idle_connection_keeps_it() {
    assert_eq!(idles(|peer| peer.send_records(Half::ticket)), 1);
    let (server, is_sent) = sessions::cuts_a_ticket();
    let mut world = world();
    world.hello(&server.https("/"));
    is_sent.recv().unwrap();
    for _ in 0..2 {
        world.hello(&server.https("/"));
    }
    assert_eq!(server.accepted(), 1);
}

/// The next request is sealed with the new keys, so the server can open it only if the answer came
/// before.
#[test]
fn a_key_update_on_an_idle_connection_is_answered() {
    assert_eq!(idles(|peer| peer.send_records(Half::update_keys)), 1);
}

#[test]
fn an_idle_connection_that_ends_or_speaks_is_not_used_again() {
    for (name, end) in sessions::ends_of_an_idle_connection() {
        assert_eq!(idles(end), 2, "{name}");
    }
}

/// The loop sees the end without a request that probes.
#[test]
fn an_idle_connection_that_ends_is_closed_at_once() {
    for (name, end) in sessions::ends_of_an_idle_connection() {
        let (server, _sent) = sessions::idling(end);
        let mut world = world();
        world.get(&server.https("/"));
        world.until_told("end");
        world.until(|world| world.stats().open == 0);
        assert_eq!(server.accepted(), 1, "{name}");
    }
}

#[test]
fn an_answer_that_the_peer_demands_is_sent_while_the_call_only_reads() {
    let server = sessions::updates_keys();
    let mut world = world();
    for _ in 0..3 {
        assert_eq!(world.fetch(&server.https("/")).unwrap().text(), "helloworld");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_connection_that_switches_goes_on_through_the_session() {
    let server = sessions::switches();
    let mut world = world();
    let call = world.client().request(Method::GET, &server.https("/")).header("Upgrade", "x");
    let call = call.send().unwrap();
    let mut switched = world.driver.fetch(call).unwrap().into_switched().unwrap();
    assert!(!switched.is_plain());
    assert_eq!(world.stats().open, 0);
    let reads = |switched: &mut Switched, all: &mut Vec<u8>| {
        let mut buffer = [0; 64];
        loop {
            match switched.read(&mut buffer) {
                Ok(read) => {
                    all.extend_from_slice(&buffer[..read]);
                    return read;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            thread::yield_now();
        }
    };
    let mut all = Vec::new();
    while !all.ends_with(b"first ") {
        reads(&mut switched, &mut all);
    }
    switched.write_all(b"ping").unwrap();
    while reads(&mut switched, &mut all) > 0 {}
    assert_eq!(all, b"first ping last");
    switched.close().unwrap();
    assert!(switched.write(b"x").is_err());
}

#[test]
fn many_sessions_run_at_once() {
    let server = Server::secure(|peer| {
        while let Some(request) = peer.request() {
            peer.send(ok(request.target().repeat(1_000)));
        }
    });
    let mut world = World::with(Driver::builder().layers(Arc::new(Cipher::new(100))));
    let urls: Vec<_> = (0..40).map(|nth| format!("/{nth}")).collect();
    let calls: Vec<_> = urls.iter().map(|path| world.get(&server.https(path))).collect();
    for (path, call) in urls.iter().zip(calls) {
        assert_eq!(world.driver.fetch(call).unwrap().text(), path.repeat(1_000));
    }
}
