//! Tests the responses of pools: how they hold their connections, and what they are asked for.

use httpool_blocking::urllib3::{PoolOptions, RequestMethods, ResponseNotChunked};

use super::{pool_for, text};
use crate::support::{
    Server,
    coded::{chunked, coded, gzip},
    ok,
};

#[test]
fn the_response_of_another_attempt_holds_its_connection_until_it_is_released() {
    let server = Server::start(|peer| {
        while peer.request().is_some() {
            if peer.number == 0 {
                return;
            }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf");
        }
    });
    let pool = pool_for(&server, PoolOptions::new().block(true));
    let call = pool.urlopen("GET", "/").preload_content(false).release_conn(false);
    let mut response = call.send().unwrap();
    assert_eq!((response.history().len(), pool.stats().in_use), (1, 1));
    response.release_conn();
    response.release_conn();
    assert_eq!((pool.stats().in_use, pool.stats().idle), (0, 0), "released once, and closed");
    assert_eq!(pool.stats().num_connections, 2);
}

#[test]
fn a_response_that_is_released_twice_gives_one_connection_back() {
    let server = Server::answering("hello");
    let pool = pool_for(&server, PoolOptions::new().maxsize(9));
    let call = pool.urlopen("GET", "/").preload_content(false);
    let mut response = call.send().unwrap();
    response.data().unwrap();
    response.release_conn();
    response.release_conn();
    response.close();
    assert_eq!((pool.stats().in_use, pool.stats().idle), (0, 1));
}

#[test]
fn chunks_are_read_once_and_only_from_a_chunked_body() {
    let server = Server::replying(|request| match request.target() {
        "/plain" => ok("hello"),
        _ => chunked("identity", b"hello", 2),
    });
    let pool = pool_for(&server, PoolOptions::new());
    let get = |target| pool.urlopen("GET", target).preload_content(false).send().unwrap();
    let error: ResponseNotChunked = get("/plain").read_chunked(9).unwrap_err();
    assert!(error.to_string().contains("read it with `stream`"), "{error}");
    let mut response = get("/");
    assert_eq!(response.read_all().unwrap(), b"hello");
    assert_eq!(response.read_chunked(9).unwrap().count(), 0, "all was read");
    let mut closed = get("/");
    closed.close();
    assert!(closed.read_chunked(9).unwrap().next().unwrap().is_err(), "it was not read to its end");
    let preloaded = pool.urlopen("GET", "/").send().unwrap();
    assert_eq!(text(preloaded), "hello");
}

#[test]
fn a_long_coded_body_streams_in_pieces_of_no_more_than_asked_for() {
    let body: Vec<u8> = (0..296_085_u64).map(|n| (n * n % 251) as u8).collect();
    let answer = coded("gzip", &gzip(&body));
    let server = Server::replying(move |_| answer.clone());
    let pool = pool_for(&server, PoolOptions::new());
    let get = || pool.urlopen("GET", "/").preload_content(false).send().unwrap();
    let pieces: Result<Vec<_>, _> = get().stream(10_240).collect();
    let pieces = pieces.unwrap();
    assert!(pieces.iter().all(|piece| matches!(piece.len(), 1..=10_240)));
    assert_eq!(pieces.concat(), body);
    // `read_bytes` fills each piece but the last, as urllib3's `stream` does.
    let mut response = get();
    for piece in body.chunks(10_240) {
        assert_eq!(response.read_bytes(10_240).unwrap(), piece);
    }
    assert_eq!(response.read_bytes(10_240).unwrap(), b"");
}
