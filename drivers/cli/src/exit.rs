//! The failures of the program: their exit codes, and the messages about them.

use std::{
    error::{self, Error as _},
    io::{self, Write, stderr},
    process::ExitCode,
};

use httpool::{
    error::{
        BodyUnusable, Cause, DialError, IoKind, RedirectError, RequestError, TlsKind, Unavailable,
        Unsent, Violation,
    },
    message::{Status, Url},
};
use httpool_blocking::{Error, LayerError};
use serde_json::{Value, json};

use crate::{harmless::harmless, print::print_json};

/// A kind of failure. Each has an exit code, which [`help::TEXT`](crate::help::TEXT) explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// The reader of standard output has closed it. This is no failure, and prints no message.
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
    Decode,
    Status,
    Hangup,
    Interrupted,
    Terminated,
}

impl Kind {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 20] = [
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
        Self::Decode,
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
            Self::Decode => 15,
            Self::Status => 22,
            // 128 plus the signal's number, as shells report it.
            Self::Hangup => 129,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// Returns the kind in two or three words, for a summary.
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
            Self::Decode => "not decodable",
            Self::Status => "status",
            Self::Hangup => "SIGHUP",
            Self::Interrupted => "SIGINT",
            Self::Terminated => "SIGTERM",
        }
    }

    /// The kinds that stand for signals.
    #[cfg(unix)]
    pub(crate) const SIGNALS: [Self; 3] = [Self::Hangup, Self::Interrupted, Self::Terminated];

    /// Returns the number of the signal that the kind stands for.
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

    /// Returns the kind of a signal, by the signal's number.
    #[cfg(unix)]
    pub(crate) fn of_signal(number: i32) -> Option<Self> {
        Self::SIGNALS.into_iter().find(|kind| kind.signal() == Some(number))
    }

    /// Returns the kind of a failed request.
    pub(crate) fn of(error: &Error) -> Self {
        if error.as_request_error().is_some() {
            return Self::Request;
        }
        // In TLS 1.3 a server refuses the client's certificate behind the handshake.
        if layer(error).is_some_and(|why| why.kind().is_permanent()) {
            return Self::Tls;
        }
        match error.as_failure().map(|failure| failure.cause) {
            None => Self::Other,
            Some(cause) => Self::of_cause(cause),
        }
    }

    fn of_cause(cause: Cause) -> Self {
        match cause {
            Cause::Unavailable(Unavailable::Dial(why)) => Self::of_dial(why),
            Cause::Unavailable(Unavailable::LineFull | Unavailable::KeyLineFull)
            | Cause::Violation(Violation::TooLarge(_))
            | Cause::BodyUnusable(BodyUnusable::TooLong { .. }) => Self::Limit,
            Cause::BodyUnusable(BodyUnusable::Decode(_)) => Self::Decode,
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
            Cause::Tls(_) => Self::Tls,
            Cause::Redirect(_) => Self::Redirect,
            Cause::Body => Self::Local,
            _ => Self::Other,
        }
    }

    const fn of_dial(why: DialError) -> Self {
        match why {
            DialError::Name | DialError::Family | DialError::Resolve(_) => Self::Name,
            DialError::Tls(_) => Self::Tls,
            DialError::Timeout(_) => Self::Timeout,
            DialError::ProxyProtocol => Self::Protocol,
            _ => Self::Connect,
        }
    }
}

/// A failure of the program, with its message.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) kind: Kind,
    what: String,
    hint: Option<String>,
    about: Box<About>,
    /// Whether a JSON object on standard output has reported the failure.
    in_json: bool,
}

/// The details of a failure for a program that reads the JSON, as far as they are known.
#[derive(Debug, Default)]
struct About {
    /// The cause alone. The URL, the phase and so on have fields of their own.
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

    /// Sets the URL and the status of the response.
    pub(crate) fn status(mut self, url: &Url, status: Status) -> Self {
        self.about.url = Some(url.to_string());
        self.about.status = Some(status.as_u16());
        self
    }

    /// Sets how many bytes of the body came.
    pub(crate) fn body_bytes(mut self, bytes: Option<u64>) -> Self {
        self.about.body_bytes = bytes;
        self
    }

    /// Makes this failure the cause of `other`, and takes over the URL, phase and status of
    /// `other`.
    pub(crate) fn behind(mut self, other: Self) -> Self {
        let About { url, phase, reached, status, .. } = *other.about;
        let about = &mut self.about;
        (about.url, about.phase, about.reached, about.status) = (url, phase, reached, status);
        self.in_json |= other.in_json;
        self
    }

