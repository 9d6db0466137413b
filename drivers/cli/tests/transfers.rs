//! Tests several transfers, retries of curl's kind, and the options that say what is shown.

mod support;

use std::fs;

use support::{Directory, Reply, Server, response, run, run_well, text};

#[test]
fn a_retry_repeats_any_method_after_a_pause_that_is_told() {
    let server = Server::start(|seen| match seen.before {
        0 => response("503 Busy", "Retry-After: 1\r\n", "busy"),
        _ => response("200 OK", "", "done"),
    });
    let output = run(&["-d", "a=b", "--retry", "2", &server.url("/")]);
    assert_eq!(text(&output.stdout), "done", "the first answer is not printed");
    let said = text(&output.stderr);
    assert!(said.ends_with("503 Busy; trying again in 1 s; 1 retry is left\n"), "{said}");
    assert_eq!(server.seen()[1].body, b"a=b");
    // Without a retry the response is the result.
    let server = Server::start(|_| response("503 Busy", "", "busy"));
    assert_eq!(run_well(&["--retry", "0", &server.url("/")]), "busy");
}

#[test]
fn lost_connections_are_retried_if_all_errors_are() {
    let server = Server::start(|seen| match seen.before {
        0 => Reply::Close,
        _ => response("200 OK", "", "done").into(),
    });
    let args = ["-s", "--retry", "1", "--retry-delay", "1", &server.url("/")];
    assert_eq!(run(&args).status.code(), Some(52));
    let server = Server::start(|seen| match seen.before {
        0 => Reply::Close,
        _ => response("200 OK", "", "done").into(),
    });
    let url = server.url("/");
    let args = ["-s", "--retry", "1", "--retry-delay", "1", "--retry-all-errors", &url];
    assert_eq!(run_well(&args), "done");
}

#[test]
fn silence_hides_the_message_and_show_error_brings_it_back() {
    let server = Server::start(|_| response("404 Not Found", "", "gone"));
    let url = server.url("/");
    let said = |options: &[&str]| {
        let output = run(&[options, &[&url]].concat());
        assert_eq!(output.status.code(), Some(22), "{options:?}");
        text(&output.stderr)
    };
    assert_eq!(said(&["-s", "-f"]), "");
    assert!(said(&["-sSf"]).contains("404 Not Found"));
    assert!(said(&["-f"]).contains("404 Not Found"));
    assert_eq!(text(&run(&["--fail-with-body", "-s", &url]).stdout), "gone");
}

#[test]
fn the_last_of_several_transfers_decides_unless_the_first_failure_ends_all() {
    let server = Server::start(|seen| match seen.line.as_str() {
        "GET /bad HTTP/1.1" => response("404 Not Found", "", ""),
        _ => response("200 OK", "", "ok"),
    });
    let (bad, good) = (server.url("/bad"), server.url("/good"));
    let output = run(&["-f", &bad, &good]);
    assert_eq!((output.status.code(), &*text(&output.stdout)), (Some(0), "ok"));
    assert!(text(&output.stderr).contains("404 Not Found"), "the failure is told");
    assert_eq!(run(&["-f", &good, &bad]).status.code(), Some(22));
    let output = run(&["-f", "--fail-early", &bad, &good]);
    assert_eq!((output.status.code(), &*text(&output.stdout)), (Some(22), ""));
}

#[test]
fn parallel_transfers_write_their_own_files() {
    let server = Server::start(|seen| response("200 OK", "", &seen.line));
    let files = Directory::new("parallel");
    let urls: Vec<_> = (0..20).map(|number| server.url(&format!("/{number}"))).collect();
    let directory = files.path("");
    let mut args =
        vec!["-Z", "--parallel-max", "4", "--remote-name-all", "--output-dir", &directory];
    args.extend(urls.iter().map(|url| &**url));
    run_well(&args);
    assert_eq!(files.names().len(), 20);
    for number in 0..20 {
        let content = fs::read_to_string(files.path(&number.to_string())).unwrap();
        assert_eq!(content, format!("GET /{number} HTTP/1.1"));
    }
}

#[test]
fn a_name_of_the_server_replaces_no_file() {
    let fields = "Content-Disposition: attachment; filename=x.txt\r\n";
    let server = Server::start(move |_| response("200 OK", fields, "new"));
    let files = Directory::new("named");
    fs::write(files.path("x.txt"), "old").unwrap();
    let output = run(&["-OJ", "--output-dir", &files.path(""), &server.url("/y")]);
    assert_eq!(output.status.code(), Some(23), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(files.path("x.txt")).unwrap(), "old");
}

#[test]
fn the_help_has_topics_and_the_shells_their_completions() {
    assert!(run_well(&["help", "tls"]).contains("--cacert FILE"));
    assert!(run_well(&["help", "-o"]).contains("--output FILE"));
    assert!(run_well(&["help", "exit"]).contains("  28  a timeout passed"));
    assert!(run_well(&["help", "curl"]).contains("| `--http2` | not here"));
    assert_eq!(run(&["help", "nonsense"]).status.code(), Some(2));
    assert!(run_well(&["completions", "fish"]).contains("-l continue-at"));
    assert_eq!(run(&["completions", "csh"]).status.code(), Some(2));
}

#[test]
fn a_file_gets_the_time_of_the_last_change_with_and_without_resuming() {
    let server = Server::start(|_| {
        response("200 OK", "ETag: \"a\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "old")
    });
    let files = Directory::new("remote-time");
    for (name, more) in
        [("plain", &[][..]), ("resumed", &["-C", "-"]), ("now", &["--no-remote-time"])]
    {
        let path = files.path(name);
        run_well(&[&["-s", "-R", "-o", &path, &server.url("/")], more].concat());
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        assert_eq!(since == 784_111_777, name != "now", "{name}: {since}");
    }
}

#[test]
fn a_body_that_has_not_changed_leaves_the_file_and_the_saved_etag() {
    let server = Server::start(|seen| match seen.has("if-none-match: \"a\"") {
        true => "HTTP/1.1 304 Not Modified\r\nETag: \"other\"\r\n\r\n".to_owned(),
        false => response("200 OK", "ETag: \"a\"\r\n", "new"),
    });
    let files = Directory::new("etag");
    let (path, tag) = (files.path("out"), files.path("tag"));
    let (url, same) = (server.url("/"), ["--etag-compare", &tag, "--etag-save", &tag]);
    run_well(&[&["-s", "-o", &path, &url], &same[..]].concat());
    assert_eq!(fs::read_to_string(&tag).unwrap(), "\"a\"\n");
    fs::write(&path, "mine").unwrap();
    run_well(&[&["-s", "-o", &path, &url], &same[..]].concat());
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(fs::read_to_string(&tag).unwrap(), "\"a\"\n");
    assert_eq!(files.names(), ["out", "tag"]);
}
