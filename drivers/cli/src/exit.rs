//! The failures of the program: their exit codes, and the messages about them.

use std::{
    error::{self, Error as _},
    io,
    process::ExitCode,
};

use httpool::{
    error::{
        BodyUnusable, Cause, DialError, IoKind, Phase, RedirectError, RequestError, TlsKind,
        Unavailable, Unsent, Violation,
    },
    message::{Status, Url},
};
use httpool_blocking::{Error, LayerError, Response};
use serde_json::{Value, json};

use crate::{harmless::harmless, print::print_json, status::say};

/// A kind of failure. Each has an exit code, which [`help`](crate::help) explains. The codes are
/// those of curl for the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// The reader of standard output has closed it. This is no failure, and prints no message.
    ReaderGone,
    Other,
    /// The URL's scheme is neither http nor https.
    Scheme,
    Usage,
    Request,
    Name,
    Connect,
    Protocol,
    /// The body ended before its length.
    Partial,
    Status,
    /// A file or standard output could not be written.
    Write,
    /// A file or standard input could not be read.
    Read,
    Timeout,
    Tls,
    /// A download could not be resumed.
    Resume,
    Redirect,
    /// The connection was closed before the first byte of a response.
    Empty,
    Send,
    Lost,
    ClientCertificate,
    Certificate,
    Decode,
    TooLong,
    Repeat,
    CaFile,
    Proxy,
    Limit,
    Replay,
    #[cfg_attr(not(unix), expect(dead_code, reason = "signals are of Unix"))]
    Hangup,
    #[cfg_attr(not(unix), expect(dead_code, reason = "signals are of Unix"))]
    Interrupted,
    #[cfg_attr(not(unix), expect(dead_code, reason = "signals are of Unix"))]
    Terminated,
}

