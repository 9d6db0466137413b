//! Bodies that come in chunks.

use std::sync::{Mutex, mpsc};

use httpool_blocking::{
    Client,
    urllib3::{HttpResponse, ResponseNotChunked, ResponseOptions},
};

use super::{WAYS, fetch, sending, streamed};
use crate::support::{
    Server,
    coded::{chunked, gzip, hello},
    ok,
};

/// A response with these bytes as its chunked body.
fn raw(body: &[u8]) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body].concat()
}

fn pieces(response: &mut HttpResponse, max: usize) -> Vec<String> {
    let pieces = response.read_chunked(max).unwrap();
    pieces.map(|piece| String::from_utf8(piece.unwrap()).unwrap()).collect()
}

#[test]
fn read_chunked_never_joins_chunks_and_splits_long_ones() {
    let server = sending(raw(b"3\r\nfoo\r\n5;asd=qwe\r\nhello\r\n1\r\n \r\n3\r\nbar\r\n0\r\n\r\n"));
    let client = Client::new();
    for (max, expected) in [
        (usize::MAX, vec!["foo", "hello", " ", "bar"]),
        (5, vec!["foo", "hello", " ", "bar"]),
        (2, vec!["fo", "o", "he", "ll", "o", " ", "ba", "r"]),
        (0, vec![]),
    ] {
        let mut response = streamed(&client, &server);
        assert!(response.chunked());
        assert_eq!(pieces(&mut response, max), expected);
    }
    // Also after another read.
    let mut response = streamed(&client, &server);
    assert_eq!(response.read_bytes(5).unwrap(), b"foohe");
    assert_eq!(pieces(&mut response, 9), ["llo", " ", "bar"]);
    assert_eq!(client.stats().idle, 1);
}

#[test]
fn chunks_longer_than_a_buffer_come_in_pieces_of_one_chunk_each() {
    let body: Vec<u8> = [vec![b'a'; 100_000], vec![b'b'; 10], vec![b'c'; 70_000]].concat();
    let mut answer = raw(b"");
    for chunk in [&body[..100_000], &body[100_000..100_010], &body[100_010..]] {
        answer.extend(format!("{:x}\r\n", chunk.len()).bytes());
        answer.extend([chunk, b"\r\n"].concat());
    }
    answer.extend(b"0\r\n\r\n");
    let server = sending(answer);
    let mut response = streamed(&Client::new(), &server);
    let mut all = Vec::new();
    for piece in response.read_chunked(usize::MAX).unwrap() {
        let piece = piece.unwrap();
        assert!(piece.iter().all(|byte| *byte == piece[0]));
        all.extend(piece);
    }
    assert_eq!(all, body);
}

#[test]
fn each_chunk_is_handed_over_when_it_comes() {
    let (go, gone) = mpsc::channel();
    let gone = Mutex::new(gone);
    let server = Server::start(move |peer| {
        peer.request().unwrap();
        peer.send(raw(b"3\r\none\r\n"));
        for chunk in [&b"3\r\ntwo\r\n"[..], b"0\r\n\r\n"] {
            gone.lock().unwrap().recv().unwrap();
            peer.send(chunk);
        }
        peer.until_closed();
    });
    let client = Client::new();
    let mut response = streamed(&client, &server);
    let mut pieces = response.stream(1000);
    assert_eq!(pieces.next().unwrap().unwrap(), b"one");
    go.send(()).unwrap();
    assert_eq!(pieces.next().unwrap().unwrap(), b"two");
    go.send(()).unwrap();
    assert!(pieces.next().is_none() && pieces.next().is_none());
    assert_eq!(client.stats().idle, 1);
}

