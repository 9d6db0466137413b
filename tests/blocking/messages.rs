//! Tests absent and long bodies, and the use of the connection afterwards.

use std::io::Read;

use httpool_blocking::{
    Client,
    httpool::error::{Cause, Violation},
};

use crate::{
    cause,
    support::{Server, ok},
};

fn answer_always(answer: &'static str) -> Server {
    Server::replying(move |_| answer.into())
}

#[test]
fn what_has_no_body_is_not_waited_for() {
    let server = Server::replying(|request| match request.target() {
        "/head" => "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".into(),
        "/204" => "HTTP/1.1 204 No Content\r\n\r\n".into(),
        _ => "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n".into(),
    });
    let client = Client::new();
    let head = client.head(&server.url("/head")).send().unwrap();
    assert_eq!(head.content_length(), Some(1000));
    assert_eq!(head.bytes().unwrap(), b"");
    for (path, status) in [("/204", 204), ("/304", 304)] {
        let response = client.get(&server.url(path)).send().unwrap();
        assert_eq!(response.status(), status);
        assert!(response.reused());
        assert_eq!(response.bytes().unwrap(), b"");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_large_body_comes_whole_by_either_way_of_reading() {
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let answer = ok(&body);
    let server = Server::replying(move |_| answer.clone());
    let client = Client::new();
    assert_eq!(client.get(&server.url("/")).send().unwrap().bytes().unwrap(), body);
    let mut response = client.get(&server.url("/")).send().unwrap();
    let mut piecewise = Vec::new();
    let mut piece = [0; 10_007];
    loop {
        match response.read(&mut piece).unwrap() {
            0 => break,
            read => piecewise.extend_from_slice(&piece[..read]),
        }
    }
    assert_eq!(piecewise, body);
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_connection_that_the_server_will_close_is_not_kept() {
    let server =
        answer_always("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    let client = Client::new();
    assert_eq!(client.get(&server.url("/")).send().unwrap().text().unwrap(), "ok");
    assert_eq!(client.stats().open, 0);
}

#[test]
fn padded_chunk_sizes_are_read() {
    let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    answer.extend(b"0005 \t\r\nhello\r\n1 ;a=b\r\n \r\n");
    answer.extend(
        b"0001000    \r\n"
            .iter()
            .chain(&[b'x'; 0x1000])
            .chain(b"\r\n")
            .cycle()
            .take(8_000 * (b"0001000    \r\n\r\n".len() + 0x1000)),
    );
    answer.extend(b"0  \r\n\r\n");
    let server = Server::replying(move |_| answer.clone());
    let client = Client::new();
    for _ in 0..2 {
        let body = client.get(&server.url("/")).send().unwrap().bytes().unwrap();
        assert!(body.starts_with(b"hello xxx"));
        assert_eq!(body.len(), 6 + 8_000 * 0x1000);
    }
    assert_eq!(server.accepted(), 1);
    let digits = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 0\r\nhello";
    let error = client.get(&answer_always(digits).url("/")).send().unwrap().bytes().unwrap_err();
    assert_eq!(cause(&error), Cause::Violation(Violation::Chunk));
    assert_eq!(client.stats().leased, 0);
}

#[test]
fn the_largest_content_length_is_longer_than_wanted() {
    let server = answer_always("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n");
    let client = Client::new();
    let response = client.get(&server.url("/")).send().unwrap();
    assert_eq!(response.content_length(), Some(u64::MAX));
    assert!(response.bytes().unwrap_err().is_body_too_large());
    let one_more = "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n";
    let error = client.get(&answer_always(one_more).url("/")).send().unwrap_err();
    assert_eq!(cause(&error), Cause::Violation(Violation::ContentLength));
    assert_eq!(client.stats().open, 0);
}

#[test]
fn the_url_of_a_response_keeps_the_fragment_which_is_not_sent() {
    let server = Server::replying(|request| match request.target() {
        "/from" => "HTTP/1.1 302 F\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n".into(),
        "/away" => "HTTP/1.1 302 F\r\nLocation: /to#b\r\nContent-Length: 0\r\n\r\n".into(),
        _ => ok(&request.head),
    });
    let client = Client::new();
    for (from, to) in [("/from#a", "/to#a"), ("/away#a", "/to#b"), ("/to#a", "/to#a")] {
        let response = client.get(&server.url(from)).send().unwrap();
        assert_eq!(response.url().as_str(), server.url(to));
        assert!(response.text().unwrap().starts_with("GET /to HTTP/1.1\r\n"));
    }
}
