//! The kinds of errors that urllib3 distinguishes.

use core::fmt;

use super::{
    BodyUnusable, Bound, Cause, DialError, Failure, IoKind, Phase, RedirectError, RequestError,
    Unavailable, Unsent, Violation,
};
use crate::time::Deadline;

/// The kind of an error, by the names of urllib3's exceptions. It is for programs that come from
/// urllib3; [`Failure::cause`] says more.
///
/// | kind | urllib3 raises | causes |
/// |---|---|---|
/// | `ClosedPool` | `ClosedPoolError` | [`Unavailable::Closed`] |
/// | `EmptyPool` | `EmptyPoolError` | the `queue` deadline; [`Unavailable::LineFull`] and `KeyLineFull` |
/// | none | `FullPoolError` | cannot happen: a pool takes back only the connections that it has lent, and counts them |
/// | `NameResolution` | `NameResolutionError` | [`DialError::Name`], [`DialError::Resolve`] |
/// | `NewConnection` | `NewConnectionError` | [`DialError::Connect`] |
/// | `ConnectTimeout` | `ConnectTimeoutError`; for a handshake `ReadTimeoutError` | [`DialError::Timeout`]; the system's timeout of a connect; the `total` deadline before a connection was got |
/// | `Ssl` | `SSLError` | [`DialError::Tls`], [`Cause::Tls`] |
/// | `Proxy` | `ProxyError` | [`DialError::ProxyLost`], `ProxyRefused`, `ProxyProtocol`, `ProxyLogin`, `ProxyCredentials`, `ProxyTls`; see below |
/// | `ReadTimeout` | `ReadTimeoutError` | the `first-byte`, `stall` and `rate` deadlines; the `total` deadline after a connection was got |
/// | `WriteTimeout` | `ProtocolError` | the `write` deadline |
/// | `Protocol` | `ProtocolError` | [`Cause::Lost`]; a [`Violation`] without a kind of its own; a limit that the response exceeds |
/// | `IncompleteRead` | `IncompleteRead`, within a `ProtocolError` | [`Violation::Truncated`] in the body |
/// | `InvalidChunkLength` | `InvalidChunkLength`, within a `ProtocolError` | [`Violation::Chunk`] |
/// | `InvalidHeader` | `InvalidHeader` | [`Violation::FieldLine`], `FoldedLine`, `ContentLength`, `TransferEncoding`, `AmbiguousLength`, `Trailer` |
/// | `Decode` | `DecodeError` | [`BodyUnusable::Decode`] |
/// | `UnrewindableBody` | `UnrewindableBodyError` | [`Cause::NotReplayable`] |
/// | `MaxRetry` | `MaxRetryError` with a `ResponseError` | [`Cause::Status`], [`RedirectError::TooMany`], [`Unavailable::RetryBudget`] |
/// | `HostChanged` | `HostChangedError` | [`RequestError::OtherHost`], [`RedirectError::OtherOrigin`] |
/// | `LocationValue` | `LocationValueError` | a URL without a host |
/// | `LocationParse` | `LocationParseError` | a URL, or a Location, that cannot be parsed |
/// | `UrlSchemeUnknown` | `URLSchemeUnknown` | a URL, or a Location, whose scheme is neither `http` nor `https` |
/// | `InvalidRequest` | `ValueError` | any other [`RequestError`] |
/// | `BodyLength` | nothing, or `ProtocolError` | a request body that is longer or shorter than declared |
/// | `Redirect` | nothing | [`RedirectError::Downgrade`], [`RedirectError::RetryAfter`] |
/// | `Denied` | nothing | [`DialError::Denied`] |
/// | `TooLong` | nothing | [`BodyUnusable::TooLong`] |
/// | `Application` | the exception of the body | [`Cause::Body`], [`BodyUnusable::Reader`] |
/// | `Cancelled` | nothing | [`Cause::Cancelled`] |
/// | `Misuse` | `TypeError`, `ValueError` | any other [`Cause::Misuse`]; [`Unavailable::Spent`]; a call that does not exist |
/// | `Status` | nothing | `error_for_status` of a response |
/// | `Json` | `JSONDecodeError`, `TypeError` | a body that is not JSON, or a value that cannot be |
/// | `Io` | `OSError` | waiting for sockets failed |
///
/// urllib3 wraps most of them in a `MaxRetryError` when its `Retry` is used up. Here the kind is
/// that of the reason, and [`Call::retries_spent`](crate::call::Call::retries_spent) tells whether
/// the retries were used up. In urllib3 `NameResolutionError` is a `NewConnectionError`, and that a
/// `ConnectTimeoutError`: [`is_connect`](Self::is_connect) is true for all three. A failure to
/// connect to a proxy is a `ProxyError` in urllib3. A [`Failure`] does not know the way of its
/// connection, so [`or_proxy`](Self::or_proxy) converts its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The pool is closed.
    ClosedPool,
    /// No connection became free in time, or too many calls wait for one.
    EmptyPool,
    /// The name of the host has no address, or could not be looked up.
    NameResolution,
    /// No address accepted a connection.
    NewConnection,
    /// A connection was not opened in time.
    ConnectTimeout,
    /// TLS failed.
    Ssl,
    /// The proxy could not be reached, or did not do its part.
    Proxy,
    /// The response did not come in time.
    ReadTimeout,
    /// The request could not be written in time.
    WriteTimeout,
    /// The connection was lost, or the peer violated HTTP.
    Protocol,
    /// The connection ended inside the body of the response.
    IncompleteRead,
    /// A chunk of the response has a malformed size, extension or line end.
    InvalidChunkLength,
    /// A field of the response is malformed.
    InvalidHeader,
    /// The body of the response cannot be decoded.
    Decode,
    /// The request must be sent again, and its body cannot be replayed.
    UnrewindableBody,
    /// No retry or no redirect is left.
    MaxRetry,
    /// The URL, or the Location of a redirect, leads to another origin than that of the pool.
    HostChanged,
    /// The URL has no host.
    LocationValue,
    /// The URL, or the Location of a redirect, cannot be parsed.
    LocationParse,
    /// The URL, or the Location of a redirect, has a scheme other than `http` and `https`.
    UrlSchemeUnknown,
    /// Another part of the request cannot be sent.
    InvalidRequest,
    /// The body of the request is longer or shorter than declared.
    BodyLength,
    /// The policy does not allow to follow the redirect.
    Redirect,
    /// The guard does not allow the connection.
    Denied,
    /// The body of the response is longer than the driver collects.
    TooLong,
    /// The application's body or reader failed.
    Application,
    /// The application cancelled the call.
    Cancelled,
    /// The driver or the application misused the API.
    Misuse,
    /// The application counts the status of the response as an error.
    Status,
    /// A body is not JSON of the expected form, or a value cannot be written as JSON.
    Json,
    /// The system failed to wait for sockets.
    Io,
}

