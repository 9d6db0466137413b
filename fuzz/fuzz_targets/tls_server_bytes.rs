#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| httpool_tls_testing::fuzz::server_bytes(data));
