//! Tests `PoolManager`.

use httpool_blocking::{
    httpool::error::ErrorKind,
    urllib3::{PoolManager, PoolOptions, RequestMethods},
};

use super::{kind, text};
use crate::support::{Server, ok};

/// Sends a request to each server, in order.
fn visit(http: &PoolManager, servers: &[&Server]) {
    for server in servers {
        assert_eq!(text(http.request("GET", &server.url("/")).send().unwrap()), "hello");
    }
}

#[test]
fn idle_connections_to_the_num_pools_hosts_used_last_are_kept() {
    let servers = [(); 3].map(|()| Server::answering("hello"));
    let [a, b, c] = [&servers[0], &servers[1], &servers[2]];
    let http = PoolManager::with(2, PoolOptions::new());
    let idle = |server: &Server| http.connection_from_url(&server.url("/")).unwrap().stats().idle;
    visit(&http, &[a, b, a, c]);
    assert_eq!([idle(a), idle(b), idle(c)], [1, 0, 1], "b was used the longest ago");
    visit(&http, &[a, b]);
    assert_eq!([idle(a), idle(b), idle(c)], [1, 1, 0]);
    assert_eq!(a.accepted(), 1);
    let none = PoolManager::with(0, PoolOptions::new());
    visit(&none, &[a, a]);
    assert_eq!(a.accepted(), 3, "with num_pools=0 no connection is used again");
    let ten = PoolManager::new();
    visit(&ten, &[a, b, c]);
    assert_eq!(ten.client().stats().idle, 3);
    // A pool whose connections made room for others is usable by its holder.
    let one = PoolManager::with(1, PoolOptions::new());
    let held = one.connection_from_url(&a.url("/")).unwrap();
    text(held.urlopen("GET", "/").send().unwrap());
    visit(&one, &[b]);
    assert_eq!(held.stats().idle, 0);
    assert_eq!(text(held.urlopen("GET", "/").send().unwrap()), "hello");
}

#[test]
fn urls_of_one_origin_have_one_pool_however_they_are_written() {
    let server = Server::answering("hello");
    let http = PoolManager::new();
    let (port, url) = (server.port(), server.url("/"));
    visit(&http, &[&server]);
    for same in [&url, &url.to_uppercase(), &format!("{url}x?y")] {
        let pool = http.connection_from_url(same).unwrap();
        assert_eq!(pool.stats().num_connections, 1, "{same}");
    }
    for (host, scheme) in [("127.0.0.1", "HTTP"), ("127.0.0.1", "http")] {
        let pool = http.connection_from_host(host, port, scheme).unwrap();
        assert_eq!(pool.stats().num_connections, 1);
    }
    for other in [format!("https://127.0.0.1:{port}/"), format!("http://127.0.0.2:{port}/")] {
        assert_eq!(http.connection_from_url(&other).unwrap().stats().num_connections, 0);
    }
    let hosts = ["http://A.test", "http://a.TEST:80/", "http://a.test./", "https://a.test"];
    let names = hosts.map(|url| {
        let pool = http.connection_from_url(url).unwrap();
        (pool.host().to_owned(), pool.port())
    });
    assert_eq!(names[0], names[1]);
    assert!(names[2] != names[0], "a final dot makes another host");
    assert_eq!(names[3].1, 443);
}

#[test]
fn a_manager_whose_client_is_closed_is_closed_for_good() {
    let server = Server::answering("hello");
    let http = PoolManager::new();
    visit(&http, &[&server]);
    http.clear();
    visit(&http, &[&server]);
    http.client().close();
    assert_eq!(http.client().stats().open, 0);
    assert_eq!(kind(http.request("GET", &server.url("/")).send()), ErrorKind::ClosedPool);
}

