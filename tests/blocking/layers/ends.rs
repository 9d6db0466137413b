//! Tests the ends of layered connections: with notice, without, and by corrupt records.

use std::sync::mpsc;

use httpool_blocking::{Error, httpool::error::TlsKind};
use httpool_sim::layer::{Half, OVERHEAD};

use super::{CUT, client, layer_error};
use crate::support::{Peer, Server};

const LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
const CLOSED: &str = "HTTP/1.1 200 OK\r\n\r\nhello";

/// Makes a call to a server that ends the connection after it has sent what `answer` does.
fn call(answer: impl Fn(&mut Peer) + Send + Sync + 'static) -> Result<String, Error> {
    let server = Server::secure(move |peer| {
        if peer.request().is_some() {
            answer(peer);
        }
    });
    let client = client();
    let text = client.post(&server.https("/")).send().and_then(|response| response.text());
    assert!(text.is_ok() || client.stats().open == 0, "the connection is kept");
    text
}

/// The connection is cut at each byte of the sealed response.
#[test]
fn a_cut_without_notice_is_never_taken_for_the_end_of_a_body() {
    for (answer, whole) in [(LENGTH, true), (CHUNKED, true), (CLOSED, false)] {
        let all = answer.len() + OVERHEAD;
        for len in (0..=all).rev() {
            let text = call(move |peer| {
                let sealed = peer.seal(answer.as_bytes());
                peer.send_raw(&sealed[..len]);
            });
            match text {
                Ok(text) => assert!(whole && len == all && text == "hello", "{answer}: {len}"),
                Err(error) => {
                    assert!(!whole || len < all, "{answer}: {len}: {error}");
                    assert_eq!(layer_error(&error).kind(), CUT, "{answer}: {len}: {error}");
                }
            }
        }
    }
}

#[test]
fn the_notice_ends_a_body_without_length() {
    let text = call(|peer| {
        peer.send(CLOSED);
        peer.send_records(Half::end);
    });
    assert_eq!(text.unwrap(), "hello");
}

#[test]
fn the_notice_does_not_end_a_body_with_a_length() {
    for answer in [LENGTH, CHUNKED] {
        let text = call(move |peer| {
            peer.send(&answer[..answer.len() - 1]);
            peer.send_records(Half::end);
        });
        assert!(text.is_err());
    }
}

#[test]
fn a_notice_with_the_response_ends_the_connection() {
    let text = call(|peer| {
        let mut raw = peer.seal(LENGTH.as_bytes());
        raw.extend(peer.records(Half::end));
        peer.send_raw(&raw);
        peer.until_closed();
    });
    assert_eq!(text.unwrap(), "hello");
}

#[test]
fn a_corrupt_record_is_an_error_with_the_layer_s_as_its_source() {
    let text = call(|peer| {
        let mut raw = peer.seal(LENGTH.as_bytes());
        *raw.last_mut().unwrap() ^= 1;
        peer.send_raw(&raw);
        peer.until_closed();
    });
    let error = text.unwrap_err();
    assert_eq!(layer_error(&error).kind(), TlsKind::Protocol);
    assert!(format!("{error:?}").contains("the checksum of a record is wrong"), "{error:?}");
}

/// The whole first record is valid.
#[test]
fn a_corrupt_record_in_the_middle_of_a_body_ends_it() {
    let text = call(|peer| {
        let mut raw = peer.seal(&LENGTH.as_bytes()[..LENGTH.len() - 2]);
        raw.extend([0x55; 10]);
        peer.send_raw(&raw);
        peer.until_closed();
    });
    assert_eq!(layer_error(&text.unwrap_err()).kind(), TlsKind::Protocol);
}

#[test]
fn an_alert_in_place_of_a_response_is_an_error_of_its_kind() {
    let text = call(|peer| peer.send_records(Half::alert));
    assert_eq!(layer_error(&text.unwrap_err()).kind(), TlsKind::Alert(40));
}

/// The server sees the notice when the client closes the pool, and not a cut.
#[test]
fn a_connection_that_is_closed_tells_the_server() {
    let (ended, has_ended) = mpsc::channel();
    let ended = std::sync::Mutex::new(ended);
    let server = Server::secure(move |peer| {
        super::answers(peer);
        ended.lock().unwrap().send(peer.sessions[0].half.has_ended()).unwrap();
    });
    let client = client();
    client.get(&server.https("/")).send().unwrap().bytes().unwrap();
    client.close();
    assert!(has_ended.recv().unwrap());
}
