//! Tests bodies that are a part of their attempt, and bodies that are not.

use std::{io::Read, time::Duration};

use httpool_blocking::{
    Client, ErrorKind, Retry, Timeout,
    httpool::{error::Reached, message::BodyLeft},
};

use crate::support::{Server, coded, cut};

fn impatient() -> Timeout {
    Timeout::default().stall(Duration::from_millis(50))
}

#[test]
fn a_preloaded_body_that_fails_is_asked_for_again() {
    for (name, bad) in cut::failing() {
        let server = cut::server(bad, 2, name == "stalled");
        let client = Client::builder().timeouts(impatient()).build();
        let response = client.get(&server.url("/")).retry(Retry::new(2)).fetch().unwrap();
        let causes = response.history().iter().map(|entry| entry.cause.is_some());
        assert_eq!(causes.collect::<Vec<_>>(), [true, true], "{name}");
        assert_eq!((response.header("x-try"), response.content_length()), (None, Some(5)));
        assert_eq!(response.text().unwrap(), "whole", "{name}");
        assert_eq!((server.requests(), client.stats().idle), (3, 1), "{name}");
    }
}

#[test]
fn a_preloaded_body_is_read_in_pieces_and_has_its_trailers() {
    let server = Server::replying(|_| {
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-End: 1\r\n\r\n"
            .to_vec()
    });
    let client = Client::builder().preload(true).build();
    let mut response = client.get(&server.url("/")).send().unwrap();
    assert_eq!(client.stats().idle, 1, "the connection is back before the body is read");
    assert_eq!(response.trailers().unwrap().get_str("x-end"), Some("1"));
    let mut two = [0; 2];
    assert_eq!((response.read(&mut two).unwrap(), &two), (2, b"he"));
    assert_eq!(response.bytes().unwrap(), b"llo");
    let empty = Server::replying(|_| b"HTTP/1.1 204 No Content\r\n\r\n".to_vec());
    assert_eq!(client.get(&empty.url("/")).send().unwrap().text().unwrap(), "");
}

#[test]
fn the_last_failure_of_a_preloaded_body_tells_what_came() {
    let (_, bad) = cut::failing().into_iter().next().unwrap();
    let server = cut::server(bad, 9, false);
    let error = Client::new().get(&server.url("/")).retry(Retry::new(1)).fetch().unwrap_err();
    assert_eq!((error.kind(), error.is_max_retry()), (ErrorKind::IncompleteRead, true));
    assert_eq!(error.incomplete(), Some((5, BodyLeft::Bytes(4))));
    assert_eq!((error.history().len(), server.requests()), (1, 2));
    assert_eq!(error.head().unwrap().headers().get_str("x-try"), Some("1"));
}

#[test]
fn a_streamed_body_and_a_post_are_not_asked_for_again() {
    for streamed in [true, false] {
        let (_, bad) = cut::failing().into_iter().next().unwrap();
        let server = cut::server(bad, 1, false);
        let (client, url) = (Client::new(), server.url("/"));
        let retry = Retry::new(3);
        let error = if streamed {
            client.get(&url).retry(retry).send().unwrap().bytes().unwrap_err()
        } else {
            client.post(&url).retry(retry).body("once").fetch().unwrap_err()
        };
        assert_eq!((error.kind(), error.is_max_retry()), (ErrorKind::IncompleteRead, false));
        assert_eq!((error.reached(), server.requests()), (Reached::Answered, 1));
    }
}

#[test]
fn a_preloaded_body_that_cannot_be_decoded_is_not_asked_for_again() {
    let server = Server::replying(|_| {
        let mut body = coded::gzip(b"hello");
        *body.last_mut().unwrap() ^= 1;
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ";
        [format!("{head}{}\r\n\r\n", body.len()).as_bytes(), &body].concat()
    });
    let error = Client::new().get(&server.url("/")).retry(Retry::new(3)).fetch().unwrap_err();
    assert_eq!((error.kind(), server.requests()), (ErrorKind::Decode, 1));
}
