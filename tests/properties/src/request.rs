//! Checks that a request is written as it was built, or refused.

use httpool::{
    h1::{Connection, Target},
    limits::MessageLimits,
    message::{BodyLength, Method, Request, Url},
};

use super::source::Source;

/// Builds a request of any method, URL and fields. It must be refused, or written so that a strict
/// parser reads the same values: one Host, one framing, no control byte, and no additional field.
pub fn request_head(data: &[u8]) {
    let asked = Asked::decode(&mut Source::new(data));
    let Some(request) = asked.build() else { return };
    for to_proxy in [false, true] {
        let mut conn = Connection::new(MessageLimits::default());
        let mut out = b"before".to_vec();
        let target = if to_proxy { Target::Absolute(None) } else { Target::Origin };
        conn.send_request(&request, target, &mut out).expect("it is idle");
        let head = out.strip_prefix(b"before").expect("a head is appended");
        asked.check(&request, to_proxy, head);
    }
}

/// The parts of a request.
#[derive(Debug)]
struct Asked {
    method: String,
    url: String,
    fields: Vec<(String, Vec<u8>)>,
    body: BodyLength,
    expect_continue: bool,
    asterisk: bool,
    /// Username and password.
    basic: Option<(String, String)>,
}

impl Asked {
    fn decode(source: &mut Source<'_>) -> Self {
        let flags = source.byte();
        let replayable = flags & 1 == 1;
        let body = match flags >> 1 & 3 {
            0 | 1 => BodyLength::Empty,
            2 => BodyLength::Known { len: u64::from(source.number()), replayable },
            _ => BodyLength::Unknown { replayable },
        };
        let method = if flags & 128 > 0 {
            source.text()
        } else {
            source.pick(&["GET", "POST", "HEAD", "OPTIONS", "CONNECT", "TRACE", "PUT", "x"]).into()
        };
        let url = if flags & 64 > 0 {
            source.text()
        } else {
            let host = source.pick(&["http://a/", "https://a:80", "http://u:p@[::1]:8080/x?"]);
            format!("{host}{}", source.text())
        };
        let basic = (flags & 32 > 0).then(|| (source.text(), source.text()));
        let mut fields = Vec::new();
        while !source.is_empty() && fields.len() < 16 {
            let name = match source.byte() {
                0 => source.text(),
                n => NAMES[usize::from(n) % NAMES.len()].to_owned(),
            };
            fields.push((name, source.bytes().to_vec()));
        }
        let (expect_continue, asterisk) = (flags & 8 > 0, flags & 16 > 0);
        Self { method, url, fields, body, expect_continue, asterisk, basic }
    }

    fn build(&self) -> Option<Request> {
        let Ok(method) = Method::new(&self.method) else {
            let token = !self.method.is_empty() && self.method.bytes().all(is_token_byte);
            assert!(!token, "a token was refused");
            return None;
        };
        let mut request = Request::builder(method, &self.url)
            .body(self.body)
            .expect_continue(self.expect_continue);
        for (name, value) in &self.fields {
            request = request.header_bytes(name, value);
        }
        if let Some((user, password)) = &self.basic {
            request = request.basic_auth(user, password);
        }
        if self.asterisk {
            request = request.asterisk();
        }
        request.build().ok()
    }

