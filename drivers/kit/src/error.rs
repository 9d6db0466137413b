//! The error of a call, in any driver.

use std::{error, fmt, io};

use httpool::{
    call::{Call, HistoryEntry, Timings},
    content::DecodeError,
    dial::ProxyResponse,
    error::{
        BodyUnusable, Cause, DialError, ErrorKind, Failure, IoKind, Reached, RequestError,
        Unavailable, Unsent,
    },
    message::{BodyLeft, BodyTaken, Method, Origin, ResponseHead, Status, Url},
    trace::Recent,
};

use crate::{LayerError, NetFailure, Parts};

/// The reason why a request got no response, or an incomplete one: the failure, the party at fault,
/// whether it is safe to send the request again, and the request.
///
/// `Display` shows this in one line. A [`NetFailure`] is shown as it is. If the system's own error
/// caused the failure, it is the [`source`](error::Error::source), and the line does not repeat it. `Debug` shows the same line
/// with the sources below. A `main` that returns an error prints it with `Debug`. The failure of a
/// layer, such as TLS, is a source of the type [`LayerError`], also when the connection was cut
/// without notice.
///
/// Decide by [`reached`](Self::reached) whether to send the request again:
///
/// ```
/// # use std::{io::Read, net::TcpListener, thread};
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/orders", listener.local_addr()?);
/// # let server = thread::spawn(move || {
/// #     // Takes the request, and closes the connection. From then on, nothing listens.
/// #     let (mut tcp, _) = listener.accept().unwrap();
/// #     let (mut buf, mut read) = ([0; 4096], 0);
/// #     while !buf[..read].ends_with(b"an order") {
/// #         read += tcp.read(&mut buf[read..]).unwrap();
/// #     }
/// # });
/// use httpool_blocking::{Client, Error, Reached};
///
/// fn advice(error: &Error) -> &'static str {
///     match error.reached() {
///         Reached::Nothing => "not ordered: send it again",
///         Reached::Sent => "perhaps ordered: ask the server before you send it again",
///         Reached::Answered => "the server has begun its response, which did not come whole",
///     }
/// }
///
/// let client = Client::new();
/// // The server closes the connection when it has the request.
/// let error = client.post(&url).body("an order").send().unwrap_err();
/// assert_eq!(advice(&error), "perhaps ordered: ask the server before you send it again");
/// # server.join().unwrap();
///
/// // Now nothing listens there.
/// let error = client.post(&url).body("an order").send().unwrap_err();
/// assert_eq!(advice(&error), "not ordered: send it again");
/// assert!(error.is_connect());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    request: Option<(Method, Url)>,
    /// The target of a redirect that was not followed.
    redirect: Option<Box<str>>,
    source: Option<io::Error>,
    head: Option<ResponseHead>,
    proxy_response: Option<Box<ProxyResponse>>,
    trace: Option<Recent>,
    history: Vec<HistoryEntry>,
    /// No retry or no redirect is left.
    spent: bool,
    incomplete: Option<(u64, BodyLeft)>,
    /// The connection of the failed attempt goes to a proxy.
    proxied: bool,
    /// The proxy with which the TLS handshake failed.
    failed_proxy: Option<Origin>,
    timings: Option<Box<Timings>>,
}

enum Kind {
    Request(RequestError),
    Failure(Failure),
    /// There is no such call.
    Stale,
    /// Waiting for events failed. The system's error is the source.
    Poll,
    /// The status of the response is an error for the application.
    Status(Status),
    /// The body could not be made. Why is the source.
    Body,
    /// The body cannot begin where it should. Why is the source.
    Rewind,
    /// A value is no JSON, or a body is not the JSON that was expected. Why is the source.
    Json(Reached),
}

impl Error {
    /// Makes the error of a request that cannot be built.
    #[doc(hidden)]
    pub fn request(why: RequestError) -> Self {
        Self::new(Kind::Request(why), None, None)
    }

