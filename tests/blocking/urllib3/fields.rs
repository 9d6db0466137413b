//! Tests `RequestMethods`.

use httpool_blocking::{
    Multipart,
    httpool::error::ErrorKind,
    urllib3::{PoolManager, PoolOptions, RequestMethods},
};

use super::{kind, pool_for, text};
use crate::support::{Server, ok};

fn echo() -> Server {
    Server::replying(|request| ok([request.head.as_bytes(), &request.body].concat()))
}

const FIELDS: [(&str, &str); 2] = [("a", "1 2"), ("b", "\u{e9}&")];
const QUERY: &str = "a=1+2&b=%C3%A9%26";

#[test]
fn fields_of_get_head_delete_and_options_go_into_the_query() {
    let server = echo();
    let (pool, http) = (pool_for(&server, PoolOptions::new()), PoolManager::new());
    for method in ["GET", "DELETE", "OPTIONS"] {
        let sent = text(pool.request(method, "/x").fields(FIELDS).send().unwrap());
        assert!(sent.starts_with(&format!("{method} /x?{QUERY} HTTP/1.1\r\n")), "{sent}");
        let call = http.request(method, &server.url("/x?y=z#f")).fields(FIELDS);
        let sent = text(call.send().unwrap());
        assert!(sent.starts_with(&format!("{method} /x?y=z&{QUERY} HTTP/1.1\r\n")), "{sent}");
    }
    let call = pool.request_encode_url("POST", "/x?y").fields(FIELDS);
    let sent = text(call.send().unwrap());
    assert!(sent.starts_with(&format!("POST /x?y&{QUERY} HTTP/1.1\r\n")), "{sent}");
    let sent = text(pool.request("GET", "/x").fields([("", ""); 0]).send().unwrap());
    assert!(sent.starts_with("GET /x HTTP/1.1\r\n"), "{sent}");
}

#[test]
fn other_fields_go_into_the_body_as_a_form_by_default_multipart() {
    let server = echo();
    let pool = pool_for(&server, PoolOptions::new());
    let call = pool.request("POST", "/x").fields(FIELDS).multipart_boundary("edge");
    let sent = text(call.send().unwrap());
    assert!(sent.contains("Content-Type: multipart/form-data; boundary=edge\r\n"), "{sent}");
    let part = "--edge\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1 2\r\n";
    assert!(sent.contains(part), "{sent}");
    let random = text(pool.request("PUT", "/x").fields(FIELDS).send().unwrap());
    assert!(random.contains("boundary=") && !random.contains("edge"), "{random}");
    let call = pool.request("POST", "/x").fields(FIELDS).encode_multipart(false);
    let sent = text(call.send().unwrap());
    assert!(sent.contains("Content-Type: application/x-www-form-urlencoded\r\n"), "{sent}");
    assert!(sent.ends_with(&format!("\r\n\r\n{QUERY}")), "{sent}");
    let call = pool.request_encode_body("GET", "/x").fields(FIELDS).encode_multipart(false);
    assert!(text(call.send().unwrap()).ends_with(QUERY));
    let call = pool.request("POST", "/x").form(Multipart::with_boundary("edge").text("a", "b"));
    assert!(text(call.send().unwrap()).contains("boundary=edge"));
}

#[test]
fn a_content_type_of_ones_own_wins() {
    let server = echo();
    let pool = pool_for(&server, PoolOptions::new());
    let own = [("content-type", "text/own")];
    let call = pool.request("POST", "/").fields(FIELDS).encode_multipart(false).headers(own);
    let sent = text(call.send().unwrap());
    assert!(sent.contains("content-type: text/own\r\n") && !sent.contains("urlencoded"), "{sent}");
    let sent = text(pool.request("POST", "/").json("x").headers(own).send().unwrap());
    assert!(sent.contains("text/own\r\n") && !sent.contains("application/json"), "{sent}");
}

#[test]
fn json_is_sent_compact_and_no_two_bodies_go_together() {
    let server = echo();
    let pool = pool_for(&server, PoolOptions::new());
    let sent = text(pool.request("POST", "/").json(&["a", "\u{e9}"]).send().unwrap());
    assert!(sent.contains("Content-Type: application/json\r\n"), "{sent}");
    assert!(sent.ends_with("\r\n\r\n[\"a\",\"\u{e9}\"]"), "{sent}");
    let post = || pool.request("POST", "/");
    for two in [
        post().body("x").json("y"),
        post().body("x").fields(FIELDS),
        post().fields(FIELDS).json("y"),
    ] {
        assert_eq!(kind(two.send()), ErrorKind::InvalidRequest);
    }
    assert_eq!(server.requests(), 1);
}
