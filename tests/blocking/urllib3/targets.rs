//! Tests that a target is sent as it is given.

use httpool_blocking::{
    httpool::error::ErrorKind,
    urllib3::{PoolOptions, ProxyManager, RequestMethods},
};

use super::{kind, pool_for, redirect, text};
use crate::support::{Server, ok};

#[test]
fn a_target_of_a_pool_goes_out_byte_for_byte() {
    let server = Server::replying(|request| ok(request.target()));
    let pool = pool_for(&server, PoolOptions::new());
    for target in ["/", "/a/../b/./c", "//x/y", "/%zz%2f%41", "/a?b=[c]|{d}\"<>^`\\", "/?"] {
        assert_eq!(text(pool.urlopen("GET", target).send().unwrap()), target);
    }
    assert_eq!(text(pool.urlopen("OPTIONS", "*").send().unwrap()), "*");
    // An absolute URL is normalised, and its path is sent.
    assert_eq!(text(pool.urlopen("GET", &server.url("/a/../b#c")).send().unwrap()), "/b");
}

#[test]
fn a_target_that_cannot_be_sent_is_refused_before_a_connection_is_taken() {
    let server = Server::answering("hello");
    let pool = pool_for(&server, PoolOptions::new());
    for target in ["", "/a b", "/\u{e9}", "/a#b", "/a\r\nX: y", "/\0", "*"] {
        assert_eq!(kind(pool.urlopen("GET", target).send()), ErrorKind::LocationParse, "{target}");
    }
    for url in ["x", "x/y", "ftp://x/"] {
        assert_eq!(kind(pool.urlopen("GET", url).send()), ErrorKind::UrlSchemeUnknown, "{url}");
    }
    assert_eq!((server.accepted(), pool.stats().num_connections), (0, 0));
}

#[test]
fn a_redirect_of_a_literal_target_is_resolved_against_its_url() {
    let server = Server::replying(|request| match request.target() {
        "/a/./x" => redirect(302, "y"),
        target => ok(target),
    });
    let pool = pool_for(&server, PoolOptions::new());
    assert_eq!(text(pool.urlopen("GET", "/a/./x").send().unwrap()), "/a/y");
}

#[test]
fn a_forwarding_proxy_gets_the_literal_target_behind_scheme_and_authority() {
    let proxy = Server::replying(|request| ok(request.target()));
    let manager = ProxyManager::new(&proxy.url("")).unwrap();
    let pool = manager.connection_from_host("a.test", 81, "http").unwrap();
    let got = text(pool.urlopen("GET", "/x/../%zz").send().unwrap());
    assert_eq!(got, "http://a.test:81/x/../%zz");
}