    /// Makes the error of a `call` that has failed, with its request and history. `source` returns
    /// the last system error that the driver got. It is called only if a system error can be the
    /// cause of such a failure.
    #[doc(hidden)]
    pub fn of_call(call: &Call, why: Failure, source: impl FnOnce() -> Option<io::Error>) -> Self {
        let source = if has_source(&why) { source() } else { None };
        let (method, url) = (call.request().method().clone(), call.request().url().clone());
        let mut error = Self::new(Kind::Failure(why), Some((method, url)), source);
        error.0.redirect = call.refused_redirect().map(Into::into);
        error.0.proxy_response = call.proxy_response().cloned().map(Box::new);
        error.0.trace = call.recent_trace().cloned();
        error.0.history = call.history().to_vec();
        error.0.spent = call.retries_spent();
        error.0.incomplete = call.incomplete();
        error.0.proxied = call.goes_to_proxy();
        error.0.failed_proxy = call.failed_proxy().cloned();
        error.0.timings = call.timings().cloned().map(Box::new);
        error
    }

    #[doc(hidden)]
    pub fn stale() -> Self {
        Self::new(Kind::Stale, None, None)
    }

    #[doc(hidden)]
    pub fn poll(source: io::Error) -> Self {
        Self::new(Kind::Poll, None, Some(source))
    }

    /// Makes the error of a request that was not sent because the system has no randomness for it.
    #[doc(hidden)]
    pub fn no_body(source: io::Error) -> Self {
        Self::new(Kind::Body, None, Some(source))
    }

    /// Makes the error of a request that was not sent because its body cannot begin at the position
    /// that was asked for.
    #[doc(hidden)]
    pub fn unrewindable(source: io::Error) -> Self {
        Self::new(Kind::Rewind, None, Some(source))
    }

    /// Makes the error of a response whose status is 400 or more.
    pub(crate) fn status(parts: &Parts<'_>) -> Self {
        let request = (parts.method.clone(), parts.url.clone());
        let kind = Kind::Status(parts.head().status());
        Self::new(kind, Some(request), None).with_head(Some(parts.head()))
    }

    /// Makes the error of a value that cannot be written as JSON, for a request that was not sent.
    /// With the parts of a response, of a body that is not the JSON that was expected.
    #[doc(hidden)]
    pub fn json(
        why: impl Into<Box<dyn error::Error + Send + Sync>>,
        response: Option<&Parts<'_>>,
    ) -> Self {
        let source = Some(io::Error::other(why));
        let Some(parts) = response else {
            return Self::new(Kind::Json(Reached::Nothing), None, source);
        };
        let request = (parts.method.clone(), parts.url.clone());
        let error = Self::new(Kind::Json(Reached::Answered), Some(request), source);
        error.with_head(Some(parts.head()))
    }

    fn new(kind: Kind, request: Option<(Method, Url)>, source: Option<io::Error>) -> Self {
        Self(Box::new(Inner {
            kind,
            request,
            redirect: None,
            source,
            head: None,
            proxy_response: None,
            trace: None,
            history: Vec::new(),
            spent: false,
            incomplete: None,
            proxied: false,
            failed_proxy: None,
            timings: None,
        }))
    }

    /// Adds the head of the response, if it was received.
    #[doc(hidden)]
    pub fn with_head(mut self, head: Option<&ResponseHead>) -> Self {
        self.0.head = head.cloned();
        self
    }

    /// Returns the last lines of the call's trace, if the driver was built with `recent_trace`: the
    /// inputs and decisions of the call before it failed.
    pub fn trace(&self) -> Option<&Recent> {
        self.0.trace.as_ref()
    }

    /// Returns the timeline of the call, if the driver was built with `timings`: its attempts and
    /// the times of their phases, up to the failure.
    pub fn timings(&self) -> Option<&Timings> {
        self.0.timings.as_deref()
    }

