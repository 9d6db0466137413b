//! Tests SIGINT, SIGTERM and SIGHUP.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use support::{
    Directory, Reply, Server, program, response, run_well, text, until, without_proxies,
};

const SIGNALS: [(Signal, &str, i32); 3] =
    [(Signal::HUP, "SIGHUP", 129), (Signal::INT, "SIGINT", 130), (Signal::TERM, "SIGTERM", 143)];

/// A running program. It is killed when a test fails.
struct Running(Option<Child>);

impl Running {
    fn start(command: Command) -> Self {
        let mut command = with_default_signals(command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(Some(command.spawn().unwrap()))
    }

    fn child(&mut self) -> &mut Child {
        self.0.as_mut().unwrap()
    }

    fn signal(&mut self, signal: Signal) {
        kill_process(Pid::from_child(self.child()), signal).unwrap();
    }

    fn end(mut self) -> Output {
        until(|| self.child().try_wait().unwrap().is_some());
        self.0.take().unwrap().wait_with_output().unwrap()
    }
}

/// Lets a program handle every signal. A process in the background inherits an ignored SIGINT, and
/// one under `nohup` an ignored SIGHUP; a test runner may be either.
#[cfg(target_os = "linux")]
fn with_default_signals(command: Command) -> Command {
    let mut env = Command::new("env");
    without_proxies(&mut env);
    env.arg("--default-signal=HUP,INT,TERM").arg(command.get_program()).args(command.get_args());
    env
}

/// Leaves the command as it is: this system's `env` cannot reset signals.
#[cfg(not(target_os = "linux"))]
fn with_default_signals(command: Command) -> Command {
    command
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            child.kill().ok();
        }
    }
}

