//! Tests the messages of errors, and the accessors of responses.

use std::{error::Error as _, io, net::SocketAddr, sync::Arc};

use httpool_blocking::{
    Body, Client, Error, Resolve,
    httpool::call::{Policy, Redirect},
};

use crate::support::{Server, ok};

fn saying(answer: &'static str) -> Server {
    Server::replying(move |_| answer.into())
}

/// Returns the error of a GET, and checks that its sources do not repeat it.
fn error(client: &Client, url: &str) -> Error {
    let error = client.get(url).send().and_then(|response| response.bytes()).unwrap_err();
    check(&error);
    error
}

/// Checks that no source repeats the message of `error`, and that its `Debug` is its `Display` with
/// the sources.
fn check(error: &Error) {
    let (said, mut debug) = (error.to_string(), error.to_string());
    let mut source = error.source();
    while let Some(why) = source {
        assert!(!said.contains(&why.to_string()), "{error:?}");
        debug += &format!("\n  caused by: {why}");
        source = why.source();
    }
    assert_eq!(format!("{error:?}"), debug);
}

#[test]
fn the_part_of_a_url_that_is_wrong_is_named() {
    let client = Client::new();
    for (url, part) in [
        ("http://127.0.0.1:99999/", "port"),
        ("localhost:9101/x", "no scheme"),
        ("ftp://a/", "neither http nor https"),
        ("http:///x", "no host"),
        ("http:/a/x", "two slashes"),
        ("http://a/ b", "byte 9"),
    ] {
        let said = error(&client, url).to_string();
        assert!(said.contains(part), "{url}: {said}");
    }
    let said = client.get("http://a/").header("X-A", "b\nc").send().unwrap_err().to_string();
    assert!(said.contains("X-A") && said.contains("byte 1"), "{said}");
}

#[test]
fn a_redirect_that_cannot_be_followed_is_named_with_its_target() {
    let answer = |to| format!("HTTP/1.1 302 F\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let server = Server::replying(move |request| match request.target() {
        "/scheme" => answer("ftp://user:pw@files.test/x").into_bytes(),
        "/broken" => answer("http://a:x/").into_bytes(),
        _ => answer("/loop?again").into_bytes(),
    });
    let mut policy = Policy::default();
    policy.redirect = Redirect::limited(2);
    let client = Client::builder().policy(policy).build();
    let again = server.url("/loop?again");
    for (path, target) in
        [("/scheme", "ftp://****:**@files.test/x"), ("/broken", "http://a:x/"), ("/loop", &again)]
    {
        let error = error(&client, &server.url(path));
        assert_eq!(error.redirect(), Some(target));
        let said = error.to_string();
        assert!(said.contains(&format!("the redirect to {target} cannot be followed: ")), "{said}");
        assert!(said.contains("while following a redirect"), "{said}");
    }
    let body = Body::reader(io::Cursor::new("once"));
    let moved = saying("HTTP/1.1 307 T\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n");
    let error = client.put(&moved.url("/")).body(body).send().unwrap_err();
    let there = format!("the redirect to {} cannot be followed: ", moved.url("/there"));
    assert!(error.to_string().contains(&there), "{error}");
}

#[test]
fn a_closed_client_does_not_advise_to_ask_again() {
    let client = Client::new();
    client.close();
    let said = error(&client, "http://127.0.0.1/").to_string();
    assert!(said.contains("closed") && said.contains("nothing was sent"), "{said}");
    assert!(!said.contains("asking again"), "{said}");
}

#[test]
fn a_bound_that_was_exceeded_is_named() {
    let server = Server::replying(|_| ok("longer"));
    let client = Client::builder().body_bytes_max(5).build();
    let said = error(&client, &server.url("/")).to_string();
    assert!(said.contains("body_bytes_max") && said.contains("5 bytes"), "{said}");
}

#[test]
fn folded_lines_are_called_folded() {
    let client = Client::new();
    for answer in [
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\tc\r\n\r\n",
    ] {
        let said = error(&client, &saying(answer).url("/")).to_string();
        assert!(said.contains("folded") && said.contains("RFC 9112 section 5.2"), "{said}");
    }
    assert_eq!(client.stats().open, 0);
}

struct Moody;

impl Resolve for Moody {
    fn resolve(&self, host: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        match host {
            "panics.test" => panic!("the resolver is broken, as it should be"),
            "fails.test" => Err(io::Error::other("the name server is on strike")),
            _ => Ok(Vec::new()),
        }
    }
}

#[test]
fn a_look_up_that_fails_says_how() {
    let client = Client::builder().resolver(Arc::new(Moody)).build();
    for (host, says) in [
        ("panics.test", "panicked"),
        ("fails.test", "could not be looked up"),
        ("nowhere.test", "no address was found"),
    ] {
        let error = error(&client, &format!("http://{host}/"));
        assert!(error.to_string().contains(says), "{error}");
    }
    let error = error(&client, "http://fails.test/");
    assert!(format!("{error:?}").ends_with("\n  caused by: the name server is on strike"));
}

#[test]
fn debug_shows_no_secrets() {
    let server = saying(
        "HTTP/1.1 200 OK\r\nSet-Cookie: sid=secret\r\nContent-Location: http://u:secret@a/\r\n\
         Content-Length: 0\r\n\r\n",
    );
    let url = server.url("/x").replace("http://", "http://user:secret@");
    let client = Client::builder().default_header("Authorization", "Bearer secret").build();
    let request =
        client.get(&url).header("Cookie", "secret").header("Proxy-Authorization", "secret");
    let shown = format!("{client:?} {request:?}");
    assert!(!shown.contains("secret"), "{shown}");
    let request = request.build().unwrap();
    let shown = format!("{request:?} {request} {:?}", request.headers());
    assert!(!shown.contains("secret") && shown.contains("Cookie: ***"), "{shown}");
    let response = client.send(&request).unwrap();
    let shown = format!("{response:?} {:?}", response.headers().iter());
    assert!(!shown.contains("secret") && shown.contains("Set-Cookie: ***"), "{shown}");
    assert_eq!(response.header("set-cookie"), Some("sid=secret"));
}
