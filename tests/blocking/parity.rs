//! Tests of urllib3 that need a socket: the bytes of requests, and the connections that they use.

use std::{
    io::{self, Cursor, Read, Seek, SeekFrom},
    net::TcpListener,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

use httpool_blocking::{
    Body, Client, Multipart, Part,
    httpool::{
        call::{Policy, Retry},
        error::{Cause, Reached, Violation},
        message::Method,
        time::Deadline,
    },
};

use crate::{
    cause, narrow,
    support::{Server, ok},
};

/// Answers each request with its head, and with the bytes of the body as they came: as many as the
/// field X-Wire says.
fn echoing() -> Server {
    Server::start(|peer| {
        while let Some(head) = peer.head() {
            let wire = head.lines().find_map(|line| line.strip_prefix("X-Wire: "));
            let body = peer.take(wire.map_or(0, |len| len.parse().unwrap())).unwrap();
            peer.send(ok([head.as_bytes(), &body].concat()));
        }
    })
}

/// Sends a body that must come as `wire`, and returns the head.
#[track_caller]
fn sent(
    server: &Server,
    method: &str,
    field: Option<(&str, &str)>,
    body: Body,
    wire: &str,
) -> String {
    let method = Method::new(method).unwrap();
    let client = Client::new();
    let mut request = client.request(method, &server.url("/"));
    if let Some((name, value)) = field {
        request = request.header(name, value);
    }
    let request = request.header("X-Wire", &wire.len().to_string());
    let echo = request.body(body).send().unwrap().text().unwrap();
    let (head, body) = echo.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, wire, "{head}");
    format!("{head}\r\n")
}

#[test]
fn a_body_is_framed_by_its_kind_or_by_the_fields_of_the_request() {
    let server = echoing();
    let chunked = "Transfer-Encoding: chunked\r\n";
    let reader = || Body::reader(Cursor::new("foo\r\nbar"));
    let whole = "foo\r\nbar";
    let framed = "8\r\nfoo\r\nbar\r\n0\r\n\r\n";
    for (field, body, framing, wire) in [
        (None, whole.into(), "Content-Length: 8\r\n", whole),
        (None, "f\u{fc}\u{20ac}".into(), "Content-Length: 6\r\n", "f\u{fc}\u{20ac}"),
        (None, Body::seekable(Cursor::new(whole)).unwrap(), "Content-Length: 8\r\n", whole),
        (None, Body::sized_reader(Cursor::new(whole), 8), "Content-Length: 8\r\n", whole),
        (None, reader(), chunked, framed),
        (
            None,
            Body::chain([reader(), "!".into()]),
            chunked,
            "8\r\nfoo\r\nbar\r\n1\r\n!\r\n0\r\n\r\n",
        ),
        // The fields of the request decide, in any case. A body of known length is one chunk.
        (Some(("transfer-encoding", "Chunked")), whole.into(), chunked, framed),
        (Some(("Transfer-Encoding", "chunked")), reader(), chunked, framed),
        (Some(("content-LENGTH", "8")), whole.into(), "Content-Length: 8\r\n", whole),
        (Some(("Content-Length", "8")), reader(), "Content-Length: 8\r\n", whole),
        // No bytes: the last chunk alone.
        (Some(("Transfer-Encoding", "chunked")), Body::empty(), chunked, "0\r\n\r\n"),
        (Some(("Transfer-Encoding", "chunked")), "".into(), chunked, "0\r\n\r\n"),
        (None, Body::reader(io::empty()), chunked, "0\r\n\r\n"),
    ] {
        let head = sent(&server, "POST", field, body, wire);
        let lines = head.lines().filter(|line| {
            let name = line.split(':').next().unwrap().to_lowercase();
            name == "content-length" || name == "transfer-encoding"
        });
        assert_eq!(lines.collect::<Vec<_>>(), [framing.trim_end()], "{head}");
    }
    for (method, length) in [("POST", true), ("PUT", true), ("PATCH", true), ("GET", false)] {
        let head = sent(&server, method, None, Body::empty(), "");
        assert_eq!(head.contains("Content-Length: 0\r\n"), length, "{head}");
        assert!(!head.contains("Transfer-Encoding"), "{head}");
    }
}

