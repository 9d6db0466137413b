//! Hosts that are addresses, and the address of a connection.

use core::net::{IpAddr, SocketAddr, SocketAddrV6};

use super::Dial;
use crate::message::Origin;

/// Returns the address that the host is, if it is one. A zone id is left out.
pub(super) fn literal(origin: &Origin) -> Option<IpAddr> {
    origin.host_unbracketed().parse().ok()
}

/// Returns the address to connect to if no look-up is needed: an IP address without zone id, or
/// with a numeric one (RFC 4007 section 11.2). An address with another zone id is looked up.
pub(super) fn address(origin: &Origin) -> Option<SocketAddr> {
    let (ip, port) = (literal(origin)?, origin.port());
    match (ip, origin.zone()) {
        (IpAddr::V6(ip), Some(zone)) => {
            Some(SocketAddrV6::new(ip, port, 0, zone.parse().ok()?).into())
        }
        _ => Some(SocketAddr::new(ip, port)),
    }
}

impl Dial {
    /// Returns the address that the [winner](Self::winner) is connected to: of the peer, or of the
    /// nearest proxy. `None` before that, and for a Unix domain socket.
    pub fn peer_ip(&self) -> Option<IpAddr> {
        let addr = self.race.addr(self.race.winner()?)?;
        addr.tcp().map(|addr| addr.ip())
    }
}
