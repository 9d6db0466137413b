//! The addresses that may not be dialed.

use alloc::sync::Arc;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{
    error::Denied,
    message::{Network, Origin},
};

/// Networks that may not be dialed. A program that fetches URLs of other people uses it against
/// server-side request forgery: [`Guard::global`] keeps it away from its own host and network.
///
/// The rules are asked for each address that is about to be dialed: literals and results of
/// look-ups, at each redirect. So a name cannot change between the check and its use. Of several
/// addresses of a name, only those that are permitted are tried. A connection to a denied address
/// is never opened, so that none can be kept; a refusal is [`DialError::Denied`].
///
/// A Unix domain socket is denied, unless no address is denied or
/// [`allow_unix_sockets`](Self::allow_unix_sockets) is set: its peer is on this host.
///
/// The addresses of proxies are judged too: [allow](Self::allow) those in one's own network. An
/// address that a proxy is to reach is judged before the proxy is asked. A name that a proxy would
/// look up is denied, unless [`allow_proxied_names`](Self::allow_proxied_names) is set: the proxy
/// then has to judge its addresses. This concerns forward proxies, CONNECT, SOCKS4a and SOCKS5h.
///
/// [`DialError::Denied`]: crate::error::DialError::Denied
///
/// ```
/// use httpool::dial::Guard;
///
/// let guard = Guard::global().allow("10.1.0.0/16".parse()?);
/// assert!(guard.permits("8.8.8.8".parse()?));
/// assert!(guard.permits("10.1.2.3".parse()?));
/// for inside in ["127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"] {
///     assert!(!guard.permits(inside.parse()?));
/// }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guard {
    denied: Arc<[Network]>,
    allowed: Arc<[Network]>,
    /// Whether a proxy may look names up.
    proxied_names: bool,
    /// Whether Unix domain sockets may be connected to.
    unix_sockets: bool,
}

impl Guard {
    /// Makes rules that permit every address.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes rules that permit global unicast addresses alone: those that the IANA registries of
    /// special-purpose addresses (RFC 6890) list as globally reachable, and those that they do not
    /// list. Private, shared, loopback, link-local, multicast, documentation and reserved addresses
    /// are denied, and so are Teredo and 6to4 addresses (RFC 4380, RFC 3056). The blocks of IETF
    /// protocol assignments are denied whole, although a few addresses of them are global.
    pub fn global() -> Self {
        let v4 = NOT_GLOBAL_V4.iter().map(|&(addr, bits)| (IpAddr::V4(addr.into()), bits));
        let v6 = NOT_GLOBAL_V6.iter().map(|&(addr, bits)| (IpAddr::V6(addr.into()), bits));
        let networks = v4.chain(v6).filter_map(|(addr, bits)| Network::new(addr, bits));
        Self { denied: networks.collect(), ..Self::default() }
    }

    /// Denies the addresses of `network`.
    #[must_use]
    pub fn deny(self, network: Network) -> Self {
        Self { denied: with(&self.denied, network), ..self }
    }

    /// Allows the addresses of `network`, although another rule denies them.
    #[must_use]
    pub fn allow(self, network: Network) -> Self {
        Self { allowed: with(&self.allowed, network), ..self }
    }

    /// Sets whether a proxy may be asked for a name, whose addresses it looks up itself. False by
    /// default. It has no effect if every address is permitted.
    #[must_use]
    pub fn allow_proxied_names(self, allow: bool) -> Self {
        Self { proxied_names: allow, ..self }
    }

    /// Sets whether Unix domain sockets may be connected to. False by default. It has no effect if
    /// every address is permitted. A program that routes requests to a socket sets this if its
    /// service can be trusted with every request that the guard lets pass: a redirect chooses the
    /// path of a request, although never the socket.
    #[must_use]
    pub fn allow_unix_sockets(self, allow: bool) -> Self {
        Self { unix_sockets: allow, ..self }
    }

    /// Judges a connection to a Unix domain socket.
    pub(super) fn judge_unix(&self) -> Result<(), Denied> {
        if self.unix_sockets || self.is_open() { Ok(()) } else { Err(Denied::UnixSocket) }
    }

    /// Returns whether `addr` may be dialed. An IPv6 address that stands for an IPv4 address, by
    /// mapping or by NAT64 (RFC 4291 section 2.5.5.2, RFC 6052), is judged as the IPv4 address.
    pub fn permits(&self, addr: IpAddr) -> bool {
        self.judge(addr).is_ok()
    }

