//! The names and meanings of [urllib3](https://urllib3.readthedocs.io), the HTTP client of Python,
//! as views on the client of this crate. [`coming`] has every class, method, parameter, default and
//! exception, ten tasks side by side, and the differences.
//!
//! | urllib3 | here |
//! |---|---|
//! | `HTTPConnectionPool`, `HTTPSConnectionPool`, `connection_from_url` | [`HttpConnectionPool`], [`HttpsConnectionPool`], [`connection_from_url`]; the trait [`ConnectionPool`] |
//! | their keywords | [`PoolOptions`], [`Retries`] |
//! | `num_connections`, `num_requests` | [`PoolStats`] |
//! | `PoolManager` | [`PoolManager`] |
//! | `ProxyManager`, `SOCKSProxyManager`, `proxy_from_url` | [`ProxyManager`], [`ProxyOptions`], [`proxy_from_url`] |
//! | `request`, `request_encode_url`, `request_encode_body` | the trait [`RequestMethods`] |
//! | `urllib3.request` | [`request()`] |
//! | `urlopen` and its keywords | [`Urlopen`] |
//! | the exceptions | [`Error::kind`](crate::Error::kind), [`Error::is_max_retry`](crate::Error::is_max_retry) |
//! | `HTTPResponse` | [`HttpResponse`], with [`ResponseOptions`] |
//! | `ResponseNotChunked` | [`ResponseNotChunked`] |
//! | `make_headers` | [`make_headers()`] |

pub mod coming;
mod engine;
mod headers;
mod manager;
mod methods;
mod options;
mod pool;
mod proxy;
mod response;
mod urlopen;

pub use engine::PoolStats;
pub use headers::{MakeHeaders, make_headers};
pub use manager::PoolManager;
pub use methods::{RequestMethods, request};
pub use options::{PoolOptions, Retries};
pub use pool::{ConnectionPool, HttpConnectionPool, HttpsConnectionPool, connection_from_url};
pub use proxy::{InvalidProxyManager, ProxyManager, ProxyOptions, proxy_from_url};
pub use response::{HttpResponse, Pieces, ResponseNotChunked, ResponseOptions};
pub use urlopen::Urlopen;
