//! Tests the keywords that concern the body of a request.

use std::{fs::File, io::Cursor};

use httpool_blocking::{
    Body,
    httpool::error::ErrorKind,
    urllib3::{PoolManager, PoolOptions, RequestMethods},
};

use super::{kind, pool_for, redirect, text};
use crate::support::{Received, Server, ok};

fn echo(request: &Received) -> Vec<u8> {
    ok([request.head.as_bytes(), &request.body].concat())
}

#[test]
fn chunked_sends_a_body_of_known_length_in_chunks_and_not_with_a_length_beside_it() {
    let server = Server::replying(echo);
    let pool = pool_for(&server, PoolOptions::new());
    let post = || pool.urlopen("POST", "/").body("hello").chunked(true);
    let sent = text(post().send().unwrap());
    assert!(sent.contains("Transfer-Encoding: chunked\r\n") && sent.ends_with("hello"), "{sent}");
    assert!(!sent.contains("Content-Length"), "{sent}");
    let both = post().headers([("Content-Length", "5")]);
    assert_eq!(kind(both.send()), ErrorKind::InvalidRequest);
    let sent = text(pool.urlopen("POST", "/").body("hello").send().unwrap());
    assert!(sent.contains("Content-Length: 5\r\n"), "{sent}");
}

#[test]
fn body_pos_is_where_a_body_begins_also_on_another_attempt() {
    let server = Server::replying(|request| match request.target() {
        "/307" => redirect(307, "/end"),
        _ => echo(request),
    });
    let pool = pool_for(&server, PoolOptions::new());
    let file = || Body::seekable(Cursor::new("0123456789")).unwrap();
    for body in [file(), Body::from("0123456789")] {
        let sent = text(pool.urlopen("PUT", "/307").body(body).body_pos(4).send().unwrap());
        assert!(sent.ends_with("\r\n\r\n456789"), "{sent}");
        assert!(sent.contains("Content-Length: 6\r\n"), "{sent}");
    }
    let once = Body::reader(Cursor::new("0123456789"));
    let call = pool.urlopen("PUT", "/307").body(once).body_pos(4);
    assert_eq!(kind(call.send()), ErrorKind::UnrewindableBody);
}

#[test]
fn a_manager_sends_a_file_whole_again_after_each_redirect_that_keeps_the_method() {
    let server = Server::replying(|request| match request.target() {
        "/end" => ok(&request.body),
        target => redirect(target[1..].parse().unwrap(), "/end"),
    });
    let path = std::env::temp_dir().join(format!("httpool-urllib3-{}", std::process::id()));
    std::fs::write(&path, "content").unwrap();
    let http = PoolManager::new();
    for status in ["301", "302", "307", "308"] {
        let url = server.url(&format!("/{status}"));
        let call = http.request("PUT", &url).body(File::open(&path).unwrap());
        assert_eq!(text(call.send().unwrap()), "content", "{status}");
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_body_that_can_be_read_once_is_not_sent_again_empty() {
    let server = Server::replying(|_| redirect(307, "/end"));
    let once = || Body::reader(Cursor::new("once"));
    let pool = pool_for(&server, PoolOptions::new());
    assert_eq!(kind(pool.urlopen("PUT", "/").body(once()).send()), ErrorKind::UnrewindableBody);
    let http = PoolManager::new();
    let call = http.request("PUT", &server.url("/")).body(once());
    assert_eq!(kind(call.send()), ErrorKind::UnrewindableBody);
    assert_eq!(server.requests(), 2);
}
