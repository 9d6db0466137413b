//! The response to a request, with its body to be read.

use std::{
    fmt,
    io::{self, BufReader, Read},
};

use httpool::message::BodyLeft;
use httpool_kit::{BodyLimit, Parts, Stream};

use crate::{
    Cancel, Error,
    exchange::{Exchange, Progress, Served},
    platform::{Platform, Socket, System},
    scratch::Sink,
};

/// A response: its head, and its body to be read.
///
/// When the body has been read to its end, the connection goes back to the pool. A response that
/// is dropped earlier discards the part of its body that has already arrived, without waiting. If
/// the body ends there, the connection goes back to the pool. Otherwise it is closed.
///
/// A server may answer before it has the whole request. If the response does not end the sending,
/// the rest of the request's body is sent while the response is read. The read that finds the end
/// of the response then returns after the request's body has been sent. If the rest cannot be
/// sent, that read fails with [`Cause::BodyUnsent`](httpool::error::Cause::BodyUnsent). Dropping
/// the response earlier stops the sending.
///
/// Read the body piece by piece, and then the trailers:
///
/// ```
/// # use std::{net::TcpListener, thread};
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/", listener.local_addr()?);
/// # thread::spawn(move || {
/// #     use std::io::Write;
/// #     let (mut tcp, _) = listener.accept().unwrap();
/// #     tcp.read(&mut [0; 4096]).unwrap();
/// #     let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
/// #     tcp.write_all(head).unwrap();
/// #     tcp.write_all(b"5\r\nhello\r\n6\r\n world\r\n0\r\nDigest: none\r\n\r\n").unwrap();
/// # });
/// use httpool_blocking::Client;
/// use std::io::Read;
///
/// let client = Client::new();
/// let mut response = client.get(&url).send()?;
/// let (mut piece, mut body) = ([0; 1024], Vec::new());
/// loop {
///     match response.read(&mut piece)? {
///         0 => break,
///         read => body.extend_from_slice(&piece[..read]),
///     }
/// }
/// assert_eq!(body, b"hello world");
/// assert_eq!(response.trailers().and_then(|fields| fields.get_str("digest")), Some("none"));
/// assert_eq!(client.stats().idle, 1, "the connection is back in the pool");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Response {
    on: ResponseOn<System>,
}

impl Response {
    pub(crate) const fn new(on: ResponseOn<System>) -> Self {
        Self { on }
    }

    httpool_kit::response_methods!();

