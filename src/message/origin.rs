//! Scheme, host and port (RFC 9110 section 4.3).

use alloc::sync::Arc;
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
}

impl Origin {
    /// An origin. `host` is a name in lower case and ASCII, an IPv4 address, or an IPv6 address in
    /// brackets: as [`Url::host_str`] gives it.
    pub fn new(scheme: Scheme, host: &str, port: u16) -> Self {
        Self { scheme, port, host: host.into() }
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

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Host and port, the port left out where it is the scheme's own: as in a Host field.
    pub fn authority(&self) -> impl fmt::Display + '_ {
        Authority(self)
    }
}

/// `http://example.com:8080`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

struct Authority<'a>(&'a Origin);

impl fmt::Display for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.host)?;
        if self.0.port != self.0.scheme.default_port() {
            write!(f, ":{}", self.0.port)?;
        }
        Ok(())
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
}
