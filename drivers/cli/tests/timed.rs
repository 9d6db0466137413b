//! Tests the reports on a transfer: `--write-out`, `--har` and the table of `--verbose`.

mod support;

use std::fs;

use serde_json::Value;
use support::{Directory, Reply, Server, response, run, run_well, text};

/// Answers `/old` with a redirect to `/new`, `/busy` with 503 once, and the rest with `body`.
fn server() -> Server {
    Server::start(|seen| {
        let line = &seen.line;
        if line.contains("/old") {
            response("302 Found", "Location: /new?key=secret\r\nSet-Cookie: id=secret\r\n", "moved")
        } else if line.contains("/busy") && seen.before == 0 {
            response("503 Busy", "", "")
        } else {
            response("200 OK", "Content-Type: text/plain\r\nX-A: b\r\n", "body")
        }
    })
}

#[test]
fn write_out_has_the_values_of_curls_variables() {
    let server = server();
    let format = "|%{http_code} %{response_code} %{size_download} %{size_header} %{num_redirects} \
                  %{num_connects} %{content_type} %{method} %{scheme} %{http_version} %{exitcode} \
                  %{remote_ip} %{remote_port} %header{x-a} %{num_headers}|\\n";
    let shown = run_well(&["get", "-L", "-w", format, &server.url("/old")]);
    let port = server.url("").rsplit(':').next().unwrap().to_owned();
    let first = response("302 Found", "Location: /new?key=secret\r\nSet-Cookie: id=secret\r\n", "");
    let last = response("200 OK", "Content-Type: text/plain\r\nX-A: b\r\n", "");
    let heads = first.len() + last.len();
    assert_eq!(
        shown,
        format!("body|200 200 4 {heads} 1 1 text/plain GET http 1.1 0 127.0.0.1 {port} b 3|\n")
    );
    let sizes = "%{size_upload} %{size_download} %{stderr}to stderr";
    let output = run(&["post", "--data", "12345", "-o", "-", "-w", sizes, &server.url("/")]);
    assert_eq!(
        (text(&output.stdout), text(&output.stderr)),
        ("body5 4 ".into(), "to stderr".into())
    );
}

#[test]
fn the_times_of_write_out_follow_each_other() {
    let server = server();
    let format = "%{json}";
    let shown = run_well(&["get", "-L", "-o", "/dev/null", "-w", format, &server.url("/old")]);
    let json: Value = serde_json::from_str(&shown).unwrap();
    let time = |name: &str| json[format!("time_{name}")].as_f64().unwrap();
    let order = ["redirect", "pretransfer", "posttransfer", "starttransfer", "total"].map(time);
    assert!(order.is_sorted() && order[0] > 0.0, "{json}");
    assert_eq!(time("appconnect"), 0.0);
    assert_eq!(json["redirect_url"], "");
    let stays = run_well(&["get", "-o", "/dev/null", "-w", "%{redirect_url}", &server.url("/old")]);
    assert_eq!(stays, server.url("/new?key=secret"));
}

#[test]
fn a_failed_transfer_is_reported_too() {
    let server = Server::start(|_| Reply::Close);
    let url = server.url("/");
    let output = run(&["get", "-w", "%{exitcode} %{http_code} %{errormsg}", &url]);
    let code = output.status.code().unwrap();
    assert_eq!(code, 52);
    let shown = text(&output.stdout);
    assert!(shown.starts_with("52 000 the connection"), "{shown}");
    let output = run(&["get", "-w", "%{unknown}x", &url]);
    let why = text(&output.stderr);
    assert!(why.contains("unknown --write-out variable: 'unknown'"), "{why}");
    assert_eq!(text(&output.stdout), "x");
}

#[test]
fn a_har_has_the_schema_of_har_1_2_and_its_times_add_up() {
    let (server, directory) = (server(), Directory::new("har"));
    let path = directory.path("out.har");
    let secret = "Authorization: Basic c2VjcmV0";
    run_well(&["get", "-L", "-H", secret, "--har", &path, &server.url("/old?key=secret&b=1")]);
    let written = fs::read_to_string(&path).unwrap();
    assert!(!written.contains("secret") && !written.contains("c2VjcmV0"), "{written}");
    let har: har::Har = har::from_slice(written.as_bytes()).unwrap();
    let har::Spec::V1_2(_) = har.log else { panic!("not version 1.2") };
    let json: Value = serde_json::from_str(&written).unwrap();
    let entries = json["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    let statuses: Vec<_> = entries.iter().map(|it| it["response"]["status"].clone()).collect();
    assert_eq!(statuses, [302, 200]);
    assert_eq!(entries[1]["comment"], "redirect");
    assert_eq!(entries[1]["response"]["content"]["mimeType"], "text/plain");
    assert_eq!(entries[0]["request"]["queryString"][1]["name"], "b");
    for entry in entries {
        let times = entry["timings"].as_object().unwrap();
        let parts =
            times.iter().filter(|(name, _)| *name != "ssl").map(|(_, it)| it.as_f64().unwrap());
        let sum: f64 = parts.filter(|part| *part >= 0.0).sum();
        assert!((sum - entry["time"].as_f64().unwrap()).abs() < 1e-6, "{entry}");
        assert!(entry["startedDateTime"].as_str().unwrap().ends_with('Z'));
        assert_eq!(entry["serverIPAddress"], "127.0.0.1");
    }
}

#[test]
fn a_har_has_an_entry_for_each_attempt_also_for_one_that_failed() {
    let (server, directory) = (server(), Directory::new("har_retry"));
    let path = directory.path("out.har");
    run_well(&["get", "--retries", "1", "--har", &path, &server.url("/busy")]);
    let json: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let entries = json["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(
        (&entries[0]["response"]["status"], &entries[1]["comment"]),
        (&503.into(), &"retry".into())
    );

    let closed = Server::start(|_| Reply::Close);
    assert_eq!(run(&["get", "--har", &path, &closed.url("/")]).status.code(), Some(52));
    let json: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let entry = &json["log"]["entries"][0];
    assert_eq!(entry["response"]["status"], 0);
    assert!(
        entry["comment"].as_str().unwrap().starts_with("first; failed: the connection"),
        "{entry}"
    );
}

#[test]
fn verbose_shows_a_table_of_the_phases_of_each_attempt() {
    let server = server();
    let output = run(&["get", "-v", "-L", &server.url("/old")]);
    let shown = text(&output.stderr);
    for part in [
        "* attempt 1 (first), new connection c0.0, status 302\n",
        "* attempt 2 (redirect), reused connection c0.0, status 200\n",
        "*   total ",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}
