//! The last lines of one machine.

use alloc::{collections::VecDeque, string::String};
use core::fmt::Write;

use super::Line;

/// The last lines of one machine, as they are for people: what a failed call can carry. Its memory
/// is that of so many lines, and is used again.
#[derive(Debug, Clone)]
pub struct Recent {
    lines: VecDeque<String>,
    most: usize,
    dropped: u64,
}

impl Recent {
    pub(super) fn new(lines: usize) -> Self {
        Self { lines: VecDeque::new(), most: lines.max(1), dropped: 0 }
    }

    /// The lines, the oldest first.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// How many there were before those.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(super) fn push(&mut self, line: &Line<'_>) {
        let mut text = if self.lines.len() == self.most {
            self.dropped += 1;
            self.lines.pop_front().unwrap_or_default()
        } else {
            String::new()
        };
        text.clear();
        write!(text, "{line}").ok();
        self.lines.push_back(text);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use core::fmt;

    use crate::{
        time::Instant,
        trace::{Kind, Trace, Who},
    };

    #[test]
    fn the_last_lines_stay() {
        let mut trace = Trace::keeping(2, Who::Call(7), None);
        for count in 0..5 {
            trace.event(Instant::from_nanos(0), format_args!("written {count}"));
        }
        trace.record(Instant::from_nanos(0), Kind::Event, &|_: &_, _: &mut fmt::Formatter<'_>| {
            panic!("unwanted")
        });
        let recent = trace.recent().unwrap();
        let lines: Vec<_> = recent.lines().collect();
        assert_eq!(lines, ["0.000000 r7 < written 3", "0.000000 r7 < written 4"]);
        assert_eq!(recent.dropped(), 3);
        assert!(Trace::OFF.recent().is_none());
    }
}
