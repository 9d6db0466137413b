//! `HTTPResponse`: a response whose body is read at once, or piece by piece.

use std::fmt;

use httpool::message::{Fields, Status};

use crate::{Error, RequestBuilder, Response};

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
        request.decode(self.decode_content)
    }
}

/// A response as urllib3 has it: preloaded, or streamed.
pub struct HttpResponse {
    response: Response,
    /// The body that was kept, if it was read whole.
    data: Option<Vec<u8>>,
}

impl HttpResponse {
    /// Makes the response. With [`preload_content`](field@ResponseOptions::preload_content) it reads
    /// the body, and the connection goes back to the pool.
    ///
    /// # Errors
    /// As [`Response::read_all`].
    pub fn new(mut response: Response, options: ResponseOptions) -> Result<Self, Error> {
        let data = if options.preload_content { Some(response.read_all()?) } else { None };
        Ok(Self { response, data })
    }

    /// Returns the status code.
    pub fn status(&self) -> Status {
        self.response.status()
    }

    /// Returns the reason phrase. Bytes that are not UTF-8 are replaced by U+FFFD.
    pub fn reason(&self) -> String {
        String::from_utf8_lossy(self.response.reason()).into_owned()
    }

    /// Returns the header fields, with case and order as they came.
    pub fn headers(&self) -> Fields<'_> {
        self.response.headers()
    }

    /// Returns the version of HTTP that the server has sent: 10 for HTTP/1.0, 11 for HTTP/1.1.
    pub fn version(&self) -> u8 {
        10 + self.response.minor_version()
    }

    /// Returns the body. If it was not preloaded, reads what is left of it, and keeps it.
    ///
    /// # Errors
    /// As [`Response::read_all`].
    pub fn data(&mut self) -> Result<&[u8], Error> {
        if self.data.is_none() {
            self.data = Some(self.response.read_all()?);
        }
        Ok(self.data.as_deref().unwrap_or_default())
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.response.fmt(f)
    }
}
