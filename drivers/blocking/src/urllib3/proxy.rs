//! `ProxyManager`: the connections to many hosts, through a proxy.

use std::{error, fmt, ops::Deref};

use httpool::{
    call::{Route, Routes},
    error::RequestError,
    message::{Hop, InvalidProxy},
};

use super::{PoolManager, PoolOptions, RequestMethods, Urlopen, options::pairs};
#[cfg(feature = "tls")]
use crate::{Role, TlsConfigError, TlsOptions};

/// The settings of a [`ProxyManager`]: urllib3's keywords, with their documented defaults.
#[derive(Clone)]
#[must_use = "a manager is made with it"]
pub struct ProxyOptions {
    num_pools: usize,
    pool: PoolOptions,
    proxy_headers: Vec<(String, String)>,
    use_forwarding_for_https: bool,
    #[cfg(feature = "tls")]
    tls: TlsOptions,
}

impl ProxyOptions {
    /// Makes the defaults.
    pub fn new() -> Self {
        Self {
            num_pools: 10,
            pool: PoolOptions::new(),
            proxy_headers: Vec::new(),
            use_forwarding_for_https: false,
            #[cfg(feature = "tls")]
            tls: TlsOptions::new(),
        }
    }

    /// Sets to how many hosts idle connections are kept. 10 by default.
    pub fn num_pools(self, num_pools: usize) -> Self {
        Self { num_pools, ..self }
    }

    /// Sets the options of the pools, among them `headers`.
    pub fn pool(self, pool: PoolOptions) -> Self {
        Self { pool, ..self }
    }

    /// Sets the header fields for the proxy. They are sent with CONNECT and with each forwarded
    /// request, in which they replace the request's own fields of these names, as in urllib3. They
    /// are never sent to an origin.
    pub fn proxy_headers<N, V>(self, headers: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        Self { proxy_headers: pairs(headers), ..self }
    }

    /// Sets whether requests for `https` URLs are forwarded too. Then the proxy reads them, and
    /// alone verifies the servers: the [session](super::HttpResponse::tls) of a response is that with
    /// the proxy. False by default: they go through a tunnel.
    pub fn use_forwarding_for_https(self, yes: bool) -> Self {
        Self { use_forwarding_for_https: yes, ..self }
    }

    /// Sets the TLS settings for the connection to an `https` proxy (urllib3: `proxy_ssl_context`).
    /// It replaces those of [`proxy_assert_hostname`](Self::proxy_assert_hostname) and
    /// [`proxy_assert_fingerprint`](Self::proxy_assert_fingerprint) if called after them.
    #[cfg(feature = "tls")]
    pub fn proxy_ssl_context(self, tls: TlsOptions) -> Self {
        Self { tls, ..self }
    }

    /// Sets the name that the certificate of an `https` proxy must have.
    #[cfg(feature = "tls")]
    pub fn proxy_assert_hostname(self, name: &str) -> Self {
        Self { tls: self.tls.assert_hostname(name), ..self }
    }

    /// Sets the fingerprint that the certificate of an `https` proxy must have.
    #[cfg(feature = "tls")]
    pub fn proxy_assert_fingerprint(self, digits: &str) -> Self {
        Self { tls: self.tls.assert_fingerprint(digits), ..self }
    }
}

impl Default for ProxyOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ProxyOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyOptions").field("num_pools", &self.num_pools).finish_non_exhaustive()
    }
}

/// A [`PoolManager`] whose requests go through a proxy (urllib3: `ProxyManager`, and
/// `SOCKSProxyManager` for a `socks5h://` URL).
///
/// Requests for `http` URLs are forwarded by an HTTP proxy, and connections to `https` hosts are
/// tunnelled. A user name and a password in the URL are sent to the proxy, which urllib3 does not
/// do. A proxy that answers 407 or refuses a tunnel is not asked again.
///
/// ```
/// # use std::{io::{Read, Write}, net::TcpListener, thread};
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let proxy_url = format!("http://{}", listener.local_addr()?);
/// # let proxy = thread::spawn(move || {
/// #     let (mut tcp, _) = listener.accept().unwrap();
/// #     let mut buf = [0; 4096];
/// #     let read = tcp.read(&mut buf).unwrap();
/// #     tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
/// #     String::from_utf8(buf[..read].to_vec()).unwrap()
/// # });
/// use httpool_blocking::urllib3::{ProxyManager, ProxyOptions, RequestMethods};
///
/// let options = ProxyOptions::new().proxy_headers([("X-Team", "blue")]);
/// let http = ProxyManager::with(&proxy_url, options)?;
/// let mut response = http.request("GET", "http://example.com/x").send()?;
/// assert_eq!(response.data()?, b"hello");
/// # let asked = proxy.join().unwrap();
/// # assert!(asked.starts_with("GET http://example.com/x HTTP/1.1\r\n"), "{asked}");
/// # assert!(asked.contains("X-Team: blue\r\n"), "{asked}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ProxyManager {
    manager: PoolManager,
    proxy: Hop,
}

