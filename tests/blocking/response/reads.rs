//! The ways to read a body.

use std::io::{BufRead, Read};

use httpool_blocking::{Client, urllib3::ResponseOptions};

use super::{WAYS, fetch, sending, streamed};
use crate::support::{
    coded::{chunked, coded, gzip, hello, zlib},
    ok,
};

/// "hello" in each coding and framing.
fn hellos() -> Vec<Vec<u8>> {
    let mut answers = vec![ok("hello"), chunked("identity", b"hello", 2)];
    for coding in ["gzip", "x-gzip", "deflate", "br", "zstd"] {
        answers.push(coded(coding, &hello(coding)));
        for piece in [1, 2, 100] {
            answers.push(chunked(coding, &hello(coding), piece));
        }
    }
    answers.push(coded("DeFlAtE", &hello("raw deflate")));
    answers.push(coded("deflate, gzip", &gzip(&zlib(b"hello"))));
    answers.push(b"HTTP/1.0 200 OK\r\n\r\nhello".to_vec());
    answers
}

#[test]
fn every_way_to_read_returns_the_decoded_body_whatever_the_framing() {
    for answer in hellos() {
        let closes = answer.starts_with(b"HTTP/1.0");
        let server = if closes { super::ending(answer) } else { sending(answer) };
        let client = Client::new();
        for (way, read) in WAYS {
            for preload in [false, true] {
                let options = ResponseOptions::default().preload_content(preload);
                let mut response = fetch(&client, &server, options);
                assert_eq!(read(&mut response).unwrap(), b"hello", "{way}");
                assert!(response.is_closed());
                assert_eq!(client.stats().idle, usize::from(!closes), "{way}");
                // The bytes that `data` has kept can be read from their start.
                let again = if way == "data" { &b"hello"[..] } else { b"" };
                assert_eq!(response.read_all().unwrap(), again, "{way}");
            }
        }
    }
}

#[test]
fn a_preloaded_body_is_kept_and_its_connection_is_free() {
    let server = sending(ok(vec![b'x'; 200_000]));
    let client = Client::new();
    let mut response = fetch(&client, &server, ResponseOptions::default());
    assert_eq!((client.stats().leased, client.stats().idle), (0, 1));
    for _ in 0..2 {
        assert_eq!(response.data().unwrap(), vec![b'x'; 200_000]);
    }
    assert!(response.is_closed() && response.shutdown_handle().is_none());
    // Its connection is not touched.
    response.close();
    assert_eq!(client.stats().idle, 1);
    assert_eq!(response.data().unwrap().len(), 200_000);
}

#[test]
fn data_of_a_streamed_body_is_read_when_it_is_asked_for_and_kept() {
    let server = sending(ok(vec![b'x'; 200_000]));
    let client = Client::new();
    let mut response = streamed(&client, &server);
    assert_eq!((client.stats().leased, client.stats().idle), (1, 0));
    assert!(!response.is_closed());
    for _ in 0..2 {
        assert_eq!(response.data().unwrap().len(), 200_000);
        assert_eq!(client.stats().idle, 1);
    }
    assert_eq!(response.read_bytes(7).unwrap().len(), 7);
    assert_eq!(response.read_all().unwrap().len(), 199_993);
}

