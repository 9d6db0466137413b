//! Reads requests from the bytes of a connection.

use std::fmt;

use url::Url;

/// The most header fields of a request.
const FIELDS_MAX: usize = 256;

/// A request that the mock received.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// The method.
    pub method: String,
    /// The URL, without a fragment.
    pub url: Url,
    /// The names and values of the header fields, in order. Bytes that are no UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// The body, without its transfer coding.
    pub body: Vec<u8>,
}

impl Received {
    /// Returns the value of the first header field with this name. Case does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// Writes the method and the URL.
impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

/// The kind of the bytes at the front of a connection's input.
pub(crate) enum Front {
    /// A part of a request. `waits` is set if the client waits for a 100 (RFC 9110 10.1.1).
    Part { waits: bool },
    /// A CONNECT request, and its length in bytes.
    Tunnel(usize),
    /// A request, and its length in bytes.
    Whole(Received, usize),
    /// Bytes that are no request, and the reason.
    Bad(String),
}

/// Reads the front of `input`. `scheme` and `host` are those of the connection: the Host field and
/// the target say more.
pub(crate) fn front(input: &[u8], scheme: &str, host: &str) -> Front {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut head = httparse::Request::new(&mut fields);
    let head_bytes = match head.parse(input) {
        Ok(httparse::Status::Complete(bytes)) => bytes,
        Ok(httparse::Status::Partial) => return Front::Part { waits: false },
        Err(error) => return Front::Bad(format!("the head of the request: {error}")),
    };
    let method = head.method.unwrap_or_default().to_owned();
    if method == "CONNECT" {
        return Front::Tunnel(head_bytes);
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers: Vec<_> =
        head.headers.iter().map(|field| (field.name.to_owned(), text(field.value))).collect();
    let (body, after) = match body(&headers, &input[head_bytes..]) {
        Ok(Some(read)) => read,
        Ok(None) => {
            let expect = header(&headers, "Expect");
            let waits = expect.is_some_and(|value| value.eq_ignore_ascii_case("100-continue"));
            return Front::Part { waits: waits && input.len() == head_bytes };
        }
        Err(why) => return Front::Bad(why),
    };
    let target = head.path.unwrap_or_default();
    let host = header(&headers, "Host").filter(|host| !host.is_empty()).unwrap_or(host);
    let url = if target.starts_with('/') {
        format!("{scheme}://{host}{target}")
    } else if target == "*" {
        format!("{scheme}://{host}")
    } else {
        target.to_owned()
    };
    match Url::parse(&url) {
        Ok(url) => Front::Whole(Received { method, url, headers, body }, head_bytes + after),
        Err(error) => Front::Bad(format!("the URL of the request, {url:?}: {error}")),
    }
}

/// Reads a body from the front of `input`. Returns it and the bytes that it takes, or `None` if
/// more are needed.
fn body(headers: &[(String, String)], input: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    if header(headers, "Transfer-Encoding").is_some() {
        return chunked(input);
    }
    let Some(length) = header(headers, "Content-Length") else { return Ok(Some((vec![], 0))) };
    let length = length.trim().parse().map_err(|_| format!("Content-Length: {length}"))?;
    Ok(input.get(..length).map(|body| (body.to_vec(), length)))
}

/// Reads a chunked body (RFC 9112 7.1).
fn chunked(input: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let (line, size) = match httparse::parse_chunk_size(&input[at..]) {
            Ok(httparse::Status::Complete(read)) => read,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("the size of a chunk of the request's body".into()),
        };
        at += line;
        if size == 0 {
            break;
        }
        let size = usize::try_from(size).map_err(|_| "the size of a chunk is too large")?;
        let Some(chunk) = input.get(at..).and_then(|rest| rest.get(..size)) else {
            return Ok(None);
        };
        body.extend_from_slice(chunk);
        at += size + 2;
        if at > input.len() {
            return Ok(None);
        }
    }
    let mut trailers = [httparse::EMPTY_HEADER; FIELDS_MAX];
    match httparse::parse_headers(&input[at..], &mut trailers) {
        Ok(httparse::Status::Complete((bytes, _))) => Ok(Some((body, at + bytes))),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(error) => Err(format!("the trailers of the request: {error}")),
    }
}
