//! Tests the ends of connections with layers: with notice, without, and by corrupt records.

use httpool_mio::{Error, httpool::error::TlsKind};
use httpool_sim::layer::{Half, OVERHEAD};

use super::{layer_error, world};
use crate::support::{
    Server,
    sessions::{self, CHUNKED, CLOSED, CUT, LENGTH},
};

/// Makes a call to a server that ends the connection with its response.
fn call(server: &Server) -> Result<String, Error> {
    let mut world = world();
    let call = world.client().post(&server.https("/")).send().unwrap();
    let text = world.driver.fetch(call).map(|response| response.text());
    assert!(text.is_ok() || world.stats().open == 0, "the connection is kept");
    text
}

/// The connection is cut at each byte of the sealed response.
#[test]
fn a_cut_without_notice_is_never_taken_for_the_end_of_a_body() {
    for (answer, whole) in [(LENGTH, true), (CHUNKED, true), (CLOSED, false)] {
        let all = answer.len() + OVERHEAD;
        for len in (0..=all).rev() {
            let text = call(&sessions::ending(move |peer| {
                let sealed = peer.seal(answer.as_bytes());
                peer.send_raw(&sealed[..len]);
            }));
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
    let text = call(&sessions::ending(|peer| {
        peer.send(CLOSED);
        peer.send_records(Half::end);
    }));
    assert_eq!(text.unwrap(), "hello");
}

/// Bytes behind the notice are dropped.
#[test]
fn input_behind_the_notice_is_dropped() {
    for behind in [&b"zzzz"[..], LENGTH.as_bytes()] {
        let text = call(&sessions::spoiled(move |peer| {
            let mut raw = peer.seal(CLOSED.as_bytes());
            raw.extend(peer.records(Half::end));
            raw.extend_from_slice(behind);
            raw
        }));
        assert_eq!(text.unwrap(), "hello");
    }
}

#[test]
fn the_notice_does_not_end_a_body_with_a_length() {
    for answer in [LENGTH, CHUNKED] {
        let text = call(&sessions::ending(move |peer| {
            peer.send(&answer[..answer.len() - 1]);
            peer.send_records(Half::end);
        }));
        assert!(text.is_err());
    }
}

#[test]
fn a_notice_with_the_response_ends_the_connection() {
    let server = sessions::spoiled(sessions::noticed);
    let mut world = world();
    world.hello(&server.https("/"));
    world.until(|world| world.stats().open == 0);
}

#[test]
fn a_corrupt_record_is_an_error_with_the_layer_s_as_its_source() {
    let error = call(&sessions::spoiled(sessions::corrupt)).unwrap_err();
    assert_eq!(layer_error(&error).kind(), TlsKind::Protocol);
    assert!(format!("{error:?}").contains("the checksum of a record is wrong"), "{error:?}");
}

/// The whole first record is valid.
#[test]
fn a_corrupt_record_in_the_middle_of_a_body_ends_it() {
    let error = call(&sessions::spoiled(sessions::half_corrupt)).unwrap_err();
    assert_eq!(layer_error(&error).kind(), TlsKind::Protocol);
}

#[test]
fn an_alert_in_place_of_a_response_is_an_error_of_its_kind() {
    let text = call(&sessions::ending(|peer| peer.send_records(Half::alert)));
    assert_eq!(layer_error(&text.unwrap_err()).kind(), TlsKind::Alert(40));
}

/// The server sees the notice when the client closes the pool, and not a cut.
#[test]
fn a_connection_that_is_closed_tells_the_server() {
    let (server, has_ended) = sessions::waits_for_the_end();
    let mut world = world();
    world.hello(&server.https("/"));
    world.client().close();
    world.turn();
    assert!(has_ended.recv().unwrap());
}

/// Likewise when the driver is dropped.
#[test]
fn a_driver_that_is_dropped_tells_the_server() {
    let (server, has_ended) = sessions::waits_for_the_end();
    let mut world = world();
    world.hello(&server.https("/"));
    drop(world);
    assert!(has_ended.recv().unwrap());
}
