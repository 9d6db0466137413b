//! The builder of a [`Request`], with its checks.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::fmt::{self, Write};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use percent_encoding::percent_decode_str;
use url::Url;

use super::{
    BodyLength, Fields, Method, Origin, Request,
    fields::{first_illegal_in_value, first_non_token, has_token, trim_ows},
    request::{EXPECT, Encoded, TargetForm},
};
use crate::error::{FieldLabel, RequestError};

/// Builds a [`Request`]. Errors are kept until [`build`](Self::build).
#[derive(Clone)]
#[must_use = "nothing is sent before `build`"]
pub struct RequestBuilder {
    method: Method,
    url: Result<(Url, Origin), RequestError>,
    /// Validated field lines.
    fields: Vec<u8>,
    field_error: Option<RequestError>,
    body: BodyLength,
    expect_continue: bool,
    asterisk: bool,
}

impl RequestBuilder {
    pub(super) fn new(method: Method, url: Result<(Url, Origin), RequestError>) -> Self {
        Self {
            method,
            url,
            fields: Vec::new(),
            field_error: None,
            body: BodyLength::Empty,
            expect_continue: false,
            asterisk: false,
        }
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
            write_line(&mut self.fields, name, trim_ows(value));
        }
        self
    }

    /// Adds a field line unless one of that name exists.
    pub fn default_header(self, name: &str, value: &str) -> Self {
        if self.has(name) { self } else { self.header(name, value) }
    }

    /// Sets an Authorization field with Basic credentials (RFC 7617), replacing any that exists.
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        if user.bytes().any(|byte| byte == b':') || has_control(user) || has_control(password) {
            self.field_error = self.field_error.or(Some(RequestError::Credentials));
            return self;
        }
        self.remove("authorization");
        let value = basic(user.as_bytes(), password.as_bytes());
        self.header("Authorization", &value)
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

    /// Makes an OPTIONS request ask about the server as a whole: `OPTIONS *` (RFC 9112 3.2.4).
    /// Ignored for other methods.
    pub fn asterisk(mut self) -> Self {
        self.asterisk = true;
        self
    }

    /// Builds the request.
    ///
    /// # Errors
    /// The first error in this order: the URL, the fields as they were added, their combination.
    pub fn build(mut self) -> Result<Request, RequestError> {
        let (mut url, origin) = self.url.clone()?;
        if let Some(error) = self.field_error {
            return Err(error);
        }
        self.take_userinfo(&mut url)?;

        let host = self.take_host()?;
        self.understand_framing()?;
        self.check_method()?;
        self.complete_connection()?;

        let form = match self.method.as_str() {
            "CONNECT" => TargetForm::Authority,
            "OPTIONS" if self.asterisk => TargetForm::Asterisk,
            _ => TargetForm::Origin,
        };
        let mut head = Vec::with_capacity(self.fields.len() + url.as_str().len() + 96);
        head.extend_from_slice(self.method.as_str().as_bytes());
        head.push(b' ');
        let target_at = head.len();
        match form {
            TargetForm::Authority => {
                write!(Text(&mut head), "{}:{}", origin.host(), origin.port()).ok();
            }
            TargetForm::Asterisk => head.push(b'*'),
            TargetForm::Origin => {
                let target = url::Position::BeforePath..url::Position::AfterQuery;
                head.extend_from_slice(url[target].as_bytes());
            }
        }
        head.extend_from_slice(b" HTTP/1.1\r\n");
        let fields_at = head.len();
        let own_host = host.is_some();
        match host {
            Some(host) => write_line(&mut head, "Host", &host),
            None => {
                write!(Text(&mut head), "Host: {}", origin.authority()).ok();
                head.extend_from_slice(b"\r\n");
            }
        }
        head.extend_from_slice(&self.fields);
        match self.body {
            BodyLength::Known { len, .. } => {
                write!(Text(&mut head), "Content-Length: {len}\r\n").ok();
            }
            BodyLength::Unknown { .. } => head.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            BodyLength::Empty if self.method.expects_content() => {
                head.extend_from_slice(b"Content-Length: 0\r\n");
            }
            BodyLength::Empty => {}
        }
        let expects_continue = self.expect_continue && !self.body.is_empty();
        if expects_continue {
            head.extend_from_slice(EXPECT);
        }
        head.extend_from_slice(b"\r\n");

        let asks_close = self.lists("connection", "close");
        let asks_upgrade = self.has("upgrade");
        Ok(Request(Arc::new(Encoded {
            method: self.method,
            url,
            origin,
            body: self.body,
            form,
            expects_continue,
            asks_close,
            asks_upgrade,
            own_host,
            head,
            target_at,
            fields_at,
        })))
    }

    fn fields(&self) -> Fields<'_> {
        Fields::from_validated(&self.fields)
    }

    fn has(&self, name: &str) -> bool {
        self.fields().get(name).is_some()
    }

    fn lists(&self, name: &str, token: &str) -> bool {
        self.fields().get_all(name).any(|value| has_token(value, token))
    }

    /// Removes all field lines called `name`.
    fn remove(&mut self, name: &str) {
        if self.has(name) {
            let mut rest = Vec::with_capacity(self.fields.len());
            for field in self.fields().iter().filter(|field| !field.is(name)) {
                write_line(&mut rest, field.name(), field.value());
            }
            self.fields = rest;
        }
    }

    /// Moves the URL's userinfo to Authorization: it is never sent in a URL (RFC 9110 4.2.4).
    fn take_userinfo(&mut self, url: &mut Url) -> Result<(), RequestError> {
        if url.username().is_empty() && url.password().is_none() {
            return Ok(());
        }
        if !self.has("authorization") {
            let user: Vec<u8> = percent_decode_str(url.username()).collect();
            let password: Vec<u8> =
                percent_decode_str(url.password().unwrap_or_default()).collect();
            if user.contains(&b':') || user.iter().chain(&password).any(u8::is_ascii_control) {
                return Err(RequestError::Credentials);
            }
            let value = basic(&user, &password);
            write_line(&mut self.fields, "Authorization", value.as_bytes());
        }
        url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| RequestError::Url)
    }

    fn take_host(&mut self) -> Result<Option<Vec<u8>>, RequestError> {
        let host = self.only("host", RequestError::Host)?.map(<[u8]>::to_vec);
        if let Some(host) = &host {
            let sound =
                |&byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte);
            if !host.iter().all(sound) {
                return Err(RequestError::Host);
            }
            self.remove("host");
        }
        Ok(host)
    }

    /// Returns the value of the only field called `name`. Fails with `error` if there are two.
    fn only(&self, name: &str, error: RequestError) -> Result<Option<&[u8]>, RequestError> {
        let mut values = self.fields().get_all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(error),
            (value, None) => Ok(value),
        }
    }

    /// Removes Content-Length, Transfer-Encoding and Expect, and sets the body and the expectation
    /// by them.
    fn understand_framing(&mut self) -> Result<(), RequestError> {
        let length = match self.only("content-length", RequestError::ContentLength)? {
            Some(value) => Some(parse_length(value).ok_or(RequestError::ContentLength)?),
            None => None,
        };
        let chunked = match self.only("transfer-encoding", RequestError::TransferEncoding)? {
            Some(value) if value.eq_ignore_ascii_case(b"chunked") => true,
            Some(_) => return Err(RequestError::TransferEncoding),
            None => false,
        };
        if chunked && length.is_some() {
            return Err(RequestError::TransferEncoding);
        }
        self.body = match (self.body, length) {
            (BodyLength::Known { replayable, .. }, None) if chunked => {
                BodyLength::Unknown { replayable }
            }
            (BodyLength::Empty, None) if chunked => BodyLength::Unknown { replayable: true },
            (BodyLength::Unknown { replayable }, Some(len)) => {
                BodyLength::Known { len, replayable }
            }
            (BodyLength::Known { len: own, .. }, Some(len)) if own != len => {
                return Err(RequestError::ContentLength);
            }
            (BodyLength::Empty, Some(0)) => BodyLength::Known { len: 0, replayable: true },
            (BodyLength::Empty, Some(_)) => return Err(RequestError::ContentLength),
            (body, _) => body,
        };
        self.understand_expect()?;
        for name in ["content-length", "transfer-encoding", "expect"] {
            self.remove(name);
        }
        Ok(())
    }

    /// Sets `expect_continue` if Expect is given. Its only defined value is `100-continue`,
    /// ignoring case (RFC 9110 10.1.1).
    fn understand_expect(&mut self) -> Result<(), RequestError> {
        let known = |value: &[u8]| {
            value
                .split(|&byte| byte == b',')
                .all(|one| trim_ows(one).eq_ignore_ascii_case(b"100-continue"))
        };
        if !self.fields().get_all("expect").all(known) {
            return Err(RequestError::Expect);
        }
        self.expect_continue |= self.has("expect");
        Ok(())
    }

    /// Refuses a body with CONNECT or TRACE, and secrets with TRACE (RFC 9110 9.3.6, 9.3.8).
    fn check_method(&self) -> Result<(), RequestError> {
        let trace = self.method == Method::TRACE;
        if (trace || self.method == Method::CONNECT) && self.body != BodyLength::Empty {
            return Err(RequestError::Body);
        }
        if trace && ["authorization", "cookie", "proxy-authorization"].iter().any(|n| self.has(n)) {
            return Err(RequestError::Sensitive);
        }
        Ok(())
    }

    /// Adds Upgrade and TE to Connection: both are hop-by-hop (RFC 9110 7.8, 10.1.4).
    fn complete_connection(&mut self) -> Result<(), RequestError> {
        if self.lists("te", "chunked") {
            return Err(RequestError::Te);
        }
        for name in ["Upgrade", "TE"] {
            if self.has(name) && !self.lists("connection", name) {
                write_line(&mut self.fields, "Connection", name.as_bytes());
            }
        }
        Ok(())
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestBuilder({}, {} B of fields)", self.method, self.fields.len())
    }
}

