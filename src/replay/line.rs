//! Parses the parts of a line.

use crate::{
    id::ConnId,
    pool::Ticket,
    time::Instant,
    trace::{Kind, Who},
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
    Some(Line { at: time(at)?, who: machine(who)?, kind, text })
}

fn time(text: &str) -> Option<Instant> {
    let (seconds, nanos) = text.split_once('.')?;
    if nanos.len() != 9 {
        return None;
    }
    let nanos = number::<u64>(seconds)?.checked_mul(1_000_000_000)?.checked_add(number(nanos)?)?;
    Some(Instant::from_nanos(nanos))
}

fn machine(text: &str) -> Option<Who> {
    if text == "pool" {
        return Some(Who::Pool);
    }
    match text.split_at_checked(1)? {
        ("r", call) => number(call).map(Who::Call),
        ("d", dial) => number(dial).map(Who::Dial),
        _ => None,
    }
}

/// Parses `c3.0`.
pub(super) fn conn(text: &str) -> Option<ConnId> {
    bits(text.strip_prefix('c')?).map(ConnId::from_bits)
}

/// Parses `t3.0`.
pub(super) fn ticket(text: &str) -> Option<Ticket> {
    bits(text.strip_prefix('t')?).map(Ticket::from_bits)
}

fn bits(text: &str) -> Option<u64> {
    let (index, generation) = text.split_once('.')?;
    let (index, generation): (u32, u32) = (number(index)?, number(generation)?);
    Some(u64::from(generation) << 32 | u64::from(index))
}

/// Parses a number that consists of digits only.
pub(super) fn number<N: core::str::FromStr>(text: &str) -> Option<N> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

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

    #[test]
    fn names_come_back() {
        let id = ConnId::from_bits(u64::MAX - 5);
        assert_eq!(conn(&id.to_string()), Some(id));
        let id = Ticket::from_bits(7 << 32 | 9);
        assert_eq!(ticket(&id.to_string()), Some(id));
        assert_eq!(ticket("t1"), None);
        assert_eq!(conn("t1.0"), None);
    }
}
