//! Measures the decoders against the crates that they are built on.
//!
//! `cargo bench --bench content --features br,deflate,gzip,zstd -- FILE...` decodes each file, by
//! its extension `gz`, `br` or `zst`. Without a file, a text of 10 MB is encoded with the encoders
//! at hand; there is none for `br`. Each number is the best of all runs, in MB of decoded bytes for
//! each second of CPU time, or of wall time where the system does not tell:
//!
//! * `crate`: the crate's own function, from one slice to one slice, with the checksum of `gzip`;
//! * `whole`: our decoder, from one slice to one slice;
//! * `pieces`: our decoder, from inputs of 16 KiB to outputs of 16 KiB.

use std::{fs, hint::black_box, path::Path, sync::OnceLock, time::Instant};

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

fn main() {
    let files: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    println!("{:<24} {:>7} {:>7} {:>7}   MB/s", "", "crate", "whole", "pieces");
    for file in &files {
        let body = fs::read(file).unwrap_or_else(|why| panic!("{file}: {why}"));
        let coding = match Path::new(file).extension().and_then(|end| end.to_str()) {
            Some("gz") => Coding::Gzip,
            Some("br") => Coding::Brotli,
            Some("zst") => Coding::Zstd,
            _ => panic!("{file}: its extension must be gz, br or zst"),
        };
        measure(file, coding, &body);
    }
    if files.is_empty() {
        let text = text(10_000_000);
        measure("text.gz", Coding::Gzip, &gzip(&text));
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        measure("text.zst", Coding::Zstd, &ruzstd::encoding::compress_to_vec(&*text, level));
    }
}

fn measure(name: &str, coding: Coding, body: &[u8]) {
    let mut decoder = Decoder::new(coding, ContentLimits::default());
    let len = ours(&mut decoder, coding, body, PIECE, &mut vec![0; PIECE]);
    let mut output = vec![0; len + PIECE];
    let mut best = [f64::INFINITY; 3];
    for _ in 0..RUNS {
        for (way, best) in best.iter_mut().enumerate() {
            let start = seconds();
            let decoded = match way {
                0 => theirs(coding, body, &mut output),
                1 => ours(&mut decoder, coding, body, body.len(), &mut output),
                _ => ours(&mut decoder, coding, body, PIECE, &mut output[..PIECE]),
            };
            *best = best.min(seconds() - start);
            assert_eq!(decoded, len);
        }
    }
    let name = Path::new(name).file_name().unwrap_or_default().to_string_lossy();
    let [theirs, whole, pieces] = best.map(|seconds| len as f64 / seconds / 1e6);
    println!("{name:<24} {theirs:>7.0} {whole:>7.0} {pieces:>7.0}");
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

fn gzip(data: &[u8]) -> Vec<u8> {
    let deflated = miniz_oxide::deflate::compress_to_vec(data, 6);
    let len = u32::try_from(data.len()).expect("below 4 GiB").to_le_bytes();
    let header = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3];
    [&header, &*deflated, &crc32fast::hash(data).to_le_bytes(), &len].concat()
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
