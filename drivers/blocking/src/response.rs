//! The response to a request, with its body to be read.

use std::{
    fmt,
    io::{self, Read},
    net::TcpStream,
};

use httpool::message::BodyLeft;
use httpool_kit::{BodyLimit, Parts};

use crate::{
    Error,
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

    fn parts(&self) -> Parts<'_> {
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

    /// Reads the whole body and decodes it as UTF-8. Invalid sequences become U+FFFD.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub fn text(self) -> Result<String, Error> {
        self.bytes().map(httpool_kit::text)
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
}

impl<P: Platform> ResponseOn<P> {
    pub(crate) fn of(mut exchange: Exchange<P>) -> Result<Self, Error> {
        loop {
            match exchange.run(Sink::Nowhere)? {
                Progress::Head => break,
                // Neither `Data` nor `End` can come before a head.
                Progress::Data(_) => {}
                Progress::End => break,
            }
        }
        exchange.settle();
        if exchange.only_sends() {
            // The response has no body: no later read would send the rest of the request's body.
            exchange.run(Sink::Nowhere)?;
        }
        exchange.pause(true);
        let served = exchange.served.expect("a response has come over a connection");
        Ok(Self { exchange, served })
    }

    httpool_kit::response_methods!();

    fn parts(&self) -> Parts<'_> {
        let call = &self.exchange.call;
        Parts {
            received: self.exchange.received(),
            url: call.request().url(),
            history: call.history(),
            timings: call.timings(),
            body_taken: call.body_taken(),
            connection: self.served.conn,
            reused: self.served.reused,
            tls: self.exchange.session.as_deref(),
        }
    }

    /// Reads and returns the whole body, as [`Response::bytes`] does.
    ///
    /// # Errors
    /// As [`Response::bytes`].
    pub fn bytes(mut self) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
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
                Ok(Progress::Head | Progress::End) => return Ok(()),
                Err(error) => return Err(error.with_head(self.exchange.received().head())),
            }
        }
    }

    fn too_long(&mut self, limit: BodyLimit) -> Error {
        let error = self.exchange.unusable(limit.reason());
        error.with_head(self.exchange.received().head())
    }
}

impl<P: Platform> Read for ResponseOn<P> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        if self.exchange.decodes() {
            return Ok(self.exchange.read_decoded(into)?);
        }
        // Input that was already read takes no time, so no deadline has to run.
        if let Some(read) = self.exchange.take_body(Sink::Slice(into)) {
            self.exchange.settle();
            return Ok(read);
        }
        self.exchange.pause(false);
        let read = match self.exchange.run(Sink::Slice(into))? {
            Progress::Data(read) => read,
            Progress::Head | Progress::End => 0,
        };
        self.exchange.settle();
        self.exchange.pause(true);
        Ok(read)
    }
}

impl<P: Platform> fmt::Debug for ResponseOn<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().fmt(f)
    }
}

/// A connection that no longer carries HTTP. A receive timeout may be set on its socket.
pub type Switched = httpool_kit::Switched<TcpStream>;
