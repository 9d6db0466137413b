//! Tests edges of urllib3's keywords: values at the ends of their ranges, and what is sent then.

use std::sync::{Mutex, mpsc};

use httpool_blocking::{
    Body, Redirect, Retry,
    httpool::error::ErrorKind,
    urllib3::{ConnectionPool, HttpConnectionPool, PoolManager, PoolOptions, RequestMethods},
};

use super::{kind, pool_for, redirect, text};
use crate::support::{Received, Server, ok, until};

fn echo(request: &Received) -> Vec<u8> {
    ok([request.head.as_bytes(), &request.body].concat())
}

#[test]
fn a_host_is_normalised_as_in_a_url() {
    for (host, wanted) in [
        ("B\u{fc}cher.example", "xn--bcher-kva.example"),
        ("a%2Db.test", "a-b.test"),
        ("A.test.", "a.test."),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("0:0:0:0:0:0:0:1", "[::1]"),
    ] {
        assert_eq!(HttpConnectionPool::new(host).unwrap().host(), wanted, "{host}");
    }
    let zone = HttpConnectionPool::new("[fe80::1%25lo]").unwrap();
    assert!(zone.is_same_host("http://[fe80::1%25lo]/"));
    assert!(!zone.is_same_host("http://[fe80::1]/") && !zone.is_same_host("http://[fe80::1%25x]/"));
}

#[test]
fn a_blocking_pool_that_keeps_none_opens_one_connection_at_a_time() {
    let server = Server::answering("hello");
    let pool = pool_for(&server, PoolOptions::new().maxsize(0).block(true));
    for opened in 1..=3 {
        assert_eq!(text(pool.urlopen("GET", "/").send().unwrap()), "hello");
        assert_eq!((pool.stats().num_connections, pool.stats().idle), (opened, 0));
    }
}

#[test]
fn the_connection_that_came_back_last_is_used_first() {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let server = Server::start(move |peer| {
        while peer.request().is_some() {
            tell.lock().unwrap().send(peer.number).unwrap();
            // More than a socket holds, so that a response keeps its connection until it is read.
            peer.send(ok(vec![b'x'; 4 << 20]));
        }
    });
    let pool = pool_for(&server, PoolOptions::new().maxsize(3));
    let get = || pool.urlopen("GET", "/").preload_content(false).send().unwrap();
    let mut held = [get(), get(), get()];
    for _ in 0..3 {
        told.recv().unwrap();
    }
    for at in [2, 0, 1] {
        held[at].data().unwrap();
    }
    assert_eq!(pool.stats().idle, 3);
    for _ in 0..5 {
        text(pool.urlopen("GET", "/").send().unwrap());
        assert_eq!(told.recv().unwrap(), 1);
    }
}

#[test]
fn a_request_with_empty_headers_has_none_of_the_pool() {
    let server = Server::replying(echo);
    let pool = pool_for(&server, PoolOptions::new().headers([("X-Pool", "1")]));
    let call = pool.urlopen("GET", "/").headers([("", ""); 0]);
    assert!(!text(call.send().unwrap()).contains("X-Pool"));
    let twice = [("x-a", "1"), ("X-B", "2"), ("X-A", "3")];
    let head = text(pool.urlopen("GET", "/").headers(twice).send().unwrap());
    assert!(head.contains("x-a: 1\r\nX-B: 2\r\nX-A: 3\r\n"), "order and case are kept: {head}");
    for (name, value) in [("a b", "x"), ("a", "x\r\nb: y"), ("a", "x\0"), ("", "x"), ("a:", "x")] {
        let call = pool.urlopen("GET", "/").headers([(name, value)]);
        assert_eq!(kind(call.send()), ErrorKind::InvalidRequest, "{name:?} {value:?}");
    }
    assert_eq!((server.requests(), pool.stats().in_use), (2, 0));
}

#[test]
fn a_body_of_text_is_utf_8_and_each_kind_has_its_framing() {
    let server = Server::replying(echo);
    let pool = pool_for(&server, PoolOptions::new());
    let post = |body: Body| text(pool.urlopen("POST", "/").body(body).send().unwrap());
    let sent = post(Body::from("\u{e9}\u{20ac}"));
    assert!(sent.contains("Content-Length: 5\r\n") && sent.ends_with("\u{e9}\u{20ac}"), "{sent}");
    let sent = post(Body::reader(&b"read"[..]));
    assert!(sent.contains("Transfer-Encoding: chunked\r\n") && sent.ends_with("read"), "{sent}");
    let sent = post(Body::empty());
    assert!(sent.contains("Content-Length: 0\r\n"), "{sent}");
    let long = pool.urlopen("POST", "/").body("four").headers([("Content-Length", "5")]);
    assert_eq!(kind(long.send()), ErrorKind::InvalidRequest);
}

