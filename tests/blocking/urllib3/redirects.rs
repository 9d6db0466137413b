//! Tests redirects of pools and of managers.

use httpool_blocking::{
    Body, Retry,
    httpool::error::ErrorKind,
    urllib3::{PoolManager, PoolOptions, RequestMethods},
};

use super::{kind, pool_for, redirect, text};
use crate::support::{Server, ok};

/// Redirects each target but `/end` one step further.
fn steps() -> Server {
    Server::replying(|request| match request.target() {
        "/end" => ok("end"),
        "/loop" => redirect(302, "/loop"),
        _ => redirect(302, "/end"),
    })
}

#[test]
fn a_pool_follows_redirects_on_its_host_and_three_at_most() {
    let server = steps();
    let pool = pool_for(&server, PoolOptions::new());
    assert_eq!(text(pool.urlopen("GET", "/").send().unwrap()), "end");
    let before = server.requests();
    let error = pool.urlopen("GET", "/loop").send().unwrap_err();
    assert_eq!((error.kind(), error.is_max_retry()), (ErrorKind::MaxRetry, true));
    assert_eq!((error.history().len(), server.requests() - before), (3, 4));
}

#[test]
fn without_redirect_or_retries_the_redirect_is_the_response() {
    let server = steps();
    let pool = pool_for(&server, PoolOptions::new());
    assert_eq!(pool.urlopen("GET", "/").redirect(false).send().unwrap().status(), 302);
    assert_eq!(pool.urlopen("GET", "/").retries(false).send().unwrap().status(), 302);
    assert_eq!(kind(pool.urlopen("GET", "/").retries(0).send()), ErrorKind::MaxRetry);
    let first = pool.urlopen("GET", "/").retries(0).redirect(false).send().unwrap();
    assert_eq!(first.status(), 302);
    assert_eq!((pool.stats().in_use, pool.stats().idle), (0, 1), "all places are free");
    assert_eq!(text(pool.urlopen("GET", "/end").send().unwrap()), "end");
}

#[test]
fn the_retries_of_a_request_replace_those_of_the_manager() {
    let server = steps();
    let url = server.url("/");
    let none = PoolManager::with(10, PoolOptions::new().retries(0));
    let off = PoolManager::with(10, PoolOptions::new().retries(false));
    let usual = PoolManager::new();
    assert_eq!(kind(none.request("GET", &url).send()), ErrorKind::MaxRetry);
    assert_eq!(text(none.request("GET", &url).retries(1).send().unwrap()), "end");
    assert_eq!(off.request("GET", &url).send().unwrap().status(), 302);
    assert_eq!(off.request("GET", &url).redirect(true).send().unwrap().status(), 302);
    assert_eq!(kind(off.request("GET", &url).retries(0).send()), ErrorKind::MaxRetry);
    for retry in [Retry::new(0), Retry::new(9).redirect(0)] {
        let error = usual.request("GET", &url).retries(retry.clone()).send().unwrap_err();
        assert_eq!((error.kind(), error.is_max_retry()), (ErrorKind::MaxRetry, true));
        let first = usual.request("GET", &url).retries(retry).redirect(false).send().unwrap();
        assert_eq!(first.status(), 302);
    }
    assert_eq!(usual.request("GET", &url).retries(false).send().unwrap().status(), 302);
    for http in [&none, &off, &usual] {
        assert_eq!(http.request("GET", &url).redirect(false).send().unwrap().status(), 302);
    }
}

#[test]
fn a_location_that_cannot_be_used_is_an_error_that_names_it() {
    for (location, wanted) in [
        ("http://a b/", ErrorKind::LocationParse),
        ("http://a:x/", ErrorKind::LocationParse),
        ("ftp://a.test/", ErrorKind::UrlSchemeUnknown),
    ] {
        let server = Server::replying(move |_| redirect(302, location));
        let error = PoolManager::new().request("GET", &server.url("/")).send().unwrap_err();
        assert_eq!(error.kind(), wanted, "{error}");
        assert!(error.to_string().contains(location), "{error}");
        assert_eq!(server.requests(), 1);
    }
}

#[test]
fn a_url_or_a_redirect_to_another_host_is_an_error_of_a_pool() {
    let other = Server::answering("other");
    let to = other.url("/x");
    let server = Server::replying(move |_| redirect(302, &to));
    let pool = pool_for(&server, PoolOptions::new());
    assert_eq!(kind(pool.urlopen("GET", &other.url("/")).send()), ErrorKind::HostChanged);
    assert_eq!(server.requests() + other.requests(), 0);
    assert_eq!(kind(pool.urlopen("GET", "/").send()), ErrorKind::HostChanged);
    assert_eq!((server.requests(), other.requests()), (1, 0));
    let free = |url: &str| pool.urlopen("GET", url).assert_same_host(false).send();
    assert_eq!(text(free("/").unwrap()), "other");
    assert_eq!(text(free(&other.url("/")).unwrap()), "other");
}

#[test]
fn a_manager_follows_redirects_to_other_hosts_without_credentials() {
    let other = Server::replying(|request| ok(request.head.clone()));
    let to = other.url("/x");
    let server = Server::replying(move |_| redirect(307, &to));
    let http = PoolManager::new();
    let headers = [("Authorization", "secret"), ("Cookie", "a=b"), ("X-Own", "kept")];
    let head = text(http.request("GET", &server.url("/")).headers(headers).send().unwrap());
    assert!(!head.contains("secret") && !head.contains("Cookie"), "{head}");
    assert!(head.contains("X-Own: kept\r\n"), "{head}");
    let keep = Retry::new(3);
    let response = http.request("GET", &server.url("/")).retries(keep).send().unwrap();
    assert_eq!(response.geturl(), other.url("/x"));
}

#[test]
fn a_302_keeps_a_post_and_a_303_makes_it_a_get_without_its_fields() {
    let server = Server::replying(|request| match request.target() {
        "/302" => redirect(302, "/end"),
        "/303" => redirect(303, "/end"),
        _ => ok(format!("{}{}", request.head, String::from_utf8_lossy(&request.body))),
    });
    let pool = pool_for(&server, PoolOptions::new());
    let post = |target: &str| {
        let headers = [("Content-Type", "text/x"), ("Content-Language", "en")];
        let call = pool.urlopen("POST", target).body("hello").headers(headers);
        text(call.send().unwrap())
    };
    let sent = post("/302");
    assert!(sent.starts_with("POST /end") && sent.ends_with("\r\n\r\nhello"), "{sent}");
    let sent = post("/303");
    assert!(sent.starts_with("GET /end") && !sent.contains("Content-"), "{sent}");
}

#[test]
fn a_303_after_a_chunked_body_is_a_get_without_framing() {
    let server = Server::replying(|request| match request.method() {
        "POST" => redirect(303, "/end"),
        _ => ok(request.head.clone()),
    });
    let pool = pool_for(&server, PoolOptions::new());
    let body = || Body::reader(std::io::Cursor::new("once"));
    let sent = text(pool.urlopen("POST", "/").body(body()).chunked(true).send().unwrap());
    assert!(sent.starts_with("GET /end") && !sent.contains("Transfer-Encoding"), "{sent}");
}
