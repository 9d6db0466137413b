//! The settings of a call.

use core::time::Duration;

use super::{Redirect, Retry, Routes, Timeout};
use crate::setters::setters;

/// Redirects, retries, deadlines and routes of a call. It is plain data, and any number of calls
/// share one.
///
/// Change the fields, or chain the methods of the same names:
///
/// ```
/// use httpool::call::{Policy, Redirect, Retry, Timeout};
/// use httpool_blocking::Client;
/// use std::time::Duration;
///
/// let policy = Policy::default()
///     .timeout(Timeout::default().total(Duration::from_secs(10)))
///     .retry(Retry::new(3).on_statuses([503]).backoff(Duration::from_millis(100)))
///     .redirect(Redirect::limited(3));
///
/// // For all calls of a client; a call can bring its own.
/// let client = Client::builder().policy(policy).build();
/// let request = client.get("http://example.com/").redirect(Redirect::none()).build()?;
/// # Ok::<(), httpool_blocking::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Policy {
    /// Which redirects are followed, and which fields the new request keeps.
    pub redirect: Redirect,
    /// Which failures and statuses are retried, how often, and after which pause.
    pub retry: Retry,
    /// How long each phase may take.
    pub timeout: Timeout,
    /// Through which proxies, with which TLS configuration and from which address connections are
    /// opened.
    pub routes: Routes,
    /// Whether a request that is not idempotent is sent again when a reused connection turns out to
    /// be closed and no byte of a response came. False by default: the server may have acted on the
    /// request (RFC 9110 9.2.2).
    pub repeat_unsafe: bool,
    /// Whether the body of the response is a part of its attempt (urllib3: `preload_content`). False
    /// by default.
    ///
    /// Then an attempt also fails if the connection is lost inside the body of the response, if the
    /// body is malformed, or if its deadline passes: [`Retry::read`](field@Retry::read) counts it.
    /// If another attempt follows, the reader is told to forget the head and the body so far. A
    /// body that cannot be [decoded](crate::error::BodyUnusable) is not retried, and neither is a
    /// response whose request body could not be sent. The application should not use a part of the
    /// body before the whole has come.
    pub preload: bool,
    /// Whether the application gets 1xx responses, except 100 (Continue). False by default.
    pub show_interim: bool,
    /// Whether a body that ends before its Content-Length, because the server closes the connection
    /// in order, counts as whole (urllib3: `enforce_content_length=False`). False by default: such a
    /// body is incomplete (RFC 9112 8). The connection is not used again in any case. A chunked body
    /// without its last chunk, and an encoded body without its end, are always errors.
    pub accept_short_body: bool,
    /// Most bytes that are read of an unwanted body, so that its connection can be kept. A body is
    /// unwanted when its response is a followed redirect or is retried, or when the application has
    /// discarded it. If the body is longer, the connection is closed. 64 KiB by default.
    pub drain_bytes_max: DrainBytes,
    /// Longest time to read an unwanted body. It counts from the head of the response, or from the
    /// moment when the application discards it. When it has passed, the connection is closed and
    /// the call goes on. Meanwhile [`Timeout::stall`](field@Timeout::stall) does not run. 500 ms by
    /// default. With zero, only the bytes that have already come are read.
    pub drain_time_max: DrainTime,
}

impl Policy {
    setters! {
        redirect: Redirect,
        retry: Retry,
        timeout: Timeout,
        routes: Routes,
        repeat_unsafe: bool,
        preload: bool,
        show_interim: bool,
        accept_short_body: bool,
    }

    /// Sets [`drain_bytes_max`](field@Self::drain_bytes_max).
    #[must_use]
    pub fn drain_bytes_max(self, bytes: u64) -> Self {
        Self { drain_bytes_max: DrainBytes(bytes), ..self }
    }

    /// Sets [`drain_time_max`](field@Self::drain_time_max).
    #[must_use]
    pub fn drain_time_max(self, time: Duration) -> Self {
        Self { drain_time_max: DrainTime(time), ..self }
    }
}

/// A count of bytes, 64 Ki by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is a number and will stay one")]
pub struct DrainBytes(pub u64);

impl Default for DrainBytes {
    fn default() -> Self {
        Self(64 * 1024)
    }
}

/// A length of time, 500 ms by default.
///
/// 500 ms is longer than a round trip to the other side of the world, and less than a new TLS
/// connection to there takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is a duration and will stay one")]
pub struct DrainTime(pub Duration);

impl Default for DrainTime {
    fn default() -> Self {
        Self(Duration::from_millis(500))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setters_change_their_own_field() {
        let drain = Duration::from_millis(3);
        let policy = Policy::default().drain_bytes_max(7).drain_time_max(drain).show_interim(true);
        let changed = (policy.drain_bytes_max, policy.drain_time_max, policy.show_interim);
        assert_eq!(changed, (DrainBytes(7), DrainTime(drain), true));
        let mut rest = policy;
        (rest.drain_bytes_max, rest.drain_time_max) = Default::default();
        rest.show_interim = false;
        assert_eq!(rest, Policy::default());
    }
}
