//! Tests the keywords of `HTTPConnectionPool`, and its statistics.

use std::{
    net::Shutdown,
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

use httpool_blocking::{
    Retry, Scheme, Timeout,
    httpool::error::ErrorKind,
    urllib3::{
        ConnectionPool, HttpConnectionPool, HttpsConnectionPool, PoolOptions, RequestMethods,
        connection_from_url,
    },
};

use super::{kind, pool_for, text};
use crate::support::{Peer, Server, ok, until};

/// Answers with the head, and the body when the test has asked for another request.
fn half() -> Server {
    Server::replying(|_| "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf".into())
}

#[test]
fn host_and_port_are_normalised_and_an_empty_or_broken_host_is_refused() {
    let pool = HttpConnectionPool::new("ExAmple.COM").unwrap();
    assert_eq!((pool.scheme(), pool.host(), pool.port()), (Scheme::Http, "example.com", 80));
    assert_eq!(pool.to_string(), "HTTPConnectionPool(host='example.com', port=80)");
    let pool = HttpsConnectionPool::with("::1", 0, PoolOptions::new()).unwrap();
    assert_eq!((pool.host(), pool.port()), ("[::1]", 0));
    assert_eq!(pool.to_string(), "HTTPSConnectionPool(host='[::1]', port=0)");
    let bad =
        ["", "a/b", "a?b", "a#b", "u@a", "a\\b", "[::1", "a b", "a\nb", "[::1]\n", "a%zz", "a%"];
    for bad in bad {
        let error = HttpConnectionPool::new(bad).unwrap_err();
        let wanted = [ErrorKind::LocationValue, ErrorKind::LocationParse];
        assert!(wanted.contains(&error.kind()), "{bad}: {error}");
    }
}

#[test]
fn a_pool_from_a_url_has_its_scheme_host_and_port() {
    let pool = connection_from_url("https://a:81/x", PoolOptions::new()).unwrap();
    assert_eq!((pool.scheme(), pool.host(), pool.port()), (Scheme::Https, "a", 81));
    let error = HttpConnectionPool::from_url("https://a/", PoolOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UrlSchemeUnknown);
    for (url, wanted) in [
        ("ftp://a/", ErrorKind::UrlSchemeUnknown),
        ("http:///x", ErrorKind::LocationValue),
        ("http://a:x/", ErrorKind::LocationParse),
    ] {
        assert_eq!(connection_from_url(url, PoolOptions::new()).unwrap_err().kind(), wanted);
    }
}

#[test]
fn is_same_host_compares_scheme_host_and_port() {
    let pool = HttpConnectionPool::with("a.test", 80, PoolOptions::new()).unwrap();
    for same in ["/", "/x", "//b/", "http://a.test", "HTTP://A.test:80/x"] {
        assert!(pool.is_same_host(same), "{same}");
    }
    for other in ["https://a.test", "http://a.test:81/", "http://b.test/", "ftp://a.test/", "x"] {
        assert!(!pool.is_same_host(other), "{other}");
    }
}

#[test]
fn one_connection_is_kept_by_default_and_used_again() {
    let server = Server::answering("hello");
    let pool = pool_for(&server, PoolOptions::new());
    for _ in 0..3 {
        assert_eq!(text(pool.urlopen("GET", "/").send().unwrap()), "hello");
    }
    let stats = pool.stats();
    assert_eq!((stats.num_connections, stats.num_requests), (1, 3));
    assert_eq!((stats.idle, stats.in_use, stats.waiting, stats.opening), (1, 0, 0, 0));
}

/// Answers with more than a socket holds, so that a response keeps its connection until it is read.
fn much() -> Server {
    Server::replying(|_| ok(vec![b'x'; 4 << 20]))
}

#[test]
fn without_block_surplus_connections_are_opened_and_closed_when_they_come_back() {
    let server = much();
    for (maxsize, kept) in [(0, 0), (1, 1), (2, 2), (9, 3)] {
        let pool = pool_for(&server, PoolOptions::new().maxsize(maxsize));
        let get = || pool.urlopen("GET", "/").preload_content(false).send().unwrap();
        let held = [get(), get(), get()];
        assert_eq!((pool.stats().in_use, pool.stats().num_connections), (3, 3));
        for mut response in held {
            assert_eq!(response.data().unwrap().len(), 4 << 20);
        }
        assert_eq!((pool.stats().in_use, pool.stats().idle), (0, kept), "{maxsize}");
    }
}

#[test]
fn with_block_a_call_waits_for_pool_timeout_and_fails_with_an_empty_pool() {
    let server = half();
    let pool = pool_for(&server, PoolOptions::new().block(true));
    let held = pool.urlopen("GET", "/").preload_content(false).send().unwrap();
    assert_eq!(pool.stats().in_use, 1);
    let get = || pool.urlopen("GET", "/").pool_timeout(Duration::from_millis(1)).send();
    let error = get().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EmptyPool);
    assert!(error.history().is_empty(), "it is not retried");
    drop(held);
    let other = pool.urlopen("GET", "/").preload_content(false).send().unwrap();
    assert_eq!(other.status(), 200);
}

