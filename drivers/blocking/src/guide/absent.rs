//! The things that are not here, and what to use instead.
//!
//! | not here | instead |
//! |---|---|
//! | HTTP/2, HTTP/3 | `reqwest` or `hyper`, or `curl` by its crate. The server is asked for HTTP/1.1 alone |
//! | `async` and `await` | `httpool-mio` on a loop of its own, or the core in your runtime: `examples/tokio.rs` of the repository |
//! | cookies | keep the `Set-Cookie` fields of [`headers`](crate::Response::headers) in a jar such as the crate `cookie_store`, and send `Cookie` by [`header`](crate::RequestBuilder::header) |
//! | a cache | the crate `http-cache-semantics` decides what may be used again |
//! | digest and NTLM authentication | make the value of `Authorization` with a crate such as `digest_auth` |
//! | WebSocket messages | [`Switched`](crate::Switched) is the socket after a 101; a crate such as `tungstenite` speaks over it |
//! | compressed request bodies | compress with a crate such as `flate2` in a reader, and set Content-Encoding |
//! | the proxies of a PAC file or of the desktop | the environment ([`proxies_from_env`](crate::ClientBuilder::proxies_from_env)), or a URL |
//! | `http+unix` URLs | [`unix_socket`](crate::ClientBuilder::unix_socket): a URL, or a redirect, never chooses a socket |
//! | pipelining | a connection for each call at a time, as every browser does |
