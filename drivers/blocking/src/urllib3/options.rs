//! The settings of pools and managers, by urllib3's names.

use std::{fmt, net::IpAddr, time::Duration};

use httpool::{
    call::{Policy, Redirect, Retry, Routes, Timeout},
    message::{Hop, KeyLimits, TlsId},
};

use crate::{Client, ClientBuilder};

/// The settings of a [`HttpConnectionPool`](super::HttpConnectionPool), a
/// [`HttpsConnectionPool`](super::HttpsConnectionPool) or a [`PoolManager`](super::PoolManager): the
/// keywords of urllib3's constructors, with their documented defaults.
///
/// ```
/// use httpool_blocking::urllib3::{HttpConnectionPool, PoolOptions};
/// use std::time::Duration;
///
/// // At most four connections. A fifth call waits for one that comes back.
/// let options = PoolOptions::new().maxsize(4).block(true).timeout(Duration::from_secs(5));
/// let pool = HttpConnectionPool::with("example.com", 8080, options)?;
/// assert_eq!(pool.stats().idle, 0);
/// # Ok::<(), httpool_blocking::Error>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "a pool or a manager is made with it"]
pub struct PoolOptions {
    timeout: Option<Timeout>,
    maxsize: Option<usize>,
    block: Option<bool>,
    pub(super) headers: Option<Vec<(String, String)>>,
    retries: Option<Retry>,
    redirects: Option<Redirect>,
    source_address: Option<IpAddr>,
    proxy: Option<Hop>,
    tls_id: Option<TlsId>,
    engine: Option<ClientBuilder>,
    #[cfg(feature = "tls")]
    tls: Option<crate::TlsOptions>,
}

impl PoolOptions {
    /// Makes the documented defaults: `maxsize=1`, `block=False`, `headers=None`, `retries=None`
    /// (three retries), no timeout.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long a connection may take to open, and how long the server may be silent: urllib3's
    /// `timeout` as a number. Without it a call waits for ever for an answer, as in urllib3; opening
    /// a connection is then bounded by the [dial policy](crate::DialPolicy), 10 seconds for each
    /// step, which urllib3 leaves to the system. With a time of zero each call fails at once (urllib3:
    /// `ValueError`).
    pub fn timeout(self, each: Duration) -> Self {
        self.timeouts(timeout_of(Some(each)))
    }

    /// Sets all deadlines: urllib3's `timeout` as a `Timeout`. The wait for a connection is
    /// `pool_timeout` of a call, and not [`Timeout::queue`](field@Timeout::queue).
    pub fn timeouts(self, timeout: Timeout) -> Self {
        Self { timeout: Some(timeout.queue(None)), ..self }
    }

    /// Sets how many idle connections to one host are kept. 1 by default. Zero keeps none (urllib3
    /// keeps every one, and with `block=True` never gives one out).
    pub fn maxsize(self, maxsize: usize) -> Self {
        Self { maxsize: Some(maxsize), ..self }
    }

    /// Sets whether there are at most [`maxsize`](Self::maxsize) connections to one host, so that a
    /// call waits for one. If not, which is the default, surplus connections are closed when they
    /// come back. Waiting calls are served in the order in which they came, which urllib3 does not
    /// promise. With a `maxsize` of zero, one connection is opened.
    pub fn block(self, yes: bool) -> Self {
        Self { block: Some(yes), ..self }
    }

    /// Sets the header fields of requests that are given none of their own. Those of a request
    /// replace all of them.
    pub fn headers<N, V>(self, headers: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        Self { headers: Some(pairs(headers)), ..self }
    }

    /// Sets the retries of requests that are given none of their own: a [`Retry`], a number, or
    /// `false`. The default is three, for failures and redirects together.
    pub fn retries(self, retries: impl Into<Retries>) -> Self {
        Self { retries: Some(retries.into().0), ..self }
    }

    /// Sets how redirects are followed: `raise_on_redirect` and `remove_headers_on_redirect` of
    /// urllib3's `Retry`. The default is [`Redirect::urllib3`]. A pool does not follow redirects to
    /// another host, whatever [`same_origin`](field@Redirect::same_origin) says:
    /// [`assert_same_host`](super::Urlopen::assert_same_host) of a request decides.
    pub fn redirects(self, redirects: Redirect) -> Self {
        Self { redirects: Some(redirects), ..self }
    }

    /// Sets the local address to connect from (urllib3: `source_address`, without its port: a port
    /// can have only one connection to a server).
    pub fn source_address(self, address: IpAddr) -> Self {
        Self { source_address: Some(address), ..self }
    }

    /// Sends through a proxy (urllib3: `_proxy`, `_proxy_headers`): forwarded to `http` hosts, and
    /// tunnelled to `https` hosts.
    pub fn proxy(self, proxy: Hop) -> Self {
        Self { proxy: Some(proxy), ..self }
    }

    /// Sets the TLS settings: `ca_certs`, `cert_file`, `assert_hostname` and so on. For a pool that
    /// a manager makes, use [`tls_id`](Self::tls_id).
    #[cfg(feature = "tls")]
    pub fn tls(self, options: crate::TlsOptions) -> Self {
        Self { tls: Some(options), ..self }
    }

