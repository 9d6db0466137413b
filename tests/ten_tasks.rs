//! The ten usual tasks of an HTTP client, each in as few lines as it takes. Each is a function of
//! one line. ureq takes 12 for the same tasks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{error::Error, fs, io, path::Path, time::Duration};

use httpool_blocking::{Client, Multipart};
use serde_json::{Value, json};

use support::{Received, Server, coded, ok};

type Done<T> = Result<T, Box<dyn Error>>;

fn text(client: &Client, url: &str) -> Done<String> {
    Ok(client.get(url).send()?.text()?)
}

fn json_post_and_parse(client: &Client, url: &str) -> Done<Value> {
    Ok(client.post(url).json(&json!({"name": "value"})).send()?.json()?)
}

fn form(client: &Client, url: &str) -> Done<String> {
    Ok(client.post(url).form([("name", "a value")]).send()?.text()?)
}

fn multipart_file(client: &Client, url: &str, file: &Path) -> Done<String> {
    Ok(client.post(url).multipart(Multipart::new()?.file("table", file)?).send()?.text()?)
}

fn query(client: &Client, url: &str) -> Done<String> {
    Ok(client.get(url).query([("q", "a b")]).send()?.text()?)
}

fn download(client: &Client, url: &str, file: &Path) -> Done<u64> {
    Ok(io::copy(&mut client.get(url).send()?, &mut fs::File::create(file)?)?)
}

fn status_as_an_error(client: &Client, url: &str) -> Done<String> {
    Ok(client.get(url).send()?.error_for_status()?.text()?)
}

fn timeout(client: &Client, url: &str) -> Done<String> {
    Ok(client.get(url).timeout(Duration::from_millis(20)).send()?.text()?)
}

fn basic_auth(client: &Client, url: &str) -> Done<String> {
    Ok(client.get(url).basic_auth("user", "password").send()?.text()?)
}

fn gzip(client: &Client, url: &str) -> Done<String> {
    Ok(client.get(url).send()?.text()?)
}

#[test]
fn ten_tasks_take_ten_lines() {
    let server = Server::start(|peer| {
        while let Some(request) = peer.request() {
            match request.target() {
                "/missing" => peer.send(coded::response(404, "", b"")),
                "/silent" => return peer.until_closed(),
                "/gzip" => peer.send(coded::coded("gzip", &coded::gzip(b"unpacked"))),
                _ => peer.send(ok(echo(&request))),
            }
        }
    });
    let client = Client::new();
    let file = std::env::temp_dir().join(format!("httpool-ten-tasks-{}", std::process::id()));

    assert!(text(&client, &server.url("/a")).unwrap().starts_with("GET /a HTTP/1.1"));
    let value = json_post_and_parse(&client, &server.url("/json")).unwrap();
    assert_eq!(value, json!({"name": "value"}));
    assert!(form(&client, &server.url("/")).unwrap().ends_with("\r\n\r\nname=a+value"));
    assert!(query(&client, &server.url("/?x=1")).unwrap().starts_with("GET /?x=1&q=a+b "));
    let written = download(&client, &server.url("/"), &file).unwrap();
    assert_eq!(written, fs::metadata(&file).unwrap().len());
    fs::write(&file, "1,2").unwrap();
    let sent = multipart_file(&client, &server.url("/"), &file).unwrap();
    assert!(sent.contains("name=\"table\"") && sent.contains("\r\n\r\n1,2\r\n--"), "{sent}");
    fs::remove_file(&file).unwrap();
    let error = status_as_an_error(&client, &server.url("/missing")).unwrap_err();
    let error = error.downcast::<httpool_blocking::Error>().unwrap();
    assert_eq!(error.as_status().unwrap(), 404);
    let error = timeout(&client, &server.url("/silent")).unwrap_err();
    assert!(error.downcast::<httpool_blocking::Error>().unwrap().is_timeout());
    let head = basic_auth(&client, &server.url("/")).unwrap();
    assert!(head.contains("Authorization: Basic dXNlcjpwYXNzd29yZA=="), "{head}");
    assert_eq!(gzip(&client, &server.url("/gzip")).unwrap(), "unpacked");
}

/// ureq takes 12 lines for the ten tasks.
#[test]
fn the_tasks_take_no_more_lines_than_in_ureq() {
    let (mut tasks, mut lines, mut inside) = (0, 0, false);
    for line in include_str!("ten_tasks.rs").lines() {
        if line.starts_with("fn ") && line.contains("(client: &Client,") {
            (tasks, inside) = (tasks + 1, true);
        } else if line == "}" {
            inside = false;
        } else if inside {
            lines += 1;
        }
    }
    assert_eq!(tasks, 10);
    assert!(lines <= 12, "{lines} lines");
}

/// Returns the body of the request, if that is JSON, and otherwise all of the request.
fn echo(request: &Received) -> Vec<u8> {
    match request.target() {
        "/json" => request.body.clone(),
        _ => [request.head.as_bytes(), &request.body].concat(),
    }
}
