//! Tests the bodies of requests and responses.

use std::{
    error::Error as _,
    io::{self, Cursor, Read},
    sync::{Arc, Mutex},
};

use httpool_mio::{
    Body, Driver,
    httpool::{
        call::Policy,
        client::Waiting,
        error::{Cause, Violation},
    },
};

use crate::{
    World, cause,
    support::{Received, Server, ok},
};

/// Answers each request with the same bytes, then closes the connection if `close`.
fn saying(answer: &'static str, close: bool) -> Server {
    Server::start(move |peer| {
        while peer.request().is_some() {
            peer.send(answer);
            if close {
                break;
            }
        }
    })
}

/// Answers with the framing of the request's body, and the body.
fn echo() -> Server {
    Server::replying(|request: &Received| {
        let framing = request.field("content-length").map_or("chunked", |_| "length");
        ok([framing.as_bytes(), b" ", &request.body].concat())
    })
}

/// A reader that the test fills, and that would block when it is empty.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<(Vec<u8>, bool)>>);

impl Pipe {
    fn put(&self, bytes: &[u8]) {
        self.0.lock().unwrap().0.extend_from_slice(bytes);
    }

    fn end(&self) {
        self.0.lock().unwrap().1 = true;
    }
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (bytes, ended) = &mut *self.0.lock().unwrap();
        if bytes.is_empty() {
            return if *ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        let len = bytes.len().min(into.len());
        into[..len].copy_from_slice(&bytes[..len]);
        bytes.drain(..len);
        Ok(len)
    }
}

#[test]
fn a_body_that_has_nothing_yet_is_asked_again_when_it_is_ready() {
    for known in [false, true] {
        let (server, mut world, pipe) = (echo(), World::new(), Pipe::default());
        let body = match known {
            true => Body::sized_reader(pipe.clone(), 9),
            false => Body::reader(pipe.clone()),
        };
        let call = world.client().post(&server.url("/")).body(body).send().unwrap();
        for piece in [&b"one"[..], b"two", b"six"] {
            world.until(|world| world.client().why(call) == Some(Waiting::Body));
            pipe.put(piece);
            // The call waits until `body_ready` is called.
            world.turn();
            assert_eq!(world.client().why(call), Some(Waiting::Body));
            world.client().body_ready(call);
            world.turn();
        }
        pipe.end();
        world.client().body_ready(call);
        let seen = if known { "length onetwosix" } else { "chunked onetwosix" };
        world.until_told("end");
        assert_eq!(String::from_utf8(std::mem::take(&mut world.body)).unwrap(), seen);
        // The connection is kept, since both messages are complete.
        assert_eq!(world.stats().idle, 1);
    }
}

#[test]
fn bodies_of_any_kind_arrive_whole() {
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| n as u8).collect();
    let bodies: [fn(Vec<u8>) -> Body; 3] = [
        Body::from,
        |bytes| Body::reader(Cursor::new(bytes)),
        |bytes| Body::seekable(Cursor::new(bytes)).unwrap(),
    ];
    let (server, mut world) = (echo(), World::new());
    for body in bodies {
        let body = body(large.clone());
        let call = world.client().post(&server.url("/")).body(body).send().unwrap();
        let answer = world.driver.fetch(call).unwrap().bytes();
        assert!(answer.ends_with(&large));
    }
    let call = world.client().post(&server.url("/")).body("").send().unwrap();
    assert_eq!(world.driver.fetch(call).unwrap().text(), "length ");
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_body_held_back_goes_when_the_server_says_so() {
    let server = Server::start(|peer| {
        let head = peer.head().unwrap();
        assert!(head.contains("Expect: 100-continue"));
        peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        let body = peer.take(4).unwrap();
        peer.send(ok(body));
    });
    let mut world = World::new();
    let call = world.client().post(&server.url("/")).expect_continue(true).body("body");
    let call = call.send().unwrap();
    assert_eq!(world.driver.fetch(call).unwrap().text(), "body");
}

