//! Parses the URL of a proxy.

use alloc::string::String;
use core::{error, fmt};

use percent_encoding::percent_decode_str;
use url::Host;

use super::{Credentials, Hop, HopKind, Origin, Scheme};

impl Hop {
    /// Parses the URL of a proxy, as in the variable `https_proxy`: `socks5h://user:pw@host:1080`.
    ///
    /// | scheme | proxy | default port |
    /// |---|---|---|
    /// | `http`, or none | CONNECT (RFC 9110 9.3.6) | 80 |
    /// | `https` | CONNECT, over TLS | 443 |
    /// | `socks4`, `socks4a` | SOCKS4: the client, or the proxy, looks the name up | 1080 |
    /// | `socks5`, `socks5h` | SOCKS5 (RFC 1928): the client, or the proxy, looks the name up | 1080 |
    ///
    /// User name and password are percent-decoded.
    ///
    /// ```
    /// use httpool::message::{Hop, HopKind};
    ///
    /// let hop = Hop::parse("socks5h://user:p%40ss@proxy.example")?;
    /// assert_eq!(hop.kind(), HopKind::Socks5h);
    /// assert_eq!((hop.proxy().host(), hop.proxy().port()), ("proxy.example", 1080));
    /// assert_eq!(hop.credentials().map(|it| it.password()), Some("p@ss"));
    /// # Ok::<(), httpool::message::InvalidProxy>(())
    /// ```
    ///
    /// # Errors
    /// The scheme is unknown; host, port or credentials are invalid; or there is a path, a query or
    /// a fragment. The error never shows the credentials.
    pub fn parse(url: &str) -> Result<Self, InvalidProxy> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (kind, scheme, port) = kind_of(scheme)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (userinfo, authority) = match rest.rsplit_once('@') {
            Some((userinfo, authority)) => (Some(userinfo), authority),
            None => (None, rest),
        };
        if authority.contains(['/', '\\', '?', '#']) {
            return Err(InvalidProxy::Path);
        }
        let (host, port) = match split_port(authority) {
            Some((host, text)) => (host, parse_port(text)?.unwrap_or(port)),
            None => (authority, port),
        };
        let (host, zone) = split_zone(host);
        let host = match Host::parse(&host) {
            Ok(host) => alloc::format!("{host}"),
            Err(_) => return Err(InvalidProxy::Host),
        };
        let mut origin = Origin::new(scheme, &host, port);
        if let Some(zone) = zone {
            origin = origin.with_zone(&zone);
        }
        let hop = Self::new(kind, origin);
        match userinfo {
            Some(userinfo) => Ok(hop.with_credentials(credentials(userinfo)?)),
            None => Ok(hop),
        }
    }
}

/// Returns the protocol, the scheme and the default port for the scheme of a proxy's URL.
fn kind_of(scheme: &str) -> Result<(HopKind, Scheme, u16), InvalidProxy> {
    const KINDS: [(&str, HopKind, Scheme, u16); 6] = [
        ("http", HopKind::Connect, Scheme::Http, 80),
        ("https", HopKind::Connect, Scheme::Https, 443),
        ("socks4", HopKind::Socks4, Scheme::Http, 1080),
        ("socks4a", HopKind::Socks4a, Scheme::Http, 1080),
        ("socks5", HopKind::Socks5, Scheme::Http, 1080),
        ("socks5h", HopKind::Socks5h, Scheme::Http, 1080),
    ];
    let known = KINDS.iter().find(|(name, ..)| scheme.eq_ignore_ascii_case(name));
    known.map(|&(_, kind, scheme, port)| (kind, scheme, port)).ok_or(InvalidProxy::Scheme)
}

/// Splits the port from a host, at the last colon outside brackets.
fn split_port(authority: &str) -> Option<(&str, &str)> {
    let (host, port) = authority.rsplit_once(':')?;
    (!port.contains(']')).then_some((host, port))
}

/// Parses a port; an empty one is the default.
fn parse_port(text: &str) -> Result<Option<u16>, InvalidProxy> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidProxy::Port);
    }
    match text.parse() {
        Ok(0) => Err(InvalidProxy::Port),
        Ok(port) => Ok(Some(port)),
        Err(_) if text.is_empty() => Ok(None),
        Err(_) => Err(InvalidProxy::Port),
    }
}

/// Splits the zone id from an IPv6 address in brackets (RFC 6874).
fn split_zone(host: &str) -> (String, Option<String>) {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match bare.and_then(|bare| bare.split_once('%')) {
        Some((addr, zone)) => {
            let zone = zone.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(zone);
            (alloc::format!("[{addr}]"), Some(zone.into()))
        }
        None => (host.into(), None),
    }
}

fn credentials(userinfo: &str) -> Result<Credentials, InvalidProxy> {
    let decode =
        |text| percent_decode_str(text).decode_utf8().map_err(|_| InvalidProxy::Credentials);
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    Ok(Credentials::new(&decode(user)?, &decode(password)?))
}

