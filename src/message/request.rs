//! Requests, which are validated and encoded once and can be sent many times.

use alloc::{borrow::Cow, format, sync::Arc, vec::Vec};
use core::fmt::{self, Write};

use url::Url;

use super::{
    BodyLength, Field, Fields, Method, Origin,
    encoded::{EXPECT, Encoded, PROXY_AUTHORIZATION, TargetForm, Text, VERSION},
    lines::write_line,
};

/// A request, validated and encoded. It is cheap to clone. Sending it again parses and encodes
/// nothing.
///
/// ```
/// use httpool::message::{BodyLength, Request};
///
/// let request = Request::post("http://example.com/things?a=1")
///     .header("Content-Type", "text/plain")
///     .body(BodyLength::Known { len: 5, replayable: true })
///     .build()?;
/// assert_eq!(request.target(), "/things?a=1");
/// assert_eq!(request.headers().get("host"), Some(&b"example.com"[..]));
/// assert_eq!(request.headers().get("content-length"), Some(&b"5"[..]));
///
/// // No control byte reaches the wire through any part of a request.
/// let injects = Request::get("http://example.com/").header("X-A", "b\r\nX-Injected: 1");
/// assert!(injects.build().is_err());
/// # Ok::<(), httpool::error::RequestError>(())
/// ```
#[derive(Clone)]
pub struct Request(pub(super) Arc<Encoded>);

impl Request {
    /// Returns the method.
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// Returns the URL without userinfo, and without the zone id of an IPv6 address: see
    /// [`origin`](Self::origin). The fragment is for the application and is never sent (RFC 9110
    /// 7.1).
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// Returns the URL without its fragment, which is not sent.
    pub(crate) fn url_sent(&self) -> &str {
        &self.0.url[..url::Position::AfterQuery]
    }

    /// Returns the origin that the request is for.
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// Returns the length of the body.
    pub fn body(&self) -> BodyLength {
        self.0.body
    }

    /// Returns the request target as sent to an origin.
    pub fn target(&self) -> &str {
        let end = self.0.fields_at - VERSION.len();
        core::str::from_utf8(&self.0.head[self.0.target_at..end]).unwrap_or_default()
    }

    /// Returns the header fields in the order in which they are sent: Host first, framing last.
    pub fn headers(&self) -> Fields<'_> {
        Fields::from_validated(&self.0.head[self.0.fields_at..self.0.head.len() - 2])
    }

    /// Returns whether the body waits for a 100 (Continue).
    pub fn expects_continue(&self) -> bool {
        self.0.expects_continue
    }

    /// Returns whether the reader decodes the response's body: see
    /// [`RequestBuilder::decode`](super::RequestBuilder::decode).
    pub fn decodes(&self) -> bool {
        self.0.decodes
    }

    /// Iterates over the fields that the builder was given or derived from its input. Leaves out
    /// the framing fields, which each request encodes anew, and a Host made from the URL.
    pub(crate) fn own_fields(&self) -> impl Iterator<Item = Field<'_>> {
        self.headers()
            .iter()
            .filter(|field| !is_framing(field.name()) || field.is("host") && self.0.own_host)
    }

    /// Returns the URL with the zone id, as the builder was given it. Recordings use it.
    pub(crate) fn url_with_zone(&self) -> Cow<'_, str> {
        let url = self.url_sent();
        match (self.origin().zone(), url.split_once(']')) {
            (Some(zone), Some((before, behind))) => format!("{before}%25{zone}]{behind}").into(),
            _ => url.into(),
        }
    }

    /// Returns the request target, if it was [given](super::RequestBuilder::target) and is not that
    /// of the URL.
    pub(crate) fn literal_target(&self) -> Option<&str> {
        self.0.literal.then(|| self.target())
    }

    /// Returns whether the request target is `*`.
    pub(crate) fn is_asterisk(&self) -> bool {
        self.0.form == TargetForm::Asterisk
    }

    /// Returns whether the request carries `Connection: close`.
    pub(crate) fn asks_close(&self) -> bool {
        self.0.asks_close
    }

    /// Returns whether the request carries Upgrade, so that a 101 may follow.
    pub(crate) fn asks_upgrade(&self) -> bool {
        self.0.asks_upgrade
    }

    /// Returns whether the request may be sent again after a lost connection: it is idempotent (RFC
    /// 9110 9.2.2), and its body is replayable.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.0.method.is_idempotent() && self.0.body.is_replayable()
    }

    /// Appends the whole head to `out`, for an origin.
    pub(crate) fn write_head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.head);
    }

    /// Appends the whole head to `out`, for a forward proxy: the target in absolute-form (RFC 9112
    /// 3.2.2), and without the fields that `replaced` has too.
    pub(crate) fn write_head_to_proxy(&self, replaced: Fields<'_>, out: &mut Vec<u8>) {
        let Encoded { head, target_at, fields_at, .. } = &*self.0;
        let mut rest = *target_at;
        out.extend_from_slice(&head[..*target_at]);
        if self.0.form != TargetForm::Authority {
            let origin = &self.0.origin;
            write!(Text(out), "{}://{}", origin.scheme().as_str(), origin.authority()).ok();
            // To a proxy, `OPTIONS *` is sent as a URL with an empty path (RFC 9112 3.2.4).
            rest += usize::from(self.0.form == TargetForm::Asterisk);
        }
        if replaced.is_empty() {
            return out.extend_from_slice(&head[rest..]);
        }
        out.extend_from_slice(&head[rest..*fields_at]);
        let is_kept = |name: &str| replaced.get(name).is_none();
        for field in self.headers().iter().filter(|field| is_kept(field.name())) {
            write_line(out, field.name(), field.value());
        }
        out.extend_from_slice(b"\r\n");
    }

    #[cfg(test)]
    pub(crate) fn write_head_in_form(&self, to_proxy: bool, out: &mut Vec<u8>) {
        if to_proxy {
            self.write_head_to_proxy(Fields::default(), out);
        } else {
            self.write_head(out);
        }
    }

    /// Returns whether the request has a Proxy-Authorization field of its own.
    pub(crate) fn is_for_proxy(&self) -> bool {
        self.0.for_proxy
    }

    /// Returns the request without its Proxy-Authorization field, for an origin.
    pub(crate) fn without_proxy_authorization(&self) -> Self {
        let mut encoded = Encoded::clone(&self.0);
        encoded.for_proxy = false;
        encoded.head.truncate(encoded.fields_at);
        for field in self.headers().iter().filter(|field| !field.is(PROXY_AUTHORIZATION)) {
            write_line(&mut encoded.head, field.name(), field.value());
        }
        encoded.head.extend_from_slice(b"\r\n");
        Self(Arc::new(encoded))
    }

    /// Returns the request without Expect, for a server that answered 417 (RFC 9110 10.1.1).
    pub(crate) fn without_expect(&self) -> Self {
        let mut encoded = Encoded::clone(&self.0);
        encoded.expects_continue = false;
        let before = encoded.head.len().saturating_sub(EXPECT.len() + 2);
        if encoded.head[before..].starts_with(EXPECT) {
            encoded.head.truncate(before);
            encoded.head.extend_from_slice(b"\r\n");
        }
        Self(Arc::new(encoded))
    }
}