#[test]
fn a_body_that_fails_or_is_too_short_ends_its_call() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let (server, mut world) = (echo(), World::new());
    let call = world.client().post(&server.url("/")).body(Body::reader(Broken)).send().unwrap();
    let error = world.driver.fetch(call).unwrap_err();
    assert_eq!(cause(&error), Cause::Body);
    assert_eq!(error.source().unwrap().to_string(), "the disk is gone");

    let short = Body::sized_reader(Cursor::new("short"), 10);
    let call = world.client().post(&server.url("/")).body(short).send().unwrap();
    let error = world.driver.fetch(call).unwrap_err();
    assert!(matches!(cause(&error), Cause::Misuse(_)), "{error}");
    assert_eq!((world.stats().open, server.requests()), (0, 0));
}

#[test]
fn chunks_trailers_and_interim_heads() {
    let server = saying(
        "HTTP/1.1 103 Early\r\nLink: l\r\n\r\nHTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\
         \r\n3\r\none\r\n4;x=y\r\n two\r\n0\r\nDigest: d\r\n\r\n",
        false,
    );
    let mut policy = Policy::default();
    policy.show_interim = true;
    let mut world = World::with(Driver::builder().policy(policy));
    for reused in [false, true] {
        let answer = world.fetch(&server.url("/")).unwrap();
        assert_eq!((answer.reason(), answer.minor_version()), (&b"Fine"[..], 1));
        assert_eq!(answer.interim()[0].headers().get_str("link"), Some("l"));
        assert_eq!(answer.trailers().unwrap().get_str("digest"), Some("d"));
        assert_eq!(answer.reused(), reused);
        assert_eq!(answer.text(), "one two");
    }
}

/// A response that comes byte by byte is read like a whole one.
#[test]
fn a_response_byte_by_byte() {
    let server = Server::start(|peer| {
        peer.tcp.set_nodelay(true).unwrap();
        while peer.request().is_some() {
            let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                          3\r\none\r\n4;x=y\r\n two\r\n0\r\nDigest: d\r\n\r\n";
            for byte in answer.as_bytes() {
                peer.send([*byte]);
            }
        }
    });
    let mut world = World::new();
    for _ in 0..20 {
        let answer = world.fetch(&server.url("/")).unwrap();
        assert_eq!(answer.trailers().unwrap().get_str("digest"), Some("d"));
        assert_eq!(answer.text(), "one two");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_long_head_is_taken_whole_and_one_too_long_is_not() {
    let head = |bytes: usize| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Long: {}\r\n\r\nok", "x".repeat(bytes))
    };
    let server = Server::replying(move |request| {
        head(if request.target() == "/long" { 60_000 } else { 70_000 }).into()
    });
    let mut world = World::new();
    let answer = world.fetch(&server.url("/long")).unwrap();
    assert_eq!((answer.header("x-long").unwrap().len(), &*answer.text()), (60_000, "ok"));
    let error = world.fetch(&server.url("/too-long")).unwrap_err();
    assert!(matches!(cause(&error), Cause::Violation(Violation::TooLarge(_))), "{error}");
}

#[test]
fn bodies_end_with_the_connection_or_are_not_there() {
    let mut world = World::new();
    let server = saying("HTTP/1.1 200 OK\r\n\r\nto the end", true);
    assert_eq!(world.fetch(&server.url("/")).unwrap().text(), "to the end");
    let server = saying("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", false);
    for _ in 0..2 {
        let call = world.client().head(&server.url("/")).send().unwrap();
        assert_eq!(world.driver.fetch(call).unwrap().bytes(), b"");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_body_that_is_cut_is_an_error_that_has_the_head() {
    let server = saying("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", true);
    let error = World::new().fetch(&server.url("/")).unwrap_err();
    assert_eq!(cause(&error), Cause::Violation(Violation::Truncated));
    assert_eq!(error.head().unwrap().status(), 200);
}

#[test]
fn a_body_longer_than_wanted_is_an_error() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n",
    ] {
        let server = saying(answer, false);
        let mut world = World::with(Driver::builder().body_bytes_max(8));
        let error = world.fetch(&server.url("/")).unwrap_err();
        assert!(error.is_body_too_large(), "{error}");
        assert_eq!(error.head().unwrap().status(), 200);
        // The rest of the body is dropped, and the connection is free.
        world.until(|world| world.stats().leased == 0);
        let mut world = World::with(Driver::builder().body_bytes_max(9));
        assert_eq!(world.fetch(&server.url("/")).unwrap().text(), "123456789");
    }
}
