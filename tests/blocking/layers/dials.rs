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
use httpool_sim::layer::Cipher;

use super::{builder, client, layer_error};
use crate::{
    cause,
    support::{Server, sessions, until},
};

fn dialed(why: DialError) -> Cause {
    Cause::Unavailable(Unavailable::Dial(why))
}

#[test]
fn a_certificate_for_another_name_is_an_error_and_the_server_gets_an_alert() {
    let (server, alerted) = sessions::misnamed();
    let error = client().get(&server.https("/")).send().unwrap_err();
    assert_eq!(cause(&error), dialed(DialError::Tls(TlsKind::Name)));
    assert_eq!(layer_error(&error).kind(), TlsKind::Name);
    assert!(format!("{error:?}").contains("for another name"), "{error:?}");
    alerted.recv().unwrap();
}

#[test]
fn a_handshake_that_fails_has_the_kind_of_its_failure() {
    for (server, kind) in sessions::failing() {
        let error = client().get(&server.https("/")).send().unwrap_err();
        let Cause::Unavailable(Unavailable::Dial(DialError::Tls(why))) = cause(&error) else {
            panic!("{error}")
        };
        assert!(sessions::alike(why, kind), "{error}");
    }
}

#[test]
fn a_server_that_speaks_before_it_is_asked_is_an_error() {
    let server = sessions::speaks_first();
    let error = client().get(&server.https("/")).send().unwrap_err();
    assert_eq!(cause(&error), dialed(DialError::Tls(TlsKind::Protocol)));
    assert!(format!("{error:?}").contains("before it was asked"), "{error:?}");
}

#[test]
fn silence_in_a_handshake_ends_at_the_deadline_of_tls() {
    let mut policy = DialPolicy::default();
    policy.tls_timeout = Some(Duration::from_millis(30));
    for server in [sessions::silent(), sessions::half_silent()] {
        let client = builder().dial(policy.clone()).build();
        let error = client.get(&server.https("/")).send().unwrap_err();
        assert_eq!(cause(&error), dialed(DialError::Timeout(Deadline::Tls)));
        assert!(error.is_timeout());
    }
}

#[test]
fn cancel_and_close_end_a_handshake() {
    for closes in [true, false] {
        let (server, client, cancel) = (sessions::silent(), client(), Cancel::new());
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
    // Too long to be read with the head, so the response holds its connection.
    let server = sessions::hangs_later(100_000);
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
fn with_layers_http_stays_plain() {
    let server = Server::answering("hello");
    let client = client();
    assert_eq!(client.get(&server.url("/")).send().unwrap().text().unwrap(), "hello");
}

/// Returns a client whose requests to `https` origins go through a tunnel of the proxy.
fn through(proxy: &Server, scheme: Scheme) -> Client {
    let origin = Origin::new(scheme, "127.0.0.1", proxy.port());
    let mut policy = Policy::default();
    policy.routes.https = Route::Tunnel([Hop::new(HopKind::Connect, origin)].into());
    builder().policy(policy).build()
}

#[test]
fn a_session_runs_through_a_proxy_and_within_the_session_of_a_proxy() {
    for (scheme, piece) in sessions::WAYS {
        let proxy = sessions::proxy(scheme, piece);
        let client = through(&proxy, scheme);
        for _ in 0..3 {
            let response = client.get("https://a.test/").send().unwrap();
            assert_eq!(response.text().unwrap(), "hello");
        }
        assert_eq!((proxy.accepted(), proxy.requests()), (1, 3));
    }
}

#[test]
fn bytes_behind_the_answer_of_a_proxy_belong_to_the_handshake() {
    for scheme in [Scheme::Http, Scheme::Https] {
        let proxy = sessions::proxy_with_an_alert(scheme);
        let error = through(&proxy, scheme).get("https://a.test/").send().unwrap_err();
        assert_eq!(cause(&error), dialed(DialError::Tls(TlsKind::Alert(40))));
    }
}

#[test]
fn a_proxy_that_ends_its_session_is_an_error() {
    let proxy = sessions::proxy_that_ends();
    let error = through(&proxy, Scheme::Https).get("https://a.test/").send().unwrap_err();
    assert!(matches!(
        cause(&error),
        Cause::Unavailable(Unavailable::Dial(DialError::ProxyLost(_)))
    ));
}
