//! Errors. Each tells its cause, the side at fault, the phase, and whether a retry is safe.
//!
//! Errors are small and `Copy`. The core receives an I/O error of the system as an [`IoKind`]. The
//! driver keeps the original error and adds it as the source of the one that it reports.
//!
//! `Display` writes the whole error. `source` is always `None`, because error reporters print the
//! source after the error and would repeat it. To inspect an error, match on its fields.

mod dial;
mod kind;
mod request;
mod unsent;
mod unusable;

use core::fmt;

pub use dial::{Denied, DialError, ResolveKind, TlsKind};
pub use kind::ErrorKind;
pub use request::{FieldLabel, RequestError};
pub use unsent::{BodyUnsent, Unsent};
pub use unusable::BodyUnusable;

use crate::time::Deadline;

/// The failure of a call: it got no response, or not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The reason for the failure.
    pub cause: Cause,
    /// The phase in which the call failed.
    pub phase: Phase,
    /// How far the request had got, which decides whether a retry is safe.
    pub reached: Reached,
}

impl Failure {
    pub(crate) const fn new(cause: Cause, phase: Phase, reached: Reached) -> Self {
        Self { cause, phase, reached }
    }

    /// Returns the side that caused the failure.
    pub const fn fault(&self) -> Fault {
        match self.cause {
            Cause::Misuse(_)
            | Cause::NotReplayable
            | Cause::Body
            | Cause::BodyUnusable(BodyUnusable::Reader)
            | Cause::Cancelled => Fault::Caller,
            Cause::Violation(_)
            | Cause::Redirect(_)
            | Cause::Status(_)
            | Cause::BodyUnusable(BodyUnusable::Decode(_)) => Fault::Peer,
            Cause::BodyUnusable(BodyUnusable::TooLong { .. }) => Fault::Local,
            Cause::Unavailable(why) => why.fault(),
            Cause::Tls(why) => why.fault(),
            Cause::Timeout(_) | Cause::Lost(_) | Cause::BodyUnsent(_) => Fault::Network,
        }
    }

    /// Returns the phase and how far the request had got, as text. `Display` appends it in
    /// parentheses.
    pub const fn circumstances(&self) -> impl fmt::Display + use<> {
        Circumstances(*self)
    }

    /// Returns whether a retry could succeed, as far as the cause tells.
    const fn may_pass(&self) -> bool {
        let busy = matches!(
            self.cause,
            Cause::Unavailable(
                Unavailable::LineFull | Unavailable::KeyLineFull | Unavailable::RetryBudget
            )
        );
        busy || matches!(self.fault(), Fault::Network)
    }
}

struct Circumstances(Failure);

impl fmt::Display for Circumstances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = &self.0;
        write!(f, "while {}; {}", failure.phase, failure.reached)?;
        let again = failure.reached == Reached::Nothing && failure.may_pass();
        f.write_str(if again { ", so asking again is safe" } else { "" })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.cause, self.circumstances())
    }
}

impl core::error::Error for Failure {}

/// The side that caused a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The application or the driver.
    Caller,
    /// The server or a proxy.
    Peer,
    /// The network between client and server.
    Network,
    /// This client: one of its limits, or a lack of system resources.
    Local,
}

/// The phase of a call in which it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Waiting for a pooled connection, or for a new one to open.
    Checkout,
    /// Sending the request.
    Send,
    /// Waiting for the response's head.
    Head,
    /// Reading the response's body.
    Body,
    /// Waiting for the next attempt, or preparing it.
    Between,
    /// Deciding whether to follow a redirect.
    Redirect,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Checkout => "getting a connection",
            Self::Send => "sending the request",
            Self::Head => "waiting for the response",
            Self::Body => "reading the response's body",
            Self::Between => "preparing another attempt",
            Self::Redirect => "following a redirect",
        })
    }
}

/// How far a request had got. It tells a caller whether sending the request again is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "callers decide by it and must see every case")]
pub enum Reached {
    /// No byte was written: sending the request again is safe.
    Nothing,
    /// Bytes were written: the server may have acted on the request.
    Sent,
    /// A response had begun.
    Answered,
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing was sent",
            Self::Sent => "the server may have acted on the request",
            Self::Answered => "the server had begun to answer",
        })
    }
}

