//! The key of a connection: calls with equal keys can share it.

use alloc::{boxed::Box, format, string::String, sync::Arc};
use core::{fmt, net::IpAddr};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::{
    Fields, Origin, UnixPath,
    fields::{first_illegal_in_value, first_non_token, trim_ows},
    lines::write_line,
};
use crate::error::{FieldLabel, RequestError};

/// Everything that determines the peer of a connection and the trust in it. Two calls may use one
/// connection only if their keys are equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key {
    peer: Origin,
    tunnel: Option<Arc<[Hop]>>,
    tls: TlsId,
    local: Option<IpAddr>,
    unix: Option<UnixPath>,
    limits: Option<KeyLimits>,
}

impl Key {
    /// Returns the key of a direct connection to `peer`: an origin, or a forward proxy.
    pub const fn direct(peer: Origin) -> Self {
        Self { peer, tunnel: None, tls: TlsId::ORIGIN, local: None, unix: None, limits: None }
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

    /// Sets the Unix domain socket through which the connection is opened, in place of the address
    /// of the peer, or of the nearest proxy. Nothing is looked up then, and no local address is
    /// chosen.
    #[must_use]
    pub fn with_unix(self, path: Option<UnixPath>) -> Self {
        Self { unix: path, ..self }
    }

    /// Sets limits of the key's own, in place of the pool's for each key. They separate its
    /// connections from those to the same peer with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Option<KeyLimits>) -> Self {
        Self { limits, ..self }
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

    /// Returns the Unix domain socket through which the connection is opened.
    pub const fn unix(&self) -> Option<&UnixPath> {
        self.unix.as_ref()
    }

    /// Returns the host and port that are looked up to open a connection: of the nearest proxy, or
    /// of the peer. `None` if they are an address, or a Unix domain socket is used.
    pub(crate) fn looked_up(&self) -> Option<(&str, u16)> {
        let first = self.hops().first().map_or(&self.peer, Hop::proxy);
        let is_address = first.host_unbracketed().parse::<IpAddr>().is_ok();
        let has_name = self.unix.is_none() && !is_address;
        has_name.then(|| (first.look_up_name(), first.port()))
    }

    /// Returns the limits of the key's own.
    pub const fn limits(&self) -> Option<KeyLimits> {
        self.limits
    }
}

/// Limits on the connections of one key, in place of those that a pool has for each key. All other
/// limits are those of the pool ([`PoolLimits`](crate::limits::PoolLimits)).
///
/// ```
/// use httpool::call::{Policy, Routes};
/// use httpool::message::KeyLimits;
/// use httpool_blocking::Client;
///
/// // Calls with this policy use at most two connections to a host, beside those of other calls.
/// let routes = Routes::default().limits(Some(KeyLimits::new(2, 2)));
/// let policy = Policy::default().routes(routes);
/// let request = Client::new().get("http://example.com/").policy(policy);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub struct KeyLimits {
    /// Most connections: in use, idle and being opened. Zero counts as one. Replaces
    /// [`open_per_key_max`](field@crate::limits::PoolLimits::open_per_key_max).
    pub open_max: usize,
    /// Most idle connections. Replaces
    /// [`idle_per_key_max`](field@crate::limits::PoolLimits::idle_per_key_max).
    pub idle_max: usize,
}

impl KeyLimits {
    /// Makes limits of at most `open_max` connections, of which at most `idle_max` are kept idle.
    pub const fn new(open_max: usize, idle_max: usize) -> Self {
        Self { open_max, idle_max }
    }
}

/// Writes `http://example.com:8080`, then ` via ` and each proxy, and ` at unix:/run/x.sock` if the
/// connection is opened through a Unix domain socket.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.peer)?;
        for hop in self.hops() {
            write!(f, " via {}", hop.proxy())?;
        }
        self.unix.as_ref().map_or(Ok(()), |path| write!(f, " at {path}"))
    }
}

/// A proxy that tunnels a connection or forwards requests, with its credentials, its TLS
/// configuration, and the header fields that are for it alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Hop {
    kind: HopKind,
    proxy: Origin,
    credentials: Option<Credentials>,
    tls: TlsId,
    fields: ProxyFields,
}

impl Hop {
    /// Returns the hop for the proxy at `proxy`. If the scheme of `proxy` is `https`, the
    /// connection to the proxy itself uses TLS, whatever its kind.
    pub const fn new(kind: HopKind, proxy: Origin) -> Self {
        Self { kind, proxy, credentials: None, tls: TlsId::PROXY, fields: ProxyFields(None) }
    }

    /// Sets the user name and password for the proxy.
    #[must_use]
    pub fn with_credentials(self, credentials: Credentials) -> Self {
        Self { credentials: Some(credentials), ..self }
    }

    /// Adds a header field for the proxy (urllib3: `proxy_headers`). It is sent with CONNECT and
    /// with each forwarded request, where it replaces the fields of that name that the request has
    /// itself, as in urllib3. It is never sent to an origin. A SOCKS proxy has no fields.
    ///
    /// A Proxy-Authorization field replaces [the credentials](Self::with_credentials). Tunnels
    /// with different fields are never shared.
    ///
    /// ```
    /// use httpool::message::Hop;
    ///
    /// let hop = Hop::parse("http://proxy.example:3128")?
    ///     .with_field("Proxy-Authorization", "Bearer abc")?;
    /// assert_eq!(hop.fields().get_str("proxy-authorization"), Some("Bearer abc"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Name or value is malformed, or the field frames the message or is about the connection
    /// ([`RequestError::ProxyField`]).
    pub fn with_field(self, name: &str, value: &str) -> Result<Self, RequestError> {
        let label = FieldLabel::new(name);
        if let Some(at) = first_non_token(name.as_bytes()) {
            return Err(RequestError::FieldName { name: label, at });
        }
        if let Some(at) = first_illegal_in_value(value.as_bytes()) {
            return Err(RequestError::FieldValue { name: label, at });
        }
        if NOT_FOR_PROXIES.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            return Err(RequestError::ProxyField { name: label });
        }
        let mut lines = self.fields().as_bytes().to_vec();
        write_line(&mut lines, name, trim_ows(value.as_bytes()));
        Ok(Self { fields: ProxyFields(Some(lines.into())), ..self })
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

    /// Returns the header fields for the proxy.
    pub fn fields(&self) -> Fields<'_> {
        Fields::from_validated(self.fields.0.as_deref().unwrap_or_default())
    }

    /// Returns the value of the field with the credentials in the Basic scheme. `None` if there are
    /// none, or [another such field](Self::with_field). Fails if the scheme cannot carry them.
    pub(crate) fn authorization(&self) -> Result<Option<String>, Unencodable> {
        match &self.credentials {
            Some(credentials) if self.fields().get("proxy-authorization").is_none() => {
                credentials.basic().map(Some).ok_or(Unencodable)
            }
            Some(_) | None => Ok(None),
        }
    }
}

/// The credentials cannot be written in the Basic scheme.
pub(crate) struct Unencodable;

/// The fields that frame a message or are about a connection.
const NOT_FOR_PROXIES: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The lines of the fields for a proxy. Its `Debug` hides secrets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct ProxyFields(Option<Arc<[u8]>>);

impl fmt::Debug for ProxyFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Fields::from_validated(self.0.as_deref().unwrap_or_default()).fmt(f)
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
