//! The exceptions and warnings of urllib3, and the [`ErrorKind`](crate::ErrorKind) of each.
//!
//! All failures are one type, [`Error`](crate::Error). [`kind`](crate::Error::kind) names the
//! exception that urllib3 raises. If the retries are used up, urllib3 wraps that in a
//! `MaxRetryError`; here [`is_max_retry`](crate::Error::is_max_retry) is true, the kind is that of
//! the reason, and [`history`](crate::Error::history) has the attempts before.
//!
//! ```no_run
//! use httpool_blocking::{ErrorKind, urllib3::{PoolManager, RequestMethods}};
//!
//! let http = PoolManager::new();
//! match http.request("GET", "http://example.com/").send() {
//!     Ok(response) => println!("{}", response.status()),
//!     Err(error) if error.is_max_retry() => println!("{} attempts", error.history().len() + 1),
//!     Err(error) if error.kind() == ErrorKind::ReadTimeout => println!("too slow"),
//!     Err(error) => println!("{error}"),
//! }
//! ```
//!
//! | urllib3 | here |
//! |---|---|
//! | `HTTPError` | [`Error`](crate::Error) |
//! | `PoolError`, `RequestError` | no type of their own: an error has the [`url`](crate::Error::url) of its request |
//! | `MaxRetryError` | [`is_max_retry`](crate::Error::is_max_retry); the kind `MaxRetry` if a redirect or a status was the reason |
//! | `MaxRetryError.reason` | the error itself |
//! | `ResponseError` | the kind `MaxRetry` |
//! | `HostChangedError` | `HostChanged` |
//! | `EmptyPoolError` | `EmptyPool` |
//! | `FullPoolError` | cannot happen: a pool takes back only the connections that it has lent, and counts them |
//! | `ClosedPoolError` | `ClosedPool` |
//! | `TimeoutError` | [`is_timeout`](crate::Error::is_timeout) |
//! | `ReadTimeoutError` | `ReadTimeout` |
//! | `ConnectTimeoutError` | `ConnectTimeout`; with its subclasses [`ErrorKind::is_connect`](crate::ErrorKind::is_connect) |
//! | `NewConnectionError` | `NewConnection` |
//! | `NameResolutionError` | `NameResolution` |
//! | `SSLError` | `Ssl`; the cause has the [`TlsKind`](httpool::error::TlsKind) |
//! | `ProxyError` | `Proxy`; [`proxy_response`](crate::Error::proxy_response) has the answer to CONNECT |
//! | `ProxyError.original_error` | the kind of [`as_failure`](crate::Error::as_failure) |
//! | `ProtocolError`, `ConnectionError` | `Protocol`; `WriteTimeout` for a write that stalls |
//! | `IncompleteRead` | `IncompleteRead`; [`incomplete`](crate::Error::incomplete) has `partial` and `expected` |
//! | `InvalidChunkLength` | `InvalidChunkLength` |
//! | `InvalidHeader` | `InvalidHeader` |
//! | `DecodeError` | `Decode`; [`as_decode_error`](crate::Error::as_decode_error) says where |
//! | `ResponseNotChunked` | [`ResponseNotChunked`](crate::urllib3::ResponseNotChunked) |
//! | `BodyNotHttplibCompatible` | cannot happen: every body is one of this crate |
//! | `UnrewindableBodyError` | `UnrewindableBody` |
//! | `TimeoutStateError` | cannot happen: a timeout has no clock |
//! | `LocationValueError` | `LocationValue` |
//! | `LocationParseError` | `LocationParse` |
//! | `URLSchemeUnknown` | `UrlSchemeUnknown` |
//! | `ProxySchemeUnknown` | [`InvalidProxyManager::Url`](crate::urllib3::InvalidProxyManager::Url) |
//! | `ProxySchemeUnsupported` | cannot happen: TLS within TLS always works |
//! | `HeaderParsingError` | `InvalidHeader`: a malformed head is refused |
//! | `ValueError`, `InvalidURL` of a request | `InvalidRequest` |
//! | `UnicodeDecodeError`, `JSONDecodeError` | `Json` |
//! | none | `BodyLength`, `Redirect`, `Denied`, `TooLong`, `Application`, `Cancelled`, `Status`, `Misuse`, `Io` |
//!
//! # Warnings
//!
//! No warning is printed. A setting that is dangerous has `danger` in its name.
//!
//! | urllib3 | here |
//! |---|---|
//! | `SecurityWarning`, `InsecureRequestWarning` | `danger_accept_invalid_certificates`; the session says whether it is verified |
//! | `InsecurePlatformWarning`, `NotOpenSSLWarning`, `DependencyWarning` | cannot happen: TLS is a part of the build |
//! | `SystemTimeWarning` | the error of a certificate that has expired or is not valid yet |
//! | `FutureWarning` | an error: a URL without a scheme is refused |
