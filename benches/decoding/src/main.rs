//! Measures the decoders against the crates that they are built on, and beside other libraries.
//!
//! `cargo run --release --manifest-path benches/decoding/Cargo.toml` encodes a text of 10 MB and
//! decodes it. With the paths of files behind `--` it decodes these, by their extensions `gz`, `br`
//! and `zst`. Each number is the best of all runs, in MB of decoded bytes for each second of CPU
//! time, or of wall time where the system does not tell:
//!
//! * `crate`: the crate's own function, from one slice to one slice, with the checksum of `gzip`;
//! * `whole`: our decoder, from one slice to one slice;
//! * `pieces`: our decoder, from inputs of 16 KiB to outputs of 16 KiB;
//! * `other`: zlib-rs, brotli in C or zstd in C, from one slice to outputs of 16 KiB.
//!
//! The last column is the crate's speed through that of the slower of `whole` and `pieces`. The
//! program fails if it is greater than 1.3.
//!
//! To count instructions, `write FOLDER` writes the encoded texts, and `count FILE WAY TIMES` decodes
//! a file so many times in one way (`crate`, `whole`, `pieces` or `other`): the difference between
//! two numbers of times is what one costs.

use std::{
    env, fs, hint::black_box, io::Write as _, path::Path, process::ExitCode, sync::OnceLock,
    time::Instant,
};

