//! Hosts that are addresses.

use core::net::{IpAddr, SocketAddr, SocketAddrV6};

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
