//! Tests the facts of a response: status, fields, URL, history, length.

use httpool_blocking::{
    Client, Reached, Retry,
    urllib3::{HttpResponse, ResponseOptions},
};
use serde_json::{Value, json};

use super::{ending, sending, streamed};
use crate::support::{Received, Server, coded::response, ok};

#[test]
fn a_response_has_status_reason_version_and_headers_with_case_and_order() {
    let head = b"HTTP/1.0 404 Not There\r\nX-One: 1\r\nset-cookie: a\r\nSET-COOKIE: b\r\n\r\n";
    let server = ending(head.to_vec());
    let response = streamed(&Client::new(), &server);
    assert_eq!((response.status().as_u16(), response.reason()), (404, &b"Not There"[..]));
    assert_eq!((response.version(), response.version_string()), (10, "HTTP/1.0".into()));
    let names: Vec<_> = response.headers().iter().map(|field| field.name().to_owned()).collect();
    assert_eq!(names, ["X-One", "set-cookie", "SET-COOKIE"]);
    assert_eq!(response.header("x-ONE"), Some("1"));
    let cookies: Vec<_> = response.headers().get_all("Set-Cookie").collect();
    assert_eq!(cookies, [b"a", b"b"]);
    let newer = streamed(&Client::new(), &sending(ok("")));
    assert_eq!((newer.version(), newer.version_string()), (11, "HTTP/1.1".into()));
}

#[test]
fn geturl_is_the_absolute_url_that_answered_also_after_retries_and_redirects() {
    let server = Server::start(|peer| {
        let mut busy = true;
        while let Some(request) = peer.request() {
            match request.target() {
                "/old" => peer.send(response(302, "Location: new?q\r\n", b"")),
                _ if busy => peer.send(response(503, "", b"")),
                _ => peer.answer("done"),
            }
            busy &= request.target() == "/old";
        }
    });
    let client = Client::builder().retry(Retry::new(3).on_statuses([503])).build();
    for (target, answered, history) in
        [("/old#top", "/new?q#top", 2), ("/plain", "/plain", 0), ("/plain?x", "/plain?x", 0)]
    {
        let response = client.get(&server.url(target)).send().unwrap();
        let response = HttpResponse::new(response, ResponseOptions::default()).unwrap();
        assert_eq!(response.geturl(), server.url(answered));
        assert_eq!(response.history().len(), history);
    }
    client.close();
    let client = Client::builder().retry(Retry::new(3).on_statuses([503])).build();
    let retried = client.get(&server.url("/plain")).send().unwrap();
    assert_eq!((retried.history().len(), retried.url().path()), (1, "/plain"));
}

#[test]
fn the_target_of_a_redirect_that_was_not_followed_is_told_as_it_came() {
    use httpool_blocking::Redirect;

    let client = Client::builder().redirect(Redirect::none()).build();
    for (status, location) in [(301, Some("../x")), (308, Some("../x")), (200, None), (304, None)] {
        let server = sending(response(status, "Location: ../x\r\n", b""));
        let response = streamed(&client, &server);
        assert_eq!(response.get_redirect_location(), location, "{status}");
        assert_eq!(response.redirect_location(), location, "{status}");
    }
}

#[test]
fn a_status_of_400_or_more_is_an_error_if_it_is_asked_for() {
    for (status, says) in [(404, Some("refused")), (503, Some("failed")), (200, None), (304, None)]
    {
        let server = sending(response(status, "X-Why: so\r\n", b""));
        let client = Client::new();
        let plain = client.get(&server.url("/")).send().unwrap().error_for_status();
        let urllib3 = streamed(&client, &server).error_for_status();
        assert_eq!((plain.is_err(), urllib3.is_err()), (says.is_some(), says.is_some()));
        let (Some(says), Err(error)) = (says, plain) else { continue };
        assert_eq!(error.as_status().unwrap(), status);
        assert_eq!(error.reached(), Reached::Answered);
        assert_eq!(error.head().unwrap().headers().get_str("x-why"), Some("so"));
        let text = error.to_string();
        assert!(text.starts_with(&format!("GET {}: the server {says}", server.url("/"))), "{text}");
        assert!(text.ends_with(&format!("status {status}")), "{text}");
        assert_eq!(client.stats().idle, 1);
    }
}

#[test]
fn text_is_decoded_by_its_charset() {
    let latin = "Content-Type: text/plain; charset=\"iso-8859-1\"\r\n";
    for (fields, body, text) in [
        (latin, &b"caf\xe9"[..], "caf\u{e9}"),
        ("", b"caf\xc3\xa9", "caf\u{e9}"),
        ("", b"caf\xe9", "caf\u{fffd}"),
        ("", b"\xff\xfea\0", "a"),
        (latin, b"\xef\xbb\xbf\xc3\xa9", "\u{e9}"),
    ] {
        let server = sending(response(200, fields, body));
        let client = Client::new();
        assert_eq!(client.get(&server.url("/")).send().unwrap().text().unwrap(), text);
        assert_eq!(streamed(&client, &server).text().unwrap(), text);
    }
}

#[test]
fn json_is_sent_with_its_type_and_read_whatever_its_type() {
    let server = Server::replying(|request: &Received| {
        let content_type = request.field("content-type").unwrap_or("none").to_owned();
        let body = json!({"type": content_type, "body": String::from_utf8_lossy(&request.body)});
        ok(body.to_string())
    });
    let client = Client::new();
    let post = || client.post(&server.url("/"));
    let value = json!({"n": 1, "s": "\u{e9}"});
    let back: Value = post().json(&value).send().unwrap().json().unwrap();
    assert_eq!(back, json!({"type": "application/json", "body": "{\"n\":1,\"s\":\"\u{e9}\"}"}));
    let own = post().header("content-type", "a/b").json(&value).send().unwrap();
    assert_eq!(own.json::<Value>().unwrap()["type"], "a/b");
    let sent = post().json(&[1, 2]).send().unwrap();
    let mut urllib3 = HttpResponse::new(sent, ResponseOptions::default()).unwrap();
    for _ in 0..2 {
        assert_eq!(urllib3.json::<Value>().unwrap()["body"], "[1,2]");
    }
}

#[test]
fn json_that_is_wrong_says_where_and_a_value_that_is_none_is_not_sent() {
    use std::{collections::BTreeMap, error::Error as _};

    let server = sending(ok("{\"a\": 1,\n oops}"));
    let client = Client::new();
    let error = client.get(&server.url("/")).send().unwrap().json::<Value>().unwrap_err();
    assert!(error.is_json());
    assert_eq!(error.reached(), Reached::Answered);
    let why = error.source().unwrap().downcast_ref::<serde_json::Error>().unwrap();
    assert_eq!(why.line(), 2);
    assert_eq!(error.head().unwrap().status(), 200);
    assert!(streamed(&client, &server).json::<Vec<u8>>().unwrap_err().is_json());

    // The keys of an object are text.
    let keys = BTreeMap::from([((1, 2), 3)]);
    let error = client.post(&server.url("/")).json(&keys).send().unwrap_err();
    assert!(error.is_json() && error.to_string().contains("cannot be sent"), "{error}");
    assert_eq!((error.reached(), server.requests()), (Reached::Nothing, 2));
}