impl Kind {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 31] = [
        Self::ReaderGone,
        Self::Other,
        Self::Scheme,
        Self::Usage,
        Self::Request,
        Self::Name,
        Self::Connect,
        Self::Protocol,
        Self::Partial,
        Self::Status,
        Self::Write,
        Self::Read,
        Self::Timeout,
        Self::Tls,
        Self::Resume,
        Self::Redirect,
        Self::Empty,
        Self::Send,
        Self::Lost,
        Self::ClientCertificate,
        Self::Certificate,
        Self::Decode,
        Self::TooLong,
        Self::Repeat,
        Self::CaFile,
        Self::Proxy,
        Self::Limit,
        Self::Replay,
        Self::Hangup,
        Self::Interrupted,
        Self::Terminated,
    ];

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::Other | Self::Scheme => 1,
            Self::Usage => 2,
            Self::Request => 3,
            Self::Name => 6,
            Self::Connect => 7,
            Self::Protocol => 8,
            Self::Partial => 18,
            Self::Status => 22,
            Self::Write => 23,
            Self::Read => 26,
            Self::Timeout => 28,
            Self::Tls => 35,
            Self::Resume => 33,
            Self::Redirect => 47,
            Self::Empty => 52,
            Self::Send => 55,
            Self::Lost => 56,
            Self::ClientCertificate => 58,
            Self::Certificate => 60,
            Self::Decode => 61,
            Self::TooLong => 63,
            Self::Repeat => 65,
            Self::CaFile => 77,
            Self::Proxy => 97,
            Self::Limit => 100,
            // Codes from here on are none of curl's.
            Self::Replay => 120,
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
            Self::Scheme => "scheme",
            Self::Usage => "usage",
            Self::Request => "invalid request",
            Self::Name => "name not found",
            Self::Connect => "not connected",
            Self::Protocol => "protocol broken",
            Self::Partial => "body cut",
            Self::Status => "status",
            Self::Write => "not written",
            Self::Read => "not read",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Resume => "not resumed",
            Self::Redirect => "redirect",
            Self::Empty => "empty reply",
            Self::Send => "not sent",
            Self::Lost => "connection lost",
            Self::ClientCertificate => "client certificate",
            Self::Certificate => "certificate",
            Self::Decode => "not decodable",
            Self::TooLong => "too long",
            Self::Repeat => "not repeatable",
            Self::CaFile => "authorities not read",
            Self::Proxy => "proxy",
            Self::Limit => "limit",
            Self::Replay => "replay",
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
        if let Some(why) = error.as_request_error() {
            return if why == RequestError::Scheme { Self::Scheme } else { Self::Request };
        }
        // In TLS 1.3 a server refuses the client's certificate behind the handshake.
        if let Some(why) = layer(error).filter(|why| why.kind().is_permanent()) {
            return Self::of_tls(why.kind());
        }
        match error.as_failure() {
            None => Self::Other,
            Some(failure) => Self::of_cause(failure.cause, failure.phase),
        }
    }

    fn of_cause(cause: Cause, phase: Phase) -> Self {
        match cause {
            Cause::Unavailable(Unavailable::Dial(why)) => Self::of_dial(why),
            Cause::Unavailable(Unavailable::LineFull | Unavailable::KeyLineFull)
            | Cause::Violation(Violation::TooLarge(_)) => Self::Limit,
            Cause::BodyUnusable(BodyUnusable::TooLong { .. }) => Self::TooLong,
            Cause::BodyUnusable(BodyUnusable::Decode(_)) => Self::Decode,
            Cause::Unavailable(Unavailable::RetryBudget)
            | Cause::Status(_)
            | Cause::NotReplayable => Self::Repeat,
            Cause::Timeout(_) => Self::Timeout,
            Cause::BodyUnsent(unsent) => match unsent.why() {
                Unsent::Timeout(_) => Self::Timeout,
                _ => Self::Send,
            },
            Cause::Violation(Violation::Truncated) => Self::Partial,
            Cause::Violation(_) => Self::Protocol,
            Cause::Lost(IoKind::Eof) if phase == Phase::Head => Self::Empty,
            Cause::Lost(_) => Self::Lost,
            Cause::Tls(why) => Self::of_tls(why),
            Cause::Redirect(RedirectError::Scheme) => Self::Scheme,
            Cause::Redirect(_) => Self::Redirect,
            Cause::Body => Self::Read,
            _ => Self::Other,
        }
    }

    const fn of_dial(why: DialError) -> Self {
        match why {
            DialError::Name | DialError::Family | DialError::Resolve(_) => Self::Name,
            DialError::Tls(why) | DialError::ProxyTls(why) => Self::of_tls(why),
            DialError::Timeout(_) => Self::Timeout,
            // The code of curl for a CONNECT that is refused.
            DialError::ProxyLost(_)
            | DialError::ProxyLogin(401 | 407)
            | DialError::ProxyRefused(100..600) => Self::Lost,
            DialError::ProxyProtocol
            | DialError::ProxyRefused(_)
            | DialError::ProxyLogin(_)
            | DialError::ProxyCredentials => Self::Proxy,
            _ => Self::Connect,
        }
    }

    const fn of_tls(why: TlsKind) -> Self {
        match why {
            TlsKind::Expired
            | TlsKind::NotYetValid
            | TlsKind::Name
            | TlsKind::Issuer
            | TlsKind::Revoked
            | TlsKind::Purpose
            | TlsKind::Chain
            | TlsKind::Signature
            | TlsKind::Pin => Self::Certificate,
            TlsKind::ClientCertificateRequired | TlsKind::ClientCertificateRefused => {
                Self::ClientCertificate
            }
            _ => Self::Tls,
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
    refused: bool,
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

    /// Creates the failure of writing a file.
    pub(crate) fn local(what: impl core::fmt::Display, error: &io::Error) -> Self {
        Self::new(Kind::Write, format!("{what}: {error}"))
    }

    /// Creates the failure of reading a file or standard input.
    pub(crate) fn reading_file(what: impl core::fmt::Display, error: &io::Error) -> Self {
        Self::new(Kind::Read, format!("{what}: {error}"))
    }

    /// Creates the failure of another thing of the system.
    pub(crate) fn system(what: impl core::fmt::Display, error: &io::Error) -> Self {
        Self::new(Kind::Other, format!("{what}: {error}"))
    }

    /// Whether the connection was refused.
    pub(crate) fn is_refused(&self) -> bool {
        self.about.refused
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

    /// Reports the failure on standard error unless `mute`, and with `json` also as an object on
    /// standard output. Returns the exit code.
    pub(crate) fn report(&self, json: bool, mute: bool) -> ExitCode {
        if self.kind != Kind::ReaderGone && json && !self.in_json {
            // Ignores the error, because the failure is also reported on standard error.
            print_json(&json!({ "error": self.to_json() })).ok();
        }
        if self.kind != Kind::ReaderGone && !mute {
            let hint = self.hint.iter().map(|hint| format!("  hint: {hint}\n"));
            let text: String =
                core::iter::once(format!("httpool: {}\n", self.what)).chain(hint).collect();
            // If standard error cannot be written to, the message is lost.
            say(&harmless(&text));
        }
        ExitCode::from(self.kind.code())
    }
}

/// Makes the failure of a command line that is wrong.
pub(crate) fn wrong(what: impl Into<String>) -> Failed {
    Failed::new(Kind::Usage, what.into()).hint("httpool --help lists commands and options")
}

/// Makes the failure of a command line that lexopt refuses.
pub(crate) fn usage(error: lexopt::Error) -> Failed {
    wrong(error.to_string())
}

/// Describes the status of a response, with its URL.
pub(crate) fn answer(response: &Response) -> String {
    let reason = String::from_utf8_lossy(response.reason());
    let what = format!("{}: the answer is {} {reason}", response.url(), response.status());
    what.trim_end().to_owned()
}

/// Makes the failure of a request whose response has a status that counts as one.
pub(crate) fn refused(response: &Response) -> Failed {
    let status = response.status();
    Failed::new(Kind::Status, answer(response)).status(response.url(), status)
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
                let refused = DialError::Connect(IoKind::Refused);
                about.refused = failure.cause == Cause::Unavailable(Unavailable::Dial(refused));
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
            Cause::Unavailable(Unavailable::Dial(DialError::Tls(_) | DialError::ProxyTls(_)))
                | Cause::Tls(_)
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
            DialError::ProxyTls(TlsKind::PlainHttp) => {
                Some("use http:// for the proxy if it allows it")
            }
            DialError::ProxyTls(TlsKind::Issuer) => {
                Some("--proxy-cacert FILE trusts the authorities in FILE for https proxies")
            }
            DialError::Tls(TlsKind::Expired | TlsKind::NotYetValid)
            | DialError::ProxyTls(TlsKind::Expired | TlsKind::NotYetValid) => Some(
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
