//! Tests many requests over one pool.

mod support;

use std::collections::BTreeSet;

use support::{Directory, Reply, Server, response, run, run_well, text};

#[test]
fn a_summary_counts_everything() {
    let server = Server::start(|_| response("200 OK", "", "hello"));
    let summary = run_well(&["get", "--count", "50", "--concurrency", "4", &server.url("/")]);
    assert_eq!(server.seen().len(), 50);
    let connections: BTreeSet<_> = server.seen().iter().map(|seen| seen.connection).collect();
    assert!((1..=4).contains(&connections.len()), "{connections:?}");
    let opened = format!("{} opened; {} answers", connections.len(), 50 - connections.len());
    for part in ["50 by 4 threads", "200 x 50", "none", "250 B", &opened, "p50", "p99"] {
        assert!(summary.contains(part), "{part:?} in {summary}");
    }
}

#[test]
fn a_summary_as_json() {
    let server = Server::start(|seen| match seen.before {
        3 => response("404 Not Found", "", ""),
        _ => response("200 OK", "", "hello"),
    });
    let text = run_well(&["get", "--count", "10", "--as-json", &server.url("/")]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["requests"], 10);
    assert_eq!(value["statuses"], serde_json::json!({ "200": 9, "404": 1 }));
    assert_eq!(value["failures"], serde_json::json!({}));
    assert_eq!(value["connections_opened"], 1);
    assert_eq!(value["answers_on_reused_connections"], 9);
    assert_eq!(value["body_bytes"], 45);
    assert!(value["latency_seconds"]["p50"].is_f64());
}

#[test]
fn each_request_has_the_whole_body() {
    let directory = Directory::new("load");
    std::fs::write(directory.path("data"), "from a file").unwrap();
    let server = Server::start(|_| response("200 OK", "", ""));
    run_well(&["post", "--count", "5", "--concurrency", "2", "--data", "given", &server.url("/")]);
    run_well(&["put", "--count", "5", "--data-file", &directory.path("data"), &server.url("/")]);
    let bodies: Vec<_> = server.seen().iter().map(|seen| text(&seen.body)).collect();
    assert_eq!(bodies[..5], ["given"; 5]);
    assert_eq!(bodies[5..], ["from a file"; 5]);
}

#[test]
fn the_most_frequent_failure_decides() {
    let server = Server::start(|seen| match seen.before {
        0..4 => Reply::Close,
        4 => Reply::SendLast(b"nonsense\r\n\r\n".to_vec()),
        _ => response("200 OK", "", "").into(),
    });
    let output = run(&["post", "--count", "10", &server.url("/")]);
    assert_eq!(output.status.code(), Some(52), "{}", text(&output.stderr));
    let summary = text(&output.stdout);
    assert!(summary.contains("empty reply x 4"), "{summary}");
    assert!(summary.contains("protocol broken x 1"), "{summary}");
    assert!(summary.contains("200 x 5"), "{summary}");
}

#[test]
fn statuses_count_as_failures_where_wanted() {
    let server = Server::start(|_| response("500 Oh", "", ""));
    let output = run(&["get", "-f", "--count", "3", &server.url("/")]);
    assert_eq!(output.status.code(), Some(22));
    assert!(text(&output.stdout).contains("status x 3"));
}
