#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| httpool_properties::download_script(data));