/// Parses an absolute `http` or `https` URL, whose IPv6 address may have a zone id. Repairs nothing
/// as browsers do: refuses control bytes, missing or extra slashes, and backslashes before the
/// host. The error names the wrong part.
pub(super) fn parse_url(text: &str) -> Result<(Url, Origin), RequestError> {
    if let Some(at) = text.bytes().position(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(RequestError::UrlByte { at });
    }
    let (scheme, rest) = text.split_once(':').ok_or(RequestError::UrlScheme)?;
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        let is_scheme = is_scheme && !begins_with_port(rest);
        return Err(if is_scheme { RequestError::Scheme } else { RequestError::UrlScheme });
    }
    let authority = rest.strip_prefix("//").ok_or(RequestError::UrlSlashes)?;
    if authority.is_empty() || authority.starts_with(['/', '\\', '?', '#']) {
        return Err(RequestError::UrlHost);
    }
    let Some((addr_end, zone_end)) = find_zone(text) else {
        return check_url(Url::parse(text).map_err(part_of)?);
    };
    let zone = read_zone(&text[addr_end..zone_end]).ok_or(RequestError::Zone)?;
    let unzoned = [&text[..addr_end], &text[zone_end..]].concat();
    let (url, origin) = check_url(Url::parse(&unzoned).map_err(part_of)?)?;
    Ok((url, origin.with_zone(&zone)))
}

