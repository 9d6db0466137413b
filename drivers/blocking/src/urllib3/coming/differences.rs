//! The deliberate differences from urllib3, each with its reason.
//!
//! # Defects that are not copied
//!
//! These were found by probing urllib3 2.7. No test of urllib3 finds most of them.
//!
//! | | urllib3 | here | reason |
//! |---|---|---|---|
//! | D1 | A 103, and any 1xx but 100, is the response. The next request gets the real one. | A 1xx is not the response; [`interim`](crate::urllib3::HttpResponse::interim) has it. | RFC 9110 15.2; no response may reach another request |
//! | D2 | A manager sends the body of a file empty after a redirect that keeps the method. | The body is set back to where it began. | RFC 9110 15.4; nothing is sent that nobody asked for |
//! | D3 | A body that can be read once is sent empty at the second attempt. | The call fails with `UnrewindableBody`. | the same |
//! | D4 | A 303 after a body is a `ValueError`, or a GET that is chunked. | A GET without body and framing. | RFC 9110 15.4.4 |
//! | D5 | Waiting threads starve. | Connections are granted in the order of asking. | fairness |
//! | D6 | `close` leaves waiting threads in line for ever. | They fail with `ClosedPool`. | nothing hangs |
//! | D7 | A response that is dropped or closed unread keeps its place. | Its place is free at once. | nothing leaks |
//! | D8 | A connection that is released with its body unread is lent again. | The rest is taken if it has come; otherwise the connection is closed. | no response may reach another request |
//! | D9 | `stream` of a chunked gzip body is not decoded, that of one with a length is. | Both are. | the framing is no matter of the content |
//! | D10 | `geturl` is a path, or nothing after a retry. | The absolute URL that answered. | it is what is asked for |
//! | D11 | `total` begins anew with each attempt, address and read, and leaves out look-up, proxy and the wait in line. | It bounds the whole call. | a deadline that passes unnoticed is none |
//! | D12 | A write that stalls is a `ProtocolError` after the connect timeout. | `WriteTimeout`, after its own. | it is a timeout |
//! | D13 | A response is read only after the whole upload. | A response is read while the body is sent. | RFC 9112 9.3 |
//! | D14 | A gzip, deflate or br body that is cut short is accepted. | It is a `Decode` error. | a body is whole or an error |
//! | D15 | The fields behind a malformed line are lost. | Such a head is an `InvalidHeader` error. | Content-Length may be among them |
//! | D16 | `1_0`, `+2`, two ways of framing, folded values, NUL and an empty method pass. | They are refused, in requests and responses. | RFC 9112 5.2 and 6.3: request smuggling |
//! | D17 | A certificate that is not trusted, and a 407, are retried three times. | They are not. | another attempt cannot succeed |
//! | D18 | The body before a redirect or a retry is read without bound. | No more than [`drain_bytes_max`](field@crate::Policy::drain_bytes_max) and [`drain_time_max`](field@crate::Policy::drain_time_max). | nothing hangs |
//! | D19 | A malformed Retry-After raises `InvalidHeader`; that of a redirect is obeyed against the setting, or ignored by a manager. | A malformed one counts as missing; the setting decides for pools and managers. | a server may not fail a call so |
//! | D20 | A manager forgets the spent retries at each redirect. | One budget for the whole call. | a bound holds |
//! | D21 | HTTP/2 spins at the end of the connection. | HTTP/1.1 alone is spoken, and asked for by ALPN. | |
//! | D22 | Lines of chunks and trailers have no bound. | They have: [`MessageLimits`](crate::MessageLimits). | bounded memory |
//!
//! # Other differences
//!
//! The numbers are those of the rows in the tables of `tests/urllib3`, which name the tests.
//!
//! ## Pools and managers
//!
//! | urllib3 | here, and why | rows |
//! |---|---|---|
//! | `maxsize=0` keeps every connection, and blocks for ever with `block`. | It keeps none; with `block` one connection is opened. A limit of zero is no absence of a limit. | |
//! | `FullPoolError` if a connection too many comes back. | Cannot happen: the pool counts the connections that are in use, and nobody can return one that it did not lend. | CP15 |
//! | Timeout, retries, headers and `blocksize` change the key of a pool. | Connections are separated by what changes the peer or the trust, and by `maxsize` and `block`. Timeouts, retries and headers are of a request. | PM06 |
//! | A connection that is opened again after the server closed it is not counted in `num_connections`. | Each that is opened counts. | |
//! | A manager returns the same pool object. | Each call gives a handle; all handles for one key share connections and statistics. | PM01 |
//! | A pool that made room for another closes with its last holder. | Its idle connections are closed at once, and it stays usable. | PM33 |
//! | `socket_options` of one pool. | They are those of the client, for all its pools. Another manager has others. | PM23 |
//! | `blocksize`, 16384. | Buffers grow with what is read and written, up to a bound. | PM29 |
//! | `assert_same_host=False` sends to the host of the pool. | It sends to the host of the URL: nobody else is to see the request. | |
//! | `release_conn` | Ignored: a connection comes back when its response has ended, or is released or dropped (D7, D8). | |
//! | A log. | A trace has one line for each decision, with its time. | CPS10 |
//!
//! ## Requests
//!
//! | urllib3 | here, and why | rows |
//! |---|---|---|
//! | `SKIP_HEADER` leaves a default field out. | No marker in a value: [`no_default_headers`](crate::ClientBuilder::no_default_headers) leaves out User-Agent and Accept, and `decode(false)` Accept-Encoding. Host is always sent (RFC 9110 7.2). | CU25, CT15, CPS61, CPS62 |
//! | `Accept-Encoding: identity` by default. | No field: it means the same for every server that obeys RFC 9110 12.5.3. | |
//! | `User-Agent: python-urllib3/2.x` | `User-Agent: httpool/` and the version. | |
//! | Body and fields, or body and JSON, are a `TypeError` at once. | An `InvalidRequest` error of `send`. In the plain client the last body counts. | CPS16, PMS37 |
//! | CR, LF and spaces in a target are percent-encoded. | They are refused, with the place of the byte: an encoded line end is never meant. | CPS48 |
//! | `[` and `]` in a query are encoded, and escapes made upper-case. | The plain client follows the URL standard; a target of a pool is sent as given. | PMS26 |
//! | A pool and a manager keep dot segments. | A pool does; in a URL they are removed (RFC 3986 5.2.4). | CPS58 |
//! | A second query is joined by `?`. | It is joined by `&`. | |
//! | A 303 to HEAD is followed with GET. | It stays HEAD (RFC 9110 15.4.4): nobody asked for the body. | |
//! | A connection is kept although the request has `Connection: close`. | It is closed behind the response (RFC 9112 9.6). | |
//! | An unknown method without a body has `Content-Length: 0`. | POST, PUT and PATCH have it (RFC 9110 8.6). | |
//! | Credentials of `make_headers` are Latin-1. | UTF-8 (RFC 7617 2.1). | |
//! | Host has no final dot. | It is the authority of the URL (RFC 9110 7.2). The name for TLS has no dot. | SL56 |
//! | Fields may be combined into one line. | Each that is added is a line of its own. | SL58 |
//! | The headers of a request replace those of the pool, in all ways of asking. | The same with these names; the plain client adds its defaults. | PMS18 |
//! | `Retry()` has a total of 10. | `Retry::default` retries nothing; [`Retry::urllib3`](crate::Retry::urllib3) is the 3 of pools. A second request needs a reason. | RT06 |
//! | A Retry-After such as `+1` is `InvalidHeader`. | It counts as missing (D19). | RT26 |
//! | `status_forcelist` takes text that never matches, and counters may be negative. | A status is a number, and a counter is never negative. | RT17, RT19 |
//!
//! ## Responses
//!
//! | urllib3 | here, and why | rows |
//! |---|---|---|
//! | `data` is `None` without a body. | It is empty. | RS14, RS15 |
//! | `read(-1)`, `read(None)` | `read_all` takes no length. | RS21 |
//! | `read(cache_content=True)` keeps the body. | Only `data` does; `read_all` hands it over without a second copy. | RS12 |
//! | A piece of `stream(n)` has `n` bytes; `stream(None)` is one piece. | A piece is what has come, at most `n` bytes and 64 KiB: nobody waits for bytes without need. `read_bytes` fills each. | RS73, RS75, RS77, SL66, SL67 |
//! | Iteration keeps the line ends. | `lines` leaves them away, as in all of Rust; `read_line` keeps them. | CPS36 |
//! | `decode_content` may change between reads. | It is chosen with the request: one stream has one meaning. | RS70, RS71, RS72 |
//! | A closed response reads as empty. | Reading one that was closed before its end is an error, so that nobody takes it for whole. | CPS53 |
//! | `shutdown` without a connection is an error. | There is no handle then. | RS18, CPS56 |
//! | `geturl` is the target. | The absolute URL of the last request (D10). | RS108, RS110 |
//! | `retries` has the counters that are left. | The response has the history. | RS107, CPS76 |
//! | An entry of the history has the target of its redirect. | It is the absolute URL of the next entry, or of the response. | RT22, CPS77 |
//! | `response.connection`, and its pool. | The connection is the core's; the response has its number, its session and the URL. | CN06, PMS07 |
//! | Bytes behind the last gzip member are ignored. | They are an error: a proxy that joins or cuts bodies is found. | RS33, RS34 |
//! | A Content-Length that is no number gives `None`. | It is an error: where the body ends is not known (RFC 9112 6.3). | RS87 |
//! | Content-Length beside chunked gives `None`. | It is an error (D16). | RS88 |
//! | The end behind the last chunk is accepted. | It is an error: trailers may be missing (RFC 9112 7.1). | RS102 |
//! | A 204 with a body is a `ProtocolError`. | A 204 has no body: the bytes end the connection, and not the call. | RS114 |
//! | A malformed field line is logged. | Such a head is refused (D15). | SL59, SL60, SL61 |
//! | False warnings about `text/plain` and `message/rfc822`. | No field's value changes how a head is parsed. | SL62, SL63, SL72 |
//! | A body of 2 GiB is preloaded. | A body in memory has a bound of 256 MiB by default; a longer one is streamed. | SL49 |
//!
//! ## Errors
//!
//! | urllib3 | here, and why | rows |
//! |---|---|---|
//! | A message begins with the pool, or with "Max retries exceeded". | It begins with the method and the URL, and says what failed. | CP18, CP19, RT21 |
//! | A timeout of zero is a `ValueError`. | [`Timeout::urllib3`](crate::Timeout::urllib3) refuses it; a duration of zero given to `timeout` fails the call at once. | |
//! | A certificate that is not trusted is a `MaxRetryError`. | It is not retried (D17), and the error is `Ssl`. | CP20 |
//! | A forward proxy that closes is a `ProxyError`. | It is a lost connection: the origin behind it may be the cause. | SL31 |
//! | A handshake that is too slow is a `ReadTimeoutError`. | `ConnectTimeout`: nothing was sent that could be read. | |
//! | A proxy that is silent after CONNECT is a `ReadTimeoutError`. | It passes the deadline for connecting. | PXS29 |
//!
//! ## Proxies and sockets
//!
//! | urllib3 | here, and why | rows |
//! |---|---|---|
//! | TCP_NODELAY is off for proxies. | It is on: a request is written in as few writes as it needs. | PXS12 |
//! | Port 0 of a proxy is kept. | It is refused: nothing listens there. | PX03 |
//! | The user name and password of a proxy's URL are ignored. | They are sent to the proxy. | |
//! | `ssl_context` is used for a proxy that has none. | There is no fallback: a proxy has a configuration of its own. | PXS34, PXS36, PXS37 |
//!
//! ## TLS
//!
//! | urllib3 | here, and why | rows |
//! |---|---|---|
//! | A missing or empty certificate is a `ValueError`. | The handshake fails before a name is compared. | CU01, CU02 |
//! | `*` alone, or within an `xn--` label, matches. | A wildcard stands for one whole label of a name below a domain (RFC 9525 6.3). | CU06, CU07, CU08 |
//! | A flag lets the common name count. | It never counts (RFC 9525 2). | CU12, TLS58, PXS49 |
//! | The brackets of `[localhost]` stay. | Such a host is refused before anything is dialled. | CU16 |
//! | MD5 fingerprints. | They are refused: MD5 is broken. | TLS22, PXS41, PXS42 |
//! | `ssl_context` together with `ca_certs`. | A configuration of rustls has its own authorities. | TLS10 |
//! | `InsecureRequestWarning` | No warning: the method has `danger` in its name, and the session says that it is not verified. | TLS17 |
//! | `SSLKEYLOGFILE` is obeyed. | The variable alone is not: [`danger_log_keys`](crate::TlsOptions::danger_log_keys) is. | TLS43 |
//! | HTTP/2 is probed. | HTTP/1.1 is asked for alone. | TLS46, TLS47, TLS48, TLS49, TLS50 |
//! | The flags of verification are those of Python. | The rules are those of webpki. | TLS53 |
