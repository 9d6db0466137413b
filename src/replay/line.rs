//! Parses the parts of a line.

use crate::{
    time::Instant,
    trace::{Kind, Value, Who},
};

/// A line of a recording.
pub(super) struct Line<'t> {
    pub(super) at: Instant,
    pub(super) who: Who,
    pub(super) kind: Kind,
    pub(super) text: &'t str,
}

/// Parses `0.020000000 r12 < written 34`.
pub(super) fn read(line: &str) -> Option<Line<'_>> {
    let mut parts = line.splitn(4, ' ');
    let (at, who, kind, text) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let kind = match kind {
        "<" => Kind::Event,
        ">" => Kind::Action,
        _ => return None,
    };
    Some(Line { at: Instant::read(at)?, who: machine(who)?, kind, text })
}

fn machine(text: &str) -> Option<Who> {
    if text == "pool" {
        return Some(Who::Pool);
    }
    match text.split_at_checked(1)? {
        ("r", call) => u64::read(call).map(Who::Call),
        ("d", dial) => u64::read(dial).map(Who::Dial),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_four_parts() {
        let line = read("18446744073.709551615 d3 > connect 0 [::1]:80").unwrap();
        assert_eq!(line.at, Instant::from_nanos(u64::MAX));
        assert_eq!((line.who, line.kind), (Who::Dial(3), Kind::Action));
        assert_eq!(line.text, "connect 0 [::1]:80");
        for bad in [
            "",
            "0.000000000 pool <",
            "0.000000000 pool = close",
            "0.0 pool < close",
            "0 pool < close",
            "18446744073.709551616 pool < close",
            "-1.000000000 pool < close",
            "0.000000000 c1 < close",
            "0.000000000 r < close",
            "0.000000000 é < close",
            "0.000000000 r+1 < close",
        ] {
            assert!(read(bad).is_none(), "{bad}");
        }
    }
}
