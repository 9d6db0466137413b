//! Tests the parts of a request: query, fields, kinds of bodies.

use std::{
    io::{Cursor, Seek, SeekFrom},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use httpool_blocking::{
    Body, Client,
    httpool::{content::accept_encoding, error::Cause},
    urllib3::make_headers,
};

use crate::{
    cause,
    support::{Received, Server, ok},
};

/// Answers with the target and the head of the request.
fn echo() -> Server {
    Server::replying(|request: &Received| ok(&request.head))
}

/// Redirects `/old` by 307, and answers others with the framing of the request's body, and the
/// body.
fn redirecting() -> Server {
    Server::replying(|request: &Received| match request.target() {
        "/old" => b"HTTP/1.1 307 T\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => {
            let framing = request.field("content-length").unwrap_or("chunked");
            ok([framing.as_bytes(), b"|", &request.body].concat())
        }
    })
}

#[test]
fn a_query_is_encoded_and_added_to_the_one_of_the_url() {
    let (server, client) = (echo(), Client::new());
    let target = |url: &str| {
        let pairs = [("q", "a b&c=d"), ("\u{e9}", "#/?+")];
        let head = client.get(&server.url(url)).query(pairs).send().unwrap().text().unwrap();
        head.split(' ').nth(1).unwrap().to_owned()
    };
    let encoded = "q=a+b%26c%3Dd&%C3%A9=%23%2F%3F%2B";
    assert_eq!(target("/"), format!("/?{encoded}"));
    assert_eq!(target("/a?x=%20#top"), format!("/a?x=%20&{encoded}"));
    let none = client.get(&server.url("/a")).query([("", ""); 0]).send().unwrap();
    assert!(none.text().unwrap().starts_with("GET /a HTTP"));
    let twice = client.get(&server.url("/")).query([("a", "1")]).query([("b", "2")]);
    assert_eq!(twice.build().unwrap().target(), "/?a=1&b=2");
}

#[test]
fn the_fields_of_make_headers_are_sent() {
    let (server, client) = (echo(), Client::new());
    let fields = make_headers()
        .keep_alive()
        .accept_encoding()
        .user_agent("me/1")
        .basic_auth("user:password")
        .disable_cache()
        .build();
    let head = client.get(&server.url("/")).headers(fields).send().unwrap().text().unwrap();
    let codings = format!("accept-encoding: {}\r\n", accept_encoding().unwrap());
    let text = "user-agent: me/1\r\nconnection: keep-alive\r\n\
                authorization: Basic dXNlcjpwYXNzd29yZA==\r\ncache-control: no-cache\r\n";
    assert!(head.contains(&format!("{codings}{text}")), "{head}");
    assert!(!head.contains("User-Agent"), "{head}");
}

#[test]
fn a_body_that_is_replayable_is_sent_again_after_a_redirect() {
    let (server, client) = (redirecting(), Client::new());
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let mut moved = Cursor::new("0123456789");
    moved.seek(SeekFrom::Start(7)).unwrap();
    let bodies: Vec<(Body, &str)> = vec![
        (Body::from("static"), "6|static"),
        (Body::from(b"bytes".to_vec()), "5|bytes"),
        (Body::seekable(moved).unwrap(), "3|789"),
        (Body::seekable_at(Cursor::new("0123456789"), 4).unwrap(), "6|456789"),
        (
            Body::factory(move || {
                count.fetch_add(1, SeqCst);
                Ok(Cursor::new("made"))
            }),
            "chunked|made",
        ),
        (Body::sized_factory(|| Ok(Cursor::new("sized")), 5), "5|sized"),
        (Body::chain([Body::from("a"), Body::factory(|| Ok(Cursor::new("b")))]), "chunked|ab"),
    ];
    for (body, expected) in bodies {
        assert!(body.length().is_replayable(), "{expected}");
        let response = client.post(&server.url("/old")).body(body).send().unwrap();
        assert_eq!(response.text().unwrap(), expected);
    }
    assert_eq!(made.load(SeqCst), 2);
}

#[test]
fn a_body_that_can_be_read_once_is_sent_once_and_never_as_an_empty_one() {
    let (server, client) = (redirecting(), Client::new());
    let bodies: [fn() -> Body; 3] = [
        || Body::reader(Cursor::new("once")),
        || Body::sized_reader(Cursor::new("once"), 4),
        || Body::pieces(["on", "", "ce"]),
    ];
    for body in bodies {
        assert!(!body().length().is_replayable());
        let text = client.post(&server.url("/new")).body(body()).send().unwrap().text().unwrap();
        assert!(text.ends_with("|once"), "{text}");
        let before = server.requests();
        let error = client.post(&server.url("/old")).body(body()).send().unwrap_err();
        assert_eq!(cause(&error), Cause::NotReplayable);
        assert_eq!(server.requests(), before + 1);
    }
}

#[test]
fn each_piece_of_an_iterator_is_a_chunk_and_empty_ones_are_skipped() {
    let server = Server::start(|peer| {
        peer.head().unwrap();
        let raw = peer.take(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".len()).unwrap();
        peer.send(ok(raw));
    });
    let body = Body::pieces(["abc", "", "de"]);
    let text = Client::new().post(&server.url("/")).body(body).send().unwrap().text().unwrap();
    assert_eq!(text, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
}

#[test]
fn a_factory_that_fails_fails_the_request_with_its_error() {
    use std::{error::Error as _, io};

    let server = redirecting();
    let body = Body::factory(|| Err::<io::Empty, _>(io::Error::other("no such blob")));
    let error = Client::new().post(&server.url("/new")).body(body).send().unwrap_err();
    assert_eq!(cause(&error), Cause::Body);
    assert_eq!(error.source().unwrap().to_string(), "no such blob");
}
