//! Standard output, with colour where somebody looks.

use std::{
    io::{self, IsTerminal, Write, stdout},
    sync::Mutex,
};

use super::locked;
use crate::exit::Failed;

/// How a piece of text looks.
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
    /// Select Graphic Rendition (ECMA-48 8.3.117).
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

/// Where the demo is shown.
pub(super) struct Screen {
    coloured: bool,
    /// The first failure to write: what comes after is dropped.
    broken: Mutex<Option<io::Error>>,
}

impl Screen {
    /// Coloured on a terminal, unless `NO_COLOR` is set to something (no-color.org).
    pub(super) fn new() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { coloured: stdout().is_terminal() && !unwanted, broken: Mutex::new(None) }
    }

    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        if self.coloured { format!("\x1b[{}m{text}\x1b[0m", style.code()) } else { text.to_owned() }
    }

    pub(super) fn line(&self, text: &str) {
        let mut broken = locked(&self.broken);
        if broken.is_none() {
            *broken = stdout().write_all(format!("{text}\n").as_bytes()).err();
        }
    }

    /// Whether everything could be written so far.
    pub(super) fn check(&self) -> Result<(), Failed> {
        match locked(&self.broken).take() {
            None => Ok(()),
            Some(error) => Err(Failed::stdout(error)),
        }
    }
}
