//! The builder of a [`Request`].

use alloc::{boxed::Box, string::String, sync::Arc};
use core::fmt;

use url::Url;

use super::{
    BodyLength, Method, Origin, Request,
    basic::{basic, basic_of, remove_userinfo},
    checks::{
        check_method, check_target, complete_connection, take_expect, take_framing, take_host,
    },
    encoded::{Checked, TargetForm},
    fields::{first_illegal_in_value, first_non_token, trim_ows},
    lines::Lines,
    parse_url::parse_url,
};
use crate::error::{FieldLabel, RequestError};

impl Request {
    /// Starts a GET of `url`.
    pub fn get(url: &str) -> RequestBuilder {
        Self::builder(Method::GET, url)
    }

    /// Starts a HEAD of `url`.
    pub fn head(url: &str) -> RequestBuilder {
        Self::builder(Method::HEAD, url)
    }

    /// Starts a POST to `url`.
    pub fn post(url: &str) -> RequestBuilder {
        Self::builder(Method::POST, url)
    }

    /// Starts a PUT to `url`.
    pub fn put(url: &str) -> RequestBuilder {
        Self::builder(Method::PUT, url)
    }

    /// Starts a DELETE of `url`.
    pub fn delete(url: &str) -> RequestBuilder {
        Self::builder(Method::DELETE, url)
    }

    /// Starts a request with any method. `url` must be absolute, `http` or `https`. A user name and
    /// a password in it become an Authorization field (RFC 7617) unless one is added. All errors
    /// are reported by [`RequestBuilder::build`].
    pub fn builder(method: Method, url: &str) -> RequestBuilder {
        RequestBuilder::new(method, parse_url(url))
    }
}

/// Builds a [`Request`]. Errors are kept until [`build`](Self::build).
#[derive(Clone)]
#[must_use = "nothing is sent before `build`"]
pub struct RequestBuilder {
    method: Method,
    url: Result<(Url, Origin), RequestError>,
    lines: Lines,
    /// The first error of a field.
    field_error: Option<RequestError>,
    body: BodyLength,
    expect_continue: bool,
    decode: bool,
    asterisk: bool,
    /// The request target to send in place of the URL's path and query.
    target: Option<Box<str>>,
}

impl RequestBuilder {
    pub(super) fn new(method: Method, url: Result<(Url, Origin), RequestError>) -> Self {
        Self {
            method,
            url,
            lines: Lines::default(),
            field_error: None,
            body: BodyLength::Empty,
            expect_continue: false,
            decode: false,
            asterisk: false,
            target: None,
        }
    }

    /// Adds `query`, which must be encoded already, to the query of the URL, and of a
    /// [target](Self::target) that was set before: after a `&` if there is one. A fragment stays
    /// behind it. Does nothing if `query` is empty. A space or a control byte makes
    /// [`build`](Self::build) fail.
    pub fn add_query(mut self, query: &str) -> Self {
        let illegal = |byte| byte <= b' ' || byte == 0x7f;
        match (&mut self.url, query.bytes().position(illegal)) {
            (Ok((url, _)), None) if !query.is_empty() => {
                url.set_query(Some(&joined(url.query(), query)));
                if let Some(target) = &mut self.target {
                    let (path, old) = match target.split_once('?') {
                        Some((path, old)) => (path, Some(old)),
                        None => (&**target, None),
                    };
                    *target = [path, "?", &joined(old, query)].concat().into();
                }
            }
            (Ok(_), Some(at)) => self.url = Err(RequestError::UrlByte { at }),
            (Ok(_) | Err(_), _) => {}
        }
        self
    }