impl ErrorKind {
    /// Returns the name of the exception that urllib3 raises. `None` if it has no such error.
    pub const fn urllib3(self) -> Option<&'static str> {
        Some(match self {
            Self::ClosedPool => "ClosedPoolError",
            Self::EmptyPool => "EmptyPoolError",
            Self::NameResolution => "NameResolutionError",
            Self::NewConnection => "NewConnectionError",
            Self::ConnectTimeout => "ConnectTimeoutError",
            Self::Ssl => "SSLError",
            Self::Proxy => "ProxyError",
            Self::ReadTimeout => "ReadTimeoutError",
            Self::WriteTimeout | Self::Protocol => "ProtocolError",
            Self::IncompleteRead => "IncompleteRead",
            Self::InvalidChunkLength => "InvalidChunkLength",
            Self::InvalidHeader => "InvalidHeader",
            Self::Decode => "DecodeError",
            Self::UnrewindableBody => "UnrewindableBodyError",
            Self::MaxRetry => "MaxRetryError",
            Self::HostChanged => "HostChangedError",
            Self::LocationValue => "LocationValueError",
            Self::LocationParse => "LocationParseError",
            Self::UrlSchemeUnknown => "URLSchemeUnknown",
            Self::InvalidRequest => "ValueError",
            Self::BodyLength
            | Self::Redirect
            | Self::Denied
            | Self::TooLong
            | Self::Application
            | Self::Cancelled
            | Self::Misuse
            | Self::Status
            | Self::Json
            | Self::Io => return None,
        })
    }

    /// Returns whether no connection could be opened to the host, as for urllib3's
    /// `ConnectTimeoutError` and its subclasses.
    pub const fn is_connect(self) -> bool {
        matches!(self, Self::NameResolution | Self::NewConnection | Self::ConnectTimeout)
    }

    /// Returns [`Proxy`](Self::Proxy) in place of a failure to connect. For a connection that goes
    /// to a proxy.
    #[must_use]
    pub const fn or_proxy(self) -> Self {
        if self.is_connect() { Self::Proxy } else { self }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.urllib3() {
            Some(name) => f.write_str(name),
            None => fmt::Debug::fmt(self, f),
        }
    }
}

