//! `ConnectionPool`: the connections to one host.

use std::{fmt, sync::Arc};

use httpool::{
    error::RequestError,
    message::{Origin, Scheme},
};

use super::{PoolOptions, PoolStats, RequestMethods, Urlopen, engine::Engine};
use crate::Error;

/// The connections to one host: what [`HttpConnectionPool`] and [`HttpsConnectionPool`] have in
/// common, and those that a [`PoolManager`](super::PoolManager) makes.
///
/// urllib3's `ConnectionCls` and `ResponseCls` are types of this crate and cannot be replaced; a
/// [`Layer`](crate::layer::Layer) and a [`Resolve`](crate::Resolve) can be. Its `QueueCls` is the
/// order of idle connections: the one that came back last is used first.
pub trait ConnectionPool: RequestMethods + fmt::Debug + Send + Sync {
    /// Returns the scheme: `http` or `https`.
    fn scheme(&self) -> Scheme;

    /// Returns the host in lower case, with brackets around an IPv6 address.
    fn host(&self) -> &str;

    /// Returns the port. Without one given, it is that of the scheme; urllib3 has `None` then.
    fn port(&self) -> u16;

    /// Returns whether a target, or a URL, is for this pool: its scheme, host and port are equal. No
    /// name is looked up.
    fn is_same_host(&self, url: &str) -> bool;

    /// Returns how many connections there are, and were opened, and how many requests were sent.
    fn stats(&self) -> PoolStats;

    /// Closes the pool. Idle connections are closed at once, and those in use when they come back;
    /// their responses can be read to the end. Calls that wait for a connection fail with
    /// [`ErrorKind::ClosedPool`](httpool::error::ErrorKind), and so does every later call of this
    /// pool. (urllib3 lets the waiting calls wait for ever.)
    ///
    /// If a manager has made the pool, calls of the manager and of other pools for the host open new
    /// connections.
    fn close(&self);
}

macro_rules! connection_pool {
    ($(#[$doc:meta])* $name:ident, $scheme:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            engine: Arc<Engine>,
        }

        impl $name {
            /// Makes a pool with the default options and the port of the scheme. No connection is
            /// opened before the first request.
            ///
            /// # Errors
            /// `host` is neither a name nor an address.
            pub fn new(host: &str) -> Result<Self, Error> {
                Self::with(host, None, PoolOptions::new())
            }

            /// Makes a pool. Without a `port` it is that of the scheme; 0 is a port.
            ///
            /// # Errors
            /// `host` is neither a name nor an address.
            pub fn with(
                host: &str,
                port: impl Into<Option<u16>>,
                options: PoolOptions,
            ) -> Result<Self, Error> {
                let origin = Origin::of_host($scheme, host, port.into()).map_err(Error::request)?;
                Ok(Self { engine: Arc::new(Engine::of_pool(origin, &options)) })
            }

            /// Makes a pool for the host of a URL.
            ///
            /// # Errors
            /// The URL cannot be used, or has another scheme than the pool.
            pub fn from_url(url: &str, options: PoolOptions) -> Result<Self, Error> {
                let origin = Origin::parse(url).map_err(Error::request)?;
                if origin.scheme() != $scheme {
                    return Err(Error::request(RequestError::Scheme));
                }
                Ok(Self { engine: Arc::new(Engine::of_pool(origin, &options)) })
            }

            /// Makes a pool that is part of a manager.
            pub(super) const fn of(engine: Arc<Engine>) -> Self {
                Self { engine }
            }

            /// Returns a snapshot of the connections, as [`ConnectionPool::stats`] does.
            pub fn stats(&self) -> PoolStats {
                self.engine.stats()
            }

            /// Closes the pool, as [`ConnectionPool::close`] does.
            pub fn close(&self) {
                self.engine.close();
            }
        }

        impl RequestMethods for $name {
            fn urlopen(&self, method: &str, url: &str) -> Urlopen {
                Urlopen::new(self.engine.clone(), method, url)
            }
        }

        impl ConnectionPool for $name {
            fn scheme(&self) -> Scheme {
                $scheme
            }

            fn host(&self) -> &str {
                self.engine.origin().host()
            }

            fn port(&self) -> u16 {
                self.engine.origin().port()
            }

            fn is_same_host(&self, url: &str) -> bool {
                self.engine.is_same_host(url)
            }

            fn stats(&self) -> PoolStats {
                self.engine.stats()
            }

            fn close(&self) {
                self.engine.close();
            }
        }

        /// Writes `HTTPConnectionPool(host='a', port=80)`, as urllib3 does.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (name, origin) = (stringify!($name), self.engine.origin());
                let name = name.replacen("Http", "HTTP", 1).replacen("HTTPs", "HTTPS", 1);
                write!(f, "{name}(host='{}', port={})", origin.host(), origin.port())
            }
        }
    };
}

