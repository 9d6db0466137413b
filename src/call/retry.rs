//! Which failures are tried again, how often, and after how long.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::date;
use crate::{
    error::{Cause, DialError, ResolveKind, TlsKind, Unavailable},
    message::{Fields, Method, Status},
};

/// Which failures are tried again, how often, and after how long: the rules of urllib3's `Retry`
/// without its faults (pauses and attempts are bound by the call's total deadline, and no
/// connection is held in a pause).
///
/// Apart from this, and not counted here, a request that meets a dead idle connection is sent again
/// at once where that is safe: see [`Call`](super::Call).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// All attempts after the first, whatever for; `None` does not bound them. None are made by
    /// default (`Some(0)`).
    pub total: Option<u32>,
    /// Those after a connection could not be opened: nothing had been sent.
    pub connect: Option<u32>,
    /// Those after the connection was lost, timed out, or spoke nonsense, once the request had been
    /// sent: only for [`methods`](Self::methods).
    pub read: Option<u32>,
    /// Redirects, where [`count_redirects`](Self::count_redirects) is set.
    pub redirect: Option<u32>,
    /// Those after a response with a status of [`statuses`](Self::statuses) or with Retry-After.
    pub status: Option<u32>,
    /// Those after any other failure.
    pub other: Option<u32>,
    /// Whether redirects count for `total` and `redirect`, as in urllib3. False by default.
    pub count_redirects: bool,
    /// The methods that may be sent again once the server may have seen them; `None` is any. By
    /// default the idempotent ones (RFC 9110 9.2.2).
    pub methods: Option<Vec<Method>>,
    /// Responses with these are tried again (urllib3: `status_forcelist`). None by default.
    pub statuses: Vec<Status>,
    /// The unit of pauses: none before the second attempt, twice this before the third, and doubled
    /// for each further one (urllib3: `backoff_factor`). Zero by default.
    pub backoff: Duration,
    /// The longest such pause. 120 seconds by default.
    pub backoff_max: Duration,
    /// Up to so much more, at random from the call's seed. Zero by default.
    pub backoff_jitter: Duration,
    /// Whether a Retry-After is obeyed (RFC 9110 10.2.3); with 413, 429 and 503 it is itself reason
    /// for another attempt. True by default.
    pub respect_retry_after: bool,
    /// The longest pause that Retry-After may ask for. 6 hours by default.
    pub retry_after_max: Duration,
    /// Whether a response with a status of `statuses` is an error when attempts are spent; if not,
    /// it is handed over. True by default.
    pub raise_on_status: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            total: Some(0),
            connect: None,
            read: None,
            redirect: None,
            status: None,
            other: None,
            count_redirects: false,
            methods: Some(vec![
                Method::GET,
                Method::HEAD,
                Method::PUT,
                Method::DELETE,
                Method::OPTIONS,
                Method::TRACE,
            ]),
            statuses: Vec::new(),
            backoff: Duration::ZERO,
            backoff_max: Duration::from_secs(120),
            backoff_jitter: Duration::ZERO,
            respect_retry_after: true,
            retry_after_max: Duration::from_secs(6 * 3_600),
            raise_on_status: true,
        }
    }
}

impl Retry {
    /// At most `total` attempts after the first.
    pub fn new(total: u32) -> Self {
        Self { total: Some(total), ..Self::default() }
    }

    /// Whether a response with this status may be tried again; of most nothing else need be known,
    /// and their fields not be searched.
    pub(super) fn concerns(&self, status: Status) -> bool {
        self.statuses.contains(&status)
            || self.respect_retry_after && RETRY_AFTER_STATUSES.contains(&status.as_u16())
    }

    fn allows(&self, method: &Method) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.contains(method))
    }
}

/// With these, Retry-After alone is reason for another attempt (urllib3:
/// `RETRY_AFTER_STATUS_CODES`).
const RETRY_AFTER_STATUSES: [u16; 3] = [413, 429, 503];

/// What an attempt ended with, as far as counting goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Connect,
    Read,
    Redirect,
    Status,
    Other,
}

