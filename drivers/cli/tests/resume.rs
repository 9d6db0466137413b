//! Tests downloads that resume (`-C`).

mod support;

use std::fs;

use support::{Directory, Reply, Seen, Server, response, run, run_well, text};

const WHOLE: &str = "0123456789abcdefghij";

/// Answers with the rest, or with the whole if the condition fails. The body is cut after `bytes`.
fn rest(seen: &Seen, tag: &str, bytes: usize) -> Reply {
    let field = |name: &str| seen.fields.iter().find_map(|field| field.strip_prefix(name));
    let from = field("range: bytes=").and_then(|it| it.trim_end_matches('-').parse().ok());
    let same = field("if-range: ").is_none_or(|it| it == tag);
    let (head, body) = match from.filter(|_| same) {
        Some(from) if from >= WHOLE.len() => {
            let range = format!("Content-Range: bytes */{}\r\n", WHOLE.len());
            return response("416 Range Not Satisfiable", &range, "no").into();
        }
        Some(from) => {
            let range = format!("{from}-{}/{}", WHOLE.len() - 1, WHOLE.len());
            (format!("206 Partial Content\r\nContent-Range: bytes {range}"), &WHOLE[from..])
        }
        None => ("200 OK".to_owned(), WHOLE),
    };
    let head = format!("HTTP/1.1 {head}\r\nETag: {tag}\r\nContent-Length: {}\r\n\r\n", body.len());
    let sent = &body[..bytes.min(body.len())];
    Reply::SendLast([head.as_bytes(), sent.as_bytes()].concat())
}

#[test]
fn a_cut_is_resumed_within_the_retries() {
    let (server, files) = (Server::start(|seen| rest(seen, "\"a\"", 8)), Directory::new("cut-C"));
    let path = files.path("out");
    run_well(&[
        "-s",
        "-C",
        "-",
        "--retry",
        "2",
        "--retry-delay",
        "1",
        "-o",
        &path,
        &server.url("/"),
    ]);
    assert_eq!(fs::read_to_string(&path).unwrap(), WHOLE);
    assert_eq!(files.names(), ["out"]);
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|it| it.has("accept-encoding: identity")), "{seen:?}");
    assert!(seen[1].has("range: bytes=8-") && seen[1].has("if-range: \"a\""), "{seen:?}");
    assert!(seen[2].has("range: bytes=16-"), "{seen:?}");
}

#[test]
fn a_partial_file_is_taken_up_by_the_next_run_if_the_server_has_the_same() {
    for (tag, from) in [("\"a\"", "range: bytes=8-"), ("\"b\"", "range: bytes=8-")] {
        let server = Server::start(move |seen| match seen.before {
            0 => rest(seen, "\"a\"", 8),
            _ => rest(seen, tag, 99),
        });
        let (url, files) = (server.url("/"), Directory::new("taken-up"));
        let path = files.path("out");
        let args = ["-sS", "-C", "-", "-o", &path, &url];
        let output = run(&args);
        assert_eq!(output.status.code(), Some(18), "{}", text(&output.stderr));
        assert_eq!(files.names(), ["out.part", "out.part.tag"]);
        assert_eq!(fs::read_to_string(files.path("out.part")).unwrap(), &WHOLE[..8]);
        run_well(&args);
        assert_eq!(fs::read_to_string(&path).unwrap(), WHOLE);
        assert_eq!(files.names(), ["out"]);
        assert!(server.seen()[1].has(from), "{:?}", server.seen());
    }
}

#[test]
fn a_partial_file_without_its_tag_begins_anew() {
    let (server, files) = (Server::start(|seen| rest(seen, "\"a\"", 99)), Directory::new("no-tag"));
    let path = files.path("out");
    fs::write(files.path("out.part"), "other").unwrap();
    run_well(&["-C", "-", "-o", &path, &server.url("/")]);
    assert_eq!(fs::read_to_string(&path).unwrap(), WHOLE);
    assert!(!server.seen()[0].fields.iter().any(|field| field.starts_with("range")));
}

#[test]
fn a_file_is_appended_to_and_a_complete_one_is_done() {
    let (server, files) = (Server::start(|seen| rest(seen, "\"a\"", 99)), Directory::new("append"));
    let path = files.path("out");
    for (before, offset) in [(&WHOLE[..5], "-"), (WHOLE, "-"), (&WHOLE[..9], "7")] {
        fs::write(&path, before).unwrap();
        run_well(&["-C", offset, "-o", &path, &server.url("/")]);
        assert_eq!(fs::read_to_string(&path).unwrap(), WHOLE, "{before} {offset}");
    }
}

#[test]
fn a_server_that_cannot_resume_leaves_the_file_as_it_is() {
    let files = Directory::new("cannot");
    let path = files.path("out");
    fs::write(&path, &WHOLE[..5]).unwrap();
    let wrong = "Content-Range: bytes 4-19/20\r\n";
    for (status, fields, why) in
        [("200 OK", "", "whole in place of the rest"), ("206 P", wrong, "begins at byte 4")]
    {
        let server = Server::start(move |_| response(status, fields, &WHOLE[4..]));
        let output = run(&["-C", "-", "-o", &path, &server.url("/")]);
        assert_eq!(output.status.code(), Some(33), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
        assert_eq!(fs::read_to_string(&path).unwrap(), &WHOLE[..5]);
    }
    let server = Server::start(|_| response("200 OK", "", ""));
    for args in [&["-C", "-"][..], &["-C", "-", "-d", "x", "-o", &path], &["-C", "x", "-o", &path]]
    {
        assert_eq!(run(&[args, &[&server.url("/")]].concat()).status.code(), Some(2), "{args:?}");
    }
}
