//! Checks that the header fields of a request fit its method and its body, and takes out those that
//! are encoded anew.

use alloc::vec::Vec;

use super::{BodyLength, Method, encoded::TargetForm, fields::trim_ows, lines::Lines};
use crate::error::RequestError;

/// Returns the form of the request target, and checks the one that was given in place of the URL's.
/// It must begin with a slash: behind scheme and authority it would otherwise name another host.
pub(super) fn check_target(
    method: &Method,
    given: Option<&str>,
    asterisk: bool,
) -> Result<TargetForm, RequestError> {
    let form = match (method.as_str(), given) {
        ("CONNECT", None) => TargetForm::Authority,
        ("CONNECT", Some(_)) => return Err(RequestError::Target { at: 0 }),
        ("OPTIONS", Some("*")) => TargetForm::Asterisk,
        ("OPTIONS", None) if asterisk => TargetForm::Asterisk,
        (_, None) => TargetForm::Origin,
        (_, Some(target)) if !target.starts_with('/') => {
            return Err(RequestError::Target { at: 0 });
        }
        (_, Some(target)) => {
            match target.bytes().position(|b| !b.is_ascii_graphic() || b == b'#') {
                Some(at) => return Err(RequestError::Target { at }),
                None => TargetForm::Origin,
            }
        }
    };
    Ok(form)
}

/// Removes Host, and returns its value if there was one.
pub(super) fn take_host(lines: &mut Lines) -> Result<Option<Vec<u8>>, RequestError> {
    let host = lines.only("host", RequestError::Host)?.map(<[u8]>::to_vec);
    if let Some(host) = &host {
        let sound =
            |&byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte);
        if !host.iter().all(sound) {
            return Err(RequestError::Host);
        }
        lines.remove("host");
    }
    Ok(host)
}

/// Removes Content-Length and Transfer-Encoding. Returns how `body` is sent with them.
pub(super) fn take_framing(
    lines: &mut Lines,
    body: BodyLength,
) -> Result<BodyLength, RequestError> {
    let length = match lines.only("content-length", RequestError::ContentLength)? {
        Some(value) => Some(parse_length(value).ok_or(RequestError::ContentLength)?),
        None => None,
    };
    let chunked = match lines.only("transfer-encoding", RequestError::TransferEncoding)? {
        Some(value) if value.eq_ignore_ascii_case(b"chunked") => true,
        Some(_) => return Err(RequestError::TransferEncoding),
        None => false,
    };
    lines.remove("content-length");
    lines.remove("transfer-encoding");
    match (chunked, length) {
        (false, None) => Ok(body),
        (true, None) => Ok(sent_chunked(body)),
        (false, Some(length)) => sent_with_length(body, length),
        // A message with both is how requests are smuggled (RFC 9112 6.3).
        (true, Some(_)) => Err(RequestError::TransferEncoding),
    }
}

/// Returns `body` as it is sent with Transfer-Encoding.
const fn sent_chunked(body: BodyLength) -> BodyLength {
    BodyLength::Unknown { replayable: body.is_replayable() }
}

/// Returns `body` as it is sent with Content-Length. Fails if it has another length.
const fn sent_with_length(body: BodyLength, length: u64) -> Result<BodyLength, RequestError> {
    match (body, length) {
        (BodyLength::Empty, 0) => Ok(BodyLength::Known { len: 0, replayable: true }),
        (BodyLength::Known { len, .. }, _) if len == length => Ok(body),
        (BodyLength::Unknown { replayable }, len) => Ok(BodyLength::Known { len, replayable }),
        (BodyLength::Empty | BodyLength::Known { .. }, _) => Err(RequestError::ContentLength),
    }
}

fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(value).ok()?.parse().ok()
}

/// Removes Expect, and returns whether there was one. Its only defined value is `100-continue`, in
/// upper or lower case (RFC 9110 10.1.1).
pub(super) fn take_expect(lines: &mut Lines) -> Result<bool, RequestError> {
    let is_known = |value: &[u8]| {
        value
            .split(|&byte| byte == b',')
            .all(|one| trim_ows(one).eq_ignore_ascii_case(b"100-continue"))
    };
    if !lines.values("expect").all(is_known) {
        return Err(RequestError::Expect);
    }
    let expects = lines.has("expect");
    lines.remove("expect");
    Ok(expects)
}

/// Refuses a body with CONNECT or TRACE, and secrets with TRACE (RFC 9110 9.3.6, 9.3.8).
pub(super) fn check_method(
    method: &Method,
    body: BodyLength,
    lines: &Lines,
) -> Result<(), RequestError> {
    let trace = *method == Method::TRACE;
    if (trace || *method == Method::CONNECT) && body != BodyLength::Empty {
        return Err(RequestError::Body);
    }
    let secrets = ["authorization", "cookie", "proxy-authorization"];
    if trace && secrets.iter().any(|name| lines.has(name)) {
        return Err(RequestError::Sensitive);
    }
    Ok(())
}

/// Adds Upgrade and TE to Connection: both are hop-by-hop (RFC 9110 7.8, 10.1.4). Refuses `chunked`
/// in TE, which must not be sent (RFC 9112 7.4).
pub(super) fn complete_connection(lines: &mut Lines) -> Result<(), RequestError> {
    if lines.lists("te", "chunked") {
        return Err(RequestError::Te);
    }
    for name in ["Upgrade", "TE"] {
        if lines.has(name) && !lines.lists("connection", name) {
            lines.add("Connection", name.as_bytes());
        }
    }
    Ok(())
}
