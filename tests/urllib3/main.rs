//! Checks the tables in this folder: which test here proves what each of urllib3's own tests
//! expects, or why the row does not apply.
//!
//! Each file of urllib3's tests has one table, a text file. A row is a block of lines:
//!
//! ```text
//! RT05 C TestRetry.test_retry_total_none
//!   Expects: total None: the connect counter alone decides
//!   Test: src/call/tests/urllib3.rs the_lower_of_the_total_and_the_own_counter_counts
//!   Differs: what is otherwise here, and why
//!   Python only: why it means nothing here
//! ```
//!
//! The first line has the number of the row, the letter of its kind and the name of urllib3's test.
//! A line that is longer goes on, indented by four spaces. Behind `Expects` a row has at least one
//! of the other lines, and any of them more than once. The defects that `Differs` names, D1 to D22,
//! are those of urllib3 that this client does not copy.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

mod coming;

/// The rows: the letters before the number, and for each number from 1 its kind. C: the core alone
/// decides. W: the bytes on the wire. X: reading and decoding of bodies. D: needs a driver.
/// T: needs TLS. P: about Python. B: a defect of urllib3.
const ROWS: [(&str, &str); 16] = [
    ("CP", "CCCCCCCCCCCCCCCCCCCCCCCCCCCCTCCCCCC"),
    (
        "CPS",
        "DDDDDDDPWCWWWWWWWDDDDDCDDPCWXWDWWWWXXXXWWXCCCDCWDDWXXXCCCCWWWCCPWWWWWWWWWWCCCCDDWWCCC",
    ),
    ("SL", "WTTTTTTTTTWDDDTDWWWWWWWWWTTTWWWTWWWTWWWPTTTTTTTTTWWWWWWWWWWWWWWWWXXWWWWWWWWW"),
    ("TLS", "TCTTTTTTTTTTTTTPTTTTTTTTTTTTDPDTPPPPPTPPPTTTTTTTTTTPTTTTTTTTTT"),
    ("PXS", "WTTTTTTTPTTDDPTTWWWWWWTTWCCDDDDTTTTTTCCDTTTTTTTTT"),
    ("PX", "CCCCCCCCD"),
    ("RT", "CCCCCCCCCCCCCCCDCCCCCCCCCCCCC"),
    ("TO", "CCCCC"),
    (
        "RS",
        "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXPPPPPPPPPPPXXXXXXXXXXXXXXXXXXXXX\
         PXXXXXPXXXXXXXPXXXXXXXXX",
    ),
    ("CT", "WWWWWWWWWWWWWWWWWWWW"),
    ("CU", "TTTTTTTTTTTTTTTTTPCCCCTTW"),
    ("CN", "PPCCCCCCCCW"),
    ("PM", "CCCCCCCPCCCCCCCCCPPCCCCCCCCCCCTCC"),
    ("PMS", "WWWWWWWWWWWWWCWWCWWWWWCCCWWPWCXWWPWWCCD"),
    ("SK", "CWWWDDDWWWWWDWWWWWWWT"),
    ("D", "BBBBBBBBBBBBBBBBBBBBBB"),
];

#[derive(Debug)]
struct Row {
    id: String,
    kind: String,
    /// Labels and texts, in order.
    lines: Vec<(String, String)>,
}

impl Row {
    fn has(&self, label: &str) -> bool {
        self.lines.iter().any(|(own, _)| own == label)
    }

    fn texts(&self, label: &str) -> impl Iterator<Item = &str> {
        let of_label = move |(own, _): &&(String, String)| own == label;
        self.lines.iter().filter(of_label).map(|(_, text)| text.as_str())
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn tables() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("tests/urllib3")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|ext| ext == "txt")).collect();
    paths.sort();
    paths
}

fn parse(path: &Path) -> Vec<Row> {
    let text = fs::read_to_string(path).unwrap();
    let mut rows: Vec<Row> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let place = format!("{}:{}", path.display(), number + 1);
        assert!(line.chars().count() <= 100, "{place}: more than 100 columns");
        assert_eq!(line, line.trim_end(), "{place}: spaces at the end");
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(more) = line.strip_prefix("    ") {
            let (_, text) = rows.last_mut().unwrap().lines.last_mut().expect(&place);
            text.push_str(&format!(" {more}"));
        } else if let Some(line) = line.strip_prefix("  ") {
            let (label, text) = line.split_once(':').expect(&place);
            rows.last_mut().expect(&place).lines.push((label.into(), text.trim().into()));
        } else {
            let words: Vec<_> = line.split(' ').collect();
            let [id, kind, _] = words[..] else { panic!("{place}: no row: {line}") };
            rows.push(Row { id: id.into(), kind: kind.into(), lines: Vec::new() });
        }
    }
    rows
}