    /// Returns the cause alone, without the URL where that is known.
    pub(crate) fn message(&self) -> &str {
        self.about.message.as_ref().unwrap_or(&self.what)
    }

    /// Marks the failure as reported on standard output, which must not print a second JSON object.
    pub(crate) fn already_in_json(mut self) -> Self {
        self.in_json = true;
        self
    }

    /// Returns the failure as a JSON object.
    pub(crate) fn to_json(&self) -> Value {
        let About { url, phase, reached, status, body_bytes, .. } = &*self.about;
        json!({
            "kind": self.kind.name(),
            "exit_code": self.kind.code(),
            "message": self.message(),
            "hint": self.hint,
            "url": url,
            "phase": phase,
            "reached": reached,
            "status": status,
            "body_bytes": body_bytes,
        })
    }

    /// Sets advice for the user.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Creates the failure of reading or writing a file or standard input.
    pub(crate) fn local(what: impl core::fmt::Display, error: &io::Error) -> Self {
        Self::new(Kind::Local, format!("{what}: {error}"))
    }

    /// Creates the failure of writing to standard output.
    pub(crate) fn stdout(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::ReaderGone, String::new()),
            _ => Self::local("standard output", &error),
        }
    }

    /// Creates the failure of reading a response. The client's own error is inside `error`.
    pub(crate) fn reading(error: io::Error) -> Self {
        match error.downcast::<Error>() {
            Ok(error) => error.into(),
            Err(error) => Self::new(Kind::Lost, format!("the response could not be read: {error}")),
        }
    }

    /// Reports the failure on standard error, and with `json` also as an object on standard output.
    /// Returns the exit code.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        if self.kind != Kind::ReaderGone {
            if json && !self.in_json {
                // Ignores the error, because the failure is also reported on standard error.
                print_json(&json!({ "error": self.to_json() })).ok();
            }
            let hint = self.hint.iter().map(|hint| format!("  hint: {hint}\n"));
            let text: String =
                core::iter::once(format!("httpool: {}\n", self.what)).chain(hint).collect();
            // If standard error cannot be written to, the message is lost.
            stderr().write_all(harmless(&text).as_bytes()).ok();
        }
        ExitCode::from(self.kind.code())
    }
}

impl From<Error> for Failed {
    /// The first line of the message names the failure, the second how far the request got.
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
                    .and_then(|source| detail(source, failure.cause))
                    .map(|detail| format!(" ({detail})"))
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

/// Returns the failure of TLS behind an error.
fn layer(error: &Error) -> Option<&LayerError> {
    error.source()?.downcast_ref()
}

/// Returns the text of the error behind a failure, if it says more than the failure.
fn detail(source: &(dyn error::Error + 'static), cause: Cause) -> Option<String> {
    if let Some(layer) = source.downcast_ref::<LayerError>() {
        let repeats = matches!(
            cause,
            Cause::Unavailable(Unavailable::Dial(DialError::Tls(_))) | Cause::Tls(_)
        );
        return match error::Error::source(layer) {
            Some(why) => Some(why.to_string()),
            None if repeats => None,
            None => Some(layer.to_string()),
        };
    }
    (source.is::<io::Error>() && !says_it_all(cause)).then(|| source.to_string())
}

/// Whether the system's error message would only repeat ours.
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
    if layer(error).is_some_and(|why| why.kind() == TlsKind::ClientCertificateRequired) {
        return Some("--cert FILE and --key FILE give the client's certificate and its key");
    }
    match error.as_failure()?.cause {
        Cause::Unavailable(Unavailable::Dial(why)) => match why {
            DialError::Connect(IoKind::Refused) => {
                Some("check that the server is running and listens on that port")
            }
            DialError::Tls(TlsKind::Unavailable | TlsKind::PlainHttp) => {
                Some("use http:// if the server allows it")
            }
            DialError::Tls(TlsKind::Expired | TlsKind::NotYetValid) => Some(
                "check this computer's clock; if it is right, the server needs a new certificate",
            ),
            DialError::Tls(TlsKind::Issuer) => Some("--cacert FILE trusts the authorities in FILE"),
            DialError::Timeout(_) => Some("--connect-timeout allows more time"),
            _ => None,
        },
        Cause::Timeout(_) => Some("--timeout and --max-time allow more time"),
        Cause::Redirect(RedirectError::RetryAfter { .. }) => {
            Some("send the request again after that time")
        }
        Cause::NotReplayable => {
            Some("give --data-file a file, which can be sent again; standard input cannot")
        }
        _ => None,
    }
}
