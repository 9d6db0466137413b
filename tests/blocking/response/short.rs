//! Bodies that end before their end.

use std::io::{self, Read};

use httpool_blocking::{
    Client, Error,
    httpool::error::{Cause, Violation},
    urllib3::{HttpResponse, ResponseOptions},
};

use super::{WAYS, ending, fetch, streamed};
use crate::{
    cause,
    support::coded::{coded, gzip, hello},
};

/// Fetches and preloads the body, as `HttpResponse::new` does.
fn preload(
    client: &Client,
    server: &super::Server,
    options: ResponseOptions,
) -> Result<HttpResponse, Error> {
    HttpResponse::new(options.apply(client.get(&server.url("/"))).send()?, options)
}

const SHORT: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1337\r\n\r\nabc";

#[test]
fn a_body_shorter_than_its_length_is_an_error_of_every_read() {
    let server = ending(SHORT.to_vec());
    let client = Client::new();
    for (way, read) in WAYS {
        let error = read(&mut streamed(&client, &server)).unwrap_err();
        assert_eq!(cause(&error), Cause::Violation(Violation::Truncated), "{way}");
        assert_eq!((client.stats().open, client.stats().leased), (0, 0), "{way}");
    }
    assert!(preload(&client, &server, ResponseOptions::default()).is_err());
    let mut response = streamed(&client, &server);
    assert_eq!(response.read_bytes(3).unwrap(), b"abc");
    assert_eq!(response.length_remaining(), Some(1334));
    assert!(response.read1(1).is_err());
}

#[test]
fn a_body_shorter_than_its_length_is_whole_if_the_length_is_not_enforced() {
    let server = ending(SHORT.to_vec());
    let client = Client::new();
    let options = ResponseOptions::default().enforce_content_length(false);
    for (way, read) in WAYS {
        let mut response = fetch(&client, &server, options.preload_content(false));
        assert_eq!(read(&mut response).unwrap(), b"abc", "{way}");
        assert_eq!(client.stats().open, 0, "the connection is not used again");
        let mut response = preload(&client, &server, options).unwrap();
        assert_eq!(read(&mut response).unwrap(), b"abc", "{way}");
    }
    let general = client.get(&server.url("/")).enforce_content_length(false).send().unwrap();
    assert_eq!(general.bytes().unwrap(), b"abc");
    // The default stays.
    assert!(client.get(&server.url("/")).send().unwrap().bytes().is_err());
}

#[test]
fn a_chunked_body_without_its_end_is_an_error_also_if_lengths_are_not_enforced() {
    for body in ["", "4", "4\r\n", "4\r\nabc", "3\r\nabc\r\n", "3\r\nabc\r\n0", "3\r\nabc\r\n0\r\n"]
    {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let server = ending(format!("{head}{body}").into());
        let client = Client::new();
        for enforce in [true, false] {
            let options =
                ResponseOptions::default().preload_content(false).enforce_content_length(enforce);
            for (way, read) in WAYS {
                let error = read(&mut fetch(&client, &server, options)).unwrap_err();
                let why = cause(&error);
                assert_eq!(why, Cause::Violation(Violation::Truncated), "{way} {body:?}");
            }
        }
    }
}

#[test]
fn a_coded_body_without_its_end_is_an_error_of_every_read() {
    let long = gzip(&[7; 5000]);
    let mut bodies: Vec<(&str, Vec<u8>)> = vec![("gzip", long[..long.len() - 1].to_vec())];
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let whole = hello(coding);
        bodies.push((coding, whole[..whole.len() - 1].to_vec()));
    }
    for (coding, body) in bodies {
        let server = super::sending(coded(coding, &body));
        let client = Client::new();
        for (way, read) in WAYS {
            let error = read(&mut streamed(&client, &server)).unwrap_err();
            assert!(error.as_decode_error().is_some(), "{coding} {way}: {error}");
            assert_eq!(client.stats().leased, 0);
        }
        let error = preload(&client, &server, ResponseOptions::default()).unwrap_err();
        assert!(error.as_decode_error().is_some(), "{coding}: {error}");
        let error = streamed(&client, &server).read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{coding}");
    }
}

#[test]
fn an_error_is_the_last_item_of_a_stream() {
    let server = ending(SHORT.to_vec());
    let mut response = streamed(&Client::new(), &server);
    let mut pieces = response.stream(100);
    assert_eq!(pieces.next().unwrap().unwrap(), b"abc");
    assert!(pieces.next().unwrap().is_err());
    assert!(pieces.next().is_none());
}