    /// Returns the description of the failure, without the request and how far it had got.
    pub fn what(&self) -> impl fmt::Display + '_ {
        What(&self.0)
    }

    /// Returns the core's failure. `None` if the request could not be built, or there was no such
    /// call.
    pub fn as_failure(&self) -> Option<&Failure> {
        match &self.0.kind {
            Kind::Failure(failure) => Some(failure),
            _ => None,
        }
    }

    /// Returns the reason why the request could not be built. Nothing was sent.
    pub fn as_request_error(&self) -> Option<RequestError> {
        match &self.0.kind {
            Kind::Request(why) => Some(*why),
            _ => None,
        }
    }

    /// Returns the kind of the error, by the names of urllib3's exceptions. If no retry is left, it
    /// is the kind of the last attempt's failure: see [`is_max_retry`](Self::is_max_retry).
    ///
    /// ```
    /// use httpool_blocking::ErrorKind;
    /// # fn example(error: &httpool_blocking::Error) {
    /// match error.kind() {
    ///     ErrorKind::ConnectTimeout | ErrorKind::ReadTimeout => println!("too slow"),
    ///     kind if kind.is_connect() => println!("cannot be reached"),
    ///     kind => println!("{kind}"),
    /// }
    /// # }
    /// ```
    pub fn kind(&self) -> ErrorKind {
        match &self.0.kind {
            Kind::Request(why) => why.kind(),
            Kind::Failure(failure) if self.0.proxied => failure.kind().or_proxy(),
            Kind::Failure(failure) => failure.kind(),
            Kind::Stale => ErrorKind::Misuse,
            Kind::Poll => ErrorKind::Io,
            Kind::Status(_) => ErrorKind::Status,
            Kind::Body => ErrorKind::Application,
            Kind::Rewind => ErrorKind::UnrewindableBody,
            Kind::Json(_) => ErrorKind::Json,
        }
    }

    /// Returns whether the call failed because the policy allows no more retries or redirects
    /// (urllib3: `MaxRetryError`). [`kind`](Self::kind) and [`as_failure`](Self::as_failure) are
    /// then the failure of the last attempt (urllib3: its `reason`), and
    /// [`history`](Self::history) has the attempts before it. With a policy that allows no retries
    /// at all, which is the default, each failure that could be retried is reported so.
    pub fn is_max_retry(&self) -> bool {
        self.0.spent
    }

    /// Returns the followed redirects and the failed attempts before the failure, the first one
    /// first. The attempt that failed last is not among them.
    pub fn history(&self) -> &[HistoryEntry] {
        &self.0.history
    }

    /// Returns the bytes of the response's body that came before the connection ended inside it,
    /// and those that were still to come (urllib3: `IncompleteRead.partial` and `expected`): see
    /// [`Call::incomplete`].
    pub fn incomplete(&self) -> Option<(u64, BodyLeft)> {
        self.0.incomplete
    }

    /// Returns how far the request had got, over all attempts, as far as that is known.
    pub fn reached(&self) -> Reached {
        match &self.0.kind {
            Kind::Failure(failure) => failure.reached,
            Kind::Request(_) => Reached::Nothing,
            Kind::Stale | Kind::Poll => Reached::Sent,
            Kind::Body | Kind::Rewind => Reached::Nothing,
            Kind::Status(_) => Reached::Answered,
            Kind::Json(reached) => *reached,
        }
    }

    /// Returns the target of the redirect that could not be followed, if that is the failure. It is
    /// text for people, cut to 256 bytes. [`url`](Self::url) is the URL that redirected there.
    pub fn redirect(&self) -> Option<&str> {
        self.0.redirect.as_deref()
    }

    /// Returns the URL of the request that failed. After a redirect that was followed, this is its
    /// target.
    pub fn url(&self) -> Option<&Url> {
        self.0.request.as_ref().map(|(_, url)| url)
    }

    /// Returns the head of the incomplete response, if the driver was collecting it.
    pub fn head(&self) -> Option<&ResponseHead> {
        self.0.head.as_ref()
    }

    /// Returns the response of an HTTP proxy that refused to open a tunnel: its status, its fields,
    /// such as `Proxy-Authenticate`, and the beginning of its body. A response of a proxy that
    /// forwards requests is a response like another, and no error.
    ///
    /// ```
    /// # use std::{io::{Read, Write}, net::TcpListener, thread};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// # let proxy = format!("http://{}", listener.local_addr()?);
    /// # let server = thread::spawn(move || {
    /// #     let (mut tcp, _) = listener.accept().unwrap();
    /// #     let (mut buf, mut read) = ([0; 4096], 0);
    /// #     while !buf[..read].ends_with(b"\r\n\r\n") {
    /// #         read += tcp.read(&mut buf[read..]).unwrap();
    /// #     }
    /// #     let head = "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 6";
    /// #     write!(tcp, "{head}\r\n\r\nlog in").unwrap();
    /// # });
    /// use httpool_blocking::Client;
    ///
    /// let client = Client::builder().proxy(&proxy)?.build();
    /// let error = client.get("https://example.com/").send().unwrap_err();
    /// # let tls = !error.to_string().contains("without TLS");
    /// # if !tls { return Ok(()) }
    /// let response = error.proxy_response().unwrap();
    /// assert_eq!(response.head().status(), 407);
    /// assert_eq!(response.body(), b"log in");
    /// # server.join().unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn proxy_response(&self) -> Option<&ProxyResponse> {
        self.0.proxy_response.as_deref()
    }

    /// Returns how much of the request's body was taken, if the server answered with success and
    /// the rest of the body could not be sent: [`Cause::BodyUnsent`], which also has the status.
    pub fn body_taken(&self) -> Option<BodyTaken> {
        match self.as_failure()?.cause {
            Cause::BodyUnsent(unsent) => Some(unsent.taken()),
            _ => None,
        }
    }

    /// Returns whether a deadline passed.
    pub fn is_timeout(&self) -> bool {
        match self.as_failure().map(|failure| failure.cause) {
            Some(
                Cause::Timeout(_)
                | Cause::Unavailable(Unavailable::Dial(DialError::Timeout(_)))
                | Cause::Unavailable(Unavailable::Dial(DialError::Connect(IoKind::TimedOut))),
            ) => true,
            Some(Cause::BodyUnsent(unsent)) => matches!(unsent.why(), Unsent::Timeout(_)),
            _ => false,
        }
    }

    /// Returns whether no connection could be opened.
    pub fn is_connect(&self) -> bool {
        matches!(
            self.as_failure().map(|failure| failure.cause),
            Some(Cause::Unavailable(Unavailable::Dial(_)))
        )
    }

    /// Returns whether the application cancelled the call.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.as_failure().map(|failure| failure.cause), Some(Cause::Cancelled))
    }

    /// Returns whether the response's body was longer than the driver's `body_bytes_max`.
    pub fn is_body_too_large(&self) -> bool {
        let cause = self.as_failure().map(|failure| failure.cause);
        matches!(cause, Some(Cause::BodyUnusable(BodyUnusable::TooLong { .. })))
    }

    /// Returns the status of the response, if it is the error: see `error_for_status` of a response.
    pub fn as_status(&self) -> Option<Status> {
        match self.0.kind {
            Kind::Status(status) => Some(status),
            _ => None,
        }
    }

    /// Returns whether a value could not be written as JSON, or the response's body is not JSON of
    /// the expected form. The source is the `serde_json::Error`, which says where.
    pub fn is_json(&self) -> bool {
        matches!(self.0.kind, Kind::Json(_))
    }

    /// Returns the reason why the response's body cannot be decoded, if that is the failure
    /// (urllib3: `DecodeError`).
    pub fn as_decode_error(&self) -> Option<&DecodeError> {
        match &self.as_failure()?.cause {
            Cause::BodyUnusable(BodyUnusable::Decode(why)) => Some(why),
            _ => None,
        }
    }
}

