//! Which failures and statuses are retried, how often, and after which pause.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::date;
use crate::{
    error::{Cause, DialError, ResolveKind, Unavailable},
    message::{Fields, Method, Status},
    setters::setters,
};

/// Which failures and statuses are retried, how often, and after which pause.
///
/// The rules are those of urllib3's `Retry`, with two corrections: the total deadline of the call
/// bounds the pauses and the attempts, and no connection is held during a pause. Each counter is a
/// bound of its own, and `total` bounds their sum. `None` is without bound.
///
/// A request that was written to a stale connection is sent again at once where that is safe, and
/// is not counted here: see [Stale connections](super#stale-connections).
///
/// ```
/// # use std::{io::{Read, Write}, net::TcpListener, thread};
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/", listener.local_addr()?);
/// # thread::spawn(move || {
/// #     let (mut tcp, _) = listener.accept().unwrap();
/// #     for head in ["503 Service Unavailable", "200 OK"] {
/// #         tcp.read(&mut [0; 4096]).unwrap();
/// #         write!(tcp, "HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n").unwrap();
/// #     }
/// # });
/// use httpool::{call::Retry, message::Status};
/// use httpool_blocking::Client;
/// use std::time::Duration;
///
/// // Up to three more attempts after a 503, with pauses of 0, 20 and 40 ms before them.
/// let retry = Retry::new(3).on_statuses([503]).backoff(Duration::from_millis(10));
/// let response = Client::new().get(&url).retry(retry).send()?;
/// assert_eq!(response.status(), Status::OK);
/// assert_eq!(response.history()[0].status, Some(Status::SERVICE_UNAVAILABLE));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// Most retries of one call, for all reasons together. `Some(0)` by default: no retries.
    pub total: Option<u32>,
    /// Most retries because a name could not be looked up, no address accepted a connection, or one
    /// was not opened in time. Nothing had been sent then. `None` by default.
    pub connect: Option<u32>,
    /// Most retries because the connection was lost, a deadline passed or the response was invalid,
    /// when bytes of the request had been sent. Only requests with one of the
    /// [`methods`](field@Self::methods) are retried. `None` by default.
    pub read: Option<u32>,
    /// Most redirects, if [`count_redirects`](field@Self::count_redirects) is set. `None` by
    /// default.
    pub redirect: Option<u32>,
    /// Most retries because of a response: one with a status of [`statuses`](field@Self::statuses),
    /// or with Retry-After. `None` by default.
    pub status: Option<u32>,
    /// Most retries because of other failures: of a TLS handshake or of a proxy, and those that
    /// `read` counts when no byte of the request had been sent. `None` by default.
    ///
    /// A certificate that cannot be trusted, and a proxy that demands other credentials (407), are
    /// never retried. urllib3 retries both.
    pub other: Option<u32>,
    /// Whether a redirect counts for `total` and `redirect`, as in urllib3. False by default.
    pub count_redirects: bool,
    /// The methods whose requests may be sent again when the server may have received them
    /// (urllib3: `allowed_methods`). `None`: every method. By default the idempotent ones (RFC 9110
    /// 9.2.2).
    pub methods: Option<Vec<Method>>,
    /// Statuses whose responses are retried (urllib3: `status_forcelist`). Empty by default.
    pub statuses: Vec<Status>,
    /// The unit of the pauses (urllib3: `backoff_factor`). There is no pause before the first
    /// retry. The pause before the second is twice this, and each further pause is twice the one
    /// before. Zero by default: no pauses.
    pub backoff: Duration,
    /// The longest of these pauses, its random part included. 120 seconds by default.
    pub backoff_max: Duration,
    /// A random time from zero to this is added to each pause. It derives from the call's seed.
    /// Zero by default.
    pub backoff_jitter: Duration,
    /// Whether Retry-After decides the pause (RFC 9110 10.2.3). A response with 413, 429 or 503 and
    /// Retry-After is then retried even if `statuses` does not name its status. True by default.
    pub respect_retry_after: bool,
    /// The longest pause for a Retry-After; one that asks for more is shortened to this. 6 hours by
    /// default.
    pub retry_after_max: Duration,
    /// Whether a response with a status of `statuses` is an error when no retry is left. If not,
    /// the application gets the response. True by default.
    pub raise_on_status: bool,
    /// Whether nothing is retried, and no redirect is followed if
    /// [`count_redirects`](field@Self::count_redirects) is set: the application gets the redirect
    /// (urllib3: `total=False`). Unlike a `total` of 0, this is not reported as
    /// [spent](super::Call::retries_spent) retries. False by default.
    pub disabled: bool,
    /// The same for the failures that [`connect`](field@Self::connect) counts (urllib3:
    /// `connect=False`). False by default.
    pub connect_disabled: bool,
    /// The same for the failures that [`read`](field@Self::read) counts (urllib3: `read=False`).
    /// False by default.
    pub read_disabled: bool,
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
            disabled: false,
            connect_disabled: false,
            read_disabled: false,
        }
    }
}

