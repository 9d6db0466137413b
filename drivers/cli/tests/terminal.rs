//! Tests that a server's text is escaped on a terminal.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{
    fs::File,
    io::Read,
    process::{Command, Output, Stdio},
};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use support::{Directory, Reply, Server, program, response, run, text};

/// Returns the bytes that the program shows on a terminal by its standard output, with each line
/// end as one byte, and its other output.
fn on_terminal(args: &[&str]) -> (Vec<u8>, Output) {
    on_terminal_by(args, |command, slave| command.stdout(slave).stderr(Stdio::piped()))
}

/// Returns the text that the program shows on a terminal by its standard error.
fn errors_on_terminal(args: &[&str]) -> String {
    let (shown, _) =
        on_terminal_by(args, |command, slave| command.stdout(Stdio::null()).stderr(slave));
    text(&shown)
}

fn on_terminal_by(
    args: &[&str],
    set_up: impl FnOnce(&mut Command, Stdio) -> &mut Command,
) -> (Vec<u8>, Output) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let child = set_up(&mut program(args), slave.into()).spawn().unwrap();
    let mut shown = Vec::new();
    // Reading ends with an error when the other side of the terminal is closed.
    File::from(master).read_to_end(&mut shown).ok();
    let shown = String::from_utf8_lossy(&shown).replace("\r\n", "\n").into_bytes();
    (shown, child.wait_with_output().unwrap())
}

const BODY: &str = "caf\u{e9}\n\u{1b}[31m\u{9b}31m \u{202e}txt.exe\u{7f}\n";

fn server(body: &'static [u8]) -> Server {
    Server::start(move |_| {
        let head = "HTTP/1.1 404 No\u{9b}31m \u{202e}way\r\nX-A: \u{9b}1m \u{2066}\r\n";
        let length = format!("Content-Length: {}\r\n\r\n", body.len());
        Reply::Send([head.as_bytes(), b"X-B: \x9b caf\xe9\r\n", length.as_bytes(), body].concat())
    })
}

#[test]
fn a_body_cannot_act_on_a_terminal() {
    let server = server(BODY.as_bytes());
    let (shown, output) = on_terminal(&["get", &server.url("/")]);
    assert_eq!(text(&output.stderr), "");
    assert_eq!(text(&shown), "caf\u{e9}\n\\u{1b}[31m\\u{9b}31m \\u{202e}txt.exe\\u{7f}\n");
    // The body is unchanged with `-o -`, and when standard output is no terminal.
    assert_eq!(text(&on_terminal(&["get", "-o", "-", &server.url("/")]).0), BODY);
    assert_eq!(text(&run(&["get", &server.url("/")]).stdout), BODY);
    assert_eq!(text(&run(&["get", "--output=-", &server.url("/")]).stdout), BODY);
}

#[test]
fn a_binary_body_is_not_shown_on_a_terminal() {
    let server = server(b"\x7fELF\0\x01");
    let (shown, output) = on_terminal(&["get", &server.url("/")]);
    assert_eq!((text(&shown).as_str(), output.status.code()), ("", Some(23)));
    assert!(text(&output.stderr).contains("is binary"), "{output:?}");
    assert!(text(&output.stderr).contains("hint: -o FILE"), "{output:?}");
    assert_eq!(on_terminal(&["get", "-o", "-", &server.url("/")]).1.status.code(), Some(0));
    assert_eq!(run(&["get", &server.url("/")]).stdout, b"\x7fELF\0\x01");
}

