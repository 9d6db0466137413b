//! Compares the trace of a few scenarios, line by line, with the files beside this one. `UPDATE=1
//! cargo test --test golden` rewrites the files, so that a review shows the difference.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod calls;
mod dials;
mod story;

use std::{env, fs, path::Path};

use story::Story;

/// Compares the trace with the file `name`.
fn golden(name: &str, story: &Story) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.trace"));
    let told = story.told();
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, told).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    for (number, (told, expected)) in told.lines().zip(expected.lines()).enumerate() {
        assert_eq!(told, expected, "line {} of {}", number + 1, path.display());
    }
    let lines = (told.lines().count(), expected.lines().count());
    assert_eq!(lines.0, lines.1, "lines of {}", path.display());
}
