//! Reasons why no connection could be opened.

use core::fmt;

use super::{Fault, IoKind};
use crate::time::Deadline;

/// The reason why no connection could be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DialError {
    /// The name has no address.
    Name,
    /// The name could not be looked up.
    Resolve(ResolveKind),
    /// No address accepted the connection. Holds the failure of the last address tried.
    Connect(IoKind),
    /// The connection to the proxy was lost before the tunnel was established.
    ProxyLost(IoKind),
    /// The proxy refused the tunnel. Holds its HTTP status or SOCKS reply code.
    ProxyRefused(u16),
    /// The proxy violated its protocol.
    ProxyProtocol,
    /// The proxy credentials cannot be encoded in the proxy's protocol: they are too long, or hold
    /// a byte that would end them early.
    ProxyCredentials,
    /// The TLS handshake failed.
    Tls(TlsKind),
    /// A deadline passed.
    Timeout(Deadline),
}

impl DialError {
    /// Returns whether file descriptors, ports or memory ran out. Closing another connection could
    /// then make the dial possible.
    pub(crate) const fn is_shortage(self) -> bool {
        matches!(self, Self::Connect(IoKind::Exhausted) | Self::Resolve(ResolveKind::Exhausted))
    }

    pub(super) const fn fault(self) -> Fault {
        match self {
            Self::Connect(IoKind::Exhausted) => Fault::Local,
            Self::Name | Self::Connect(_) | Self::ProxyLost(_) | Self::Timeout(_) => Fault::Network,
            Self::Resolve(ResolveKind::NotFound) => Fault::Network,
            Self::Resolve(ResolveKind::Zone) => Fault::Caller,
            Self::Resolve(ResolveKind::Busy | ResolveKind::Panicked | ResolveKind::Exhausted) => {
                Fault::Local
            }
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
            Self::Name => f.write_str("no address was found for the host's name"),
            Self::Resolve(why) => write!(f, "the host's name was not looked up: {why}"),
            Self::Connect(why) => write!(f, "no connection could be opened: {why}"),
            Self::ProxyLost(why) => write!(f, "the connection to the proxy was lost: {why}"),
            Self::ProxyRefused(status) => {
                write!(f, "the proxy refused to open the tunnel, with {status}")
            }
            Self::ProxyProtocol => {
                f.write_str("the proxy's answer does not belong to its protocol")
            }
            Self::ProxyCredentials => f.write_str(
                "the credentials for the proxy cannot be sent to it: they are too long, \
                     or have a byte that its protocol does not allow",
            ),
            Self::Tls(why @ TlsKind::Unavailable) => write!(f, "{why}"),
            Self::Tls(why) => write!(f, "the TLS handshake failed: {why}"),
            Self::Timeout(which) => write!(f, "the {which} deadline passed"),
        }
    }
}

impl core::error::Error for DialError {}

/// The reason why a look-up gave no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResolveKind {
    /// The name has no address, or does not exist. The dial fails with [`DialError::Name`].
    NotFound,
    /// No resolver thread is free, because too many look-ups hang.
    Busy,
    /// The resolver panicked.
    Panicked,
    /// The system has no file descriptor for the look-up. The name may have addresses.
    Exhausted,
    /// The zone id of the IPv6 address (RFC 4007 section 11) names no interface of this host. Never
    /// retried.
    Zone,
}

impl fmt::Display for ResolveKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "it has no address",
            Self::Busy => "too many look-ups of other names hang",
            Self::Panicked => "the resolver panicked",
            Self::Exhausted => "this system has no descriptors or memory left",
            Self::Zone => "the address's zone id names no network interface of this host",
        })
    }
}

impl core::error::Error for ResolveKind {}

/// The kind of a TLS failure. [`Certificate`](Self::Certificate) and [`Pin`](Self::Pin) are never
/// retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsKind {
    /// The certificate is not trusted, or was issued for another name.
    Certificate,
    /// The certificate does not match the pinned one.
    Pin,
    /// The peer sent an alert.
    Alert,
    /// The peer does not speak TLS, or violated it.
    Protocol,
    /// The driver has no TLS, so it cannot reach `https` URLs.
    Unavailable,
    /// The connection was lost during the handshake.
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
