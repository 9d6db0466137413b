//! Tests of `zstd` (RFC 8878). The fixtures were made with the C library 1.5.7.

use alloc::vec::Vec;

use super::{check_events, decode, decode_within, position, text};
use crate::{
    content::{
        Coding::Zstd,
        DecodeErrorKind::{Checksum, Data, Dictionary, Header, Length, TooLong, Truncated, Window},
    },
    limits::ContentLimits,
};

const TEXT: &[u8] = include_bytes!("fixtures/text.zst");
const WINDOW_1K: &[u8] = include_bytes!("fixtures/window-1k.zst");
const WINDOW_128K: &[u8] = include_bytes!("fixtures/window-128k.zst");
const EVENTS: &[u8] = include_bytes!("fixtures/events.zst");

/// "hello" in one raw block, in a frame of one segment, with the checksum of XXH64.
const HELLO: &[u8] = b"\x28\xb5\x2f\xfd\x24\x05\x29\0\0hello\xa3\x6d\x9f\x88";

/// A skippable frame of three bytes.
const SKIPPABLE: &[u8] = b"\x5f\x2a\x4d\x18\x03\0\0\0abc";

/// A frame with this descriptor and rest of the header.
fn frame(descriptor: u8, rest: &[u8]) -> Vec<u8> {
    [&b"\x28\xb5\x2f\xfd"[..], &[descriptor], rest].concat()
}

#[test]
fn a_frame_decodes_also_when_its_window_slides() {
    assert_eq!(decode(Zstd, HELLO), (b"hello".to_vec(), Ok(())));
    assert_eq!(decode(Zstd, TEXT), (text(100_000), Ok(())));
    assert_eq!(decode(Zstd, WINDOW_1K), (text(700).repeat(600), Ok(())));
    assert_eq!(decode(Zstd, WINDOW_128K), (text(90_000).repeat(8), Ok(())));
    assert_eq!(decode(Zstd, b""), (Vec::new(), Ok(())), "an empty body");
}

#[test]
fn every_form_of_header_and_block_decodes() {
    let hello = |descriptor, rest: &[u8]| {
        let stream = [&frame(descriptor, rest)[..], b"\x29\0\0hello"].concat();
        assert_eq!(decode(Zstd, &stream), (b"hello".to_vec(), Ok(())), "{descriptor:#x} {rest:?}");
    };
    hello(0x00, b"\0");
    hello(0x20, b"\x05");
    hello(0xA0, b"\x05\0\0\0");
    hello(0xE0, b"\x05\0\0\0\0\0\0\0");
    hello(0x80, b"\x08\x05\0\0\0");
    for dictionary in [&b"\0"[..], b"\0\0", b"\0\0\0\0"].into_iter().enumerate() {
        let (n, zero) = dictionary;
        hello(0x21 + u8::try_from(n).expect("few"), &[zero, b"\x05"].concat());
    }
    // A block of 300 equal bytes, in a frame with a length of two bytes; then an empty last block.
    let equal = [&frame(0x60, b"\x2c\0")[..], b"\x62\x09\0x", b"\x01\0\0"].concat();
    assert_eq!(decode(Zstd, &equal), (b"x".repeat(300), Ok(())));
    let empty = [&frame(0x20, b"\0")[..], b"\x01\0\0"].concat();
    assert_eq!(decode(Zstd, &empty), (Vec::new(), Ok(())));
}

#[test]
fn frames_decode_one_after_another_and_skippable_ones_are_skipped() {
    let empty_skippable = b"\x50\x2a\x4d\x18\0\0\0\0";
    let frames = [SKIPPABLE, HELLO, empty_skippable, EVENTS, HELLO, SKIPPABLE].concat();
    let (body, verdict) = decode(Zstd, &frames);
    assert!(body.starts_with(b"hellodata: event 0") && body.ends_with(b"event 4\n\nhello"));
    assert_eq!(verdict, Ok(()));
    assert_eq!(decode(Zstd, SKIPPABLE), (Vec::new(), Ok(())));
}

#[test]
fn a_flushed_block_is_written_when_it_arrives_and_not_at_the_end_of_its_frame() {
    check_events(Zstd, EVENTS, [24, 12, 13, 13, 13, 7]);
}

