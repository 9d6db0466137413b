//! Dials that a guard watches.

use super::*;
use crate::{
    dial::Guard,
    error::{Denied, DialError},
    message::Hop,
};

fn guarded() -> DialPolicy {
    DialPolicy { guard: Guard::global(), ..racing() }
}

fn denied(addr: &str) -> DialError {
    DialError::Denied(Guard::global().judge(addr.parse().unwrap()).unwrap_err())
}

#[track_caller]
fn fails(scene: &Scene, why: DialError) {
    assert_eq!(scene.dial.next(), Next::Failed(why));
}

fn abandon(scene: &mut Scene) {
    while let Next::Abandon { attempt } = scene.dial.next() {
        scene.dial.abandoned(attempt);
    }
}

fn via(hops: &[&str], peer: Origin) -> Key {
    Key::direct(peer).through(hops.iter().map(|hop| Hop::parse(hop).unwrap()).collect::<Vec<_>>())
}

#[test]
fn a_denied_address_is_refused_in_every_form() {
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "10.0.0.1"] {
        let origin = http(host, 80);
        let why = denied(origin.host_unbracketed());
        fails(&Scene::new(&Key::direct(origin), &guarded()), why);
    }
    let zone = http("[fe80::1]", 80).with_zone("1");
    fails(&Scene::new(&Key::direct(zone), &guarded()), denied("fe80::1"));
    let global = Scene::new(&Key::direct(http("8.8.8.8", 80)), &guarded());
    global.says("connect 0 8.8.8.8:80");
}

#[test]
fn of_a_name_only_the_permitted_addresses_are_tried() {
    let key = Key::direct(http("a.test", 80));
    let mut scene = Scene::new(&key, &guarded());
    scene.resolved(&["10.0.0.1:80", "127.0.0.1:80"]);
    fails(&scene, denied("10.0.0.1"));

    let mut scene = Scene::new(&key, &guarded());
    scene.resolved(&["10.0.0.1:80", "8.8.8.8:80", "[::1]:80", "127.0.0.1:80"]);
    scene.says("connect 0 8.8.8.8:80");
    scene.begin(0);
    scene.dial.connect_failed(0, crate::error::IoKind::Refused, scene.now);
    fails(&scene, DialError::Connect(crate::error::IoKind::Refused));

    let mut scene = Scene::new(&key, &guarded());
    scene.resolved(&[]);
    fails(&scene, DialError::Name);
}

#[test]
fn an_interface_s_name_does_not_hide_a_link_local_address() {
    let origin = http("[fe80::1]", 80).with_zone("eth0");
    fails(&Scene::new(&Key::direct(origin), &guarded()), denied("fe80::1"));
}

#[test]
fn names_that_a_proxy_looks_up_are_refused_unless_they_are_allowed() {
    let name = DialError::Denied(Denied::ProxiedName);
    let mut open = guarded();
    open.guard = open.guard.allow_proxied_names(true);
    for proxy in ["http://8.8.8.8", "socks4a://8.8.8.8", "socks5h://8.8.8.8"] {
        let key = via(&[proxy], http("a.test", 80));
        fails(&Scene::new(&key, &guarded()), name);
        assert!(matches!(Scene::new(&key, &open).dial.next(), Next::Connect { .. }));
        // An address is judged all the same.
        fails(&Scene::new(&via(&[proxy], http("127.0.0.1", 80)), &open), denied("127.0.0.1"));
        // The second proxy is a name for the first.
        fails(&Scene::new(&via(&[proxy, "p.test"], http("8.8.8.8", 80)), &guarded()), name);
    }
}

#[test]
fn the_addresses_of_proxies_are_judged_and_those_that_a_socks_proxy_gets() {
    fails(&Scene::new(&via(&["127.0.0.1"], http("8.8.8.8", 80)), &guarded()), denied("127.0.0.1"));
    let mut scene = Scene::new(&via(&["p.test"], http("8.8.8.8", 80)), &guarded());
    scene.resolved(&["10.0.0.1:80"]);
    fails(&scene, denied("10.0.0.1"));

    let mut listed = guarded();
    listed.guard = listed.guard.allow("127.0.0.1".parse().unwrap());
    for (addrs, permitted) in
        [(&["10.0.0.1:80"][..], false), (&["10.0.0.1:80", "8.8.8.8:80"], true)]
    {
        let key = via(&["socks5://127.0.0.1"], http("a.test", 80));
        let mut scene = Scene::connected(&key, &listed);
        scene.resolved(addrs);
        if permitted {
            scene.transmits();
            assert_eq!(scene.dial.receive(b"\x05\0", scene.now), 2);
            assert_eq!(scene.transmits(), b"\x05\x01\0\x01\x08\x08\x08\x08\0\x50");
        } else {
            abandon(&mut scene);
            fails(&scene, denied("10.0.0.1"));
        }
    }
}

#[test]
fn the_refusal_says_what_which_rule_and_what_to_do() {
    assert_eq!(
        denied("::ffff:10.1.2.3").to_string(),
        "the guard denies the address 10.1.2.3, which is in 10.0.0.0/8: allow it with Guard::allow"
    );
    assert!(DialError::Denied(Denied::ProxiedName).to_string().contains("allow_proxied_names"));
}
