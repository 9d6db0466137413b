//! What is said to one proxy so that it passes bytes on.

use alloc::{format, string::String, vec::Vec};
use core::net::IpAddr;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::socks::Socks;
use crate::{
    error::DialError,
    h1::{Connection, Event},
    limits::MessageLimits,
    message::{Credentials, Hop, HopKind, Method, Origin, Request},
    trace::Heard,
};

/// An exchange with a proxy, from its first byte until the tunnel stands. Nothing that a proxy says
/// is kept: what it cannot take yet, it leaves to the caller.
pub(super) struct Tunnel {
    talk: Talk,
    /// Not sent yet. It may hold a password.
    out: Vec<u8>,
}

enum Talk {
    Http(Connection),
    Socks(Socks),
}

impl Tunnel {
    /// Asks `hop` for `target`, at `addr` if its address is known.
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
                let request = connect_request(target, hop.credentials())?;
                // It takes the request: nothing else is under way on it.
                http.send_request(&request, false, &mut out)
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

    /// What of `input` a recording is to keep.
    pub(super) fn hear<'i>(&self, input: &'i [u8]) -> Heard<'i> {
        /// RFC 1928 section 6, with the longest name.
        const REPLY_MAX: usize = 262;
        match &self.talk {
            Talk::Http(http) => Heard::by(http, input, 0),
            Talk::Socks(_) => Heard::open(input, 0).text(REPLY_MAX),
        }
    }

    /// Counts the bytes of an answer that hold the reason for which it was refused, if the protocol
    /// bounds them: what stands behind them is no answer, and a recording leaves it out.
    pub(super) const fn refused_within(&self) -> Option<usize> {
        /// A method, a verdict, and a reply to the type of its address.
        const SOCKS5: usize = 2 + 2 + 4;
        match self.talk {
            Talk::Http(_) => None,
            Talk::Socks(_) => Some(SOCKS5),
        }
    }

    /// Reads what the proxy says: how much was taken, and whether the tunnel stands.
    pub(super) fn receive(&mut self, input: &[u8]) -> Result<(usize, bool), DialError> {
        match &mut self.talk {
            Talk::Http(http) => receive_http(http, input),
            Talk::Socks(socks) => socks.receive(input, &mut self.out),
        }
    }
}

/// Whether the proxy is to be told an address, so that the name is looked up here.
pub(super) fn takes_address_only(kind: HopKind) -> bool {
    match kind {
        HopKind::Socks4 | HopKind::Socks5 => true,
        HopKind::Connect | HopKind::Socks4a | HopKind::Socks5h => false,
    }
}

/// RFC 9110 section 9.3.6: any 2xx is a tunnel from the end of its head on, whatever fields it has,
/// and no other response is the target's.
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

/// RFC 9112 section 3.2.3: host and port, and the Host field says the same.
fn connect_request(
    target: &Origin,
    credentials: Option<&Credentials>,
) -> Result<Request, DialError> {
    let authority = format!("{}:{}", target.host(), target.port());
    let mut builder = Request::builder(Method::CONNECT, &format!("http://{authority}/"))
        .field("Host", &authority);
    if let Some(credentials) = credentials {
        builder = builder.field("Proxy-Authorization", &basic(credentials)?);
    }
    let request = builder.build().map_err(|_| DialError::Name)?;
    // A "host" that a URL reads as something else must not lead elsewhere.
    if request.target() == authority { Ok(request) } else { Err(DialError::Name) }
}

/// RFC 7617 section 2.
fn basic(credentials: &Credentials) -> Result<String, DialError> {
    let (user, password) = (credentials.user(), credentials.password());
    if user.contains(':') || user.chars().chain(password.chars()).any(char::is_control) {
        return Err(DialError::ProxyCredentials);
    }
    Ok(format!("Basic {}", BASE64.encode(format!("{user}:{password}"))))
}
