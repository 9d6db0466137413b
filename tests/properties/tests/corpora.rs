//! Runs every seed of every fuzz target, so that inputs that a fuzzer found are also tested without
//! one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use httpool_properties::TARGETS;

/// Targets whose properties are in crates that this one does not use, so that it can be built
/// without TLS. The tests there run the seeds.
const ELSEWHERE: [(&str, &str); 1] =
    [("tls_server_bytes", "httpool_tls_testing::fuzz::server_bytes")];

fn fuzz_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// Returns the file names in a directory, in order and without their extensions.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap_or_else(|why| panic!("{}: {why}", dir.display()));
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("a readable directory").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_property_is_a_fuzz_target_with_a_corpus() {
    let here = TARGETS.iter().map(|(name, _)| (*name, format!("httpool_properties::{name}")));
    let elsewhere = ELSEWHERE.iter().map(|(name, property)| (*name, (*property).to_owned()));
    let mut targets: Vec<_> = here.chain(elsewhere).collect();
    targets.sort();
    let expected: Vec<_> = targets.iter().map(|(name, _)| *name).collect();
    assert_eq!(names(&fuzz_dir().join("fuzz_targets")), expected);
    assert_eq!(names(&fuzz_dir().join("corpus")), expected);
    let manifest = fs::read_to_string(fuzz_dir().join("Cargo.toml")).expect("a manifest");
    for (name, property) in targets {
        let target = fuzz_dir().join("fuzz_targets").join(name).with_extension("rs");
        let code = fs::read_to_string(target).expect("a fuzz target");
        assert!(code.contains(&format!("{property}(data)")), "{name}");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}

#[test]
fn the_properties_hold_for_every_seed() {
    for (name, property) in TARGETS {
        let dir = fuzz_dir().join("corpus").join(name);
        let seeds = names(&dir);
        assert!(!seeds.is_empty(), "the corpus of {name} is empty");
        for seed in seeds {
            let data = fs::read(dir.join(&seed)).expect("a readable seed");
            // If a test fails, the last line that was printed names the seed.
            println!("{name}/{seed}");
            property(&data);
        }
    }
}
