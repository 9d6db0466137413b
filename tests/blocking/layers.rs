//! Tests connections with layers between the socket and HTTP, by a small cipher in place of TLS.

mod dials;
mod ends;
mod uploads;

use std::{
    io::{Read, Write},
    sync::Arc,
};

use httpool_blocking::{Client, ClientBuilder, Error, PoolLimits, layer::LayerError};
use httpool_sim::layer::{Cipher, Half};

use super::support::{
    Peer, Server,
    sessions::{self, answers},
};

fn builder() -> ClientBuilder {
    let mut limits = PoolLimits::default();
    limits.open_per_key_max = 1;
    Client::builder().layers(Arc::new(Cipher::new(100))).pool(limits)
}

fn client() -> Client {
    builder().build()
}

/// Returns the failure of a layer that is the source of `error`.
fn layer_error(error: &Error) -> &LayerError {
    let source = std::error::Error::source(error).unwrap_or_else(|| panic!("no source: {error}"));
    source.downcast_ref().unwrap_or_else(|| panic!("another source: {source}"))
}

#[test]
fn requests_and_responses_go_through_a_session_and_the_connection_is_reused() {
    let server = Server::secure(answers);
    let client = client();
    for nth in 0..3 {
        let response = client.get(&server.https("/")).send().unwrap();
        assert_eq!(response.reused(), nth > 0);
        assert_eq!(response.text().unwrap(), "hello");
    }
    assert_eq!((server.accepted(), server.requests()), (1, 3));
}

#[test]
fn a_handshake_and_responses_come_in_pieces_of_one_and_of_five_bytes() {
    for piece in [1, 5] {
        let server = sessions::in_pieces(piece);
        let client = client();
        for _ in 0..3 {
            assert_eq!(client.get(&server.https("/")).send().unwrap().text().unwrap(), "hello");
        }
        assert_eq!(server.accepted(), 1);
    }
}

#[test]
fn records_are_cut_anywhere() {
    for answer in [sessions::LENGTH, sessions::CHUNKED] {
        let (server, cuts) = sessions::cut_anywhere(answer.into());
        let client = client();
        let mut cut = 0;
        while cut <= *cuts.lock().unwrap() {
            let response = client.get(&server.https("/")).send().unwrap();
            assert_eq!(response.text().unwrap(), "hello", "cut at {cut}");
            cut += 1;
        }
        assert!(cut > 50);
        assert_eq!(server.accepted(), 1);
    }
}

#[test]
fn long_bodies_are_read_into_slices_and_vectors_whole() {
    let body: Vec<u8> = (0..1_000_000).map(|at| (at / 7) as u8).collect();
    for record in [100, 16_384] {
        let server = sessions::sending(body.clone(), record);
        let client = client();
        for path in ["/length", "/chunked"] {
            let response = client.get(&server.https(path)).send().unwrap();
            assert!(response.bytes().unwrap() == body, "{path}");
            for len in [7_000, 50_000] {
                let mut response = client.get(&server.https(path)).send().unwrap();
                let (mut got, mut buffer) = (Vec::new(), vec![0; len]);
                while let read @ 1.. = response.read(&mut buffer).unwrap() {
                    got.extend_from_slice(&buffer[..read]);
                }
                assert!(got == body, "{path} in {len}");
            }
        }
        assert_eq!(server.accepted(), 1);
    }
}

/// The client opens several records of one read. An unsolicited response lies in the last record of
/// the response, or in one of its own.
#[test]
fn plaintext_behind_a_response_ends_the_connection() {
    for glued in [true, false] {
        for len in [5, 40_000] {
            let (server, is_sent) = sessions::speaks_unasked(glued, len);
            let client = client();
            let mut first = client.get(&server.https("/")).send().unwrap();
            is_sent.recv().unwrap();
            let mut body = Vec::new();
            first.read_to_end(&mut body).unwrap();
            assert_eq!(body.len(), len);
            assert_eq!(client.get(&server.https("/")).send().unwrap().text().unwrap(), "good");
            assert_eq!(server.accepted(), 2, "glued: {glued}, {len}");
        }
    }
}

/// Runs a request, then `idle` at the server, then another request.
fn idles(idle: impl Fn(&mut Peer) + Send + Sync + 'static) -> usize {
    let (server, is_sent) = sessions::idling(idle);
    let client = client();
    assert_eq!(client.get(&server.https("/")).send().unwrap().text().unwrap(), "hello");
    is_sent.recv().unwrap();
    for _ in 0..3 {
        let response = client.post(&server.https("/")).body("x").send().unwrap();
        assert_eq!(response.text().unwrap(), "hello");
    }
    assert_eq!(server.requests(), 4);
    server.accepted()
}

#[test]
fn a_ticket_on_an_idle_connection_keeps_it() {
    assert_eq!(idles(|peer| peer.send_records(Half::ticket)), 1);
    let (server, is_sent) = sessions::cuts_a_ticket();
    let client = client();
    assert_eq!(client.get(&server.https("/")).send().unwrap().text().unwrap(), "hello");
    is_sent.recv().unwrap();
    for _ in 0..2 {
        assert_eq!(client.get(&server.https("/")).send().unwrap().text().unwrap(), "hello");
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

#[test]
fn an_answer_that_the_peer_demands_is_sent_while_the_call_only_reads() {
    let server = sessions::updates_keys();
    let client = client();
    for _ in 0..3 {
        assert_eq!(client.get(&server.https("/")).send().unwrap().text().unwrap(), "helloworld");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_connection_that_switches_goes_on_through_the_session() {
    let server = sessions::switches();
    let request = client().get(&server.https("/")).header("Upgrade", "x");
    let mut switched = request.send().unwrap().into_switched().unwrap();
    assert!(!switched.is_plain());
    switched.write_all(b"ping").unwrap();
    let mut all = String::new();
    switched.read_to_string(&mut all).unwrap();
    assert_eq!(all, "first ping last");
    switched.close().unwrap();
    assert!(switched.write(b"x").is_err());
}
