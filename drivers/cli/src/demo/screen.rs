//! Prints on standard output, in colour if that is a terminal.

use std::{
    io::{self, IsTerminal, Write, stdout},
    sync::Mutex,
};

use super::locked::locked;
use crate::exit::Failed;

/// The style of a piece of text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    Title,
    Dim,
    Good,
    Bad,
    Pool,
    Dial,
}

impl Style {
    /// Returns the Select Graphic Rendition code (ECMA-48 section 8.3.117).
    const fn code(self) -> &'static str {
        match self {
            Self::Title => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Bad => "1;31",
            Self::Pool => "36",
            Self::Dial => "33",
        }
    }
}

/// Standard output, as the demo uses it.
pub(super) struct Screen {
    coloured: bool,
    /// Whether only the trace is printed, and not the story.
    pub(super) raw: bool,
    /// The first write error. Later output is dropped.
    broken: Mutex<Option<io::Error>>,
}

impl Screen {
    /// Uses colour on a terminal, unless `NO_COLOR` is set and not empty (no-color.org).
    pub(super) fn new(raw: bool) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let coloured = stdout().is_terminal() && !unwanted;
        Self { coloured, raw, broken: Mutex::new(None) }
    }

    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        if self.coloured { format!("\x1b[{}m{text}\x1b[0m", style.code()) } else { text.to_owned() }
    }

    /// Prints a line of the story.
    pub(super) fn line(&self, text: &str) {
        if !self.raw {
            self.print(text);
        }
    }

    /// Prints a line.
    pub(super) fn print(&self, text: &str) {
        let mut broken = locked(&self.broken);
        if broken.is_none() {
            *broken = stdout().write_all(format!("{text}\n").as_bytes()).err();
        }
    }

    /// Returns the first write error, if there was one, as a failure of the program.
    pub(super) fn check(&self) -> Result<(), Failed> {
        match locked(&self.broken).take() {
            None => Ok(()),
            Some(error) => Err(Failed::stdout(error)),
        }
    }
}
