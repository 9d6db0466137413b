//! Tests `PoolManager`.

use std::time::Duration;

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

fn size(maxsize: usize, block: bool) -> PoolOptions {
    PoolOptions::new().maxsize(maxsize).block(block)
}

/// Answers with a body. That of `/half` does not end, and that of `/long` has
/// more bytes than come with the head.
fn half_or_whole() -> Server {
    Server::replying(|request| match request.target() {
        "/half" => "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf".into(),
        "/long" => ok("x".repeat(1 << 20)),
        _ => ok("hello"),
    })
}

#[test]
fn a_pool_of_another_size_has_connections_and_limits_of_its_own() {
    let server = half_or_whole();
    let http = PoolManager::new();
    let url = server.url("/");
    let own = http.connection_from_url_with(&url, &size(2, true)).unwrap();
    let hold = || own.urlopen("GET", "/half").preload_content(false).send().unwrap();
    let held = [hold(), hold()];
    let third = own.urlopen("GET", "/").pool_timeout(Duration::from_millis(1)).send();
    assert_eq!(kind(third), ErrorKind::EmptyPool);
    let pool = http.connection_from_url(&url).unwrap();
    assert_eq!((own.stats().in_use, pool.stats().num_connections), (2, 0));
    visit(&http, &[&server, &server]);
    assert_eq!((own.stats().num_requests, pool.stats().num_requests), (2, 2));
    assert_eq!((server.accepted(), pool.stats().num_connections), (3, 1));
    drop(held);
    assert_eq!(text(own.urlopen("GET", "/").send().unwrap()), "hello");
    assert_eq!((own.stats().idle, pool.stats().idle), (1, 1));

    let again = http.connection_from_host_with("127.0.0.1", server.port(), "http", &size(2, true));
    assert_eq!(again.unwrap().stats(), own.stats(), "equal options share");
    let same = http.connection_from_url_with(&url, &size(1, false)).unwrap();
    assert_eq!(same.stats(), pool.stats(), "the options of the manager are its pool");
    let other = http.connection_from_url_with(&url, &size(2, false)).unwrap();
    assert_eq!(other.stats().num_connections, 0);
}

#[test]
fn what_pool_kwargs_leave_out_is_the_managers() {
    let server = half_or_whole();
    let http = PoolManager::with(10, size(2, true));
    let with =
        |options: &PoolOptions| http.connection_from_url_with(&server.url("/"), options).unwrap();
    let (one, unbounded) = (PoolOptions::new().maxsize(1), PoolOptions::new().block(false));
    for (pool, open, kept) in [(with(&one), 1, 1), (with(&unbounded), 4, 2)] {
        let held: Vec<_> = (0..open)
            .map(|_| pool.urlopen("GET", "/half").preload_content(false).send().unwrap())
            .collect();
        let call = pool.urlopen("GET", "/").pool_timeout(Duration::from_millis(1)).send();
        assert_eq!(call.is_ok(), open > 1, "{open}");
        drop(held);
        let read: Vec<_> = (0..open)
            .map(|_| pool.urlopen("GET", "/long").preload_content(false).send().unwrap())
            .collect();
        read.into_iter().for_each(|response| assert_eq!(text(response).len(), 1 << 20));
        assert_eq!(pool.stats().idle, kept);
    }
}

#[test]
fn pools_of_one_host_count_for_num_pools_and_are_cleared_and_closed_by_themselves() {
    let server = Server::answering("hello");
    let http = PoolManager::with(2, PoolOptions::new());
    let with = |n| http.connection_from_url_with(&server.url("/"), &size(n, true)).unwrap();
    let (two, three) = (with(2), with(3));
    let default = http.connection_from_url(&server.url("/")).unwrap();
    let idle = || [&default, &two, &three].map(|pool| pool.stats().idle);
    visit(&http, &[&server]);
    text(two.urlopen("GET", "/").send().unwrap());
    assert_eq!(idle(), [1, 1, 0]);
    text(three.urlopen("GET", "/").send().unwrap());
    assert_eq!(idle(), [0, 1, 1], "the manager's own was used the longest ago");
    two.close();
    assert_eq!(idle(), [0, 0, 1]);
    assert_eq!(kind(two.urlopen("GET", "/").send()), ErrorKind::ClosedPool);
    assert_eq!(text(with(2).urlopen("GET", "/").send().unwrap()), "hello");
    visit(&http, &[&server]);
    http.clear();
    assert_eq!(idle(), [0, 0, 0]);
    assert_eq!(text(three.urlopen("GET", "/").send().unwrap()), "hello");
    assert_eq!(http.client().stats().open, 1);
}