/// What is left of a [`Retry`] in one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    total: Option<u32>,
    connect: Option<u32>,
    read: Option<u32>,
    redirect: Option<u32>,
    status: Option<u32>,
    other: Option<u32>,
    /// Failed attempts since the last redirect.
    in_a_row: u32,
}

impl Left {
    pub(super) const fn all_of(retry: &Retry) -> Self {
        let Retry { total, connect, read, redirect, status, other, .. } = retry;
        Self {
            total: *total,
            connect: *connect,
            read: *read,
            redirect: *redirect,
            status: *status,
            other: *other,
            in_a_row: 0,
        }
    }

    /// Whether `cause`, with the request sent or not, may be followed by another attempt.
    pub(super) fn after_failure(
        &mut self,
        retry: &Retry,
        cause: Cause,
        sent: bool,
        method: &Method,
    ) -> bool {
        let kind = match cause {
            Cause::Unavailable(Unavailable::Dial(DialError::Tls(
                TlsKind::Certificate | TlsKind::Pin | TlsKind::Unavailable,
            ))) => return false,
            Cause::Unavailable(Unavailable::Dial(DialError::Resolve(ResolveKind::Zone))) => {
                return false;
            }
            Cause::Unavailable(Unavailable::Dial(_)) => Kind::Connect,
            Cause::Lost(_) | Cause::Timeout(_) | Cause::Violation(_) if sent => Kind::Read,
            Cause::Lost(_) | Cause::Timeout(_) | Cause::Violation(_) => Kind::Other,
            Cause::Unavailable(_)
            | Cause::BodyUnsent(_)
            | Cause::Redirect(_)
            | Cause::Status(_)
            | Cause::NotReplayable
            | Cause::Body
            | Cause::Misuse(_)
            | Cause::Cancelled => return false,
        };
        if kind == Kind::Read && !retry.allows(method) {
            return false;
        }
        self.spend(kind)
    }

    /// What a response's status asks for.
    pub(super) fn after_status(
        &mut self,
        retry: &Retry,
        status: Status,
        has_retry_after: bool,
        method: &Method,
    ) -> Again {
        if !retry.allows(method) {
            return Again::No;
        }
        let forced = retry.statuses.contains(&status);
        let asked = retry.respect_retry_after
            && has_retry_after
            && RETRY_AFTER_STATUSES.contains(&status.as_u16());
        if forced && !self.spend(Kind::Status) {
            return if retry.raise_on_status { Again::Spent } else { Again::No };
        }
        if forced || asked && self.total != Some(0) && self.spend(Kind::Status) {
            return Again::Yes;
        }
        Again::No
    }

    /// Whether a redirect may be followed, where they count.
    pub(super) fn after_redirect(&mut self, retry: &Retry) -> bool {
        self.in_a_row = 0;
        !retry.count_redirects || self.take(Kind::Redirect)
    }

    /// The pause before the next attempt. `random`: 0 to 1 in units of 2^-32.
    pub(super) fn pause(&self, retry: &Retry, random: u32) -> Duration {
        let doublings = match self.in_a_row {
            0 | 1 => return Duration::ZERO,
            n => (n - 1).min(31),
        };
        let jitter = (retry.backoff_jitter.as_nanos() * u128::from(random)) >> 32;
        let jitter = Duration::from_nanos(u64::try_from(jitter).unwrap_or(u64::MAX));
        retry.backoff.saturating_mul(1 << doublings).saturating_add(jitter).min(retry.backoff_max)
    }

    fn spend(&mut self, kind: Kind) -> bool {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.take(kind)
    }

    fn take(&mut self, kind: Kind) -> bool {
        let own = match kind {
            Kind::Connect => &mut self.connect,
            Kind::Read => &mut self.read,
            Kind::Redirect => &mut self.redirect,
            Kind::Status => &mut self.status,
            Kind::Other => &mut self.other,
        };
        if self.total == Some(0) || *own == Some(0) {
            return false;
        }
        for counter in [&mut self.total, own].into_iter().flatten() {
            *counter -= 1;
        }
        true
    }
}