fn all_rows() -> Vec<Row> {
    tables().iter().flat_map(|path| parse(path)).collect()
}

#[test]
fn each_of_urllib3_s_tests_has_one_row() {
    let mut expected = BTreeMap::new();
    for (letters, kinds) in ROWS {
        for (number, kind) in kinds.chars().enumerate() {
            expected.insert(format!("{letters}{:02}", number + 1), kind.to_string());
        }
    }
    let count = |kinds: &str| expected.values().filter(|kind| kinds.contains(*kind)).count();
    assert_eq!((count("CWXD"), count("T"), count("P")), (452, 122, 39));
    for row in all_rows() {
        assert_eq!(expected.remove(&row.id), Some(row.kind), "{}: twice, or unknown", row.id);
    }
    assert!(expected.is_empty(), "no row: {:?}", expected.keys());
}

#[test]
fn each_row_names_a_test_or_a_reason_of_a_known_kind() {
    for row in all_rows() {
        let id = &row.id;
        assert_eq!(row.lines.first().map(|(label, _)| label.as_str()), Some("Expects"), "{id}");
        assert!(row.lines.len() > 1, "{id}: neither a test nor a reason");
        for (label, text) in &row.lines {
            let known = ["Expects", "Test", "Differs", "Python only"].contains(&label.as_str());
            assert!(known && text.len() >= 2, "{id}: {label}: {text}");
        }
        assert_eq!(row.texts("Expects").count(), 1, "{id}");
        assert!(row.kind != "B" || row.has("Test"), "{id}: nothing shows that it is not here");
        // A difference is something that the client does, so a test can show it.
        assert!(!row.has("Differs") || row.has("Test"), "{id}: untested");
        for defect in row.texts("Differs").flat_map(defects) {
            assert!((1..=22).contains(&defect), "{id}: D{defect}");
        }
    }
}

/// The numbers of the defects that a reason names.
fn defects(text: &str) -> Vec<u32> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.filter_map(|word| word.strip_prefix('D')?.parse().ok()).collect()
}

#[test]
fn each_test_that_a_row_names_exists() {
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in all_rows() {
        for reference in row.texts("Test") {
            let (path, name) = reference.split_once(' ').expect(reference);
            let tests = known.entry(path.into()).or_insert_with(|| {
                let source = fs::read_to_string(root().join(path));
                tests_of(&source.unwrap_or_else(|why| panic!("{}: {path}: {why}", row.id)))
            });
            assert!(tests.contains(name), "{}: {path} has no test {name}", row.id);
        }
    }
}

/// The names of the tests in a source file: functions below `#[test]`, dialogues, and functions
/// that `with_each_driver!` makes tests of.
fn tests_of(source: &str) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    let (mut marked, mut listed) = (false, false);
    for line in source.lines().map(str::trim) {
        let name = |rest: &str| {
            let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            rest[..end.unwrap_or(rest.len())].to_owned()
        };
        if let Some(rest) = line.strip_prefix("dialogue! { ") {
            tests.insert(name(rest));
        } else if let Some(rest) = line.strip_prefix("with_each_driver!(") {
            listed = !rest.ends_with(");");
            tests.insert(name(rest));
        } else if listed {
            listed = line != ");";
            tests.insert(name(line));
        } else if line == "#[test]" {
            marked = true;
        } else if let Some(rest) = line.strip_prefix("fn ") {
            if std::mem::take(&mut marked) {
                tests.insert(name(rest));
            }
        } else if !line.starts_with("#[") && !line.starts_with("//") {
            marked = false;
        }
    }
    tests
}

#[test]
fn tests_are_found_in_each_of_their_forms() {
    let source = "#[test]\n#[cfg(unix)]\nfn one() {\n}\nfn helper() {}\n#[test]\n\nfn two() {\n\
                  dialogue! { three: get(); < b\"\" => ; }\nwith_each_driver!(\n  four,\n);\n\
                  fn five() {}\nwith_each_driver!(six);\n";
    let found = tests_of(source);
    let found: Vec<_> = found.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    assert_eq!(found, ["four", "one", "six", "three"]);
}

/// Prints how many rows have which lines: run with `--nocapture`.
#[test]
fn rows_are_counted_by_what_proves_them() {
    let mut counts: BTreeMap<(String, bool), u32> = BTreeMap::new();
    for row in all_rows() {
        let labels: BTreeSet<_> = row.lines[1..].iter().map(|(label, _)| label.as_str()).collect();
        let labels: Vec<_> = labels.into_iter().collect();
        *counts.entry((labels.join(" + "), row.kind == "T")).or_default() += 1;
    }
    for ((labels, tls), count) in &counts {
        println!("{count:4} {} {labels}", if *tls { "TLS  " } else { "other" });
    }
    assert_eq!(counts.values().sum::<u32>(), 452 + 122 + 39 + 22);
}
