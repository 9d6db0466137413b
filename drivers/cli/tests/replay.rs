//! Tests `--record` and `replay`.

mod support;

use std::fs;

use support::{Directory, Server, response, run, run_well, text};

#[test]
fn what_was_recorded_replays() {
    let server =
        Server::start(|_| response("200 OK", "Set-Cookie: a=hunter2\r\n", "a private body"));
    let files = Directory::new("what_was_recorded_replays");
    let file = files.path("one");
    let secret = "Authorization: Bearer hunter2";
    let url = server.url("/path?token=hunter2&page=1#hunter2");
    let own = "X-Own: hunter2";
    let body =
        run_well(&["get", "--record", &file, "--redact", "x-own", "-H", secret, "-H", own, &url]);
    assert_eq!(body, "a private body");
    let recording = fs::read_to_string(&file).unwrap();
    assert!(!recording.contains("hunter2") && !recording.contains("private"), "{recording}");
    assert!(recording.contains("/path?token=*******&page=*"), "{recording}");
    let said = run_well(&["replay", &file]);
    assert!(said.starts_with("no difference: 1 pool, 1 call and 1 dial were told "), "{said}");

    run_well(&[
        "get",
        "--count",
        "40",
        "--concurrency",
        "4",
        "--record",
        &file,
        &server.url("/path"),
    ]);
    let said = run_well(&["replay", &file]);
    assert!(said.starts_with("no difference: 1 pool, 40 calls and "), "{said}");
}

#[test]
fn a_difference_is_shown_where_it_is() {
    let server = Server::start(|_| response("200 OK", "", "a body"));
    let files = Directory::new("a_difference_is_shown_where_it_is");
    let file = files.path("one");
    run_well(&["get", "--record", &file, &server.url("/")]);
    let recording = fs::read_to_string(&file).unwrap();
    let at = 1 + recording.lines().position(|line| line.ends_with("r0 > head 200")).unwrap();
    fs::write(&file, recording.replace("r0 > head 200", "r0 > head 404")).unwrap();
    let output = run(&["replay", &file]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(120), "{said}");
    assert_eq!(text(&output.stdout), "");
    for part in [
        &format!("decides otherwise, at line {at}\n"),
        &format!("\n{:>6}  ", at - 1),
        " r0 < bytes ",
        "\nrecorded  ",
        " r0 > head 404\n     now  ",
        " r0 > head 200\n",
    ] {
        assert!(said.contains(part), "{part:?} in {said}");
    }
}

#[test]
fn a_trace_is_the_same_beside_a_recording() {
    let server = Server::start(|_| response("200 OK", "", ""));
    let files = Directory::new("a_trace_is_the_same_beside_a_recording");
    let words = |args: &[&str]| {
        let output = run(args);
        let trace = text(&output.stderr);
        let words = |line: &str| line.split_once(' ').unwrap().1.to_owned();
        trace.lines().map(words).collect::<Vec<_>>()
    };
    let (file, url) = (files.path("one"), server.url("/"));
    let recorded = words(&["get", "--events", "--record", &file, &url]);
    assert!(recorded.iter().any(|line| line == "r0 > head 200"), "{recorded:?}");
    assert!(recorded.iter().all(|line| !line.contains("policy")), "{recorded:?}");
    run_well(&["replay", &file]);
}

#[test]
fn what_is_no_recording() {
    let files = Directory::new("what_is_no_recording");
    let file = files.path("one");
    fs::write(&file, "httpool-record 2\nkept\n").unwrap();
    let output = run(&["replay", &file]);
    assert_eq!(output.status.code(), Some(120));
    assert!(text(&output.stderr).contains("line 2: "), "{}", text(&output.stderr));
    fs::write(&file, b"httpool-record 2\nkept\xff\n").unwrap();
    let output = run(&["replay", &file]);
    assert_eq!(output.status.code(), Some(120));
    assert!(text(&output.stderr).contains("line 2: this is not text"), "{output:?}");
    assert_eq!(run(&["replay", &files.path("none")]).status.code(), Some(26));
    // No request is sent if it cannot be recorded.
    let server = Server::start(|_| response("200 OK", "", ""));
    let nowhere = files.path("no/such/directory");
    let output = run(&["get", "--record", &nowhere, &server.url("/")]);
    assert_eq!(output.status.code(), Some(23));
    assert!(server.seen().is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_recording_that_cannot_be_written_is_no_secret() {
    let server = Server::start(|_| response("200 OK", "", "a body"));
    let output = run(&["get", "--record", "/dev/full", &server.url("/")]);
    assert_eq!(text(&output.stdout), "a body");
    assert_eq!(output.status.code(), Some(23));
    assert!(text(&output.stderr).contains("/dev/full"));
}