#[test]
fn each_field_of_the_client_is_sent_once_unless_the_request_has_its_own() {
    let server = echoing();
    let count = |head: &str, name: &str| {
        let start = format!("{name}:");
        head.lines().filter(|line| line.to_lowercase().starts_with(&start)).count()
    };
    let client = Client::new();
    let get = |name: &str, value: &str| {
        client.get(&server.url("/")).header(name, value).send().unwrap().text().unwrap()
    };
    let head = get("X", "y");
    for name in ["host", "user-agent", "accept", "accept-encoding"] {
        assert_eq!(count(&head, name), 1, "{head}");
    }
    assert!(head.contains("User-Agent: httpool/"), "{head}");
    for name in ["User-Agent", "user-agent", "uSeR-AgEnT"] {
        let head = get(name, "mine");
        assert!(count(&head, "user-agent") == 1 && head.contains(": mine\r\n"), "{head}");
    }
    let head = get("hoST", "virtual.test");
    assert!(count(&head, "host") == 1 && head.contains("virtual.test"), "{head}");
    // Without default fields, only Host is left.
    let bare = Client::builder().no_default_headers().build();
    let head = bare.get(&server.url("/")).decode(false).send().unwrap().text().unwrap();
    assert_eq!(head.trim_end().lines().count(), 2, "{head}");
    assert_eq!(count(&head, "host"), 1);
}

#[test]
fn the_fields_of_a_response_keep_their_lines_order_and_case() {
    let server = Server::start(|peer| {
        while peer.head().is_some() {
            let mut head =
                "HTTP/1.1 200 OK\r\nSet-Cookie: foo=1\r\nSet-Cookie: bar=1\r\n".to_owned();
            head.extend((0..16).map(|n| format!("X-HeAdEr-{n}: v{n}\r\n")));
            peer.send(format!("{head}Content-Length: 0\r\n\r\n"));
        }
    });
    let response = Client::new().get(&server.url("/")).send().unwrap();
    let fields = response.headers();
    let cookies: Vec<_> = fields.get_all("set-cookie").collect();
    assert_eq!(cookies, [b"foo=1", b"bar=1"]);
    let names: Vec<_> = fields.iter().map(|field| field.name().to_owned()).collect();
    let expected: Vec<_> = (0..16).map(|n| format!("X-HeAdEr-{n}")).collect();
    assert_eq!(names[2..18], expected);
    assert_eq!(response.header("x-header-7"), Some("v7"));
}

#[test]
fn a_connection_is_kept_or_not_as_each_response_says() {
    let server = Server::start(|peer| {
        while let Some(request) = peer.request() {
            match request.target() {
                "/close" => {
                    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
                    return peer.send(head);
                }
                _ => peer.answer("kept"),
            }
        }
    });
    let client = narrow();
    for (path, accepted, idle) in
        [("/keep", 1, 1), ("/close", 1, 0), ("/keep", 2, 1), ("/keep", 2, 1), ("/close", 2, 0)]
    {
        client.get(&server.url(path)).send().unwrap().bytes().unwrap();
        assert_eq!((server.accepted(), client.stats().idle), (accepted, idle), "{path}");
    }
}

/// The first connection falls silent when it has the request; the others answer.
fn silent_at_first() -> Server {
    Server::start(|peer| {
        while peer.request().is_some() {
            if peer.number == 0 {
                return peer.until_closed();
            }
            peer.answer("hello");
        }
    })
}

