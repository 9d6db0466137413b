//! Tests `ProxyManager`.

use std::{io, net::SocketAddr, sync::Arc};

use httpool_blocking::{
    Client, Resolve, Retry,
    httpool::error::ErrorKind,
    urllib3::{
        InvalidProxyManager, PoolOptions, ProxyManager, ProxyOptions, RequestMethods,
        proxy_from_url,
    },
};

use super::{kind, text};
use crate::support::{Server, ok};

#[test]
fn http_urls_are_forwarded_with_the_headers_of_the_proxy() {
    let proxy = Server::replying(|request| ok(request.head.clone()));
    let options = ProxyOptions::new().proxy_headers([("X-Proxy", "1"), ("X-Both", "proxy")]);
    let http = proxy_from_url(&proxy.url(""), options).unwrap();
    let head = text(http.request("GET", "http://a.test:81/x").send().unwrap());
    assert!(head.starts_with("GET http://a.test:81/x HTTP/1.1\r\nHost: a.test:81\r\n"), "{head}");
    assert!(head.contains("X-Proxy: 1\r\n") && head.contains("X-Both: proxy\r\n"), "{head}");
    let call = http.request("GET", "http://b.test/").headers([("X-Both", "own")]);
    let head = text(call.send().unwrap());
    assert!(head.contains("X-Both: proxy\r\n") && !head.contains("X-Both: own"), "{head}");
    assert_eq!(proxy.accepted(), 1, "both origins share the connection to the proxy");
    let pool = http.connection_from_host("c.test", None, "http").unwrap();
    assert_eq!(pool.stats().num_connections, 1);
    let pool = http.connection_from_url("https://a.test/").unwrap();
    assert_eq!(pool.stats().num_connections, 0, "each https host has its own");
    assert!(http.request("GET", "http://b.test/").send().unwrap().tls().is_none());
}

#[test]
#[cfg_attr(httpool_std_only, ignore = "https needs TLS")]
fn https_hosts_get_a_tunnel_and_by_choice_forwarded_requests() {
    let proxy = Server::start(|peer| {
        while let Some(head) = peer.head() {
            peer.count();
            if head.starts_with("CONNECT") {
                return peer.send("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n");
            }
            peer.answer(&head);
        }
    });
    let http = ProxyManager::new(&proxy.url("")).unwrap();
    let error = http.request("POST", "https://a.test/").body("x").send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Proxy);
    assert_eq!(proxy.requests(), 1, "a refused tunnel is not asked for again");
    let options = ProxyOptions::new().use_forwarding_for_https(true);
    let http = ProxyManager::with(&proxy.url(""), options).unwrap();
    let head = text(http.request("GET", "https://a.test/x").send().unwrap());
    assert!(head.starts_with("GET https://a.test/x HTTP/1.1\r\nHost: a.test\r\n"), "{head}");
}

#[test]
fn a_407_of_a_forwarding_proxy_is_the_response() {
    let proxy = Server::replying(|_| "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n".into());
    let http = ProxyManager::new(&proxy.url("")).unwrap();
    assert_eq!(http.request("GET", "http://a.test/").send().unwrap().status(), 407);
    assert_eq!(proxy.requests(), 1);
}

#[test]
#[cfg_attr(httpool_std_only, ignore = "https needs TLS")]
fn a_proxy_that_cannot_be_reached_is_a_proxy_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let http = ProxyManager::new(&url).unwrap();
    let get = |url| http.request("GET", url).retries(Retry::new(9).connect(2));
    for url in ["http://a.test/", "https://a.test/"] {
        let error = get(url).send().unwrap_err();
        assert_eq!((error.kind(), error.is_max_retry()), (ErrorKind::Proxy, true), "{error}");
        assert_eq!(error.history().len(), 2, "it counts for connect");
        assert_eq!(error.as_failure().unwrap().kind(), ErrorKind::NewConnection);
    }
    let off = get("http://a.test/").retries(Retry::new(9).connect_disabled(true));
    let error = off.send().unwrap_err();
    assert_eq!((error.kind(), error.is_max_retry()), (ErrorKind::Proxy, false), "{error}");
}

