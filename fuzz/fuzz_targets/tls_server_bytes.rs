#![no_main]

use std::{panic, sync::Once};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // A debug build of rustls panics at some bytes, and the session catches that. libFuzzer's hook
    // would end the program before. A panic that is not caught still does.
    static HOOK: Once = Once::new();
    HOOK.call_once(|| panic::set_hook(Box::new(|_| ())));
    httpool_tls_testing::fuzz::server_bytes(data);
});
