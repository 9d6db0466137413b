//! Every event and every action as one line of text.
//!
//! A machine that was given a [`Trace`] writes a line for each input it is handed and for each
//! decision it makes. It does so itself, so that all drivers record the same. There are two forms of
//! it:
//!
//! - **for people** ([`Sink::line`]): logs, golden traces, `httpool --trace`. Secrets do not stand in
//!   it: body bytes are a count, and of a request only its method, its target without the values in
//!   the query, and the length of its head are shown.
//! - **for replay** ([`Sink::record`], or a [`Recorder`]): all that a machine was told, so that
//!   [`replay`](crate::replay) can feed it to another and demand the same actions. Secrets and bodies
//!   are redacted, unless a [`Redaction`] says otherwise.
//!
//! Off, a trace costs a branch and no memory.

mod handle;
mod hear;
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

pub(crate) use handle::Note;
pub(crate) use hear::Heard;
pub(crate) use name::{
    Named, parse_dial_error, parse_io_kind, parse_resolve_kind, parse_tls_kind, parse_unavailable,
};
pub(crate) use redact::Hidden;
pub(crate) use setting::{Settings, Shown, read_settings};
pub(crate) use text::{Escaped, Unescape, unescape};
pub(crate) use value::{ReadInto, Value};

/// Where trace lines go. Called while a machine works, perhaps under a driver's lock: be brief, and
/// do not call back into the machine.
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
    /// One line for people, without a line end.
    fn line(&self, line: &Line<'_>);

    /// What a recording leaves out, if this sink makes one. By default it does not, and then nothing
    /// is formatted for it.
    fn recording(&self) -> Option<&Redaction> {
        None
    }

    /// One line of a recording, to be written as [`Line::recorded`]; a [`Recorder`] does that.
    fn record(&self, line: &Line<'_>) {
        let _ = line;
    }
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

impl Line<'_> {
    /// The line as it stands in a recording: `0.020000000 r12 < written 34`, its time to the
    /// nanosecond.
    pub fn recorded(&self) -> impl fmt::Display + '_ {
        Recorded(self)
    }
}

struct Recorded<'a>(&'a Line<'a>);

impl fmt::Display for Recorded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { at, who, kind, text } = self.0;
        let (seconds, nanos) = (at.as_nanos() / 1_000_000_000, at.as_nanos() % 1_000_000_000);
        write!(f, "{seconds}.{nanos:09} {who} {kind} {text}")
    }
}

/// `0.020000 r12 < written 34`: time, machine, `<` for events and `>` for actions, and what.
impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.at, self.who, self.kind, self.text)
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

/// `<` and `>`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "<",
            Self::Action => ">",
        })
    }
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
