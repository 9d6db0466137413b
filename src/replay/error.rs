//! What can be wrong with a recording.

use alloc::{boxed::Box, string::String};
use core::fmt;

/// Why a recording does not replay.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// It is no recording, or not one that this version understands.
    Malformed {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: Malformed,
    },
    /// A machine decided something else than is recorded.
    Differs(Box<Difference>),
}

/// The first difference between what was decided and what is decided now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The line, from 1: that of the action that is different, of the event before which an action is
    /// missing, or the one behind the last.
    pub line: usize,
    /// What is recorded; `None` where the machine decides something that is not.
    pub expected: Option<String>,
    /// What the machine decides now; `None` where that is nothing.
    pub got: Option<String>,
}

/// What is wrong with a line of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// The first line is not that of a recording of this version.
    Version,
    /// It has not the form `TIME WHO < WHAT`.
    Line,
    /// No such event, or its arguments make no sense.
    Event,
    /// A setting that is unknown, or whose value makes no sense.
    Setting,
    /// The request cannot be built.
    Request,
    /// The machine has not begun: what it was made of is missing.
    Beginning,
    /// More input at a time than any driver reads.
    TooLong,
}

impl Malformed {
    pub(super) const fn at(self, line: usize) -> Error {
        Error::Malformed { line, why: self }
    }
}

impl Difference {
    pub(super) const fn new(line: usize, expected: Option<String>, got: Option<String>) -> Self {
        Self { line, expected, got }
    }
}

impl From<Difference> for Error {
    fn from(difference: Difference) -> Self {
        Self::Differs(Box::new(difference))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { line, why } => write!(f, "line {line}: {why}"),
            Self::Differs(difference) => write!(f, "{difference}"),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_nothing =
            |line: &'_ Option<String>| line.clone().unwrap_or_else(|| "nothing".into());
        write!(
            f,
            "line {}: recorded is\n  {}\nbut decided is now\n  {}",
            self.line,
            or_nothing(&self.expected),
            or_nothing(&self.got)
        )
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "this is no recording, or one of another version",
            Self::Line => "a line needs the form: TIME WHO < WHAT, or with > for <",
            Self::Event => "the event is unknown, or its arguments make no sense",
            Self::Setting => "a setting is unknown, or its value makes no sense",
            Self::Request => "the request cannot be built",
            Self::Beginning => "the machine has not begun: what it was made of is missing",
            Self::TooLong => "more input at a time than any driver reads",
        })
    }
}

impl core::error::Error for Error {}
