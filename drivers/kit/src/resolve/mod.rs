//! Resolves names to addresses: the resolver, the cache, and the threads that do the look-ups.

mod desk;
mod hosts;
mod kept;
mod threads;

use std::{
    error, fmt, io,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6, ToSocketAddrs, UdpSocket},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use httpool::error::{IoKind, ResolveKind};

use crate::io_kind;
use kept::Kept;

pub use desk::Answer;
pub use hosts::Hosts;
pub use threads::{Asked, Resolver};

/// Resolves names to addresses. Implement it to use another source than the system.
///
/// ```
/// # use std::{io::{Read, Write}, net::TcpListener, thread};
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let port = listener.local_addr()?.port();
/// # thread::spawn(move || {
/// #     let (mut tcp, _) = listener.accept().unwrap();
/// #     tcp.read(&mut [0; 4096]).unwrap();
/// #     tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
/// # });
/// use httpool_blocking::{Client, Resolve, SystemResolver};
/// use std::{io, net::{Ipv4Addr, SocketAddr}, sync::Arc};
///
/// /// Knows the names of one's own services, and asks the system for all others.
/// struct Services(SystemResolver);
///
/// impl Resolve for Services {
///     fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
///         match host {
///             "orders.internal" => Ok(vec![(Ipv4Addr::LOCALHOST, port).into()]),
///             _ => self.0.resolve(host, port),
///         }
///     }
/// }
///
/// let services = Services(SystemResolver::new());
/// let client = Client::builder().resolver(Arc::new(services)).build();
/// let response = client.get(&format!("http://orders.internal:{port}/")).send()?;
/// assert_eq!(response.text()?, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Resolve: Send + Sync {
    /// Returns the addresses of `host`, with `port`, best first. An IPv6 link-local address has its
    /// scope id. Called on a thread of the driver, so it may block.
    ///
    /// # Errors
    /// The name is unknown, or the look-up failed.
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;

    /// Returns a cached answer, if there is one. Then no look-up is started. Called on the thread
    /// that needs the connection, so it must not block. `None` by default.
    fn kept(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let _ = (host, port);
        None
    }

    /// Reports that an address of the name refused a connection or did not answer in time, or that
    /// the name is about to be
    /// [looked up again](field@httpool::limits::PoolLimits::look_up_every). Neither
    /// [`kept`](Self::kept) nor [`resolve`](Self::resolve) should return the cached answer again.
    /// Must not block. Does nothing by default.
    fn refresh(&self, host: &str, port: u16) {
        let _ = (host, port);
    }
}

/// The system's resolver: `getaddrinfo`.
#[derive(Debug, Clone, Default)]
pub struct SystemResolver {
    keep_for: Duration,
    kept: Arc<Mutex<Kept>>,
}

impl SystemResolver {
    /// Makes a resolver that asks the system for every look-up.
    pub fn new() -> Self {
        Self::default()
    }

    /// Caches each answer for `time`, or until a connection to one of its addresses fails. Zero by
    /// default: nothing is cached. The time to live of DNS records is not known here, and the
    /// system may have a cache of its own. At most 256 names are cached; if there are more, the
    /// answer that expires first is removed. Clones share the cache.
    #[must_use]
    pub fn keep_for(self, time: Duration) -> Self {
        Self { keep_for: time, ..self }
    }

    fn answers(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let addrs = (host, port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        // `getaddrinfo` opens files and sockets. If it gets no file descriptor for them, it often
        // reports only that the look-up failed.
        let addrs = addrs.map_err(|error| shortage().unwrap_or(error))?;
        if !self.keep_for.is_zero() && !addrs.is_empty() {
            self.answers().put(host, port, addrs.clone(), Instant::now(), self.keep_for);
        }
        Ok(addrs)
    }

    fn kept(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        if self.keep_for.is_zero() {
            return None;
        }
        self.answers().get(host, port, Instant::now())
    }

    fn refresh(&self, host: &str, port: u16) {
        if !self.keep_for.is_zero() {
            self.answers().forget(host, port);
        }
    }
}

/// Returns the system's error if it has no file descriptor now.
fn shortage() -> Option<io::Error> {
    let tried = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).err();
    tried.filter(|error| io_kind(error) == IoKind::Exhausted)
}