#[test]
fn a_response_without_a_body_has_no_bytes() {
    let server = sending(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec());
    let client = Client::new();
    for (way, read) in WAYS {
        let mut response = streamed(&client, &server);
        assert!(response.is_closed());
        assert_eq!(read(&mut response).unwrap(), b"", "{way}");
        assert_eq!(response.length_remaining(), Some(0));
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn read_bytes_returns_exactly_the_number_asked_for_until_the_body_ends() {
    let body: Vec<u8> = (0..1000).map(|n| (n % 251) as u8).collect();
    for answer in [
        ok(&body),
        chunked("identity", &body, 3),
        coded("gzip", &gzip(&body)),
        chunked("gzip", &gzip(&body), 3),
        chunked("deflate, deflate", &zlib(&zlib(&body)), 5),
    ] {
        let server = sending(answer);
        let client = Client::new();
        for n in [1, 2, 7, 64, 999, 1000, 1001] {
            let mut response = streamed(&client, &server);
            assert_eq!(response.read_bytes(0).unwrap(), b"");
            for expected in body.chunks(n) {
                assert_eq!(response.read_bytes(n).unwrap(), expected);
            }
            assert_eq!(response.read_bytes(n).unwrap(), b"");
        }
    }
}

#[test]
fn read1_returns_no_more_than_asked_for_and_no_less_than_one_byte() {
    for answer in [ok("foobar"), coded("deflate", &zlib(b"foobar"))] {
        let server = sending(answer);
        let mut response = streamed(&Client::new(), &server);
        assert_eq!(response.read1(0).unwrap(), b"");
        assert_eq!(response.read1(1).unwrap(), b"f");
        assert_eq!(response.read1(2).unwrap(), b"oo");
        assert_eq!(response.read1(usize::MAX).unwrap(), b"bar");
        assert_eq!(response.read1(1).unwrap(), b"");
    }
}

#[test]
fn a_read_goes_on_where_the_one_before_has_ended() {
    let body = "first line\nsecond\nthe rest";
    for answer in [ok(body), chunked("gzip", &gzip(body.as_bytes()), 4)] {
        let server = sending(answer);
        for preload in [false, true] {
            let options = ResponseOptions::default().preload_content(preload);
            let mut response = fetch(&Client::new(), &server, options);
            assert_eq!(response.read_bytes(6).unwrap(), b"first ");
            let mut line = String::new();
            response.read_line(&mut line).unwrap();
            assert_eq!(line, "line\n");
            assert_eq!(response.read1(2).unwrap(), b"se");
            let mut into = [0; 3];
            response.read_exact(&mut into).unwrap();
            assert_eq!(&into, b"con");
            assert_eq!(response.stream(2).next().unwrap().unwrap(), b"d\n");
            assert_eq!(response.read_all().unwrap(), b"the rest");
            // A part of the body was read, so only a preloaded one is there whole.
            let kept = if preload { body.as_bytes() } else { b"" };
            assert_eq!(response.data().unwrap(), kept);
        }
    }
}

#[test]
fn lines_are_read_decoded() {
    for body in ["", "\n", "a\nb\r\nc", "a\n\n\nb\n", &format!("{}\nend", "x".repeat(20_000))] {
        for answer in [ok(body), chunked("gzip", &gzip(body.as_bytes()), 100)] {
            let server = sending(answer);
            let client = Client::new();
            let lines: Vec<_> = streamed(&client, &server).lines().map(Result::unwrap).collect();
            assert_eq!(lines, body.lines().collect::<Vec<_>>());
            let general = client.get(&server.url("/")).send().unwrap().buffered();
            let lines: Vec<_> = general.lines().map(Result::unwrap).collect();
            assert_eq!(lines, body.lines().collect::<Vec<_>>());
        }
    }
}

#[test]
fn tell_counts_the_encoded_bytes_read_and_length_remaining_those_left() {
    let coded_body = gzip(&[b'a'; 50_000]);
    let len = coded_body.len() as u64;
    let server = sending(coded("gzip", &coded_body));
    let mut response = streamed(&Client::new(), &server);
    assert_eq!((response.tell(), response.length_remaining()), (0, Some(len)));
    response.read_bytes(10).unwrap();
    let (told, left) = (response.tell(), response.length_remaining().unwrap());
    assert!(told > 0 && told + left == len, "{told} {left}");
    response.read_all().unwrap();
    assert_eq!((response.tell(), response.length_remaining()), (len, Some(0)));

    let server = sending(ok(vec![0; 300_000]));
    let mut response = streamed(&Client::new(), &server);
    for read in [1, 9, 100_000, 199_990] {
        let before = response.tell();
        response.read_bytes(read).unwrap();
        assert_eq!(response.tell(), before + read as u64);
        assert_eq!(response.length_remaining(), Some(300_000 - response.tell()));
    }

    let server = sending(chunked("identity", b"hello world", 3));
    let mut response = streamed(&Client::new(), &server);
    response.read_bytes(4).unwrap();
    assert_eq!((response.tell(), response.length_remaining()), (4, None));
    response.read_all().unwrap();
    assert_eq!((response.tell(), response.length_remaining()), (11, Some(0)));

    let unframed = super::ending(b"HTTP/1.1 200 OK\r\n\r\nhello".to_vec());
    let response = streamed(&Client::new(), &unframed);
    assert_eq!(response.length_remaining(), None);
}

#[test]
fn equal_lengths_in_a_list_are_one_length() {
    let server = sending(b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5, 5\r\n\r\nhello".to_vec());
    assert_eq!(streamed(&Client::new(), &server).length_remaining(), Some(5));
}

#[test]
fn a_body_that_is_not_to_be_decoded_comes_as_it_is() {
    let body = hello("gzip");
    let server = sending(chunked("gzip", &body, 7));
    let options = ResponseOptions::default().decode_content(false);
    for (way, read) in WAYS {
        for preload in [false, true] {
            let options = options.preload_content(preload);
            let mut response = fetch(&Client::new(), &server, options);
            assert_eq!(read(&mut response).unwrap(), body, "{way}");
        }
    }
}

#[test]
fn a_stream_has_pieces_of_no_more_than_asked_for_and_none_of_nothing() {
    for answer in [ok("foobar!"), chunked("gzip", &gzip(b"foobar!"), 4)] {
        let server = sending(answer);
        let client = Client::new();
        let pieces: Result<Vec<_>, _> = streamed(&client, &server).stream(2).collect();
        let pieces = pieces.unwrap();
        assert!(pieces.iter().all(|piece| matches!(piece.len(), 1..=2)), "{pieces:?}");
        assert_eq!(pieces.concat(), b"foobar!");
        assert_eq!(streamed(&client, &server).stream(0).count(), 0);
    }
    let empty = sending(ok(""));
    assert_eq!(streamed(&Client::new(), &empty).stream(9).count(), 0);
}
