//! Errors of replaying a recording.

use alloc::{boxed::Box, string::String};
use core::fmt;

/// The reason why a recording does not replay.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The text is not a recording, or not one of this version.
    Malformed {
        /// The number of the line, from 1.
        line: usize,
        /// The problem with the line.
        why: Malformed,
    },
    /// A machine decided something other than the recording says.
    Differs(Box<Difference>),
}

/// The first difference between the recorded actions and those decided now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The number of the line, from 1: that of the differing action, that of the event before which
    /// an action is missing, or the one after the last line.
    pub line: usize,
    /// The recorded action; `None` if the recording has none here.
    pub expected: Option<String>,
    /// The action that the machine decides now; `None` if it decides none.
    pub got: Option<String>,
}

/// The problem with a line of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// The first line is not that of a recording.
    NoRecording,
    /// The recording has another version than [`VERSION`](super::VERSION): this number. Only the
    /// release that made it can replay it.
    Version(u32),
    /// The line does not have the form `TIME WHO < WHAT`.
    Line,
    /// The event is unknown, or its arguments are invalid.
    Event,
    /// The setting is unknown, or its value is invalid.
    Setting,
    /// The request cannot be built.
    Request,
    /// The machine has not begun: the lines with its settings are missing.
    Beginning,
    /// The line presents more input at a time than any driver reads.
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
            Self::NoRecording => "this is no recording: the first line of one is httpool-record 2",
            Self::Version(number) => {
                return write!(
                    f,
                    "this recording has the format {number}, and this release reads only {}: \
                     replay it with the release that made it, or record again",
                    super::VERSION
                );
            }
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
