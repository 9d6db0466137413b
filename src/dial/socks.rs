//! What is said to a SOCKS proxy: version 4, 4a, and 5 (RFC 1928) with a password (RFC 1929).

use alloc::vec::Vec;
use core::net::IpAddr;

use crate::{
    error::DialError,
    message::{Credentials, HopKind, Origin},
};

const CONNECT: u8 = 1;

/// RFC 1928 section 3.
mod method {
    pub(super) const NONE_NEEDED: u8 = 0;
    pub(super) const PASSWORD: u8 = 2;
    pub(super) const NONE_ACCEPTABLE: u8 = 0xff;
}

/// One request to a SOCKS proxy, from the first byte until its answer.
pub(super) struct Socks {
    awaits: Awaits,
    /// What is sent when its turn comes: the password, and the request.
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

/// What a proxy's answer came to.
enum Answer {
    Partial,
    /// So many bytes were understood, and more is to come.
    Step(usize),
    /// So many bytes were understood, and the tunnel stands.
    Done(usize),
}

impl Socks {
    /// Asks for `target`, at `addr` if its address is known, and appends what is to be sent first.
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

    /// Reads the proxy's answers and appends what follows from them: how much was taken, and whether
    /// the tunnel stands. An answer is taken whole or not at all; a refusal is one from its code on,
    /// since proxies close then, some without the rest.
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
                91..=93 => Err(DialError::ProxyRefused(code.into())),
                _ => Err(DialError::ProxyProtocol),
            },
            Awaits::Method => {
                match code {
                    method::NONE_NEEDED => self.ask(out),
                    method::PASSWORD if !self.password.is_empty() => {
                        out.append(&mut self.password);
                        self.awaits = Awaits::Verdict;
                    }
                    method::NONE_ACCEPTABLE => return Err(DialError::ProxyRefused(code.into())),
                    _ => return Err(DialError::ProxyProtocol),
                }
                Ok(Answer::Step(2))
            }
            Awaits::Verdict => {
                if code != 0 {
                    return Err(DialError::ProxyRefused(code.into()));
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

/// How long the reply is: the address that the proxy bound, which is of no use here, varies.
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

/// The user name identifies and is not checked; version 4 knows no password.
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
        // 4a: an address that cannot be, and the name behind the user's.
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

/// RFC 1928 sections 4 and 5.
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

/// RFC 1929 section 2.
fn write_password(credentials: &Credentials, out: &mut Vec<u8>) -> Result<(), DialError> {
    out.push(1);
    write_counted(credentials.user(), out)
        .and_then(|()| write_counted(credentials.password(), out))
        .ok_or(DialError::ProxyCredentials)
}

/// The text behind its length in one byte, if that can hold it.
fn write_counted(text: &str, out: &mut Vec<u8>) -> Option<()> {
    out.push(u8::try_from(text.len()).ok()?);
    out.extend_from_slice(text.as_bytes());
    Some(())
}