#[test]
fn a_body_cut_short_anywhere_is_an_error_at_its_end() {
    let frames = [SKIPPABLE, HELLO, EVENTS].concat();
    let boundaries = [SKIPPABLE.len(), SKIPPABLE.len() + HELLO.len()];
    for len in 1..frames.len() {
        let complete = boundaries.contains(&len);
        let (_, verdict) = decode(Zstd, &frames[..len]);
        assert_eq!(verdict, if complete { Ok(()) } else { Err(Truncated) }, "{len}");
        let expected = (!complete).then_some((Truncated, len as u64));
        assert_eq!(position(Zstd, &frames[..len]), expected);
    }
}

#[test]
fn a_wrong_byte_is_an_error_where_it_shows() {
    let with = |at: usize, byte: u8| {
        let mut wrong = HELLO.to_vec();
        wrong[at] = byte;
        position(Zstd, &wrong)
    };
    assert_eq!(with(0, 0x29), Some((Header, 0)));
    assert_eq!(with(3, 0), Some((Header, 3)));
    assert_eq!(with(4, 0x2C), Some((Header, 4)), "the reserved bit");
    assert_eq!(with(5, 4), Some((Data, 6)), "a block longer than the frame");
    assert_eq!(with(5, 6), Some((Length, 6)), "a frame shorter than it says");
    assert_eq!(with(6, 0x2F), Some((Data, 6)), "the reserved type of block");
    assert_eq!(with(9, b'H'), Some((Checksum, 14)));
    assert_eq!(with(17, 0), Some((Checksum, 17)));
    let garbage = [HELLO, b"\0"].concat();
    assert_eq!(decode(Zstd, &garbage), (b"hello".to_vec(), Err(Header)));
    assert_eq!(position(Zstd, &garbage), Some((Header, HELLO.len() as u64)));
}

#[test]
fn a_frame_longer_than_it_says_is_an_error() {
    // Two raw blocks of three bytes, in a frame of five.
    let stream = [&frame(0x20, b"\x05")[..], b"\x18\0\0abc", b"\x19\0\0def"].concat();
    assert_eq!(decode(Zstd, &stream), (b"abc".to_vec(), Err(Length)));
    assert_eq!(position(Zstd, &stream), Some((Length, 12)));
}

#[test]
fn a_window_above_8_mib_and_a_dictionary_are_refused_before_any_memory_is_allocated() {
    let hello = b"\x29\0\0hello";
    for (descriptor, rest, verdict) in [
        (0x00, &b"\x68"[..], Ok(())),
        (0x00, b"\x69", Err(Window)),
        (0x00, b"\xff", Err(Window)),
        (0xA0, b"\0\0\x80\0", Err(Length)),
        (0xA0, b"\x01\0\x80\0", Err(Window)),
        (0xE0, b"\xff\xff\xff\xff\xff\xff\xff\xff", Err(Window)),
        (0x01, b"\0\x01", Err(Dictionary)),
        (0x03, b"\0\0\0\0\x01", Err(Dictionary)),
    ] {
        let stream = [&frame(descriptor, rest)[..], hello].concat();
        assert_eq!(decode(Zstd, &stream).1, verdict, "{descriptor:#x} {rest:?}");
    }
}

#[test]
fn bytes_decoded_before_an_error_are_written_whatever_the_reads() {
    let mut corrupt = 0;
    for at in (0..WINDOW_128K.len()).step_by(211) {
        let mut wrong = WINDOW_128K.to_vec();
        wrong[at] ^= 0x55;
        let (body, verdict) = decode(Zstd, &wrong);
        assert_ne!(verdict, Ok(()), "the checksum finds each wrong byte: {at}");
        corrupt += usize::from(!body.is_empty());
    }
    assert!(corrupt > 5, "{corrupt} streams are corrupt in the middle");
}

#[test]
fn the_limit_on_decoded_bytes_lets_exactly_so_many_pass() {
    let limits = |max: u64| ContentLimits::default().decoded_bytes_max(max);
    assert_eq!(decode_within(Zstd, HELLO, limits(5)), (b"hello".to_vec(), Ok(())));
    assert_eq!(decode_within(Zstd, HELLO, limits(4)), (b"hell".to_vec(), Err(TooLong)));
}
