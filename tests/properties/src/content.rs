//! Checks that how a body is cut into reads changes nothing of what it decodes to.

use core::fmt::Write;

use httpool::{
    content::{Codings, DecodeErrorKind, Decoder},
    h1::Event,
    limits::{ContentLimits, MessageLimits},
    message::Request,
};
use quickcheck::{Arbitrary, Gen};

use super::{
    reader::Reader,
    source::{Source, random_bytes, shorter},
};

/// Most bytes that a body may decode to here: a short one can decode to much.
const DECODED_MAX: u64 = 1 << 18;

/// Decodes a body with up to five codings, whole and in any pieces. All ways must give the same
/// bytes and the same verdict; and the bytes that were encoded, unless they were changed since.
pub fn content(data: &[u8]) {
    Encoded::decode(&mut Source::new(data)).hold();
}

/// A body, its codings, what is changed in its encoded bytes, and how these are cut.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// Indexes into [`NAMES`], in the order of Content-Encoding.
    codings: Vec<usize>,
    /// Whether `body` is decoded as it is, and not encoded first.
    raw: bool,
    changes: Vec<Change>,
    /// Sizes of inputs and outputs, less one, in turns.
    cuts: Vec<u8>,
    body: Vec<u8>,
}

const NAMES: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

/// A change of one byte of the encoded body.
#[derive(Debug, Clone, Copy)]
enum Change {
    Flip(u16, u8),
    Cut(u16),
    Insert(u16, u8),
}

/// The result of decoding a body.
#[derive(PartialEq)]
struct Outcome {
    body: Vec<u8>,
    error: Option<(DecodeErrorKind, u64)>,
}

impl Encoded {
    /// Decodes flags, the codings, up to three changes, cuts, and then the body. Each byte of the
    /// body is repeated, if so flagged, so that it compresses.
    pub fn decode(source: &mut Source<'_>) -> Self {
        let flags = source.byte();
        let count = [1, 1, 1, 1, 2, 2, 3, 5][usize::from(flags & 7)];
        let raw = flags & 8 != 0;
        let codings = (0..count).map(|_| source.below(NAMES.len())).collect();
        let changes = (0..flags >> 4 & 3).map(|_| {
            let (kind, at) = (source.below(3), source.number());
            [Change::Flip(at, source.byte() | 1), Change::Cut(at), Change::Insert(at, 0)][kind]
        });
        let changes = changes.collect();
        let cuts = source.bytes().to_vec();
        let repeat = if flags & 64 == 0 || raw { 1 } else { 50 };
        let body = source.rest().repeat(repeat);
        Self { codings, raw, changes, cuts, body }
    }

    /// Panics if the property does not hold.
    pub fn hold(&self) {
        let input = self.encode();
        let codings = self.codings();
        let mut decoder = Decoder::new(codings, limits());
        let whole = run(&mut decoder, &input, &mut |_| usize::MAX);
        if !self.raw && self.changes.is_empty() && self.body.len() as u64 <= DECODED_MAX {
            assert_eq!(whole.error, None, "{codings} is valid");
            assert!(whole.body == self.body, "{codings} decodes to what was encoded");
        }
        let mut turn = 0;
        let mut cut = |max: usize| {
            turn += 1;
            let cut = self.cuts.get(turn % self.cuts.len().max(1)).copied().unwrap_or(9);
            (usize::from(cut) + 1).min(max)
        };
        self.compare(&whole, &reused(&mut decoder, codings, &input, &mut cut));
        if whole.body.len() < 2_000 && input.len() < 2_000 {
            self.compare(&whole, &reused(&mut decoder, codings, &input, &mut |_| 1));
        }
    }

    /// Compares two ways to decode the body.
    fn compare(&self, whole: &Outcome, pieces: &Outcome) {
        let codings = self.codings();
        let kind = |outcome: &Outcome| outcome.error.map(|(kind, _)| kind);
        let with_brotli = self.codings.contains(&2);
        if with_brotli && whole.error.is_some() {
            // The bytes before an error of `br` may be more or fewer, and so are those that another
            // coding behind it gets.
            assert!(pieces.error.is_some(), "{codings}: {:?} in pieces only", whole.error);
            let same = whole.body.len().min(pieces.body.len());
            assert!(whole.body[..same] == pieces.body[..same], "{codings} decodes to other bytes");
            return;
        }
        assert_eq!(kind(whole), kind(pieces), "{codings}: the verdict depends on the reads");
        assert!(whole.body == pieces.body, "{codings}: the bytes depend on the reads");
        // A limit shows where the reads have come to.
        if kind(whole) != Some(DecodeErrorKind::TooLong) {
            assert_eq!(whole.error, pieces.error, "{codings}: the position depends on the reads");
        }
    }