impl ProxyManager {
    /// Makes a manager with the defaults.
    ///
    /// # Errors
    /// `proxy_url` is not the URL of a proxy.
    pub fn new(proxy_url: &str) -> Result<Self, InvalidProxyManager> {
        Self::with(proxy_url, ProxyOptions::new())
    }

    /// Makes a manager.
    ///
    /// # Errors
    /// `proxy_url` is not the URL of a proxy, a header field for the proxy cannot be sent, or the
    /// TLS settings for it cannot be used.
    pub fn with(proxy_url: &str, options: ProxyOptions) -> Result<Self, InvalidProxyManager> {
        let mut proxy = Hop::parse(proxy_url)?;
        for (name, value) in &options.proxy_headers {
            proxy = proxy.with_field(name, value)?;
        }
        let manager = PoolManager::with(options.num_pools, options.pool);
        #[cfg(feature = "tls")]
        if options.tls != TlsOptions::new() {
            proxy = proxy.with_tls(manager.client().tls_config(&options.tls.role(Role::Proxy))?);
        }
        let mut routes = Routes::through(proxy.clone());
        if options.use_forwarding_for_https {
            routes.https = Route::usual_for_http(proxy.clone());
        }
        let manager = manager.map_policy(|policy| {
            (policy.routes.http, policy.routes.https) = (routes.http, routes.https);
        });
        Ok(Self { manager, proxy })
    }

    /// Returns the proxy.
    pub const fn proxy(&self) -> &Hop {
        &self.proxy
    }
}

/// Makes a manager for the proxy at `url` (urllib3: `proxy_from_url`).
///
/// # Errors
/// As [`ProxyManager::with`].
pub fn proxy_from_url(
    url: &str,
    options: ProxyOptions,
) -> Result<ProxyManager, InvalidProxyManager> {
    ProxyManager::with(url, options)
}

/// The manager has all methods of [`PoolManager`].
impl Deref for ProxyManager {
    type Target = PoolManager;

    fn deref(&self) -> &PoolManager {
        &self.manager
    }
}

impl RequestMethods for ProxyManager {
    fn urlopen(&self, method: &str, url: &str) -> Urlopen {
        self.manager.urlopen(method, url)
    }
}

/// The reason why a [`ProxyManager`] cannot be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum InvalidProxyManager {
    /// The URL is not that of a proxy (urllib3: `ProxySchemeUnknown`, `LocationParseError`).
    Url(InvalidProxy),
    /// A header field for the proxy cannot be sent.
    Field(RequestError),
    /// The TLS settings for the proxy cannot be used.
    #[cfg(feature = "tls")]
    Tls(TlsConfigError),
}

impl From<InvalidProxy> for InvalidProxyManager {
    fn from(why: InvalidProxy) -> Self {
        Self::Url(why)
    }
}

impl From<RequestError> for InvalidProxyManager {
    fn from(why: RequestError) -> Self {
        Self::Field(why)
    }
}

#[cfg(feature = "tls")]
impl From<TlsConfigError> for InvalidProxyManager {
    fn from(why: TlsConfigError) -> Self {
        Self::Tls(why)
    }
}

impl fmt::Display for InvalidProxyManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(why) => write!(f, "{why}"),
            Self::Field(why) => write!(f, "{why}"),
            #[cfg(feature = "tls")]
            Self::Tls(why) => write!(f, "{why}"),
        }
    }
}

impl error::Error for InvalidProxyManager {}
