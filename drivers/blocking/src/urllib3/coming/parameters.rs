//! The parameters of urllib3 with their defaults, and what they are here.
//!
//! Where the column of the default has two values, the second one is ours, and [`differences`]
//! gives the reason.
//!
//! [`differences`]: super::differences
//!
//! # Pools
//!
//! Methods of [`PoolOptions`](crate::urllib3::PoolOptions), unless another place is named.
//!
//! | urllib3 | default | here |
//! |---|---|---|
//! | `host` | | the argument of `new` and `with`; empty, or not a host: `LocationValue`, `LocationParse` |
//! | `port` | `None` | the argument of `with`; `None` is that of the scheme, 0 is a port |
//! | `strict` | `False` | `strict`, ignored as in urllib3 1.26; 2.x has removed it |
//! | `timeout` | none | `timeout` for a number, `timeouts` for a `Timeout` |
//! | `maxsize` | 1 | `maxsize`; 0 keeps none |
//! | `block` | `False` | `block` |
//! | `headers` | none | `headers`; those of a request replace them |
//! | `retries` | `Retry(3)` | `retries` |
//! | `_proxy`, `_proxy_headers`, `_proxy_config` | none | `proxy` |
//! | `source_address` | none | `source_address`, without its port |
//! | `socket_options` | `TCP_NODELAY` | [`socket_options`](crate::ClientBuilder::socket_options), given with `engine` |
//! | `blocksize` | 16384 | none: buffers grow up to a bound |
//! | `num_pools` | 10 | the argument of [`PoolManager::with`](crate::urllib3::PoolManager::with), [`ProxyOptions::num_pools`](crate::urllib3::ProxyOptions::num_pools) |
//!
//! # TLS
//!
//! Methods of [`TlsOptions`](crate::TlsOptions), given with
//! [`PoolOptions::tls`](crate::urllib3::PoolOptions::tls).
//!
//! | urllib3 | default | here |
//! |---|---|---|
//! | `key_file`, `cert_file` | none | `key_file`, `cert_file`; `key_data`, `cert_data` |
//! | `key_password` | none | `key_password` |
//! | `cert_reqs` | `CERT_REQUIRED` | verified, unless `danger_accept_invalid_certificates` |
//! | `ca_certs`, `ca_cert_dir`, `ca_cert_data` | those of the system | the same names; `platform_roots_too` adds those of the system |
//! | `assert_hostname` | the host | `assert_hostname`; for `False`: `danger_accept_any_hostname` |
//! | `assert_fingerprint` | none | `assert_fingerprint`, SHA-1 or SHA-256 |
//! | `server_hostname` | the host | `server_hostname` |
//! | `ssl_minimum_version`, `ssl_maximum_version` | TLS 1.2, none | `min_version`, `max_version` |
//! | `ssl_version` | none | both of them |
//! | `ssl_context` | none | `rustls_0_23` |
//!
//! # Proxies
//!
//! Methods of [`ProxyOptions`](crate::urllib3::ProxyOptions).
//!
//! | urllib3 | default | here |
//! |---|---|---|
//! | `proxy_url` | | the argument of [`ProxyManager::new`](crate::urllib3::ProxyManager::new) |
//! | `proxy_headers` | none | `proxy_headers` |
//! | `proxy_ssl_context` | none | `proxy_ssl_context` |
//! | `proxy_assert_hostname`, `proxy_assert_fingerprint` | none | the same names |
//! | `use_forwarding_for_https` | `False` | `use_forwarding_for_https` |
//! | `username`, `password` of `SOCKSProxyManager` | none | in the URL |
//!
//! # `urlopen` and `request`
//!
//! Methods of [`Urlopen`](crate::urllib3::Urlopen).
//!
//! | urllib3 | default | here |
//! |---|---|---|
//! | `method` | | the first argument; `request` makes it upper-case, `urlopen` does not |
//! | `url` | | the second argument; a target is sent byte for byte |
//! | `body` | none | `body`: bytes, text, a file, a [`Body`](crate::Body) |
//! | `fields` | none | `fields`; `form` with files |
//! | `json` | none | `json` (feature `json`) |
//! | `headers` | those of the pool | `headers` |
//! | `encode_multipart` | `True` | `encode_multipart` |
//! | `multipart_boundary` | random | `multipart_boundary` |
//! | `retries` | those of the pool | `retries`: a [`Retry`](crate::Retry), a number, `false` |
//! | `redirect` | `True` | `redirect` |
//! | `assert_same_host` | `True` | `assert_same_host`; a manager ignores it |
//! | `timeout` | that of the pool; 3 for `urllib3.request` | `timeout`, `timeouts` |
//! | `pool_timeout` | none | `pool_timeout` |
//! | `release_conn` | `preload_content` | `release_conn`, ignored: see D7 and D8 |
//! | `chunked` | `False` | `chunked` |
//! | `body_pos` | where the reader stands | `body_pos` |
//! | `preload_content` | `True` | `preload_content` |
//! | `decode_content` | `True` | `decode_content` |
//! | `enforce_content_length` | `True` | `enforce_content_length` |
//!
//! # `Retry`
//!
//! Fields and setters of [`Retry`](crate::Retry).
//!
//! | urllib3 | default | here |
//! |---|---|---|
//! | `total` | 10; 3 for pools | `total`; for `False`: [`Retry::off`](crate::Retry::off) |
//! | `connect`, `read` | none | `connect`, `read`; for `False`: `connect_disabled`, `read_disabled` |
//! | `redirect` | none | `redirect`, if `count_redirects` is set |
//! | `status`, `other` | none | `status`, `other` |
//! | `allowed_methods` | DELETE, GET, HEAD, OPTIONS, PUT, TRACE | `methods`; for `None`: `any_method` |
//! | `status_forcelist` | none | `on_statuses` |
//! | `backoff_factor`, `backoff_max`, `backoff_jitter` | 0, 120, 0 | `backoff`, `backoff_max`, `backoff_jitter` |
//! | `raise_on_redirect` | `True` | [`Redirect::raise`](field@crate::Redirect::raise), given with `redirects` |
//! | `raise_on_status` | `True` | `raise_on_status` |
//! | `respect_retry_after_header`, `retry_after_max` | `True`, 21600 | `respect_retry_after`, `retry_after_max` |
//! | `remove_headers_on_redirect` | Cookie, Authorization, Proxy-Authorization | [`Redirect::strip`](field@crate::Redirect::strip), given with `redirects` |
//! | `history` | | the history of the response, and of the error |
//! | `RETRY_AFTER_STATUS_CODES` | 413, 429, 503 | the same |
//!
//! # `Timeout`
//!
//! | urllib3 | default | here |
//! |---|---|---|
//! | `total` | none | [`total`](field@crate::Timeout::total), for all attempts together |
//! | `connect` | none | [`connect`](field@crate::Timeout::connect), for look-up, TCP, proxies and TLS together |
//! | `read` | none | [`read`](crate::Timeout::read), for the head and each gap of the body |
//! | `pool_timeout` | none | [`queue`](field@crate::Timeout::queue) |
//!
//! # `make_headers`
//!
//! Methods of [`MakeHeaders`](crate::urllib3::MakeHeaders).
//!
//! | urllib3 | default | here |
//! |---|---|---|
//! | `keep_alive` | none | `keep_alive` |
//! | `accept_encoding` | none | `accept_encoding` for `True`, `accept_codings` for a list |
//! | `user_agent` | none | `user_agent` |
//! | `basic_auth`, `proxy_basic_auth` | none | the same names |
//! | `basic_auth_encoding`, `proxy_basic_auth_encoding` | Latin-1; UTF-8 | none |
//! | `disable_cache` | none | `disable_cache` |
