//! Reports to `log`.

use std::{fmt, time::Duration};

use httpool::{
    id::ConnId,
    message::{Origin, Status},
};
use log::{Level, debug, warn};

use super::{
    CALL, POOL,
    imp::{Begun, Ended, Why},
};

/// `log` has no spans.
#[derive(Debug)]
pub(super) struct Span;

/// Whether a logger may want a report.
#[inline]
pub(super) fn is_on() -> bool {
    Level::Warn <= log::STATIC_MAX_LEVEL && Level::Warn <= log::max_level()
}

pub(super) fn begin(Begun { call, method, origin }: &Begun) -> Span {
    debug!(target: CALL, "{call} begins: {method} {origin}");
    Span
}

pub(super) fn end(_: &Span, Begun { call, method, origin }: &Begun, ended: &Ended) {
    let Ended { outcome, status, failure, counts, took } = ended;
    debug!(
        target: CALL,
        "{call} ends: {method} {origin}, {outcome}{}{}, redirects {}, retries {}{}",
        After(", status ", status.map(|status| status.as_u16())),
        After(", ", failure.map(|failure| Kind(failure.kind(), failure))),
        counts.redirects,
        counts.retries,
        After(", took ", took.map(Millis)),
    );
}

pub(super) fn redirected(
    _: &Span,
    it: &Begun,
    (status, to): (Status, &Origin),
    delay: Option<Duration>,
) {
    let (call, delay) = (&it.call, After(", in ", delay.map(Millis)));
    debug!(target: CALL, "{call} is redirected by {} to {to}{delay}", status.as_u16());
}

pub(super) fn retried(_: &Span, it: &Begun, why: Why, delay: Option<Duration>) {
    let (call, delay) = (&it.call, After(", in ", delay.map(Millis)));
    match why {
        Why::Status(status) => {
            warn!(target: CALL, "{call} is retried after status {}{delay}", status.as_u16());
        }
        Why::Failed(cause) => {
            warn!(target: CALL, "{call} is retried after a failure{}{delay}", After(": ", cause));
        }
    }
}

pub(super) fn reused(_: &Span, it: &Begun, conn: ConnId) {
    debug!(target: POOL, "{conn} is reused by {}", it.call);
}

pub(super) fn opened(conn: ConnId, origin: &Origin, proxy: Option<&Origin>) {
    debug!(target: POOL, "{conn} is opened to {origin}{}", After(" through ", proxy));
}

pub(super) fn closed(conn: ConnId, reason: &'static str) {
    debug!(target: POOL, "{conn} is closed: {reason}");
}

/// Writes a value after a text, or nothing if there is no value.
struct After<T>(&'static str, Option<T>);

impl<T: fmt::Display> fmt::Display for After<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1.as_ref().map_or(Ok(()), |value| write!(f, "{}{value}", self.0))
    }
}

/// Writes a time in milliseconds: `3 ms`.
struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0.as_millis())
    }
}

/// Writes the kind of a failure in front of it.
struct Kind<A, B>(A, B);

impl<A: fmt::Display, B: fmt::Display> fmt::Display for Kind<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0, self.1)
    }
}
