//! Tests connections with layers between the socket and HTTP, by a small cipher in place of TLS.

mod dials;
mod ends;
mod uploads;

use std::{
    io::{Read, Write},
    sync::{Arc, Mutex, mpsc},
};

use httpool_blocking::{
    Client, ClientBuilder, Error, PoolLimits,
    httpool::error::{IoKind, TlsKind},
    layer::LayerError,
};
use httpool_sim::layer::{Cipher, Half};

use super::support::{Peer, Server, ok};

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

/// The kind of a connection that was cut.
const CUT: TlsKind = TlsKind::Lost(IoKind::Eof);

/// A signal from a server's thread to the test.
fn signal() -> (Mutex<mpsc::Sender<()>>, mpsc::Receiver<()>) {
    let (sent, waits) = mpsc::channel();
    (Mutex::new(sent), waits)
}

fn answers(peer: &mut Peer) {
    while peer.request().is_some() {
        peer.answer("hello");
    }
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
        let server = Server::start(move |peer| {
            peer.tcp.set_nodelay(true).unwrap();
            peer.piece = piece;
            if peer.shake_hands(100) {
                answers(peer);
            }
        });
        let client = client();
        for _ in 0..3 {
            assert_eq!(client.get(&server.https("/")).send().unwrap().text().unwrap(), "hello");
        }
        assert_eq!(server.accepted(), 1);
    }
}

/// The sealed response is written in two parts, cut after each of its bytes once. It is read in
/// each of the ways that the driver has.
#[test]
fn records_are_cut_anywhere() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for answer in [ok("hello"), chunked.to_vec()] {
        let cuts = Arc::new(Mutex::new(0));
        let last = cuts.clone();
        let server = Server::start(move |peer| {
            peer.tcp.set_nodelay(true).unwrap();
            peer.shake_hands(20);
            for cut in 0.. {
                if peer.request().is_none() {
                    return;
                }
                let sealed = peer.seal(&answer);
                let cut = sealed.len().min(cut);
                *last.lock().unwrap() = sealed.len();
                peer.send_raw(&sealed[..cut]);
                std::thread::yield_now();
                peer.send_raw(&sealed[cut..]);
            }
        });
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
        let content = body.clone();
        let server = Server::start(move |peer| {
            peer.shake_hands(record);
            while let Some(request) = peer.request() {
                if request.target() == "/chunked" {
                    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                    for chunk in content.chunks(70_000) {
                        peer.send(format!("{:x}\r\n", chunk.len()));
                        peer.send(chunk);
                        peer.send("\r\n");
                    }
                    peer.send("0\r\n\r\n");
                } else {
                    peer.send(ok(&content));
                }
            }
        });
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
            let (sent, wait_until_sent) = signal();
            let server = Server::secure(move |peer| {
                if peer.request().is_none() || peer.number > 0 {
                    return peer.answer("good");
                }
                let (first, evil) = (ok(vec![b'x'; len]), ok("evil"));
                let raw = if glued {
                    peer.seal(&[first, evil].concat())
                } else {
                    [peer.seal(&first), peer.seal(&evil)].concat()
                };
                peer.send_raw(&raw);
                sent.lock().unwrap().send(()).unwrap();
                peer.until_closed();
            });
            let client = client();
            let mut first = client.get(&server.https("/")).send().unwrap();
            wait_until_sent.recv().unwrap();
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
    let (sent, wait_until_sent) = signal();
    let server = Server::secure(move |peer| {
        peer.request();
        peer.answer("hello");
        if peer.number == 0 {
            idle(peer);
            sent.lock().unwrap().send(()).unwrap();
        }
        answers(peer);
    });
    let client = client();
    assert_eq!(client.get(&server.https("/")).send().unwrap().text().unwrap(), "hello");
    wait_until_sent.recv().unwrap();
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
    // A part of a ticket. The rest comes with the next response.
    let cut = |peer: &mut Peer| {
        let ticket = peer.records(Half::ticket);
        peer.send_raw(&ticket[..5]);
        peer.request();
        let answer = peer.seal(&ok("hello"));
        peer.send_raw(&[&ticket[5..], &answer].concat());
    };
    let (sent, wait_until_sent) = signal();
    let server = Server::secure(move |peer| {
        peer.request();
        peer.answer("hello");
        sent.lock().unwrap().send(()).unwrap();
        cut(peer);
        answers(peer);
    });
    let client = client();
    assert_eq!(client.get(&server.https("/")).send().unwrap().text().unwrap(), "hello");
    wait_until_sent.recv().unwrap();
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
    assert_eq!(idles(|peer| peer.send_records(Half::end)), 2, "a notice of the end");
    assert_eq!(idles(|peer| peer.send_records(Half::alert)), 2, "an alert");
    assert_eq!(idles(|peer| peer.answer("evil")), 2, "plaintext");
    assert_eq!(idles(|peer| peer.send_raw(b"zzzz")), 2, "no record");
    let ends = |peer: &mut Peer| peer.tcp.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(idles(ends), 2, "an end without notice");
}

/// The server sends the rest of its response when the client has answered.
#[test]
fn an_answer_that_the_peer_demands_is_sent_while_the_call_only_reads() {
    let server = Server::secure(|peer| {
        while peer.request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
            peer.send_records(Half::update_keys);
            let updated = peer.sessions[0].half.updates() + 1;
            while peer.sessions[0].half.updates() < updated {
                peer.more().unwrap();
            }
            peer.send("world");
        }
    });
    let client = client();
    for _ in 0..3 {
        assert_eq!(client.get(&server.https("/")).send().unwrap().text().unwrap(), "helloworld");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_connection_that_switches_goes_on_through_the_session() {
    let server = Server::secure(|peer| {
        peer.head();
        peer.send(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nfirst ",
        );
        let ping = peer.take(4).unwrap();
        peer.send([&ping[..], b" last"].concat());
        peer.send_records(Half::update_keys);
        peer.send_records(Half::end);
        peer.until_closed();
    });
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
