//! Tests of `br` (RFC 7932). The fixtures were made with the C library 1.2.

use alloc::vec::Vec;

use super::{check_events, decode, decode_within, position, text};
use crate::{
    content::{
        Coding::Brotli,
        DecodeErrorKind::{Data, TooLong, Trailing, Truncated},
    },
    limits::ContentLimits,
};

const TEXT: &[u8] = include_bytes!("fixtures/text.br");
const REPEATED: &[u8] = include_bytes!("fixtures/repeated.br");
const EVENTS: &[u8] = include_bytes!("fixtures/events.br");

/// "hello" in an uncompressed metablock, and the empty last metablock.
const HELLO: &[u8] = b"\x0b\x02\x80hello\x03";

#[test]
fn a_stream_decodes_also_when_its_window_slides() {
    assert_eq!(decode(Brotli, HELLO), (b"hello".to_vec(), Ok(())));
    assert_eq!(decode(Brotli, TEXT), (text(100_000), Ok(())));
    assert_eq!(decode(Brotli, REPEATED), (text(90_000).repeat(8), Ok(())));
    assert_eq!(decode(Brotli, b"\x3b"), (Vec::new(), Ok(())), "an empty stream");
    assert_eq!(decode(Brotli, b""), (Vec::new(), Ok(())), "an empty body");
}

#[test]
fn what_was_flushed_is_written_when_it_arrives() {
    check_events(Brotli, EVENTS, [21, 13, 13, 13, 13, 1]);
}

#[test]
fn a_stream_cut_short_anywhere_is_an_error_at_its_end() {
    for len in 1..EVENTS.len() {
        assert_eq!(decode(Brotli, &EVENTS[..len]).1, Err(Truncated), "{len}");
        assert_eq!(position(Brotli, &EVENTS[..len]), Some((Truncated, len as u64)));
    }
}

#[test]
fn bytes_behind_the_end_are_an_error() {
    let longer = [HELLO, b"\0"].concat();
    assert_eq!(decode(Brotli, &longer), (b"hello".to_vec(), Err(Trailing)));
    assert_eq!(position(Brotli, &longer), Some((Trailing, HELLO.len() as u64)));
}

#[test]
fn bytes_decoded_before_an_error_are_written_whatever_the_reads() {
    let mut corrupt = 0;
    for at in (0..TEXT.len()).step_by(501) {
        let mut wrong = TEXT.to_vec();
        wrong[at] ^= 0x55;
        let (body, verdict) = decode(Brotli, &wrong);
        if verdict == Err(Data) && !body.is_empty() {
            corrupt += 1;
        }
    }
    assert!(corrupt > 5, "{corrupt} streams are corrupt in the middle");
}

#[test]
fn a_window_above_16_mib_is_an_error() {
    assert_eq!(decode(Brotli, b"\x11\x1e\x03"), (Vec::new(), Err(Data)));
}

#[test]
fn the_limit_on_decoded_bytes_lets_exactly_so_many_pass() {
    let limits = |max: u64| ContentLimits::default().decoded_bytes_max(max);
    assert_eq!(decode_within(Brotli, HELLO, limits(5)), (b"hello".to_vec(), Ok(())));
    assert_eq!(decode_within(Brotli, HELLO, limits(4)), (b"hell".to_vec(), Err(TooLong)));
}
