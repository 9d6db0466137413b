//! Every event and every action as one line of text.
//!
//! A machine that was given a [`Trace`] writes a line for each input it is handed and for each
//! decision it makes. It does so itself, so that all drivers record the same. Logs, golden traces
//! and recordings are all made of these lines. Secrets do not stand in them: body bytes are a count,
//! and of a request only its method, its target and the length of its head are shown.
//!
//! Off, a trace costs a branch and no memory.

use alloc::sync::Arc;
use core::fmt;

use crate::time::Instant;

/// Where trace lines go. Called while a machine works, perhaps under a driver's lock: be brief, and
/// do not call back into the machine.
pub trait Sink: Send + Sync {
    /// One line, without a line end.
    fn line(&self, line: &Line<'_>);
}

/// One event or action.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Line<'a> {
    /// When, by the driver's clock: for an action, the time of the last event.
    pub at: Instant,
    /// Which machine.
    pub who: Who,
    /// Whether the machine was told it or decided it.
    pub kind: Kind,
    /// The event or action in words.
    pub text: fmt::Arguments<'a>,
}

/// `0.020000 c12 < written 34`: time, machine, `<` for events and `>` for actions, and what.
impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = match self.kind {
            Kind::Event => '<',
            Kind::Action => '>',
        };
        write!(f, "{} {} {arrow} {}", self.at, self.who, self.text)
    }
}

/// Whether a line was told to the machine or decided by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a machine has inputs and outputs and nothing else")]
pub enum Kind {
    /// An input.
    Event,
    /// A decision.
    Action,
}

/// Which machine a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Who {
    /// The pool; a client has one.
    Pool,
    /// A call, by the driver's number.
    Call(u64),
    /// A dial, by the driver's number.
    Dial(u64),
}

/// `pool`, `r12`, `d3` (`c` is for connections: [`ConnId`](crate::id::ConnId)).
impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool => f.write_str("pool"),
            Self::Call(n) => write!(f, "r{n}"),
            Self::Dial(n) => write!(f, "d{n}"),
        }
    }
}

/// A machine's connection to a [`Sink`], or to none.
#[derive(Clone)]
pub struct Trace {
    sink: Option<Arc<dyn Sink>>,
    who: Who,
}

impl Trace {
    /// No trace.
    pub const OFF: Self = Self { sink: None, who: Who::Pool };

    /// A trace of the machine `who` to `sink`.
    pub fn new(sink: Arc<dyn Sink>, who: Who) -> Self {
        Self { sink: Some(sink), who }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.sink.is_some()
    }

    pub(crate) fn event(&self, at: Instant, text: fmt::Arguments<'_>) {
        if let Some(sink) = &self.sink {
            sink.line(&Line { at, who: self.who, kind: Kind::Event, text });
        }
    }

    pub(crate) fn action(&self, at: Instant, text: fmt::Arguments<'_>) {
        if let Some(sink) = &self.sink {
            sink.line(&Line { at, who: self.who, kind: Kind::Action, text });
        }
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::OFF
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trace({}, {})", self.who, if self.sink.is_some() { "on" } else { "off" })
    }
}
