//! Golden traces of dials.

use httpool::{
    dial::{Dial, DialPolicy, Next},
    message::{Hop, HopKind, Key, Origin, Scheme, TlsId},
};

use super::{golden, story::Story};

fn key() -> Key {
    Key::direct(Origin::new(Scheme::Http, "example.com", 80))
}

fn in_turn() -> DialPolicy {
    let mut policy = DialPolicy::default();
    policy.race_after = None;
    policy
}

/// Resolves the name to two addresses.
fn resolve(story: &mut Story, dial: &mut Dial) {
    dial.resolving(story.now());
    story.pass(3);
    let addrs = ["[2001:db8::1]:80", "192.0.2.1:80"].map(|addr| addr.parse().unwrap());
    dial.resolved(&addrs, story.now());
}

fn wait(story: &mut Story, dial: &mut Dial) {
    let (at, _) = dial.poll_timeout().unwrap();
    story.pass(u64::try_from(at.since(story.now()).as_millis()).unwrap());
    dial.handle_timeout(story.now());
}

#[test]
fn addresses_in_turn_and_racing() {
    let mut story = Story::new();
    let mut turn = story.dialing(&key(), in_turn());
    resolve(&mut story, &mut turn);
    story.refuse(&mut turn, 0);
    turn.connecting(1, story.now());
    story.pass(20);
    turn.connected(1, story.now());
    assert_eq!(turn.next(), Next::Ready { attempt: 1 });

    let mut race = story.dialing(&key(), DialPolicy::default());
    resolve(&mut story, &mut race);
    race.connecting(0, story.now());
    wait(&mut story, &mut race);
    race.connecting(1, story.now());
    story.pass(20);
    race.connected(1, story.now());
    race.abandoned(0);
    assert_eq!(race.next(), Next::Ready { attempt: 1 });
    golden("addresses", &story);
}

#[test]
fn tunnel_and_tls() {
    let mut story = Story::new();
    let proxy = Hop::new(HopKind::Connect, Origin::new(Scheme::Http, "192.0.2.7", 3128));
    let origin = Origin::new(Scheme::Https, "example.com", 443);
    let key = Key::direct(origin).with_tls(TlsId(0)).through([proxy]);
    let mut policy = DialPolicy::default();
    policy.tls_available = true;
    let mut dial = story.dialing(&key, policy);
    dial.connecting(0, story.now());
    story.pass(2);
    dial.connected(0, story.now());
    dial.poll_transmit(&mut Vec::new());
    story.pass(10);
    let answer = b"HTTP/1.1 200 Connection established\r\n\r\n";
    // The answer comes in two pieces, and is taken as a whole.
    assert_eq!(dial.receive(&answer[..10], story.now()), 0);
    assert_eq!(dial.receive(answer, story.now()), answer.len());
    story.pass(10);
    dial.tls_up("TLSv1.3 X25519MLKEM768 full verified", story.now());
    assert_eq!(dial.next(), Next::Ready { attempt: 0 });
    golden("tunnel", &story);
}

#[test]
fn timeouts() {
    let mut story = Story::new();
    let mut resolving = story.dialing(&key(), DialPolicy::default());
    resolving.resolving(story.now());
    wait(&mut story, &mut resolving);
    assert!(matches!(resolving.next(), Next::Failed(_)));

    let mut connecting = story.dialing(&key(), in_turn());
    resolve(&mut story, &mut connecting);
    connecting.connecting(0, story.now());
    // The first address has its share of the time, and the second has the rest.
    wait(&mut story, &mut connecting);
    connecting.abandoned(0);
    connecting.connecting(1, story.now());
    wait(&mut story, &mut connecting);
    connecting.abandoned(1);
    assert!(matches!(connecting.next(), Next::Failed(_)));
    golden("dial-timeouts", &story);
}
