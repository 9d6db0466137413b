//! Tests of the connect timeout that a call has of its own.

use super::*;
use crate::error::{DialError, Unavailable};

fn patient(connect: u64) -> Policy {
    let mut policy = Policy::default();
    policy.timeout.connect = Some(seconds(connect));
    policy
}

fn request(url: &str) -> Request {
    Request::get(url).build().unwrap()
}

fn not_opened(call: CallId) -> String {
    let why = Unavailable::Dial(DialError::Timeout(Deadline::Connect));
    format!("{call} failed: {}", Cause::Unavailable(why))
}

#[test]
fn a_call_fails_after_its_own_connect_timeout_and_its_dial_is_abandoned() {
    let mut world = World::new();
    let call = world.request(request("http://192.0.2.1/"), patient(2));
    world.done();
    assert_eq!(world.after(seconds(1)).told(), [""; 0]);
    assert_eq!(world.after(seconds(1)).told(), [not_opened(call)]);
    assert_eq!(world.done().last().unwrap(), "close s0.0 abandoned");
    assert_eq!((world.client.calls(), world.client.stats().open), (0, 0));
}

#[test]
fn a_look_up_counts_for_the_connect_timeout_of_the_call() {
    let mut world = World::new();
    let call = world.request(request("http://a/"), patient(2));
    assert_eq!(world.after(seconds(2)).told(), [not_opened(call)]);
}

#[test]
fn a_connect_timeout_longer_than_the_dials_replaces_it() {
    let mut world = World::with(|config| config.dial.connect_timeout = Some(seconds(10)));
    let call = world.request(request("http://192.0.2.1/"), patient(20));
    let other = world.get("http://192.0.2.2/");
    assert_eq!(world.after(seconds(10)).told(), [not_opened(other)]);
    assert_eq!(world.after(seconds(9)).told(), [""; 0]);
    assert_eq!(world.after(seconds(1)).told(), [not_opened(call)]);
}

#[test]
fn a_dial_goes_on_for_the_next_call_when_the_connect_timeout_of_the_first_passes() {
    let mut world = World::with(|config| config.pool.open_max = 1);
    let first = world.request(request("http://192.0.2.1/1"), patient(2));
    let second = world.get("http://192.0.2.1/2");
    world.done();
    assert_eq!(world.after(seconds(2)).told(), [not_opened(first)]);
    let conn = ConnId::from_bits(0);
    assert_eq!(world.client.dial_of(second), Some(conn));
    world.connect();
    let socket = world.socket(second);
    assert_eq!(world.written(socket), "GET /2 HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n");
}

#[test]
fn a_call_that_takes_a_dial_over_has_its_own_connect_timeout_from_then() {
    let mut world = World::with(|config| config.pool.open_max = 1);
    let first = world.request(request("http://192.0.2.1/1"), patient(3));
    let second = world.request(request("http://192.0.2.1/2"), patient(2));
    assert_eq!(world.after(seconds(2)).told(), [""; 0]);
    assert_eq!(world.after(seconds(1)).told(), [not_opened(first)]);
    assert_eq!(world.after(seconds(1)).told(), [""; 0]);
    assert_eq!(world.after(seconds(1)).told(), [not_opened(second)]);
    assert_eq!(world.client.stats().open, 0);
}

/// With a retry, the call gets another ticket and another dial.
#[test]
fn a_connect_timeout_is_retried_on_another_connection() {
    let mut world = World::new();
    let mut policy = patient(2);
    policy.retry.total = Some(1);
    let call = world.request(request("http://192.0.2.1/"), policy);
    world.done();
    assert_eq!(world.after(seconds(2)).told(), [""; 0]);
    let done = world.done();
    assert!(done.contains(&"close s0.0 abandoned".into()), "{done:?}");
    assert_ne!(world.client.dial_of(call), Some(ConnId::from_bits(0)));
    world.connect();
    let socket = world.socket(call);
    world.says(socket, OK);
    assert_eq!(world.told().last().unwrap(), "a0.0 end");
}

/// The connect timeout of the waiting call limits the share of each address.
#[test]
fn an_address_that_does_not_answer_leaves_the_connect_timeout_for_the_next() {
    let mut world = World::new();
    let mut policy = Policy::default();
    policy.timeout.connect = Some(Duration::from_millis(100));
    world.request(request("http://a/"), policy);
    let (conn, addrs) = (ConnId::from_bits(0), ["192.0.2.1:80", "192.0.2.2:80"]);
    world.client.handle_resolved(conn, &addrs.map(|addr| addr.parse().unwrap()), world.now);
    world.settle();
    let done = world.after(Duration::from_millis(50)).done();
    assert_eq!(done.last().unwrap(), "connect s1.0 c0.0 192.0.2.2:80", "{done:?}");
}
