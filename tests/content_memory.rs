//! Tests that the decoders need no more memory than their docs say, whatever a body decodes to.
#![cfg(all(feature = "br", feature = "deflate", feature = "gzip", feature = "zstd"))]
#![expect(unsafe_code, reason = "counting memory needs a global allocator")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use httpool::{
    content::{Coding, Decoder},
    limits::ContentLimits,
};

/// Counts the bytes that are allocated, and the most at any time.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all calls are passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(now, Relaxed);
        // SAFETY: the caller guarantees the same conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller guarantees the same conditions.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Decodes a body in pieces of 16 KiB. Returns the number of decoded bytes, the most memory that it
/// needed at any time, and the memory that `reset` keeps.
fn decode(coding: Coding, body: &[u8]) -> (usize, usize, usize) {
    let mut output = vec![0; 16 * 1024];
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    let mut decoder = Decoder::new(coding, ContentLimits::default());
    let mut len = 0;
    for mut input in body.chunks(16 * 1024) {
        loop {
            let progress = decoder.decode(input, &mut output).expect("a valid body");
            len += progress.written;
            input = &input[progress.taken..];
            if !progress.more {
                break;
            }
        }
    }
    assert!(decoder.finish(&mut output).is_ok_and(|progress| !progress.more));
    let most = MOST.load(Relaxed) - before;
    decoder.reset(coding, ContentLimits::default());
    (len, most, NOW.load(Relaxed) - before)
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let deflated = miniz_oxide::deflate::compress_to_vec(data, 9);
    let len = u32::try_from(data.len()).expect("below 4 GiB").to_le_bytes();
    let header = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3];
    [&header, &*deflated, &crc32fast::hash(data).to_le_bytes(), &len].concat()
}

/// A frame with this window descriptor, and blocks of 128 KiB of one byte.
fn zstd(window: u8, blocks: u32) -> Vec<u8> {
    let mut frame = b"\x28\xb5\x2f\xfd\0".to_vec();
    frame.push(window);
    for block in 1..=blocks {
        let header = (128 * 1024) << 3 | 1 << 1 | u32::from(block == blocks);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(b'x');
    }
    frame
}

/// 64 MiB of zeros, with a window of 16 MiB; made with the C library.
const BROTLI: [u8; 52] =
    *b"\xcf\xff\xff\x7f\x00\x24\x00\xe2\xb1\x40\x72\xef\xff\xf9\xff\xff\x0f\x80\
    \x04\x40\x1c\x16\x80\xee\xfd\x3f\xff\xff\xff\x01\x90\x00\x88\xc3\x02\xd0\
    \xbd\xff\xe7\xff\xff\x3f\x00\x12\x00\x71\x58\x00\xba\xf7\xff\x03";

/// One test, because the counts are of the whole process.
#[test]
fn a_decoder_needs_no_more_memory_than_documented_and_keeps_little() {
    let (kib, mib) = (1 << 10, 1 << 20);
    let bodies = [
        ("nothing", Coding::Gzip, vec![], 0, 0),
        ("gzip", Coding::Gzip, gzip(&vec![0; 10 * mib]), 10 * mib, 80 * kib),
        ("br", Coding::Brotli, BROTLI.to_vec(), 64 * mib, 30 * mib),
        ("short br", Coding::Brotli, b"\x0b\x02\x80hello\x03".to_vec(), 5, 20 * kib),
        ("zstd", Coding::Zstd, zstd(0x68, 500), 500 * 128 * kib, 30 * mib),
        ("zstd, 128 KiB", Coding::Zstd, zstd(0x38, 500), 500 * 128 * kib, 2 * mib),
        ("short zstd", Coding::Zstd, zstd(0x68, 1), 128 * kib, 600 * kib),
    ];
    for (name, coding, body, expected, bound) in bodies {
        let (len, most, kept) = decode(coding, &body);
        println!("{name}: {most} bytes at most, {kept} kept");
        assert_eq!(len, expected, "{name}");
        // Beside the decoder there is its list of links.
        assert!(most <= bound + kib, "{name}: {most} bytes, of {bound}");
        assert!(kept <= 2 * mib, "{name}: {kept} bytes are kept");
    }
}