    pub(crate) fn parts(&self) -> Parts<'_> {
        self.on.parts()
    }

    /// Reads and returns the whole body, decoded if the request
    /// [decodes](crate::RequestBuilder::decode). Trailers are lost. [`read_to_end`](Read::read_to_end)
    /// keeps them.
    ///
    /// # Errors
    /// The body is incomplete, or cannot be decoded, or is longer than
    /// [`body_bytes_max`](crate::ClientBuilder::body_bytes_max), or the rest of the request's body
    /// could not be sent although the response did not end the sending.
    pub fn bytes(self) -> Result<Vec<u8>, Error> {
        self.on.bytes()
    }

    /// Reads and returns the rest of the body, as [`bytes`](Self::bytes) does. Keeps the response,
    /// and so the trailers. Returns nothing when called again.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub fn read_all(&mut self) -> Result<Vec<u8>, Error> {
        self.on.read_all()
    }

    /// Reads the whole body as text. A byte order mark names its encoding, and otherwise the charset
    /// of Content-Type, and otherwise it is UTF-8. Without the feature `charset` it is always UTF-8.
    /// Bytes that are invalid become U+FFFD.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub fn text(mut self) -> Result<String, Error> {
        let body = self.read_all()?;
        Ok(httpool_kit::text(body, self.parts().content_type()))
    }

    /// Reads the whole body and parses it as JSON, whatever its Content-Type says.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes), or the body is not JSON of the form of `T` ([`Error::is_json`]).
    #[cfg(feature = "json")]
    pub fn json<T: httpool_kit::serde::de::DeserializeOwned>(mut self) -> Result<T, Error> {
        let body = self.read_all()?;
        httpool_kit::parse_json(&body, &self.parts())
    }

    /// Returns a reader of the body that has a buffer, for example to read lines.
    ///
    /// ```no_run
    /// use std::io::BufRead;
    ///
    /// let client = httpool_blocking::Client::new();
    /// for line in client.get("http://example.com/").send()?.buffered().lines() {
    ///     println!("{}", line?);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn buffered(self) -> BufReader<Self> {
        BufReader::new(self)
    }

    /// Returns a handle with which another thread ends the reading of this body, also while it waits
    /// (urllib3: `shutdown`). The read then fails with an error that is
    /// [cancelled](Error::is_cancelled), and the connection is closed. `None` if the response has
    /// ended and its connection is back in the pool.
    pub fn shutdown_handle(&mut self) -> Option<Cancel> {
        self.on.exchange.shutdown_handle()
    }

    /// Returns how many bytes of the body are left, before they are decoded (urllib3:
    /// `length_remaining`). `None` if the server has not said, and 0 at the end.
    pub fn length_remaining(&self) -> Option<u64> {
        match self.on.exchange.body_ahead() {
            // That is the rest of a chunk.
            BodyLeft::Bytes(1..) if self.is_chunked() => None,
            BodyLeft::Bytes(0) if !self.on.exchange.is_at_end() && self.is_chunked() => None,
            BodyLeft::Bytes(left) => Some(left),
            BodyLeft::Unknown => None,
        }
    }

    /// Returns how many bytes of the body were read, before they are decoded and without the framing
    /// of chunks (urllib3: `tell`).
    pub fn tell(&self) -> u64 {
        self.on.exchange.given()
    }

    pub(crate) const fn exchange(&mut self) -> &mut Exchange<System> {
        &mut self.on.exchange
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.on.exchange.is_at_end()
    }

    /// Reads a part of the body into `into`: the fallible half of [`Read`].
    pub(crate) fn read_part(&mut self, into: &mut [u8]) -> Result<usize, Error> {
        self.on.read_part(into)
    }

    /// Returns the connection after 101 (Switching Protocols) or a 2xx to CONNECT, when it no
    /// longer carries HTTP. `None` for any other response.
    pub fn into_switched(self) -> Option<Switched> {
        self.on.into_switched()
    }
}

impl Read for Response {
    /// Reads a part of the body, without its framing, and decoded if the request
    /// [decodes](crate::RequestBuilder::decode). A body that is not decoded goes straight from the
    /// socket into `into` where its framing allows. Decoding needs no more memory than its bounds,
    /// whatever the body decodes to.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.on.read(into)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.on.fmt(f)
    }
}

/// A response over a connection of the platform `P`: see [`Response`](crate::Response).
pub struct ResponseOn<P: Platform> {
    exchange: Exchange<P>,
    served: Served,
    /// The body that was read with the head.
    preloaded: Option<io::Cursor<Vec<u8>>>,
}

impl<P: Platform> ResponseOn<P> {
    /// Waits for the head of the response, and with [`preload`](httpool::call::Policy::preload) for
    /// its body.
    pub(crate) fn of(mut exchange: Exchange<P>) -> Result<Self, Error> {
        loop {
            await_head(&mut exchange)?;
            let served = exchange.served.expect("a response has come over a connection");
            let mut response = Self { exchange, served, preloaded: None };
            if !response.exchange.preloads() {
                response.exchange.pause(true);
                return Ok(response);
            }
            let mut body = Vec::new();
            response.collect(&mut body)?;
            if !response.exchange.take_restart() {
                response.preloaded = Some(io::Cursor::new(body));
                return Ok(response);
            }
            exchange = response.exchange;
        }
    }

    httpool_kit::response_methods!();

