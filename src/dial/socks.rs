//! Speaks SOCKS to a proxy: version 4, 4a, and 5 (RFC 1928) with a password (RFC 1929).

use alloc::vec::Vec;
use core::net::IpAddr;

use crate::{
    error::DialError,
    message::{Credentials, HopKind, Origin},
};

const CONNECT: u8 = 1;

/// Authentication methods (RFC 1928 section 3).
mod method {
    pub(super) const NONE_NEEDED: u8 = 0;
    pub(super) const PASSWORD: u8 = 2;
    pub(super) const NONE_ACCEPTABLE: u8 = 0xff;
}

/// One SOCKS exchange, from the first byte to the proxy's last answer.
pub(super) struct Socks {
    awaits: Awaits,
    /// The encoded messages that are sent after the proxy's answers.
    password: Vec<u8>,
    request: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Awaits {
    Reply4,
    Method,
    Verdict,
    Reply5,
}

/// The meaning of the input from a proxy.
enum Answer {
    Partial,
    /// This many bytes were consumed, and more answers follow.
    Step(usize),
    /// This many bytes were consumed, and the tunnel is established.
    Done(usize),
}

impl Socks {
    /// Begins a request for `target`, at `addr` if its address is known. Appends the first message
    /// to send.
    pub(super) fn begin(
        kind: HopKind,
        target: &Origin,
        addr: Option<IpAddr>,
        credentials: Option<&Credentials>,
        out: &mut Vec<u8>,
    ) -> Result<Self, DialError> {
        let (mut password, mut request) = (Vec::new(), Vec::new());
        let awaits = if matches!(kind, HopKind::Socks4 | HopKind::Socks4a) {
            write_request4(kind, target, addr, credentials, out)?;
            Awaits::Reply4
        } else {
            write_request5(target, addr, &mut request)?;
            match credentials {
                Some(credentials) => {
                    write_password(credentials, &mut password)?;
                    out.extend_from_slice(&[5, 2, method::NONE_NEEDED, method::PASSWORD]);
                }
                None => out.extend_from_slice(&[5, 1, method::NONE_NEEDED]),
            }
            Awaits::Method
        };
        Ok(Self { awaits, password, request })
    }

