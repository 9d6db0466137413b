//! The classes, functions and methods of urllib3, and what they are here.
//!
//! # Module
//!
//! | urllib3 | here |
//! |---|---|
//! | `urllib3.request` | [`request()`](fn@crate::urllib3::request) |
//! | `connection_from_url` | [`connection_from_url`](crate::urllib3::connection_from_url) |
//! | `proxy_from_url` | [`proxy_from_url`](crate::urllib3::proxy_from_url) |
//! | `make_headers` | [`make_headers`](fn@crate::urllib3::make_headers) |
//! | `disable_warnings` | none: no warning is printed |
//! | `add_stderr_logger` | [`trace`](crate::ClientBuilder::trace) and [`recent_trace`](crate::ClientBuilder::recent_trace): one line for each decision |
//! | `encode_multipart_formdata`, `choose_boundary`, `RequestField` | [`Multipart`](crate::Multipart), [`Part`](crate::Part) |
//! | `parse_url`, `Url` | [`Url`](crate::Url), [`Origin`](crate::Origin) |
//! | `inject_into_urllib3` | none: [`TlsOptions`](crate::TlsOptions) chooses, and a [`Layer`](crate::layer::Layer) replaces TLS |
//!
//! # Pools
//!
//! | urllib3 | here |
//! |---|---|
//! | `HTTPConnectionPool` | [`HttpConnectionPool`](crate::urllib3::HttpConnectionPool) |
//! | `HTTPSConnectionPool` | [`HttpsConnectionPool`](crate::urllib3::HttpsConnectionPool) |
//! | `ConnectionPool` | the trait [`ConnectionPool`](crate::urllib3::ConnectionPool) |
//! | `scheme`, `host`, `port` | methods of the trait |
//! | `urlopen` | [`urlopen`](crate::urllib3::RequestMethods::urlopen), and the methods of [`Urlopen`](crate::urllib3::Urlopen) |
//! | `request` | [`request`](crate::urllib3::RequestMethods::request) |
//! | `request_encode_url` | [`request_encode_url`](crate::urllib3::RequestMethods::request_encode_url) |
//! | `request_encode_body` | [`request_encode_body`](crate::urllib3::RequestMethods::request_encode_body) |
//! | `is_same_host` | [`is_same_host`](crate::urllib3::ConnectionPool::is_same_host) |
//! | `close`, `with` | [`close`](crate::urllib3::ConnectionPool::close); dropping the last handle closes the idle connections |
//! | `num_connections`, `num_requests` | [`stats`](crate::urllib3::ConnectionPool::stats), which also has the idle ones, those in use and the waiting calls |
//! | `ConnectionCls` | a type of this crate; [`Layer`](crate::layer::Layer) and [`Resolve`](crate::Resolve) can be replaced |
//! | `ResponseCls` | [`HttpResponse`](crate::urllib3::HttpResponse); urllib3 2.x has removed it |
//! | `QueueCls` | the order of the idle connections: the one that came back last is used first |
//!
//! # Managers
//!
//! | urllib3 | here |
//! |---|---|
//! | `PoolManager` | [`PoolManager`](crate::urllib3::PoolManager) |
//! | `ProxyManager` | [`ProxyManager`](crate::urllib3::ProxyManager) |
//! | `SOCKSProxyManager` | [`ProxyManager`](crate::urllib3::ProxyManager) with `socks4`, `socks4a`, `socks5` or `socks5h` |
//! | `connection_from_host` | [`connection_from_host`](crate::urllib3::PoolManager::connection_from_host) |
//! | `connection_from_url` of a manager | [`connection_from_url`](crate::urllib3::PoolManager::connection_from_url) |
//! | `pool_kwargs` | [`connection_from_host_with`](crate::urllib3::PoolManager::connection_from_host_with), [`connection_from_url_with`](crate::urllib3::PoolManager::connection_from_url_with) |
//! | `connection_from_context`, `connection_from_pool_key` | none: the key is made from what changes the peer, the trust or the size of the pool |
//! | `key_fn_by_scheme`, `pool_classes_by_scheme` | none: a [`TlsId`](crate::TlsId), a proxy, a local address, `maxsize` or `block` makes another key |
//! | `clear`, `with` | [`clear`](crate::urllib3::PoolManager::clear); `client().close()` closes for good |
//! | `RecentlyUsedContainer` | within the pool: the hosts whose idle connections were used last are kept |
//!
//! # Response
//!
//! All are methods of [`HttpResponse`](crate::urllib3::HttpResponse).
//!
//! | urllib3 | here |
//! |---|---|
//! | `HTTPResponse`, `BaseHTTPResponse` | [`HttpResponse`](crate::urllib3::HttpResponse) |
//! | `status`, `reason`, `headers` | `status`, `reason`, `headers` |
//! | `version`, `version_string` | `version`, `version_string` |
//! | `data` | `data` |
//! | `read` | `read_all`, and `read_bytes` with a number |
//! | `read1` | `read1` |
//! | `readinto` | [`Read`](std::io::Read) |
//! | `stream` | `stream` |
//! | `read_chunked` | `read_chunked` |
//! | `supports_chunked_reads`, `chunked` | `chunked` |
//! | iteration | `lines` of [`BufRead`](std::io::BufRead) |
//! | `json` | `json` (feature `json`); `text` by the charset |
//! | `drain_conn` | `drain_conn` |
//! | `release_conn` | `release_conn` |
//! | `close`, `closed`, `isclosed` | `close`, `is_closed` |
//! | `shutdown` | `shutdown_handle`, from another thread |
//! | `geturl`, `url` | `geturl`, `url` |
//! | `get_redirect_location` | `get_redirect_location` |
//! | `retries`, `history` | `history` |
//! | `length_remaining`, `tell` | `length_remaining`, `tell` |
//! | `connection` | `connection`, the number of the connection; `tls`, its session |
//! | `getheader`, `getheaders`, `info` | `header`, `headers` |
//! | `fileno`, `readable`, `flush` | none: the driver owns the socket; `into_upgraded` hands it over after 101 |
//! | `auto_close` | none: reading goes on returning nothing at the end |
//! | none | `trailers`, `interim`, `timings`, `into_upgraded`, `error_for_status` |
//!
//! # Header fields
//!
//! | urllib3 | here |
//! |---|---|
//! | `HTTPHeaderDict` | [`Fields`](crate::Fields) of a response: any case, order and case kept, repeated fields by themselves |
//! | `HTTPHeaderDict.add` | pairs with the same name, each a line of its own |
//! | `getlist`, `itermerged`, `items` | [`Fields`](crate::Fields) iterates over all lines |
//! | `SKIP_HEADER` | [`no_default_headers`](crate::ClientBuilder::no_default_headers) |
//!
//! # Retries and timeouts
//!
//! | urllib3 | here |
//! |---|---|
//! | `Retry` | [`Retry`](crate::Retry) |
//! | `Retry.DEFAULT` | [`Retry::urllib3`](crate::Retry::urllib3) |
//! | `Retry.from_int` | `Retry::from`, and [`Retries`](crate::urllib3::Retries) for the keyword |
//! | `new`, `increment`, `is_retry`, `is_exhausted` | within the core: a `Retry` is never changed by a call |
//! | `get_backoff_time`, `parse_retry_after`, `get_retry_after`, `sleep`, `sleep_for_retry` | within the core: the call waits without holding a connection |
//! | `RequestHistory` | [`HistoryEntry`](crate::HistoryEntry) |
//! | `Timeout` | [`Timeout`](crate::Timeout), [`Timeout::urllib3`](crate::Timeout::urllib3) |
//! | `Timeout.DEFAULT_TIMEOUT` | without bound, as where Python has set none |
//! | `clone`, `start_connect`, `get_connect_duration`, `connect_timeout`, `read_timeout` | within the core: a `Timeout` has no clock; [`timings`](crate::ClientBuilder::timings) has the durations |