impl Retry {
    /// Statuses after which a later request is likely to succeed: 408, 429, 500, 502, 503 and 504,
    /// as in curl's `--retry`. No policy has them by default.
    ///
    /// ```
    /// use httpool::call::Retry;
    ///
    /// let retry = Retry::new(3).on_statuses(Retry::TRANSIENT);
    /// assert_eq!(retry.statuses.len(), 6);
    /// ```
    pub const TRANSIENT: [Status; 6] = [
        Status::REQUEST_TIMEOUT,
        Status::TOO_MANY_REQUESTS,
        Status::INTERNAL_SERVER_ERROR,
        Status::BAD_GATEWAY,
        Status::SERVICE_UNAVAILABLE,
        Status::GATEWAY_TIMEOUT,
    ];

    /// At most `total` retries of one call.
    pub fn new(total: u32) -> Self {
        Self { total: Some(total), ..Self::default() }
    }

    /// urllib3's `Retry.DEFAULT`: at most 3 retries and redirects together. A number in place of 3 is
    /// converted in the same way: `Retry::from(5_u32)`.
    pub fn urllib3() -> Self {
        Self::from(3_u32)
    }

    /// No retries, and no redirects if [`count_redirects`](field@Self::count_redirects) is set: the
    /// same as `Retry::from(false)`.
    pub fn off() -> Self {
        Self { disabled: true, count_redirects: true, ..Self::new(0) }
    }

    setters! {
        total: Option<u32>,
        connect: Option<u32>,
        read: Option<u32>,
        redirect: Option<u32>,
        status: Option<u32>,
        other: Option<u32>,
        count_redirects: bool,
        backoff: Duration,
        backoff_max: Duration,
        backoff_jitter: Duration,
        respect_retry_after: bool,
        retry_after_max: Duration,
        raise_on_status: bool,
        disabled: bool,
        connect_disabled: bool,
        read_disabled: bool,
    }

    /// Sets [`statuses`](field@Self::statuses), from numbers or constants of [`Status`]. A number
    /// without three digits is left out: no response has it.
    ///
    /// ```
    /// use httpool::{call::Retry, message::Status};
    ///
    /// let retry = Retry::new(3).on_statuses([502, 503]);
    /// assert_eq!(retry.statuses, [Status::BAD_GATEWAY, Status::SERVICE_UNAVAILABLE]);
    /// assert_eq!(retry, Retry::new(3).on_statuses(retry.statuses.clone()));
    /// ```
    #[must_use]
    pub fn on_statuses(self, statuses: impl IntoIterator<Item: TryInto<Status>>) -> Self {
        let statuses = statuses.into_iter().filter_map(|status| status.try_into().ok());
        Self { statuses: statuses.collect(), ..self }
    }

    /// Sets [`methods`](field@Self::methods) to these alone.
    #[must_use]
    pub fn methods(self, methods: impl IntoIterator<Item = Method>) -> Self {
        Self { methods: Some(methods.into_iter().collect()), ..self }
    }

    /// Sets [`methods`](field@Self::methods) to `None`: requests with any method may be sent again
    /// when the server may have received them, and then it may act twice.
    #[must_use]
    pub fn any_method(self) -> Self {
        Self { methods: None, ..self }
    }

    /// Whether a response with this status can be retried at all. For all others the fields need
    /// not be searched for Retry-After.
    pub(super) fn concerns(&self, status: Status) -> bool {
        self.statuses.contains(&status)
            || self.respect_retry_after && RETRY_AFTER_STATUSES.contains(&status.as_u16())
    }

    fn allows(&self, method: &Method) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.contains(method))
    }
}

/// urllib3's `Retry.from_int`: at most `total` retries and redirects together. The redirects are
/// then bounded by this and by [`Redirect::max`](field@super::Redirect::max).
///
/// ```
/// use httpool::call::Retry;
///
/// assert_eq!(Retry::from(2_u32), Retry::new(2).count_redirects(true));
/// ```
impl From<u32> for Retry {
    fn from(total: u32) -> Self {
        Self { count_redirects: true, ..Self::new(total) }
    }
}

