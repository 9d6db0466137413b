//! What connections are shared by.

use alloc::{boxed::Box, sync::Arc};
use core::{fmt, net::IpAddr};

use super::Origin;

/// All that changes the peer or the trust. Two calls may use one connection only if their keys are
/// equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key {
    peer: Origin,
    tunnel: Option<Arc<[Hop]>>,
    tls: TlsId,
    local: Option<IpAddr>,
}

impl Key {
    /// A direct connection to `peer`: to whom HTTP is spoken, an origin or a proxy that forwards.
    pub const fn direct(peer: Origin) -> Self {
        Self { peer, tunnel: None, tls: TlsId(0), local: None }
    }

    /// The same through `hops`, the one nearest to us first.
    #[must_use]
    pub fn through(self, hops: impl Into<Arc<[Hop]>>) -> Self {
        let hops = hops.into();
        Self { tunnel: if hops.is_empty() { None } else { Some(hops) }, ..self }
    }

    /// The same with another TLS configuration.
    #[must_use]
    pub fn with_tls(self, tls: TlsId) -> Self {
        Self { tls, ..self }
    }

    /// The same from a local address.
    #[must_use]
    pub fn with_local(self, local: Option<IpAddr>) -> Self {
        Self { local, ..self }
    }

    /// To whom HTTP is spoken.
    pub const fn peer(&self) -> &Origin {
        &self.peer
    }

    /// What lies between, the nearest first.
    pub fn hops(&self) -> &[Hop] {
        self.tunnel.as_deref().unwrap_or_default()
    }

    /// The configuration for TLS to the peer, if its scheme is `https`.
    pub const fn tls(&self) -> TlsId {
        self.tls
    }

    /// The address to connect from.
    pub const fn local(&self) -> Option<IpAddr> {
        self.local
    }
}

/// `http://example.com:8080`, then ` via ` and each hop.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.peer)?;
        for hop in self.hops() {
            write!(f, " via {}", hop.proxy())?;
        }
        Ok(())
    }
}

/// A proxy that passes bytes on, with its credentials and its own TLS.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Hop {
    kind: HopKind,
    proxy: Origin,
    credentials: Option<Credentials>,
    tls: TlsId,
}

impl Hop {
    /// The proxy at `proxy`; with `https` as its scheme, it is itself spoken to over TLS, whatever
    /// its kind.
    pub const fn new(kind: HopKind, proxy: Origin) -> Self {
        Self { kind, proxy, credentials: None, tls: TlsId(0) }
    }

    /// With a name and a password for it.
    #[must_use]
    pub fn with_credentials(self, credentials: Credentials) -> Self {
        Self { credentials: Some(credentials), ..self }
    }

    /// With another TLS configuration for it.
    #[must_use]
    pub fn with_tls(self, tls: TlsId) -> Self {
        Self { tls, ..self }
    }

    /// How it is asked to pass bytes on.
    pub const fn kind(&self) -> HopKind {
        self.kind
    }

    /// Where it is.
    pub const fn proxy(&self) -> &Origin {
        &self.proxy
    }

    /// What it asks for.
    pub const fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// The configuration for TLS to it.
    pub const fn tls(&self) -> TlsId {
        self.tls
    }
}

/// How a proxy is asked to pass bytes on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum HopKind {
    /// CONNECT (RFC 9110 9.3.6).
    Connect,
    /// SOCKS4: an IPv4 address, resolved here.
    Socks4,
    /// SOCKS4a: a name, resolved by the proxy.
    Socks4a,
    /// SOCKS5 (RFC 1928): an address, resolved here.
    Socks5,
    /// SOCKS5 with a name, resolved by the proxy.
    Socks5h,
}

/// A user name and a password. Its `Debug` shows neither.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Credentials {
    user: Box<str>,
    password: Box<str>,
}

impl Credentials {
    /// Both may be empty.
    pub fn new(user: &str, password: &str) -> Self {
        Self { user: user.into(), password: password.into() }
    }

    /// The user name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password.
    pub fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}

/// The driver's number for one TLS configuration. The core compares it and hands it back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it is a number and will stay one")]
pub struct TlsId(pub u32);
