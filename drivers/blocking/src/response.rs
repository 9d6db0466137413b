//! Responses.

use std::{
    fmt,
    io::{self, Read},
    net::TcpStream,
};

use httpool::{
    call::{HistoryEntry, Next},
    id::ConnId,
    message::{BodyTaken, Fields, ResponseHead, Status, Url},
};

use crate::{
    Error,
    exchange::{Exchange, Progress, Sink},
    platform::{Platform, Socket, System},
};

/// A response: its head, and its body to be read.
///
/// When the body has been read to its end, the connection goes back to the pool. Dropped before
/// that, a response takes what has come of its body already and gives the connection back, or closes
/// it; it never waits.
///
/// A server may answer before it has the whole request. Where the response does not end the sending,
/// the request's body goes on to its end while the response is read, and its last read, the one that
/// finds the end, comes back when the body has left. If the rest cannot be sent, that read fails with
/// [`Cause::BodyUnsent`](httpool::error::Cause::BodyUnsent). Dropping the response before that stops the
/// body.
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
pub struct Response<P: Platform = System> {
    exchange: Exchange<P>,
}

impl<P: Platform> Response<P> {
    pub(crate) fn of(mut exchange: Exchange<P>) -> Result<Self, Error> {
        loop {
            match exchange.run(Sink::Nowhere)? {
                Progress::Head => break,
                // Neither can come before a head.
                Progress::Data(_) => {}
                Progress::End => break,
            }
        }
        exchange.settle();
        if exchange.only_sends() {
            // There is nothing to read, so that no reading would go on with the request's body.
            exchange.run(Sink::Nowhere)?;
        }
        exchange.pause(true);
        Ok(Self { exchange })
    }

    /// The status code.
    pub fn status(&self) -> Status {
        self.exchange.head().status()
    }

    /// The x of HTTP/1.x, as the server said it.
    pub fn minor_version(&self) -> u8 {
        self.exchange.head().minor_version()
    }

    /// The reason phrase, which may be empty, and means nothing (RFC 9112 4).
    pub fn reason(&self) -> &[u8] {
        self.exchange.head().reason()
    }

    /// The field lines, in order.
    pub fn fields(&self) -> Fields<'_> {
        self.exchange.head().fields()
    }

    /// The value of the first field called `name`, in whatever case, where it is UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.fields().get_str(name)
    }

    /// What Content-Length says; `None` where the length is not known beforehand.
    pub fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.split(',').next()?.trim().parse().ok()
    }

    /// Whose response it is: after redirects, the last one's URL. It has the fragment that was asked
    /// for, unless a redirect gave another (RFC 9110 10.2.2).
    pub fn url(&self) -> &Url {
        self.exchange.call.request().url()
    }

    /// The redirects and failed attempts before it, the first first.
    pub fn history(&self) -> &[HistoryEntry] {
        self.exchange.call.history()
    }

    /// 1xx responses that came before it, if [`Policy::show_interim`](httpool::call::Policy) is set.
    pub fn interim(&self) -> &[ResponseHead] {
        &self.exchange.interim
    }

    /// The trailer fields, once the body has been read to its end and if there were any
    /// (RFC 9110 6.5). They are not merged with the fields of the head.
    pub fn trailers(&self) -> Option<Fields<'_>> {
        self.exchange.trailers.as_ref().map(|trailers| trailers.fields())
    }

    /// The connection it came over; `None` is not possible for a response that came.
    pub fn connection(&self) -> Option<ConnId> {
        self.exchange.served.map(|served| served.conn)
    }

    /// Whether that connection had served another request before.
    pub fn reused(&self) -> bool {
        self.exchange.served.is_some_and(|served| served.reused)
    }

    /// How much of the request's body was taken, where the response ended the sending before the end
    /// of the body: by a status of 400 or more, or by `Connection: close`. `None` where the body was
    /// sent whole, and where there was none.
    pub fn body_taken(&self) -> Option<BodyTaken> {
        self.exchange.call.body_taken()
    }

    /// The whole body. Trailers are lost; [`read_to_end`](Read::read_to_end) keeps them.
    ///
    /// # Errors
    /// The body did not come whole, or is longer than
    /// [`body_bytes_max`](crate::ClientBuilder::body_bytes_max); or the rest of the request's body, which
    /// the response needed, could not be sent.
    pub fn bytes(mut self) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        self.collect(&mut body)?;
        Ok(body)
    }

    /// The whole body as text: UTF-8, with U+FFFD in place of what is not.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub fn text(self) -> Result<String, Error> {
        Ok(match String::from_utf8(self.bytes()?) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }

    /// After 101 (Switching Protocols), or a 2xx to CONNECT: the connection, which is no longer
    /// HTTP. `None` for any other response.
    pub fn into_switched(mut self) -> Option<Switched<<P::Socket as Socket>::Stream>> {
        let (socket, rest) = self.exchange.hand_over()?;
        Some(Switched { tcp: socket.into_stream().ok()?, rest })
    }

    fn collect(&mut self, body: &mut Vec<u8>) -> Result<(), Error> {
        let max = self.exchange.body_bytes_max();
        let too_large = |exchange: &Exchange<P>| {
            let request = exchange.call.request();
            Error::body_too_large(max, request.method(), request.url())
        };
        let has_body = self.exchange.call.next() != Next::Done;
        if has_body && self.content_length().is_some_and(|length| length > max) {
            return Err(too_large(&self.exchange));
        }
        self.exchange.pause(false);
        while let Progress::Data(_) = self.exchange.run(Sink::Vec(body))? {
            if body.len() as u64 > max {
                return Err(too_large(&self.exchange));
            }
        }
        Ok(())
    }
}

impl<P: Platform> Read for Response<P> {
    /// Reads from the body; framing is removed. Where the framing allows, the bytes go straight from
    /// the socket into `into`.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        // What is there already takes no time, and no deadline runs.
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

impl<P: Platform> fmt::Debug for Response<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({} {}, {:?})", self.status(), self.url(), self.fields())
    }
}

/// A connection that is no longer HTTP.
#[derive(Debug)]
#[non_exhaustive]
pub struct Switched<S = TcpStream> {
    /// The connection. A receive timeout may be set on it.
    pub tcp: S,
    /// What has been read from it already.
    pub rest: Vec<u8>,
}