impl Failure {
    /// Returns the kind of the failure, by urllib3's names.
    pub const fn kind(&self) -> ErrorKind {
        match self.cause {
            Cause::Unavailable(why) => of_unavailable(why),
            Cause::Timeout(which) => of_timeout(which, self.phase),
            Cause::Violation(why) => of_violation(why, self.phase),
            Cause::Lost(_) => ErrorKind::Protocol,
            Cause::Tls(_) => ErrorKind::Ssl,
            Cause::BodyUnsent(unsent) => match unsent.why() {
                Unsent::Lost(_) => ErrorKind::Protocol,
                Unsent::Timeout(which) => of_timeout(which, self.phase),
            },
            Cause::BodyUnusable(BodyUnusable::Decode(_)) => ErrorKind::Decode,
            Cause::BodyUnusable(BodyUnusable::TooLong { .. }) => ErrorKind::TooLong,
            Cause::Body | Cause::BodyUnusable(BodyUnusable::Reader) => ErrorKind::Application,
            Cause::Redirect(RedirectError::TooMany) | Cause::Status(_) => ErrorKind::MaxRetry,
            Cause::Redirect(RedirectError::Location) => ErrorKind::LocationParse,
            Cause::Redirect(RedirectError::OtherOrigin) => ErrorKind::HostChanged,
            Cause::Redirect(RedirectError::Scheme) => ErrorKind::UrlSchemeUnknown,
            Cause::Redirect(RedirectError::Downgrade | RedirectError::RetryAfter { .. }) => {
                ErrorKind::Redirect
            }
            Cause::NotReplayable => ErrorKind::UnrewindableBody,
            Cause::Misuse(super::Misuse::BodyLength) => ErrorKind::BodyLength,
            Cause::Misuse(super::Misuse::ProxyCredentials) => ErrorKind::Proxy,
            Cause::Misuse(_) => ErrorKind::Misuse,
            Cause::Cancelled => ErrorKind::Cancelled,
        }
    }
}

const fn of_unavailable(why: Unavailable) -> ErrorKind {
    match why {
        Unavailable::LineFull | Unavailable::KeyLineFull => ErrorKind::EmptyPool,
        Unavailable::RetryBudget => ErrorKind::MaxRetry,
        Unavailable::Closed => ErrorKind::ClosedPool,
        Unavailable::Spent => ErrorKind::Misuse,
        Unavailable::Dial(why) => match why {
            DialError::Name | DialError::Resolve(_) | DialError::Family => {
                ErrorKind::NameResolution
            }
            DialError::Connect(IoKind::TimedOut) | DialError::Timeout(_) => {
                ErrorKind::ConnectTimeout
            }
            DialError::Connect(_) => ErrorKind::NewConnection,
            DialError::ProxyLost(_)
            | DialError::ProxyRefused(_)
            | DialError::ProxyProtocol
            | DialError::ProxyCredentials
            | DialError::ProxyLogin(_)
            | DialError::ProxyTls(_) => ErrorKind::Proxy,
            DialError::Tls(_) => ErrorKind::Ssl,
            DialError::Denied(_) => ErrorKind::Denied,
        },
    }
}

