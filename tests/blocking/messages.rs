//! Every way in which a body may end, and the connection's use afterwards.

use std::io::Read;

use httpool_blocking::Client;

use crate::support::{Server, ok};

fn answer_always(answer: &'static str) -> Server {
    Server::answering(move |_| answer.into())
}

#[test]
fn a_body_with_a_length_comes_whole_and_the_connection_serves_again() {
    let server = Server::answering(|request| ok(&request.target));
    let client = Client::new();
    let first = client.get(&server.url("/one")).send().unwrap();
    assert_eq!((first.status().as_u16(), first.reused()), (200, false));
    let conn = first.connection();
    assert_eq!(first.text().unwrap(), "/one");
    let second = client.get(&server.url("/two")).send().unwrap();
    assert_eq!((second.connection(), second.reused()), (conn, true));
    assert_eq!(second.text().unwrap(), "/two");
    assert_eq!((server.connections(), server.requests()), (1, 2));
}

#[test]
fn chunks_are_joined_and_trailers_kept() {
    let server = answer_always(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
         5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n",
    );
    let client = Client::new();
    for reused in [false, true] {
        let mut response = client.get(&server.url("/")).send().unwrap();
        assert_eq!(response.reused(), reused);
        let mut body = String::new();
        response.read_to_string(&mut body).unwrap();
        assert_eq!(body, "hello world");
        assert_eq!(response.trailers().unwrap().get_str("x-sum"), Some("11"));
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_body_may_end_with_the_connection() {
    let server = Server::scripted(|_, peer| {
        if peer.request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
        }
    });
    let client = Client::new();
    for _ in 0..2 {
        let response = client.get(&server.url("/")).send().unwrap();
        assert_eq!(response.content_length(), None);
        assert_eq!(response.text().unwrap(), "until the end");
        assert_eq!(client.stats().open, 0);
    }
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_body_cut_short_is_an_error() {
    use httpool_blocking::httpool::error::{Cause, Violation};
    let server = Server::scripted(|_, peer| {
        if peer.request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        }
    });
    let client = Client::new();
    let error = client.get(&server.url("/")).send().unwrap().bytes().unwrap_err();
    assert_eq!(crate::cause(&error), Cause::Violation(Violation::Truncated));
    assert_eq!(client.stats().open, 0);
}

#[test]
fn what_has_no_body_is_not_waited_for() {
    let server = Server::answering(|request| match request.target.as_str() {
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
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_large_body_comes_whole_by_either_way_of_reading() {
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let answer = ok(&body);
    let server = Server::answering(move |_| answer.clone());
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
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_connection_that_the_server_will_close_is_not_kept() {
    let server =
        answer_always("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    let client = Client::new();
    assert_eq!(client.get(&server.url("/")).send().unwrap().text().unwrap(), "ok");
    assert_eq!(client.stats().open, 0);
}
