//! Tests responses that come before the whole request body was sent.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener},
    sync::mpsc,
    thread::{self, JoinHandle},
};

use support::{Directory, run, text};

const LEN: usize = 16 * 1024 * 1024;

/// The server's behaviour after its response.
#[derive(Clone, Copy)]
enum Then {
    ReadsOn,
    ReadsNothing,
    Closes,
}

/// Starts a server for one request. It answers before it reads the body. Returns its URL, and a
/// handle that gives how many bytes of the body it has read.
fn server(answer: &'static str, then: Then) -> (String, JoinHandle<usize>, mpsc::Sender<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (over, is_over) = mpsc::channel::<()>();
    let serving = thread::spawn(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        let mut input = Vec::new();
        let head = loop {
            let mut some = [0; 4096];
            let read = tcp.read(&mut some).unwrap();
            input.extend_from_slice(&some[..read]);
            if let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        tcp.write_all(answer.as_bytes()).unwrap();
        let mut got = input.len() - head;
        match then {
            Then::ReadsOn => {
                let mut some = vec![0; 64 * 1024];
                while got < LEN
                    && let Ok(read @ 1..) = tcp.read(&mut some)
                {
                    got += read;
                }
            }
            Then::ReadsNothing => {}
            Then::Closes => tcp.shutdown(Shutdown::Write).unwrap(),
        }
        is_over.recv().ok();
        got
    });
    (url, serving, over)
}

fn post(directory: &Directory, url: &str, options: &[&str]) -> std::process::Output {
    let path = directory.path("body");
    std::fs::write(&path, vec![7; LEN]).unwrap();
    run(&[&["post", "--data-file", &path, url], options].concat())
}

#[test]
fn an_early_success_is_told_when_the_whole_body_has_gone() {
    let directory = Directory::new("whole");
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for option in ["--include", "--as-json"] {
        let (url, serving, over) = server(answer, Then::ReadsOn);
        let output = post(&directory, &url, &[option]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        drop(over);
        assert_eq!(serving.join().unwrap(), LEN);
    }
}

#[test]
fn a_success_that_needs_no_more_says_how_much_was_taken() {
    let directory = Directory::new("taken");
    let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    let (url, _serving, over) = server(answer, Then::ReadsNothing);
    let output = post(&directory, &url, &["--as-json", "--events"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let value: serde_json::Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    let taken = &value["request_body_taken"];
    assert_eq!(taken["of"], LEN);
    let bytes = taken["bytes"].as_u64().unwrap();
    assert!(bytes < LEN as u64, "{bytes}");
    let line = format!("body stopped: {bytes} of {LEN} bytes were taken");
    assert!(text(&output.stderr).contains(&line), "{}", text(&output.stderr));
    drop(over);
}

#[test]
fn a_success_whose_request_was_cut_is_a_failure() {
    let directory = Directory::new("cut");
    for (answer, options) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", &["--as-json"][..]),
        ("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", &[]),
        ("HTTP/1.1 204 No Content\r\n\r\n", &["--fail"]),
    ] {
        let (url, _serving, over) = server(answer, Then::Closes);
        let output = post(&directory, &url, options);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(55), "{said}");
        let status = &answer[9..12];
        assert!(said.contains(&format!("the server answered {status}")), "{said}");
        assert!(said.contains(&format!(" of {LEN} bytes were taken")), "{said}");
        drop(over);
    }
}