/// urllib3's `retries=None`: the [default](Retry::urllib3) of 3.
impl From<Option<u32>> for Retry {
    fn from(total: Option<u32>) -> Self {
        total.map_or_else(Self::urllib3, Self::from)
    }
}

/// urllib3's `retries=True` is one retry, because `True` is 1 there. `retries=False` is
/// [off](Retry::off): errors are reported as they are, and a redirect is returned.
impl From<bool> for Retry {
    fn from(one: bool) -> Self {
        if one { Self::from(1_u32) } else { Self::off() }
    }
}

/// Responses with these statuses and Retry-After are retried even if the policy does not name the
/// status (urllib3: `RETRY_AFTER_STATUS_CODES`).
const RETRY_AFTER_STATUSES: [u16; 3] = [413, 429, 503];

/// The counter of [`Retry`] that an ended attempt is charged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Connect,
    Read,
    Redirect,
    Status,
    Other,
}

/// The counters of a [`Retry`], as far as one call has not used them up.
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

    /// Whether a retry follows the failure `cause`, and counts it. `No`: not after such a failure.
    /// `sent`: bytes of the request had been sent.
    pub(super) fn after_failure(
        &mut self,
        retry: &Retry,
        cause: Cause,
        sent: bool,
        method: &Method,
    ) -> Again {
        let kind = match cause {
            Cause::Unavailable(Unavailable::Dial(
                DialError::Tls(why) | DialError::ProxyTls(why),
            )) if why.is_permanent() => return Again::No,
            Cause::Unavailable(Unavailable::Dial(
                DialError::Resolve(ResolveKind::Zone)
                | DialError::Denied(_)
                | DialError::Family
                | DialError::ProxyCredentials
                | DialError::ProxyLogin(_),
            )) => return Again::No,
            Cause::Unavailable(Unavailable::Dial(
                DialError::Tls(_)
                | DialError::ProxyTls(_)
                | DialError::ProxyLost(_)
                | DialError::ProxyRefused(_)
                | DialError::ProxyProtocol,
            )) => Kind::Other,
            Cause::Unavailable(Unavailable::Dial(
                DialError::Name
                | DialError::Resolve(_)
                | DialError::Connect(_)
                | DialError::Timeout(_),
            )) => Kind::Connect,
            Cause::Tls(why) if why.is_permanent() => return Again::No,
            Cause::Lost(_) | Cause::Tls(_) | Cause::Timeout(_) | Cause::Violation(_) if sent => {
                Kind::Read
            }
            Cause::Lost(_) | Cause::Tls(_) | Cause::Timeout(_) | Cause::Violation(_) => Kind::Other,
            Cause::Unavailable(_)
            | Cause::BodyUnsent(_)
            | Cause::Redirect(_)
            | Cause::Status(_)
            | Cause::NotReplayable
            | Cause::Body
            | Cause::Misuse(_)
            | Cause::BodyUnusable(_)
            | Cause::Cancelled => return Again::No,
        };
        let disabled = match kind {
            Kind::Connect => retry.connect_disabled,
            Kind::Read => retry.read_disabled || !retry.allows(method),
            Kind::Redirect | Kind::Status | Kind::Other => false,
        };
        if disabled || retry.disabled {
            return Again::No;
        }
        if self.spend(kind) { Again::Yes } else { Again::Spent }
    }

    /// Whether a retry follows a response with this status, and counts it.
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

    /// Whether the counters allow another redirect, and counts it, if the policy counts redirects.
    pub(super) fn after_redirect(&mut self, retry: &Retry) -> bool {
        self.in_a_row = 0;
        !retry.count_redirects || !retry.disabled && self.take(Kind::Redirect)
    }

    /// The pause before the next attempt. `random`: a number from 0 to 1, in units of 2^-32.
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

/// Whether a retry follows a response or a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// No: the application gets the response, or the failure.
    No,
    Yes,
    /// One would follow, and no retry is left.
    Spent,
}

/// Returns the wait that Retry-After asks for (RFC 9110 10.2.3). A date counts from the Date of the
/// response, or else from `wall`, the time of day in seconds since 1970. `None` if there is no
/// Retry-After, if it is neither seconds nor a date, or if it is a date and both Date and `wall`
/// are missing.
pub fn retry_after(fields: &Fields<'_>, wall: Option<u64>) -> Option<Duration> {
    let value = fields.get_str("retry-after")?;
    if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let at = date::parse(value)?;
    let from = fields.get_str("date").and_then(date::parse).or(wall)?;
    Some(Duration::from_secs(at.saturating_sub(from)))
}
