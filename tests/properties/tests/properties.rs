//! Checks the properties with random scripts.

use httpool_properties::{
    CallScript, Chunks, ClientScript, DialScript, DownloadScript, Encoded, PoolScript, Received,
    StaleScript, TARGETS, WorldScript,
};
use quickcheck::{Gen, QuickCheck, Testable};

fn hold(tests: u64, size: usize, property: impl Testable) {
    QuickCheck::new().rng(Gen::new(size)).tests(tests).max_tests(tests).quickcheck(property);
}

#[test]
fn the_pool_decides_as_its_model_does() {
    hold(3_000, 200, (|script: PoolScript| script.hold()) as fn(PoolScript));
}

#[test]
fn a_call_keeps_its_promises() {
    hold(20_000, 100, (|script: CallScript| script.hold()) as fn(CallScript));
}

#[test]
fn a_dial_keeps_its_promises() {
    hold(10_000, 100, (|script: DialScript| script.hold()) as fn(DialScript));
}

#[test]
fn a_downloaded_file_is_exact_or_the_download_fails() {
    hold(5_000, 100, (|script: DownloadScript| script.hold()) as fn(DownloadScript));
}

#[test]
fn a_client_keeps_its_promises() {
    hold(5_000, 150, (|script: ClientScript| script.hold()) as fn(ClientScript));
}

#[test]
fn a_client_does_what_its_parts_do() {
    hold(4_000, 150, (|script: ClientScript| script.hold_to_parts()) as fn(ClientScript));
}

#[test]
fn a_stale_name_names_nothing() {
    hold(3_000, 200, (|script: StaleScript| script.hold()) as fn(StaleScript));
    hold(3_000, 150, (|script: ClientScript| script.hold_to_twin()) as fn(ClientScript));
}

#[test]
fn any_bytes_mean_the_same_however_they_are_cut() {
    hold(20_000, 100, (|script: Received| script.hold()) as fn(Received));
}

#[test]
fn what_is_sent_chunked_is_received_whole() {
    hold(1_000, 100, (|script: Chunks| script.hold()) as fn(Chunks));
}

#[test]
fn any_body_decodes_to_the_same_however_it_is_cut() {
    hold(1_000, 100, (|script: Encoded| script.hold()) as fn(Encoded));
}

#[test]
fn the_oracle_of_a_changed_world_finds_nothing_wrong() {
    hold(1_000, 20, (|script: WorldScript| script.hold()) as fn(WorldScript));
}

#[test]
fn noise_does_no_harm() {
    fn harmless(noise: Vec<u8>) {
        for (_, property) in TARGETS {
            property(&noise);
        }
    }
    hold(2_000, 100, harmless as fn(Vec<u8>));
}
