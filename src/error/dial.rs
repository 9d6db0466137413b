//! Why no connection could be opened.

use core::fmt;

use super::{Fault, IoKind};
use crate::time::Deadline;

/// Why no connection could be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DialError {
    /// The name has no address.
    Name,
    /// The name was not looked up, or the look-up broke.
    Resolve(ResolveKind),
    /// No address took the connection; the last one's reason.
    Connect(IoKind),
    /// The proxy was reached and then lost, before the tunnel stood.
    ProxyLost(IoKind),
    /// The proxy refused the tunnel: an HTTP status, or a SOCKS reply.
    ProxyRefused(u16),
    /// The proxy broke its protocol.
    ProxyProtocol,
    /// The credentials for the proxy cannot be said in its protocol: too long, or a byte that ends
    /// them early.
    ProxyCredentials,
    /// The handshake failed.
    Tls(TlsKind),
    /// A deadline passed.
    Timeout(Deadline),
}

impl DialError {
    pub(super) const fn fault(self) -> Fault {
        match self {
            Self::Name | Self::Connect(_) | Self::ProxyLost(_) | Self::Timeout(_) => Fault::Network,
            Self::Resolve(ResolveKind::Zone) => Fault::Caller,
            Self::Resolve(ResolveKind::Busy | ResolveKind::Panicked) => Fault::Local,
            Self::ProxyRefused(_) | Self::ProxyProtocol => Fault::Peer,
            Self::ProxyCredentials => Fault::Caller,
            Self::Tls(TlsKind::Unavailable) => Fault::Local,
            Self::Tls(_) => Fault::Peer,
        }
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("the host's name has no address"),
            Self::Resolve(why) => write!(f, "the host's name was not looked up: {why}"),
            Self::Connect(why) => write!(f, "no connection could be opened: {why}"),
            Self::ProxyLost(why) => write!(f, "the proxy was lost: {why}"),
            Self::ProxyRefused(status) => write!(f, "the proxy refused the tunnel: {status}"),
            Self::ProxyProtocol => f.write_str("the proxy does not speak its protocol"),
            Self::ProxyCredentials => {
                f.write_str("the proxy's protocol cannot carry these credentials")
            }
            Self::Tls(why) => write!(f, "the TLS handshake failed: {why}"),
            Self::Timeout(which) => write!(f, "the {which} deadline passed"),
        }
    }
}

impl core::error::Error for DialError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Connect(why) | Self::ProxyLost(why) => Some(why),
            Self::Tls(why) => Some(why),
            Self::Resolve(why) => Some(why),
            Self::Name
            | Self::ProxyRefused(_)
            | Self::ProxyProtocol
            | Self::ProxyCredentials
            | Self::Timeout(_) => None,
        }
    }
}

/// Why a name was not looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResolveKind {
    /// So many look-ups hang that no thread is left for another.
    Busy,
    /// The resolver panicked.
    Panicked,
    /// The zone id of the IPv6 address (RFC 4007 section 11) names no interface of this host.
    /// Never tried again.
    Zone,
}

impl fmt::Display for ResolveKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "too many look-ups of other names hang",
            Self::Panicked => "the resolver panicked",
            Self::Zone => "the address's zone id names no network interface of this host",
        })
    }
}

impl core::error::Error for ResolveKind {}

/// What kind of failure a TLS handshake met: the first two are never retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsKind {
    /// The certificate is not trusted, or not for this name.
    Certificate,
    /// A pin did not match.
    Pin,
    /// The peer sent an alert.
    Alert,
    /// Not TLS, or broken.
    Protocol,
    /// The driver has no TLS: an `https` URL cannot be reached with it.
    Unavailable,
    /// The connection was lost.
    Lost(IoKind),
}

impl fmt::Display for TlsKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate => f.write_str("the certificate is not trusted for this name"),
            Self::Pin => f.write_str("the certificate does not match the pin"),
            Self::Alert => f.write_str("the server sent an alert"),
            Self::Protocol => f.write_str("the server does not speak TLS"),
            Self::Unavailable => {
                f.write_str("this driver has no TLS yet: https URLs cannot be reached with it")
            }
            Self::Lost(why) => write!(f, "{why}"),
        }
    }
}

impl core::error::Error for TlsKind {}