const fn of_timeout(which: Deadline, phase: Phase) -> ErrorKind {
    match which {
        Deadline::Queue => ErrorKind::EmptyPool,
        Deadline::Resolve
        | Deadline::Resolver
        | Deadline::Connect
        | Deadline::Tls
        | Deadline::ProxyTls => ErrorKind::ConnectTimeout,
        Deadline::Write => ErrorKind::WriteTimeout,
        Deadline::Total if matches!(phase, Phase::Checkout) => ErrorKind::ConnectTimeout,
        Deadline::FirstByte
        | Deadline::Stall
        | Deadline::Rate
        | Deadline::Continue
        | Deadline::Backoff
        | Deadline::Drain
        | Deadline::Total => ErrorKind::ReadTimeout,
    }
}

const fn of_violation(why: Violation, phase: Phase) -> ErrorKind {
    match why {
        Violation::Truncated if matches!(phase, Phase::Body) => ErrorKind::IncompleteRead,
        Violation::Chunk => ErrorKind::InvalidChunkLength,
        Violation::FieldLine
        | Violation::FoldedLine
        | Violation::ContentLength
        | Violation::TransferEncoding
        | Violation::AmbiguousLength
        | Violation::Trailer => ErrorKind::InvalidHeader,
        Violation::StatusLine
        | Violation::Version
        | Violation::Truncated
        | Violation::Unsolicited
        | Violation::UnexpectedSwitch
        | Violation::TooLarge(
            Bound::Head | Bound::Fields | Bound::Interim | Bound::ChunkOverhead,
        ) => ErrorKind::Protocol,
    }
}

impl RequestError {
    /// Returns the kind of the error, by urllib3's names.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::UrlHost | Self::UrlSlashes => ErrorKind::LocationValue,
            Self::OtherHost => ErrorKind::HostChanged,
            Self::UrlByte { .. } | Self::UrlPort | Self::Url | Self::Zone | Self::Target { .. } => {
                ErrorKind::LocationParse
            }
            Self::UrlScheme | Self::Scheme => ErrorKind::UrlSchemeUnknown,
            Self::Method { .. }
            | Self::FieldName { .. }
            | Self::FieldValue { .. }
            | Self::Host
            | Self::ContentLength
            | Self::TransferEncoding
            | Self::Expect
            | Self::Te
            | Self::Body
            | Self::TwoBodies
            | Self::Sensitive
            | Self::Credentials
            | Self::ProxyField { .. } => ErrorKind::InvalidRequest,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::{
        content::{Coding, DecodeError, DecodeErrorKind},
        error::{Misuse, Reached, ResolveKind, TlsKind},
    };

    fn kind(cause: Cause, phase: Phase) -> ErrorKind {
        Failure::new(cause, phase, Reached::Nothing).kind()
    }