    /// Returns `Ok` if `addr` may be dialed.
    ///
    /// # Errors
    /// The address, and the network whose rule denies it.
    pub fn judge(&self, addr: IpAddr) -> Result<(), Denied> {
        let addr = unwrapped(addr);
        match self.denied.iter().find(|network| network.contains(addr)) {
            Some(rule) if !self.allowed.iter().any(|network| network.contains(addr)) => {
                Err(Denied::Address { addr, bits: rule.bits() })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Judges the host that a proxy is to reach.
    pub(crate) fn judge_proxied(&self, origin: &Origin) -> Result<(), Denied> {
        match origin.host_unbracketed().parse() {
            Ok(addr) => self.judge(addr),
            Err(_) if self.proxied_names || self.is_open() => Ok(()),
            Err(_) => Err(Denied::ProxiedName),
        }
    }

    /// Returns whether every address is permitted.
    pub fn is_open(&self) -> bool {
        self.denied.is_empty()
    }

    /// Returns the networks that are denied and allowed, whether a proxy may look names up, and
    /// whether Unix domain sockets may be connected to.
    pub(super) fn parts(&self) -> (&Arc<[Network]>, &Arc<[Network]>, bool, bool) {
        (&self.denied, &self.allowed, self.proxied_names, self.unix_sockets)
    }

    pub(super) fn of_parts(
        denied: Arc<[Network]>,
        allowed: Arc<[Network]>,
        proxied_names: bool,
        unix_sockets: bool,
    ) -> Self {
        Self { denied, allowed, proxied_names, unix_sockets }
    }
}

fn with(networks: &[Network], another: Network) -> Arc<[Network]> {
    networks.iter().copied().chain([another]).collect()
}

/// Returns the IPv4 address that an IPv6 address stands for, or `addr` itself.
fn unwrapped(addr: IpAddr) -> IpAddr {
    match addr.to_canonical() {
        IpAddr::V6(v6) if v6.to_bits() >> 32 == NAT64 => {
            IpAddr::V4(Ipv4Addr::from_bits(v6.to_bits() as u32))
        }
        addr @ (IpAddr::V4(_) | IpAddr::V6(_)) => addr,
    }
}

/// The first 96 bits of `64:ff9b::/96` (RFC 6052 section 2.1).
const NAT64: u128 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0).to_bits() >> 32;

/// The IPv4 addresses that are not global unicast.
const NOT_GLOBAL_V4: [([u8; 4], u8); 15] = [
    ([0, 0, 0, 0], 8),       // this network (RFC 791)
    ([10, 0, 0, 0], 8),      // private (RFC 1918)
    ([100, 64, 0, 0], 10),   // shared (RFC 6598)
    ([127, 0, 0, 0], 8),     // loopback (RFC 1122)
    ([169, 254, 0, 0], 16),  // link-local (RFC 3927)
    ([172, 16, 0, 0], 12),   // private (RFC 1918)
    ([192, 0, 0, 0], 24),    // protocol assignments (RFC 6890)
    ([192, 0, 2, 0], 24),    // documentation (RFC 5737)
    ([192, 88, 99, 0], 24),  // 6to4 relays (RFC 7526)
    ([192, 168, 0, 0], 16),  // private (RFC 1918)
    ([198, 18, 0, 0], 15),   // benchmarks (RFC 2544)
    ([198, 51, 100, 0], 24), // documentation (RFC 5737)
    ([203, 0, 113, 0], 24),  // documentation (RFC 5737)
    ([224, 0, 0, 0], 4),     // multicast (RFC 5771)
    ([240, 0, 0, 0], 4),     // reserved (RFC 1112), and broadcast (RFC 919)
];

/// The IPv6 addresses that are not global unicast: all outside `2000::/3`, and parts of it.
const NOT_GLOBAL_V6: [([u16; 8], u8); 7] = [
    ([0, 0, 0, 0, 0, 0, 0, 0], 3),
    ([0x4000, 0, 0, 0, 0, 0, 0, 0], 2),
    ([0x8000, 0, 0, 0, 0, 0, 0, 0], 1),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // protocol assignments, Teredo (RFC 2928, RFC 4380)
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation (RFC 3849)
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), // 6to4 (RFC 3056)
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation (RFC 9637)
];

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(guard: &Guard, addr: &str) -> bool {
        guard.permits(addr.parse().unwrap())
    }

    #[test]
    fn only_global_unicast_addresses_are_permitted() {
        let guard = Guard::global();
        for denied in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::808:808",
            "100::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
        ] {
            assert!(!permits(&guard, denied), "{denied}");
        }
        for permitted in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2003::1",
            "2606:4700::1111",
            "3fff:1000::1",
        ] {
            assert!(permits(&guard, permitted), "{permitted}");
        }
    }

    #[test]
    fn an_allowed_network_beats_a_denied_one_and_no_rules_permit_all() {
        let net = |text: &str| text.parse().unwrap();
        let guard = Guard::global().allow(net("127.0.0.1")).deny(net("8.8.8.0/24"));
        assert!(permits(&guard, "127.0.0.1") && permits(&guard, "::ffff:127.0.0.1"));
        assert!(!permits(&guard, "127.0.0.2") && !permits(&guard, "64:ff9b::808:808"));
        let open = Guard::new();
        assert!(open.is_open() && !guard.is_open() && permits(&open, "127.0.0.1"));
    }
}