    /// Adds a field line, also if one of the same name exists. White space around the value is
    /// dropped. Content-Length, Transfer-Encoding and Expect determine how the body is sent; a
    /// value that contradicts the body makes [`build`](Self::build) fail.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    /// Adds a field line as [`header`](Self::header) does, with a value that need not be UTF-8 (RFC
    /// 9110 5.5: obs-text).
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        if self.field_error.is_some() {
            return self;
        }
        if let Some(at) = first_non_token(name.as_bytes()) {
            self.field_error = Some(RequestError::FieldName { name: FieldLabel::new(name), at });
        } else if let Some(at) = first_illegal_in_value(value) {
            self.field_error = Some(RequestError::FieldValue { name: FieldLabel::new(name), at });
        } else {
            self.lines.add(name, trim_ows(value));
        }
        self
    }

    /// Adds a field line unless one of that name exists.
    pub fn default_header(self, name: &str, value: &str) -> Self {
        if self.lines.has(name) { self } else { self.header(name, value) }
    }

    /// Returns whether a field line of this name was added.
    pub fn has_header(&self, name: &str) -> bool {
        self.lines.has(name)
    }

    /// Sets an Authorization field with Basic credentials (RFC 7617), replacing any that exists.
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        match basic(user.as_bytes(), password.as_bytes()) {
            Ok(value) => {
                self.lines.remove("authorization");
                self.header("Authorization", &value)
            }
            Err(error) => {
                self.field_error = self.field_error.or(Some(error));
                self
            }
        }
    }

    /// Sets the length of the body, and whether it can be replayed. The default is no body.
    pub fn body(mut self, body: BodyLength) -> Self {
        self.body = body;
        self
    }

    /// Sends the body only after a 100 (Continue) response, or after a timeout (RFC 9110 10.1.1).
    /// Ignored if the body is empty.
    pub fn expect_continue(mut self, yes: bool) -> Self {
        self.expect_continue = yes;
        self
    }

    /// Sets whether the reader decodes the response's body, by its Content-Encoding (urllib3:
    /// `decode_content`). False by default.
    ///
    /// If true, [`Call::codings`](crate::call::Call::codings) names the codings to remove, and the
    /// call ends only when the reader has reported that it could use the body. Adds no
    /// Accept-Encoding: see [`accept_encoding`](crate::content::accept_encoding).
    pub fn decode(mut self, yes: bool) -> Self {
        self.decode = yes;
        self
    }

    /// Makes an OPTIONS request ask about the server as a whole: `OPTIONS *` (RFC 9112 3.2.4).
    /// Ignored for other methods.
    pub fn asterisk(mut self) -> Self {
        self.asterisk = true;
        self
    }

    /// Sends `target` in the request line, byte for byte, in place of the URL's path and query: for
    /// URLs that are signed over their exact text, and for servers that expect other escapes than
    /// the URL standard writes. Dot segments and unusual escapes stay as they are.
    ///
    /// It must begin with a slash, and have neither a space nor a control byte nor a byte beyond
    /// ASCII nor `#`. The target `*` is allowed for OPTIONS alone, as by
    /// [`asterisk`](Self::asterisk). A proxy that forwards the request gets the URL's scheme and
    /// authority before it (RFC 9112 3.2.2). Redirects are resolved against the URL, and the
    /// requests that follow them have the targets of their own URLs. A query that is
    /// [added](Self::add_query) later is added to the target too.
    ///
    /// ```
    /// use httpool::message::Request;
    ///
    /// let signed = "/a/../b%2f~?sig=%7e";
    /// let request = Request::get("http://example.com/b").target(signed).build()?;
    /// assert_eq!(request.target(), signed);
    /// assert!(Request::get("http://example.com/").target("/a b").build().is_err());
    /// # Ok::<(), httpool::error::RequestError>(())
    /// ```
    pub fn target(mut self, target: &str) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Builds the request.
    ///
    /// # Errors
    /// The first error in this order: the URL, the target, the fields as they were added, their
    /// combination.
    pub fn build(self) -> Result<Request, RequestError> {
        let Self { method, url, mut lines, field_error, body, expect_continue, decode, .. } = self;
        let (mut url, origin) = url?;
        let form = check_target(&method, self.target.as_deref(), self.asterisk)?;
        if let Some(error) = field_error {
            return Err(error);
        }
        if !lines.has("authorization")
            && let Some(value) = basic_of(&url)?
        {
            lines.add("Authorization", value.as_bytes());
        }
        remove_userinfo(&mut url)?;

        let host = take_host(&mut lines)?;
        let body = take_framing(&mut lines, body)?;
        let expects = take_expect(&mut lines)? || expect_continue;
        check_method(&method, body, &lines)?;
        complete_connection(&mut lines)?;

        let expects_continue = expects && !body.is_empty();
        let decodes = decode;
        let checked = Checked {
            method,
            url,
            origin,
            form,
            literal: self.target.filter(|_| form == TargetForm::Origin),
            host,
            lines,
            body,
            expects_continue,
            decodes,
        };
        Ok(Request(Arc::new(checked.encode())))
    }
}

