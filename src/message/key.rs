//! The key of a connection: calls with equal keys can share it.

use alloc::{boxed::Box, format, string::String, sync::Arc};
use core::{fmt, net::IpAddr};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::Origin;

/// Everything that determines the peer of a connection and the trust in it. Two calls may use one
/// connection only if their keys are equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key {
    peer: Origin,
    tunnel: Option<Arc<[Hop]>>,
    tls: TlsId,
    local: Option<IpAddr>,
}

impl Key {
    /// Returns the key of a direct connection to `peer`: an origin, or a forward proxy.
    pub const fn direct(peer: Origin) -> Self {
        Self { peer, tunnel: None, tls: TlsId::ORIGIN, local: None }
    }

    /// Sets the proxies that tunnel the connection, the nearest one first.
    #[must_use]
    pub fn through(self, hops: impl Into<Arc<[Hop]>>) -> Self {
        let hops = hops.into();
        Self { tunnel: if hops.is_empty() { None } else { Some(hops) }, ..self }
    }

    /// Sets the TLS configuration for the peer. [`TlsId::ORIGIN`] by default.
    #[must_use]
    pub fn with_tls(self, tls: TlsId) -> Self {
        Self { tls, ..self }
    }

    /// Sets the local address to connect from.
    #[must_use]
    pub fn with_local(self, local: Option<IpAddr>) -> Self {
        Self { local, ..self }
    }

    /// Returns the HTTP peer: the origin, or a forward proxy.
    pub const fn peer(&self) -> &Origin {
        &self.peer
    }

    /// Returns the proxies that tunnel the connection, the nearest one first.
    pub fn hops(&self) -> &[Hop] {
        self.tunnel.as_deref().unwrap_or_default()
    }

    /// Returns the TLS configuration for the peer, used if its scheme is `https`.
    pub const fn tls(&self) -> TlsId {
        self.tls
    }

    /// Returns the local address to connect from.
    pub const fn local(&self) -> Option<IpAddr> {
        self.local
    }
}

/// Writes `http://example.com:8080`, then ` via ` and each proxy.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.peer)?;
        for hop in self.hops() {
            write!(f, " via {}", hop.proxy())?;
        }
        Ok(())
    }
}

/// A proxy that tunnels a connection, with its credentials and TLS configuration.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Hop {
    kind: HopKind,
    proxy: Origin,
    credentials: Option<Credentials>,
    tls: TlsId,
}

impl Hop {
    /// Returns the hop for the proxy at `proxy`. If the scheme of `proxy` is `https`, the
    /// connection to the proxy itself uses TLS, whatever its kind.
    pub const fn new(kind: HopKind, proxy: Origin) -> Self {
        Self { kind, proxy, credentials: None, tls: TlsId::PROXY }
    }

    /// Sets the user name and password for the proxy.
    #[must_use]
    pub fn with_credentials(self, credentials: Credentials) -> Self {
        Self { credentials: Some(credentials), ..self }
    }

    /// Sets the TLS configuration for the connection to the proxy. [`TlsId::PROXY`] by default.
    #[must_use]
    pub fn with_tls(self, tls: TlsId) -> Self {
        Self { tls, ..self }
    }

    /// Returns the protocol of the proxy.
    pub const fn kind(&self) -> HopKind {
        self.kind
    }

    /// Returns the address of the proxy.
    pub const fn proxy(&self) -> &Origin {
        &self.proxy
    }

    /// Returns the user name and password for the proxy.
    pub const fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Returns the TLS configuration for the connection to the proxy.
    pub const fn tls(&self) -> TlsId {
        self.tls
    }
}

/// The protocol that asks a proxy for a tunnel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum HopKind {
    /// CONNECT (RFC 9110 9.3.6).
    Connect,
    /// SOCKS4: the client resolves the name, and sends an IPv4 address.
    Socks4,
    /// SOCKS4a: the proxy resolves the name.
    Socks4a,
    /// SOCKS5 (RFC 1928): the client resolves the name, and sends an address.
    Socks5,
    /// SOCKS5 (RFC 1928): the proxy resolves the name.
    Socks5h,
}

/// A user name and a password. Its `Debug` shows neither.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Credentials {
    user: Box<str>,
    password: Box<str>,
}

impl Credentials {
    /// Makes credentials. Both parts may be empty.
    pub fn new(user: &str, password: &str) -> Self {
        Self { user: user.into(), password: password.into() }
    }

    /// Returns the user name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Returns the password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Returns the value of a field with these credentials in the Basic scheme (RFC 7617 section
    /// 2). `None` if the scheme cannot carry them.
    pub(crate) fn basic(&self) -> Option<String> {
        let (user, password) = (self.user(), self.password());
        if user.contains(':') || user.chars().chain(password.chars()).any(char::is_control) {
            return None;
        }
        Some(format!("Basic {}", BASE64.encode(format!("{user}:{password}"))))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}

/// The driver's number for a TLS configuration. The core only compares it, and passes it to the
/// driver when TLS starts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it is a number and will stay one")]
pub struct TlsId(pub u32);

impl TlsId {
    /// The driver's default configuration for origins.
    pub const ORIGIN: Self = Self(0);

    /// The driver's default configuration for proxies. It has the settings of
    /// [`ORIGIN`](Self::ORIGIN), and session tickets of its own.
    pub const PROXY: Self = Self(1);
}