/// The cause of a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The pool gave no connection.
    Unavailable(Unavailable),
    /// A deadline passed.
    Timeout(Deadline),
    /// The peer violated HTTP.
    Violation(Violation),
    /// The connection was lost.
    Lost(IoKind),
    /// TLS failed after the handshake, as by an alert. In TLS 1.3 a server refuses the certificate of
    /// a client there. A failure that another attempt would meet again is never retried:
    /// [`TlsKind::is_permanent`].
    Tls(TlsKind),
    /// The server answered with success, but the rest of the request's body could not be sent.
    BodyUnsent(BodyUnsent),
    /// The reader cannot use the response's body: it cannot be decoded, or is too long to be
    /// collected. The call is not retried, and its connection is closed.
    BodyUnusable(BodyUnusable),
    /// A redirect could not be followed.
    Redirect(RedirectError),
    /// No retries are left, and the last response had this status, which the policy counts as a
    /// failure (urllib3: `raise_on_status`).
    Status(u16),
    /// Another attempt was due, but the request's body cannot be replayed.
    NotReplayable,
    /// The application's body source failed.
    Body,
    /// The driver or the application misused the API.
    Misuse(Misuse),
    /// The application cancelled the call.
    Cancelled,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "{why}"),
            Self::Timeout(which) => write!(f, "the {which} deadline passed"),
            Self::Violation(why) => write!(f, "{why}"),
            Self::Lost(why) => write!(f, "the connection was lost: {why}"),
            Self::Tls(why) => write!(f, "TLS failed: {why}"),
            Self::BodyUnsent(why) => write!(f, "{why}"),
            Self::BodyUnusable(why) => write!(f, "{why}"),
            Self::Redirect(why) => write!(f, "a redirect cannot be followed: {why}"),
            Self::Status(status) => {
                write!(f, "no retry is left, and the last response has status {status}")
            }
            Self::NotReplayable => f.write_str(
                "the request must be sent again, and its body cannot be given twice: \
                 use bytes, or a reader that can be rewound",
            ),
            Self::Body => f.write_str("the request's body could not be read"),
            Self::Misuse(why) => write!(f, "{why}"),
            Self::Cancelled => f.write_str("the call was cancelled"),
        }
    }
}

/// A misuse of the API: a bug in the driver or the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// The body was longer or shorter than declared.
    BodyLength,
    /// The method was called in a state that does not allow it.
    OutOfTurn,
    /// A trailer field is malformed, or its name is not allowed in a trailer section (RFC 9110
    /// 6.5.1).
    Trailer {
        /// The index of the field among those given, from 0.
        field: usize,
    },
    /// The credentials for the forward proxy cannot be sent with the Basic scheme: the user name
    /// has a colon, or one of them a control character (RFC 7617 section 2).
    ProxyCredentials,
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BodyLength => f.write_str(
                "the body given is longer or shorter than the length declared: \
                 declare its true length, or none to have it sent chunked",
            ),
            Self::OutOfTurn => {
                f.write_str("the operation is not possible in this state of the exchange")
            }
            Self::Trailer { field } => write!(
                f,
                "trailers[{field}] is malformed, or has a name that no trailer field may have \
                 (RFC 9110 section 6.5.1)"
            ),
            Self::ProxyCredentials => f.write_str(
                "the credentials for the proxy cannot be sent to it: the user name has a colon, \
                 or the credentials have a control character (RFC 7617 section 2)",
            ),
        }
    }
}

impl core::error::Error for Misuse {}

/// A violation of HTTP/1.1 by the peer, or a limit that its message exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// The first line is no HTTP status line, or a malformed one.
    StatusLine,
    /// The major version of HTTP is not supported.
    Version,
    /// A field line is malformed: bad name, space before the colon, NUL, bare CR.
    FieldLine,
    /// A field, or a trailer field, is continued on a second line that begins with white space
    /// (obs-fold, RFC 9112 5.2). It is refused because implementations parse it differently.
    FoldedLine,
    /// Content-Length is not one number.
    ContentLength,
    /// Transfer-Encoding is not `chunked`, or the response is HTTP/1.0.
    TransferEncoding,
    /// The response has both Content-Length and Transfer-Encoding, as in response smuggling.
    AmbiguousLength,
    /// A chunk's size, extension or final line end is malformed.
    Chunk,
    /// The trailer section is malformed.
    Trailer,
    /// The connection ended before the response was complete.
    Truncated,
    /// The server sent bytes before any request.
    Unsolicited,
    /// The server answered 101 (Switching Protocols) to a request without Upgrade.
    UnexpectedSwitch,
    /// A part of the response exceeds one of [`MessageLimits`](crate::limits::MessageLimits).
    TooLarge(Bound),
}