/// Returns the query with another one behind it.
fn joined(old: Option<&str>, query: &str) -> String {
    let old = old.unwrap_or_default();
    let and = if old.is_empty() || old.ends_with('&') { "" } else { "&" };
    [old, and, query].concat()
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.lines.as_bytes().len();
        write!(f, "RequestBuilder({}, {len} B of fields)", self.method)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn head_of(builder: RequestBuilder) -> String {
        let mut out = Vec::new();
        builder.build().unwrap().write_head(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn host_comes_first_and_framing_last() {
        assert_eq!(
            head_of(
                Request::post("http://u:p%20w@Example.com:8080/a%2Fb?q#f")
                    .header("X-A", " v ")
                    .header("Content-Length", "3")
                    .body(BodyLength::Known { len: 3, replayable: true })
            ),
            "POST /a%2Fb?q HTTP/1.1\r\nHost: example.com:8080\r\nX-A: v\r\n\
             Authorization: Basic dTpwIHc=\r\nContent-Length: 3\r\n\r\n"
        );
    }

    #[test]
    fn a_query_is_added_to_a_literal_target_that_was_set_before() {
        let target = |target| Request::get("http://a/b?q").target(target);
        for (given, sent) in [("/./%7e", "/./%7e?x=1"), ("/?a", "/?a&x=1"), ("/?", "/?x=1")] {
            let request = target(given).add_query("x=1").build().unwrap();
            assert_eq!((request.target(), request.url().as_str()), (sent, "http://a/b?q&x=1"));
        }
        assert_eq!(
            Request::get("http://a/b").add_query("x=1").target("/").build().unwrap().target(),
            "/"
        );
        assert!(target("*").add_query("x=1").build().is_err());
    }

    #[test]
    fn a_query_is_added_to_the_one_of_the_url_and_before_its_fragment() {
        for (url, query, sent) in [
            ("http://a/b", "x=1", "/b?x=1"),
            ("http://a", "x=1", "/?x=1"),
            ("http://a/b?", "x=1", "/b?x=1"),
            ("http://a/b?y=2", "x=1", "/b?y=2&x=1"),
            ("http://a/b?y=2&", "x=1", "/b?y=2&x=1"),
            ("http://a/b?y=2#f?g", "x=a+b%26", "/b?y=2&x=a+b%26"),
            ("http://a/b", "x=1#2", "/b?x=1%232"),
            ("http://a/b", "", "/b"),
        ] {
            let request = Request::get(url).add_query(query).build().unwrap();
            assert_eq!(request.target(), sent, "{url} {query}");
            assert_eq!(request.url().fragment(), url.split_once('#').map(|(_, it)| it));
        }
        let twice = Request::get("http://a/").add_query("x=1").add_query("y=2").build().unwrap();
        assert_eq!(twice.target(), "/?x=1&y=2");
        let bad = Request::get("http://a/").add_query("x=1\r\n").build();
        assert_eq!(bad.unwrap_err(), RequestError::UrlByte { at: 3 });
        let first = Request::get("ftp://a/").add_query(" ").build();
        assert_eq!(first.unwrap_err(), RequestError::Scheme);
    }

    #[test]
    fn content_length_is_sent_when_it_says_something() {
        assert!(!head_of(Request::get("http://a/")).contains("Content-Length"));
        assert!(!head_of(Request::delete("http://a/")).contains("Content-Length"));
        assert!(head_of(Request::put("http://a/")).contains("Content-Length: 0\r\n"));
        let chunked = Request::post("http://a/").header("Transfer-Encoding", "chunked");
        assert!(head_of(chunked).ends_with("Transfer-Encoding: chunked\r\n\r\n"));
    }

    #[test]
    fn a_literal_target_is_sent_as_given_also_to_a_proxy() {
        for target in ["/", "//b/../c;%zz", "/a/./b/..%2f?x=[y]|^`{}\\'\"<>%", "/?"] {
            let request = Request::get("http://a:81/url?q#f").target(target).build().unwrap();
            assert_eq!(request.target(), target);
            assert_eq!(request.url().as_str(), "http://a:81/url?q#f");
            assert_eq!(request.literal_target(), Some(target));
            for (to_proxy, before) in [(false, ""), (true, "http://a:81")] {
                let mut out = Vec::new();
                request.write_head_in_form(to_proxy, &mut out);
                let head = String::from_utf8(out).unwrap();
                let line = alloc::format!("GET {before}{target} HTTP/1.1\r\nHost: a:81\r\n");
                assert!(head.starts_with(&line), "{head}");
            }
        }
        assert_eq!(Request::get("http://a/b").build().unwrap().literal_target(), None);
    }

    #[test]
    fn a_target_that_would_break_the_request_line_or_name_another_host_is_refused() {
        let error = |target: &str| Request::get("http://a/").target(target).build().unwrap_err();
        for (target, at) in [
            ("", 0),
            ("b", 0),
            ("?q", 0),
            ("@evil/", 0),
            ("http://a/", 0),
            ("*", 0),
            ("/a b", 2),
            ("/a\r\nX: y", 2),
            ("/\t", 1),
            ("/\0", 1),
            ("/\x7f", 1),
            ("/a?b#c", 4),
            ("/caf\u{e9}", 4),
        ] {
            assert_eq!(error(target), RequestError::Target { at }, "{target:?}");
        }
        let options = Request::builder(Method::OPTIONS, "http://a/").target("*").build().unwrap();
        assert!(options.is_asterisk() && options.literal_target().is_none());
        let connect = Request::builder(Method::CONNECT, "http://a/").target("/");
        assert_eq!(connect.build().unwrap_err(), RequestError::Target { at: 0 });
    }

    #[test]
    fn what_goes_together_is_checked() {
        let post =
            || Request::post("http://a/").body(BodyLength::Known { len: 3, replayable: true });
        let error = |builder: RequestBuilder| builder.build().unwrap_err();
        assert_eq!(error(post().header("Content-Length", "4")), RequestError::ContentLength);
        assert_eq!(error(post().header("Content-Length", "+3")), RequestError::ContentLength);
        assert_eq!(
            error(post().header("Content-Length", "3").header("Transfer-Encoding", "chunked")),
            RequestError::TransferEncoding
        );
        assert_eq!(
            error(post().header("Transfer-Encoding", "gzip, chunked")),
            RequestError::TransferEncoding
        );
        assert_eq!(error(post().header("Host", "a").header("Host", "b")), RequestError::Host);
        assert_eq!(error(post().header("Host", "a/b")), RequestError::Host);
        assert_eq!(error(post().header("TE", "chunked")), RequestError::Te);
        let trace = Request::builder(Method::TRACE, "http://a/");
        assert_eq!(error(trace.clone().header("Cookie", "a=b")), RequestError::Sensitive);
        assert_eq!(error(trace.body(BodyLength::Unknown { replayable: true })), RequestError::Body);
    }

    #[test]
    fn an_expectation_other_than_100_continue_is_refused() {
        let post =
            || Request::post("http://a/").body(BodyLength::Known { len: 3, replayable: true });
        for value in ["200-ok", "100-continue, other", "", "100", "100-continue=x"] {
            for body in [post(), Request::get("http://a/")] {
                let refused = body.header("Expect", value).build().unwrap_err();
                assert_eq!(refused, RequestError::Expect, "{value:?}");
            }
        }
        let two = post().header("Expect", "100-continue").header("Expect", "x");
        assert_eq!(two.build().unwrap_err(), RequestError::Expect);
        let known = post().header("expect", " 100-Continue ");
        assert!(head_of(known).ends_with("\r\nExpect: 100-continue\r\n\r\n"));
        assert!(
            !head_of(Request::get("http://a/").header("Expect", "100-continue")).contains("Expect")
        );
    }

    #[test]
    fn no_control_byte_passes_through_any_part() {
        for byte in (0..0x20).chain([0x7f]).map(char::from) {
            let text = alloc::format!("a{byte}b");
            let url = alloc::format!("http://a/{text}");
            assert_eq!(Request::get(&url).build().unwrap_err(), RequestError::UrlByte { at: 10 });
            assert!(Method::new(&text).is_err());
            let name = Request::get("http://a/").header(&text, "v").build();
            let label = FieldLabel::new(&text);
            assert_eq!(name.unwrap_err(), RequestError::FieldName { name: label, at: 1 });
            let value = Request::get("http://a/").header("X", "v").header("X", &text).build();
            assert_eq!(value.is_ok(), byte == '\t', "{byte:?}");
            assert!(Request::get("http://a/").basic_auth(&text, "p").build().is_err());
        }
    }

    #[test]
    fn hop_by_hop_fields_are_named_in_connection() {
        let head = head_of(Request::get("http://a/").header("Upgrade", "websocket"));
        assert!(head.contains("Connection: Upgrade\r\n"));
    }
}