#[test]
fn a_303_turns_every_method_but_head_into_get() {
    let server = Server::replying(|request| match request.target() {
        "/303" => redirect(303, "/end"),
        _ => [
            format!("HTTP/1.1 200 OK\r\nX-Method: {}\r\n", request.method()).as_bytes(),
            b"Content-Length: 0\r\n\r\n",
        ]
        .concat(),
    });
    let pool = pool_for(&server, PoolOptions::new());
    for (method, wanted) in [("POST", "GET"), ("DELETE", "GET"), ("GET", "GET"), ("HEAD", "HEAD")] {
        let response = pool.urlopen(method, "/303").send().unwrap();
        assert_eq!(response.header("x-method"), Some(wanted), "{method}");
    }
}

#[test]
fn one_redirect_too_many_is_returned_if_it_is_not_to_be_raised() {
    let server = Server::replying(|_| redirect(302, "/loop"));
    let pool = pool_for(&server, PoolOptions::new());
    let returned = || Redirect::urllib3().raise(false);
    let response = pool.urlopen("GET", "/").redirects(returned()).send().unwrap();
    assert_eq!((response.status().as_u16(), response.history().len()), (302, 3));
    let own = pool_for(&server, PoolOptions::new().redirects(returned()).retries(1));
    assert_eq!(own.urlopen("GET", "/").send().unwrap().history().len(), 1);
    assert_eq!(kind(pool.urlopen("GET", "/").send()), ErrorKind::MaxRetry);
}

#[test]
fn the_fields_that_another_host_does_not_see_are_those_of_the_list() {
    let other = Server::replying(echo);
    let to = other.url("/x");
    let server = Server::replying(move |_| redirect(302, &to));
    let mut none = Redirect::urllib3();
    none.strip = vec!["x-api-key".into()];
    let headers = [("Authorization", "kept"), ("X-Api-Key", "secret")];
    let http = PoolManager::with(2, PoolOptions::new().redirects(none.clone()));
    let of_manager = http.request("GET", &server.url("/")).headers(headers);
    let usual = PoolManager::new();
    let of_request = usual.request("GET", &server.url("/")).headers(headers).redirects(none);
    for call in [of_manager, of_request] {
        let head = text(call.send().unwrap());
        assert!(head.contains("kept") && !head.contains("secret"), "{head}");
    }
    let pool = pool_for(&server, PoolOptions::new().redirects(Redirect::urllib3()));
    assert_eq!(kind(pool.urlopen("GET", "/").send()), ErrorKind::HostChanged);
}

#[test]
fn a_status_that_is_retried_too_often_is_raised_or_returned() {
    let server = Server::replying(|_| "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".into());
    let pool = pool_for(&server, PoolOptions::new().retries(Retry::new(2).on_statuses([500])));
    let error = pool.urlopen("GET", "/").send().unwrap_err();
    assert_eq!((error.kind(), error.is_max_retry()), (ErrorKind::MaxRetry, true));
    assert!(error.to_string().contains("500"), "{error}");
    assert_eq!(server.requests(), 3);
    let returned = Retry::new(2).on_statuses([500]).raise_on_status(false);
    let response = pool.urlopen("GET", "/").retries(returned).send().unwrap();
    assert_eq!((response.status().as_u16(), response.history().len()), (500, 2));
    assert_eq!(pool.urlopen("POST", "/").send().unwrap().status(), 500, "a POST is not retried");
}

#[test]
fn a_request_that_asks_to_close_leaves_no_connection() {
    let server = Server::answering("hello");
    let pool = pool_for(&server, PoolOptions::new());
    let call = pool.urlopen("GET", "/").headers([("Connection", "close")]);
    assert_eq!(text(call.send().unwrap()), "hello");
    until(|| pool.stats().idle == 0);
    assert_eq!(pool.stats().in_use, 0);
}

#[test]
fn a_version_that_is_not_http_1_is_a_protocol_error() {
    for line in ["HTTP/2.0 200 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 99 OK", "ICY 200 OK"] {
        let server = Server::replying(move |_| format!("{line}\r\n\r\n").into());
        let pool = pool_for(&server, PoolOptions::new().retries(false));
        assert_eq!(kind(pool.urlopen("GET", "/").send()), ErrorKind::Protocol, "{line}");
    }
}

#[test]
fn errors_can_be_sent_to_other_threads_and_kept() {
    fn is_portable<T: std::error::Error + Send + Sync + 'static>(_: &T) {}
    let error = HttpConnectionPool::new("").unwrap_err();
    is_portable(&error);
    let boxed: Box<dyn std::error::Error + Send + Sync> = error.into();
    assert!(boxed.downcast_ref::<httpool_blocking::Error>().is_some());
}
