//! Scheme, host and port (RFC 9110 section 4.3).

use alloc::{format, sync::Arc};
use core::fmt;

use url::Url;

/// `http` or `https`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "other schemes are refused when a request is built")]
pub enum Scheme {
    /// Plain.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// Its name in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// 80 or 443 (RFC 9110 4.2.1, 4.2.2).
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Scheme, host and port: what credentials are bound to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Origin {
    scheme: Scheme,
    port: u16,
    host: Arc<str>,
    /// `fe80::1%eth0`, where there is a zone id.
    zoned: Option<Arc<str>>,
}

impl Origin {
    /// An origin. `host` is a name in lower case and ASCII, an IPv4 address, or an IPv6 address in
    /// brackets: as [`Url::host_str`] gives it. An IPv6 address may have a zone id, as in
    /// `[fe80::1%eth0]`.
    pub fn new(scheme: Scheme, host: &str, port: u16) -> Self {
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        match bracketed.and_then(|host| host.split_once('%')) {
            Some((addr, zone)) => Self::new(scheme, &format!("[{addr}]"), port).with_zone(zone),
            None => Self { scheme, port, host: host.into(), zoned: None },
        }
    }

    /// The same through the interface `zone` (RFC 4007 section 11): its name or its number. It means
    /// something on this host alone, and is never sent. A host that is no IPv6 address has none.
    #[must_use]
    pub fn with_zone(self, zone: &str) -> Self {
        if !self.host.starts_with('[') {
            return self;
        }
        let zoned = format!("{}%{zone}", self.host_unbracketed());
        Self { zoned: Some(zoned.into()), ..self }
    }

    /// A redirect to the same address does not leave the link, and a server cannot name its zone.
    #[must_use]
    pub(crate) fn on_the_link_of(self, other: &Self) -> Self {
        let same = self.zoned.is_none() && self.host == other.host;
        if same { Self { zoned: other.zoned.clone(), ..self } } else { self }
    }

    /// That of a URL; `None` where it has no host or another scheme.
    pub fn of(url: &Url) -> Option<Self> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let host = url.host_str().filter(|host| !host.is_empty())?;
        Some(Self::new(scheme, host, url.port().unwrap_or_else(|| scheme.default_port())))
    }

    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host, an IPv6 address without brackets: for a resolver, or a certificate.
    pub fn host_unbracketed(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }

    /// The zone id of an IPv6 address, if it was given one.
    pub fn zone(&self) -> Option<&str> {
        self.zoned.as_deref()?.split_once('%').map(|(_, zone)| zone)
    }

    /// What a resolver is asked for: the host without brackets, with the zone id.
    pub(crate) fn look_up_name(&self) -> &str {
        self.zoned.as_deref().unwrap_or_else(|| self.host_unbracketed())
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Host and port, the port left out where it is the scheme's own and the zone id in any case: as
    /// in a Host field.
    pub fn authority(&self) -> impl fmt::Display + '_ {
        Authority(self)
    }
}

/// `http://example.com:8080`, or `http://[fe80::1%25eth0]` (RFC 6874).
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