/// The reason why a name was not looked up, or the look-up broke. It is the inner error of an
/// [`io::Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LookUpError {
    /// Too many look-ups hang: no thread is left for another.
    Busy {
        /// The number of look-ups that hang.
        hanging: usize,
    },
    /// The resolver panicked.
    Panicked,
    /// No interface of this host has that zone id (RFC 4007 section 11).
    Zone {
        /// The zone id.
        zone: String,
    },
}

impl LookUpError {
    const fn kind(&self) -> ResolveKind {
        match self {
            Self::Busy { .. } => ResolveKind::Busy,
            Self::Panicked => ResolveKind::Panicked,
            Self::Zone { .. } => ResolveKind::Zone,
        }
    }
}

impl fmt::Display for LookUpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy { hanging } => {
                write!(f, "{hanging} look-ups hang")
            }
            // The message of the outer error already reports the panic.
            Self::Panicked => f.write_str("standard error, or the panic hook, was told why"),
            Self::Zone { zone } => write!(f, "this host has no network interface {zone}"),
        }
    }
}

impl error::Error for LookUpError {}

impl From<LookUpError> for io::Error {
    fn from(why: LookUpError) -> Self {
        let kind = match why {
            LookUpError::Busy { .. } => io::ErrorKind::QuotaExceeded,
            LookUpError::Panicked => io::ErrorKind::Other,
            LookUpError::Zone { .. } => io::ErrorKind::NotFound,
        };
        Self::new(kind, why)
    }
}

/// Returns the core's kind for the error of a look-up: a [`LookUpError`], or a lack of file
/// descriptors. Any other error means that the name has no address.
pub fn resolve_kind(error: &io::Error) -> ResolveKind {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<LookUpError>()) {
        Some(why) => why.kind(),
        None if io_kind(error) == IoKind::Exhausted => ResolveKind::Exhausted,
        None => ResolveKind::NotFound,
    }
}

/// Returns the address of a host with a zone id, such as `fe80::1%eth0`. The system needs no name
/// server for it.
fn zoned(host: &str, port: u16) -> Option<io::Result<Vec<SocketAddr>>> {
    let (_, zone) = host.split_once('%')?;
    let found = (host, port).to_socket_addrs().map(Iterator::collect);
    Some(found.map_err(|_| LookUpError::Zone { zone: zone.into() }.into()))
}

/// Returns the address to bind a socket to, so that it connects to `to` from the address `from`,
/// with any port. A link-local address gets the scope id of `to`.
pub fn local_for(from: IpAddr, to: SocketAddr) -> SocketAddr {
    match (from, to) {
        (IpAddr::V6(from), SocketAddr::V6(to)) => {
            SocketAddrV6::new(from, 0, 0, to.scope_id()).into()
        }
        _ => SocketAddr::new(from, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_looked_up_without_a_resolver() {
        assert!(zoned("a.test", 80).is_none());
        let numbered = zoned("fe80::1%7", 80).unwrap();
        assert_eq!(numbered.unwrap(), ["[fe80::1%7]:80".parse().unwrap()]);
        let error = zoned("fe80::1%no-such-if", 80).unwrap().unwrap_err();
        assert_eq!(resolve_kind(&error), ResolveKind::Zone);
        assert!(error.to_string().contains("no-such-if"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_zone_may_be_the_name_of_an_interface() {
        let found = zoned("fe80::1%lo", 80).unwrap().unwrap();
        assert!(matches!(found[..], [SocketAddr::V6(it)] if it.scope_id() > 0), "{found:?}");
    }

    #[test]
    fn nothing_is_kept_unless_that_is_asked_for() {
        let asks = SystemResolver::new();
        let keeps = SystemResolver::new().keep_for(Duration::from_secs(3_600));
        for resolver in [&asks, &keeps] {
            assert!(resolver.kept("127.0.0.1", 80).is_none());
            resolver.resolve("127.0.0.1", 80).unwrap();
        }
        assert!(asks.kept("127.0.0.1", 80).is_none());
        let expected = vec![SocketAddr::from(([127, 0, 0, 1], 80))];
        assert_eq!(keeps.kept("127.0.0.1", 80), Some(expected));
        keeps.refresh("127.0.0.1", 80);
        assert!(keeps.kept("127.0.0.1", 80).is_none());
    }
}
