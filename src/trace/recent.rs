//! Keeps the last trace lines of one machine.

use alloc::{collections::VecDeque, string::String};
use core::fmt::{self, Write};

use super::Line;

/// The last lines of one machine, in the form for people. A failed call can carry them. The memory
/// for that many lines is reused.
#[derive(Debug, Clone)]
pub struct Recent {
    lines: VecDeque<String>,
    most: usize,
    dropped: u64,
}

impl Recent {
    pub(super) fn new(lines: usize) -> Self {
        Self { lines: VecDeque::new(), most: lines, dropped: 0 }
    }

    /// Iterates over the lines, the oldest first.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// Returns the number of earlier lines that were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(super) fn push(&mut self, line: &Line<'_>) {
        self.write(format_args!("{line}"));
    }

    /// Appends the lines of another machine.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.dropped += other.dropped;
        other.lines().for_each(|line| self.write(format_args!("{line}")));
    }

    fn write(&mut self, line: fmt::Arguments<'_>) {
        let mut text = if self.lines.len() == self.most {
            self.dropped += 1;
            self.lines.pop_front().unwrap_or_default()
        } else {
            String::new()
        };
        text.clear();
        text.write_fmt(line).ok();
        self.lines.push_back(text);
    }
}

/// Writes the number of dropped lines, then the lines, each with a line end.
impl fmt::Display for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dropped > 0 {
            writeln!(f, "({} lines before)", self.dropped)?;
        }
        self.lines().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString, vec::Vec};

    use crate::{
        time::Instant,
        trace::{Kind, Trace, Who, note},
    };

    #[test]
    fn the_last_lines_stay() {
        let mut trace = Trace::keeping(2, Who::Call(7), None);
        for count in 0..5 {
            trace.event(Instant::from_nanos(0), format_args!("written {count}"));
        }
        trace.record(Instant::from_nanos(0), Kind::Event, note(|_, _| panic!("unwanted")));
        let recent = trace.recent().unwrap();
        let lines: Vec<_> = recent.lines().collect();
        assert_eq!(lines, ["0.000000 r7 < written 3", "0.000000 r7 < written 4"]);
        assert_eq!(recent.dropped(), 3);
        assert_eq!(recent.to_string().lines().next(), Some("(3 lines before)"));
        assert!(Trace::keeping(0, Who::Pool, None).recent().is_none());
    }
}