connection_pool!(
    /// The connections to one host, without TLS (urllib3: `HTTPConnectionPool`). A clone is a handle
    /// to the same pool.
    ///
    /// ```
    /// # use std::{io::{Read, Write}, net::TcpListener, thread};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// # let port = listener.local_addr()?.port();
    /// # thread::spawn(move || {
    /// #     let (mut tcp, _) = listener.accept().unwrap();
    /// #     while tcp.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
    /// #         tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
    /// #     }
    /// # });
    /// use httpool_blocking::urllib3::{HttpConnectionPool, PoolOptions, RequestMethods};
    ///
    /// let pool = HttpConnectionPool::with("127.0.0.1", port, PoolOptions::new().maxsize(10))?;
    /// for _ in 0..3 {
    ///     let mut response = pool.request("GET", "/robots.txt").send()?;
    ///     assert_eq!(response.data()?, b"hello");
    /// }
    /// let stats = pool.stats();
    /// assert_eq!((stats.num_connections, stats.num_requests, stats.idle), (1, 3, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    HttpConnectionPool,
    Scheme::Http
);

connection_pool!(
    /// The connections to one host over TLS (urllib3: `HTTPSConnectionPool`). The server is
    /// verified; [`PoolOptions::tls`] has the settings. A clone is a handle to the same pool.
    ///
    #[cfg_attr(feature = "tls", doc = "```")]
    #[cfg_attr(not(feature = "tls"), doc = "```ignore")]
    /// use httpool_blocking::{TlsOptions, urllib3::{ConnectionPool, HttpsConnectionPool, PoolOptions}};
    ///
    /// let tls = TlsOptions::new().ca_certs("/etc/company/ca.pem");
    /// let pool = HttpsConnectionPool::with("intranet.example", None, PoolOptions::new().tls(tls))?;
    /// assert_eq!(pool.port(), 443);
    /// assert!(pool.is_same_host("https://INTRANET.example:443/x"));
    /// # Ok::<(), httpool_blocking::Error>(())
    /// ```
    HttpsConnectionPool,
    Scheme::Https
);

/// Makes a pool for the host of a URL (urllib3: `connection_from_url`).
///
/// ```
/// use httpool_blocking::urllib3::{PoolOptions, connection_from_url};
///
/// let pool = connection_from_url("https://example.com/x", PoolOptions::new())?;
/// assert_eq!((pool.scheme().as_str(), pool.host(), pool.port()), ("https", "example.com", 443));
/// # Ok::<(), httpool_blocking::Error>(())
/// ```
///
/// # Errors
/// It is not an absolute `http` or `https` URL.
pub fn connection_from_url(
    url: &str,
    options: PoolOptions,
) -> Result<Box<dyn ConnectionPool>, Error> {
    let origin = Origin::parse(url).map_err(Error::request)?;
    Ok(boxed(Engine::of_pool(origin, &options)))
}

/// Returns the pool by the scheme of its origin.
pub(super) fn boxed(engine: Engine) -> Box<dyn ConnectionPool> {
    let engine = Arc::new(engine);
    match engine.origin().scheme() {
        Scheme::Http => Box::new(HttpConnectionPool::of(engine)),
        Scheme::Https => Box::new(HttpsConnectionPool::of(engine)),
    }
}
