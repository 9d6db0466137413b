//! Tests connections with layers between the socket and HTTP, by a small cipher in place of TLS.

use std::sync::Arc;

use httpool_blocking::{Client, ClientBuilder};
use httpool_sim::layer::Cipher;

use super::support::Server;

fn builder() -> ClientBuilder {
    Client::builder().layers(Arc::new(Cipher::new(100)))
}

#[test]
fn requests_and_responses_go_through_a_session_and_the_connection_is_reused() {
    let server = Server::secure(|peer| {
        while peer.request().is_some() {
            peer.answer("hello");
        }
    });
    let client = builder().build();
    for nth in 0..3 {
        let response = client.get(&server.https("/")).send().unwrap();
        assert_eq!(response.reused(), nth > 0);
        assert_eq!(response.text().unwrap(), "hello");
    }
    assert_eq!((server.accepted(), server.requests()), (1, 3));
}