/// The reason why a text is not the URL of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidProxy {
    /// The scheme is none of `http`, `https`, `socks4`, `socks4a`, `socks5` and `socks5h`.
    Scheme,
    /// The host is missing or invalid.
    Host,
    /// The port is no number from 1 to 65535.
    Port,
    /// User name or password is not UTF-8 after it was percent-decoded.
    Credentials,
    /// A path, a query or a fragment follows the host.
    Path,
}

impl fmt::Display for InvalidProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => {
                "the proxy's scheme is unknown: use http, https, socks4, socks4a, socks5 or socks5h"
            }
            Self::Host => "the proxy's URL has no valid host: write scheme://host:port",
            Self::Port => "the proxy's port is not a number from 1 to 65535",
            Self::Credentials => "the proxy's user name or password is not UTF-8",
            Self::Path => {
                "the proxy's URL has a path, a query or a fragment: write scheme://host:port \
                     (in a password, write / as %2F, ? as %3F, # as %23)"
            }
        })
    }
}

impl error::Error for InvalidProxy {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use quickcheck::quickcheck;

    use super::*;

    #[test]
    fn urls_of_proxies_are_parsed() {
        use HopKind::*;
        for (url, kind, shown) in [
            ("proxy", Connect, "http://proxy"),
            ("proxy:3128", Connect, "http://proxy:3128"),
            ("http://proxy/", Connect, "http://proxy"),
            ("HTTP://PROXY:80", Connect, "http://proxy"),
            ("http://proxy:", Connect, "http://proxy"),
            ("https://proxy", Connect, "https://proxy"),
            ("https://proxy:8443", Connect, "https://proxy:8443"),
            ("socks4://proxy", Socks4, "http://proxy:1080"),
            ("socks4a://proxy:9", Socks4a, "http://proxy:9"),
            ("socks5://10.0.0.1", Socks5, "http://10.0.0.1:1080"),
            ("socks5h://[2001:DB8::1]:80", Socks5h, "http://[2001:db8::1]"),
            ("[::1]:3128", Connect, "http://[::1]:3128"),
            ("http://[fe80::1%25eth0]:1", Connect, "http://[fe80::1%25eth0]:1"),
            ("http://b\u{fc}cher.de", Connect, "http://xn--bcher-kva.de"),
        ] {
            let hop = Hop::parse(url).unwrap();
            assert_eq!((hop.kind(), hop.proxy().to_string()), (kind, shown.into()), "{url}");
            assert_eq!(hop.credentials(), None, "{url}");
        }
    }

    #[test]
    fn credentials_are_percent_decoded_and_end_at_the_last_at_sign() {
        for (url, user, password) in [
            ("http://u:p@proxy", "u", "p"),
            ("u:p@proxy", "u", "p"),
            ("http://u@proxy", "u", ""),
            ("http://:p@proxy", "", "p"),
            ("http://@proxy", "", ""),
            ("http://u%3A:p%40%2F@proxy", "u:", "p@/"),
            ("http://u:p@q@proxy", "u", "p@q"),
            ("socks5://u:p/q@proxy:1", "u", "p/q"),
        ] {
            let hop = Hop::parse(url).unwrap();
            assert_eq!(hop.proxy().host(), "proxy", "{url}");
            assert_eq!(hop.credentials(), Some(&Credentials::new(user, password)), "{url}");
        }
    }

    #[test]
    fn each_fault_has_its_error() {
        for (url, why) in [
            ("ftp://proxy", InvalidProxy::Scheme),
            ("socks://proxy", InvalidProxy::Scheme),
            ("://proxy", InvalidProxy::Scheme),
            ("", InvalidProxy::Host),
            ("http://", InvalidProxy::Host),
            ("http://:80", InvalidProxy::Host),
            ("http://a b", InvalidProxy::Host),
            ("http://[::1", InvalidProxy::Host),
            ("http://::1", InvalidProxy::Host),
            ("http://proxy:x", InvalidProxy::Port),
            ("http://proxy:+1", InvalidProxy::Port),
            ("http://proxy:0", InvalidProxy::Port),
            ("http://proxy:65536", InvalidProxy::Port),
            ("http://u%ff@proxy", InvalidProxy::Credentials),
            ("http://proxy/path", InvalidProxy::Path),
            ("http://proxy?q", InvalidProxy::Path),
        ] {
            assert_eq!(Hop::parse(url), Err(why), "{url}");
        }
    }

    quickcheck! {
        fn no_text_panics_and_no_error_shows_a_password(text: String) -> bool {
            let url = alloc::format!("socks5://user:hunter2@{text}");
            match (Hop::parse(&text), Hop::parse(&url)) {
                (_, Err(why)) => !why.to_string().contains("hunter2"),
                (_, Ok(hop)) => !alloc::format!("{hop:?}").contains("hunter2"),
            }
        }
    }
}