use brotli_decompressor::{
    Allocator, BrotliDecompressStream, BrotliState, SliceWrapper, SliceWrapperMut,
};
use httpool::{
    content::{Coding, Decoder},
    limits::ContentLimits,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

const RUNS: usize = 15;
const PIECE: usize = 16 * 1024;
/// The length of the text.
const LEN: usize = 10_000_000;
const CODINGS: [&str; 3] = ["gz", "br", "zst"];
const WAYS: [&str; 4] = ["crate", "whole", "pieces", "other"];
/// The most that a body may take, as a multiple of the time of the crate's own function.
const RATIO_MAX: f64 = 1.3;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["count", file, way, times] => {
            let way = WAYS.iter().position(|known| *known == way).expect("a known way");
            Body::read(file).count(way, times.parse().expect("a number of times"));
            return ExitCode::SUCCESS;
        }
        ["write", folder] => {
            for name in CODINGS {
                let body = encode(coding(name), &text(LEN));
                fs::write(Path::new(folder).join(format!("text.{name}")), body).expect("a folder");
            }
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    println!(
        "{:<24} {:>7} {:>7} {:>7} {:>7}   MB/s   crate / ours",
        "", WAYS[0], WAYS[1], WAYS[2], WAYS[3]
    );
    let mut worst = 0_f64;
    for file in &words {
        worst = worst.max(Body::read(file).measure(file));
    }
    if words.is_empty() {
        let text = text(LEN);
        for name in CODINGS {
            let coding = coding(name);
            worst = worst.max(Body::new(coding, encode(coding, &text)).measure(name));
        }
    }
    if worst > RATIO_MAX {
        eprintln!("above the bound: {worst:.2} times the time of the crate");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Returns the coding of files with an extension.
fn coding(extension: &str) -> Coding {
    match extension {
        "gz" => Coding::Gzip,
        "br" => Coding::Brotli,
        "zst" => Coding::Zstd,
        other => panic!("{other} must be gz, br or zst"),
    }
}

/// An encoded body.
struct Body {
    coding: Coding,
    bytes: Vec<u8>,
    /// The number of decoded bytes.
    len: usize,
}

impl Body {
    fn new(coding: Coding, bytes: Vec<u8>) -> Self {
        let mut decoder = Decoder::new(coding, ContentLimits::default());
        let len = ours(&mut decoder, coding, &bytes, PIECE, &mut vec![0; PIECE]);
        Self { coding, bytes, len }
    }

    /// Reads a file, whose extension names the coding.
    fn read(file: &str) -> Self {
        let bytes = fs::read(file).unwrap_or_else(|why| panic!("{file}: {why}"));
        let extension = Path::new(file).extension().and_then(|end| end.to_str());
        Self::new(coding(extension.unwrap_or_default()), bytes)
    }

    /// Decodes in one way.
    fn decode(&self, way: usize, decoder: &mut Decoder, output: &mut [u8]) {
        let Self { coding, ref bytes, len } = *self;
        let decoded = match way {
            0 => theirs(coding, bytes, output),
            1 => ours(decoder, coding, bytes, bytes.len(), output),
            2 => ours(decoder, coding, bytes, PIECE, &mut output[..PIECE]),
            _ => other(coding, bytes, &mut output[..PIECE]),
        };
        assert_eq!(decoded, len);
    }

    fn count(&self, way: usize, times: usize) {
        let mut decoder = Decoder::new(self.coding, ContentLimits::default());
        let mut output = vec![0; self.len + PIECE];
        for _ in 0..times {
            self.decode(way, &mut decoder, &mut output);
        }
    }

    /// Prints the speeds. Returns the ratio of our slower way to the crate.
    fn measure(&self, name: &str) -> f64 {
        let mut decoder = Decoder::new(self.coding, ContentLimits::default());
        let mut output = vec![0; self.len + PIECE];
        let mut best = [f64::INFINITY; WAYS.len()];
        for _ in 0..RUNS {
            for (way, best) in best.iter_mut().enumerate() {
                let start = seconds();
                self.decode(way, &mut decoder, &mut output);
                *best = best.min(seconds() - start);
            }
        }
        let name = Path::new(name).file_name().unwrap_or_default().to_string_lossy();
        let ratio = best[1].max(best[2]) / best[0];
        let [theirs, whole, pieces, other] = best.map(|seconds| self.len as f64 / seconds / 1e6);
        println!(
            "{name:<24} {theirs:>7.0} {whole:>7.0} {pieces:>7.0} {other:>7.0}          {ratio:.2}"
        );
        ratio
    }
}

/// Returns the CPU time of this thread, or else the time since the first call.
fn seconds() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let cpu = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = cpu.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanos.map_or_else(
        || START.get_or_init(Instant::now).elapsed().as_secs_f64(),
        |nanos| nanos / 1e9,
    )
}

/// Decodes with our decoder. Returns the number of decoded bytes.
fn ours(
    decoder: &mut Decoder,
    coding: Coding,
    body: &[u8],
    piece: usize,
    output: &mut [u8],
) -> usize {
    decoder.reset(coding, ContentLimits::default());
    let mut len = 0;
    for mut input in body.chunks(piece) {
        loop {
            let progress = decoder.decode(input, output).expect("a valid body");
            len += progress.written;
            input = &input[progress.taken..];
            black_box(&output);
            if !progress.more {
                break;
            }
        }
    }
    assert!(decoder.finish(output).is_ok_and(|progress| !progress.more));
    len
}

/// Decodes with the crate below. Returns the number of decoded bytes.
fn theirs(coding: Coding, body: &[u8], output: &mut [u8]) -> usize {
    match coding {
        Coding::Gzip => {
            let mut state = Box::<DecompressorOxide>::default();
            let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
            let (_, _, len) = decompress(&mut state, &body[gzip_header(body)..], output, 0, flags);
            black_box(crc32fast::hash(&output[..len]));
            len
        }
        Coding::Brotli => {
            let mut state = BrotliState::new_strict(Heap, Heap, Heap);
            let (mut input_left, mut input_at, mut len) = (body.len(), 0, 0);
            let (mut output_left, mut total) = (output.len(), 0);
            BrotliDecompressStream(
                &mut input_left,
                &mut input_at,
                body,
                &mut output_left,
                &mut len,
                output,
                &mut total,
                &mut state,
            );
            len
        }
        Coding::Zstd => {
            let mut decoder = ruzstd::decoding::FrameDecoder::new();
            decoder.decode_all(body, output).expect("a valid body")
        }
        other => panic!("{other} is not measured"),
    }
}

/// The length of a header that has no other optional field than a name.
fn gzip_header(body: &[u8]) -> usize {
    let named = body[3] & 8 != 0;
    let name = body[10..].iter().position(|&byte| named && byte == 0);
    10 + name.map_or(0, |len| len + 1)
}

/// Decodes with another library. Returns the number of decoded bytes.
fn other(coding: Coding, body: &[u8], output: &mut [u8]) -> usize {
    match coding {
        Coding::Gzip => drain(flate2::bufread::GzDecoder::new(body), output),
        Coding::Brotli => drain(brotlic::DecompressorReader::new(body), output),
        Coding::Zstd => {
            let reader = zstd::stream::read::Decoder::with_buffer(body);
            drain(reader.expect("memory for a decoder"), output)
        }
        other => panic!("{other} is not measured"),
    }
}

fn drain(mut reader: impl std::io::Read, output: &mut [u8]) -> usize {
    let mut len = 0;
    loop {
        match reader.read(output).expect("a valid body") {
            0 => return len,
            some => len += some,
        }
        black_box(&output);
    }
}

/// Encodes as servers do while they answer.
fn encode(coding: Coding, data: &[u8]) -> Vec<u8> {
    let written = "a vector takes all";
    match coding {
        Coding::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
            encoder.write_all(data).expect(written);
            encoder.finish().expect(written)
        }
        Coding::Brotli => {
            let quality = brotlic::Quality::new(5).expect("a known quality");
            let encoder = brotlic::BrotliEncoderOptions::new().quality(quality).build();
            let mut encoder =
                brotlic::CompressorWriter::with_encoder(encoder.expect("an encoder"), Vec::new());
            encoder.write_all(data).expect(written);
            encoder.into_inner().expect(written)
        }
        Coding::Zstd => zstd::encode_all(data, 3).expect(written),
        other => panic!("{other} is not measured"),
    }
}

/// Lines of JSON with numbers and words in an order without a period.
fn text(len: usize) -> Vec<u8> {
    let words = ["pool", "connection", "request", "response", "redirect", "deadline", "origin"];
    let (mut state, mut text) = (1_u64, Vec::with_capacity(len + 100));
    let mut next = |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    while text.len() < len {
        let (id, word, other) = (next(100_000), next(7), next(7));
        let line = format!(
            "{{\"id\": {id}, \"kind\": \"{}\", \"text\": \"the {} of the {}\"}},\n",
            words[word as usize],
            words[other as usize],
            words[next(7) as usize]
        );
        text.extend_from_slice(line.as_bytes());
    }
    text.truncate(len);
    text
}

/// The allocator that `brotli-decompressor` is given.
struct Heap;

#[derive(Default)]
struct Memory<T>(Vec<T>);

impl<T> SliceWrapper<T> for Memory<T> {
    fn slice(&self) -> &[T] {
        &self.0
    }
}

impl<T> SliceWrapperMut<T> for Memory<T> {
    fn slice_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: Clone + Default> Allocator<T> for Heap {
    type AllocatedMemory = Memory<T>;

    fn alloc_cell(&mut self, len: usize) -> Memory<T> {
        Memory(vec![T::default(); len])
    }

    fn free_cell(&mut self, _: Memory<T>) {}
}
