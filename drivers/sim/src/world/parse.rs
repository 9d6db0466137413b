//! Parses requests for the servers. It is strict, so that errors in the client's output are found.

/// A CONNECT request: its length, its target, and the credentials for the proxy.
pub(super) type Connect<'i> = (usize, &'i str, Option<&'i str>);

/// Parses a CONNECT request, which has fields for the proxy alone. Returns its length, its target
/// (host and port) and the credentials for the proxy, or `None` while it is incomplete.
pub(super) fn connect(input: &[u8]) -> Result<Option<Connect<'_>>, String> {
    let Some(end) = input.windows(4).position(|it| it == b"\r\n\r\n") else { return Ok(None) };
    let bad = || format!("no CONNECT: {}", input[..end].escape_ascii());
    let text = std::str::from_utf8(&input[..end]).map_err(|_| bad())?;
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let target = line.strip_prefix("CONNECT ").and_then(|it| it.strip_suffix(" HTTP/1.1"));
    let target = target.ok_or_else(bad)?;
    let mut credentials = None;
    for line in lines {
        match line.split_once(": ") {
            Some(("Host", host)) if host == target => {}
            Some(("Proxy-Authorization", shown)) => credentials = Some(shown),
            _ => return Err(bad()),
        }
    }
    Ok(Some((end + 4, target, credentials)))
}

/// Whether the input can be a CONNECT request.
pub(super) fn may_connect(input: &[u8]) -> bool {
    const CONNECT: &[u8] = b"CONNECT ";
    let len = input.len().min(CONNECT.len());
    CONNECT.starts_with(&input[..len])
}

/// The head of a request, parsed.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The call's index in the plan, and the number of redirects before this request.
    pub(super) call: u32,
    pub(super) hop: u32,
    pub(super) is_head: bool,
    /// Whether the method is not idempotent.
    pub(super) is_unsafe: bool,
    pub(super) body: Length,
    pub(super) expects: bool,
    pub(super) closes: bool,
    /// The server that the credentials are for, if there are any.
    pub(super) credentials: Option<usize>,
    /// The scheme and the authority, if the target is in absolute-form, for a proxy that forwards.
    pub(super) forward_to: Option<String>,
    /// Whether the proxy's credentials are there.
    pub(super) has_proxy_credentials: bool,
}

/// The credentials `u:p` for a proxy that forwards, as they are sent.
const PROXY_CREDENTIALS: &str = "Basic dTpw";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Known(u64),
    Chunked,
}

/// Parses a request's head. Returns its length and the head, or `None` while it is incomplete.
pub(super) fn head(input: &[u8]) -> Result<Option<(usize, Asked)>, String> {
    let Some(end) = input.windows(4).position(|it| it == b"\r\n\r\n") else {
        let start = &input[..input.len().min(4)];
        let known = ["GET ", "HEAD", "POST", "PUT ", "DELE", "OPTI", "PATC"];
        if !known.iter().any(|it| it.as_bytes().starts_with(start)) {
            return Err(format!("no request begins with {}", input.escape_ascii()));
        }
        return Ok(None);
    };
    let text = std::str::from_utf8(&input[..end]).map_err(|_| "a head is not text".to_owned())?;
    let bad = || format!("a malformed request: {}", input[..end].escape_ascii());
    let mut lines = text.split("\r\n");
    let mut words = lines.next().ok_or_else(bad)?.split(' ');
    let (method, target) = (words.next().ok_or_else(bad)?, words.next().ok_or_else(bad)?);
    if words.next() != Some("HTTP/1.1") || words.next().is_some() {
        return Err(bad());
    }
    let (forward_to, path) = target.split_at(target.find("/r/").ok_or_else(bad)?);
    let mut path = path["/r/".len()..].split('/');
    let mut number = || path.next().and_then(|it| it.parse().ok());
    let mut asked = Asked {
        call: number().ok_or_else(bad)?,
        hop: number().ok_or_else(bad)?,
        is_head: method == "HEAD",
        is_unsafe: matches!(method, "POST" | "PATCH"),
        body: Length::Known(0),
        expects: false,
        closes: false,
        credentials: None,
        forward_to: (!forward_to.is_empty()).then(|| forward_to.to_owned()),
        has_proxy_credentials: false,
    };
    for line in lines {
        let (name, value) = line.split_once(": ").ok_or_else(bad)?;
        match name {
            "Content-Length" => asked.body = Length::Known(value.parse().map_err(|_| bad())?),
            "Transfer-Encoding" if value == "chunked" => asked.body = Length::Chunked,
            "Expect" => asked.expects = true,
            "Authorization" => {
                asked.credentials = Some(value.parse().map_err(|_| bad())?);
            }
            "Proxy-Authorization" if value == PROXY_CREDENTIALS => {
                asked.has_proxy_credentials = true;
            }
            "Host" if !forward_to.is_empty() && !forward_to.ends_with(value) => return Err(bad()),
            "Connection" => asked.closes |= value.eq_ignore_ascii_case("close"),
            "Host" | "Upgrade" => {}
            _ => return Err(bad()),
        }
    }
    Ok(Some((end + 4, asked)))
}

/// The position in a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    Size,
    Data(u64),
    Crlf,
    LastCrlf,
    Done,
}

/// Parses one element of a chunked body. Returns how many bytes it took, and how many of them are
/// data.
pub(super) fn chunked(at: &mut Chunk, input: &[u8]) -> Result<(usize, usize), String> {
    let bad = || format!("a malformed chunk: {}", input.escape_ascii());
    match *at {
        Chunk::Size => {
            let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
                return if input.len() > 18 { Err(bad()) } else { Ok((0, 0)) };
            };
            let line = input[..end].strip_suffix(b"\r").ok_or_else(bad)?;
            let digits = std::str::from_utf8(line).map_err(|_| bad())?;
            let size = u64::from_str_radix(digits, 16).map_err(|_| bad())?;
            *at = if size == 0 { Chunk::LastCrlf } else { Chunk::Data(size) };
            Ok((end + 1, 0))
        }
        Chunk::Data(left) => {
            let some = input.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let left = left - some as u64;
            *at = if left == 0 { Chunk::Crlf } else { Chunk::Data(left) };
            Ok((some, some))
        }
        Chunk::Crlf | Chunk::LastCrlf if input.len() < 2 => Ok((0, 0)),
        Chunk::Crlf | Chunk::LastCrlf => {
            if !input.starts_with(b"\r\n") {
                return Err(bad());
            }
            *at = if *at == Chunk::Crlf { Chunk::Size } else { Chunk::Done };
            Ok((2, 0))
        }
        Chunk::Done => Ok((0, 0)),
    }
}
