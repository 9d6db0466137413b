//! `HTTPResponse`: a response whose body is read at once, or piece by piece.

use std::{
    error, fmt,
    io::{self, BufRead, Read},
    mem,
};

use httpool_kit::Parts;

use crate::{Cancel, Error, RequestBuilder, Response, Switched};

/// How a response is read: the keywords of urllib3's `urlopen` that concern the response.
///
/// ```
/// use httpool_blocking::urllib3::ResponseOptions;
///
/// let options = ResponseOptions::default();
/// assert!(options.preload_content && options.decode_content && options.enforce_content_length);
/// let streamed = options.preload_content(false);
/// assert!(!streamed.preload_content);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseOptions {
    /// Whether the body is read when the response is made. True by default.
    pub preload_content: bool,
    /// Whether the body is decoded by its Content-Encoding. True by default.
    pub decode_content: bool,
    /// Whether a body that ends before its Content-Length is an error. True by default.
    pub enforce_content_length: bool,
}

impl Default for ResponseOptions {
    fn default() -> Self {
        Self { preload_content: true, decode_content: true, enforce_content_length: true }
    }
}

impl ResponseOptions {
    /// Sets [`preload_content`](field@Self::preload_content).
    #[must_use]
    pub const fn preload_content(self, yes: bool) -> Self {
        Self { preload_content: yes, ..self }
    }

    /// Sets [`decode_content`](field@Self::decode_content).
    #[must_use]
    pub const fn decode_content(self, yes: bool) -> Self {
        Self { decode_content: yes, ..self }
    }

    /// Sets [`enforce_content_length`](field@Self::enforce_content_length).
    #[must_use]
    pub const fn enforce_content_length(self, yes: bool) -> Self {
        Self { enforce_content_length: yes, ..self }
    }

    /// Applies to a request the options that take effect before the response: whether its body is
    /// decoded, and whether its length is enforced.
    pub fn apply(self, request: RequestBuilder) -> RequestBuilder {
        request.decode(self.decode_content).enforce_content_length(self.enforce_content_length)
    }
}

/// A response, preloaded or streamed, with the members of urllib3's `HTTPResponse`.
///
/// Preloaded, its body was read when it was made, and its connection is back in the pool.
/// Streamed, the body is read by one of these:
///
/// | urllib3 | here | returns |
/// |---|---|---|
/// | `data` | [`data`](Self::data) | the body; it is kept |
/// | `read()` | [`read_all`](Self::read_all) | the rest of the body |
/// | `read(n)` | [`read_bytes`](Self::read_bytes) | exactly `n` bytes, unless the body ends |
/// | `read1(n)` | [`read1`](Self::read1) | at most `n` bytes, as soon as there are some |
/// | `readinto` | [`Read`] | the same, into a buffer |
/// | `stream(n)` | [`stream`](Self::stream) | pieces of at most `n` bytes, as they come |
/// | `read_chunked(n)` | [`read_chunked`](Self::read_chunked) | the same, none of more than one chunk |
/// | iteration | [`BufRead`]: `lines()` | lines |
///
/// All of them go on where the one before has ended. They return decoded bytes, whatever the
/// framing, unless the request was built with
/// [`decode_content(false)`](field@ResponseOptions::decode_content). They also read a body that was
/// preloaded or that [`data`](Self::data) has kept, from its start. In urllib3 they return nothing
/// then.
///
/// A response that is dropped, [released](Self::release_conn) or [closed](Self::close) always frees
/// its place in the pool. Its connection is used again only if the response has ended.
///
/// ```
/// # use std::{io::{Read, Write}, net::TcpListener, thread};
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/", listener.local_addr()?);
/// # thread::spawn(move || {
/// #     let (mut tcp, _) = listener.accept().unwrap();
/// #     tcp.read(&mut [0; 4096]).unwrap();
/// #     tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world").unwrap();
/// # });
/// use httpool_blocking::{Client, urllib3::{HttpResponse, ResponseOptions}};
///
/// let options = ResponseOptions::default().preload_content(false);
/// let client = Client::new();
/// let response = options.apply(client.get(&url)).send()?;
/// let mut response = HttpResponse::new(response, options)?;
/// assert_eq!((response.status().as_u16(), response.length_remaining()), (200, Some(11)));
/// assert_eq!(response.read_bytes(5)?, b"hello");
/// let rest: Result<Vec<_>, _> = response.stream(4).collect();
/// assert_eq!(rest?, [&b" wor"[..], b"ld"]);
/// assert_eq!(response.tell(), 11);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct HttpResponse {
    response: Response,
    /// The body, if it was preloaded or kept, and how much of it was read since.
    data: Option<(Vec<u8>, usize)>,
    /// Body that [`BufRead`] has read ahead, and how much of it was consumed.
    ahead: (Vec<u8>, usize),
    /// Whether the response was released or closed before its end.
    given_up: bool,
}

