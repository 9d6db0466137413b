//! The form of a request target, and the fields for a forward proxy.

use alloc::string::String;

use crate::{
    error::Misuse,
    message::{Hop, Request},
};

/// The form in which [`Connection::send_request`](super::Connection::send_request) writes the
/// request target (RFC 9112 3.2).
///
/// ```
/// use httpool::{
///     h1::{Connection, Target},
///     limits::MessageLimits,
///     message::{Hop, Request},
/// };
///
/// let proxy = Hop::parse("http://me:secret@proxy.example")?;
/// let mut conn = Connection::new(MessageLimits::default());
/// let mut out = Vec::new();
/// let request = Request::get("http://a/x").build()?;
/// conn.send_request(&request, Target::Absolute(Some(&proxy)), &mut out)?;
/// assert_eq!(
///     out,
///     b"GET http://a/x HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "the peer is an origin or a forward proxy")]
pub enum Target<'h> {
    /// For an origin server, over a direct connection or a tunnel: the path and the query
    /// (origin-form); host and port for CONNECT; `*` if the request asks for it.
    Origin,
    /// For a forward proxy: the URL without its fragment (absolute-form). The fields of the proxy
    /// are sent behind those of the request, and replace those of the same names. Its credentials
    /// are sent as Proxy-Authorization with the Basic scheme (RFC 7617), unless the request or the
    /// proxy has such a field.
    Absolute(Option<&'h Hop>),
}

/// Returns the value of the Proxy-Authorization field to add to `request`. `None` if it has one, or
/// if there are no credentials.
pub(super) fn authorization(proxy: &Hop, request: &Request) -> Result<Option<String>, Misuse> {
    if request.headers().get("proxy-authorization").is_some() {
        return Ok(None);
    }
    proxy.authorization().map_err(|_| Misuse::ProxyCredentials)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::{
        h1::Connection,
        limits::MessageLimits,
        message::{Credentials, RequestBuilder},
    };

    fn sent(request: RequestBuilder, credentials: &Credentials) -> (Result<(), Misuse>, Vec<u8>) {
        let proxy = Hop::parse("proxy").unwrap().with_credentials(credentials.clone());
        sent_to(&proxy, request)
    }

    fn sent_to(proxy: &Hop, request: RequestBuilder) -> (Result<(), Misuse>, Vec<u8>) {
        let mut conn = Connection::new(MessageLimits::default());
        let mut out = b"before".to_vec();
        let target = Target::Absolute(Some(proxy));
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
    fn fields_of_the_proxy_replace_those_of_the_request() {
        let proxy = Hop::parse("me:secret@proxy").unwrap();
        let proxy = proxy.with_field("X-A", "1").unwrap().with_field("X-B", "2").unwrap();
        let (done, out) = sent_to(&proxy, Request::get("http://a/").header("x-b", "mine"));
        assert_eq!(done, Ok(()));
        let fields = "Host: a\r\nX-A: 1\r\nX-B: 2\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n";
        assert!(out.ends_with(alloc::format!("\r\n{fields}\r\n").as_bytes()));
        let proxy = proxy.with_field("Proxy-Authorization", "Bearer x").unwrap();
        let request = Request::get("http://a/").header("Proxy-Authorization", "Mine");
        let (_, out) = sent_to(&proxy, request);
        assert!(out.ends_with(b"X-B: 2\r\nProxy-Authorization: Bearer x\r\n\r\n"));
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