#[test]
#[cfg_attr(httpool_std_only, ignore = "https needs TLS")]
fn a_proxy_without_an_address_is_a_proxy_error_of_name_resolution() {
    struct Nobody;
    impl Resolve for Nobody {
        fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
            Ok(Vec::new())
        }
    }
    for proxy in ["http://proxy.test", "https://proxy.test"] {
        for url in ["http://a.test/", "https://a.test/"] {
            let engine = Client::builder().resolver(Arc::new(Nobody));
            let options = ProxyOptions::new().pool(PoolOptions::new().engine(engine));
            let http = ProxyManager::with(proxy, options).unwrap();
            let error = http.request("GET", url).retries(false).send().unwrap_err();
            let of_failure = error.as_failure().unwrap().kind();
            assert_eq!((error.kind(), of_failure), (ErrorKind::Proxy, ErrorKind::NameResolution));
        }
    }
}

#[test]
fn a_forwarding_proxy_that_closes_at_once_is_asked_again_and_is_a_lost_connection() {
    let start = || {
        Server::start(|peer| {
            while peer.number > 0 && peer.request().is_some() {
                peer.answer("forwarded");
            }
            peer.head();
        })
    };
    let proxy = start();
    let http = ProxyManager::new(&proxy.url("")).unwrap();
    let again = http.request("GET", "http://a.test/").retries(1).send().unwrap();
    assert_eq!(text(again), "forwarded");
    // The connection was open: proxy or origin may have failed.
    let proxy = start();
    let http = ProxyManager::new(&proxy.url("")).unwrap();
    let once = http.request("GET", "http://a.test/").retries(false);
    assert_eq!(kind(once.send()), ErrorKind::Protocol);
}

#[test]
#[cfg_attr(httpool_std_only, ignore = "https needs TLS")]
fn a_socks_proxy_is_reached_from_the_source_address_and_hides_nothing_of_the_request() {
    let proxy = Server::start(|peer| {
        let from = peer.tcp.peer_addr().unwrap().ip();
        assert_eq!(peer.take(3).unwrap(), b"\x05\x01\x00");
        peer.send(b"\x05\x00");
        assert_eq!(peer.take(13).unwrap(), b"\x05\x01\x00\x03\x06a.test\x00\x50");
        peer.send(b"\x05\x00\x00\x01\0\0\0\0\0\0");
        while let Some(request) = peer.request() {
            peer.answer(&format!("{} {from}\n{}", request.target(), request.head));
        }
    });
    let pool = PoolOptions::new().source_address([127, 0, 0, 7].into());
    let url = format!("socks5h://127.0.0.1:{}", proxy.port());
    let options = ProxyOptions::new().pool(pool);
    let http = ProxyManager::with(&url, options).unwrap();
    for _ in 0..2 {
        let got = text(http.request("GET", "http://a.test/x").send().unwrap());
        assert!(got.starts_with("/x 127.0.0.7\nGET /x HTTP/1.1\r\nHost: a.test\r\n"), "{got}");
    }
    assert_eq!(proxy.accepted(), 1);
}

#[test]
fn what_is_no_proxy_is_refused() {
    let is_url = |url: &str| matches!(ProxyManager::new(url), Err(InvalidProxyManager::Url(_)));
    assert!(is_url("ftp://proxy") && is_url("http://"));
    for url in ["http://p", "https://p", "socks4://p", "socks4a://p", "socks5://p", "socks5h://p"] {
        ProxyManager::new(url).unwrap();
    }
    let options = ProxyOptions::new().proxy_headers([("Host", "x")]);
    let error = ProxyManager::with("http://p", options).unwrap_err();
    assert!(matches!(error, InvalidProxyManager::Field(_)), "{error}");
}