impl Violation {
    /// Returns the RFC section that the peer violated; for [`TooLarge`](Self::TooLarge), the one
    /// that permits a limit.
    pub const fn section(self) -> &'static str {
        match self {
            Self::StatusLine => "RFC 9112 section 4",
            Self::Version => "RFC 9112 section 2.3",
            Self::FieldLine => "RFC 9112 section 5",
            Self::FoldedLine => "RFC 9112 section 5.2",
            Self::ContentLength => "RFC 9112 section 6.3 rule 5",
            Self::TransferEncoding => "RFC 9112 section 6.1",
            Self::AmbiguousLength => "RFC 9112 section 6.3 rule 3",
            Self::Chunk => "RFC 9112 section 7.1",
            Self::Trailer => "RFC 9112 section 7.1.2",
            Self::Truncated => "RFC 9112 section 8",
            Self::Unsolicited => "RFC 9112 section 9.2",
            Self::UnexpectedSwitch => "RFC 9110 section 15.2.2",
            Self::TooLarge(Bound::Interim) => "RFC 9110 section 15.2",
            Self::TooLarge(Bound::ChunkOverhead) => "RFC 9112 section 7.1.1",
            Self::TooLarge(_) => "RFC 9110 section 5.4",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::StatusLine => "the response does not begin with an HTTP/1.x status line",
            Self::Version => "the server speaks another major version of HTTP than 1",
            Self::FieldLine => {
                "the response has a malformed field line: a bad name, a blank before the colon, \
                 or a control byte"
            }
            Self::FoldedLine => "the response has a folded field line, which is obsolete",
            Self::ContentLength => "the response's Content-Length is not one valid number",
            Self::TransferEncoding => {
                "the response has a Transfer-Encoding other than chunked, or one in HTTP/1.0"
            }
            Self::AmbiguousLength => {
                "the response has both Content-Length and Transfer-Encoding, which is unsafe"
            }
            Self::Chunk => "the response's chunked framing is malformed",
            Self::Trailer => "the response's trailer section is malformed",
            Self::Truncated => "the connection ended inside the response",
            Self::Unsolicited => "the server sent something before it was asked anything",
            Self::UnexpectedSwitch => {
                "the server switched protocols (101), which the request did not ask for"
            }
            Self::TooLarge(bound) => return write!(f, "{bound} ({})", self.section()),
        };
        write!(f, "{what} ({})", self.section())
    }
}

impl core::error::Error for Violation {}

/// The field of [`MessageLimits`](crate::limits::MessageLimits) that a response exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// The limit `head_bytes_max`.
    Head,
    /// The limit `fields_max`.
    Fields,
    /// The limit `interim_max`.
    Interim,
    /// The limit `chunk_overhead_bytes_max`.
    ChunkOverhead,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head => "the response's head is longer than head_bytes_max allows",
            Self::Fields => "the response has more fields than fields_max allows",
            Self::Interim => "more 1xx responses came than interim_max allows",
            Self::ChunkOverhead => {
                "a chunk-size line, all chunk extensions or the trailers are longer than \
                 chunk_overhead_bytes_max allows"
            }
        })
    }
}

/// The reason why a redirect could not be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectError {
    /// The redirects exceed the number that the policy allows.
    TooMany,
    /// Location is not a URL reference (RFC 9110 10.2.2).
    Location,
    /// Location names a scheme other than `http` and `https`.
    Scheme,
    /// The redirect leads from `https` to `http`, which the policy forbids.
    Downgrade,
    /// The redirect leads to another origin, which the policy forbids (urllib3:
    /// `HostChangedError`).
    OtherOrigin,
    /// Retry-After asks for a longer wait than the policy or the rest of the total deadline allows.
    RetryAfter {
        /// The wait in Retry-After.
        seconds: u64,
    },
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RetryAfter { seconds } => {
                return write!(
                    f,
                    "it asks to wait {seconds} s first, which is longer than \
                     Redirect::retry_after_max or the total deadline allows"
                );
            }
            Self::TooMany => "the policy allows no more of them; is it a loop?",
            Self::Location => "its Location is not one valid URL",
            Self::Scheme => "its scheme is neither http nor https",
            Self::OtherOrigin => "it leads to another origin, which the policy forbids",
            Self::Downgrade => "it leads from https to http, which the policy forbids",
        })
    }
}

impl core::error::Error for RedirectError {}

/// The reason why the pool gave no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unavailable {
    /// The number of waiting tickets, over all keys, has reached `waiting_max`.
    LineFull,
    /// The number of waiting tickets for this key has reached `waiting_per_key_max`.
    KeyLineFull,
    /// The pool's retry budget is used up.
    RetryBudget,
    /// The pool is closed.
    Closed,
    /// No connection could be opened.
    Dial(DialError),
    /// The ticket had already been answered.
    Spent,
}

