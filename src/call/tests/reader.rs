//! Bodies that the reader decodes, and bodies that it cannot use.

use super::*;
use crate::{
    content::{Coding, DecodeError, DecodeErrorKind},
    error::{BodyUnusable, Fault},
};

const CODED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi";

fn decoding() -> World {
    let request = Request::get("http://a/1").decode(true).build().unwrap();
    World::new(request, retrying(3))
}

fn corrupt() -> BodyUnusable {
    BodyUnusable::Decode(DecodeError::new(Some(Coding::Gzip), DecodeErrorKind::Data, 1))
}

#[test]
fn a_decoded_body_frees_its_connection_when_its_reader_has_used_it() {
    let mut world = decoding();
    world.lease(false).written().says(CODED);
    assert_eq!(world.told, ["head 200", "data hi", "end"]);
    assert_eq!(world.call.codings(), Some(Coding::Gzip.into()));
    assert_eq!((world.call.next(), world.kept.len()), (Next::CheckBody, 0));
    world.call.body_used(world.now);
    world.release(b"");
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![true]));
}

#[test]
fn without_decode_or_a_known_coding_a_call_ends_with_its_response() {
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(CODED);
    assert_eq!((world.call.next(), world.call.codings()), (Next::Done, None));
    for field in ["", "Content-Encoding: lzw\r\n", "Content-Encoding: identity\r\n"] {
        let mut world = decoding();
        let answer = format!("HTTP/1.1 200 OK\r\n{field}Content-Length: 2\r\n\r\nhi");
        world.lease(false).written().says(answer.as_bytes());
        assert_eq!((world.call.next(), world.kept), (Next::Done, vec![true]), "{field}");
    }
}

#[test]
fn a_body_that_cannot_be_used_fails_the_call_once_and_closes_its_connection() {
    for before_the_end in [true, false] {
        let mut world = decoding();
        let cut = if before_the_end { CODED.len() - 1 } else { CODED.len() };
        world.lease(false).written().says(&CODED[..cut]);
        world.call.body_unusable(corrupt(), world.now);
        world.release(b"");
        let failure = world.failed();
        assert_eq!(failure.cause, Cause::BodyUnusable(corrupt()));
        assert_eq!((failure.phase, failure.reached), (Phase::Body, Reached::Answered));
        assert_eq!(failure.fault(), Fault::Peer);
        assert_eq!((world.kept, world.call.history().len()), (vec![false], 0));
    }
}

#[test]
fn a_plain_body_that_is_too_long_closes_its_connection_unless_that_was_given_back() {
    let why = BodyUnusable::TooLong { max: 1 };
    let mut world = World::get(retrying(3));
    world.lease(false).written();
    let (taken, _) = world.call.receive(&mut world.conn, OK, world.now);
    let (_, event) = world.call.receive(&mut world.conn, &OK[taken..], world.now);
    assert!(matches!(event, Event::Data(b"hi")));
    world.call.body_unusable(why, world.now);
    world.release(b"");
    assert_eq!(world.failed().fault(), Fault::Local);
    assert_eq!((world.failed().cause, world.kept), (Cause::BodyUnusable(why), vec![false]));

    let mut world = World::get(retrying(3));
    world.lease(false).written().says(OK);
    world.call.body_unusable(why, world.now);
    assert_eq!((world.failed().cause, world.kept), (Cause::BodyUnusable(why), vec![true]));
}

#[test]
fn a_body_is_reported_as_unusable_only_between_its_head_and_its_discard() {
    let mut world = decoding();
    world.call.body_unusable(corrupt(), world.now);
    assert_eq!(world.call.next(), Next::Checkout);
    world.lease(false).written();
    world.call.body_unusable(corrupt(), world.now);
    world.call.body_used(world.now);
    assert_eq!(world.call.next(), Next::Exchange);
    world.says(&CODED[..CODED.len() - 1]);
    world.call.discard(world.now);
    world.call.body_unusable(corrupt(), world.now);
    world.says(b"i");
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![true]), "drained, not decoded");
}

#[test]
fn a_sixth_coding_fails_the_call_behind_its_head() {
    let mut world = decoding();
    let six = CODED.to_vec();
    let six = String::from_utf8(six).unwrap().replace("gzip", "gzip, gzip, br, gzip, gzip, gzip");
    world.lease(false).written().says(six.as_bytes());
    let why = DecodeError::new(None, DecodeErrorKind::TooManyCodings, 0);
    assert_eq!(world.failed().cause, Cause::BodyUnusable(BodyUnusable::Decode(why)));
    assert_eq!((world.told, world.kept), (vec!["head 200".to_string()], vec![false]));
}

#[test]
fn unsolicited_bytes_that_come_before_the_readers_answer_close_the_connection() {
    let mut world = decoding();
    world.lease(false).written().says(CODED);
    let (_, event) = world.call.receive(&mut world.conn, b"HTTP/1.1 200 EVIL", world.now);
    assert!(matches!(event, Event::Skipped));
    world.call.body_used(world.now);
    world.release(b"");
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
    let mut world = decoding();
    world.lease(false).written().says(CODED).eof(true);
    world.call.body_used(world.now);
    world.release(b"");
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
}

#[test]
fn the_total_deadline_passes_while_the_body_is_decoded() {
    let mut policy = Policy::default();
    policy.timeout.total = Some(seconds(3));
    let request = Request::get("http://a/1").decode(true).build().unwrap();
    let mut world = World::new(request, policy);
    world.lease(false).written().says(CODED).after(seconds(4));
    assert_eq!(world.failed().cause, Cause::Timeout(Deadline::Total));
}

#[test]
fn a_paused_reader_is_asked_when_it_goes_on_and_the_upload_is_sent_first() {
    let body = BodyLength::Known { len: 3, replayable: false };
    let request = Request::post("http://a/1").decode(true).body(body).build().unwrap();
    let mut world = World::new(request, Policy::default());
    world.lease(false).written().says(CODED);
    assert!(matches!(world.call.next(), Next::SendBody(_)));
    world.call.pause(world.now);
    world.body(3);
    assert_eq!(world.call.next(), Next::Exchange);
    world.call.resume(world.now);
    assert_eq!(world.call.next(), Next::CheckBody);
}

#[test]
fn a_redirect_keeps_the_wish_to_decode_and_its_own_body_is_not_decoded() {
    let mut world = decoding();
    let there =
        b"HTTP/1.1 302 R\r\nLocation: /2\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nbye";
    world.lease(false).written().says(there);
    assert_eq!((world.call.next(), world.call.request().decodes()), (Next::Checkout, true));
}