/// The size in bytes of the buffer that pieces are read into. A piece is no longer.
const PIECE: usize = 64 * 1024;
/// The size in bytes of the buffer for lines.
const AHEAD: usize = 8 * 1024;

impl HttpResponse {
    /// Makes the response. With [`preload_content`](field@ResponseOptions::preload_content) it reads
    /// the body, and the connection goes back to the pool.
    ///
    /// # Errors
    /// As [`Response::read_all`].
    pub fn new(mut response: Response, options: ResponseOptions) -> Result<Self, Error> {
        let body = options.preload_content.then(|| response.read_all()).transpose()?;
        let data = body.map(|body| (body, 0));
        Ok(Self { response, data, ahead: (Vec::new(), 0), given_up: false })
    }

    httpool_kit::response_methods!();

    fn parts(&self) -> Parts<'_> {
        self.response.parts()
    }

    /// Returns the version of HTTP that the server has sent: 10 for HTTP/1.0, 11 for HTTP/1.1.
    pub fn version(&self) -> u8 {
        10 + self.minor_version()
    }

    /// Returns the version of HTTP as text, such as `HTTP/1.1`.
    pub fn version_string(&self) -> String {
        format!("HTTP/1.{}", self.minor_version())
    }

    /// Returns the absolute URL that was answered: after redirects, the last one (urllib3 returns
    /// the path alone, or nothing after a retry).
    pub fn geturl(&self) -> &str {
        self.url().as_str()
    }

    /// Returns the target of the redirect that the response is, as the server sent it:
    /// [`redirect_location`](Self::redirect_location) by its name in urllib3.
    pub fn get_redirect_location(&self) -> Option<&str> {
        self.response.redirect_location()
    }

    /// Returns whether the body comes in chunks: [`is_chunked`](Self::is_chunked) by its name in
    /// urllib3.
    pub fn chunked(&self) -> bool {
        self.response.is_chunked()
    }

    /// Returns how many bytes of the body have not come from the server, before they are decoded.
    /// `None` if the server has not said, and 0 at the end.
    pub fn length_remaining(&self) -> Option<u64> {
        self.response.length_remaining()
    }

    /// Returns how many bytes of the body were read from the server, before they are decoded and
    /// without the framing of chunks.
    pub fn tell(&self) -> u64 {
        self.response.tell()
    }

    /// Returns whether nothing more can be read from the server: the response has ended, or was
    /// released or closed.
    pub fn is_closed(&self) -> bool {
        self.given_up || self.response.is_at_end()
    }

    /// Returns the body. If it was not preloaded, reads what is left of it, and keeps that.
    ///
    /// # Errors
    /// As [`read_all`](Self::read_all).
    pub fn data(&mut self) -> Result<&[u8], Error> {
        if self.data.is_none() {
            let rest = self.read_all()?;
            self.data = Some((rest, 0));
        }
        Ok(self.data.as_ref().map_or(&[], |(data, _)| data))
    }

    /// Reads and returns the rest of the body.
    ///
    /// # Errors
    /// The body is incomplete, or cannot be decoded, or is longer than
    /// [`body_bytes_max`](crate::ClientBuilder::body_bytes_max), or the response was released or
    /// closed before its end.
    pub fn read_all(&mut self) -> Result<Vec<u8>, Error> {
        let mut body = self.take_ahead(usize::MAX);
        if self.data.is_none() {
            self.check()?;
            body.append(&mut self.response.read_all()?);
        }
        Ok(body)
    }

    /// Reads and returns exactly `n` bytes, or fewer if the body ends.
    ///
    /// # Errors
    /// The body is incomplete, or cannot be decoded, or the response was released or closed before
    /// its end. The bytes read before are lost.
    pub fn read_bytes(&mut self, n: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = self.take_ahead(n);
        while bytes.len() < n {
            let filled = bytes.len();
            bytes.resize(n.min(filled.saturating_add(PIECE)), 0);
            let read = self.pull(&mut bytes[filled..])?;
            bytes.truncate(filled + read);
            if read == 0 {
                break;
            }
        }
        Ok(bytes)
    }

    /// Reads and returns at most `max` bytes, as soon as there are some. Empty at the end of the
    /// body, and if `max` is 0.
    ///
    /// # Errors
    /// As [`read_bytes`](Self::read_bytes).
    pub fn read1(&mut self, max: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; max.min(PIECE)];
        let read = self.pull(&mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Iterates over the rest of the body in pieces of at most `max` bytes (and at most 64 KiB), as
    /// they come. Each has at least one byte. There are none if `max` is 0. An error, as of
    /// [`read_bytes`](Self::read_bytes), is the last item.
    pub fn stream(&mut self, max: usize) -> Pieces<'_> {
        let buffer = vec![0; max.min(PIECE)];
        Pieces { response: self, buffer }
    }

    /// Iterates as [`stream`](Self::stream) does over the rest of a body that comes in chunks. No
    /// piece has bytes of two chunks. A chunk gives several pieces if it is longer than `max`, or
    /// comes in parts.
    ///
    /// # Errors
    /// The body does not come in chunks.
    pub fn read_chunked(&mut self, max: usize) -> Result<Pieces<'_>, ResponseNotChunked> {
        if !self.chunked() {
            return Err(ResponseNotChunked);
        }
        self.response.exchange().split_chunks();
        Ok(self.stream(max))
    }

    /// Reads and drops the rest of the body, so that the connection can be used again. Decodes
    /// nothing. Reads no more than [`Policy::drain_bytes_max`](field@crate::Policy::drain_bytes_max)
    /// bytes and no longer than [`drain_time_max`](field@crate::Policy::drain_time_max); a longer
    /// body closes the connection. A failure closes it too, and is not reported.
    pub fn drain_conn(&mut self) {
        self.give_up();
        self.response.exchange().drain();
    }

    /// Gives the connection back without waiting. The body that has come is dropped. If more of it
    /// has to come, the connection is closed.
    pub fn release_conn(&mut self) {
        self.give_up();
        self.response.exchange().abandon();
    }

    /// Closes the connection, unless the response has ended and it is back in the pool. Its place in
    /// the pool is free then.
    pub fn close(&mut self) {
        self.give_up();
        self.response.exchange().close();
    }

    /// Returns a handle with which another thread ends the reading of the body, as
    /// [`Response::shutdown_handle`] does (urllib3: `shutdown`).
    pub fn shutdown_handle(&mut self) -> Option<Cancel> {
        self.response.shutdown_handle()
    }

    /// Returns the connection after 101 (Switching Protocols) or a 2xx to CONNECT, when it no
    /// longer carries HTTP. `None` for any other response.
    pub fn into_upgraded(self) -> Option<Switched> {
        self.response.into_switched()
    }

    /// Returns the body, as [`data`](Self::data) does, as text by its charset: see
    /// [`Response::text`].
    ///
    /// # Errors
    /// As [`data`](Self::data).
    pub fn text(&mut self) -> Result<String, Error> {
        let body = self.data()?.to_vec();
        Ok(httpool_kit::text(body, self.parts().content_type()))
    }

    /// Parses the body, as [`data`](Self::data) returns it, as JSON.
    ///
    /// # Errors
    /// As [`data`](Self::data), or the body is not JSON of the form of `T` ([`Error::is_json`]).
    #[cfg(feature = "json")]
    pub fn json<T: httpool_kit::serde::de::DeserializeOwned>(&mut self) -> Result<T, Error> {
        self.data()?;
        let body = self.data.as_ref().map_or(&[][..], |(data, _)| data);
        httpool_kit::parse_json(body, &self.parts())
    }

    fn give_up(&mut self) {
        self.given_up |= !self.response.is_at_end();
        self.ahead = (Vec::new(), 0);
    }

    fn check(&self) -> Result<(), Error> {
        if self.given_up { Err(Error::stale()) } else { Ok(()) }
    }

    /// Returns the bytes that are here already: those kept, or those read ahead.
    fn here(&mut self) -> (&[u8], &mut usize) {
        let (bytes, at) = self.data.as_mut().unwrap_or(&mut self.ahead);
        (bytes.get(*at..).unwrap_or_default(), at)
    }

    fn take_ahead(&mut self, max: usize) -> Vec<u8> {
        let (bytes, at) = self.here();
        let taken = bytes[..bytes.len().min(max)].to_vec();
        *at += taken.len();
        taken
    }

    /// Reads a part of the body into `into`: bytes that are here, or else from the connection.
    fn pull(&mut self, into: &mut [u8]) -> Result<usize, Error> {
        let (bytes, at) = self.here();
        if !bytes.is_empty() {
            let read = bytes.len().min(into.len());
            into[..read].copy_from_slice(&bytes[..read]);
            *at += read;
            return Ok(read);
        }
        if self.data.is_some() {
            return Ok(0);
        }
        self.check()?;
        self.response.read_part(into)
    }
}