impl Unavailable {
    const fn fault(self) -> Fault {
        match self {
            Self::LineFull | Self::KeyLineFull | Self::RetryBudget => Fault::Local,
            Self::Closed | Self::Spent => Fault::Caller,
            Self::Dial(why) => why.fault(),
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineFull => {
                f.write_str("more calls wait for a connection than waiting_max allows")
            }
            Self::KeyLineFull => f.write_str(
                "more calls wait for a connection to this origin than waiting_per_key_max allows",
            ),
            Self::RetryBudget => f.write_str("the pool's retry_budget allows no retry now"),
            Self::Closed => f.write_str("the pool, or its part for this host, was closed: a closed client sends nothing more"),
            Self::Dial(why) => write!(f, "{why}"),
            Self::Spent => f.write_str("the ticket had been answered before"),
        }
    }
}

impl core::error::Error for Unavailable {}

/// The kind of an I/O error on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IoKind {
    /// No process listens on the port.
    Refused,
    /// The connection was reset or aborted.
    Reset,
    /// No route leads to the host or network.
    Unreachable,
    /// The peer closed the connection too early.
    Eof,
    /// The system's own timeout passed.
    TimedOut,
    /// The system has no file descriptors, ports or memory left.
    Exhausted,
    /// Any other error.
    Other,
}

impl fmt::Display for IoKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "the connection was refused: nobody listens there",
            Self::Reset => "the peer reset the connection",
            Self::Unreachable => "there is no way to that address",
            Self::Eof => "the peer closed the connection",
            Self::TimedOut => "the system gave up waiting",
            Self::Exhausted => "this system has no descriptors, ports or memory left",
            Self::Other => "the system's input or output failed",
        })
    }
}

impl core::error::Error for IoKind {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_failure_says_what_where_and_whether_to_repeat() {
        let failure =
            Failure::new(Cause::Lost(IoKind::Reset), Phase::Head, Reached::Sent).to_string();
        assert_eq!(
            failure,
            "the connection was lost: the peer reset the connection \
             (while waiting for the response; the server may have acted on the request)"
        );
    }

    #[test]
    fn asking_again_is_advised_where_it_could_help() {
        let says = |cause, reached| Failure::new(cause, Phase::Checkout, reached).to_string();
        for (cause, helps) in [
            (Cause::Unavailable(Unavailable::LineFull), true),
            (Cause::Unavailable(Unavailable::Dial(DialError::Connect(IoKind::Refused))), true),
            (Cause::Timeout(Deadline::Queue), true),
            (Cause::Unavailable(Unavailable::Closed), false),
            (Cause::Unavailable(Unavailable::Dial(DialError::Tls(TlsKind::Unavailable))), false),
            (Cause::Cancelled, false),
            (Cause::Body, false),
        ] {
            let said = says(cause, Reached::Nothing);
            assert!(said.contains("nothing was sent"), "{said}");
            assert_eq!(said.contains("asking again is safe"), helps, "{said}");
            assert!(!says(cause, Reached::Sent).contains("safe"));
        }
    }

    #[test]
    fn no_error_has_a_source_that_its_text_repeats() {
        let tls = DialError::Tls(TlsKind::Lost(IoKind::Reset));
        for cause in [
            Cause::Lost(IoKind::Reset),
            Cause::Violation(Violation::Chunk),
            Cause::Redirect(RedirectError::Scheme),
            Cause::Misuse(Misuse::BodyLength),
            Cause::Unavailable(Unavailable::Dial(tls)),
        ] {
            let failure = Failure::new(cause, Phase::Send, Reached::Sent);
            assert!(core::error::Error::source(&failure).is_none(), "{failure}");
        }
        assert!(core::error::Error::source(&tls).is_none());
        assert!(core::error::Error::source(&Unavailable::Dial(tls)).is_none());
        assert!(tls.to_string().contains(&IoKind::Reset.to_string()));
    }

    #[test]
    fn fault_follows_the_cause() {
        let fault = |cause| Failure::new(cause, Phase::Checkout, Reached::Nothing).fault();
        assert_eq!(fault(Cause::Violation(Violation::Chunk)), Fault::Peer);
        assert_eq!(fault(Cause::Cancelled), Fault::Caller);
        assert_eq!(fault(Cause::Unavailable(Unavailable::LineFull)), Fault::Local);
        assert_eq!(fault(Cause::Unavailable(Unavailable::Dial(DialError::Name))), Fault::Network);
    }
}
