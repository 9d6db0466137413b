//! Tests handshakes: their failures, deadlines and interruptions, and layers through proxies.

use std::{sync::Arc, thread, time::Duration};

use httpool_blocking::{
    Cancel, Client, DialPolicy, Policy,
    httpool::{
        call::Route,
        error::{Cause, DialError, TlsKind, Unavailable},
        message::{Hop, HopKind, Origin, Scheme},
        time::Deadline,
    },
};
use httpool_sim::layer::{Cipher, Half};

use super::{answers, builder, client, layer_error};
use crate::{
    cause,
    support::{Peer, Server, until},
};

fn dialed(why: DialError) -> Cause {
    Cause::Unavailable(Unavailable::Dial(why))
}

/// Reads what comes, and never answers.
fn silent() -> Server {
    Server::start(|peer| {
        peer.take(1);
        peer.count();
        peer.until_closed();
    })
}

#[test]
fn a_certificate_for_another_name_is_an_error_and_the_server_gets_an_alert() {
    let (sent, alerted) = super::signal();
    let server = Server::start(move |peer| {
        peer.begin(Half::server(Some("b.test"), 100));
        while peer.more().is_some() {}
        assert!(peer.sessions[0].half.has_failed());
        sent.lock().unwrap().send(()).unwrap();
    });
    let error = client().get(&server.https("/")).send().unwrap_err();
    assert_eq!(cause(&error), dialed(DialError::Tls(TlsKind::Name)));
    assert_eq!(layer_error(&error).kind(), TlsKind::Name);
    assert!(format!("{error:?}").contains("for another name"), "{error:?}");
    alerted.recv().unwrap();
}

#[test]
fn a_handshake_that_fails_has_the_kind_of_its_failure() {
    let plain = Server::start(|peer| peer.send("HTTP/1.1 400 Bad Request\r\n\r\n"));
    let alert = Server::start(|peer| {
        peer.begin(Half::server(None, 100));
        peer.send_records(Half::alert);
        peer.until_closed();
    });
    let gone = Server::start(|peer| drop(peer.take(1)));
    for (server, kind) in
        [(plain, TlsKind::Protocol), (alert, TlsKind::Alert(40)), (gone, super::CUT)]
    {
        let error = client().get(&server.https("/")).send().unwrap_err();
        let Cause::Unavailable(Unavailable::Dial(DialError::Tls(why))) = cause(&error) else {
            panic!("{error}")
        };
        // A close with unread input may come as a reset.
        let lost = |it| matches!(it, TlsKind::Lost(_));
        assert!(why == kind || lost(why) && lost(kind), "{error}");
    }
}

/// The data comes with the last message of the handshake.
#[test]
fn a_server_that_speaks_before_it_is_asked_is_an_error() {
    let server = Server::start(|peer| {
        peer.hold = true;
        assert!(peer.shake_hands(100));
        peer.answer("evil");
        peer.release();
        peer.until_closed();
    });
    let error = client().get(&server.https("/")).send().unwrap_err();
    assert_eq!(cause(&error), dialed(DialError::Tls(TlsKind::Protocol)));
    assert!(format!("{error:?}").contains("before it was asked"), "{error:?}");
}

#[test]
fn silence_in_a_handshake_ends_at_the_deadline_of_tls() {
    let mut policy = DialPolicy::default();
    policy.tls_timeout = Some(Duration::from_millis(30));
    let half = Server::start(|peer| {
        peer.begin(Half::server(None, 100));
        peer.more();
        peer.sessions.clear();
        peer.until_closed();
    });
    for server in [silent(), half] {
        let client = builder().dial(policy.clone()).build();
        let error = client.get(&server.https("/")).send().unwrap_err();
        assert_eq!(cause(&error), dialed(DialError::Timeout(Deadline::Tls)));
        assert!(error.is_timeout());
    }
}

#[test]
fn cancel_and_close_end_a_handshake() {
    for closes in [true, false] {
        let (server, client, cancel) = (silent(), client(), Cancel::new());
        let error = thread::scope(|scope| {
            let call = scope.spawn(|| client.get(&server.https("/")).cancel(&cancel).send());
            until(|| server.requests() == 1);
            if closes {
                client.close();
            } else {
                cancel.cancel();
            }
            call.join().unwrap().unwrap_err()
        });
        let closed = Cause::Unavailable(Unavailable::Closed);
        assert_eq!(cause(&error), if closes { closed } else { Cause::Cancelled });
        assert_eq!(client.stats().open, 0);
    }
}

