//! The exchange with one proxy to establish a tunnel.

use alloc::{format, vec::Vec};
use core::net::IpAddr;

use super::socks::Socks;
use crate::{
    error::DialError,
    h1::{Connection, Event, Target},
    limits::MessageLimits,
    message::{Hop, HopKind, Method, Origin, Request},
    trace::Heard,
};

/// An exchange with a proxy, from its first byte until the tunnel is established. It stores no
/// input: bytes that it does not consume are left to the caller.
pub(super) struct Tunnel {
    talk: Talk,
    /// The bytes to send. They may hold a password.
    out: Vec<u8>,
}

enum Talk {
    Http(Connection),
    Socks(Socks),
}

impl Tunnel {
    /// Begins a request to the proxy `hop` for a tunnel to `target`, at `addr` if its address is
    /// known.
    pub(super) fn begin(
        hop: &Hop,
        target: &Origin,
        addr: Option<IpAddr>,
        limits: MessageLimits,
    ) -> Result<Self, DialError> {
        let mut out = Vec::new();
        let talk = match hop.kind() {
            HopKind::Connect => {
                let mut http = Connection::new(limits);
                let request = connect_request(target, hop)?;
                // This cannot fail: no other exchange is under way on the connection.
                http.send_request(&request, Target::Origin, &mut out)
                    .map_err(|_| DialError::ProxyProtocol)?;
                Talk::Http(http)
            }
            kind @ (HopKind::Socks4 | HopKind::Socks4a | HopKind::Socks5 | HopKind::Socks5h) => {
                Talk::Socks(Socks::begin(kind, target, addr, hop.credentials(), &mut out)?)
            }
        };
        Ok(Self { talk, out })
    }

    pub(super) fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.out);
    }

    /// Returns the part of `input` that a recording keeps.
    pub(super) fn hear<'i>(&self, input: &'i [u8]) -> Heard<'i> {
        /// The longest reply of RFC 1928 section 6: the one with the longest name.
        const REPLY_MAX: usize = 262;
        match &self.talk {
            Talk::Http(http) => Heard::by(http, input, 0),
            Talk::Socks(_) => Heard::open(input, 0).text(REPLY_MAX),
        }
    }

    /// Returns within how many bytes of an answer a refusal shows its reason, if the protocol
    /// limits them. A recording leaves out the bytes after them.
    pub(super) const fn refused_within(&self) -> Option<usize> {
        /// A method, a status, and a reply up to the type of its address.
        const SOCKS5: usize = 2 + 2 + 4;
        match self.talk {
            Talk::Http(_) => None,
            Talk::Socks(_) => Some(SOCKS5),
        }
    }

    /// Parses the proxy's answer. Returns how many bytes were consumed, and whether the tunnel is
    /// established.
    pub(super) fn receive(&mut self, input: &[u8]) -> Result<(usize, bool), DialError> {
        match &mut self.talk {
            Talk::Http(http) => receive_http(http, input),
            Talk::Socks(socks) => socks.receive(input, &mut self.out),
        }
    }
}

/// Returns whether the proxy needs an IP address, so that the client must resolve the name.
pub(super) fn takes_address_only(kind: HopKind) -> bool {
    match kind {
        HopKind::Socks4 | HopKind::Socks5 => true,
        HopKind::Connect | HopKind::Socks4a | HopKind::Socks5h => false,
    }
}

/// Parses the answer to CONNECT. After the head of any 2xx the tunnel begins, whatever the fields
/// say (RFC 9110 section 9.3.6). Any other response is from the proxy.
fn receive_http(http: &mut Connection, input: &[u8]) -> Result<(usize, bool), DialError> {
    let mut taken = 0;
    loop {
        let rest = input.get(taken..).unwrap_or_default();
        let (len, event) = http.receive(rest).map_err(|_| DialError::ProxyProtocol)?;
        taken += len;
        match event {
            Event::NeedInput => return Ok((taken, false)),
            Event::Skipped | Event::Interim(_) => {}
            Event::Head(head) if head.status().is_success() => return Ok((taken, true)),
            Event::Head(head) => return Err(DialError::ProxyRefused(head.status().as_u16())),
            Event::Data(_) | Event::End(_) => return Err(DialError::ProxyProtocol),
        }
    }
}

/// Builds the CONNECT request: its target is host and port, and its Host field is the same (RFC
/// 9112 section 3.2.3). Of other fields it has those of the proxy alone.
fn connect_request(target: &Origin, hop: &Hop) -> Result<Request, DialError> {
    let authority = format!("{}:{}", target.host(), target.port());
    let mut builder = Request::builder(Method::CONNECT, &format!("http://{authority}/"))
        .header("Host", &authority);
    for field in hop.fields().iter() {
        builder = builder.header_bytes(field.name(), field.value());
    }
    if let Some(basic) = hop.authorization().map_err(|_| DialError::ProxyCredentials)? {
        builder = builder.header("Proxy-Authorization", &basic);
    }
    let request = builder.build().map_err(|_| DialError::Name)?;
    // Refuse a host that the URL parser changes into another one.
    if request.target() == authority { Ok(request) } else { Err(DialError::Name) }
}
