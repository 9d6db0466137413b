//! Tests that each of urllib3's exceptions is reached, by a pool.

use std::{net::TcpListener, time::Duration};

use httpool_blocking::{
    Client, Resolve,
    httpool::error::ErrorKind as K,
    urllib3::{HttpConnectionPool, PoolManager, PoolOptions, RequestMethods},
};

use super::{kind, pool_for};
use crate::support::{Peer, Server};

/// Returns the kind of the error of a GET that the server answers with `bytes`, and closes.
fn after(bytes: &'static str) -> K {
    let server = Server::start(move |peer| {
        peer.request();
        peer.send(bytes);
    });
    kind(pool_for(&server, PoolOptions::new().retries(false)).urlopen("GET", "/").send())
}

#[test]
fn what_the_server_does_wrong_has_the_kind_of_its_exception() {
    assert_eq!(after(""), K::Protocol);
    assert_eq!(after("nonsense\r\n\r\n"), K::Protocol);
    assert_eq!(after("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), K::IncompleteRead);
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n";
    assert_eq!(after(chunked), K::InvalidChunkLength);
    assert_eq!(after("HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n"), K::InvalidHeader);
    let gzip = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone";
    assert_eq!(after(gzip), K::Decode);
}

#[test]
fn what_keeps_a_connection_from_being_opened_has_the_kind_of_its_exception() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let pool = HttpConnectionPool::with("127.0.0.1", port, PoolOptions::new()).unwrap();
    let error = pool.urlopen("POST", "/").body("x").send().unwrap_err();
    assert_eq!((error.kind(), error.is_max_retry()), (K::NewConnection, true));
    assert_eq!(error.history().len(), 3, "nothing was sent, so any method is retried");

    struct Nobody;
    impl Resolve for Nobody {
        fn resolve(&self, _: &str, _: u16) -> std::io::Result<Vec<std::net::SocketAddr>> {
            Ok(Vec::new())
        }
    }
    let engine = Client::builder().resolver(std::sync::Arc::new(Nobody));
    let options = PoolOptions::new().engine(engine).retries(false);
    let pool = HttpConnectionPool::with("nobody.test", None, options).unwrap();
    assert_eq!(kind(pool.urlopen("GET", "/").send()), K::NameResolution);
    let error = pool.urlopen("GET", "/").retries(5).send().unwrap_err();
    assert_eq!((error.kind(), error.is_max_retry()), (K::NameResolution, true));
    assert_eq!(error.history().len(), 5);
}

#[test]
fn a_source_address_of_another_computer_is_a_failure_to_connect() {
    let server = Server::answering("hello");
    // An address for documentation (RFC 5737).
    let options = PoolOptions::new().source_address([192, 0, 2, 1].into()).retries(false);
    assert_eq!(kind(pool_for(&server, options).urlopen("GET", "/").send()), K::NewConnection);
}

#[test]
#[cfg_attr(httpool_std_only, ignore = "https needs TLS")]
fn a_proxy_that_never_opens_the_tunnel_is_a_timeout_of_the_proxy() {
    let proxy = Server::start(Peer::until_closed);
    let http = httpool_blocking::urllib3::ProxyManager::new(&proxy.url("")).unwrap();
    let call = http.request("GET", "https://a.test/").timeout(Duration::from_millis(30));
    assert_eq!(kind(call.retries(false).send()), K::Proxy);
}

#[test]
fn plain_text_where_tls_was_expected_is_an_ssl_error() {
    let server = Server::start(|peer| {
        peer.answer("no TLS");
        peer.until_closed();
    });
    let url = format!("https://127.0.0.1:{}/", server.port());
    let error = PoolManager::new().request("GET", &url).send().unwrap_err();
    assert_eq!(error.kind(), K::Ssl, "{error}");
}

#[test]
fn a_preloaded_body_that_ends_early_is_retried_and_a_streamed_one_is_not() {
    let server = Server::start(|peer| {
        peer.request();
        let rest = if peer.number % 2 == 0 { "" } else { "hello" };
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{rest}"));
    });
    let pool = pool_for(&server, PoolOptions::new());
    assert_eq!(super::text(pool.urlopen("GET", "/").send().unwrap()), "hello");
    assert_eq!(server.requests(), 2);
    let mut streamed = pool.urlopen("GET", "/").preload_content(false).send().unwrap();
    assert_eq!(streamed.data().unwrap_err().kind(), K::IncompleteRead);
    assert_eq!(server.requests(), 3);
    let short = pool.urlopen("POST", "/").enforce_content_length(false);
    assert_eq!(super::text(short.send().unwrap()), "hello");
}
