//! Failures: the exit code of each kind, and what is said about it.

use std::{
    error::Error as _,
    io::{self, Write, stderr},
    process::ExitCode,
};

use httpool::{
    error::{
        Cause, DialError, IoKind, RedirectError, RequestError, TlsKind, Unavailable, Unsent,
        Violation,
    },
    message::{Status, Url},
};
use httpool_blocking::Error;
use serde_json::{Value, json};

use crate::{harmless::harmless, json};

/// Kinds of failure, each with an exit code. [`help::TEXT`](crate::help::TEXT) explains them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// Whoever reads our standard output has had enough: no failure, and nothing is said.
    ReaderGone,
    Other,
    Usage,
    Request,
    Name,
    Connect,
    Tls,
    Timeout,
    Protocol,
    Lost,
    Redirect,
    Repeat,
    Limit,
    Local,
    Replay,
    Status,
    Hangup,
    Interrupted,
    Terminated,
}

impl Kind {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 19] = [
        Self::ReaderGone,
        Self::Other,
        Self::Usage,
        Self::Request,
        Self::Name,
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::Protocol,
        Self::Lost,
        Self::Redirect,
        Self::Repeat,
        Self::Limit,
        Self::Local,
        Self::Replay,
        Self::Status,
        Self::Hangup,
        Self::Interrupted,
        Self::Terminated,
    ];

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::Other => 1,
            Self::Usage => 2,
            Self::Request => 3,
            Self::Name => 4,
            Self::Connect => 5,
            Self::Tls => 6,
            Self::Timeout => 7,
            Self::Protocol => 8,
            Self::Lost => 9,
            Self::Redirect => 10,
            Self::Repeat => 11,
            Self::Limit => 12,
            Self::Local => 13,
            Self::Replay => 14,
            Self::Status => 22,
            // 128 and the signal's number, as shells say it.
            Self::Hangup => 129,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// In two or three words, for a summary.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ReaderGone => "reader gone",
            Self::Other => "other",
            Self::Usage => "usage",
            Self::Request => "invalid request",
            Self::Name => "name not found",
            Self::Connect => "not connected",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol broken",
            Self::Lost => "connection lost",
            Self::Redirect => "redirect",
            Self::Repeat => "not repeatable",
            Self::Limit => "limit",
            Self::Local => "local i/o",
            Self::Replay => "replay",
            Self::Status => "status",
            Self::Hangup => "SIGHUP",
            Self::Interrupted => "SIGINT",
            Self::Terminated => "SIGTERM",
        }
    }

    /// Those of signals.
    #[cfg(unix)]
    pub(crate) const SIGNALS: [Self; 3] = [Self::Hangup, Self::Interrupted, Self::Terminated];

    /// The signal's number, for a kind that is one.
    #[cfg(unix)]
    pub(crate) fn signal(self) -> Option<i32> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        match self {
            Self::Hangup => Some(SIGHUP),
            Self::Interrupted => Some(SIGINT),
            Self::Terminated => Some(SIGTERM),
            _ => None,
        }
    }

    /// The kind of a signal, by its number.
    #[cfg(unix)]
    pub(crate) fn of_signal(number: i32) -> Option<Self> {
        Self::SIGNALS.into_iter().find(|kind| kind.signal() == Some(number))
    }

    /// Of a failed request.
    pub(crate) fn of(error: &Error) -> Self {
        if error.as_request_error().is_some() {
            return Self::Request;
        }
        match error.as_failure().map(|failure| failure.cause) {
            None => Self::Limit,
            Some(cause) => Self::of_cause(cause),
        }
    }

    fn of_cause(cause: Cause) -> Self {
        match cause {
            Cause::Unavailable(Unavailable::Dial(why)) => Self::of_dial(why),
            Cause::Unavailable(Unavailable::LineFull | Unavailable::KeyLineFull)
            | Cause::Violation(Violation::TooLarge(_)) => Self::Limit,
            Cause::Unavailable(Unavailable::RetryBudget)
            | Cause::Status(_)
            | Cause::NotReplayable => Self::Repeat,
            Cause::Timeout(_) => Self::Timeout,
            Cause::BodyUnsent(unsent) => match unsent.why() {
                Unsent::Timeout(_) => Self::Timeout,
                _ => Self::Lost,
            },
            Cause::Violation(_) => Self::Protocol,
            Cause::Lost(_) => Self::Lost,
            Cause::Redirect(_) => Self::Redirect,
            Cause::Body => Self::Local,
            _ => Self::Other,
        }
    }

    const fn of_dial(why: DialError) -> Self {
        match why {
            DialError::Name | DialError::Resolve(_) => Self::Name,
            DialError::Tls(_) => Self::Tls,
            DialError::Timeout(_) => Self::Timeout,
            DialError::ProxyProtocol => Self::Protocol,
            _ => Self::Connect,
        }
    }
}

/// Why the program could not do what it was asked to.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) kind: Kind,
    what: String,
    hint: Option<String>,
    about: Box<About>,
    /// A JSON object on standard output tells of it already.
    in_json: bool,
}

/// The parts of a failure for a program, as far as they are known.
#[derive(Debug, Default)]
struct About {
    /// Without what is told beside it.
    message: Option<String>,
    url: Option<String>,
    phase: Option<String>,
    reached: Option<String>,
    status: Option<u16>,
    body_bytes: Option<u64>,
}