/// Returns whether a system error can be the cause of such a failure.
fn has_source(why: &Failure) -> bool {
    match why.cause {
        Cause::Lost(_) | Cause::Tls(_) | Cause::Body | Cause::Unavailable(Unavailable::Dial(_)) => {
            true
        }
        Cause::BodyUnsent(unsent) => matches!(unsent.why(), Unsent::Lost(_)),
        _ => false,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((method, url)) = &self.0.request {
            write!(f, "{method} {url}: ")?;
        }
        if let Some(failure) = self.net_failure() {
            return write!(f, "{failure}");
        }
        write!(f, "{}", self.what())?;
        match &self.0.kind {
            Kind::Failure(failure) => write!(f, " ({})", failure.circumstances()),
            _ => Ok(()),
        }
    }
}

impl Error {
    /// Returns the failure that a network of the program's own explains.
    fn net_failure(&self) -> Option<&NetFailure> {
        self.0.source.as_ref()?.get_ref()?.downcast_ref()
    }
}

struct What<'e>(&'e Inner);

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.kind, &self.0.redirect) {
            (Kind::Request(why), _) => write!(f, "the request cannot be sent: {why}"),
            (Kind::Failure(failure), Some(to)) => {
                write!(f, "the redirect to {to} cannot be followed: ")?;
                match failure.cause {
                    Cause::Redirect(why) => write!(f, "{why}"),
                    other => write!(f, "{other}"),
                }
            }
            (Kind::Failure(failure), None) => match (failure.cause, &self.0.source) {
                (NO_ADDRESS, Some(_)) => f.write_str("the host's name could not be looked up"),
                (cause, _) => match (cause, &self.0.failed_proxy) {
                    (
                        Cause::Unavailable(Unavailable::Dial(DialError::ProxyTls(why))),
                        Some(proxy),
                    ) => {
                        write!(f, "the TLS handshake with the proxy {proxy} failed: {why}")
                    }
                    _ => write!(f, "{cause}"),
                },
            },
            (Kind::Stale, _) => {
                f.write_str("there is no such call: it was cancelled, or its response was taken")
            }
            (Kind::Body, _) => {
                f.write_str("the request cannot be sent: its body could not be made")
            }
            (Kind::Rewind, _) => f.write_str(
                "the request cannot be sent: its body cannot begin at the position that was given",
            ),
            (Kind::Poll, _) => f.write_str("waiting for sockets failed"),
            (Kind::Status(status), _) => {
                let whose = if status.is_client_error() { "refused" } else { "failed to serve" };
                write!(f, "the server {whose} the request with the status {status}")
            }
            (Kind::Json(Reached::Nothing), _) => {
                f.write_str("the request cannot be sent: its value cannot be written as JSON")
            }
            (Kind::Json(_), _) => {
                f.write_str("the body of the response is not JSON of the expected form")
            }
        }
    }
}