    #[test]
    fn a_failure_to_connect_has_the_kind_of_the_step_that_failed() {
        use DialError as D;
        use ErrorKind as K;
        for (why, wanted) in [
            (D::Name, K::NameResolution),
            (D::Resolve(ResolveKind::Busy), K::NameResolution),
            (D::Connect(IoKind::Refused), K::NewConnection),
            (D::Connect(IoKind::TimedOut), K::ConnectTimeout),
            (D::Timeout(Deadline::Connect), K::ConnectTimeout),
            (D::Timeout(Deadline::Tls), K::ConnectTimeout),
            (D::Timeout(Deadline::ProxyTls), K::ConnectTimeout),
            (D::Tls(TlsKind::Expired), K::Ssl),
            (D::ProxyRefused(407), K::Proxy),
            (D::ProxyLost(IoKind::Eof), K::Proxy),
            (D::ProxyTls(TlsKind::Issuer), K::Proxy),
        ] {
            let cause = Cause::Unavailable(Unavailable::Dial(why));
            assert_eq!(kind(cause, Phase::Checkout), wanted, "{why:?}");
        }
        assert_eq!(K::NewConnection.or_proxy(), K::Proxy);
        assert_eq!(K::Ssl.or_proxy(), K::Ssl, "the session may be the origin's");
        assert!(K::NameResolution.is_connect() && !K::ReadTimeout.is_connect());
    }

    #[test]
    fn a_deadline_is_named_after_the_phase_that_it_bounds() {
        use ErrorKind as K;
        for (which, phase, wanted) in [
            (Deadline::Queue, Phase::Checkout, K::EmptyPool),
            (Deadline::Total, Phase::Checkout, K::ConnectTimeout),
            (Deadline::Total, Phase::Body, K::ReadTimeout),
            (Deadline::Write, Phase::Send, K::WriteTimeout),
            (Deadline::FirstByte, Phase::Head, K::ReadTimeout),
            (Deadline::Stall, Phase::Body, K::ReadTimeout),
        ] {
            assert_eq!(kind(Cause::Timeout(which), phase), wanted, "{which} {phase}");
        }
    }

    #[test]
    fn a_violation_of_http_has_the_kind_of_its_part() {
        use ErrorKind as K;
        for (why, phase, wanted) in [
            (Violation::Truncated, Phase::Body, K::IncompleteRead),
            (Violation::Truncated, Phase::Head, K::Protocol),
            (Violation::Chunk, Phase::Body, K::InvalidChunkLength),
            (Violation::AmbiguousLength, Phase::Head, K::InvalidHeader),
            (Violation::TooLarge(Bound::Head), Phase::Head, K::Protocol),
        ] {
            assert_eq!(kind(Cause::Violation(why), phase), wanted, "{why:?}");
        }
        let decode = DecodeError { coding: Some(Coding::Gzip), at: 0, kind: DecodeErrorKind::Data };
        let decode = Cause::BodyUnusable(BodyUnusable::Decode(decode));
        assert_eq!(kind(decode, Phase::Body), K::Decode);
        assert_eq!(kind(Cause::Lost(IoKind::Reset), Phase::Body), K::Protocol);
    }

    #[test]
    fn what_urllib3_raises_is_named_and_the_rest_is_not() {
        for (cause, name) in [
            (Cause::Unavailable(Unavailable::Closed), "ClosedPoolError"),
            (Cause::Unavailable(Unavailable::KeyLineFull), "EmptyPoolError"),
            (Cause::NotReplayable, "UnrewindableBodyError"),
            (Cause::Status(503), "MaxRetryError"),
            (Cause::Redirect(RedirectError::TooMany), "MaxRetryError"),
            (Cause::Redirect(RedirectError::Location), "LocationParseError"),
            (Cause::Redirect(RedirectError::Scheme), "URLSchemeUnknown"),
            (Cause::Redirect(RedirectError::Downgrade), "Redirect"),
            (Cause::Misuse(Misuse::BodyLength), "BodyLength"),
            (Cause::Cancelled, "Cancelled"),
        ] {
            assert_eq!(kind(cause, Phase::Between).to_string(), name, "{cause}");
        }
        assert_eq!(RequestError::UrlHost.kind().urllib3(), Some("LocationValueError"));
        assert_eq!(RequestError::UrlPort.kind(), ErrorKind::LocationParse);
        assert_eq!(RequestError::Scheme.kind(), ErrorKind::UrlSchemeUnknown);
        assert_eq!(RequestError::Te.kind(), ErrorKind::InvalidRequest);
    }
}