#[test]
fn a_silent_server_is_asked_again_for_a_get_and_not_for_a_post() {
    let short = |retries| {
        let mut policy = Policy::default();
        policy.timeout.first_byte = Some(Duration::from_millis(50));
        policy.retry = Retry::new(retries);
        policy
    };
    // A slow computer may miss the deadline more than once.
    let (server, client) = (silent_at_first(), narrow());
    let response = client.get(&server.url("/")).policy(short(100)).send().unwrap();
    assert_eq!(response.history()[0].cause, Some(Cause::Timeout(Deadline::FirstByte)));
    assert_eq!(response.text().unwrap(), "hello");

    let (server, client) = (silent_at_first(), narrow());
    let error = client.post(&server.url("/")).policy(short(3)).send().unwrap_err();
    assert_eq!(cause(&error), Cause::Timeout(Deadline::FirstByte));
    assert_eq!((error.reached(), client.stats().open), (Reached::Sent, 0));
    // The next call of the same client has its own deadline, and another connection.
    assert_eq!(client.post(&server.url("/")).send().unwrap().text().unwrap(), "hello");
    assert_eq!(server.accepted(), 2);
}

#[test]
fn a_body_that_stalls_or_is_cut_ends_its_connection_and_the_next_call_has_another() {
    for (answer, closes, expected) in [
        ("Content-Length: 9\r\n\r\nhalf", false, Cause::Timeout(Deadline::Stall)),
        ("Transfer-Encoding: chunked\r\n\r\n8\r\n1234", false, Cause::Timeout(Deadline::Stall)),
        ("Content-Length: 8\r\n\r\n12", true, Cause::Violation(Violation::Truncated)),
        ("Transfer-Encoding: chunked\r\n\r\n8\r\n12", true, Cause::Violation(Violation::Truncated)),
        ("Transfer-Encoding: chunked\r\n\r\nZZZ\r\n", false, Cause::Violation(Violation::Chunk)),
    ] {
        let server = Server::start(move |peer| {
            while peer.request().is_some() {
                if peer.number > 0 {
                    peer.answer("hello");
                    continue;
                }
                peer.send(format!("HTTP/1.1 200 OK\r\n{answer}"));
                if !closes {
                    peer.until_closed();
                }
                return;
            }
        });
        let mut policy = Policy::default();
        if expected == Cause::Timeout(Deadline::Stall) {
            policy.timeout.stall = Some(Duration::from_millis(50));
        }
        let client = narrow();
        let request = client.get(&server.url("/")).policy(policy);
        let error = request.send().unwrap().bytes().unwrap_err();
        assert_eq!((cause(&error), client.stats().open), (expected, 0), "{answer}");
        assert_eq!(client.get(&server.url("/")).send().unwrap().text().unwrap(), "hello");
        assert_eq!(server.accepted(), 2);
    }
}

#[test]
fn a_connection_that_is_used_again_has_the_deadlines_of_each_call() {
    let (done, wait_until_done) = mpsc::channel::<()>();
    let wait_until_done = Mutex::new(wait_until_done);
    let server = Server::start(move |peer| {
        peer.request();
        peer.answer("first");
        peer.request();
        wait_until_done.lock().unwrap().recv().ok();
    });
    let client = narrow();
    let long = Policy::default();
    client.get(&server.url("/")).policy(long).send().unwrap().bytes().unwrap();
    let mut short = Policy::default();
    short.timeout.first_byte = Some(Duration::from_millis(50));
    let error = client.get(&server.url("/")).policy(short).send().unwrap_err();
    assert_eq!(cause(&error), Cause::Timeout(Deadline::FirstByte));
    assert_eq!(server.accepted(), 1, "the second call used the first connection");
    drop(done);
}

