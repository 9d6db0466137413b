//! Tests `ProxyManager`.

use httpool_blocking::{
    httpool::error::ErrorKind,
    urllib3::{InvalidProxyManager, ProxyManager, ProxyOptions, RequestMethods, proxy_from_url},
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
fn a_proxy_that_cannot_be_reached_is_a_proxy_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let http = ProxyManager::new(&url).unwrap();
    assert_eq!(kind(http.request("GET", "http://a.test/").send()), ErrorKind::Proxy);
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
