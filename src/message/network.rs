//! Networks of IP addresses, in CIDR notation (RFC 4632, RFC 4291 section 2.3).

use core::{
    error, fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// The addresses that share the first bits of one address, such as `192.0.2.0/24`.
///
/// ```
/// use httpool::message::Network;
///
/// let local: Network = "10.0.0.0/8".parse()?;
/// assert!(local.contains("10.1.2.3".parse()?));
/// // An IPv6 address that stands for an IPv4 address is judged as that address.
/// assert!(local.contains("::ffff:10.1.2.3".parse()?));
/// assert!(!local.contains("11.0.0.1".parse()?));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    /// The address, with zeros behind the prefix.
    addr: IpAddr,
    bits: u8,
}

impl Network {
    /// Makes the network of the addresses whose first `bits` bits are those of `addr`. Bits of
    /// `addr` behind them are ignored. `None` if `bits` is more than an address has: 32 or 128.
    ///
    /// An IPv4-mapped network (`::ffff:10.0.0.0/104`) becomes the IPv4 network.
    pub const fn new(addr: IpAddr, bits: u8) -> Option<Self> {
        match addr {
            IpAddr::V4(addr) if bits <= 32 => {
                let addr = Ipv4Addr::from_bits(addr.to_bits() & mask(bits, 32) as u32);
                Some(Self { addr: IpAddr::V4(addr), bits })
            }
            IpAddr::V6(addr) if bits <= 128 => match addr.to_ipv4_mapped() {
                Some(addr) if bits >= 96 => Self::new(IpAddr::V4(addr), bits - 96),
                _ => {
                    let addr = Ipv6Addr::from_bits(addr.to_bits() & mask(bits, 128));
                    Some(Self { addr: IpAddr::V6(addr), bits })
                }
            },
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        }
    }

    /// Returns the length of the prefix, in bits.
    pub(crate) const fn bits(self) -> u8 {
        self.bits
    }

    /// Returns whether `addr` is in the network. An IPv4-mapped IPv6 address is judged as the IPv4
    /// address that it stands for.
    pub fn contains(self, addr: IpAddr) -> bool {
        match (self.addr, addr.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(addr)) => {
                addr.to_bits() & mask(self.bits, 32) as u32 == net.to_bits()
            }
            (IpAddr::V6(net), IpAddr::V6(addr)) => {
                addr.to_bits() & mask(self.bits, 128) == net.to_bits()
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Returns the mask of the first `bits` bits of an address of `width` bits.
const fn mask(bits: u8, width: u8) -> u128 {
    let all = u128::MAX >> (128 - width);
    match all.checked_shl((width - bits) as u32) {
        Some(mask) => mask & all,
        None => 0,
    }
}

/// Parses an address, with or without `/` and the length of the prefix in bits.
impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (addr, bits) = match text.split_once('/') {
            Some((addr, bits)) => (addr, Some(bits)),
            None => (text, None),
        };
        let addr: IpAddr = addr.parse().map_err(|_| InvalidNetwork)?;
        let bits = match bits {
            None if addr.is_ipv4() => 32,
            None => 128,
            // `parse` also takes a plus sign.
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().map_err(|_| InvalidNetwork)?
            }
            Some(_) => return Err(InvalidNetwork),
        };
        Self::new(addr, bits).ok_or(InvalidNetwork)
    }
}

/// Writes `192.0.2.0/24`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.bits)
    }
}

/// The error for a text that is no [`Network`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidNetwork;

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is no network: write an IP address, or one as in 192.0.2.0/24")
    }
}

impl error::Error for InvalidNetwork {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    fn addr(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_has_the_addresses_with_its_prefix_and_no_others() {
        for (net, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("10.1.2.3/8", "10.0.0.1", "9.255.255.255"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.0/31", "192.0.2.1", "192.0.2.2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
            ("fc00::/7", "fdff::1", "fe00::1"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("::1/128", "::1", "::2"),
            ("::ffff:10.0.0.0/104", "10.1.1.1", "11.1.1.1"),
            ("10.0.0.0/8", "::ffff:10.1.1.1", "::10.1.1.1"),
        ] {
            assert!(network(net).contains(addr(inside)), "{net} has {inside}");
            assert!(!network(net).contains(addr(outside)), "{net} has not {outside}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "/",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "10.0.0.0/8/8",
            "10.0.0/8",
            "010.0.0.1",
            "127.1",
            "fe80::1%1",
            "[::1]",
            "a",
            "10.*",
        ] {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork), "{text}");
        }
    }

    #[test]
    fn the_text_of_a_network_is_the_same_network() {
        for text in ["10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/32", "::1/128"] {
            assert_eq!(network(text).to_string(), text);
        }
        assert_eq!(network("10.1.2.3/8").to_string(), "10.0.0.0/8");
        assert_eq!(network("::ffff:10.0.0.0/104").to_string(), "10.0.0.0/8");
    }
}
