//! Origins: scheme, host and port (RFC 9110 section 4.3).

use alloc::{format, string::String, sync::Arc};
use core::fmt;

use url::Url;

use super::parse_url::parse_url;
use crate::error::RequestError;

/// The scheme of a URL: `http` or `https`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "other schemes are refused when a request is built")]
pub enum Scheme {
    /// `http`: plain TCP.
    Http,
    /// `https`: over TLS.
    Https,
}

impl Scheme {
    /// Returns the scheme as in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Returns 80 for `http` and 443 for `https` (RFC 9110 4.2.1, 4.2.2).
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Scheme, host and port. Credentials are sent to one origin only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Origin {
    scheme: Scheme,
    port: u16,
    host: Arc<str>,
    /// The address and zone id, such as `fe80::1%eth0`; `None` without a zone id.
    zoned: Option<Arc<str>>,
}

impl Origin {
    /// Makes an origin. `host` is a lower-case ASCII name, an IPv4 address, or an IPv6 address in
    /// brackets, as [`Url::host_str`] returns it. An IPv6 address may have a zone id, as in
    /// `[fe80::1%eth0]`.
    pub fn new(scheme: Scheme, host: &str, port: u16) -> Self {
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        match bracketed.and_then(|host| host.split_once('%')) {
            Some((addr, zone)) => Self::new(scheme, &format!("[{addr}]"), port).with_zone(zone),
            None => Self { scheme, port, host: host.into(), zoned: None },
        }
    }

    /// Sets the zone id of an IPv6 address: the name or number of an interface of this host (RFC
    /// 4007 section 11). It is never sent. Ignored if the host is not an IPv6 address.
    #[must_use]
    pub fn with_zone(self, zone: &str) -> Self {
        if !self.host.starts_with('[') {
            return self;
        }
        let zoned = format!("{}%{zone}", self.host_unbracketed());
        Self { zoned: Some(zoned.into()), ..self }
    }

    /// Copies the zone id of `other` if the address is the same. For a redirect: the address is on
    /// the same link, and the server cannot know the zone id.
    #[must_use]
    pub(crate) fn on_the_link_of(self, other: &Self) -> Self {
        let same = self.zoned.is_none() && self.host == other.host;
        if same { Self { zoned: other.zoned.clone(), ..self } } else { self }
    }

    /// Returns the origin of a URL; `None` if the URL has no host, or its scheme is neither `http`
    /// nor `https`.
    pub fn of(url: &Url) -> Option<Self> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let host = url.host_str().filter(|host| !host.is_empty())?;
        Some(Self::new(scheme, host, url.port().unwrap_or_else(|| scheme.default_port())))
    }

    /// Parses the URL of a request, as [`Request::builder`](super::Request::builder) does, and
    /// returns its origin.
    ///
    /// # Errors
    /// It is not an absolute `http` or `https` URL.
    pub fn parse(url: &str) -> Result<Self, RequestError> {
        parse_url(url).map(|(_, origin)| origin)
    }

    /// Returns the origin with this host: a name, or an address with or without brackets. Without a
    /// port it has that of the scheme.
    ///
    /// # Errors
    /// The host is neither a name nor an address.
    pub fn of_host(scheme: Scheme, host: &str, port: Option<u16>) -> Result<Self, RequestError> {
        if host.contains(['/', '?', '#', '@', '\\']) {
            return Err(RequestError::UrlHost);
        }
        let port = port.unwrap_or_else(|| scheme.default_port());
        let bare = host.contains(':') && !host.starts_with('[');
        let host = if bare { format!("[{host}]") } else { host.into() };
        Self::parse(&format!("{}://{host}:{port}", scheme.as_str()))
    }

    /// Returns the URL of a request target at this origin, or of its root if the target cannot be
    /// part of a URL.
    pub fn url_of(&self, target: &str) -> String {
        let sound = target.starts_with('/') && target.bytes().all(|b| b.is_ascii_graphic());
        format!("{self}{}", if sound { target } else { "/" })
    }

    /// Returns the scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host, with brackets around an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the host without brackets around an IPv6 address, as resolvers and certificates have
    /// it.
    pub fn host_unbracketed(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }

    /// Returns the zone id of the IPv6 address, if it has one.
    pub fn zone(&self) -> Option<&str> {
        self.zoned.as_deref()?.split_once('%').map(|(_, zone)| zone)
    }

    /// Returns the name to look up: the host without brackets, with the zone id.
    pub(crate) fn look_up_name(&self) -> &str {
        self.zoned.as_deref().unwrap_or_else(|| self.host_unbracketed())
    }

    /// Returns the port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns host and port as in a Host field: without the scheme's default port and without zone
    /// id.
    pub fn authority(&self) -> impl fmt::Display + '_ {
        Authority(self)
    }
}

/// Writes `http://example.com:8080`, or `http://[fe80::1%25eth0]` (RFC 6874).
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.as_str())?;
        match self.zone() {
            Some(zone) => write!(f, "[{}%25{zone}]", self.host_unbracketed())?,
            None => f.write_str(&self.host)?,
        }
        self.write_port(f)
    }
}

impl Origin {
    fn write_port(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.port == self.scheme.default_port() {
            return Ok(());
        }
        write!(f, ":{}", self.port)
    }
}

struct Authority<'a>(&'a Origin);

impl fmt::Display for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.host)?;
        self.0.write_port(f)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn hosts_are_lower_case_and_default_ports_silent() {
        let origin = Origin::of(&Url::parse("HTTP://ExAmple.COM:80/x").unwrap()).unwrap();
        assert_eq!(origin.to_string(), "http://example.com");
        let origin = Origin::of(&Url::parse("https://[::1]:8443/").unwrap()).unwrap();
        assert_eq!(origin.authority().to_string(), "[::1]:8443");
        assert_eq!(origin.host_unbracketed(), "::1");
        assert_eq!(Origin::of(&Url::parse("ftp://a/").unwrap()), None);
    }

    #[test]
    fn a_zone_id_makes_another_origin_and_is_not_part_of_the_authority() {
        let plain = Origin::new(Scheme::Http, "[fe80::1]", 81);
        let zoned = Origin::new(Scheme::Http, "[fe80::1%eth0]", 81);
        assert_eq!(zoned, plain.clone().with_zone("eth0"));
        assert_ne!(zoned, plain);
        assert_ne!(zoned, plain.clone().with_zone("eth1"));
        assert_eq!((plain.zone(), zoned.zone()), (None, Some("eth0")));
        assert_eq!((zoned.host(), zoned.host_unbracketed()), ("[fe80::1]", "fe80::1"));
        assert_eq!(zoned.authority().to_string(), "[fe80::1]:81");
        assert_eq!(zoned.to_string(), "http://[fe80::1%25eth0]:81");
        assert_eq!((zoned.look_up_name(), plain.look_up_name()), ("fe80::1%eth0", "fe80::1"));
    }
}
