//! Tests forms as request bodies.

use std::io::{Cursor, Read};

use httpool_blocking::{Body, Client, Multipart, Part};

use crate::{
    files::Temporary,
    support::{Received, Server, ok},
};

/// Answers with the type and the framing of the request's body, and the body.
fn echo() -> Server {
    Server::replying(|request: &Received| {
        let content_type = request.field("content-type").unwrap_or("none");
        let framing = request.field("content-length").map_or("chunked", |_| "length");
        ok([content_type.as_bytes(), b"|", framing.as_bytes(), b"|", &request.body].concat())
    })
}

#[test]
fn a_form_is_sent_with_its_type_unless_the_request_has_one() {
    let (server, client) = (echo(), Client::new());
    let post = || client.post(&server.url("/"));
    let fields = [("q", "a b&c"), ("\u{e9}", "")];
    let text = post().form(fields).send().unwrap().text().unwrap();
    assert_eq!(text, "application/x-www-form-urlencoded|length|q=a+b%26c&%C3%A9=");
    let own = post().header("Content-Type", "x/y").form(fields).send().unwrap().text().unwrap();
    assert!(own.starts_with("x/y|length|q="), "{own}");
    let other = post().form(fields).body("plain").send().unwrap().text().unwrap();
    assert_eq!(other, "none|length|plain");
}

#[test]
fn a_file_in_a_form_is_streamed_and_sent_again_after_a_redirect() {
    let server = Server::replying(|request: &Received| match request.target() {
        "/old" => b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n"
            .to_vec(),
        _ => ok(request.body.clone()),
    });
    let file = Temporary::new("form", &"x".repeat(200_000));
    let form = Multipart::with_boundary("XX").text("a", "1").file("f", &file.0).unwrap();
    let response = Client::new().post(&server.url("/old")).multipart(form).send().unwrap();
    let text = response.text().unwrap();
    let name = file.0.file_name().unwrap().to_str().unwrap();
    let head = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--XX\r\n\
         Content-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    assert_eq!(text, format!("{head}{}\r\n--XX--\r\n", "x".repeat(200_000)));
    assert_eq!(server.requests(), 2);
}

#[test]
fn a_form_with_a_stream_of_unknown_length_is_sent_chunked() {
    let (server, client) = (echo(), Client::new());
    let stream = Body::reader(Cursor::new("abc").chain(Cursor::new("def")));
    let form = Multipart::with_boundary("XX").part("s", Part::new(stream)).text("t", "end");
    let text = client.post(&server.url("/")).multipart(form).send().unwrap().text().unwrap();
    let body = "--XX\r\nContent-Disposition: form-data; name=\"s\"\r\n\r\nabcdef\r\n\
                --XX\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\nend\r\n--XX--\r\n";
    assert_eq!(text, format!("multipart/form-data; boundary=XX|chunked|{body}"));
}
