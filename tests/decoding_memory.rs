//! Counts the memory of decoding in the blocking driver.
#![expect(unsafe_code, reason = "counting memory needs a global allocator")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/mod.rs"]
mod support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    io::Read,
};

use httpool_blocking::Client;
use support::{
    Received, Server,
    coded::{coded, gzip},
    ok,
};

/// Counts the allocations of each thread, and the most bytes that it held.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static NOW: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn note(bytes: isize) {
    NOW.set(NOW.get() + bytes);
    MOST.set(MOST.get().max(NOW.get()));
}

// SAFETY: all calls are passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        note(layout.size() as isize);
        // SAFETY: the caller guarantees the same conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        note(-(layout.size() as isize));
        // SAFETY: the caller guarantees the same conditions.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A server whose bodies are: plain, 1,000 bytes; gzip of 1,000 bytes; gzip twice of 10 MB.
fn server() -> Server {
    let bomb = coded("gzip, gzip", &gzip(&gzip(&vec![0; 10_000_000])));
    Server::replying(move |request: &Received| match request.target() {
        "/plain" => ok([b'a'; 1000]),
        "/gzip" => coded("gzip", &gzip(&[b'a'; 1000])),
        _ => bomb.clone(),
    })
}

#[test]
fn a_warm_get_allocates_nothing_whether_its_body_is_plain_or_gzip() {
    let (server, client) = (server(), Client::new());
    let mut buffer = [0; 100];
    for path in ["/plain", "/gzip"] {
        let request = client.get(&server.url(path)).build().unwrap();
        let mut counts = [0; 4];
        for count in &mut counts {
            let before = COUNT.get();
            let mut answer = client.send(&request).unwrap();
            let mut read = 0;
            while let some @ 1.. = answer.read(&mut buffer).unwrap() {
                read += some;
            }
            drop(answer);
            assert_eq!(read, 1000);
            *count = COUNT.get() - before;
        }
        assert_eq!(counts[2..], [0, 0], "{path}: {counts:?}");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_body_that_decodes_to_a_thousand_times_its_size_is_read_with_bounded_memory() {
    let (server, client) = (server(), Client::new());
    let mut answer = client.get(&server.url("/bomb")).send().unwrap();
    let (mut buffer, mut read) = ([0; 1000], 0);
    let before = NOW.get();
    MOST.set(before);
    while let some @ 1.. = answer.read(&mut buffer).unwrap() {
        read += some;
    }
    assert_eq!(read, 10_000_000);
    // Two decoders of gzip, and what lies between them.
    let most = MOST.get() - before;
    assert!(most < 200 * 1024, "{most} bytes");
}
