//! Tests bodies that wait for a 100 (Continue).

use std::time::Duration;

use httpool_blocking::{Client, Response, httpool::call::Policy};

use super::support::{Peer, Server, ok};

/// Sends `body` after the server's 100, or after `patience`.
fn post(server: &Server, patience: Duration) -> Response {
    let mut policy = Policy::default();
    policy.timeout.expect_continue = patience;
    let request = Client::new().post(&server.url("/")).policy(policy).expect_continue(true);
    request.body("body").send().unwrap()
}

/// Reads the body and sends it back. Fails the test if the body does not come within ten seconds.
fn echo(peer: &mut Peer) {
    peer.tcp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    if let Some(body) = peer.take(4) {
        peer.send(ok(body));
    }
}

#[test]
fn the_body_leaves_when_the_100_comes() {
    let server = Server::start(|peer| {
        peer.head();
        peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        echo(peer);
    });
    // Only the 100 starts the body.
    let patience = Duration::from_secs(3600);
    assert_eq!(post(&server, patience).text().unwrap(), "body");
}

#[test]
fn the_body_leaves_without_a_100_when_its_time_has_passed() {
    let server = Server::start(|peer| {
        peer.head();
        echo(peer);
    });
    assert_eq!(post(&server, Duration::from_millis(5)).text().unwrap(), "body");
}
