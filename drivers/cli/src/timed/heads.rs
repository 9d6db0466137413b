//! Collects the heads of requests and responses from the recorded lines of a call.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use httpool::trace::{Kind, Line, Redaction, Sink, Who};

/// The heads of each attempt that got a connection, in order. Secrets are starred, as in a
/// recording.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    redaction: Redaction,
    exchanges: Mutex<Vec<Exchange>>,
}

/// The heads of one exchange, as their lines without line ends. The response has none if none came.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Exchange {
    pub(super) request: Vec<String>,
    pub(super) response: Vec<String>,
    /// Input of the response whose head is not complete.
    input: String,
    whole: bool,
}

impl Heads {
    /// Collects them with their secrets.
    pub(crate) fn whole() -> Self {
        Self { redaction: Redaction::none(), exchanges: Mutex::default() }
    }

    /// Returns the bytes of the heads of the responses before the last one, and forgets all.
    pub(crate) fn take_earlier(&self) -> Vec<Vec<u8>> {
        let mut all = self.take();
        all.pop();
        let mut heads: Vec<_> = all.into_iter().map(|exchange| exchange.response).collect();
        heads.retain(|lines| !lines.is_empty());
        let line = |line: String| [unescaped(&line), b"\r\n".to_vec()].concat();
        let head = |lines: Vec<String>| -> Vec<u8> {
            lines.into_iter().flat_map(line).chain(*b"\r\n").collect()
        };
        heads.into_iter().map(head).collect()
    }

    fn exchanges(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the exchanges so far, and forgets them.
    pub(super) fn take(&self) -> Vec<Exchange> {
        mem::take(&mut self.exchanges())
    }

    fn read(&self, kind: Kind, text: &str) {
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        let mut exchanges = self.exchanges();
        if (kind, verb) == (Kind::Event, "leased") {
            return exchanges.push(Exchange::default());
        }
        let Some(last) = exchanges.last_mut() else { return };
        match (kind, verb) {
            // A later `out` is the framing of the body.
            (Kind::Action, "out") if last.request.is_empty() => last.request = lines(rest),
            (Kind::Event, "bytes") if !last.whole => {
                last.input.push_str(rest.split_once(' ').map_or("", |(_, new)| new));
            }
            (Kind::Action, "interim") => {
                let (_, rest) = last.input.split_once(END).unwrap_or_default();
                last.input = rest.to_owned();
            }
            (Kind::Action, "head") => {
                last.response = lines(&mem::take(&mut last.input));
                last.whole = true;
            }
            _ => {}
        }
    }
}

impl Sink for Heads {
    fn line(&self, _: &Line<'_>) {}

    fn recording(&self) -> Option<&Redaction> {
        Some(&self.redaction)
    }

    fn record(&self, line: &Line<'_>) {
        if let Who::Call(_) = line.who {
            self.read(line.kind, &line.text.to_string());
        }
    }
}

/// Returns the bytes that a recording writes with escapes.
fn unescaped(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, behind @ ..] = rest {
        let (byte, used) = match (first, behind) {
            (b'\\', [b'x', high, low, ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                (u8::from_str_radix(digits, 16).unwrap_or(b'?'), 4)
            }
            (b'\\', [b't', ..]) => (b'\t', 2),
            (b'\\', [b'r', ..]) => (b'\r', 2),
            (b'\\', [b'n', ..]) => (b'\n', 2),
            (b'\\', [other, ..]) => (*other, 2),
            (byte, _) => (*byte, 1),
        };
        out.push(byte);
        rest = &rest[used..];
    }
    out
}

/// The end of a head in a recording.
const END: &str = "\\r\\n\\r\\n";

/// Returns the lines of the head at the beginning of a recorded text.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.split("\\n") {
        let line = line.strip_suffix("\\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        lines.push(plain(line));
    }
    lines
}

/// Undoes the escapes of a recording. A byte that is not ASCII becomes the character of Latin-1.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        match chars.next() {
            Some('t') => out.push('\t'),
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                out.push(u8::from_str_radix(&digits, 16).map_or('\u{fffd}', char::from));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_exchange_has_the_heads_of_its_request_and_of_its_final_response() {
        let heads = Heads::default();
        for (kind, text) in [
            (Kind::Event, "leased fresh"),
            (Kind::Action, "out GET /a HTTP/1.1\\r\\nA: \\x9f\\t\\\\\\{\\r\\n\\r\\n"),
            (Kind::Action, "out 5\\r\\n{5}\\r\\n"),
            (Kind::Event, "bytes 20 HTTP/1.1 103 E\\r\\nX: y\\r\\n\\r\\nHTTP/1.1"),
            (Kind::Action, "interim 103"),
            (Kind::Event, "bytes 20  302 F\\r\\nB: c\\r\\n\\r\\n{3}"),
            (Kind::Action, "head 302"),
            (Kind::Event, "bytes 5 5\\r\\n"),
            (Kind::Event, "leased reused"),
            (Kind::Action, "out GET /b HTTP/1.1\\r\\n\\r\\n"),
        ] {
            heads.read(kind, text);
        }
        let exchanges = heads.take();
        assert_eq!(exchanges[0].request, ["GET /a HTTP/1.1", "A: \u{9f}\t\\{"]);
        assert_eq!(exchanges[0].response, ["HTTP/1.1 302 F", "B: c"]);
        assert_eq!(exchanges[1].request, ["GET /b HTTP/1.1"]);
        assert_eq!((exchanges.len(), exchanges[1].response.len()), (2, 0));
    }
}