#[test]
fn with_block_a_waiting_call_gets_the_connection_that_comes_back() {
    let server = much();
    let pool = pool_for(&server, PoolOptions::new().block(true));
    let mut first = pool.urlopen("GET", "/").preload_content(false).send().unwrap();
    thread::scope(|scope| {
        let second = scope.spawn(|| pool.urlopen("GET", "/").send().unwrap());
        until(|| pool.stats().waiting == 1);
        assert_eq!(first.data().unwrap().len(), 4 << 20);
        second.join().unwrap();
    });
    assert_eq!(pool.stats().num_connections, 1);
}

#[test]
fn the_headers_of_a_request_replace_those_of_the_pool() {
    let server = Server::replying(|request| ok(request.head.clone()));
    let pool = pool_for(&server, PoolOptions::new().headers([("X-Pool", "1"), ("X-Both", "1")]));
    let head = text(pool.urlopen("GET", "/").send().unwrap());
    assert!(head.contains("X-Pool: 1\r\n") && head.contains("X-Both: 1\r\n"), "{head}");
    assert!(head.contains("User-Agent: httpool/"), "{head}");
    assert!(!head.contains("Accept"), "no coding and no type is asked for: {head}");
    let head = text(pool.urlopen("GET", "/").headers([("X-Both", "2")]).send().unwrap());
    assert!(!head.contains("X-Pool") && head.contains("X-Both: 2\r\n"), "{head}");
    assert_eq!(head.matches("X-Both").count(), 1);
    let head = text(pool.urlopen("GET", "/").headers([("user-agent", "me")]).send().unwrap());
    assert!(head.contains("user-agent: me\r\n") && !head.contains("httpool"), "{head}");
}

#[test]
fn the_method_is_sent_as_it_is_given_and_request_makes_it_upper_case() {
    let server = Server::replying(|request| ok(request.head.clone()));
    let pool = pool_for(&server, PoolOptions::new());
    let head = text(pool.urlopen("get", "/").send().unwrap());
    assert!(head.starts_with("get / HTTP/1.1\r\n"), "{head}");
    let head = text(pool.request("get", "/").send().unwrap());
    assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
    for bad in ["", "G ET", "G\r\nX"] {
        assert_eq!(kind(pool.urlopen(bad, "/").send()), ErrorKind::InvalidRequest);
    }
    assert_eq!(server.requests(), 2);
}

#[test]
fn three_retries_are_the_default_and_a_number_or_false_replaces_them() {
    let server = Server::start(|peer| drop(peer.request()));
    let pool = pool_for(&server, PoolOptions::new());
    let error = pool.urlopen("GET", "/").send().unwrap_err();
    assert!(error.is_max_retry());
    assert_eq!((error.kind(), error.history().len()), (ErrorKind::Protocol, 3));
    assert!(error.to_string().starts_with(&format!("GET {}: ", server.url("/"))), "{error}");
    assert_eq!(pool.stats().num_requests, 4);
    let error = pool.urlopen("GET", "/").retries(1).send().unwrap_err();
    assert_eq!((error.is_max_retry(), error.history().len()), (true, 1));
    let error = pool.urlopen("GET", "/").retries(0).send().unwrap_err();
    assert_eq!((error.is_max_retry(), error.history().len()), (true, 0));
    let error = pool.urlopen("GET", "/").retries(false).send().unwrap_err();
    assert_eq!((error.is_max_retry(), error.history().len()), (false, 0));
    let error = pool.urlopen("GET", "/").retries(true).send().unwrap_err();
    assert_eq!(error.history().len(), 1);
    let before = server.requests();
    assert_eq!(kind(pool.urlopen("POST", "/").body("x").send()), ErrorKind::Protocol);
    assert_eq!(server.requests(), before + 1, "a POST that was sent is not sent again");
    let pool = pool_for(&server, PoolOptions::new().retries(Retry::new(2)));
    assert_eq!(pool.urlopen("GET", "/").send().unwrap_err().history().len(), 2);
}