/// Two connections are allowed. The handshake of the second hangs, and the first comes back.
#[test]
fn a_connection_that_comes_back_ends_the_wait_for_a_handshake() {
    let server = Server::start(|peer| {
        if peer.number > 0 {
            peer.count();
            return peer.until_closed();
        }
        peer.shake_hands(100);
        while peer.request().is_some() {
            // Too long to be read with the head, so the response holds its connection.
            peer.send(crate::support::ok(vec![b'x'; 100_000]));
        }
    });
    let client = Client::builder().layers(Arc::new(Cipher::default())).build();
    let first = client.get(&server.https("/")).send().unwrap();
    thread::scope(|scope| {
        let second = scope.spawn(|| client.get(&server.https("/")).send().unwrap().bytes());
        until(|| server.requests() == 2);
        assert_eq!(first.bytes().unwrap().len(), 100_000);
        assert_eq!(second.join().unwrap().unwrap().len(), 100_000);
    });
}

#[test]
fn without_layers_https_is_refused_and_http_stays_plain() {
    let server = Server::answering("hello");
    let client = client();
    assert_eq!(client.get(&server.url("/")).send().unwrap().text().unwrap(), "hello");
    let error = Client::new().get(&server.https("/")).send().unwrap_err();
    assert_eq!(cause(&error), dialed(DialError::Tls(TlsKind::Unavailable)));
}

/// Returns a client whose requests to `https` origins go through a tunnel of the proxy.
fn through(proxy: &Server, scheme: Scheme) -> Client {
    let origin = Origin::new(scheme, "127.0.0.1", proxy.port());
    let mut policy = Policy::default();
    policy.routes.https = Route::Tunnel([Hop::new(HopKind::Connect, origin)].into());
    builder().policy(policy).build()
}

const STANDS: &str = "HTTP/1.1 200 OK\r\n\r\n";

/// The proxy is also the origin server behind its tunnel.
#[test]
fn a_session_runs_through_a_proxy_and_within_the_session_of_a_proxy() {
    for (scheme, piece) in [
        (Scheme::Http, usize::MAX),
        (Scheme::Http, 1),
        (Scheme::Https, usize::MAX),
        (Scheme::Https, 1),
        (Scheme::Https, 5),
    ] {
        let proxy = Server::start(move |peer| {
            peer.tcp.set_nodelay(true).unwrap();
            peer.piece = piece;
            if scheme == Scheme::Https {
                assert!(peer.shake_hands(50));
            }
            assert!(peer.head().unwrap().starts_with("CONNECT a.test:443 "));
            peer.send(STANDS);
            assert!(peer.shake_hands(30));
            answers(peer);
        });
        let client = through(&proxy, scheme);
        for _ in 0..3 {
            let response = client.get("https://a.test/").send().unwrap();
            assert_eq!(response.text().unwrap(), "hello");
        }
        assert_eq!((proxy.accepted(), proxy.requests()), (1, 3));
    }
}

/// The bytes that come with the answer to CONNECT are the first input of the handshake.
#[test]
fn bytes_behind_the_answer_of_a_proxy_belong_to_the_handshake() {
    for scheme in [Scheme::Http, Scheme::Https] {
        let proxy = Server::start(move |peer: &mut Peer| {
            if scheme == Scheme::Https {
                assert!(peer.shake_hands(1_000));
            }
            peer.head();
            let mut alert = Vec::new();
            Half::server(None, 100).alert(&mut alert);
            peer.send([STANDS.as_bytes(), &alert].concat());
            peer.until_closed();
        });
        let error = through(&proxy, scheme).get("https://a.test/").send().unwrap_err();
        assert_eq!(cause(&error), dialed(DialError::Tls(TlsKind::Alert(40))));
    }
}

#[test]
fn a_proxy_that_ends_its_session_is_an_error() {
    let proxy = Server::start(|peer| {
        assert!(peer.shake_hands(1_000));
        peer.head();
        peer.send_records(Half::end);
        peer.until_closed();
    });
    let error = through(&proxy, Scheme::Https).get("https://a.test/").send().unwrap_err();
    assert!(matches!(
        cause(&error),
        Cause::Unavailable(Unavailable::Dial(DialError::ProxyLost(_)))
    ));
}
