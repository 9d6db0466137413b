//! Tests of several codings on one body, of limits and of memory.
#![cfg(all(feature = "gzip", feature = "deflate"))]

use alloc::{format, string::ToString, vec, vec::Vec};

use super::{decode, decode_within, member, text};
use crate::{
    content::{
        Codings,
        DecodeErrorKind::{self, Checksum, Header, Ratio, TooLong, Truncated},
        Decoder,
    },
    limits::ContentLimits,
    message::{Fields, Method, Status},
};

fn chain(list: &str) -> Codings {
    let fields = format!("Content-Encoding: {list}\r\n");
    let fields = Fields::from_validated(fields.as_bytes());
    let codings = Codings::of_response(&Method::GET, Status::OK, fields);
    codings.expect("few codings").expect("codings that are built in")
}

fn zlib(data: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(data, 6)
}

#[test]
fn the_coding_that_is_listed_last_is_removed_first() {
    let text = text(50_000);
    let body = member(&zlib(&text));
    assert_eq!(decode(chain("deflate, gzip"), &body), (text, Ok(())));
    assert_eq!(decode(chain("gzip, deflate"), &body), (b"".to_vec(), Err(DecodeErrorKind::Data)));
}

#[test]
fn five_codings_decode_and_a_cut_in_any_of_them_is_found() {
    let five = chain("gzip, gzip, deflate, gzip, gzip");
    let inner = |data: &[u8]| member(&member(&zlib(data)));
    let body = inner(&member(&member(b"hello")));
    assert_eq!(decode(five, &body), (b"hello".to_vec(), Ok(())));
    assert_eq!(decode(five, b""), (b"".to_vec(), Ok(())));
    for len in 1..body.len() {
        assert_eq!(decode(five, &body[..len]).1, Err(Truncated), "{len}");
    }
    let cut = member(&member(b"hello"));
    let body = inner(&cut[..cut.len() - 1]);
    assert_eq!(decode(five, &body).1, Err(Truncated), "only the body within is cut");
    let empty = member(&member(&zlib(b"")));
    assert_eq!(decode(five, &empty), (b"".to_vec(), Ok(())), "the codings within are empty");
}

#[test]
fn an_error_shows_behind_the_bytes_that_were_decoded_before_it() {
    let text = text(20_000);
    let mut body = member(&member(&text));
    let last = body.len() - 5;
    body[last] ^= 1;
    assert_eq!(decode(chain("gzip, gzip"), &body), (text.clone(), Err(Checksum)));
    let body = member(&[&member(&text)[..], b"garbage"].concat());
    assert_eq!(decode(chain("gzip, gzip"), &body), (text, Err(Header)));
}

#[test]
fn the_limit_on_decoded_bytes_holds_at_each_link() {
    // Empty members: twenty bytes each, which decode to nothing.
    let empty = member(b"").repeat(50_000);
    let bomb = member(&empty);
    assert!(bomb.len() < 10_000);
    let limits = ContentLimits::default().decoded_bytes_max(10_000);
    assert_eq!(decode_within(chain("gzip, gzip"), &bomb, limits), (b"".to_vec(), Err(TooLong)));
}

#[test]
fn one_call_does_bounded_work_also_if_it_writes_nothing() {
    let empty = member(b"").repeat(200_000);
    let bomb = member(&empty);
    let mut decoder = Decoder::new(chain("gzip, gzip"), ContentLimits::default());
    let (mut input, mut output, mut calls) = (&bomb[..], [0; 64], 0);
    loop {
        let progress = decoder.decode(input, &mut output).expect("valid members");
        assert_eq!(progress.written, 0);
        input = &input[progress.taken..];
        calls += 1;
        if !progress.more {
            break;
        }
    }
    assert_eq!(calls, empty.len() / (1 << 20) + 1);
    assert!(decoder.finish(&mut output).is_ok_and(|progress| !progress.more));
}

#[test]
fn ten_megabytes_of_zeros_stream_through_a_small_output() {
    let zeros = vec![0; 10 << 20];
    let (once, twice) = (member(&zeros), member(&member(&zeros)));
    assert!(once.len() < 11_000 && twice.len() < 200, "{} and {}", once.len(), twice.len());
    for (list, body) in [("gzip", once), ("gzip, gzip", twice)] {
        let mut decoder = Decoder::new(chain(list), ContentLimits::default());
        let (body, verdict) = super::run(&mut decoder, &body, 64, 4096);
        assert!(body == zeros && verdict.is_ok(), "{list}: {} bytes, {verdict:?}", body.len());
    }
}

#[test]
fn the_ratio_counts_only_above_one_megabyte_and_only_if_set() {
    let limits = ContentLimits::default().ratio_max(100);
    let short = member(&vec![0; 1 << 20]);
    assert_eq!(decode_within(chain("gzip"), &short, limits).1, Ok(()));
    let long = member(&vec![0; 2 << 20]);
    let mut decoder = Decoder::new(chain("gzip"), limits);
    let (body, verdict) = super::run(&mut decoder, &long, 64, 4096);
    assert_eq!(verdict.map_err(|error| error.kind), Err(Ratio));
    assert!(body.len() <= 1 << 20);
    let text = text(3 << 20);
    let mut decoder = Decoder::new(chain("gzip"), limits);
    let (body, verdict) = super::run(&mut decoder, &member(&text), 1000, 4096);
    assert!(body == text && verdict.is_ok(), "a body that compresses like text passes");
}

#[test]
fn a_decoder_is_reused_for_another_chain_after_an_error() {
    let mut decoder = Decoder::new(chain("gzip, gzip"), ContentLimits::default());
    let mut output = [0; 64];
    assert!(decoder.decode(b"no gzip", &mut output).is_err());
    for (list, body) in [("deflate", zlib(b"a")), ("gzip, deflate", zlib(&member(b"a")))] {
        decoder.reset(chain(list), ContentLimits::default());
        assert_eq!(super::run(&mut decoder, &body, 3, 3), (b"a".to_vec(), Ok(())), "{list}");
    }
}

#[test]
fn an_error_says_what_is_wrong_and_where_and_what_to_do() {
    let mut decoder = Decoder::new(chain("gzip"), ContentLimits::default());
    let error = decoder.decode(b"\x1f\x8b\x09", &mut [0; 9]).expect_err("another method");
    assert_eq!(
        error.to_string(),
        "the body's gzip coding, at byte 2: the header is wrong, so the body does not have this \
         coding: read the body without decoding it"
    );
}
