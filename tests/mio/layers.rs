//! Tests connections with layers between the socket and HTTP, by a small cipher in place of TLS.

use std::sync::Arc;

use httpool_mio::{Driver, DriverBuilder};
use httpool_sim::layer::Cipher;

use crate::{
    World, limits,
    support::{Peer, Server},
};

fn builder() -> DriverBuilder {
    Driver::builder()
        .layers(Arc::new(Cipher::new(100)))
        .pool(limits(|limits| limits.open_per_key_max = 1))
}

fn world() -> World {
    World::with(builder())
}

fn answers(peer: &mut Peer) {
    while peer.request().is_some() {
        peer.answer("hello");
    }
}

#[test]
fn requests_and_responses_go_through_a_session_and_the_connection_is_reused() {
    let server = Server::secure(answers);
    let mut world = world();
    for _ in 0..3 {
        assert_eq!(world.fetch(&server.https("/")).unwrap().text(), "hello");
    }
    assert_eq!((server.accepted(), server.requests()), (1, 3));
}