impl Read for HttpResponse {
    /// Reads a part of the body, decoded if the request decodes.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Ok(self.pull(into)?)
    }
}

impl BufRead for HttpResponse {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.here().0.is_empty() && self.data.is_none() {
            let mut buffer = mem::take(&mut self.ahead.0);
            buffer.resize(AHEAD, 0);
            self.check()?;
            let read = self.response.read_part(&mut buffer)?;
            buffer.truncate(read);
            self.ahead = (buffer, 0);
        }
        Ok(self.here().0)
    }

    fn consume(&mut self, amount: usize) {
        let (bytes, at) = self.here();
        *at += bytes.len().min(amount);
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.response.fmt(f)
    }
}

/// Iterates over a body: see [`HttpResponse::stream`] and [`HttpResponse::read_chunked`].
#[derive(Debug)]
pub struct Pieces<'r> {
    response: &'r mut HttpResponse,
    /// Empty after the end.
    buffer: Vec<u8>,
}

impl Iterator for Pieces<'_> {
    type Item = Result<Vec<u8>, Error>;

    fn next(&mut self) -> Option<Result<Vec<u8>, Error>> {
        if self.buffer.is_empty() {
            return None;
        }
        match self.response.pull(&mut self.buffer) {
            Ok(read @ 1..) => Some(Ok(self.buffer[..read].to_vec())),
            Ok(_) => {
                self.buffer.clear();
                None
            }
            Err(error) => {
                self.buffer.clear();
                Some(Err(error))
            }
        }
    }
}

/// The body of a response does not come in chunks, so they cannot be read (urllib3:
/// `ResponseNotChunked`). Use [`HttpResponse::stream`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseNotChunked;

impl fmt::Display for ResponseNotChunked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the response has no `Transfer-Encoding: chunked`: read it with `stream`")
    }
}

impl error::Error for ResponseNotChunked {}
