//! Tests of proxies that answer CONNECT with another response than a 2xx.

use super::*;
use crate::{
    error::IoKind,
    limits::PROXY_BODY_BYTES_MAX,
    message::{Hop, HopKind},
    replay,
};

fn key() -> Key {
    let hop = Hop::new(HopKind::Connect, http("192.0.2.9", 3128));
    Key::direct(https("a.test", 443)).through([hop])
}

/// Passes an answer in pieces, and keeps what is not consumed for the next one.
fn answers(scene: &mut Scene, answer: &[u8], piece_len: usize) {
    let mut rest = Vec::new();
    for piece in answer.chunks(piece_len) {
        rest.extend_from_slice(piece);
        let taken = scene.dial.receive(&rest, scene.now);
        rest.drain(..taken);
    }
}

/// Checks that the dial has failed, and that the response was kept with this body.
#[track_caller]
fn refused(scene: &mut Scene, failed: &str, body: &[u8]) {
    scene.says("abandon 0");
    scene.dial.abandoned(0);
    scene.says(failed);
    scene.waits_for(None);
    assert_eq!(scene.dial.proxy_response().unwrap().body(), body);
}

#[test]
fn any_other_answer_is_a_refusal_with_fields_and_body() {
    for (status, failed) in [
        (301, "failed ProxyRefused(301)"),
        (403, "failed ProxyRefused(403)"),
        (401, "failed ProxyLogin(401)"),
        (407, "failed ProxyLogin(407)"),
        (504, "failed ProxyRefused(504)"),
    ] {
        for framing in [
            "Content-Length: 6\r\n\r\nlog in",
            "Transfer-Encoding: chunked\r\n\r\n3\r\nlog\r\n3\r\n in\r\n0\r\n\r\n",
        ] {
            let answer = alloc::format!(
                "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 {status} No\r\nVia: p\r\n{framing}"
            );
            for piece_len in 1..answer.len() {
                let mut scene = Scene::connected(&key(), &with_tls());
                answers(&mut scene, answer.as_bytes(), piece_len);
                refused(&mut scene, failed, b"log in");
                let head = scene.dial.proxy_response().unwrap().head();
                assert_eq!((head.status().as_u16(), head.reason()), (status, &b"No"[..]));
                assert_eq!(head.headers().get("via"), Some(&b"p"[..]));
            }
        }
    }
}

const UNTIL_CLOSE: &[u8] = b"HTTP/1.0 403 No\r\n\r\nnot for you";

#[test]
fn the_end_of_the_connection_ends_the_body_of_a_refusal() {
    for answer in [UNTIL_CLOSE, b"HTTP/1.1 403 No\r\nContent-Length: 99\r\n\r\nnot for you"] {
        for why in [IoKind::Eof, IoKind::Reset] {
            let mut scene = Scene::connected(&key(), &with_tls());
            answers(&mut scene, answer, usize::MAX);
            scene.says("exchange");
            scene.dial.lost(why, scene.now);
            refused(&mut scene, "failed ProxyRefused(403)", b"not for you");
        }
    }
}

#[test]
fn the_body_of_a_refusal_is_waited_for_shortly() {
    let mut scene = Scene::connected(&key(), &with_tls());
    scene.pass(2_000);
    scene.waits_for(Some((10_000, Deadline::Connect)));
    answers(&mut scene, UNTIL_CLOSE, usize::MAX);
    scene.waits_for(Some((3_000, Deadline::Connect)));
    scene.pass(999);
    scene.says("exchange");
    scene.pass(1);
    refused(&mut scene, "failed ProxyRefused(403)", b"not for you");

    let mut scene = Scene::connected(&key(), &with_tls());
    scene.pass(9_500);
    answers(&mut scene, UNTIL_CLOSE, usize::MAX);
    scene.waits_for(Some((10_000, Deadline::Connect)));
    scene.pass(500);
    refused(&mut scene, "failed ProxyRefused(403)", b"not for you");
}

#[test]
fn of_the_body_of_a_refusal_a_bounded_part_is_kept() {
    let long = [UNTIL_CLOSE, &[b'x'; 2 * PROXY_BODY_BYTES_MAX]].concat();
    for piece_len in [1_000, usize::MAX] {
        let mut scene = Scene::connected(&key(), &with_tls());
        answers(&mut scene, &long, piece_len);
        let body = &long[long.len() - 2 * PROXY_BODY_BYTES_MAX - 11..][..PROXY_BODY_BYTES_MAX];
        refused(&mut scene, "failed ProxyRefused(403)", body);
    }
}

#[test]
fn a_refusal_whose_body_is_malformed_is_still_a_refusal() {
    let mut scene = Scene::connected(&key(), &with_tls());
    let answer = b"HTTP/1.1 502 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nx\r\n";
    answers(&mut scene, answer, usize::MAX);
    refused(&mut scene, "failed ProxyRefused(502)", b"hi");
}

#[test]
fn a_recording_of_a_refusal_replays_and_has_no_body() {
    for answer in [
        UNTIL_CLOSE,
        b"HTTP/1.1 407 No\r\nContent-Length: 11\r\n\r\nnot for you",
        b"HTTP/1.1 502 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nx\r\nnot for you",
    ] {
        for piece_len in (1..40).chain([usize::MAX]) {
            let mut scene = Scene::new(&key(), &with_tls());
            let text = scene.record();
            scene.begin(0);
            scene.dial.connected(0, scene.now);
            scene.transmits();
            answers(&mut scene, answer, piece_len);
            scene.dial.lost(IoKind::Eof, scene.now);
            scene.dial.abandoned(0);
            let text = text.lock().unwrap();
            assert!(text.contains("failed Proxy") && !text.contains("for you"), "{text}");
            replay::check(&text).unwrap();
        }
    }
}