#[test]
fn a_file_is_sent_again_whole_after_a_status_that_is_retried() {
    let tries = AtomicU32::new(0);
    let server = Server::replying(move |request| match tries.fetch_add(1, SeqCst) {
        0 => b"HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => ok(&request.body),
    });
    let content: Vec<u8> =
        (0..65_536_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    let body = Body::seekable(Cursor::new(content.clone())).unwrap();
    let retry = Retry::new(3).on_statuses([418]);
    let response = Client::new().put(&server.url("/")).retry(retry).body(body).send().unwrap();
    assert_eq!(response.history()[0].status.unwrap(), 418);
    assert_eq!(response.url().as_str(), server.url("/"));
    assert!(response.bytes().unwrap() == content);
    assert_eq!(server.accepted(), 1);
}

/// A source that is set back as often as its number says, and no more.
struct Tiring(Cursor<&'static str>, u32);

impl Read for Tiring {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Seek for Tiring {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        if self.1 == 0 {
            return Err(io::Error::other("worn out"));
        }
        self.1 -= 1;
        self.0.seek(to)
    }
}

#[test]
fn a_body_whose_source_cannot_be_set_back_fails_the_redirect() {
    let server = Server::replying(|_| {
        b"HTTP/1.1 307 R\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n".to_vec()
    });
    // Its length takes three seeks.
    let body = Body::seekable(Tiring(Cursor::new("once"), 3)).unwrap();
    let client = Client::new();
    let error = client.put(&server.url("/")).body(body).send().unwrap_err();
    assert_eq!((cause(&error), server.requests()), (Cause::NotReplayable, 1), "{error}");
    assert_eq!(client.stats().leased, 0);
}

#[test]
fn an_ipv6_address_is_reached_by_its_url() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        return eprintln!("!! NOT CHECKED: this system has no IPv6");
    };
    let server = Server::start_on(listener, |peer| {
        while let Some(head) = peer.head() {
            peer.answer(&head);
        }
    });
    let port = server.port();
    let echo = Client::new().get(&format!("http://[::1]:{port}/")).send().unwrap().text().unwrap();
    assert!(echo.contains(&format!("Host: [::1]:{port}\r\n")), "{echo}");
}

#[test]
fn a_part_of_a_body_is_read_and_then_the_rest() {
    let server = Server::answering("hello world");
    for pieces in [&[5][..], &[0, 1, 2, 0], &[11, 1], &[20]] {
        let mut response = Client::new().get(&server.url("/")).send().unwrap();
        let mut whole = Vec::new();
        for &len in pieces {
            let mut piece = vec![0; len];
            let read = response.read(&mut piece).unwrap();
            assert!(read <= len && (read > 0 || len == 0 || whole.len() == 11), "{pieces:?}");
            whole.extend_from_slice(&piece[..read]);
        }
        whole.extend(response.bytes().unwrap());
        assert_eq!(whole, b"hello world", "{pieces:?}");
    }
}

#[test]
fn names_that_are_given_twice_are_sent_twice_and_file_names_are_utf_8() {
    let server = Server::replying(|request| ok(&request.body));
    let client = Client::new();
    let post = || client.post(&server.url("/"));
    let form = post().form([("foo", "a"), ("bar", "c"), ("foo", "b")]).send().unwrap();
    assert_eq!(form.text().unwrap(), "foo=a&bar=c&foo=b");
    let file = Part::new(&b"\xff\x00"[..]).file_name("\u{fc}mlaut.txt");
    let parts = Multipart::with_boundary("XX").text("foo", "a").text("foo", "b").part("f", file);
    let sent = post().multipart(parts).send().unwrap().bytes().unwrap();
    let expected = "--XX\r\nContent-Disposition: form-data; name=\"foo\"\r\n\r\na\r\n\
                    --XX\r\nContent-Disposition: form-data; name=\"foo\"\r\n\r\nb\r\n\
                    --XX\r\nContent-Disposition: form-data; name=\"f\"; \
                    filename=\"\u{fc}mlaut.txt\"\r\n\r\n";
    assert_eq!(sent, [expected.as_bytes(), b"\xff\x00\r\n--XX--\r\n"].concat());
}
