//! Tests the methods of responses, with those that have a name of urllib3.

mod chunks;
mod ends;
mod heads;
mod reads;
mod requests;
mod short;

use httpool_blocking::{
    Client,
    urllib3::{HttpResponse, ResponseOptions},
};

use crate::support::Server;

/// Fetches the response that is read with these options.
fn fetch(client: &Client, server: &Server, options: ResponseOptions) -> HttpResponse {
    let response = options.apply(client.get(&server.url("/"))).send().unwrap();
    HttpResponse::new(response, options).unwrap()
}

/// Fetches a response whose body is not read yet.
fn streamed(client: &Client, server: &Server) -> HttpResponse {
    fetch(client, server, ResponseOptions::default().preload_content(false))
}

/// A server that sends `answer` to every request, and counts what it has sent.
fn sending(answer: Vec<u8>) -> Server {
    Server::replying(move |_| answer.clone())
}

/// A server that sends `answer` to a request, and then ends its connection.
fn ending(answer: Vec<u8>) -> Server {
    Server::start(move |peer| {
        if peer.request().is_some() {
            peer.send(&answer);
        }
    })
}

/// Reads the rest of a body.
type Read = fn(&mut HttpResponse) -> Result<Vec<u8>, httpool_blocking::Error>;

/// The ways to read a whole body.
const WAYS: [(&str, Read); 6] = [
    ("data", |response| response.data().map(<[u8]>::to_vec)),
    ("read_all", HttpResponse::read_all),
    ("read_bytes", |response| {
        let mut body = Vec::new();
        loop {
            match response.read_bytes(3)? {
                piece if piece.is_empty() => return Ok(body),
                piece => body.extend(piece),
            }
        }
    }),
    ("read1", |response| {
        let mut body = Vec::new();
        loop {
            match response.read1(2)? {
                piece if piece.is_empty() => return Ok(body),
                piece => body.extend(piece),
            }
        }
    }),
    ("stream", |response| Ok(response.stream(2).collect::<Result<Vec<_>, _>>()?.concat())),
    ("readinto", |response| {
        let mut body = Vec::new();
        let read = std::io::Read::read_to_end(response, &mut body);
        read.map_err(|error| error.downcast().unwrap())?;
        Ok(body)
    }),
];
