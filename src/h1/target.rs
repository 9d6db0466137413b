//! The form of a request target, and the credentials for a forward proxy.

use alloc::string::String;

use crate::{
    error::Misuse,
    message::{Credentials, Request},
};

/// The form in which [`Connection::send_request`](super::Connection::send_request) writes the
/// request target (RFC 9112 3.2).
///
/// ```
/// use httpool::{
///     h1::{Connection, Target},
///     limits::MessageLimits,
///     message::{Credentials, Request},
/// };
///
/// let credentials = Credentials::new("me", "secret");
/// let mut conn = Connection::new(MessageLimits::default());
/// let mut out = Vec::new();
/// let request = Request::get("http://a/x").build()?;
/// conn.send_request(&request, Target::Absolute(Some(&credentials)), &mut out)?;
/// assert_eq!(
///     out,
///     b"GET http://a/x HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "the peer is an origin or a forward proxy")]
pub enum Target<'c> {
    /// For an origin server, over a direct connection or a tunnel: the path and the query
    /// (origin-form); host and port for CONNECT; `*` if the request asks for it.
    Origin,
    /// For a forward proxy: the URL without its fragment (absolute-form). The credentials are sent
    /// as Proxy-Authorization with the Basic scheme (RFC 7617), unless the request has such a field
    /// of its own.
    Absolute(Option<&'c Credentials>),
}

/// Returns the value of the Proxy-Authorization field to add to `request`. `None` if it has one.
pub(super) fn authorization(
    credentials: &Credentials,
    request: &Request,
) -> Result<Option<String>, Misuse> {
    let mut fields = request.own_fields();
    if fields.any(|field| field.name().eq_ignore_ascii_case("proxy-authorization")) {
        return Ok(None);
    }
    credentials.basic().map(Some).ok_or(Misuse::ProxyCredentials)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::{h1::Connection, limits::MessageLimits, message::RequestBuilder};

    fn sent(request: RequestBuilder, credentials: &Credentials) -> (Result<(), Misuse>, Vec<u8>) {
        let mut conn = Connection::new(MessageLimits::default());
        let mut out = b"before".to_vec();
        let target = Target::Absolute(Some(credentials));
        (conn.send_request(&request.build().unwrap(), target, &mut out), out)
    }

    #[test]
    fn a_field_of_the_request_comes_before_the_credentials_of_the_proxy() {
        let request = Request::get("http://a/").header("proxy-authorization", "Mine");
        let (done, out) = sent(request, &Credentials::new("me", "secret"));
        assert_eq!(done, Ok(()));
        assert!(out.ends_with(b"\r\nproxy-authorization: Mine\r\n\r\n"), "{}", out.escape_ascii());
        assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 4);
    }

    #[test]
    fn credentials_that_basic_cannot_carry_are_refused() {
        for (user, password) in [("a:b", "c"), ("a", "b\nc")] {
            let (done, out) = sent(Request::get("http://a/"), &Credentials::new(user, password));
            assert_eq!(done, Err(Misuse::ProxyCredentials));
            assert_eq!(out, b"before");
        }
    }
}