/// Returns the range of an IPv6 address's zone id in a URL, from its `%` to before the bracket.
fn find_zone(url: &str) -> Option<(usize, usize)> {
    let start = url.find("//")? + 2;
    let authority = url[start..].split(['/', '\\', '?', '#']).next()?;
    let host = start + authority.rfind('@').map_or(0, |at| at + 1);
    let bracketed = url[host..start + authority.len()].strip_prefix('[')?.split(']').next()?;
    let zone = host + 1 + bracketed.find('%')?;
    Some((zone, host + 1 + bracketed.len()))
}

/// Returns the zone id after `%25` (RFC 6874), or after a bare `%`, which people write. A zone of
/// just `%25` is the interface with number 25.
fn read_zone(text: &str) -> Option<String> {
    const LEN_MAX: usize = 64;
    let text = text.strip_prefix('%')?;
    let text = text.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(text);
    let zone = percent_decode_str(text).decode_utf8().ok()?;
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let fits = !zone.is_empty() && zone.len() <= LEN_MAX && zone.bytes().all(sound);
    fits.then(|| zone.into_owned())
}

/// Returns whether the text after the first colon begins with a port: the text before it is then a
/// host.
fn begins_with_port(rest: &str) -> bool {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    rest[..end].parse::<u16>().is_ok()
}

/// Maps a parse error to the part of the URL that it is about.
const fn part_of(error: url::ParseError) -> RequestError {
    use url::ParseError as E;
    match error {
        E::InvalidPort => RequestError::UrlPort,
        E::EmptyHost
        | E::IdnaError
        | E::InvalidIpv4Address
        | E::InvalidIpv6Address
        | E::InvalidDomainCharacter => RequestError::UrlHost,
        E::Overflow
        | E::RelativeUrlWithoutBase
        | E::RelativeUrlWithCannotBeABaseBase
        | E::SetHostOnCannotBeABaseUrl
        | _ => RequestError::Url,
    }
}

pub(super) fn check_url(url: Url) -> Result<(Url, Origin), RequestError> {
    match Origin::of(&url) {
        Some(origin) => Ok((url, origin)),
        None if matches!(url.scheme(), "http" | "https") => Err(RequestError::UrlHost),
        None => Err(RequestError::Scheme),
    }
}

fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(value).ok()?.parse().ok()
}

