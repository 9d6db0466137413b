//! The exchange with one proxy to establish a tunnel.

use alloc::{boxed::Box, format, vec::Vec};
use core::net::IpAddr;

use super::{ProxyResponse, socks::Socks};
use crate::{
    error::DialError,
    h1::{Connection, Event, Target},
    limits::{MessageLimits, PROXY_BODY_WAIT},
    message::{Hop, HopKind, Method, Origin, Request, Status},
    time::Instant,
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
    Http(Connect),
    Socks(Socks),
}

/// The state of a CONNECT request.
struct Connect {
    http: Connection,
    /// The response that refuses the tunnel, and until when the rest of it is waited for.
    refusal: Option<(Box<ProxyResponse>, Instant)>,
}

/// The meaning of a proxy's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The answer is not complete.
    Partial,
    /// The tunnel is established.
    Stands,
    /// The tunnel is refused, with a response.
    Refused(DialError),
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
                Talk::Http(Connect { http, refusal: None })
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
            Talk::Http(connect) => Heard::by(&connect.http, input, 0),
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

    /// Parses the proxy's answer. Returns how many bytes were consumed, and their meaning.
    pub(super) fn receive(
        &mut self,
        input: &[u8],
        now: Instant,
    ) -> Result<(usize, Answer), DialError> {
        match &mut self.talk {
            Talk::Http(connect) => connect.receive(input, now),
            Talk::Socks(socks) => {
                let (taken, stands) = socks.receive(input, &mut self.out)?;
                Ok((taken, if stands { Answer::Stands } else { Answer::Partial }))
            }
        }
    }

    /// Returns the error of a response that refuses the tunnel, and until when to wait for the
    /// rest of its body.
    pub(super) fn refused(&self) -> Option<(DialError, Instant)> {
        match &self.talk {
            Talk::Http(Connect { refusal: Some((response, until)), .. }) => {
                Some((refusal(response.head().status()), *until))
            }
            Talk::Http(_) | Talk::Socks(_) => None,
        }
    }

    /// Takes the response that refuses the tunnel.
    pub(super) fn take_response(&mut self) -> Option<Box<ProxyResponse>> {
        match &mut self.talk {
            Talk::Http(connect) => connect.refusal.take().map(|(response, _)| response),
            Talk::Socks(_) => None,
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

impl Connect {
    /// Parses the answer to CONNECT. After the head of any 2xx the tunnel begins, whatever the
    /// fields say (RFC 9110 section 9.3.6). Any other response is from the proxy.
    fn receive(&mut self, input: &[u8], now: Instant) -> Result<(usize, Answer), DialError> {
        let mut taken = 0;
        loop {
            let rest = input.get(taken..).unwrap_or_default();
            let (len, event) = match (self.http.receive(rest), &self.refusal) {
                (Ok(got), _) => got,
                // The response refuses the tunnel also if its body breaks off.
                (Err(_), Some((response, _))) => {
                    return Ok((taken, Answer::Refused(refusal(response.head().status()))));
                }
                (Err(_), None) => return Err(DialError::ProxyProtocol),
            };
            taken += len;
            let ended = match (event, &mut self.refusal) {
                (Event::NeedInput, _) => return Ok((taken, Answer::Partial)),
                (Event::Skipped | Event::Interim(_), _) => false,
                (Event::Head(head), _) if head.status().is_success() => {
                    return Ok((taken, Answer::Stands));
                }
                (Event::Head(head), _) => {
                    let response = Box::new(ProxyResponse::new(&head));
                    self.refusal = Some((response, now.after(PROXY_BODY_WAIT)));
                    false
                }
                (Event::Data(data), Some((response, _))) => !response.append(data),
                (Event::End(_), Some(_)) => true,
                (Event::Data(_) | Event::End(_), None) => return Err(DialError::ProxyProtocol),
            };
            if let (true, Some((response, _))) = (ended, &self.refusal) {
                return Ok((taken, Answer::Refused(refusal(response.head().status()))));
            }
        }
    }
}

/// Returns the error for the status of a response that refuses the tunnel.
const fn refusal(status: Status) -> DialError {
    match status.as_u16() {
        // tinyproxy refuses wrong credentials with 401.
        status @ (401 | 407) => DialError::ProxyLogin(status),
        other => DialError::ProxyRefused(other),
    }
}

/// Builds the CONNECT request: its target is host and port, and its Host field is the same (RFC
/// 9112 section 3.2.3). Of other fields it has those of the proxy alone. No field of a request is
/// among them, and so no User-Agent: the tunnel serves other requests too. A User-Agent for the
/// proxy can be one of its fields.
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