#[test]
fn a_silent_server_is_a_read_timeout() {
    let server = Server::start(Peer::until_closed);
    let options = PoolOptions::new().timeout(Duration::from_millis(20)).retries(false);
    assert_eq!(kind(pool_for(&server, options).urlopen("GET", "/").send()), ErrorKind::ReadTimeout);
    let pool = pool_for(&server, PoolOptions::new().retries(0));
    let short = Duration::from_millis(20);
    let calls = [
        pool.urlopen("GET", "/").timeout(short),
        pool.urlopen("GET", "/").timeouts(Timeout::default().read(short)),
        pool.urlopen("GET", "/").timeouts(Timeout::default().total(short)),
    ];
    for call in calls {
        assert_eq!(kind(call.send()), ErrorKind::ReadTimeout);
    }
}

#[test]
fn a_preloaded_body_that_stalls_is_a_read_timeout_of_its_attempt() {
    let server = half();
    let pool = pool_for(&server, PoolOptions::new().timeout(Duration::from_millis(20)));
    let error = pool.urlopen("GET", "/").retries(1).send().unwrap_err();
    assert_eq!((error.kind(), error.is_max_retry()), (ErrorKind::ReadTimeout, true));
    assert_eq!((error.history().len(), server.requests()), (1, 2));
    assert_eq!(pool.stats().in_use, 0);
    let streamed = pool.urlopen("GET", "/").preload_content(false);
    let error = streamed.send().unwrap().data().unwrap_err();
    assert_eq!((error.kind(), server.requests()), (ErrorKind::ReadTimeout, 3));
}

#[test]
fn a_server_that_takes_no_body_is_a_write_timeout() {
    let (stop, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let server = Server::start(move |peer| {
        peer.head();
        wait.lock().unwrap().recv().ok();
    });
    let pool = pool_for(&server, PoolOptions::new().timeout(Duration::from_millis(50)));
    let call = pool.urlopen("POST", "/").body(vec![0; 64 << 20]);
    assert_eq!(kind(call.send()), ErrorKind::WriteTimeout);
    drop(stop);
}

#[test]
#[cfg_attr(httpool_std_only, ignore = "std cannot choose a local address")]
fn source_address_is_the_local_address_of_the_connection() {
    let server = Server::start(|peer| {
        let from = peer.tcp.peer_addr().unwrap().ip().to_string();
        while peer.request().is_some() {
            peer.answer(&from);
        }
    });
    let options = PoolOptions::new().source_address([127, 0, 0, 7].into());
    assert_eq!(text(pool_for(&server, options).urlopen("GET", "/").send().unwrap()), "127.0.0.7");
}

#[test]
fn a_streamed_response_holds_its_connection_until_it_is_read_or_dropped() {
    let server = half();
    for release_conn in [true, false] {
        let pool = pool_for(&server, PoolOptions::new().strict(true));
        let call = pool.urlopen("GET", "/").preload_content(false).release_conn(release_conn);
        let held = call.send().unwrap();
        assert_eq!((pool.stats().in_use, pool.stats().idle), (1, 0));
        drop(held);
        assert_eq!((pool.stats().in_use, pool.stats().idle), (0, 0), "it had not ended");
    }
    let whole = Server::answering("hello");
    let pool = pool_for(&whole, PoolOptions::new());
    let read = pool.urlopen("GET", "/").release_conn(false).send().unwrap();
    assert_eq!(pool.stats().idle, 1, "preloaded, it is back");
    drop(read);
}

#[test]
fn a_dead_idle_connection_is_not_counted_as_a_request() {
    let server = Server::start(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        peer.tcp.shutdown(Shutdown::Both).unwrap();
        peer.count();
    });
    let pool = pool_for(&server, PoolOptions::new());
    for number in 1..=3 {
        pool.urlopen("GET", "/").send().unwrap();
        until(|| server.requests() == 2 * number);
    }
    let stats = pool.stats();
    assert_eq!((stats.num_connections, stats.num_requests), (3, 3));
}
