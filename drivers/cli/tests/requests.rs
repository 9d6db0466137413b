//! Tests one request and its response.

mod support;

use std::{fs, io::Write, process::Stdio};

use support::{Directory, Reply, Server, program, response, run, run_well, text};

#[test]
fn each_command_sends_its_method() {
    let server = Server::start(|_| response("200 OK", "", ""));
    let url = server.url("/things?a=1");
    run_well(&["get", &url]);
    run_well(&["head", &url]);
    run_well(&["post", &url]);
    run_well(&["put", &url]);
    run_well(&["delete", &url]);
    run_well(&["request", "PATCH", &url]);
    let lines: Vec<_> = server.seen().into_iter().map(|seen| seen.line).collect();
    let expected = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]
        .map(|method| format!("{method} /things?a=1 HTTP/1.1"));
    assert_eq!(lines, expected);
}

#[test]
fn the_body_goes_to_standard_output_as_it_came() {
    let server = Server::start(|_| {
        let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n".to_vec();
        answer.extend([0, 0xff, b'\n', b'x']);
        Reply::Send(answer)
    });
    let output = run(&["get", &server.url("/")]);
    assert_eq!(output.stdout, [0, 0xff, b'\n', b'x']);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_compressed_body_is_asked_for_and_decoded_on_request_only() {
    const HELLO: &[u8] =
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10\x36\x05\0\0\0";
    let server = Server::start(|_| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 25\r\n\r\n";
        Reply::Send([head, HELLO].concat())
    });
    let url = server.url("/");
    assert_eq!(run_well(&["get", "--compressed", &url]), "hello");
    assert_eq!(run(&["get", &url]).stdout, HELLO);
    run_well(&["get", "--compressed", "-H", "Range: bytes=0-9", &url]);
    let asked = server.seen();
    let codings = "accept-encoding: gzip, deflate, br, zstd";
    assert_eq!([0, 1, 2].map(|at| asked[at].has(codings)), [true, false, false]);
    let any = |at: usize| asked[at].fields.iter().any(|it| it.starts_with("accept-encoding"));
    assert!(!any(1) && !any(2));
}

#[test]
fn include_shows_the_head_and_so_does_head() {
    let server = Server::start(|_| response("404 Nobody Home", "X-A: b\r\n", "gone"));
    let head = "HTTP/1.1 404 Nobody Home\r\nX-A: b\r\nContent-Length: 4\r\n\r\n";
    assert_eq!(run_well(&["get", "-i", &server.url("/")]), format!("{head}gone"));
    let server = Server::start(|_| {
        "HTTP/1.1 404 Nobody Home\r\nX-A: b\r\nContent-Length: 4\r\n\r\n".to_owned()
    });
    assert_eq!(run_well(&["head", &server.url("/")]), head);
}

#[test]
fn fields_and_data_are_sent() {
    let server = Server::start(|_| response("200 OK", "", ""));
    let url = server.url("/");
    run_well(&["post", "-H", "X-A: 1", "-HAccept: text/plain", "--data", "a=b", &url]);
    let seen = &server.seen()[0];
    assert_eq!(seen.body, b"a=b");
    for field in ["x-a: 1", "accept: text/plain", "content-length: 3"] {
        assert!(seen.has(field), "{field} in {:?}", seen.fields);
    }
    assert!(!seen.has("accept: */*"), "{:?}", seen.fields);
}

#[test]
fn a_file_is_streamed_with_its_length() {
    let directory = Directory::new("data-file");
    let content: Vec<u8> = (0..300_000_u32).map(|n| n as u8).collect();
    fs::write(directory.path("data"), &content).unwrap();
    let server = Server::start(|_| response("200 OK", "", ""));
    run_well(&["put", "--data-file", &directory.path("data"), &server.url("/")]);
    let seen = &server.seen()[0];
    assert!(seen.body == content, "the body is another one");
    assert!(seen.has("content-length: 300000"), "{:?}", seen.fields);
}

#[test]
fn standard_input_is_streamed_in_chunks() {
    let server = Server::start(|_| response("200 OK", "", ""));
    let mut child = program(&["post", "--data-file", "-", &server.url("/")])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"from a pipe").unwrap();
    assert!(child.wait().unwrap().success());
    let seen = &server.seen()[0];
    assert_eq!(seen.body, b"from a pipe");
    assert!(seen.has("transfer-encoding: chunked"), "{:?}", seen.fields);
}

