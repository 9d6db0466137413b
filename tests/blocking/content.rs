//! Tests the decoding of response bodies.

use std::{
    io::{ErrorKind, Read},
    sync::{Mutex, mpsc},
    time::Duration,
};

use httpool_blocking::{
    Client, Error,
    httpool::{
        content::accept_encoding,
        error::{BodyUnusable, Cause, Reached},
    },
};

use super::{
    cause,
    support::{
        Received, Server,
        coded::{answering, broken, chunked, coded, flushed, gzip, hello, usable},
        ok,
    },
};

#[test]
fn each_coding_is_decoded_and_other_bodies_come_as_they_are_over_one_connection() {
    let cases = usable();
    let server = answering(cases.iter().map(|case| case.answer.clone()).collect());
    let client = Client::new();
    for (at, case) in cases.iter().enumerate() {
        let get = || client.get(&server.url(&format!("/{at}"))).send().unwrap();
        assert_eq!(get().bytes().unwrap(), case.body, "{}", case.name);
        // Reads single bytes.
        let (mut answer, mut body, mut byte) = (get(), Vec::new(), [0]);
        while answer.read(&mut byte).unwrap() > 0 {
            body.extend_from_slice(&byte);
        }
        assert_eq!(body, case.body, "{}", case.name);
        assert_eq!(answer.read(&mut byte).unwrap(), 0);
        assert_eq!(client.stats().idle, 1, "{}", case.name);
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_body_that_cannot_be_decoded_is_an_error_that_says_where_and_closes_its_connection() {
    let cases = broken();
    let server = answering(cases.iter().map(|case| case.answer.clone()).collect());
    let client = Client::new();
    for (at, case) in cases.iter().enumerate() {
        let get = || client.get(&server.url(&format!("/{at}"))).send().unwrap();
        let error = get().bytes().unwrap_err();
        assert!(error.to_string().contains(case.says), "{}: {error}", case.name);
        assert!(error.as_decode_error().is_some(), "{}", case.name);
        assert_eq!(error.reached(), Reached::Answered);
        assert_eq!(error.head().unwrap().status(), 200);
        assert_eq!(client.stats().open, 0, "{}", case.name);
        let mut answer = get();
        let error = answer.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        // Reading on gives the error again.
        let again = answer.read(&mut [0]).unwrap_err().downcast::<Error>().unwrap();
        assert!(again.as_decode_error().is_some(), "{}", case.name);
        drop(answer);
        assert_eq!(client.stats().open, 0, "{}", case.name);
    }
    assert_eq!(server.accepted(), 2 * cases.len());
}

#[test]
fn without_decoding_the_body_comes_as_the_server_sent_it_and_no_coding_is_asked_for() {
    let asked = Mutex::new(Vec::new());
    let server = Server::replying(move |request: &Received| {
        let field = request.field("accept-encoding").unwrap_or("none").to_owned();
        asked.lock().unwrap().push(field.clone());
        coded("gzip", &gzip(field.as_bytes()))
    });
    let url = server.url("/");
    let client = Client::new();
    let all = accept_encoding().unwrap();
    assert_eq!(client.get(&url).send().unwrap().text().unwrap(), all);
    assert_eq!(client.head(&url).send().unwrap().text().unwrap(), "");
    let raw = client.get(&url).decode(false).send().unwrap();
    assert_eq!(raw.bytes().unwrap(), gzip(b"none"));
    let raw = Client::builder().decode(false).build();
    assert_eq!(raw.get(&url).send().unwrap().bytes().unwrap(), gzip(b"none"));
    assert_eq!(raw.get(&url).decode(true).send().unwrap().text().unwrap(), all);
    // An own field stays, and what comes is decoded whatever was asked for.
    let own = client.get(&url).header("accept-encoding", "br;q=1").send().unwrap();
    assert_eq!(own.text().unwrap(), "br;q=1");
    let range = client.get(&url).header("Range", "bytes=0-5").send().unwrap();
    assert_eq!(range.text().unwrap(), "none");
    let bare = Client::builder().no_default_headers().build();
    assert_eq!(bare.get(&url).send().unwrap().text().unwrap(), "none");
    // A prepared request keeps its wish.
    let prepared = client.get(&url).decode(false).build().unwrap();
    assert_eq!(client.send(&prepared).unwrap().bytes().unwrap(), gzip(b"none"));
}

#[test]
fn the_head_describes_the_body_before_it_was_decoded() {
    let body = gzip(&[b'a'; 1000]);
    let server = answering(vec![coded("gzip", &body)]);
    let answer = Client::new().get(&server.url("/0")).send().unwrap();
    assert_eq!(answer.content_length(), Some(body.len() as u64));
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert_eq!(answer.bytes().unwrap(), [b'a'; 1000]);
}

#[test]
fn the_limit_counts_decoded_bytes_and_no_more_are_decoded() {
    let zeros = gzip(&vec![0; 10_000_000]);
    let twice = gzip(&zeros);
    let answers = vec![
        coded("gzip", &gzip(&[b'a'; 1000])),
        coded("gzip", &gzip(&[b'a'; 1001])),
        chunked("gzip, gzip", &twice, 7),
        ok([b'a'; 1000]),
        ok([b'a'; 1001]),
    ];
    let server = answering(answers);
    let client = Client::builder().body_bytes_max(1000).build();
    for (at, fits) in [(0, true), (1, false), (2, false), (3, true), (4, false)] {
        let body = client.get(&server.url(&format!("/{at}"))).send().unwrap().bytes();
        assert_eq!(body.is_ok(), fits, "{at}");
        if let Err(error) = body {
            assert!(error.is_body_too_large(), "{error}");
            assert_eq!(cause(&error), Cause::BodyUnusable(BodyUnusable::TooLong { max: 1000 }));
            assert!(error.to_string().contains("1000 bytes"), "{error}");
            assert!(error.head().is_some());
            assert_eq!(client.stats().leased, 0);
        }
    }
    // The bytes read before do not count.
    let mut answer = client.get(&server.url("/1")).send().unwrap();
    answer.read_exact(&mut [0]).unwrap();
    assert_eq!(answer.bytes().unwrap().len(), 1000);
}

#[test]
fn ten_megabytes_in_a_few_bytes_come_through_a_small_buffer() {
    let server = answering(vec![coded("gzip, gzip", &gzip(&gzip(&vec![0; 10_000_000])))]);
    let client = Client::new();
    let mut answer = client.get(&server.url("/0")).send().unwrap();
    let (mut read, mut buffer) = (0, [1; 1000]);
    loop {
        match answer.read(&mut buffer).unwrap() {
            0 => break,
            count => {
                assert!(buffer[..count].iter().all(|byte| *byte == 0));
                read += count;
            }
        }
    }
    assert_eq!((read, client.stats().idle), (10_000_000, 1));
}

#[test]
fn what_the_server_flushed_is_read_before_more_comes() {
    let (seen, next) = mpsc::channel();
    let next = Mutex::new(next);
    let server = Server::start(move |peer| {
        peer.request().unwrap();
        let (blocks, end) = flushed(&[b"one", b"two", b"three"]);
        let len: usize = blocks.iter().chain([&end]).map(Vec::len).sum();
        peer.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len}\r\n\r\n"
        ));
        for block in &blocks {
            peer.send(block);
            // Only when the client has this.
            next.lock().unwrap().recv().unwrap();
        }
        peer.send(end);
        peer.until_closed();
    });
    let client = Client::new();
    let mut answer = client.get(&server.url("/")).send().unwrap();
    for piece in ["one", "two", "three"] {
        let mut buffer = vec![0; piece.len()];
        answer.read_exact(&mut buffer).unwrap();
        assert_eq!(buffer, piece.as_bytes());
        seen.send(()).unwrap();
    }
    assert_eq!(answer.read(&mut [0; 10]).unwrap(), 0);
    assert_eq!(client.stats().idle, 1);
}

#[test]
fn a_deadline_that_has_passed_ends_a_body_that_has_come_and_is_not_yet_decoded() {
    let server = answering(vec![coded("gzip", &gzip(&vec![0; 100_000_000]))]);
    let client = Client::builder().timeout(Duration::from_millis(50)).build();
    let mut answer = client.get(&server.url("/0")).send().unwrap();
    // Single bytes take far longer than the deadline.
    let error = loop {
        if let Err(error) = answer.read(&mut [0]) {
            break error.downcast::<Error>().unwrap();
        }
    };
    assert!(error.is_timeout(), "{error}");
    assert_eq!(client.stats().open, 0);
}

#[test]
fn a_response_that_is_dropped_is_drained_without_decoding() {
    let server = answering(vec![coded("gzip", b"this is no gzip"), coded("gzip", &hello("gzip"))]);
    let client = Client::new();
    drop(client.get(&server.url("/0")).send().unwrap());
    assert_eq!(client.stats().idle, 1);
    let mut answer = client.get(&server.url("/1")).send().unwrap();
    answer.read_exact(&mut [0; 2]).unwrap();
    drop(answer);
    assert_eq!((client.stats().idle, server.accepted()), (1, 1));
}
