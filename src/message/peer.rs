//! The addresses that sockets connect to.

use alloc::sync::Arc;
use core::{fmt, net::SocketAddr};

/// The address that a socket connects to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a driver must know every kind, if only to refuse it")]
pub enum PeerAddr {
    /// An IP address and a port, reached by TCP.
    Tcp(SocketAddr),
    /// A Unix domain socket, of the type that carries a stream.
    Unix(UnixPath),
}

impl PeerAddr {
    /// Returns the address for TCP; `None` for a Unix domain socket.
    pub const fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(addr) => Some(*addr),
            Self::Unix(_) => None,
        }
    }
}

impl From<SocketAddr> for PeerAddr {
    fn from(addr: SocketAddr) -> Self {
        Self::Tcp(addr)
    }
}

/// Writes `127.0.0.1:80`, or `unix:/run/x.sock`.
impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => addr.fmt(f),
            Self::Unix(path) => path.fmt(f),
        }
    }
}

/// The path of a Unix domain socket, as bytes. On Linux, a path whose first byte is zero is an
/// abstract name (unix(7)).
///
/// The path is not checked here. A path that is empty, too long for the system (more than 107
/// bytes on Linux), or that has a zero byte behind its first, cannot be connected to.
///
/// ```
/// use httpool::message::UnixPath;
///
/// assert_eq!(UnixPath::new("/run/docker.sock").to_string(), "unix:/run/docker.sock");
/// assert_eq!(UnixPath::new("\0name").to_string(), "unix:@name");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixPath(Arc<[u8]>);

impl UnixPath {
    /// Makes a path from its bytes.
    pub fn new(path: impl AsRef<[u8]>) -> Self {
        Self(path.as_ref().into())
    }

    /// Returns the bytes of the path.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Writes `unix:/run/x.sock`, or `unix:@name` for an abstract name. Bytes that are not printable
/// ASCII are escaped.
impl fmt::Display for UnixPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_bytes() {
            [0, name @ ..] => write!(f, "unix:@{}", name.escape_ascii()),
            path => write!(f, "unix:{}", path.escape_ascii()),
        }
    }
}

impl fmt::Debug for UnixPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