    fn parts(&self) -> Parts<'_> {
        let call = &self.exchange.call;
        Parts {
            received: self.exchange.received(),
            method: call.request().method(),
            url: call.request().url(),
            history: call.history(),
            timings: call.timings(),
            body_taken: call.body_taken(),
            connection: self.served.conn,
            reused: self.served.reused,
            sessions: &self.exchange.sessions,
        }
    }

    /// Reads and returns the whole body, as [`Response::bytes`] does.
    ///
    /// # Errors
    /// As [`Response::bytes`].
    pub fn bytes(mut self) -> Result<Vec<u8>, Error> {
        self.read_all()
    }

    /// Reads and returns the rest of the body, as [`Response::read_all`] does.
    ///
    /// # Errors
    /// As [`Response::bytes`].
    pub fn read_all(&mut self) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        if let Some(mut preloaded) = self.preloaded.take() {
            // Most often nothing was read before.
            if preloaded.position() == 0 {
                return Ok(preloaded.into_inner());
            }
            preloaded.read_to_end(&mut body).ok();
            return Ok(body);
        }
        self.collect(&mut body)?;
        Ok(body)
    }

    /// Returns the connection that no longer carries HTTP, as [`Response::into_switched`] does.
    pub fn into_switched(mut self) -> Option<httpool_kit::Switched<<P::Socket as Socket>::Stream>> {
        let (net, rest) = self.exchange.hand_over()?;
        Some(httpool_kit::Switched::over(net.socket.into_stream().ok()?, rest, net.wire))
    }

    fn collect(&mut self, body: &mut Vec<u8>) -> Result<(), Error> {
        let limit = BodyLimit::new(self.exchange.body_bytes_max());
        if self.exchange.decodes() {
            let collected = self.exchange.collect_decoded(body, limit.bytes());
            return collected.map_err(|error| error.with_head(self.exchange.received().head()));
        }
        if limit.is_exceeded(body.len(), self.exchange.body_ahead()) {
            return Err(self.too_long(limit));
        }
        self.exchange.pause(false);
        loop {
            match self.exchange.run(Sink::Vec(body)) {
                Ok(Progress::Data(_)) if limit.is_exceeded(body.len(), BodyLeft::NONE) => {
                    return Err(self.too_long(limit));
                }
                Ok(Progress::Data(_)) => {}
                Ok(Progress::Head | Progress::End | Progress::Restart) => return Ok(()),
                Err(error) => return Err(error.with_head(self.exchange.received().head())),
            }
        }
    }

    fn too_long(&mut self, limit: BodyLimit) -> Error {
        let error = self.exchange.unusable(limit.reason());
        error.with_head(self.exchange.received().head())
    }
}

/// Runs the call until it has the head of a response. If there is no body, the rest of the request's
/// body is sent too.
fn await_head<P: Platform>(exchange: &mut Exchange<P>) -> Result<(), Error> {
    loop {
        match exchange.run(Sink::Nowhere)? {
            Progress::Head | Progress::End => break,
            // Neither `Data` nor `Restart` can come before a head.
            Progress::Data(_) | Progress::Restart => {}
        }
    }
    exchange.settle();
    if exchange.only_sends() {
        // The response has no body: no later read would send the rest of the request's body.
        exchange.run(Sink::Nowhere)?;
    }
    Ok(())
}

impl<P: Platform> ResponseOn<P> {
    fn read_part(&mut self, into: &mut [u8]) -> Result<usize, Error> {
        if into.is_empty() {
            return Ok(0);
        }
        if let Some(preloaded) = &mut self.preloaded {
            // Reading from memory does not fail.
            return Ok(preloaded.read(into).unwrap_or_default());
        }
        if self.exchange.decodes() {
            return self.exchange.read_decoded(into);
        }
        // Input that was already read takes no time, so no deadline has to run.
        if let Some(read) = self.exchange.take_body(Sink::Slice(into)) {
            self.exchange.settle();
            return Ok(read);
        }
        self.exchange.pause(false);
        let read = match self.exchange.run(Sink::Slice(into))? {
            Progress::Data(read) => read,
            Progress::Head | Progress::End | Progress::Restart => 0,
        };
        self.exchange.settle();
        self.exchange.pause(true);
        Ok(read)
    }
}

impl<P: Platform> Read for ResponseOn<P> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Ok(self.read_part(into)?)
    }
}

impl<P: Platform> fmt::Debug for ResponseOn<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().fmt(f)
    }
}

/// A connection that no longer carries HTTP. A receive timeout may be set on its socket.
pub type Switched = httpool_kit::Switched<Stream>;
