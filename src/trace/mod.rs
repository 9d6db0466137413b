//! Writes every event and every action as one line of text, for people and for replay.
//!
//! A machine with a [`Trace`] writes a line for each event that it receives and for each action
//! that it decides. The machine does this itself, so all drivers record the same. A line is meant
//! for one of two readers or, as most lines, for both:
//!
//! - **For people** ([`Sink::line`]): logs, golden traces, `httpool --trace`. It shows no secrets.
//!   Received bytes appear as a count, and a request as its method, its target without the values
//!   in the query, and the length of its head.
//! - **For replay** ([`Sink::record`], or a [`Recorder`]): every input of a machine, so that
//!   [`replay`](crate::replay) can feed it to another one and compare their actions. Secrets and
//!   bodies are redacted, unless a [`Redaction`] keeps them.
//!
//! Each machine defines its events in one table, in its file `record`: the verb, the arguments, and
//! the method that takes the event. The lines, their parser and the replay follow from it.
//!
//! A trace that is off costs a branch and no memory.

mod handle;
mod hear;
mod input;
mod name;
mod query;
mod recent;
mod recorder;
mod redact;
mod setting;
mod text;
mod value;

use core::fmt;

use crate::time::Instant;

pub use handle::Trace;
pub use recent::Recent;
pub use recorder::Recorder;
pub use redact::Redaction;

pub(crate) use handle::{Text, note};
pub(crate) use hear::Heard;
pub(crate) use input::{Arg, Described, Held, Pending, Received, Words, inputs};
pub(crate) use name::{Passed, words};
pub(crate) use redact::Hidden;
pub(crate) use setting::{Settings, Shown, read_settings, settings, write_settings};
pub(crate) use text::{Escaped, Unescape, unescape};
pub(crate) use value::{ReadInto, Value, ids, read_word, transparent, write_word};

/// Receives trace lines. It is called while a machine works, perhaps under a driver's lock. It must
/// return quickly and must not call the machine.
///
/// ```
/// # use std::{io::{Read, Write}, net::TcpListener, thread};
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/", listener.local_addr()?);
/// # thread::spawn(move || {
/// #     let (mut tcp, _) = listener.accept().unwrap();
/// #     tcp.read(&mut [0; 4096]).unwrap();
/// #     tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
/// # });
/// use std::sync::{Arc, Mutex};
/// use httpool::trace::{Line, Sink};
/// use httpool_blocking::Client;
///
/// #[derive(Default)]
/// struct Log(Mutex<Vec<String>>);
///
/// impl Sink for Log {
///     fn line(&self, line: &Line<'_>) {
///         self.0.lock().unwrap().push(format!("{} {} {}", line.who, line.kind, line.text));
///     }
/// }
///
/// let log = Arc::new(Log::default());
/// let client = Client::builder().trace(log.clone()).build();
/// client.get(&url).send()?.bytes()?;
///
/// let lines = log.0.lock().unwrap();
/// assert!(lines[0].starts_with(&format!("r0 < request GET {url}")));
/// assert!(lines.contains(&"r0 > head 200".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Sink: Send + Sync {
    /// Receives a line for people, without a line end.
    fn line(&self, line: &Line<'_>);

    /// Returns the redaction of the recording that this sink makes; `None` if it makes none, as by
    /// default. Then no recorded lines are formatted.
    fn recording(&self) -> Option<&Redaction> {
        None
    }

    /// Receives a line of a recording, to be written as [`Line::recorded`]. A [`Recorder`] does
    /// that.
    fn record(&self, line: &Line<'_>) {
        let _ = line;
    }
}

/// One event or action.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Line<'a> {
    /// The driver's time of the event; for an action, the time of the last event.
    pub at: Instant,
    /// The machine that the line is about.
    pub who: Who,
    /// Whether it is an event or an action.
    pub kind: Kind,
    /// The event or action as text.
    pub text: fmt::Arguments<'a>,
}

impl Line<'_> {
    /// Writes the line as in a recording: `0.020000000 r12 < written 34`, with nine decimals of the
    /// second.
    pub fn recorded(&self) -> impl fmt::Display + '_ {
        Recorded(self)
    }
}

struct Recorded<'a>(&'a Line<'a>);

impl fmt::Display for Recorded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { at, who, kind, text } = self.0;
        at.write(&Redaction::DEFAULT, f)?;
        write!(f, " {who} {kind} {text}")
    }
}

/// Writes `0.020000 r12 < written 34`: time, machine, `<` for an event or `>` for an action, and
/// the text.
impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.at, self.who, self.kind, self.text)
    }
}

/// The kind of a line: an input or an output of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a machine has inputs and outputs and nothing else")]
pub enum Kind {
    /// An event: an input of the machine.
    Event,
    /// An action: a decision of the machine.
    Action,
}

/// Writes `<` for an event, `>` for an action.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "<",
            Self::Action => ">",
        })
    }
}

/// The machine that a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Who {
    /// The pool. A client has one.
    Pool,
    /// A call, with the driver's number for it, which is never used again: `r12`. A
    /// [`Client`](crate::client::Client) numbers its calls from 0, in the order in which they were
    /// requested. This is not the [`CallId`](crate::id::CallId), printed as `a3.0`: its slot is
    /// used again when the call has ended, so it cannot name a call in a log.
    Call(u64),
    /// A dial, with the driver's number for it.
    Dial(u64),
}

/// Writes `pool`, `r12`, `d3`. (`c` stands for connections: [`ConnId`](crate::id::ConnId).)
impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool => f.write_str("pool"),
            Self::Call(n) => write!(f, "r{n}"),
            Self::Dial(n) => write!(f, "d{n}"),
        }
    }
}