#[test]
fn output_goes_to_a_file_that_appears_when_it_is_whole() {
    let directory = Directory::new("output");
    let server = Server::start(|_| response("200 OK", "", "content"));
    let path = directory.path("out");
    assert_eq!(run_well(&["get", "-o", &path, &server.url("/")]), "");
    assert_eq!(fs::read(&path).unwrap(), b"content");
    assert_eq!(directory.names(), ["out"]);

    let cut = Server::start(|_| {
        Reply::SendLast(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this".to_vec())
    });
    let output = run(&["get", "-o", &path, &cut.url("/")]);
    assert_eq!(output.status.code(), Some(18), "{}", text(&output.stderr));
    assert_eq!(fs::read(&path).unwrap(), b"content", "the old file is still there");
    assert_eq!(directory.names(), ["out"]);
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let directory = Directory::new("link");
    let (file, link) = (directory.path("file"), directory.path("link"));
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&file, &link).unwrap();
    let server = Server::start(|_| response("200 OK", "", "new"));
    run_well(&["get", "-o", &link, &server.url("/")]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&file).unwrap(), b"new");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    run_well(&["get", "-o", "/dev/null", &server.url("/")]);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn redirects_are_followed_where_wanted() {
    let server = Server::start(|seen| match seen.line.as_str() {
        "GET /old HTTP/1.1" => response("302 Found", "Location: /new\r\n", "moved"),
        _ => response("200 OK", "", "here"),
    });
    let url = server.url("/old");
    assert_eq!(run_well(&["get", &url]), "moved");
    assert_eq!(run_well(&["get", "--location", &url]), "here");
    assert_eq!(run_well(&["get", "-L", "--max-redirects", "1", &url]), "here");
}

#[test]
fn retries_are_made_as_often_as_allowed() {
    let server = Server::start(|seen| match seen.before {
        0 => response("503 Service Unavailable", "", "busy"),
        _ => response("200 OK", "", "here"),
    });
    assert_eq!(run_well(&["get", "--retries", "1", &server.url("/")]), "here");
    assert_eq!(server.seen().len(), 2);

    let server = Server::start(|_| response("503 Service Unavailable", "", "busy"));
    assert_eq!(run_well(&["get", "--retries", "1", &server.url("/")]), "busy");
    assert_eq!(server.seen().len(), 2);
    assert_eq!(run_well(&["get", &server.url("/")]), "busy");
    assert_eq!(server.seen().len(), 3);
    assert_eq!(run_well(&["post", "--retries", "3", &server.url("/")]), "busy");
    assert_eq!(server.seen().len(), 4, "a POST is not repeated");
}

#[test]
fn json_has_all_of_the_answer() {
    let server = Server::start(|seen| match seen.line.as_str() {
        "GET /old HTTP/1.1" => response("301 Moved", "Location: /new\r\n", ""),
        _ => "HTTP/1.1 200 Fine\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\
              Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n"
            .to_owned(),
    });
    let value: serde_json::Value =
        serde_json::from_str(&run_well(&["get", "-L", "--as-json", &server.url("/old")])).unwrap();
    assert_eq!(value["url"], server.url("/new"));
    assert_eq!(value["status"], 200);
    assert_eq!(value["reason"], "Fine");
    assert_eq!(
        value["headers"],
        serde_json::json!([
            ["Set-Cookie", "a"],
            ["Set-Cookie", "b"],
            ["Transfer-Encoding", "chunked"]
        ])
    );
    assert_eq!(value["trailers"], serde_json::json!([["X-Sum", "9"]]));
    assert_eq!(value["body"], "abc");
    assert_eq!(value["body_bytes"], 3);
    assert_eq!(value["history"][0]["status"], 301);
    assert_eq!(value["history"][0]["url"], server.url("/old"));
    assert_eq!(value["reused"], true);
    assert_eq!(value["tls"], serde_json::Value::Null);
    assert!(value["connection"].is_string());
}

#[test]
fn json_of_a_body_that_is_no_text() {
    let server = Server::start(|_| {
        Reply::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff\xfe\xfd".to_vec())
    });
    let value: serde_json::Value =
        serde_json::from_str(&run_well(&["get", "--as-json", &server.url("/")])).unwrap();
    assert_eq!(value["body_base64"], "//79");
    assert_eq!(value["body"], serde_json::Value::Null);
}

#[test]
fn json_with_the_body_in_a_file() {
    let directory = Directory::new("json");
    let server = Server::start(|_| response("200 OK", "", "content"));
    let path = directory.path("out");
    let value: serde_json::Value =
        serde_json::from_str(&run_well(&["get", "--as-json", "-o", &path, &server.url("/")]))
            .unwrap();
    assert_eq!(value["body_file"], path);
    assert_eq!(value["body_bytes"], 7);
    assert_eq!(fs::read(&path).unwrap(), b"content");
}

#[test]
fn a_trace_shows_events_and_actions_and_no_secrets() {
    let server = Server::start(|_| response("200 OK", "", "body"));
    let secret = "Authorization: Bearer hunter2";
    let url = server.url("/path?a=hunter2");
    let output = run(&["get", "--events", "-H", secret, &url]);
    assert_eq!(output.stdout, b"body");
    let trace = text(&output.stderr);
    for part in
        [" r0 < request GET ", "/path", " pool > dial c0.0 ", " d0 < connected", " r0 > head 200"]
    {
        assert!(trace.contains(part), "{part} in {trace}");
    }
    assert!(!trace.contains("hunter2"), "{trace}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let server = Server::start(|_| response("200 OK", "", &"x".repeat(4 << 20)));
    let mut child = program(&["get", &server.url("/")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
