//! Proves that the core does not link `std`. This static library has its own panic handler and
//! allocator, and calls into the core. If anything links `std`, the build fails: "found duplicate
//! lang item `panic_impl`".

#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

use alloc::{sync::Arc, vec::Vec};
use core::{
    alloc::{GlobalAlloc, Layout},
    panic::PanicInfo,
};

use httpool::{
    call::{Call, Policy, Reused},
    content::{Coding, Decoder},
    dial::{self, Dial},
    h1::Connection,
    limits::{ContentLimits, MessageLimits},
    message::Request,
    pool::Pool,
    replay,
    time::Instant,
};

/// Sends a request through every machine, as far as that is possible without a network.
#[unsafe(no_mangle)]
pub extern "C" fn proof(input: *const u8, len: usize) -> usize {
    // SAFETY: the caller passes a buffer of that length.
    let input = unsafe { core::slice::from_raw_parts(input, len) };
    let now = Instant::from_nanos(0);
    let Ok(request) = Request::get("http://example.com/").build() else { return 0 };
    let mut call = Call::new(request, Arc::new(Policy::default()), 0, now);
    let mut pool = Pool::<()>::new(Default::default(), Default::default());
    let _ = pool.checkout(call.key(), call.want(), now);
    let dial = Dial::new(call.key(), &dial::DialPolicy::default(), now);
    let (mut conn, mut out) = (Connection::new(MessageLimits::default()), Vec::new());
    call.start(&mut conn, Reused::No, now, &mut out);
    call.written(out.len(), now);
    let (taken, _) = call.receive(&mut conn, input, now);
    let replays = core::str::from_utf8(input).is_ok_and(|text| replay::check(text).is_ok());
    let decoded: usize = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd]
        .map(|coding| Decoder::new(coding, ContentLimits::default()).decode(input, &mut [0; 64]))
        .iter()
        .flatten()
        .map(|progress| progress.written)
        .sum();
    taken + decoded + out.len() + usize::from(dial.poll_timeout().is_some()) + usize::from(replays)
}

struct NoMemory;

// SAFETY: it never returns any memory.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
