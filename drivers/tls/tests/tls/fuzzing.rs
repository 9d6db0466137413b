//! The bodies of the fuzz targets, on pseudo-random scripts and on the seeds.

use std::{fs, path::Path};

use httpool_tls_testing::fuzz::server_bytes;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[test]
fn no_bytes_of_a_server_in_any_cuts_panic() {
    let mut random = Random(7);
    for _ in 0..2_000 {
        let len = random.next() % 200;
        let mut script: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
        // Half of the scripts alter little, so that they get behind the handshake.
        if random.next().is_multiple_of(2) {
            for (at, byte) in script.iter_mut().enumerate() {
                if at % 2 == 1 && *byte % 16 != 0 {
                    *byte = *byte / 16 * 16 + [0, 1, 2, 5][usize::from(*byte) % 4];
                }
            }
        }
        server_bytes(&script);
    }
}

#[test]
fn the_property_holds_for_every_seed() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/tls_server_bytes");
    let mut ran = 0;
    for seed in fs::read_dir(seeds).unwrap() {
        let path = seed.unwrap().path();
        // If the test fails, the last line that was printed names the seed.
        println!("{}", path.display());
        server_bytes(&fs::read(path).unwrap());
        ran += 1;
    }
    assert!(ran > 0, "there are no seeds");
}