#[test]
fn a_head_an_error_and_json_cannot_act_on_a_terminal() {
    let server = server(b"\xc2\x9b");
    let url = server.url("/");
    let shown = run(&["get", "-D", "-", "-o", "/dev/null", &url]).stdout;
    let expected = b"HTTP/1.1 404 No\\u{9b}31m \\u{202e}way\r\nX-A: \\u{9b}1m \\u{2066}\r\n\
        X-B: \\x9b caf\xe9\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(shown, expected, "{}", String::from_utf8_lossy(&shown));

    let said = text(&run(&["get", "-f", &url]).stderr);
    assert!(said.contains("404 No\\u{9b}31m \\u{202e}way\n"), "{said}");

    let json = text(&run(&["get", "--as-json", &url]).stdout);
    assert!(!json.contains(['\u{9b}', '\u{202e}', '\u{2066}']), "{json}");
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["reason"], "No\u{9b}31m \u{202e}way");
    assert_eq!(value["headers"][0][1], "\u{9b}1m \u{2066}");
    assert_eq!(value["body"], "\u{9b}");

    let recording = "httpool-record 2\nkept \u{9b}\n";
    let mut replay = program(&["replay", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let stdin = replay.as_mut().unwrap().stdin.take();
    std::io::Write::write_all(&mut stdin.unwrap(), recording.as_bytes()).unwrap();
    let output = replay.unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(120));
    assert!(!text(&output.stderr).contains('\u{9b}'));
}

#[test]
fn an_upload_shows_how_much_was_sent() {
    let directory = Directory::new("bar");
    let (path, url) =
        (directory.path("file"), Server::start(|_| response("200 OK", "", "")).url("/"));
    std::fs::write(&path, vec![7; 1_000_000]).unwrap();
    let form = format!("a=@{path}");
    for args in [["-T", &path], ["--data-file", &path], ["-F", &form]] {
        let shown = errors_on_terminal(&[args[0], args[1], "-X", "POST", &url]);
        let last = shown.rsplit('\r').find(|line| line.contains('%')).unwrap_or_default();
        assert!(last.starts_with("[########################] 100%  976."), "{shown:?}");
        assert!(shown.ends_with('\n'), "{shown:?}");
        // A small body is not worth a line, and none is shown where none is wanted.
        assert_eq!(errors_on_terminal(&["-s", args[0], args[1], "-X", "POST", &url]), "");
    }
    std::fs::write(&path, "small").unwrap();
    assert_eq!(errors_on_terminal(&["-T", &path, &url]), "");
}

#[test]
fn transfers_at_once_have_a_line_each_and_messages_stand_above_them() {
    let directory = Directory::new("bars");
    let wait = std::sync::Barrier::new(3);
    let server = Server::start(move |seen| {
        // All three have begun when the first gets its answer.
        wait.wait();
        if seen.line.contains("/bad") {
            return Reply::Close;
        }
        response("200 OK", "", &"x".repeat(1_000_000)).into()
    });
    let (one, two) = (directory.path("one"), directory.path("a-name-that-is-too-long"));
    let shown = errors_on_terminal(&[
        "-Z",
        &server.url("/1"),
        "-o",
        &one,
        &server.url("/2"),
        "-o",
        &two,
        &server.url("/bad"),
        "-o",
        &directory.path("bad"),
    ]);
    for name in ["one             ", "a-name-that-is-t"] {
        let done = format!("{name} [########################] 100%  976.6 KiB of 976.6 KiB");
        assert!(shown.contains(&done), "{shown:?}");
    }
    let message = shown.find("httpool: ").unwrap_or_else(|| panic!("{shown:?}"));
    let before = &shown[..message];
    assert!(before.is_empty() || before.ends_with("\x1b[J") || before.ends_with('\n'), "{shown:?}");
}

#[test]
fn the_wait_for_a_retry_counts_down_in_one_line() {
    let server = Server::start(|seen| match seen.before {
        0 => response("503 Busy", "Retry-After: 1\r\n", ""),
        _ => response("200 OK", "", ""),
    });
    let shown = errors_on_terminal(&["--retry", "1", &server.url("/")]);
    let lines: Vec<_> = shown.split('\r').filter(|line| !line.is_empty()).collect();
    assert!(lines.iter().all(|line| line.contains("503 Busy; trying again in ")), "{shown:?}");
    assert!(lines[0].contains(" in 1 s; 0 retries are left"), "{shown:?}");
    assert!(lines.last().unwrap().contains(" in 0 s; 0 retries are left"), "{shown:?}");
    assert_eq!(shown.matches('\n').count(), 1, "{shown:?}");
}
