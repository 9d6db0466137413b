//! Tests that defects of urllib3 are not copied: D1, D6, D7, D8, D10, D17 to D20 (D2 to D4 are in
//! `bodies` and `redirects`, D5 is in `fairness`).

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    thread,
};

use httpool_blocking::{
    Retry,
    httpool::error::ErrorKind,
    urllib3::{ConnectionPool, PoolManager, PoolOptions, ProxyManager, RequestMethods},
};

use super::{kind, pool_for, redirect, std_only, text};
use crate::support::{Server, ok, until};

/// D1: urllib3 takes a 103 for the final response, and gives the real one to the next request.
#[test]
fn a_103_is_not_the_response() {
    let server = Server::replying(|request| {
        [&b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"[..], &ok(request.target())].concat()
    });
    let pool = pool_for(&server, PoolOptions::new());
    for target in ["/first", "/second"] {
        assert_eq!(text(pool.urlopen("GET", target).send().unwrap()), target);
    }
}

/// D6: urllib3 lets the waiting calls wait for ever.
#[test]
fn close_wakes_the_calls_that_wait() {
    let server = Server::replying(|_| "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf".into());
    let http = PoolManager::with(1, PoolOptions::new().block(true));
    let own = pool_for(&server, PoolOptions::new().block(true));
    let of_manager = http.connection_from_url(&server.url("/")).unwrap();
    let pools: [&dyn ConnectionPool; 2] = [&own, &*of_manager];
    for pool in pools {
        let held = pool.urlopen("GET", "/").preload_content(false).send().unwrap();
        thread::scope(|scope| {
            let waiting: Vec<_> =
                (0..3).map(|_| scope.spawn(|| kind(pool.urlopen("GET", "/").send()))).collect();
            until(|| pool.stats().waiting == 3);
            pool.close();
            for call in waiting {
                assert_eq!(call.join().unwrap(), ErrorKind::ClosedPool);
            }
        });
        assert_eq!(kind(pool.urlopen("GET", "/").send()), ErrorKind::ClosedPool);
        assert_eq!(pool.stats().in_use, 1);
        drop(held);
        assert_eq!((pool.stats().in_use, pool.stats().idle), (0, 0));
    }
}

/// D7: urllib3 loses the place of a response that is dropped or closed unread.
/// D8: it gives back the connection of a response that is released unread, with its body.
#[test]
fn a_response_that_is_dropped_closed_or_released_unread_frees_its_place() {
    let server = Server::replying(|_| "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf".into());
    let pool = pool_for(&server, PoolOptions::new().block(true));
    for how in 0..6 {
        let call = pool.urlopen("GET", "/").preload_content(false);
        let mut response = call.send().unwrap();
        match how % 3 {
            0 => drop(response),
            1 => response.close(),
            _ => response.release_conn(),
        }
    }
    assert_eq!(pool.stats().in_use, 0);
    assert_eq!(server.accepted(), 6, "no connection with an unread body is used again");
}

/// D10: after a retry urllib3 has no URL, and after a redirect a relative one.
#[test]
fn geturl_is_the_whole_url_of_the_last_request() {
    let answered = AtomicUsize::new(0);
    let server = Server::replying(move |request| match request.target() {
        "/busy" if answered.fetch_add(1, SeqCst) == 0 => {
            "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n".into()
        }
        "/moved" => redirect(302, "to"),
        _ => ok("end"),
    });
    let pool = pool_for(&server, PoolOptions::new());
    let retry = Retry::new(3).on_statuses([503]);
    let response = pool.urlopen("GET", "/busy").retries(retry).send().unwrap();
    assert_eq!(response.geturl(), server.url("/busy"));
    assert_eq!(pool.urlopen("GET", "/moved").send().unwrap().geturl(), server.url("/to"));
}

/// D17: urllib3 asks a proxy that has refused a tunnel again, for any method. (The other half, a
/// certificate that is not trusted, needs a server with TLS.)
#[test]
fn a_refused_tunnel_is_not_asked_for_again() {
    if std_only() {
        return;
    }
    let proxy = Server::replying(|_| "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n".into());
    let http = ProxyManager::new(&proxy.url("")).unwrap();
    for method in ["GET", "POST"] {
        let call = http.request(method, "https://a.test/").retries(Retry::new(3));
        assert_eq!(kind(call.send()), ErrorKind::Proxy);
    }
    assert_eq!(proxy.requests(), 2);
}

/// D18: urllib3 reads the body of a redirect to its end, however long.
#[test]
fn the_endless_body_of_a_redirect_is_not_read_to_its_end() {
    let server = Server::replying(|request| match request.target() {
        "/" => "HTTP/1.1 302 Moved\r\nLocation: /end\r\nContent-Length: 9999999\r\n\r\nhalf".into(),
        _ => ok("end"),
    });
    let pool = pool_for(&server, PoolOptions::new());
    assert_eq!(text(pool.urlopen("GET", "/").send().unwrap()), "end");
    assert_eq!(server.accepted(), 2);
}

/// D19: urllib3 raises `InvalidHeader` for a malformed Retry-After, and waits for that of a redirect
/// although `respect_retry_after_header` is false.
#[test]
fn a_malformed_retry_after_is_ignored_and_one_that_is_not_respected_too() {
    let server = Server::replying(|request| match request.target() {
        "/busy" => "HTTP/1.1 503 Later\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n".into(),
        "/moved" => "HTTP/1.1 302 Moved\r\nLocation: /end\r\nRetry-After: 3600\r\n\
                     Content-Length: 0\r\n\r\n"
            .into(),
        _ => ok("end"),
    });
    let pool = pool_for(&server, PoolOptions::new());
    assert_eq!(pool.urlopen("GET", "/busy").send().unwrap().status(), 503);
    let retry = Retry::new(3).respect_retry_after(false);
    let http = PoolManager::new();
    assert_eq!(text(pool.urlopen("GET", "/moved").retries(retry.clone()).send().unwrap()), "end");
    let call = http.request("GET", &server.url("/moved")).retries(retry);
    assert_eq!(text(call.send().unwrap()), "end");
}

/// D20: the redirects of a manager begin a new budget in urllib3.
#[test]
fn a_manager_has_one_budget_for_retries_and_redirects() {
    let failed = AtomicUsize::new(0);
    let server = Server::replying(move |request| match request.target() {
        "/" if failed.fetch_add(1, SeqCst) < 2 => {
            "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n".into()
        }
        _ => redirect(302, "/loop"),
    });
    let http = PoolManager::new();
    let retry = Retry::new(3).on_statuses([503]);
    let error = http.request("GET", &server.url("/")).retries(retry).send().unwrap_err();
    assert!(error.is_max_retry());
    assert_eq!(server.requests(), 4, "two retries and one redirect");
}
