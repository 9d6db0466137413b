//! Tests the exit code and the message of each kind of failure.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::net::{Ipv4Addr, TcpListener};

use support::{Directory, Reply, Server, response, run, text};

/// Runs the program. It must fail with `code`, and print `words` on standard error and nothing
/// else.
fn fails(args: &[&str], code: i32, words: &[&str]) {
    let output = run(args);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert_eq!(text(&output.stdout), "", "{args:?}");
    assert!(said.starts_with("httpool: "), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} in {said}");
    }
}

/// Runs the program. It must fail with `code`. Returns the error object from its standard output.
fn json_error(args: &[&str], code: i32) -> serde_json::Value {
    let output = run(args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
    assert!(text(&output.stderr).starts_with("httpool: "), "{output:?}");
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value.as_object().unwrap().len(), 1, "{value}");
    assert_eq!(value["error"]["exit_code"], code);
    value["error"].clone()
}

#[test]
fn a_body_that_cannot_be_decoded_has_a_code_of_its_own() {
    let server = Server::start(|_| response("200 OK", "Content-Encoding: gzip\r\n", "plain"));
    let words = ["gzip coding, at byte 0", "read the body without decoding it"];
    fails(&["get", "--compressed", &server.url("/")], 61, &words);
    assert_eq!(
        json_error(&["get", "--as-json", "--compressed", &server.url("/")], 61)["phase"],
        "body"
    );
}

#[test]
fn json_tells_of_a_failure() {
    let server = Server::start(|seen| match seen.line.as_str() {
        "GET /close HTTP/1.1" => Reply::Close,
        "GET /cut HTTP/1.1" => {
            Reply::SendLast(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut".to_vec())
        }
        _ => response("404 Not Found", "", "gone").into(),
    });
    let url = server.url("/close");
    let error = json_error(&["get", "--as-json", &url], 52);
    assert_eq!((&error["kind"], &error["url"]), (&"empty reply".into(), &url.into()));
    assert_eq!((&error["phase"], &error["reached"]), (&"head".into(), &"sent".into()));
    assert!(error["message"].as_str().unwrap().contains("lost"), "{error}");

    let error = json_error(&["get", "--as-json", &server.url("/cut")], 18);
    assert_eq!((&error["phase"], &error["reached"]), (&"body".into(), &"answered".into()));

    let error = json_error(&["get", "--as-json", "-f", &server.url("/")], 22);
    assert_eq!((&error["kind"], &error["status"]), (&"status".into(), &404.into()));
    assert_eq!(error["url"], server.url("/"));

    let error = json_error(&["get", "--as-json", "ftp://a/"], 1);
    assert_eq!((&error["reached"], &error["phase"]), (&"nothing".into(), &().into()));

    assert_eq!(json_error(&["get", "--as-json"], 2)["kind"], "usage");
    let error =
        json_error(&["get", "--as-json", "-o", "/no/such/directory/x", &server.url("/")], 23);
    assert_eq!(error["kind"], "not written");
    // With --count the summary contains the error, and no second object is printed.
    let output = run(&["get", "--as-json", "-f", "--count", "2", &server.url("/")]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&value["requests"], &value["error"]["status"]), (&2.into(), &404.into()));
    assert_eq!(output.status.code(), Some(22));
}

#[test]
fn bad_usage() {
    fails(&["fetch", "http://a/"], 2, &["no command fetch", "--help"]);
    fails(&["get"], 2, &["needs a URL"]);
    fails(&["get", "--nonsense", "http://a/"], 2, &["--nonsense"]);
    fails(&["-c", "jar", "http://a/"], 2, &["-c of curl is not here", "--concurrency"]);
    fails(&["--http2", "http://a/"], 2, &["--http2 of curl is not here", "HTTP/1.1"]);
    fails(&["--trace", "x", "http://a/"], 2, &["--trace of curl is not here", "--events"]);
}

