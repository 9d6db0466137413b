#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| httpool_properties::dial_script(data));