    fn check(&self, request: &Request, to_proxy: bool, head: &[u8]) {
        let (line, fields) = parse(head);
        let target = line
            .strip_prefix(self.method.as_bytes())
            .and_then(|rest| rest.strip_prefix(b" "))
            .and_then(|rest| rest.strip_suffix(b" HTTP/1.1"))
            .expect("method, target, version");
        assert!(target.iter().all(u8::is_ascii_graphic), "{}", target.escape_ascii());
        let target = core::str::from_utf8(target).expect("ASCII");
        self.check_target(request, to_proxy, target);
        let theirs: Vec<_> = request.headers().iter().map(|it| (it.name(), it.value())).collect();
        assert_eq!(fields, theirs, "the request says of itself what it writes");
        assert_eq!(fields[0].0, "Host");
        check_host(request, self.host(), fields[0].1);
        check_framing(request.body(), &self.method, &fields);
        self.check_fields(&fields);
        let expected = request.expects_continue() && !request.body().is_empty();
        let expects = fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("expect"));
        assert_eq!(expects, expected);
    }

    /// Checks the request target (RFC 9112 section 3.2).
    fn check_target(&self, request: &Request, to_proxy: bool, target: &str) {
        let (url, origin) = (request.url(), request.origin());
        if self.method == "CONNECT" {
            assert_eq!(target, format!("{}:{}", origin.host(), origin.port()));
            return;
        }
        if self.asterisk && self.method == "OPTIONS" {
            let expected = if to_proxy { origin.to_string() } else { "*".to_owned() };
            assert_eq!(target, expected);
            return;
        }
        let absolute = if to_proxy { target.to_owned() } else { format!("{origin}{target}") };
        assert!(to_proxy || target.starts_with('/'), "{target}");
        let read = Url::parse(&absolute).expect("what was written is a URL");
        let mut sent = url.clone();
        sent.set_fragment(None);
        assert_eq!(read, sent, "the target is the URL's, without its fragment");
        assert!(read.username().is_empty());
        let again = Request::get(url.as_str()).build().expect("its own URL is good");
        assert_eq!((again.url(), again.origin()), (url, origin));
    }

    fn host(&self) -> Option<&[u8]> {
        let host = self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        host.map(|(_, value)| trim(value))
    }

    /// Checks that each field without a meaning to the client is written unchanged, in the given
    /// order.
    fn check_fields(&self, written: &[(&str, &[u8])]) {
        let understood = |name: &str| {
            ["host", "content-length", "transfer-encoding", "expect", "connection", "authorization"]
                .iter()
                .any(|own| name.eq_ignore_ascii_case(own))
        };
        let given: Vec<_> = self
            .fields
            .iter()
            .filter(|(name, _)| !understood(name))
            .map(|(name, value)| (&**name, trim(value)))
            .collect();
        let others: Vec<_> = written.iter().filter(|(name, _)| !understood(name)).collect();
        assert!(given.iter().eq(others), "{given:?} became {written:?}");
        let connections = |fields: &mut dyn Iterator<Item = &str>| {
            fields.filter(|name| name.eq_ignore_ascii_case("connection")).count()
        };
        let asked = connections(&mut self.fields.iter().map(|(name, _)| &**name));
        let wrote = connections(&mut written.iter().map(|(name, _)| *name));
        assert!((asked..=asked + 2).contains(&wrote), "Upgrade and TE may add one each");
    }
}

const NAMES: &[&str] = &[
    "X-A",
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Expect",
    "Connection",
    "Upgrade",
    "TE",
    "Authorization",
    "Cookie",
    "Content-Type",
];

fn check_host(request: &Request, given: Option<&[u8]>, written: &[u8]) {
    match given {
        Some(given) => assert_eq!(written, given),
        None => assert_eq!(written, request.origin().authority().to_string().as_bytes()),
    }
}

/// Checks that there is at most one framing field, and that it describes the body (RFC 9112 section
/// 6).
fn check_framing(body: BodyLength, method: &str, fields: &[(&str, &[u8])]) {
    let values = |wanted: &str| {
        let found = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| *value).collect::<Vec<_>>()
    };
    let (lengths, codings) = (values("content-length"), values("transfer-encoding"));
    match body {
        BodyLength::Known { len, .. } => {
            assert_eq!(lengths, [len.to_string().as_bytes()]);
            assert!(codings.is_empty());
        }
        BodyLength::Unknown { .. } => {
            assert_eq!(codings, [b"chunked"]);
            assert!(lengths.is_empty());
        }
        BodyLength::Empty => {
            let says_so = ["POST", "PUT", "PATCH"].contains(&method);
            assert_eq!(lengths, if says_so { vec![&b"0"[..]] } else { vec![] });
            assert!(codings.is_empty());
        }
    }
    assert_eq!(values("host").len(), 1);
}

/// Parses the request line and the fields strictly: CRLF, no folding, and no control byte but TAB
/// in values.
fn parse(head: &[u8]) -> (&[u8], Vec<(&str, &[u8])>) {
    let text = head.strip_suffix(b"\r\n\r\n").expect("an empty line at the end");
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
        lines.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    lines.push(rest);
    for line in &lines {
        let control = line.iter().any(|&byte| byte < b' ' && byte != b'\t' || byte == 0x7f);
        assert!(!control, "{}", line.escape_ascii());
    }
    let fields = lines[1..].iter().map(|line| {
        let colon = line.iter().position(|&byte| byte == b':').expect("a name");
        let name = &line[..colon];
        assert!(!name.is_empty() && name.iter().all(|&byte| is_token_byte(byte)));
        (core::str::from_utf8(name).expect("a token is ASCII"), trim(&line[colon + 1..]))
    });
    (lines[0], fields.collect())
}

/// Whether `byte` is a tchar (RFC 9110 section 5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Removes optional whitespace from both ends (RFC 9110 section 5.6.3).
pub(super) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
