//! `PoolManager`: the connections to many hosts.

use std::sync::Arc;

use httpool::{
    error::RequestError,
    message::{Origin, Scheme},
};

use super::{
    PoolOptions, RequestMethods, Urlopen,
    engine::Engine,
    pool::{ConnectionPool, boxed},
};
use crate::{Client, Error};

/// The connections to many hosts (urllib3: `PoolManager`). A clone is a handle to the same manager.
///
/// ```
/// # use std::{io::{Read, Write}, net::TcpListener, thread};
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/", listener.local_addr()?);
/// # thread::spawn(move || {
/// #     let (mut tcp, _) = listener.accept().unwrap();
/// #     tcp.read(&mut [0; 4096]).unwrap();
/// #     tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
/// # });
/// use httpool_blocking::urllib3::{ConnectionPool, PoolManager, PoolOptions, RequestMethods};
///
/// // Idle connections to at most 50 hosts are kept.
/// let http = PoolManager::with(50, PoolOptions::new().headers([("Accept", "text/plain")]));
/// let mut response = http.request("GET", &url).send()?;
/// assert_eq!(response.data()?, b"hello");
///
/// let pool = http.connection_from_url(&url)?;
/// assert_eq!(pool.stats().idle, 1);
/// http.clear();
/// assert_eq!(pool.stats().idle, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It differs from urllib3 so:
///
/// - Connections are shared if everything that changes the peer, the trust or the size of the pool
///   is equal: host, proxies, TLS settings, local address, `maxsize` and `block`. urllib3 also
///   separates them by timeouts, retries and headers, which change none of these.
/// - The budget of retries and redirects is one for the whole call. urllib3 begins anew at each
///   redirect.
/// - A request body is set back for a redirect, or the call fails. urllib3 sends it empty.
/// - The connections to a host that is dropped for `num_pools` are closed. urllib3 leaves that to
///   the garbage collector.
#[derive(Debug, Clone)]
pub struct PoolManager {
    engine: Arc<Engine>,
}

impl PoolManager {
    /// Makes a manager with the documented defaults: idle connections to 10 hosts are kept.
    pub fn new() -> Self {
        Self::with(10, PoolOptions::new())
    }

    /// Makes a manager that keeps idle connections to `num_pools` hosts. When a connection to one
    /// more comes back, those to the host that was used the longest ago are closed. With 0 none is
    /// kept.
    pub fn with(num_pools: usize, options: PoolOptions) -> Self {
        Self { engine: Arc::new(Engine::of_manager(num_pools, &options)) }
    }

    pub(super) fn map_policy(self, change: impl FnOnce(&mut crate::Policy)) -> Self {
        let old = &self.engine;
        let mut policy = crate::Policy::clone(&old.policy);
        change(&mut policy);
        let (client, headers, size) = (old.client.clone(), old.headers.clone(), old.size);
        let policy = Arc::new(policy);
        Self { engine: Arc::new(Engine { client, policy, headers, size, pool: None }) }
    }

    /// Returns the pool for a host. `scheme` is `http` or `https`. All pools for one host share
    /// their connections with each other and with the manager.
    ///
    /// # Errors
    /// The host is neither a name nor an address, or the scheme is unknown.
    pub fn connection_from_host(
        &self,
        host: &str,
        port: impl Into<Option<u16>>,
        scheme: &str,
    ) -> Result<Box<dyn ConnectionPool>, Error> {
        self.connection_from_host_with(host, port, scheme, &PoolOptions::new())
    }

    /// Returns the pool for a host with other options than the manager's (urllib3: `pool_kwargs`).
    /// Those that are not given are the manager's, and `tls` and `engine` always are. A pool with
    /// another [`maxsize`](PoolOptions::maxsize), [`block`](PoolOptions::block), local address,
    /// proxy or [`tls_id`](PoolOptions::tls_id) has connections of its own, and counts as another
    /// host for `num_pools`. The manager itself does not use them.
    ///
    /// ```
    /// use httpool_blocking::urllib3::{PoolManager, PoolOptions};
    ///
    /// // One connection to most hosts, and at most four to this one.
    /// let http = PoolManager::new();
    /// let four = PoolOptions::new().maxsize(4).block(true);
    /// let pool = http.connection_from_host_with("example.com", 8080, "http", &four)?;
    /// # Ok::<(), httpool_blocking::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`connection_from_host`](Self::connection_from_host).
    pub fn connection_from_host_with(
        &self,
        host: &str,
        port: impl Into<Option<u16>>,
        scheme: &str,
        pool_kwargs: &PoolOptions,
    ) -> Result<Box<dyn ConnectionPool>, Error> {
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(Error::request(RequestError::Scheme)),
        };
        let origin = Origin::of_host(scheme, host, port.into()).map_err(Error::request)?;
        Ok(boxed(self.engine.pool(origin, pool_kwargs)))
    }

    /// Returns the pool for the host of a URL.
    ///
    /// # Errors
    /// It is not an absolute `http` or `https` URL.
    pub fn connection_from_url(&self, url: &str) -> Result<Box<dyn ConnectionPool>, Error> {
        self.connection_from_url_with(url, &PoolOptions::new())
    }

    /// Returns the pool for the host of a URL with other options than the manager's, as
    /// [`connection_from_host_with`](Self::connection_from_host_with) does.
    ///
    /// # Errors
    /// As [`connection_from_url`](Self::connection_from_url).
    pub fn connection_from_url_with(
        &self,
        url: &str,
        pool_kwargs: &PoolOptions,
    ) -> Result<Box<dyn ConnectionPool>, Error> {
        let origin = Origin::parse(url).map_err(Error::request)?;
        Ok(boxed(self.engine.pool(origin, pool_kwargs)))
    }

    /// Closes the idle connections of all hosts, and those in use when they come back. The manager
    /// can be used on. This is also what `with` does at its end in urllib3, which has no `close` for
    /// a manager. Here [`client().close()`](Client::close) closes it for good, and its idle
    /// connections are closed when the last handle is dropped.
    pub fn clear(&self) {
        self.engine.clear();
    }

    /// Returns the client that the manager is a view of.
    pub fn client(&self) -> &Client {
        &self.engine.client
    }
}

impl Default for PoolManager {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestMethods for PoolManager {
    fn urlopen(&self, method: &str, url: &str) -> Urlopen {
        Urlopen::new(self.engine.clone(), method, url)
    }
}
