//! Tests the methods that the requests and responses of both drivers have.

use httpool_mio::Redirect;
use serde_json::{Value, json};

use crate::{
    World,
    support::{Received, Server, coded::response, ok},
};

#[test]
fn a_query_and_json_are_sent_and_json_is_read() {
    let server = Server::replying(|request: &Received| {
        let content_type = request.field("content-type").unwrap_or("none");
        ok(json!([request.target(), content_type, request.body.len()]).to_string())
    });
    let mut world = World::new();
    let client = world.driver.client();
    let post = client.post(&server.url("/?x=1")).query([("q", "a b")]).json(&json!({"a": 1}));
    let call = post.headers([("X-One", "1")]).send().unwrap();
    let answer = world.driver.fetch(call).unwrap();
    let value: Value = answer.json().unwrap();
    assert_eq!(value, json!(["/?x=1&q=a+b", "application/json", 7]));
    assert!(answer.json::<u8>().unwrap_err().is_json());
}

#[test]
fn text_by_charset_a_status_as_an_error_and_the_target_of_a_redirect_are_told() {
    let fields = "Content-Type: text/plain; charset=latin1\r\nLocation: /x\r\n";
    let server = Server::replying(move |request: &Received| {
        response(request.target()[1..].parse().unwrap(), fields, b"caf\xe9")
    });
    let mut world = World::new();
    let none = Redirect::none();
    let call = world.driver.client().get(&server.url("/302")).redirect(none).send().unwrap();
    let answer = world.driver.fetch(call).unwrap().error_for_status().unwrap();
    assert_eq!(answer.redirect_location(), Some("/x"));
    assert!(!answer.is_chunked());
    assert_eq!(answer.text(), "caf\u{e9}");
    let error = world.fetch(&server.url("/404")).unwrap().error_for_status().unwrap_err();
    assert_eq!(error.as_status().unwrap(), 404);
}

#[test]
fn a_body_shorter_than_its_length_is_whole_if_the_length_is_not_enforced() {
    let server = Server::start(|peer| {
        if peer.request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
        }
    });
    let mut world = World::new();
    let get = world.driver.client().get(&server.url("/")).enforce_content_length(false);
    let call = get.send().unwrap();
    assert_eq!(world.driver.fetch(call).unwrap().body(), b"abc");
    assert_eq!(world.stats().open, 0);
    assert!(world.fetch(&server.url("/")).is_err());
}
