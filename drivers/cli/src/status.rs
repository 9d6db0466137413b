//! The lines on standard error that are redrawn in place, and the messages above them.

use std::{
    io::{IsTerminal, Write, stderr},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The lines that are shown now. A process has one standard error, so it has one list.
static SHOWN: Mutex<Shown> = Mutex::new(Shown { lines: Vec::new(), drawn: 0, begun: 0 });

struct Shown {
    /// The lines, by their numbers, in the order in which they began.
    lines: Vec<(u64, String)>,
    /// The number of lines on the terminal. The cursor stands on the last one.
    drawn: usize,
    /// The number of lines begun so far.
    begun: u64,
}

/// A line on the terminal that changes until it is dropped. Its last text stays. Several lines
/// stand below each other.
pub(crate) struct Status(u64);

impl Status {
    /// Returns whether there is a terminal to show lines on.
    pub(crate) fn can_be_shown() -> bool {
        stderr().is_terminal()
    }

    /// Adds a line.
    pub(crate) fn new(text: String) -> Self {
        let mut shown = shown();
        let number = shown.begun;
        shown.begun += 1;
        shown.lines.push((number, text));
        write(&shown.redraw(""));
        Self(number)
    }

    /// Changes the text.
    pub(crate) fn set(&self, text: String) {
        let mut shown = shown();
        if let Some(line) = shown.lines.iter_mut().find(|line| line.0 == self.0) {
            line.1 = text;
        }
        write(&shown.redraw(""));
    }
}

/// Moves the line above those that still change.
impl Drop for Status {
    fn drop(&mut self) {
        let mut shown = shown();
        if let Some(at) = shown.lines.iter().position(|line| line.0 == self.0) {
            let (_, text) = shown.lines.remove(at);
            write(&shown.redraw(&format!("{text}\x1b[K\n")));
        }
    }
}

/// Writes a message to standard error, above the lines that change. It ends with a line break.
pub(crate) fn say(message: &str) {
    let mut shown = shown();
    let erase = if shown.lines.is_empty() { "" } else { "\x1b[J" };
    write(&shown.redraw(&format!("{erase}{message}")));
}

/// Leaves the lines as they are, before the program ends without dropping them.
#[cfg(unix)]
pub(crate) fn end() {
    let mut shown = shown();
    if shown.drawn > 0 {
        shown.lines.clear();
        shown.drawn = 0;
        write("\n");
    }
}

impl Shown {
    /// Returns the bytes that write `above` in place of the lines, and the lines below it.
    fn redraw(&mut self, above: &str) -> String {
        let mut out = String::new();
        if self.drawn > 0 || !self.lines.is_empty() {
            out.push('\r');
        }
        if self.drawn > 1 {
            out.push_str(&format!("\x1b[{}A", self.drawn - 1));
        }
        out.push_str(above);
        for (at, (_, text)) in self.lines.iter().enumerate() {
            // CSI K erases the rest of the line.
            out.push_str(if at > 0 { "\n" } else { "" });
            out.push_str(text);
            out.push_str("\x1b[K");
        }
        self.drawn = self.lines.len();
        out
    }
}

fn shown() -> MutexGuard<'static, Shown> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes to standard error. If that fails, the text is lost: a transfer must not fail because its
/// progress cannot be shown.
fn write(text: &str) {
    stderr().write_all(text.as_bytes()).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_below_each_other_and_one_that_ends_moves_up() {
        let line = |number, text: &str| (number, text.to_owned());
        let mut shown = Shown { lines: vec![line(0, "a")], drawn: 0, begun: 0 };
        assert_eq!(shown.redraw(""), "\ra\x1b[K");
        shown.lines.push(line(1, "b"));
        assert_eq!(shown.redraw(""), "\ra\x1b[K\nb\x1b[K");
        assert_eq!(shown.redraw("\x1b[Jnote\n"), "\r\x1b[1A\x1b[Jnote\na\x1b[K\nb\x1b[K");
        shown.lines.remove(0);
        assert_eq!(shown.redraw("a\x1b[K\n"), "\r\x1b[1Aa\x1b[K\nb\x1b[K");
        shown.lines.clear();
        assert_eq!(shown.redraw("b\x1b[K\n"), "\rb\x1b[K\n");
        assert_eq!(shown.redraw("note\n"), "note\n");
    }
}
