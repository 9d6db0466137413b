//! Tests how the length of a response's body is determined.

use httpool_mio::httpool::error::{Cause, Violation};

use crate::{
    World, cause,
    support::{Server, ok},
};

fn saying(answer: &'static str) -> Server {
    Server::replying(move |_| answer.into())
}

#[test]
fn padded_chunk_sizes_are_read() {
    let server = saying(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
         0005 \t\r\nhello\r\n1 ;a=b\r\n!\r\n00  \r\n\r\n",
    );
    let mut world = World::new();
    for _ in 0..2 {
        assert_eq!(world.fetch(&server.url("/")).unwrap().body(), b"hello!");
    }
    assert_eq!(server.accepted(), 1);
    let server = saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 0\r\nhello");
    let error = world.fetch(&server.url("/")).unwrap_err();
    assert_eq!(cause(&error), Cause::Violation(Violation::Chunk));
    assert_eq!(world.stats().leased, 0);
}

#[test]
fn the_largest_content_length_is_longer_than_wanted() {
    let server = saying("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n");
    let mut world = World::new();
    let error = world.fetch(&server.url("/")).unwrap_err();
    assert!(error.is_body_too_large(), "{error}");
    let server = saying("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n");
    let error = world.fetch(&server.url("/")).unwrap_err();
    assert_eq!(cause(&error), Cause::Violation(Violation::ContentLength));
}

#[test]
fn the_url_of_a_response_keeps_the_fragment_which_is_not_sent() {
    let server = Server::replying(|request| match request.target() {
        "/from" => "HTTP/1.1 302 F\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n".into(),
        _ => ok(&request.head),
    });
    let mut world = World::new();
    let response = world.fetch(&server.url("/from#a")).unwrap();
    assert_eq!(response.url().as_str(), server.url("/to#a"));
    assert!(response.text().starts_with("GET /to HTTP/1.1\r\n"));
}