fn basic(user: &[u8], password: &[u8]) -> String {
    let mut pair = Vec::with_capacity(user.len() + password.len() + 1);
    pair.extend_from_slice(user);
    pair.push(b':');
    pair.extend_from_slice(password);
    let mut value = String::from("Basic ");
    BASE64.encode_string(&pair, &mut value);
    value
}

fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_control())
}

fn write_line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Formats text into bytes. Never fails.
pub(super) struct Text<'a>(pub(super) &'a mut Vec<u8>);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head_of(builder: RequestBuilder) -> String {
        let mut out = Vec::new();
        builder.build().unwrap().write_head(false, &mut out);
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
    fn content_length_is_sent_when_it_says_something() {
        assert!(!head_of(Request::get("http://a/")).contains("Content-Length"));
        assert!(!head_of(Request::delete("http://a/")).contains("Content-Length"));
        assert!(head_of(Request::put("http://a/")).contains("Content-Length: 0\r\n"));
        let chunked = Request::post("http://a/").header("Transfer-Encoding", "chunked");
        assert!(head_of(chunked).ends_with("Transfer-Encoding: chunked\r\n\r\n"));
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
    fn only_whole_http_urls_pass() {
        use RequestError as E;
        for (urls, wrong) in [
            (&["", "/x", "//a/", "a/b", "a/b:c", "localhost:9101/x", "a:80"][..], E::UrlScheme),
            (&["127.0.0.1:80/", "[::1]:80", ":80", "a:1?q"], E::UrlScheme),
            (&["ftp://a/", "mailto:a@b", "a:99999", "file:///x"], E::Scheme),
            (&["http:a", "http:/a", "https:", "http:\\\\a"], E::UrlSlashes),
            (&["http://", "http:///x", "http://?q", "http://:80/", "http://u@/"], E::UrlHost),
            (&["http://[::1", "http://1.2.3.256/", "http://a^b/", "http://[::g]/"], E::UrlHost),
            (&["http://a:99999/", "http://a:x/", "http://[::1]:65536", "http://a:-1"], E::UrlPort),
        ] {
            for url in urls {
                assert_eq!(Request::get(url).build().unwrap_err(), wrong, "{url}");
            }
        }
        assert_eq!(Request::get("HTTP://A").build().unwrap().target(), "/");
        assert_eq!(Request::get("http://a?q").build().unwrap().target(), "/?q");
    }

    #[test]
    fn a_zone_id_is_taken_off_the_url_and_never_sent() {
        for (written, zone) in [
            ("[fe80::1%25eth0]", Some("eth0")),
            ("[fe80::1%eth0]", Some("eth0")),
            ("[FE80::1%2525]", Some("25")),
            ("[fe80::1%25]", Some("25")),
            ("[fe80::1%3]", Some("3")),
            ("[fe80::1%25a%2Db~._]", Some("a-b~._")),
            ("[fe80::1]", None),
        ] {
            let url = alloc::format!("http://u:%25p@{written}:81/a%25b?[x%25y]#%25");
            let request = Request::get(&url).build().unwrap();
            assert_eq!(request.origin().zone(), zone, "{url}");
            assert_eq!(request.url().as_str(), "http://[fe80::1]:81/a%25b?[x%25y]#%25", "{url}");
            assert!(!request.url_with_zone().contains('#'), "{url}");
            for to_proxy in [false, true] {
                let mut out = Vec::new();
                request.write_head(to_proxy, &mut out);
                let head = String::from_utf8(out).unwrap();
                assert!(head.contains("Host: [fe80::1]:81\r\n"), "{head}");
                assert!(!head.contains("eth0"), "{head}");
            }
        }
        for bad in ["%", "%25%20", "%25a/b", "%25a%2Fb", "%25%00", "%25%C3%A9", "%25%"] {
            let url = alloc::format!("http://[fe80::1{bad}]/");
            assert!(Request::get(&url).build().is_err(), "{url}");
        }
        let long = alloc::format!("http://[fe80::1%25{}]/", "x".repeat(65));
        assert_eq!(Request::get(&long).build().unwrap_err(), RequestError::Zone);
        for bad in ["http://[a.test%25eth0]/", "http://[1.2.3.4%25eth0]/", "http://a%25eth0/"] {
            assert_eq!(Request::get(bad).build().unwrap_err(), RequestError::UrlHost, "{bad}");
        }
    }

    #[test]
    fn hop_by_hop_fields_are_named_in_connection() {
        let head = head_of(Request::get("http://a/").header("Upgrade", "websocket"));
        assert!(head.contains("Connection: Upgrade\r\n"));
    }
}
