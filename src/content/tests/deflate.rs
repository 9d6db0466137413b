//! Tests of `deflate`: zlib streams (RFC 1950) and bare ones (RFC 1951).

use alloc::vec::Vec;

use super::{decode, position, raw_deflate, text};
use crate::content::{
    Coding::Deflate,
    DecodeErrorKind::{Checksum, Data, Dictionary, Header, Trailing, Truncated},
};

fn zlib(data: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(data, 6)
}

#[test]
fn zlib_and_bare_streams_decode() {
    for len in [0, 1, 32_768, 200_000] {
        let text = text(len);
        assert_eq!(decode(Deflate, &zlib(&text)), (text.clone(), Ok(())), "{len}");
        assert_eq!(decode(Deflate, &raw_deflate(&text)), (text, Ok(())), "{len}");
    }
    assert_eq!(decode(Deflate, b""), (b"".to_vec(), Ok(())));
    // With the header of a window of 512 bytes.
    let small_window = b"\x18\xd3\xcb\x48\xcd\xc9\xc9\x07\0\x06\x2c\x02\x15";
    assert_eq!(decode(Deflate, small_window), (b"hello".to_vec(), Ok(())));
}

#[test]
fn a_stream_cut_short_anywhere_is_an_error_at_its_end() {
    for stream in [zlib(b"hello, hello"), raw_deflate(b"hello, hello")] {
        for len in 1..stream.len() {
            let (body, verdict) = decode(Deflate, &stream[..len]);
            assert!(b"hello, hello".starts_with(&body[..]));
            assert_eq!(verdict, Err(Truncated), "{len}");
            assert_eq!(position(Deflate, &stream[..len]), Some((Truncated, len as u64)));
        }
    }
}

#[test]
fn a_wrong_header_checksum_or_end_is_an_error_where_it_shows() {
    let stream = zlib(b"hello");
    let with = |at: usize, byte: u8| {
        let mut wrong = stream.clone();
        wrong[at] = byte;
        position(Deflate, &wrong)
    };
    assert_eq!(with(1, 0x9D), Some((Header, 1)));
    assert_eq!(position(Deflate, b"\x88\x1c"), Some((Header, 1)), "a window of 64 KiB");
    assert_eq!(position(Deflate, b"\x78\xbb"), Some((Dictionary, 1)));
    assert_eq!(with(0, 0x07), Some((Data, 0)), "a bare stream with the reserved type of block");
    let last = stream.len() - 1;
    assert_eq!(with(last, 0), Some((Checksum, last as u64)));
    for stream in [stream, raw_deflate(b"hello")] {
        let longer = [&stream[..], b"\0"].concat();
        assert_eq!(decode(Deflate, &longer), (b"hello".to_vec(), Err(Trailing)));
        assert_eq!(position(Deflate, &longer), Some((Trailing, stream.len() as u64)));
    }
}

#[test]
fn a_distance_before_the_start_of_a_bare_stream_is_an_error() {
    assert_eq!(decode(Deflate, b"\x4b\x84\x43\x00"), (b"a".to_vec(), Err(Data)));
}
