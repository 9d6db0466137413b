//! Tests handshakes: their failures, deadlines and interruptions, and layers through proxies.

use std::{sync::Arc, time::Duration};

use httpool_mio::{
    DialPolicy, Driver, Policy,
    httpool::{
        call::Route,
        error::{Cause, DialError, TlsKind, Unavailable},
        message::{Hop, HopKind, Origin, Scheme},
        time::Deadline,
    },
};
use httpool_sim::layer::Cipher;

use super::{builder, layer_error, world};
use crate::{
    World, cause,
    support::{Server, sessions},
};

fn dialed(why: DialError) -> Cause {
    Cause::Unavailable(Unavailable::Dial(why))
}

#[test]
fn a_certificate_for_another_name_is_an_error_and_the_server_gets_an_alert() {
    let (server, alerted) = sessions::misnamed();
    let error = world().fetch(&server.https("/")).unwrap_err();
    assert_eq!(cause(&error), dialed(DialError::Tls(TlsKind::Name)));
    assert_eq!(layer_error(&error).kind(), TlsKind::Name);
    assert!(format!("{error:?}").contains("for another name"), "{error:?}");
    alerted.recv().unwrap();
}

#[test]
fn a_handshake_that_fails_has_the_kind_of_its_failure() {
    for (server, kind) in sessions::failing() {
        let mut world = world();
        let error = world.fetch(&server.https("/")).unwrap_err();
        let Cause::Unavailable(Unavailable::Dial(DialError::Tls(why))) = cause(&error) else {
            panic!("{error}")
        };
        assert!(sessions::alike(why, kind), "{error}");
        assert_eq!(world.stats().open, 0);
    }
}

#[test]
fn a_server_that_speaks_before_it_is_asked_is_an_error() {
    let server = sessions::speaks_first();
    let error = world().fetch(&server.https("/")).unwrap_err();
    assert_eq!(cause(&error), dialed(DialError::Tls(TlsKind::Protocol)));
    assert!(format!("{error:?}").contains("before it was asked"), "{error:?}");
}

#[test]
fn silence_in_a_handshake_ends_at_the_deadline_of_tls() {
    let mut policy = DialPolicy::default();
    policy.tls_timeout = Some(Duration::from_millis(30));
    for server in [sessions::silent(), sessions::half_silent()] {
        let mut world = World::with(builder().dial(policy.clone()));
        let error = world.fetch(&server.https("/")).unwrap_err();
        assert_eq!(cause(&error), dialed(DialError::Timeout(Deadline::Tls)));
        assert!(error.is_timeout());
        assert_eq!(world.stats().open, 0);
    }
}

#[test]
fn cancel_and_close_end_a_handshake() {
    for closes in [true, false] {
        let (server, mut world) = (sessions::silent(), world());
        let call = world.get(&server.https("/"));
        world.until(|_| server.requests() == 1);
        if closes {
            world.client().close();
            world.until_told("failed");
            assert_eq!(cause(&world.errors[0]), Cause::Unavailable(Unavailable::Closed));
        } else {
            world.client().cancel(call);
            // The dial may serve another call. It ends with the client.
            assert_eq!(world.client().calls(), 0);
            world.client().close();
            world.turn();
        }
        assert_eq!(world.stats().open, 0);
    }
}

/// Two connections are allowed. The handshake of the second hangs, and the first comes back.
#[test]
fn a_connection_that_comes_back_ends_the_wait_for_a_handshake() {
    // Too long to be read in the turn that reads the head.
    const LEN: usize = 2_000_000;
    let server = sessions::hangs_later(LEN);
    let mut world = World::with(Driver::builder().layers(Arc::new(Cipher::default())));
    let first = world.get(&server.https("/"));
    world.until_told("head 200");
    world.client().pause(first);
    let second = world.get(&server.https("/"));
    world.until(|_| server.requests() == 2);
    world.client().resume(first);
    world.until(|world| world.told.iter().filter(|told| *told == "end").count() == 2);
    assert_eq!(world.body.len(), 2 * LEN);
    assert!(world.client().call(second).is_none());
}

#[test]
fn http_stays_plain_although_there_are_layers() {
    let server = Server::answering("hello");
    world().hello(&server.url("/"));
}

/// Returns a world whose requests to `https` origins go through a tunnel of the proxy.
fn through(proxy: &Server, scheme: Scheme) -> World {
    let origin = Origin::new(scheme, "127.0.0.1", proxy.port());
    let mut policy = Policy::default();
    policy.routes.https = Route::Tunnel([Hop::new(HopKind::Connect, origin)].into());
    World::with(builder().policy(policy))
}

#[test]
fn a_session_runs_through_a_proxy_and_within_the_session_of_a_proxy() {
    for (scheme, piece) in sessions::WAYS {
        let proxy = sessions::proxy(scheme, piece);
        let mut world = through(&proxy, scheme);
        for _ in 0..3 {
            world.hello("https://a.test/");
        }
        assert_eq!((proxy.accepted(), proxy.requests()), (1, 3));
    }
}

#[test]
fn bytes_behind_the_answer_of_a_proxy_belong_to_the_handshake() {
    for scheme in [Scheme::Http, Scheme::Https] {
        let proxy = sessions::proxy_with_an_alert(scheme);
        let error = through(&proxy, scheme).fetch("https://a.test/").unwrap_err();
        assert_eq!(cause(&error), dialed(DialError::Tls(TlsKind::Alert(40))));
    }
}

#[test]
fn a_proxy_that_ends_its_session_is_an_error() {
    let proxy = sessions::proxy_that_ends();
    let error = through(&proxy, Scheme::Https).fetch("https://a.test/").unwrap_err();
    assert!(matches!(
        cause(&error),
        Cause::Unavailable(Unavailable::Dial(DialError::ProxyLost(_)))
    ));
}