impl Failed {
    pub(crate) fn new(kind: Kind, what: impl Into<String>) -> Self {
        let about = Box::default();
        Self { kind, what: what.into(), hint: None, about, in_json: false }
    }

    /// The answer had this status.
    pub(crate) fn status(mut self, url: &Url, status: Status) -> Self {
        self.about.url = Some(url.to_string());
        self.about.status = Some(status.as_u16());
        self
    }

    /// So much of a body came.
    pub(crate) fn body_bytes(mut self, bytes: Option<u64>) -> Self {
        self.about.body_bytes = bytes;
        self
    }

    /// This failure brought about `other`, which says what was being done.
    pub(crate) fn behind(mut self, other: Self) -> Self {
        let About { url, phase, reached, status, .. } = *other.about;
        let about = &mut self.about;
        (about.url, about.phase, about.reached, about.status) = (url, phase, reached, status);
        self.in_json |= other.in_json;
        self
    }

    /// Standard output tells of it already, or tells of a success.
    pub(crate) fn already_in_json(mut self) -> Self {
        self.in_json = true;
        self
    }

    /// All of it as a JSON object.
    pub(crate) fn to_json(&self) -> Value {
        let About { message, url, phase, reached, status, body_bytes } = &*self.about;
        json!({
            "kind": self.kind.name(),
            "exit_code": self.kind.code(),
            "message": message.as_ref().unwrap_or(&self.what),
            "hint": self.hint,
            "url": url,
            "phase": phase,
            "reached": reached,
            "status": status,
            "body_bytes": body_bytes,
        })
    }

    /// What the user could do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A file, or standard input, could not be read or written.
    pub(crate) fn local(what: impl core::fmt::Display, error: &io::Error) -> Self {
        Self::new(Kind::Local, format!("{what}: {error}"))
    }

    /// Standard output could not be written to.
    pub(crate) fn stdout(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::ReaderGone, String::new()),
            _ => Self::local("standard output", &error),
        }
    }

    /// Reading a response failed: the client's own error is inside.
    pub(crate) fn reading(error: io::Error) -> Self {
        match error.downcast::<Error>() {
            Ok(error) => error.into(),
            Err(error) => Self::new(Kind::Lost, format!("the response could not be read: {error}")),
        }
    }

    /// Says it on standard error, and with `json` as an object on standard output. Is the exit
    /// code.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        if self.kind != Kind::ReaderGone {
            if json && !self.in_json {
                // It is told on standard error in any case.
                json::print(&json!({ "error": self.to_json() })).ok();
            }
            let hint = self.hint.iter().map(|hint| format!("  hint: {hint}\n"));
            let text: String =
                core::iter::once(format!("httpool: {}\n", self.what)).chain(hint).collect();
            // Nobody is left to be told of a standard error that cannot be written to.
            stderr().write_all(harmless(&text).as_bytes()).ok();
        }
        ExitCode::from(self.kind.code())
    }
}

impl From<Error> for Failed {
    /// The first line says what, the second how far the request had got.
    fn from(error: Error) -> Self {
        let kind = Kind::of(&error);
        let mut about = About {
            url: error.url().map(Url::to_string),
            reached: Some(format!("{:?}", error.reached()).to_lowercase()),
            ..About::default()
        };
        let what = match error.as_failure() {
            None => error.to_string(),
            Some(failure) => {
                let url = error.url().map(|url| format!("{url}: ")).unwrap_or_default();
                let system = error
                    .source()
                    .filter(|source| source.is::<io::Error>() && !says_it_all(failure.cause))
                    .map(|source| format!(" ({source})"))
                    .unwrap_or_default();
                about.message = Some(format!("{}{system}", error.what()));
                about.phase = Some(format!("{:?}", failure.phase).to_lowercase());
                format!("{url}{}{system}\n  {}", error.what(), failure.circumstances())
            }
        };
        let mut failed = Self::new(kind, what);
        failed.about = Box::new(about);
        match hint(&error) {
            Some(hint) => failed.hint(hint),
            None => failed,
        }
    }
}

/// Whether the system's own words would only repeat ours.
const fn says_it_all(cause: Cause) -> bool {
    match cause {
        Cause::Lost(why) | Cause::Unavailable(Unavailable::Dial(DialError::Connect(why))) => {
            matches!(why, IoKind::Refused | IoKind::Reset | IoKind::Eof)
        }
        _ => false,
    }
}

fn hint(error: &Error) -> Option<&'static str> {
    if let Some(why) = error.as_request_error() {
        return match why {
            RequestError::Method { .. } => Some("methods are words such as GET or PATCH"),
            _ => None,
        };
    }
    match error.as_failure()?.cause {
        Cause::Unavailable(Unavailable::Dial(why)) => match why {
            DialError::Connect(IoKind::Refused) => {
                Some("is the server running, and is that its port?")
            }
            DialError::Tls(TlsKind::Unavailable) => Some("use http://, where the server allows it"),
            DialError::Timeout(_) => Some("--connect-timeout allows more time"),
            _ => None,
        },
        Cause::Timeout(_) => Some("--timeout and --max-time allow more time"),
        Cause::Redirect(RedirectError::RetryAfter { .. }) => {
            Some("ask again when that time is over")
        }
        Cause::NotReplayable => {
            Some("--data-file with a file can be sent again; standard input cannot")
        }
        _ => None,
    }
}
