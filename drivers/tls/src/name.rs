//! The names of servers.

use std::net::IpAddr;

use rustls::pki_types::ServerName;

/// Returns a host without what a URL may add: brackets, a zone id, the final dot.
pub(crate) fn plain(host: &str) -> &str {
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let inside = inside.split_once('%').map_or(inside, |(address, _)| address);
    inside.strip_suffix('.').unwrap_or(inside)
}

/// Returns the name to ask for and to check. An address is checked against the addresses of the
/// certificate, and is not sent (RFC 6066 section 3).
pub(crate) fn server(host: &str) -> Option<ServerName<'static>> {
    let host = plain(host);
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(ServerName::IpAddress(address.into()));
    }
    ServerName::try_from(host.to_ascii_lowercase()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_zones_and_the_final_dot_go() {
        for (host, name) in [
            ("[::1]", "::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("Example.COM.", "example.com"),
            ("localhost.", "localhost"),
            ("192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(server(host).expect(host).to_str(), name);
        }
        for bad in ["", ".", "a b", "ü.test", "a..test", "[::1"] {
            assert!(server(bad).is_none(), "{bad}");
        }
    }
}
