//! Files of options (`--config`), in curl's format.

use std::{
    ffi::OsString,
    io::{Read, stdin},
    path::Path,
};

use crate::exit::{Failed, wrong};

/// Reads a file of options; `-` is standard input. Returns its words, as they would stand on the
/// command line. Each line holds an option, with or without its dashes, and its value behind white
/// space, `=` or `:`. A value in double quotes may hold `\\`, `\"`, `\t`, `\n`, `\r` and `\v`. A
/// line that begins with `#` is a comment.
pub(crate) fn config(path: &Path) -> Result<Vec<OsString>, Failed> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|why| Failed::reading_file(path.display(), &why))?;
    words(&text).map_err(|(line, why)| wrong(format!("{}, line {line}: {why}", path.display())))
}

fn words(text: &str) -> Result<Vec<OsString>, (usize, String)> {
    let mut words = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let ends = |c: char| c.is_whitespace() || (c == '=' || c == ':') && !line.starts_with("-:");
        let (option, rest) = line.split_at(line.find(ends).unwrap_or(line.len()));
        let rest = rest.trim_start();
        let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start();
        let dashes = if option.starts_with('-') { "" } else { "--" };
        let value = match rest.strip_prefix('"') {
            Some(quoted) => Some(
                unquoted(quoted)
                    .ok_or_else(|| (number, "a quotation mark is missing at the end".to_owned()))?,
            ),
            // Behind white space a comment may follow.
            None => rest.split_whitespace().next().map(str::to_owned).filter(|it| it != "#"),
        };
        words.push(format!("{dashes}{option}").into());
        words.extend(value.map(OsString::from));
    }
    Ok(words)
}

fn unquoted(text: &str) -> Option<String> {
    let (mut value, mut chars) = (String::new(), text.chars());
    loop {
        match chars.next()? {
            '"' => return Some(value),
            '\\' => value.push(match chars.next()? {
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                'v' => '\u{b}',
                other => other,
            }),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_words() {
        let text = "# a comment\n\nurl = \"http://a/?q=\\\"x\\\"\"\n-L\nsilent\r\n\
                    \x20 header: \"X: 1\"\n\
                    max-time 5 # seconds\n--data=a=b\n-o out\n";
        let expected = [
            "--url",
            "http://a/?q=\"x\"",
            "-L",
            "--silent",
            "--header",
            "X: 1",
            "--max-time",
            "5",
            "--data",
            "a=b",
            "-o",
            "out",
        ];
        assert_eq!(words(text), Ok(expected.map(OsString::from).to_vec()));
        assert_eq!(words("url \"x").map_err(|(line, _)| line), Err(1));
    }
}
