//! Tests the defaults of urllib3, each in one place: those of the constructors, of `urlopen`, of
//! `Retry` and of `Timeout`.

use std::time::Duration;

use httpool_blocking::{
    Method, Retry, Scheme, Timeout,
    httpool::{call::Redirect, error::ErrorKind},
    urllib3::{
        self, ConnectionPool, HttpConnectionPool, HttpsConnectionPool, PoolManager, PoolOptions,
        PoolStats, ProxyManager, ProxyOptions, RequestMethods, ResponseOptions,
    },
};

use super::{kind, pool_for, redirect, text};
use crate::support::{Peer, Server, ok};

#[test]
fn a_retry_has_the_defaults_of_urllib3() {
    let Retry {
        total,
        connect,
        read,
        redirect,
        status,
        other,
        count_redirects,
        methods,
        statuses,
        backoff,
        backoff_max,
        backoff_jitter,
        respect_retry_after,
        retry_after_max,
        raise_on_status,
        ..
    } = Retry::urllib3();
    // `Retry.DEFAULT`, which pools and managers have. `Retry()` itself has a total of 10.
    assert_eq!(total, Some(3));
    assert_eq!([connect, read, redirect, status, other], [None; 5]);
    assert!(count_redirects && respect_retry_after && raise_on_status);
    let mut allowed = methods.unwrap();
    allowed.sort_by_key(ToString::to_string);
    let wanted = ["DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"];
    assert_eq!(allowed, wanted.map(|name| Method::new(name).unwrap()));
    assert!(statuses.is_empty());
    assert_eq!([backoff, backoff_jitter], [Duration::ZERO; 2]);
    assert_eq!([backoff_max.as_secs(), retry_after_max.as_secs()], [120, 21_600]);
    let Redirect { follow, max, raise, post_becomes_get, strip, downgrade, .. } =
        Redirect::urllib3();
    assert!(follow && raise && downgrade && !post_becomes_get);
    assert_eq!(max, None, "the total of the retries counts redirects too");
    assert_eq!(strip, ["cookie", "authorization", "proxy-authorization"]);
}

#[test]
fn a_timeout_has_the_defaults_of_urllib3() {
    let Timeout { queue, connect, write, first_byte, stall, total, .. } =
        Timeout::urllib3(None, None, None).unwrap();
    assert_eq!([queue, connect, write, first_byte, stall, total], [None; 6]);
}

#[test]
fn a_response_is_preloaded_decoded_and_whole_by_default() {
    let ResponseOptions { preload_content, decode_content, enforce_content_length, .. } =
        ResponseOptions::default();
    assert!(preload_content && decode_content && enforce_content_length);
}

#[test]
fn a_pool_keeps_one_connection_does_not_block_and_sends_its_user_agent_alone() {
    let pools: [&dyn ConnectionPool; 2] =
        [&HttpConnectionPool::new("a.test").unwrap(), &HttpsConnectionPool::new("a.test").unwrap()];
    assert_eq!(
        pools.map(|pool| (pool.scheme(), pool.port())),
        [(Scheme::Http, 80), (Scheme::Https, 443)]
    );
    assert!(pools.iter().all(|pool| pool.stats() == PoolStats::default()));

    let server = Server::replying(|request| ok(&request.head));
    let pool = pool_for(&server, PoolOptions::new());
    let host = format!("Host: 127.0.0.1:{}\r\n", server.port());
    let agent = concat!("User-Agent: httpool/", env!("CARGO_PKG_VERSION"), "\r\n");
    for (method, framing) in [
        ("GET", ""),
        ("DELETE", ""),
        ("TRACE", ""),
        ("OPTIONS", ""),
        ("PROPFIND", ""),
        ("POST", "Content-Length: 0\r\n"),
        ("PUT", "Content-Length: 0\r\n"),
        ("PATCH", "Content-Length: 0\r\n"),
    ] {
        let head = text(pool.urlopen(method, "/").send().unwrap());
        let rest = head.strip_prefix(&format!("{method} / HTTP/1.1\r\n")).unwrap();
        let mut lines: Vec<_> = rest.split_inclusive("\r\n").collect();
        lines.sort_unstable();
        let mut wanted = vec!["\r\n", &host, agent];
        wanted.extend((!framing.is_empty()).then_some(framing));
        wanted.sort_unstable();
        assert_eq!(lines, wanted, "{method}");
    }
}

