//! Unix domain sockets, and the choice of an IP version.

use super::*;
use crate::{
    dial::{Families, Guard},
    error::{Denied, DialError, IoKind},
    message::{PeerAddr, UnixPath},
};

fn local(peer: Origin) -> Key {
    Key::direct(peer).with_unix(Some(UnixPath::new("/run/x.sock")))
}

fn only(families: Families) -> DialPolicy {
    DialPolicy { families, ..racing() }
}

#[track_caller]
fn connects_to(scene: &Scene, expected: &str) {
    let Next::Connect { addr, .. } = scene.dial.next() else { panic!("{:?}", scene.dial) };
    assert_eq!(addr.to_string(), expected);
}

#[test]
fn a_unix_domain_socket_is_connected_to_without_a_look_up_and_tls_has_the_name_of_the_url() {
    let mut scene = Scene::new(&local(https("a.test", 443)), &with_tls());
    let path = PeerAddr::Unix(UnixPath::new("/run/x.sock"));
    assert_eq!(scene.dial.next(), Next::Connect { attempt: 0, addr: &path });
    assert_eq!(scene.dial.next().to_string(), "connect 0 unix:/run/x.sock");
    scene.begin(0);
    scene.dial.connected(0, scene.now);
    assert!(matches!(scene.dial.next(), Next::StartTls { name: "a.test", .. }));
    scene.dial.tls_up("", scene.now);
    assert_eq!(scene.dial.next(), Next::Ready { attempt: 0 });
}

#[test]
fn a_unix_domain_socket_that_refuses_makes_no_look_up_stale() {
    let mut scene = Scene::new(&local(http("a.test", 80)), &racing());
    scene.begin(0);
    scene.dial.connect_failed(0, IoKind::Refused, scene.now);
    assert_eq!(scene.dial.next(), Next::Failed(DialError::Connect(IoKind::Refused)));
    assert_eq!(scene.dial.stale_answer(scene.now), None);
}

#[test]
fn a_guard_judges_the_unix_domain_socket_and_not_the_address_of_the_url() {
    let key = local(http("127.0.0.1", 80));
    let guarded = |guard| Scene::new(&key, &DialPolicy { guard, ..racing() });
    let denied = guarded(Guard::global());
    assert_eq!(denied.dial.next(), Next::Failed(DialError::Denied(Denied::UnixSocket)));
    let allowed = guarded(Guard::global().allow_unix_sockets(true));
    connects_to(&allowed, "unix:/run/x.sock");
    connects_to(&guarded(Guard::new()), "unix:/run/x.sock");
    // No IP version is chosen for it either.
    connects_to(&Scene::new(&key, &only(Families::V6)), "unix:/run/x.sock");
}

#[test]
fn addresses_of_the_other_ip_version_are_not_tried() {
    let found = ["192.0.2.1:80", "[2001:db8::1]:80", "[::ffff:192.0.2.2]:80"];
    for (families, tried) in [
        (Families::V4, &[found[0], found[2]][..]),
        (Families::V6, &[found[1]][..]),
        (Families::Any, &[found[0], found[1], found[2]][..]),
    ] {
        let mut scene = Scene::new(&Key::direct(http("a.test", 80)), &only(families));
        scene.resolved(&found);
        for (addr, attempt) in tried.iter().zip(0..) {
            connects_to(&scene, addr);
            scene.begin(attempt);
            scene.dial.connect_failed(attempt, IoKind::Refused, scene.now);
        }
        assert_eq!(scene.dial.next(), Next::Failed(DialError::Connect(IoKind::Refused)));
    }
}

#[test]
fn a_host_without_an_address_of_the_ip_version_is_an_error_of_its_own() {
    let none = Next::Failed(DialError::Family);
    let mut scene = Scene::new(&Key::direct(http("a.test", 80)), &only(Families::V4));
    scene.resolved(&["[2001:db8::1]:80"]);
    assert_eq!(scene.dial.next(), none);
    for (host, families) in [("192.0.2.1", Families::V6), ("[2001:db8::1]", Families::V4)] {
        let key = Key::direct(http(host, 80));
        assert_eq!(Scene::new(&key, &only(families)).dial.next(), none);
        assert_ne!(Scene::new(&key, &racing()).dial.next(), none);
    }
    // A name without any address is no matter of versions.
    let mut scene = Scene::new(&Key::direct(http("a.test", 80)), &only(Families::V4));
    scene.resolved(&[]);
    assert_eq!(scene.dial.next(), Next::Failed(DialError::Name));
}
