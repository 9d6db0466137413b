//! Tests of `gzip` (RFC 1952).

use super::{decode, decode_within, member, member_with, position, text};
use crate::{
    content::{
        Coding::Gzip,
        DecodeErrorKind::{self, Checksum, Data, Header, Length, TooLong, Truncated},
        Decoder,
    },
    limits::ContentLimits,
};

/// The member of "hello", with the name of a file.
const HELLO: &[u8] = b"\x1f\x8b\x08\x08\0\0\0\0\x00\x03hello.txt\0\xcb\x48\xcd\xc9\xc9\x07\0\
                       \x86\xa6\x10\x36\x05\0\0\0";

#[test]
fn a_member_decodes_whatever_its_length() {
    assert_eq!(decode(Gzip, HELLO), (b"hello".to_vec(), Ok(())));
    for len in [0, 1, 32_767, 32_768, 65_536, 200_000] {
        let text = text(len);
        assert_eq!(decode(Gzip, &member(&text)), (text, Ok(())), "{len}");
    }
}

#[test]
fn an_empty_body_is_empty_and_not_an_error() {
    assert_eq!(decode(Gzip, b""), (b"".to_vec(), Ok(())));
}

#[test]
fn every_optional_header_field_is_skipped() {
    let all = [
        &b"\x1f\x8b\x08\x1f\x01\x02\x03\x04\x02\xff"[..],
        b"\x03\0abc",
        b"a name\0",
        b"a comment\0",
    ]
    .concat();
    let crc = &crc32fast::hash(&all).to_le_bytes()[..2];
    let all = [&all, crc].concat();
    assert_eq!(decode(Gzip, &member_with(&all, b"x")), (b"x".to_vec(), Ok(())));
    let empty_extra = b"\x1f\x8b\x08\x04\0\0\0\0\0\x03\0\0";
    assert_eq!(decode(Gzip, &member_with(empty_extra, b"x")), (b"x".to_vec(), Ok(())));
    let mut wrong = all;
    *wrong.last_mut().expect("a header") ^= 1;
    assert_eq!(decode(Gzip, &member_with(&wrong, b"x")), (b"".to_vec(), Err(Header)));
}

#[test]
fn members_decode_one_after_another_each_when_it_arrives() {
    let (one, two) = (member(b"one"), member(b"two"));
    let members = [&one[..], &member(b""), &two, HELLO].concat();
    assert_eq!(decode(Gzip, &members), (b"onetwohello".to_vec(), Ok(())));
    let mut decoder = Decoder::new(Gzip, ContentLimits::default());
    let mut output = [0; 64];
    for (member, expected) in [(one, b"one"), (two, b"two")] {
        let progress = decoder.decode(&member, &mut output).expect("a valid member");
        assert_eq!(&output[..progress.written], expected);
        assert_eq!((progress.taken, progress.more), (member.len(), false));
    }
}

#[test]
fn a_flushed_block_is_written_when_it_arrives() {
    // "hello", then a sync flush: an empty stored block.
    let mut decoder = Decoder::new(Gzip, ContentLimits::default());
    let mut output = [0; 64];
    let flushed = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xca\x48\xcd\xc9\xc9\x07\0\0\0\xff\xff";
    let progress = decoder.decode(flushed, &mut output).expect("a valid start");
    assert_eq!(&output[..progress.written], b"hello");
    assert!(!progress.more);
}

#[test]
fn a_body_cut_short_anywhere_is_an_error_at_its_end() {
    let members = [&member(b"one")[..], HELLO].concat();
    let boundary = member(b"one").len();
    for len in 1..members.len() {
        let (body, verdict) = decode(Gzip, &members[..len]);
        assert!(b"onehello".starts_with(&body[..]));
        let complete = len == boundary;
        assert_eq!(verdict, if complete { Ok(()) } else { Err(Truncated) }, "{len}");
        let expected = (!complete).then_some((Truncated, len as u64));
        assert_eq!(position(Gzip, &members[..len]), expected);
    }
}

#[test]
fn a_wrong_byte_is_an_error_where_it_shows() {
    let with = |at: usize, byte: u8| {
        let mut wrong = HELLO.to_vec();
        wrong[at] = byte;
        position(Gzip, &wrong)
    };
    let at = |kind: DecodeErrorKind, at: usize| Some((kind, at as u64));
    assert_eq!(with(0, b'<'), at(Header, 0));
    assert_eq!(with(1, 0), at(Header, 1));
    assert_eq!(with(2, 7), at(Header, 2));
    assert_eq!(with(3, 0x28), at(Header, 3));
    assert_eq!(with(20, 0xCF), at(Data, 20), "the reserved type of block");
    let trailer = HELLO.len() - 8;
    assert_eq!(with(trailer, 0), at(Checksum, trailer));
    assert_eq!(with(trailer + 3, 0), at(Checksum, trailer + 3));
    assert_eq!(with(trailer + 4, 0), at(Length, trailer + 4));
    assert_eq!(with(trailer + 7, 1), at(Length, trailer + 7));
}

#[test]
fn bytes_behind_a_member_that_begin_no_other_are_an_error() {
    let garbage = [HELLO, b"\0\0\0"].concat();
    assert_eq!(decode(Gzip, &garbage), (b"hello".to_vec(), Err(Header)));
    assert_eq!(position(Gzip, &garbage), Some((Header, HELLO.len() as u64)));
}

#[test]
fn a_distance_before_the_start_is_an_error_also_in_a_reused_decoder() {
    // A fixed block: the literal "a", then a match of 3 bytes at distance 2.
    let far = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\x84\x43\x00";
    let mut decoder = Decoder::new(Gzip, ContentLimits::default());
    for _ in 0..2 {
        decoder.reset(Gzip, ContentLimits::default());
        let mut output = [0; 64];
        let first = decoder.decode(far, &mut output).expect("the literal");
        assert_eq!(&output[..first.written], b"a");
        assert_eq!(decoder.decode(&[], &mut output).map_err(|error| error.kind), Err(Data));
        decoder.reset(Gzip, ContentLimits::default());
        assert_eq!(super::run(&mut decoder, HELLO, 5, 5), (b"hello".to_vec(), Ok(())));
    }
}

#[test]
fn bytes_decoded_before_an_error_are_written_whatever_the_room() {
    let text = text(100_000);
    let mut wrong = member(&text);
    let last = wrong.len() - 8;
    wrong[last] ^= 1;
    assert_eq!(decode(Gzip, &wrong), (text, Err(Checksum)));
}

#[test]
fn the_limit_on_decoded_bytes_lets_exactly_so_many_pass() {
    let body = member(&text(1000));
    let limits = |max: u64| ContentLimits::default().decoded_bytes_max(max);
    assert_eq!(decode_within(Gzip, &body, limits(1000)), (text(1000), Ok(())));
    assert_eq!(decode_within(Gzip, &body, limits(999)), (text(999), Err(TooLong)));
    assert_eq!(decode_within(Gzip, &body, limits(0)), (b"".to_vec(), Err(TooLong)));
    let empty = [member(b""), member(b"")].concat();
    assert_eq!(decode_within(Gzip, &empty, limits(0)), (b"".to_vec(), Ok(())));
}