/// Whether another attempt follows a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// The response is handed over.
    No,
    Yes,
    /// It should, but attempts are spent, which the policy wants to be an error.
    Spent,
}

/// How long Retry-After asks to wait (RFC 9110 10.2.3). A date counts from the response's own Date,
/// else from `wall`, the time of day in seconds since 1970; with neither it is not understood. What
/// is not understood is as if it were not there.
pub(super) fn retry_after(fields: &Fields<'_>, wall: Option<u64>) -> Option<Duration> {
    let value = fields.get_str("retry-after")?;
    if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let at = date::parse(value)?;
    let from = fields.get_str("date").and_then(date::parse).or(wall)?;
    Some(Duration::from_secs(at.saturating_sub(from)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::IoKind;

    const LOST: Cause = Cause::Lost(IoKind::Eof);

    #[test]
    fn pauses_double_from_the_second_failure_on() {
        let mut retry = Retry::new(10);
        retry.backoff = Duration::from_millis(100);
        retry.backoff_max = Duration::from_millis(700);
        let mut left = Left::all_of(&retry);
        let pauses: Vec<_> = (0..5)
            .map(|_| {
                assert!(left.after_failure(&retry, LOST, true, &Method::GET));
                left.pause(&retry, 0).as_millis()
            })
            .collect();
        assert_eq!(pauses, [0, 200, 400, 700, 700]);
    }

    #[test]
    fn the_total_and_the_own_counter_both_bind() {
        let mut retry = Retry::new(3);
        retry.read = Some(1);
        let mut left = Left::all_of(&retry);
        assert!(left.after_failure(&retry, LOST, true, &Method::GET));
        assert!(!left.after_failure(&retry, LOST, true, &Method::GET));
        let dial = Cause::Unavailable(Unavailable::Dial(DialError::Name));
        assert!(left.after_failure(&retry, dial, false, &Method::POST));
        assert!(left.after_failure(&retry, dial, false, &Method::POST));
        assert!(!left.after_failure(&retry, dial, false, &Method::POST));
    }

    #[test]
    fn what_the_server_may_have_seen_is_repeated_for_allowed_methods_only() {
        let retry = Retry::new(3);
        let mut left = Left::all_of(&retry);
        assert!(!left.after_failure(&retry, LOST, true, &Method::POST));
        assert!(left.after_failure(&retry, LOST, false, &Method::POST));
    }

    #[test]
    fn spent_attempts_hand_over_or_raise() {
        let status = Status::new(503).unwrap();
        let mut retry = Retry::new(0);
        let mut left = Left::all_of(&retry);
        assert_eq!(left.after_status(&retry, status, true, &Method::GET), Again::No);
        retry.statuses.push(status);
        assert_eq!(left.after_status(&retry, status, true, &Method::GET), Again::Spent);
        retry.raise_on_status = false;
        assert_eq!(left.after_status(&retry, status, true, &Method::GET), Again::No);
    }

    #[test]
    fn retry_after_in_seconds_and_as_a_date() {
        let after = |lines: &[u8], wall| {
            retry_after(&Fields::from_validated(lines), wall).map(|pause| pause.as_secs())
        };
        assert_eq!(after(b"Retry-After: 7\r\n", None), Some(7));
        assert_eq!(after(b"Retry-After: 99999999999999999999\r\n", None), Some(u64::MAX));
        let date = b"Retry-After: Thu, 01 Jan 1970 00:01:00 GMT\r\n";
        assert_eq!(after(date, None), None);
        assert_eq!(after(date, Some(50)), Some(10));
        assert_eq!(after(date, Some(70)), Some(0));
        let own = b"Retry-After: Thu, 01 Jan 1970 00:01:00 GMT\r\nDate: Thu, 01 Jan 1970 00:00:20 GMT\r\n";
        assert_eq!(after(own, Some(50)), Some(40));
        assert_eq!(after(b"Retry-After: soon\r\n", Some(50)), None);
    }
}
