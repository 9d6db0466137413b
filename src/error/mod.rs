//! Whose fault it is, in which phase, and whether asking again is safe.
//!
//! Errors are small and `Copy`. An I/O error of the system enters the core as an [`IoKind`]; the
//! driver keeps the original and puts it back as the source when it reports.
//!
//! The `Display` of each says all that is known of it. None has a `source`, which reporters would
//! print behind that and so say the same twice; to look at the parts, match on the fields.

mod dial;
mod request;
mod unsent;

use core::fmt;

pub use dial::{DialError, ResolveKind, TlsKind};
pub use request::{FieldLabel, RequestError};
pub use unsent::{BodyUnsent, Unsent};

use crate::time::Deadline;

/// Why a call ended without a (whole) response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// What happened.
    pub cause: Cause,
    /// What the call was doing.
    pub phase: Phase,
    /// How far the request had got.
    pub reached: Reached,
}

impl Failure {
    pub(crate) const fn new(cause: Cause, phase: Phase, reached: Reached) -> Self {
        Self { cause, phase, reached }
    }

    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self.cause {
            Cause::Misuse(_) | Cause::NotReplayable | Cause::Body | Cause::Cancelled => {
                Fault::Caller
            }
            Cause::Violation(_) | Cause::Redirect(_) | Cause::Status(_) => Fault::Peer,
            Cause::Unavailable(why) => why.fault(),
            Cause::Timeout(_) | Cause::Lost(_) | Cause::BodyUnsent(_) => Fault::Network,
        }
    }

    /// What the call was doing, and how far the request had got: what `Display` has in parentheses
    /// behind the cause.
    pub const fn circumstances(&self) -> impl fmt::Display + use<> {
        Circumstances(*self)
    }

    /// Whether asking again could end otherwise, as far as the cause can tell.
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

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The application's or the driver's.
    Caller,
    /// The server's, or a proxy's.
    Peer,
    /// Nobody's who can be named: the way there.
    Network,
    /// A bound of ours, or the lack of something here.
    Local,
}

/// What a call was doing when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Waiting for a connection, or for one to be opened.
    Checkout,
    /// Sending the request.
    Send,
    /// Waiting for the response's head.
    Head,
    /// Reading the response's body.
    Body,
    /// Waiting before another attempt, or preparing it.
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

/// How far a request had got: what a caller needs to know before it asks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "callers decide by it and must see every case")]
pub enum Reached {
    /// No byte was written: safe to repeat.
    Nothing,
    /// Bytes were written: the server may have acted.
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

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// There was no connection to be had.
    Unavailable(Unavailable),
    /// A deadline passed.
    Timeout(Deadline),
    /// The peer broke the protocol.
    Violation(Violation),
    /// The connection was lost.
    Lost(IoKind),
    /// The server answered with success, and the rest of the request's body could not be sent.
    BodyUnsent(BodyUnsent),
    /// A redirect could not be followed.
    Redirect(RedirectError),
    /// Retries are spent, and the last response had this status, which the policy counts as a
    /// failure (urllib3: `raise_on_status`).
    Status(u16),
    /// Another attempt was due, and the body cannot be given again.
    NotReplayable,
    /// The application's body source failed.
    Body,
    /// The caller broke the contract.
    Misuse(Misuse),
    /// Given up by the application.
    Cancelled,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "{why}"),
            Self::Timeout(which) => write!(f, "the {which} deadline passed"),
            Self::Violation(why) => write!(f, "{why}"),
            Self::Lost(why) => write!(f, "the connection was lost: {why}"),
            Self::BodyUnsent(why) => write!(f, "{why}"),
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

/// The caller broke the contract: a bug in the driver or the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// More or less body than declared.
    BodyLength,
    /// Not in this state.
    OutOfTurn,
    /// A trailer field that is malformed, or whose name may not stand in a trailer (RFC 9110 6.5.1).
    Trailer {
        /// Which of those given, from 0.
        field: usize,
    },
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
        }
    }
}

impl core::error::Error for Misuse {}

/// The peer broke HTTP/1.1, or went over a bound of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// What came does not begin like an HTTP response, or its status line is malformed.
    StatusLine,
    /// A major version that this client does not speak.
    Version,
    /// A malformed field line: bad name, space before the colon, NUL, bare CR.
    FieldLine,
    /// A field, or a trailer field, that goes on in a second line, which begins with a blank. It is
    /// obsolete, and readers disagree about what it means.
    FoldedLine,
    /// A Content-Length that is not one number.
    ContentLength,
    /// A Transfer-Encoding other than `chunked`, or one in an HTTP/1.0 response.
    TransferEncoding,
    /// Both Content-Length and Transfer-Encoding, which is how responses are smuggled.
    AmbiguousLength,
    /// A malformed chunk: size, extension, or the line end after its data.
    Chunk,
    /// A malformed trailer section.
    Trailer,
    /// The connection ended inside a response.
    Truncated,
    /// The server spoke before anything was asked.
    Unsolicited,
    /// 101 (Switching Protocols) without having been asked.
    UnexpectedSwitch,
    /// Longer or more than a bound of ours allows.
    TooLarge(Bound),
}

impl Violation {
    /// The section that was broken; for [`TooLarge`](Self::TooLarge) the one that allows a bound.
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

/// Which bound of [`MessageLimits`](crate::limits::MessageLimits) a peer went over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// `head_bytes_max`.
    Head,
    /// `fields_max`.
    Fields,
    /// `interim_max`.
    Interim,
    /// `chunk_overhead_bytes_max`.
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

/// Why a redirect could not be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectError {
    /// More than the policy allows.
    TooMany,
    /// Location is not a URL reference (RFC 9110 10.2.2).
    Location,
    /// Location names a scheme other than `http` and `https`.
    Scheme,
    /// From `https` to `http`, which the policy forbids.
    Downgrade,
    /// It asks for a longer wait than the policy or what is left of the total deadline allows.
    RetryAfter {
        /// The wait that its Retry-After asks for.
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
            Self::Downgrade => "it leads from https to http, which the policy forbids",
        })
    }
}

impl core::error::Error for RedirectError {}

/// Why the pool gives no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unavailable {
    /// As many tickets wait in line over all keys as `waiting_max` allows.
    LineFull,
    /// As many tickets wait for the same key as `waiting_per_key_max` allows.
    KeyLineFull,
    /// The retry budget is spent.
    RetryBudget,
    /// The pool is closed.
    Closed,
    /// None could be opened.
    Dial(DialError),
    /// The ticket was spent before.
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
            Self::Closed => f.write_str("the pool was closed: make a new client to send more"),
            Self::Dial(why) => write!(f, "{why}"),
            Self::Spent => f.write_str("the ticket had been answered before"),
        }
    }
}

impl core::error::Error for Unavailable {}

/// What kind of failure an operation on a socket met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IoKind {
    /// Nobody listens.
    Refused,
    /// Reset or aborted.
    Reset,
    /// No way there.
    Unreachable,
    /// The end came early.
    Eof,
    /// The system's own timeout.
    TimedOut,
    /// No descriptors, no ports, no memory.
    Exhausted,
    /// Anything else.
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
