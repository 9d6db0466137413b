//! Names to addresses: who is asked, what is kept, and the threads on which it happens.

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

pub use hosts::Hosts;
pub use threads::{Answer, Asked, Resolver};

/// Looks names up.
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
    /// The addresses of `host`, with `port`, best first. Called on a thread of the driver's own, so it
    /// may block. IPv6 addresses of a link bring their scope id.
    ///
    /// # Errors
    /// The name is not known, or asking failed.
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;

    /// An answer that is at hand and may be given again: no look-up is then begun. Called on the
    /// thread that wants the connection, so it must not block. None by default.
    fn kept(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let _ = (host, port);
        None
    }

    /// An address of the name has refused a connection, or has not answered in its time: what is
    /// [kept](Self::kept) for the name should not be given again. Must not block. It does nothing by
    /// default.
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
    /// It asks the system every time.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps each answer for so long, and gives it again without asking; until a connection to one of
    /// its addresses fails. Zero by default: nothing is kept. The time to live of DNS records is not
    /// known here, and the system may keep answers itself. Up to 256 names are kept, the last that
    /// were asked for. Clones share what they keep.
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
        // `getaddrinfo` opens files and sockets. Where it found no descriptor for them it often
        // says no more than that the look-up failed.
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

/// The system's error if it has no descriptor now.
fn shortage() -> Option<io::Error> {
    let tried = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).err();
    tried.filter(|error| io_kind(error) == IoKind::Exhausted)
}

/// Why a name was not looked up, or the look-up broke: the inner error of an [`io::Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LookUpError {
    /// So many look-ups hang that no thread is left for another.
    Busy {
        /// How many.
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
            // That it panicked is said by the error that this is the source of.
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

/// Names the error of a look-up for the core: a [`LookUpError`], or a lack of descriptors. `None`
/// where the name has no address.
pub fn resolve_kind(error: &io::Error) -> Option<ResolveKind> {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<LookUpError>()) {
        Some(why) => Some(why.kind()),
        None => (io_kind(error) == IoKind::Exhausted).then_some(ResolveKind::Exhausted),
    }
}

/// The address in `fe80::1%eth0`. The system finds it without asking anybody.
fn zoned(host: &str, port: u16) -> Option<io::Result<Vec<SocketAddr>>> {
    let (_, zone) = host.split_once('%')?;
    let found = (host, port).to_socket_addrs().map(Iterator::collect);
    Some(found.map_err(|_| LookUpError::Zone { zone: zone.into() }.into()))
}

/// What to bind a socket to that connects to `to` from the address `from`, with any port. An address
/// of a link is one of the link that `to` is on.
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
        assert_eq!(resolve_kind(&error), Some(ResolveKind::Zone));
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
