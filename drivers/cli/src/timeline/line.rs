//! Reads the lines of a trace or a recording, each with bounded memory.

use std::io::{self, BufRead, Read};

use httpool::trace::{Kind, Who};

/// The longest line that is read whole. The rest of a longer one is dropped: bodies stand at the
/// end of their lines, and are not shown.
const LINE_MAX: u64 = 64 * 1024;

/// A line of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line<'t> {
    /// The time in nanoseconds since the epoch of the driver.
    pub(super) at: u64,
    pub(super) who: Who,
    pub(super) kind: Kind,
    pub(super) verb: &'t str,
    /// The arguments of the verb.
    pub(super) rest: &'t str,
}

impl<'t> Line<'t> {
    /// Parses a line. `None` if it is none of a trace: a comment, or output between the lines.
    pub(super) fn parse(line: &'t str) -> Option<Self> {
        let (at, line) = line.trim_end_matches(['\r', '\n']).split_once(' ')?;
        let (who, line) = line.split_once(' ')?;
        let (kind, text) = line.split_once(' ')?;
        let kind = match kind {
            "<" => Kind::Event,
            ">" => Kind::Action,
            _ => return None,
        };
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        Some(Self { at: nanos(at)?, who: machine(who)?, kind, verb, rest })
    }
}

/// Parses seconds with up to nine decimals.
fn nanos(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.is_empty() || part.len() > 9 {
        return None;
    }
    let part = part.parse::<u64>().ok()? * 10_u64.pow(9 - part.len() as u32);
    whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(part)
}

fn machine(text: &str) -> Option<Who> {
    if text == "pool" {
        return Some(Who::Pool);
    }
    let number = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits)
    };
    match text.split_at_checked(1)? {
        ("r", call) => number(call).map(Who::Call),
        ("d", dial) => number(dial).map(Who::Dial),
        _ => None,
    }
}

/// Returns the bits of a connection's id: `c3.0`.
pub(super) fn connection(text: &str) -> Option<u64> {
    let (slot, generation) = text.strip_prefix('c')?.split_once('.')?;
    let (slot, generation): (u32, u32) = (slot.parse().ok()?, generation.parse().ok()?);
    Some(u64::from(generation) << 32 | u64::from(slot))
}

/// Calls `each` with every line of the input. Bytes that are not UTF-8 are replaced.
pub(super) fn each_line(mut input: impl BufRead, mut each: impl FnMut(&str)) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut input).take(LINE_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let whole = line.ends_with(b"\n");
        each(&String::from_utf8_lossy(&line));
        if !whole {
            skip_line(&mut input)?;
        }
    }
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let len = end.map_or(buffer.len(), |at| at + 1);
        input.consume(len);
        if end.is_some() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_traces_and_of_recordings_are_read() {
        let line = Line::parse("0.020000 r12 < written 34\n").unwrap();
        let expected = Line {
            at: 20_000_000,
            who: Who::Call(12),
            kind: Kind::Event,
            verb: "written",
            rest: "34",
        };
        assert_eq!(line, expected);
        let line = Line::parse("1.000000001 pool > wake t0.0").unwrap();
        assert_eq!((line.at, line.who, line.kind), (1_000_000_001, Who::Pool, Kind::Action));
        let line = Line::parse("0.0 d4294967296 > wait").unwrap();
        assert_eq!((line.who, line.verb, line.rest), (Who::Dial(1 << 32), "wait", ""));
    }

    #[test]
    fn other_text_is_no_line() {
        for text in [
            "",
            "httpool recording 2",
            "0.02 r12 = written 34",
            "0.02 x12 < written",
            "0.02 r-1 < written",
            "x r1 < written",
            "-1.0 r1 < written",
            "1.0000000001 r1 < written",
            "99999999999999.0 r1 < written",
            "0.02 r1 <",
            "0.02 \u{e9} < a",
        ] {
            assert_eq!(Line::parse(text), None, "{text}");
        }
    }

    #[test]
    fn connections_are_named_by_slot_and_generation() {
        assert_eq!(connection("c3.0"), Some(3));
        assert_eq!(connection("c3.2"), Some(2 << 32 | 3));
        assert_eq!(connection("t3.2"), None);
        assert_eq!(connection("c3"), None);
    }

    #[test]
    fn of_a_long_line_only_the_beginning_is_kept() {
        let long = "x".repeat(LINE_MAX as usize * 3);
        let mut seen = Vec::new();
        let text = format!("first\n{long}\nlast");
        each_line(text.as_bytes(), |line| seen.push(line.trim_end().len())).unwrap();
        assert_eq!(seen, [5, LINE_MAX as usize, 4]);
    }
}