/// Writes the method, the target and the length of the head. Leaves out field values, which may be
/// secret.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Encoded { method, origin, head, .. } = &*self.0;
        write!(f, "{method} {origin}{} ({} B)", self.target(), head.len())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({self}, {:?})", self.0.body)
    }
}

/// Returns whether each request encodes the field anew.
pub(super) fn is_framing(name: &str) -> bool {
    ["host", "content-length", "transfer-encoding", "expect"]
        .iter()
        .any(|own| name.eq_ignore_ascii_case(own))
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    #[test]
    fn targets_take_four_forms() {
        let line = |request: Request, to_proxy| {
            let mut out = Vec::new();
            request.write_head_in_form(to_proxy, &mut out);
            let end = out.windows(2).position(|pair| pair == b"\r\n").unwrap();
            String::from_utf8(out[..end].to_vec()).unwrap()
        };
        let get = Request::get("http://a:81/x?y#z").build().unwrap();
        assert_eq!(line(get.clone(), false), "GET /x?y HTTP/1.1");
        assert_eq!(line(get, true), "GET http://a:81/x?y HTTP/1.1");
        let connect = Request::builder(Method::CONNECT, "http://a/").build().unwrap();
        assert_eq!(line(connect, false), "CONNECT a:80 HTTP/1.1");
        let options = Request::builder(Method::OPTIONS, "http://a/").asterisk().build().unwrap();
        assert_eq!(line(options.clone(), false), "OPTIONS * HTTP/1.1");
        assert_eq!(line(options, true), "OPTIONS http://a HTTP/1.1");
    }

    #[test]
    fn a_fragment_is_kept_and_not_sent() {
        for (url, target) in
            [("http://a/x#f", "/x"), ("http://a/x?y#", "/x?y"), ("http://a#f", "/")]
        {
            let request = Request::get(url).build().unwrap();
            assert_eq!(request.url(), &Url::parse(url).unwrap());
            assert_eq!(request.target(), target);
            assert_eq!(request.url_sent(), alloc::format!("http://a{target}"));
            for to_proxy in [false, true] {
                let mut head = Vec::new();
                request.write_head_in_form(to_proxy, &mut head);
                assert!(!head.contains(&b'#'), "{}", head.escape_ascii());
            }
        }
    }

    #[test]
    fn without_proxy_authorization_the_rest_of_the_request_is_the_same() {
        let request = || Request::post("http://a/x?y").header("X-A", "1").header("Host", "b");
        let with = request().header("Proxy-Authorization", "x").header("PROXY-authorization", "y");
        let (mut one, mut other) = (Vec::new(), Vec::new());
        let with = with.build().unwrap();
        let without = with.without_proxy_authorization();
        assert!(with.is_for_proxy() && !without.is_for_proxy());
        without.write_head(&mut one);
        request().build().unwrap().write_head(&mut other);
        assert_eq!(one, other);
    }

    #[test]
    fn without_expect_the_rest_of_the_request_is_the_same() {
        let request = || {
            let body = BodyLength::Known { len: 3, replayable: true };
            Request::post("http://a/x").header("X-A", "1").body(body)
        };
        let expecting = request().expect_continue(true).build().unwrap();
        let (mut with, mut without) = (Vec::new(), Vec::new());
        expecting.without_expect().write_head(&mut with);
        request().build().unwrap().write_head(&mut without);
        assert_eq!(with, without);
        assert!(!expecting.without_expect().expects_continue());
    }
}
