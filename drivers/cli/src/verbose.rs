//! Shows connections, handshakes and heads as they come, for `--verbose`.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use httpool::trace::{Kind, Line, Redaction, Sink, Who};

use crate::{harmless::harmless, status::say};

/// A sink that prints heads with `>` and `<`, and facts about connections with `*`. Secrets are
/// starred, as in a recording.
#[derive(Debug, Default)]
pub(crate) struct Verbose {
    redaction: Redaction,
    /// The lines of each call's responses, as far as they have come, until the head is complete.
    heads: Mutex<BTreeMap<u64, String>>,
}

/// The ends of lines, as a recording has them.
const LF: &str = "\\n";
const CR: &str = "\\r";

impl Verbose {
    /// Returns what is to be printed about a line of the recording.
    fn shown(&self, who: Who, kind: Kind, text: &str) -> Option<String> {
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        match (who, kind, verb) {
            (Who::Dial(_), Kind::Action, "connect") => {
                let (_, address) = rest.split_once(' ')?;
                Some(format!("* connecting to {address}\n"))
            }
            (Who::Dial(_), Kind::Event, "tls-up") => Some(format!("* TLS: {rest}\n")),
            (Who::Call(_), Kind::Event, "leased") if rest == "reused" => {
                Some("* an open connection is used again\n".to_owned())
            }
            (Who::Call(call), Kind::Action, "out") => {
                let (line, _) = rest.split_once(LF)?;
                // Framing of a body is no head.
                let head = line.contains(" HTTP/1.").then(|| quoted(rest, '>'))?;
                self.heads().insert(call, String::new());
                Some(head)
            }
            (Who::Call(call), Kind::Event, "bytes") => {
                let (_, new) = rest.split_once(' ')?;
                self.heads().get_mut(&call)?.push_str(new);
                None
            }
            (Who::Call(call), Kind::Action, "interim" | "head") => {
                let mut heads = self.heads();
                let lines = heads.get_mut(&call)?;
                let head = quoted(lines, '<');
                match verb {
                    "head" => drop(heads.remove(&call)),
                    _ => *lines = behind(lines).to_owned(),
                }
                Some(head)
            }
            _ => None,
        }
    }

    fn heads(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, String>> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the lines of a head, with a mark before each.
fn quoted(text: &str, mark: char) -> String {
    let mut shown = String::new();
    for line in text.split(LF) {
        let line = line.strip_suffix(CR).unwrap_or(line);
        shown.push(mark);
        if line.is_empty() {
            shown.push('\n');
            break;
        }
        shown.push(' ');
        shown.push_str(line);
        shown.push('\n');
    }
    shown
}

/// Returns the text behind the first head in `text`.
fn behind(text: &str) -> &str {
    let ends = ["\\r\\n\\r\\n", "\\n\\n"].into_iter();
    ends.filter_map(|end| text.split_once(end))
        .map(|(_, rest)| rest)
        .max_by_key(|rest| rest.len())
        .unwrap_or_default()
}

impl Sink for Verbose {
    fn line(&self, _: &Line<'_>) {}

    fn recording(&self) -> Option<&Redaction> {
        Some(&self.redaction)
    }

    fn record(&self, line: &Line<'_>) {
        if let Some(text) = self.shown(line.who, line.kind, &line.text.to_string()) {
            // One write for each, so that those of threads stay apart.
            say(&harmless(&text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_quoted_once_they_are_complete() {
        let verbose = Verbose::default();
        let mut all = String::new();
        for (who, kind, text) in [
            (Who::Dial(0), Kind::Action, "connect 0 127.0.0.1:80"),
            (Who::Dial(0), Kind::Event, "tls-up TLSv1.3 X25519 full verified"),
            (Who::Call(0), Kind::Action, "out GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"),
            (Who::Call(0), Kind::Event, "bytes 20 HTTP/1.1 103 E\\r\\n\\r\\nHTTP/1.1"),
            (Who::Call(0), Kind::Action, "interim 103"),
            (Who::Call(0), Kind::Event, "bytes 20  200 OK\\r\\nA: b\\r\\n\\r\\n{3}"),
            (Who::Call(0), Kind::Action, "head 200"),
            (Who::Call(0), Kind::Event, "bytes 5 5\\r\\n"),
            (Who::Call(0), Kind::Event, "leased reused"),
        ] {
            all.extend(verbose.shown(who, kind, text));
        }
        assert_eq!(
            all,
            "* connecting to 127.0.0.1:80\n* TLS: TLSv1.3 X25519 full verified\n\
             > GET / HTTP/1.1\n> Host: a\n>\n< HTTP/1.1 103 E\n<\n\
             < HTTP/1.1 200 OK\n< A: b\n<\n* an open connection is used again\n"
        );
    }
}