#[test]
#[cfg_attr(httpool_std_only, ignore = "std cannot choose a local address")]
fn pools_of_one_host_share_their_connections_with_the_manager() {
    let server = Server::answering("hello");
    let http = PoolManager::new();
    let one = http.connection_from_host("127.0.0.1", server.port(), "http").unwrap();
    let two = http.connection_from_url(&server.url("/other")).unwrap();
    text(one.urlopen("GET", "/").send().unwrap());
    text(two.urlopen("GET", "/").send().unwrap());
    visit(&http, &[&server]);
    assert_eq!(server.accepted(), 1);
    assert_eq!((one.stats(), one.stats().num_requests), (two.stats(), 3));
    let options = PoolOptions::new().headers([("X-Own", "1")]);
    let port = server.port();
    let other = http.connection_from_host_with("127.0.0.1", port, "HTTP", &options).unwrap();
    text(other.urlopen("GET", "/").send().unwrap());
    assert_eq!(server.accepted(), 1, "headers change neither the peer nor the trust");
    let local = PoolOptions::new().source_address([127, 0, 0, 7].into());
    let other = http.connection_from_host_with("127.0.0.1", port, "http", &local).unwrap();
    text(other.urlopen("GET", "/").send().unwrap());
    assert_eq!(server.accepted(), 2, "another local address is another peer");
}

#[test]
fn a_closed_pool_of_a_manager_fails_and_the_manager_goes_on() {
    let server = Server::answering("hello");
    let http = PoolManager::new();
    let pool = http.connection_from_url(&server.url("/")).unwrap();
    text(pool.urlopen("GET", "/").send().unwrap());
    pool.close();
    pool.close();
    assert_eq!(pool.stats().idle, 0);
    assert_eq!(kind(pool.urlopen("GET", "/").send()), ErrorKind::ClosedPool);
    visit(&http, &[&server]);
    let fresh = http.connection_from_url(&server.url("/")).unwrap();
    assert_eq!(text(fresh.urlopen("GET", "/").send().unwrap()), "hello");
    assert_eq!(server.accepted(), 2);
}

#[test]
fn clear_closes_idle_connections_and_those_in_use_when_they_come_back() {
    let server = Server::replying(|request| ok(vec![b'x'; request.target().len() * 100_000]));
    let http = PoolManager::new();
    text(http.request("GET", &server.url("/")).send().unwrap());
    let call = http.request("GET", &server.url("/much")).preload_content(false);
    let mut held = call.send().unwrap();
    http.clear();
    assert_eq!(held.data().unwrap().len(), 500_000, "it can be read to its end");
    assert_eq!(http.client().stats().open, 0);
    text(http.request("GET", &server.url("/")).send().unwrap());
    assert_eq!(server.accepted(), 2);
}

#[test]
fn a_manager_takes_absolute_http_urls_alone() {
    let http = PoolManager::new();
    for (url, wanted) in [
        ("/x", ErrorKind::UrlSchemeUnknown),
        ("a.test/x", ErrorKind::UrlSchemeUnknown),
        ("ftp://a.test/", ErrorKind::UrlSchemeUnknown),
        ("http:///x", ErrorKind::LocationValue),
        ("http://a b/", ErrorKind::LocationParse),
    ] {
        assert_eq!(kind(http.request("GET", url).send()), wanted, "{url}");
    }
    assert_eq!(
        http.connection_from_host("a", 1, "ftp").unwrap_err().kind(),
        ErrorKind::UrlSchemeUnknown
    );
    assert_eq!(
        http.connection_from_host("", None, "http").unwrap_err().kind(),
        ErrorKind::LocationValue
    );
    let pool = http.connection_from_host("A.test", None, "HTTPS").unwrap();
    assert_eq!((pool.host(), pool.port()), ("a.test", 443));
}

#[test]
fn the_headers_of_a_manager_are_for_requests_without_their_own() {
    let server = Server::replying(|request| ok(request.head.clone()));
    let http = PoolManager::with(1, PoolOptions::new().headers([("X-All", "1")]));
    let head = text(http.request("GET", &server.url("/")).send().unwrap());
    assert!(head.contains("X-All: 1\r\n"), "{head}");
    let pool = http.connection_from_url(&server.url("/")).unwrap();
    assert!(text(pool.urlopen("GET", "/").send().unwrap()).contains("X-All: 1\r\n"));
    let call = http.request("GET", &server.url("/")).headers([("X-Own", "1")]);
    assert!(!text(call.send().unwrap()).contains("X-All"));
}
