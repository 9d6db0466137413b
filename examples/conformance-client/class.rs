//! Maps errors to the classes that the conformance cases use.

use httpool::error::{
    BodyUnusable, Cause, DialError, Failure, IoKind, RedirectError, RequestError, TlsKind,
    Unavailable, Violation,
};

/// Returns the class of a request error or of a call's failure.
pub(super) fn of(request: Option<RequestError>, failure: Option<&Failure>) -> &'static str {
    match (request, failure) {
        (Some(why), _) => of_request(why),
        (None, Some(failure)) => of_cause(failure.cause),
        (None, None) => "other",
    }
}

pub(super) fn of_request(why: RequestError) -> &'static str {
    match why {
        RequestError::Scheme => "unsupported",
        _ => "invalid_request",
    }
}

fn of_cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Unavailable(Unavailable::Dial(why)) => of_dial(why),
        Cause::Unavailable(
            Unavailable::LineFull | Unavailable::KeyLineFull | Unavailable::RetryBudget,
        ) => "limit",
        Cause::Timeout(_) | Cause::Lost(IoKind::TimedOut) => "timeout",
        Cause::Violation(Violation::TooLarge(_)) => "limit",
        Cause::Violation(Violation::Truncated) | Cause::Lost(IoKind::Eof) => "incomplete",
        Cause::Violation(_) => "protocol",
        Cause::Lost(IoKind::Reset) => "reset",
        Cause::Redirect(RedirectError::TooMany) => "too_many_redirects",
        Cause::Redirect(RedirectError::Scheme) => "unsupported",
        Cause::Redirect(RedirectError::Location) => "protocol",
        Cause::Status(_) => "retries_exhausted",
        Cause::BodyUnusable(BodyUnusable::Decode(_)) => "decode",
        Cause::BodyUnusable(BodyUnusable::TooLong { .. }) => "limit",
        _ => "other",
    }
}

fn of_dial(why: DialError) -> &'static str {
    match why {
        DialError::Name | DialError::Resolve(_) => "dns",
        DialError::Timeout(_) | DialError::Connect(IoKind::TimedOut) => "timeout",
        DialError::Connect(_) => "connect",
        DialError::ProxyLost(_)
        | DialError::ProxyRefused(_)
        | DialError::ProxyLogin(_)
        | DialError::ProxyProtocol
        | DialError::ProxyCredentials => "proxy",
        DialError::Tls(TlsKind::Unavailable) => "unsupported",
        DialError::Tls(_) => "tls",
        _ => "other",
    }
}