#[test]
fn requests_that_cannot_be_sent() {
    fails(&["get", "http:///x"], 3, &["host"]);
    fails(&["get", "http://127.0.0.1:99999/"], 3, &["port", "65535"]);
    fails(&["get", "ftp://127.0.0.1/"], 1, &["scheme"]);
    fails(&["get", "http://127.0.0.1/", "-H", "Bad Name: x"], 3, &["Bad Name", "not a token"]);
    fails(&["get", "http://127.0.0.1/", "-H", "X: a\r\nInjected: b"], 3, &["control byte"]);
    fails(&["request", "G@T", "http://127.0.0.1/"], 3, &["method"]);
}

#[test]
fn names_without_an_address() {
    // The name is longer than a label may be (RFC 1035 section 2.3.4), so no name server is asked.
    let url = format!("http://{}/", "a".repeat(70));
    fails(&["get", &url], 6, &["could not be looked up", "nothing was sent"]);
}

#[test]
fn nobody_listens() {
    let port = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.local_addr().unwrap().port()
    };
    let url = format!("http://127.0.0.1:{port}/");
    fails(&["get", &url], 7, &["refused", "asking again is safe", "hint:"]);
}

#[test]
fn deadlines() {
    let server = Server::start(|_| Reply::Hang);
    fails(&["get", "--timeout", "0.1", &server.url("/")], 28, &["first-byte", "may have acted"]);
    fails(&["get", "--max-time", "0.1", &server.url("/")], 28, &["total"]);
}

#[test]
fn broken_protocol() {
    let server = Server::start(|_| Reply::SendLast(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()));
    fails(&["get", &server.url("/")], 8, &["RFC 9112"]);
}

#[test]
fn lost_connections() {
    let server = Server::start(|_| Reply::Close);
    fails(&["get", &server.url("/")], 52, &["lost", "may have acted"]);
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn redirects_without_end() {
    let server = Server::start(|_| response("302 Found", "Location: /\r\n", ""));
    let url = server.url("/");
    let says = [&*format!("the redirect to {url} cannot be followed"), "loop", "following"];
    fails(&["get", "-L", &url], 47, &says);
    assert_eq!(server.seen().len(), 51);
}

#[test]
fn bodies_that_cannot_be_given_again() {
    let server = Server::start(|_| response("307 Temporary Redirect", "Location: /\r\n", ""));
    let mut command = support::program(&["put", "-L", "--data-file", "-", &server.url("/")]);
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(65), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("hint:"));
}

#[test]
fn heads_beyond_all_limits() {
    let server =
        Server::start(|_| response("200 OK", &format!("X: {}\r\n", "x".repeat(100_000)), ""));
    fails(&["get", &server.url("/")], 100, &["head_bytes_max"]);
}

#[test]
fn files_that_cannot_be_used() {
    let directory = Directory::new("failures");
    let server = Server::start(|_| response("200 OK", "", "content"));
    let (url, missing) = (server.url("/"), directory.path("missing"));
    fails(&["put", "--data-file", &missing, &url], 26, &[missing.as_str()]);
    let inside = directory.path("missing/out");
    fails(&["post", "-o", &inside, &url], 23, &[inside.as_str()]);
    assert!(server.seen().is_empty(), "nothing is sent that could not be received");
}

#[test]
fn statuses_are_failures_where_wanted() {
    let directory = Directory::new("fail");
    let server = Server::start(|_| response("404 Not Found", "", "gone"));
    fails(&["get", "--fail", &server.url("/x")], 22, &["404 Not Found", "/x"]);
    let path = directory.path("out");
    fails(&["get", "-f", "-o", &path, &server.url("/x")], 22, &[]);
    assert_eq!(directory.names(), [""; 0]);
    let ok = Server::start(|_| response("204 No Content", "", ""));
    assert_eq!(run(&["get", "-f", &ok.url("/")]).status.code(), Some(0));
}