#[test]
fn a_coded_body_in_chunks_is_decoded_by_stream_and_read_chunked() {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        for piece in [1, 2, 1000] {
            let server = sending(chunked(coding, &hello(coding), piece));
            let mut response = streamed(&Client::new(), &server);
            assert_eq!(pieces(&mut response, 1000).concat(), "hello", "{coding} {piece}");
            let options = ResponseOptions::default().preload_content(false).decode_content(false);
            let mut response = fetch(&Client::new(), &server, options);
            let pieces: Result<Vec<_>, _> = response.read_chunked(1000).unwrap().collect();
            let raw: Vec<_> = hello(coding).chunks(piece).map(<[u8]>::to_vec).collect();
            assert_eq!(pieces.unwrap(), raw, "{coding} {piece}");
        }
    }
    // Each chunk is a member of its own, and nothing of two of them is joined.
    let (one, two) = (gzip(b"foo"), gzip(b"bar"));
    assert_eq!(one.len(), two.len());
    let server = sending(chunked("gzip", &[&one[..], &two].concat(), one.len()));
    assert_eq!(pieces(&mut streamed(&Client::new(), &server), 9), ["foo", "bar"]);
}

#[test]
fn a_body_without_chunks_cannot_be_read_as_chunks() {
    let server = sending(ok("hello"));
    let mut response = streamed(&Client::new(), &server);
    assert!(!response.chunked());
    let error: ResponseNotChunked = response.read_chunked(5).unwrap_err();
    assert!(error.to_string().contains("Transfer-Encoding: chunked"), "{error}");
    assert_eq!(response.read_all().unwrap(), b"hello");
}

#[test]
fn the_response_to_head_has_no_chunks_and_frees_its_connection() {
    let server = sending(raw(b""));
    let client = Client::new();
    for _ in 0..2 {
        let options = ResponseOptions::default().preload_content(false);
        let response = client.head(&server.url("/")).send().unwrap();
        let mut response = HttpResponse::new(response, options).unwrap();
        assert_eq!(client.stats().idle, 1);
        assert_eq!(response.read_chunked(9).unwrap().count(), 0);
        assert_eq!(response.length_remaining(), Some(0));
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn trailers_are_there_after_the_body() {
    let server = sending(raw(b"2\r\nhi\r\n0\r\nDigest: x\r\nX-Sum: 1\r\n\r\n"));
    for (way, read) in WAYS {
        let mut response = streamed(&Client::new(), &server);
        read(&mut response).unwrap();
        let trailers = response.trailers().unwrap();
        assert_eq!(trailers.get_str("x-sum"), Some("1"), "{way}");
    }
    let preloaded = fetch(&Client::new(), &server, ResponseOptions::default());
    assert_eq!(preloaded.trailers().unwrap().get_str("digest"), Some("x"));
}

#[test]
fn framing_that_is_wrong_or_endless_is_an_error_of_every_read() {
    let extension = [b"1;".as_slice(), &vec![b'x'; 10_000_000], b"\r\na\r\n0\r\n\r\n"].concat();
    let trailer = [b"1\r\na\r\n0\r\nX: ".as_slice(), &vec![b'x'; 10_000_000], b"\r\n\r\n"].concat();
    let trailers =
        [b"1\r\na\r\n0\r\n".as_slice(), &b"X: y\r\n".repeat(1_000_000), b"\r\n"].concat();
    for body in [
        b"ZZZ\r\nabc\r\n0\r\n\r\n".as_slice(),
        b"-2\r\nab\r\n0\r\n\r\n",
        b"1_0\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        &extension,
        &trailer,
        &trailers,
    ] {
        let server = super::ending(raw(body));
        let client = Client::new();
        for (way, read) in WAYS {
            let error = read(&mut streamed(&client, &server)).unwrap_err();
            let text = body.escape_ascii().to_string();
            assert!(error.as_failure().is_some(), "{way} {}: {error}", &text[..12]);
            assert_eq!(client.stats().open, 0);
        }
        let mut response = streamed(&client, &server);
        assert!(response.read_chunked(99).unwrap().last().unwrap().is_err());
    }
}