    /// Chooses a TLS configuration of the manager, by its number. Pools with different ones share no
    /// connections.
    pub fn tls_id(self, tls: TlsId) -> Self {
        Self { tls_id: Some(tls), ..self }
    }

    /// Sets everything else that a client has: resolver, limits, guard, trace, dial policy. The
    /// limits on connections that urllib3 names, and redirects, retries and deadlines, are those of
    /// these options.
    pub fn engine(self, builder: ClientBuilder) -> Self {
        Self { engine: Some(builder), ..self }
    }

    /// Does nothing: urllib3 1.x accepts `strict` and ignores it, and 2.x has removed it. A response
    /// is always parsed strictly.
    pub fn strict(self, _: bool) -> Self {
        self
    }

    /// Makes the client that pools with these options share, and their policy.
    pub(super) fn build(&self, num_pools: usize) -> (Client, Policy) {
        let mut builder = self.engine.clone().unwrap_or_else(|| {
            let agent = concat!("httpool/", env!("CARGO_PKG_VERSION"));
            Client::builder().no_default_headers().default_header("User-Agent", agent)
        });
        let settings = builder.settings_mut();
        let each = self.size_beside(Size::default()).limits();
        let limits = &mut settings.pool;
        (limits.open_per_key_max, limits.idle_per_key_max) = (each.open_max, each.idle_max);
        limits.waiting_per_key_max = limits.waiting_max;
        limits.idle_keys_max = num_pools;
        let policy = Policy::clone(&settings.policy);
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            builder = builder.tls(tls.clone());
        }
        let start = policy
            .redirect(Redirect::urllib3())
            .retry(Retry::urllib3())
            .timeout(timeout_of(None))
            .preload(true);
        (builder.build(), self.overlay(start))
    }

    /// Returns size and blocking of these options; those of `other` where they are not given.
    pub(super) fn size_beside(&self, other: Size) -> Size {
        Size {
            maxsize: self.maxsize.unwrap_or(other.maxsize),
            block: self.block.unwrap_or(other.block),
        }
    }

    /// Returns `policy`, changed by the options that are given.
    pub(super) fn overlay(&self, mut policy: Policy) -> Policy {
        if let Some(proxy) = &self.proxy {
            let routes = Routes::through(proxy.clone());
            (policy.routes.http, policy.routes.https) = (routes.http, routes.https);
        }
        policy.routes.local = self.source_address.or(policy.routes.local);
        policy.routes.tls = self.tls_id.unwrap_or(policy.routes.tls);
        policy.timeout = self.timeout.unwrap_or(policy.timeout);
        if let Some(retries) = &self.retries {
            policy.retry = retries.clone();
        }
        if let Some(redirects) = &self.redirects {
            policy.redirect = redirects.clone();
        }
        policy
    }
}

/// The `maxsize` and `block` of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    maxsize: usize,
    block: bool,
}

impl Default for Size {
    fn default() -> Self {
        Self { maxsize: 1, block: false }
    }
}

impl Size {
    pub(super) const fn limits(self) -> KeyLimits {
        KeyLimits::new(if self.block { self.maxsize } else { usize::MAX }, self.maxsize)
    }
}

impl fmt::Debug for PoolOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolOptions")
            .field("maxsize", &self.maxsize)
            .field("block", &self.block)
            .finish_non_exhaustive()
    }
}

/// Returns urllib3's `timeout` as a number: the longest time to connect, and the longest silence.
/// `None` is without bound, and zero passes at once.
pub(super) fn timeout_of(each: Option<Duration>) -> Timeout {
    let at_once = || Timeout::default().queue(None).total(Duration::ZERO);
    Timeout::urllib3(each, each, None).unwrap_or_else(|_| at_once())
}

pub(super) fn pairs<N, V>(list: impl IntoIterator<Item = (N, V)>) -> Vec<(String, String)>
where
    N: AsRef<str>,
    V: AsRef<str>,
{
    list.into_iter().map(|(name, value)| (name.as_ref().into(), value.as_ref().into())).collect()
}

/// The value of urllib3's `retries`: a [`Retry`], a number, or `false`.
///
/// - A [`Retry`] counts redirects too, whatever its
///   [`count_redirects`](field@Retry::count_redirects) says.
/// - A number is the most retries and redirects together. With 0, the first failure is a
///   [`MaxRetry`](crate::Error::is_max_retry) error.
/// - `false` retries nothing: the failure itself is the error, and a redirect is the response.
/// - `true` is one retry, as in urllib3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retries(pub(super) Retry);

impl From<Retry> for Retries {
    fn from(retry: Retry) -> Self {
        Self(retry.count_redirects(true))
    }
}

impl From<u32> for Retries {
    fn from(total: u32) -> Self {
        Self(total.into())
    }
}

impl From<bool> for Retries {
    fn from(yes: bool) -> Self {
        Self(yes.into())
    }
}
