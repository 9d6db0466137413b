//! Helpers of the tests of the decoders.

#[cfg(feature = "br")]
mod brotli;
mod chain;
mod coding;
#[cfg(feature = "deflate")]
mod deflate;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "zstd")]
mod zstd;

use alloc::{string::ToString, vec, vec::Vec};

use super::{Codings, DecodeError, DecodeErrorKind, Decoder};
use crate::limits::ContentLimits;

/// The decoded bytes, and the error that ended them.
type Outcome = (Vec<u8>, Result<(), DecodeError>);

/// Decodes `input` in pieces of `input_max` bytes, into outputs of `output_max` bytes.
fn run(decoder: &mut Decoder, input: &[u8], input_max: usize, output_max: usize) -> Outcome {
    let (mut body, mut output) = (Vec::new(), vec![0; output_max]);
    for mut piece in input.chunks(input_max) {
        loop {
            match decoder.decode(piece, &mut output) {
                Ok(progress) => {
                    body.extend_from_slice(&output[..progress.written]);
                    piece = &piece[progress.taken..];
                    if !progress.more {
                        assert!(piece.is_empty(), "a dry decoder has taken all input");
                        break;
                    }
                }
                Err(error) => {
                    assert_eq!(decoder.decode(piece, &mut output), Err(error), "errors stick");
                    assert_eq!(decoder.finish(&mut output), Err(error), "errors stick");
                    return (body, Err(error));
                }
            }
        }
    }
    loop {
        match decoder.finish(&mut output) {
            Ok(progress) => {
                body.extend_from_slice(&output[..progress.written]);
                if !progress.more {
                    return (body, Ok(()));
                }
            }
            Err(error) => return (body, Err(error)),
        }
    }
}

/// Decodes `input` whole, byte by byte and in other pieces. Each way must give the same.
fn decode_within(
    codings: impl Into<Codings>,
    input: &[u8],
    limits: ContentLimits,
) -> (Vec<u8>, Result<(), DecodeErrorKind>) {
    let codings = codings.into();
    let mut decoder = Decoder::new(codings, limits);
    let (body, whole) = run(&mut decoder, input, input.len().max(1), 1 << 16);
    for (input_max, output_max) in [(1, 1), (1, 1 << 16), (input.len().max(1), 1), (7, 5)] {
        decoder.reset(codings, limits);
        let (other, verdict) = run(&mut decoder, input, input_max, output_max);
        let same = other == body
            && verdict.map_err(|error| error.kind) == whole.map_err(|error| error.kind);
        assert!(
            same,
            "{input_max} in, {output_max} out: {} bytes and {verdict:?}, whole {} and {whole:?}",
            other.len(),
            body.len(),
        );
    }
    (body, whole.map_err(|error| error.kind))
}

fn decode(codings: impl Into<Codings>, input: &[u8]) -> (Vec<u8>, Result<(), DecodeErrorKind>) {
    decode_within(codings, input, ContentLimits::default())
}

/// Where the error shows when `input` is decoded whole.
fn position(codings: impl Into<Codings>, input: &[u8]) -> Option<(DecodeErrorKind, u64)> {
    let mut decoder = Decoder::new(codings, ContentLimits::default());
    let verdict = run(&mut decoder, input, input.len().max(1), 1 << 16).1;
    verdict.err().map(|error| (error.kind, error.at))
}

/// Text that compresses like text: words in an order without a period.
fn text(len: usize) -> Vec<u8> {
    let words = ["the ", "connection ", "of ", "a ", "pool ", "reads ", "its ", "body, ", "and\n"];
    let mut seed = 1_u32;
    let mut text = Vec::new();
    while text.len() < len {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(words[(seed >> 16) as usize % words.len()].as_bytes());
    }
    text.truncate(len);
    text
}

#[cfg(any(feature = "gzip", feature = "deflate"))]
fn raw_deflate(data: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec(data, 6)
}

/// One gzip member without optional header fields.
#[cfg(feature = "gzip")]
fn member(data: &[u8]) -> Vec<u8> {
    member_with(&[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3], data)
}

#[cfg(feature = "gzip")]
fn member_with(header: &[u8], data: &[u8]) -> Vec<u8> {
    let len = u32::try_from(data.len()).expect("test data is short");
    let crc = crc32fast::hash(data);
    [header, &raw_deflate(data), &crc.to_le_bytes(), &len.to_le_bytes()].concat()
}

/// A stream in which a server flushed after each of five events: the encoded bytes of each, and
/// the end.
#[cfg(any(feature = "br", feature = "zstd"))]
fn check_events(codings: impl Into<Codings>, stream: &[u8], lens: [usize; 6]) {
    let mut decoder = Decoder::new(codings, ContentLimits::default());
    let (mut stream, mut output) = (stream, [0; 64]);
    for (n, len) in lens.into_iter().enumerate() {
        let (event, rest) = stream.split_at(len);
        stream = rest;
        let progress = decoder.decode(event, &mut output).expect("a valid stream");
        let expected = if n < 5 { alloc::format!("data: event {n}\n\n") } else { "".into() };
        assert_eq!(
            output[..progress.written].escape_ascii().to_string(),
            expected.escape_default().to_string()
        );
        assert!(!progress.more);
    }
    assert!(decoder.finish(&mut output).is_ok_and(|progress| !progress.more));
    assert!(stream.is_empty());
}