const NO_ADDRESS: Cause = Cause::Unavailable(Unavailable::Dial(DialError::Name));

/// Shows the line of `Display`, and below it the sources.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut source = error::Error::source(self);
        while let Some(why) = source {
            write!(f, "\n  caused by: {why}")?;
            source = why.source();
        }
        Ok(())
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        // The line of `Display` has the whole text of such a failure.
        let source = self.0.source.as_ref().filter(|_| self.net_failure().is_none())?;
        if self.is_json() {
            return source.get_ref().map(|inner| inner as &(dyn error::Error + 'static));
        }
        let layer = source.get_ref().and_then(|inner| inner.downcast_ref::<LayerError>());
        Some(layer.map_or(source, |layer| layer as &(dyn error::Error + 'static)))
    }
}

/// Wraps the error. A downcast of the inner error returns it.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let lost = |why| match why {
            IoKind::Reset => io::ErrorKind::ConnectionReset,
            IoKind::Eof => io::ErrorKind::UnexpectedEof,
            _ => io::ErrorKind::Other,
        };
        let kind = match error.as_failure().map(|failure| failure.cause) {
            _ if error.is_timeout() => io::ErrorKind::TimedOut,
            Some(Cause::Lost(why)) => lost(why),
            Some(Cause::BodyUnsent(unsent)) => match unsent.why() {
                Unsent::Lost(why) => lost(why),
                _ => io::ErrorKind::Other,
            },
            Some(Cause::Violation(httpool::error::Violation::Truncated)) => {
                io::ErrorKind::UnexpectedEof
            }
            Some(Cause::Violation(_) | Cause::BodyUnusable(BodyUnusable::Decode(_))) => {
                io::ErrorKind::InvalidData
            }
            None if error.as_request_error().is_some() => io::ErrorKind::InvalidInput,
            None if error.is_json() => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// Returns the core's kind for a system error.
pub fn io_kind(error: &io::Error) -> IoKind {
    use io::ErrorKind as K;
    match error.kind() {
        K::ConnectionRefused => IoKind::Refused,
        K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe => IoKind::Reset,
        K::HostUnreachable | K::NetworkUnreachable | K::AddrNotAvailable | K::NetworkDown => {
            IoKind::Unreachable
        }
        K::UnexpectedEof => IoKind::Eof,
        K::TimedOut | K::WouldBlock => IoKind::TimedOut,
        K::OutOfMemory | K::QuotaExceeded => IoKind::Exhausted,
        // EMFILE and ENFILE have no kind of their own.
        _ if matches!(error.raw_os_error(), Some(23 | 24)) && cfg!(unix) => IoKind::Exhausted,
        _ => IoKind::Other,
    }
}
