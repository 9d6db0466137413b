//! The comparison with curl's options.

use super::{ALL, Curl, lacking::LACKING};

/// Returns what to use in place of an option of curl that is not here, given with its dashes.
/// `None`: it is none of curl's.
pub(crate) fn instead(option: &str) -> Option<&'static str> {
    let name = option.trim_start_matches('-');
    let mut letter = [0; 4];
    let lacks = LACKING.iter().find(|lacking| match option.starts_with("--") {
        true => lacking.name == name || name.strip_prefix("no-") == Some(lacking.name),
        false => lacking.letter != '\0' && name == lacking.letter.encode_utf8(&mut letter),
    });
    lacks.map(|lacking| lacking.instead)
}

/// Returns the table of `CURL.md`: each option of curl, and of ours.
pub(crate) fn comparison() -> String {
    let shown = |letter: char, name: &str| match letter {
        '\0' => format!("`--{name}`"),
        letter => format!("`-{letter}`, `--{name}`"),
    };
    let mut rows: Vec<(&str, String)> = Vec::new();
    for spec in ALL {
        let relation = match spec.curl {
            Curl::Same => "the same".to_owned(),
            Curl::Differs(how) => format!("the same, but: {how}"),
            Curl::Ours => "curl has none of this name".to_owned(),
        };
        rows.push((spec.name, format!("| {} | {relation} |\n", shown(spec.letter, spec.name))));
    }
    for lacking in LACKING {
        let row = format!(
            "| {} | not here: {} |\n",
            shown(lacking.letter, lacking.name),
            lacking.instead
        );
        rows.push((lacking.name, row));
    }
    rows.sort();
    let rows: String = rows.into_iter().map(|(_, row)| row).collect();
    format!("{HEAD}{rows}")
}

const HEAD: &str = "\
# The options of curl, and those of httpool

The program is made for HTTP/1.1. Where curl has an option for a thing that httpool does, httpool
has the same option with the same letter, and `httpool URL` is a GET, as `curl URL` is. Options without
a value are switched off by `--no-OPTION`. The exit codes are curl's where curl has one for the same
thing: `httpool help exit`.

What differs throughout:

- A file of `-o` appears when the body is whole. An incomplete file is removed, except with `-C`.
- A truncated body, a wrong length and other violations of HTTP are failures, also where curl bears
  them.
- Long options are not abbreviated.
- No file of options is read by default.
- `Expect: 100-continue` is sent on request only.

The program's tests compare this table with its options, and with those of an installed curl.

| option | here |
|---|---|
";

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_table_in_the_docs_is_that_of_the_options() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/CURL.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, comparison()).unwrap();
        }
        let text = std::fs::read_to_string(path).unwrap_or_default();
        assert!(text == comparison(), "UPDATE=1 writes CURL.md");
    }

    #[test]
    fn an_option_of_curl_that_is_not_here_is_told_by_letter_and_name() {
        for option in ["-c", "-t", "-P", "--trace", "--http2", "--no-ntlm"] {
            assert!(instead(option).is_some(), "{option}");
        }
        for option in ["-d", "--data", "--nonsense", "-netrc", "-n"] {
            assert!(instead(option).is_none(), "{option}");
        }
    }

    #[test]
    fn every_option_of_the_installed_curl_is_known() {
        let Ok(output) = Command::new("curl").args(["--help", "all"]).output() else {
            return eprintln!("SKIPPED: curl is not installed");
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut theirs = Vec::new();
        for line in text.lines() {
            let Some((before, after)) = line.split_once("--") else { continue };
            let name = after.split([' ', ',']).next().unwrap_or_default();
            let letter = before.trim().trim_start_matches('-').chars().next();
            theirs.push((name.to_owned(), letter));
            let ours = ALL.iter().map(|it| (it.letter, it.name, it.curl != Curl::Ours));
            let lacks = LACKING.iter().map(|it| (it.letter, it.name, true));
            let found = ours.chain(lacks).find(|(_, known, _)| *known == name);
            let (known, _, theirs) = found.unwrap_or_else(|| panic!("--{name} is not known"));
            assert!(theirs, "--{name} is said to be ours alone");
            let known = (known != '\0').then_some(known);
            assert!(letter.is_none_or(|it| it == ',') || known == letter, "--{name}: {known:?}");
        }
        assert!(theirs.len() > 200, "{text}");
        for spec in ALL.iter().filter(|spec| spec.curl == Curl::Ours) {
            assert!(!theirs.iter().any(|(name, _)| name == spec.name), "{}", spec.name);
        }
    }
}