#[test]
fn a_pool_opens_as_many_as_needed_and_keeps_one_and_a_manager_keeps_ten_hosts() {
    let much = Server::replying(|_| ok(vec![b'x'; 4 << 20]));
    let pool = pool_for(&much, PoolOptions::new());
    let get = || pool.urlopen("GET", "/").preload_content(false).send().unwrap();
    let mut held = [get(), get(), get()];
    assert_eq!(pool.stats().in_use, 3, "block is false");
    for response in &mut held {
        response.data().unwrap();
    }
    assert_eq!((pool.stats().in_use, pool.stats().idle), (0, 1), "maxsize is 1");

    let servers = [(); 11].map(|()| Server::answering("hello"));
    let http = PoolManager::new();
    for server in &servers {
        text(http.request("GET", &server.url("/")).send().unwrap());
    }
    assert_eq!(http.client().stats().idle, 10, "num_pools is 10");
}

#[test]
fn a_request_follows_redirects_on_its_host_and_retries_three_times_by_default() {
    let server = Server::replying(|request| match request.target() {
        "/on" => redirect(302, "/end"),
        "/off" => redirect(302, "http://other.test/"),
        _ => ok("end"),
    });
    let pool = pool_for(&server, PoolOptions::new());
    assert_eq!(text(pool.urlopen("GET", "/on").send().unwrap()), "end");
    assert_eq!(kind(pool.urlopen("GET", "/off").send()), ErrorKind::HostChanged);

    let dead = Server::start(|peer| drop(peer.request()));
    let http = PoolManager::new();
    for method in ["GET", "PUT", "DELETE"] {
        let error = http.request(method, &dead.url("/")).send().unwrap_err();
        assert_eq!((error.is_max_retry(), error.history().len()), (true, 3), "{method}");
    }
    for method in ["POST", "PATCH"] {
        let error = http.request(method, &dead.url("/")).send().unwrap_err();
        assert_eq!((error.is_max_retry(), error.history().len()), (false, 0), "{method}");
    }
}

#[test]
#[cfg_attr(httpool_std_only, ignore = "https needs TLS")]
fn a_proxy_manager_forwards_http_and_tunnels_https_by_default() {
    let proxy = Server::replying(|request| match request.method() {
        "CONNECT" => "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n".into(),
        _ => ok(request.target()),
    });
    let http = ProxyManager::with(&proxy.url(""), ProxyOptions::new()).unwrap();
    let got = text(http.request("GET", "http://a.test/").send().unwrap());
    assert_eq!(got, "http://a.test/");
    assert_eq!(kind(http.request("GET", "https://a.test/").send()), ErrorKind::Proxy);
    let ports = [("http://p", 80), ("https://p", 443), ("socks5h://p", 1080)];
    for (url, port) in ports {
        assert_eq!(ProxyManager::new(url).unwrap().proxy().proxy().port(), port, "{url}");
    }
}

#[test]
fn a_request_of_the_module_has_a_timeout_of_three_seconds_and_shares_one_manager() {
    let server = Server::answering("hello");
    for method in ["get", "GET"] {
        assert_eq!(text(urllib3::request(method, &server.url("/")).send().unwrap()), "hello");
    }
    assert_eq!(server.accepted(), 1);
    let streamed = urllib3::request("GET", &server.url("/")).preload_content(false);
    assert_eq!(streamed.send().unwrap().data().unwrap(), b"hello");
    // A timeout of its own replaces it.
    let silent = Server::start(Peer::until_closed);
    let call = urllib3::request("GET", &silent.url("/")).timeout(Duration::from_millis(20));
    assert_eq!(kind(call.retries(false).send()), ErrorKind::ReadTimeout);
}

#[test]
fn a_timeout_of_zero_fails_at_once_and_sends_nothing() {
    let server = Server::answering("hello");
    let pool = pool_for(&server, PoolOptions::new());
    let error = pool.urlopen("GET", "/").timeout(Duration::ZERO).send().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.kind(), ErrorKind::ConnectTimeout);
    let none = pool_for(&server, PoolOptions::new().timeout(Duration::ZERO));
    assert_eq!(kind(none.urlopen("GET", "/").send()), ErrorKind::ConnectTimeout);
    assert_eq!(server.requests(), 0);
}