    /// Returns the codings as the client reads them from a response.
    fn codings(&self) -> Codings {
        let mut head = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n".to_owned();
        for &coding in &self.codings {
            write!(head, "Content-Encoding: {}\r\n", NAMES[coding]).expect("a string grows");
        }
        head.push_str("\r\n");
        let request = Request::get("http://a/").build().expect("nothing is wrong with it");
        let mut reader = Reader::new(MessageLimits::default());
        reader.send(&request);
        let received = reader.conn.receive(head.as_bytes());
        let Ok((_, Event::Head(head))) = received else { panic!("no head: {received:?}") };
        Codings::of_response(request.method(), head.status(), head.headers())
            .expect("at most five")
            .expect("all are built in")
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.body.clone();
        for &coding in self.codings.iter().filter(|_| !self.raw) {
            bytes = [gzip, deflate, brotli, zstd][coding](&bytes);
        }
        for &change in &self.changes {
            let len = bytes.len().max(1);
            match change {
                Change::Flip(at, bits) => {
                    if let Some(byte) = bytes.get_mut(usize::from(at) % len) {
                        *byte ^= bits;
                    }
                }
                Change::Cut(at) => bytes.truncate(usize::from(at) % len),
                Change::Insert(at, byte) => bytes.insert(usize::from(at) % len, byte),
            }
        }
        bytes
    }
}

fn limits() -> ContentLimits {
    ContentLimits::default().decoded_bytes_max(DECODED_MAX)
}

/// Decodes the body with a decoder that was used before.
fn reused(
    decoder: &mut Decoder,
    codings: Codings,
    input: &[u8],
    cut: &mut dyn FnMut(usize) -> usize,
) -> Outcome {
    decoder.reset(codings, limits());
    run(decoder, input, cut)
}

/// Decodes a body. `cut` returns the sizes of inputs and outputs, given their bound.
fn run(decoder: &mut Decoder, input: &[u8], cut: &mut dyn FnMut(usize) -> usize) -> Outcome {
    let (mut rest, mut body, mut output) = (input, Vec::new(), vec![0; 1 << 16]);
    loop {
        let (mut piece, after) = rest.split_at(cut(rest.len()).min(rest.len()));
        rest = after;
        let over = piece.is_empty();
        loop {
            let room = cut(output.len()).min(output.len());
            let output = &mut output[..room];
            let progress =
                if over { decoder.finish(output) } else { decoder.decode(piece, output) };
            let progress = match progress {
                Ok(progress) => progress,
                Err(error) => {
                    assert_eq!(decoder.decode(piece, output), Err(error), "errors stick");
                    return Outcome { body, error: Some((error.kind, error.at)) };
                }
            };
            assert!(progress.taken <= piece.len() && progress.written <= output.len());
            body.extend_from_slice(&output[..progress.written]);
            piece = &piece[progress.taken..];
            if !progress.more {
                assert!(piece.is_empty(), "a decoder that has no more has taken all");
                break;
            }
        }
        if over {
            return Outcome { body, error: None };
        }
    }
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let header = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3];
    let len = u32::try_from(data.len()).expect("it is short");
    let deflated = miniz_oxide::deflate::compress_to_vec(data, 6);
    let crc = crc32fast::hash(data);
    [&header, &*deflated, &crc.to_le_bytes(), &len.to_le_bytes()].concat()
}

fn deflate(data: &[u8]) -> Vec<u8> {
    if data.len().is_multiple_of(2) {
        miniz_oxide::deflate::compress_to_vec_zlib(data, 6)
    } else {
        miniz_oxide::deflate::compress_to_vec(data, 6)
    }
}

/// Encodes in metablocks that are not compressed: compressed ones are in the corpus.
fn brotli(data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    // The first bit says that the window has 64 KiB. Before each metablock there are its flags, its
    // length less one in 16 bits, and zeros up to the next byte.
    let mut first = 1;
    for piece in data.chunks(1 << 16) {
        let len = u32::try_from(piece.len() - 1).expect("16 bits");
        let header = (len << 3 | 1 << 19) << first;
        bytes.extend_from_slice(&header.to_le_bytes()[..3]);
        bytes.extend_from_slice(piece);
        first = 0;
    }
    bytes.push(3 << first);
    bytes
}

fn zstd(data: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
}

impl Arbitrary for Encoded {
    fn arbitrary(g: &mut Gen) -> Self {
        let bytes = random_bytes(g);
        Self::decode(&mut Source::new(&bytes))
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        shorter(self, |script| &mut script.body)
    }
}