/// Starts a server that sends the first 5 bytes of a body of 100.
fn slow() -> Server {
    Server::start(|_| {
        Reply::SendAndHang(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst".to_vec())
    })
}

#[test]
fn the_partial_file_is_removed_and_what_came_is_told() {
    for (signal, name, code) in SIGNALS {
        let (server, files) = (slow(), Directory::new(&format!("partial-{name}")));
        let path = files.path("out");
        fs::write(&path, "old").unwrap();
        let mut running = Running::start(program(&["get", "-o", &path, &server.url("/")]));
        let partial = files.path("out.part");
        until(|| fs::read(&partial).is_ok_and(|content| content == b"first"));
        running.signal(signal);
        let output = running.end();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let said = text(&output.stderr);
        let expected = format!("httpool: ended by {name}: 5 of 100 bytes of the body came\n");
        assert_eq!(said, expected);
        assert_eq!(text(&output.stdout), "");
        assert_eq!(files.names(), ["out"]);
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
}

#[test]
fn what_came_is_on_standard_output_and_the_call_ends_at_once() {
    let server = slow();
    let mut running = Running::start(program(&["get", &server.url("/")]));
    let mut first = [0; 5];
    running.child().stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"first");
    running.signal(Signal::INT);
    let output = running.end();
    assert_eq!(output.status.code(), Some(130));
    assert!(text(&output.stderr).contains("5 of 100 bytes"), "{output:?}");

    let server = Server::start(|_| Reply::Hang);
    let mut running = Running::start(program(&["get", "--as-json", &server.url("/x")]));
    server.wait_for(1);
    running.signal(Signal::TERM);
    let output = running.end();
    assert_eq!(output.status.code(), Some(143));
    assert!(text(&output.stderr).contains("ended by SIGTERM: no answer came"), "{output:?}");
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let error = &value["error"];
    assert_eq!((&error["kind"], &error["exit_code"]), (&"SIGTERM".into(), &143.into()));
    assert_eq!((&error["url"], &error["phase"]), (&server.url("/x").into(), &"head".into()));
    assert_eq!(error["reached"], "sent");
}

#[test]
fn a_pause_is_told_before_it_begins_and_ends_with_a_signal() {
    let server = Server::start(|seen| match seen.before {
        0 => response("429 Too Many Requests", "Retry-After: 1\r\n", ""),
        1 => response("503 Busy", "Retry-After: 3600\r\n", ""),
        _ => response("200 OK", "", ""),
    });
    let mut running = Running::start(program(&["get", "--retries", "3", &server.url("/")]));
    let mut said = BufReader::new(running.child().stderr.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "httpool: waiting 1 s, as the server asked");
    assert_eq!(said.next().unwrap().unwrap(), "httpool: waiting 3600 s, as the server asked");
    assert_eq!(server.seen().len(), 2);
    running.signal(Signal::INT);
    assert_eq!(said.next().unwrap().unwrap(), "httpool: ended by SIGINT: no answer came");
    assert_eq!(running.end().status.code(), Some(130));
}

#[test]
fn a_program_that_waits_for_something_else_ends_all_the_same() {
    let (server, files) = (slow(), Directory::new("elsewhere"));
    let path = files.path("out");
    let mut command = program(&["post", "--data-file", "-", "-o", &path, &server.url("/")]);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    // Keeps standard input open and writes nothing to it.
    let stdin = running.child().stdin.take();
    until(|| files.names() == ["out.part"]);
    running.signal(Signal::INT);
    let output = running.end();
    drop(stdin);
    assert_eq!(output.status.code(), Some(130));
    assert!(text(&output.stderr).contains("ended by SIGINT"), "{output:?}");
    assert_eq!(files.names(), [""; 0]);
}

#[test]
fn a_recording_is_completed() {
    let (server, files) = (slow(), Directory::new("recorded"));
    let (path, file) = (files.path("out"), files.path("recording"));
    let args = ["get", "-o", &path, "--record", &file, &server.url("/")];
    let mut running = Running::start(program(&args));
    let partial = files.path("out.part");
    until(|| fs::read(&partial).is_ok_and(|content| content == b"first"));
    running.signal(Signal::INT);
    assert_eq!(running.end().status.code(), Some(130));
    assert!(fs::read_to_string(&file).unwrap().contains(" r0 < cancel\n"));
    run_well(&["replay", &file]);
}

#[test]
fn a_load_ends_with_its_summary() {
    let server = Server::start(|_| response("200 OK", "", ""));
    let args = ["get", "--count", "1000000", "--concurrency", "3", "--as-json", &server.url("/")];
    let mut running = Running::start(program(&args));
    server.wait_for(10);
    running.signal(Signal::INT);
    let output = running.end();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(text(&output.stderr).ends_with(" of 1000000 requests were made\n"), "{output:?}");
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(value["requests"].as_u64().unwrap() >= 7, "{value}");
    assert_eq!(value["error"]["kind"], "SIGINT");
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let server = slow();
    let mut command = Command::new("sh");
    without_proxies(&mut command);
    command.args(["-c", "trap '' HUP; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_httpool"), "get"]);
    command.arg(server.url("/"));
    let mut running = Running::start(command);
    server.wait_for(1);
    running.signal(Signal::HUP);
    running.signal(Signal::TERM);
    assert_eq!(running.end().status.code(), Some(143));
}

#[test]
fn a_download_that_resumes_keeps_its_partial_file() {
    let server = Server::start(|_| {
        let head = b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 100\r\n\r\nfirst";
        Reply::SendAndHang(head.to_vec())
    });
    let files = Directory::new("kept");
    let (path, partial) = (files.path("out"), files.path("out.part"));
    let mut running = Running::start(program(&["-C", "-", "-o", &path, &server.url("/")]));
    until(|| fs::read(&partial).is_ok_and(|content| content == b"first"));
    running.signal(Signal::INT);
    assert_eq!(running.end().status.code(), Some(130));
    assert_eq!(files.names(), ["out.part", "out.part.tag"]);
    assert_eq!(fs::read_to_string(files.path("out.part.tag")).unwrap(), "\"a\"\n100\n");
}