    /// Parses the proxy's answers and appends the next messages to send. Returns how many bytes
    /// were consumed, and whether the tunnel is established. An answer is consumed whole or not at
    /// all. A refusal is recognised by its code alone, because some proxies close before they have
    /// sent the rest.
    pub(super) fn receive(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(usize, bool), DialError> {
        let mut taken = 0;
        loop {
            match self.answer(input.get(taken..).unwrap_or_default(), out)? {
                Answer::Partial => return Ok((taken, false)),
                Answer::Step(len) => taken += len,
                Answer::Done(len) => return Ok((taken + len, true)),
            }
        }
    }

    fn answer(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Answer, DialError> {
        let version = match self.awaits {
            Awaits::Reply4 => 0,
            Awaits::Verdict => 1,
            Awaits::Method | Awaits::Reply5 => 5,
        };
        let code = match *input {
            [first, ..] if first != version => return Err(DialError::ProxyProtocol),
            [_, code, ..] => code,
            [] | [_] => return Ok(Answer::Partial),
        };
        match self.awaits {
            Awaits::Reply4 => match code {
                90 if input.len() < 8 => Ok(Answer::Partial),
                90 => Ok(Answer::Done(8)),
                91 => Err(DialError::ProxyRefused(code.into())),
                92 | 93 => Err(DialError::ProxyLogin(code.into())),
                _ => Err(DialError::ProxyProtocol),
            },
            Awaits::Method => {
                match code {
                    method::NONE_NEEDED => self.ask(out),
                    method::PASSWORD if !self.password.is_empty() => {
                        out.append(&mut self.password);
                        self.awaits = Awaits::Verdict;
                    }
                    method::NONE_ACCEPTABLE => return Err(DialError::ProxyLogin(code.into())),
                    _ => return Err(DialError::ProxyProtocol),
                }
                Ok(Answer::Step(2))
            }
            Awaits::Verdict => {
                if code != 0 {
                    return Err(DialError::ProxyLogin(code.into()));
                }
                self.ask(out);
                Ok(Answer::Step(2))
            }
            Awaits::Reply5 => {
                if code != 0 {
                    return Err(DialError::ProxyRefused(code.into()));
                }
                match reply5_len(input)? {
                    Some(len) if input.len() >= len => Ok(Answer::Done(len)),
                    Some(_) | None => Ok(Answer::Partial),
                }
            }
        }
    }

    fn ask(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.request);
        self.awaits = Awaits::Reply5;
    }
}

/// Returns the length of a SOCKS5 reply. It depends on the type of the bound address, which is not
/// used.
fn reply5_len(reply: &[u8]) -> Result<Option<usize>, DialError> {
    let addr_len = match reply.get(3..) {
        Some([1, ..]) => 4,
        Some([4, ..]) => 16,
        Some([3, name_len, ..]) => 1 + usize::from(*name_len),
        Some([] | [3]) | None => return Ok(None),
        Some(_) => return Err(DialError::ProxyProtocol),
    };
    Ok(Some(4 + addr_len + 2))
}

/// Writes a SOCKS4 or SOCKS4a request. It carries the user name, which the proxy does not verify.
/// SOCKS4 has no password.
fn write_request4(
    kind: HopKind,
    target: &Origin,
    addr: Option<IpAddr>,
    credentials: Option<&Credentials>,
    out: &mut Vec<u8>,
) -> Result<(), DialError> {
    let user = credentials.map_or("", Credentials::user);
    let name = target.host_unbracketed();
    if user.contains('\0') {
        return Err(DialError::ProxyCredentials);
    }
    let (addr, name) = match addr {
        Some(IpAddr::V4(addr)) => (addr.octets(), None),
        _ if kind == HopKind::Socks4 || name.contains('\0') => return Err(DialError::Name),
        // SOCKS4a: an invalid address, and the name after the user name.
        _ => ([0, 0, 0, 1], Some(name)),
    };
    out.extend_from_slice(&[4, CONNECT]);
    out.extend_from_slice(&target.port().to_be_bytes());
    out.extend_from_slice(&addr);
    for text in [Some(user), name].into_iter().flatten() {
        out.extend_from_slice(text.as_bytes());
        out.push(0);
    }
    Ok(())
}

/// Writes a SOCKS5 request (RFC 1928 sections 4 and 5).
fn write_request5(
    target: &Origin,
    addr: Option<IpAddr>,
    out: &mut Vec<u8>,
) -> Result<(), DialError> {
    out.extend_from_slice(&[5, CONNECT, 0]);
    match addr {
        Some(IpAddr::V4(addr)) => {
            out.push(1);
            out.extend_from_slice(&addr.octets());
        }
        Some(IpAddr::V6(addr)) => {
            out.push(4);
            out.extend_from_slice(&addr.octets());
        }
        None => {
            out.push(3);
            write_counted(target.host(), out).ok_or(DialError::Name)?;
        }
    }
    out.extend_from_slice(&target.port().to_be_bytes());
    Ok(())
}

/// Writes the user name and password (RFC 1929 section 2).
fn write_password(credentials: &Credentials, out: &mut Vec<u8>) -> Result<(), DialError> {
    out.push(1);
    write_counted(credentials.user(), out)
        .and_then(|()| write_counted(credentials.password(), out))
        .ok_or(DialError::ProxyCredentials)
}

/// Writes `text` after its length in one byte. `None` if it is too long for that.
fn write_counted(text: &str, out: &mut Vec<u8>) -> Option<()> {
    out.push(u8::try_from(text.len()).ok()?);
    out.extend_from_slice(text.as_bytes());
    Some(())
}
