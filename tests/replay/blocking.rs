//! The blocking driver, over real sockets.

use httpool::{replay, trace::Redaction};
use httpool_blocking::Client;

use crate::{Recording, support::Server};

#[test]
fn two_requests_over_one_connection() {
    let (server, recording) = (Server::answering("hello"), Recording::default());
    let client = Client::builder().trace(recording.sink(Redaction::default())).build();
    for _ in 0..2 {
        let response = client.get(&server.url("/")).basic_auth("me", "secret").send().unwrap();
        assert_eq!(response.bytes().unwrap(), b"hello");
    }
    drop(client);
    let text = recording.text();
    let summary = replay::check(&text).unwrap_or_else(|why| panic!("{why}\n{text}"));
    assert_eq!((summary.pools, summary.calls, summary.dials), (1, 2, 1));
    assert!(!text.contains("hello") && !text.contains("Basic"), "{text}");
}
