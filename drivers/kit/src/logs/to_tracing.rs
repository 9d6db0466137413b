//! Reports to `tracing`.

use std::time::Duration;

use httpool::{
    id::ConnId,
    message::{Origin, Status},
};
use tracing::{
    Level, debug, debug_span,
    field::{Empty, display},
    level_filters::LevelFilter,
    warn,
};

use super::{
    CALL, POOL,
    imp::{Begun, Ended, Why},
};

pub(super) use tracing::Span;

/// Whether a subscriber may want a report.
#[inline]
pub(super) fn is_on() -> bool {
    Level::WARN <= tracing::level_filters::STATIC_MAX_LEVEL && Level::WARN <= LevelFilter::current()
}

pub(super) fn begin(it: &Begun) -> Span {
    debug_span!(
        target: CALL,
        "call",
        call = %it.call,
        method = %it.method,
        origin = %it.origin,
        outcome = Empty,
        status = Empty,
        kind = Empty,
        error = Empty,
        redirects = Empty,
        retries = Empty,
        elapsed_ms = Empty,
    )
}

pub(super) fn end(span: &Span, _: &Begun, ended: &Ended) {
    span.record("outcome", ended.outcome);
    if let Some(status) = ended.status {
        span.record("status", status.as_u16());
    }
    if let Some(failure) = ended.failure {
        span.record("kind", display(failure.kind()));
        span.record("error", display(failure));
    }
    span.record("redirects", ended.counts.redirects);
    span.record("retries", ended.counts.retries);
    if let Some(took) = ended.took {
        span.record("elapsed_ms", millis(took));
    }
}

pub(super) fn redirected(
    span: &Span,
    it: &Begun,
    (status, to): (Status, &Origin),
    delay: Option<Duration>,
) {
    let (call, status) = (&it.call, status.as_u16());
    let delay_ms = delay.map(millis);
    span.in_scope(|| debug!(target: CALL, %call, status, %to, delay_ms, "redirected"));
}

pub(super) fn retried(span: &Span, it: &Begun, why: Why, delay: Option<Duration>) {
    let (call, delay_ms) = (&it.call, delay.map(millis));
    let (status, error) = match why {
        Why::Status(status) => (Some(status.as_u16()), None),
        Why::Failed(cause) => (None, cause.map(display)),
    };
    span.in_scope(|| warn!(target: CALL, %call, status, error, delay_ms, "retried"));
}

pub(super) fn reused(span: &Span, it: &Begun, conn: ConnId) {
    let call = &it.call;
    span.in_scope(|| debug!(target: POOL, connection = %conn, %call, "reused"));
}

pub(super) fn opened(conn: ConnId, origin: &Origin, proxy: Option<&Origin>) {
    let proxy = proxy.map(display);
    debug!(target: POOL, connection = %conn, %origin, proxy, "opened");
}

pub(super) fn closed(conn: ConnId, reason: &'static str) {
    debug!(target: POOL, connection = %conn, reason, "closed");
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
