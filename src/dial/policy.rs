//! The policy of a dial: timeouts, racing, TLS.

use core::{net::IpAddr, time::Duration};

use super::Guard;
use crate::{limits::MessageLimits, setters::setters};

/// The timeouts of a dial, and its way of trying addresses. `None` as a timeout means no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DialPolicy {
    /// Limits each look-up of a name, from its beginning. If it must first wait for a thread of the
    /// resolver's, that wait may take as long again ([`Deadline::Resolver`]). 10 seconds by default.
    /// urllib3 has no such bound.
    ///
    /// [`Deadline::Resolver`]: crate::time::Deadline::Resolver
    pub resolve_timeout: Option<Duration>,
    /// Limits TCP and the answers of proxies, over all addresses together; it stands still while a
    /// name is looked up and while TLS shakes hands. 10 seconds by default. urllib3's
    /// `Timeout.connect` is counted for each address anew, and for each answer of a proxy.
    pub connect_timeout: Option<Duration>,
    /// Limits each TLS handshake: through an `https` proxy there are two. 10 seconds by default.
    pub tls_timeout: Option<Duration>,
    /// Races addresses (RFC 8305): IPv6 and IPv4 addresses take turns, beginning with the version of
    /// the first address. The next attempt begins when the one before has failed, or after this
    /// time, or after that attempt's share of the time that is left, whichever comes first. 250
    /// milliseconds by default, as RFC 8305 section 5 proposes. Values below 10 milliseconds, which
    /// it forbids, count as 10. `None`: one address after the other, in the resolver's order, each
    /// for its share. urllib3 does that, and gives each the whole connect timeout.
    pub race_after: Option<Duration>,
    /// The IP versions of the addresses that are connected to (curl: `--ipv4`, `--ipv6`). Both by
    /// default. If a host has addresses of the other version alone, the dial fails with
    /// [`DialError::Family`](crate::error::DialError::Family), also if the URL names the address.
    pub families: Families,
    /// Whether the driver can do TLS. False by default: what needs it then fails at once, before a
    /// name is looked up.
    pub tls_available: bool,
    /// The addresses that may not be dialed. None by default: every address is permitted.
    pub guard: Guard,
    /// Limits on a proxy's answer to CONNECT.
    pub limits: MessageLimits,
}

/// The IP versions of the addresses that a dial uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Families {
    /// Both versions.
    #[default]
    Any,
    /// IPv4 alone. An IPv6 address that maps an IPv4 address (RFC 4291 section 2.5.5.2) is one.
    V4,
    /// IPv6 alone.
    V6,
}

impl Families {
    /// Returns whether the version of `addr` is one of these.
    ///
    /// ```
    /// use httpool::dial::Families;
    ///
    /// assert!(Families::V4.contains("192.0.2.1".parse()?));
    /// assert!(!Families::V4.contains("2001:db8::1".parse()?));
    /// # Ok::<(), core::net::AddrParseError>(())
    /// ```
    pub const fn contains(self, addr: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => addr.to_canonical().is_ipv4(),
            Self::V6 => addr.to_canonical().is_ipv6(),
        }
    }
}

impl Default for DialPolicy {
    fn default() -> Self {
        const TIMEOUT: Option<Duration> = Some(Duration::from_secs(10));
        Self {
            resolve_timeout: TIMEOUT,
            connect_timeout: TIMEOUT,
            tls_timeout: TIMEOUT,
            race_after: Some(Duration::from_millis(250)),
            families: Families::Any,
            tls_available: false,
            guard: Guard::new(),
            limits: MessageLimits::default(),
        }
    }
}

impl DialPolicy {
    setters! {
        resolve_timeout: Option<Duration>,
        connect_timeout: Option<Duration>,
        tls_timeout: Option<Duration>,
        race_after: Option<Duration>,
        families: Families,
        tls_available: bool,
        guard: Guard,
        limits: MessageLimits,
    }
}
