//! The examples of event loops are complete programs, and they work: each fetches from a scripted
//! server, follows a redirect, reuses a connection, and tells of one that is refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{
    env,
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output},
};

use support::{Server, ok};

/// Where cargo has put it, beside this test.
fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let target = test.parent().and_then(|deps| deps.parent()).unwrap();
    target.join("examples").join(name).with_extension(env::consts::EXE_EXTENSION)
}

fn run(name: &str, urls: &[String]) -> Output {
    let path = example(name);
    let output = Command::new(&path).args(urls).output();
    let missing = "is it there? `cargo test --test` alone does not build it, `cargo test` does";
    output.unwrap_or_else(|error| panic!("{}: {error}; {missing}", path.display()))
}

fn fetches(name: &str) {
    let server = Server::replying(|request| match request.target() {
        "/away" => b"HTTP/1.1 302 Found\r\nLocation: /big\r\nContent-Length: 0\r\n\r\n".to_vec(),
        "/big" => ok(vec![b'x'; 300_000]),
        "/chunked" => {
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_vec()
        }
        other => ok(other),
    });
    // Nobody listens at that address: the port is this test's at another one.
    let bound = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = format!("http://127.0.0.2:{}/", bound.local_addr().unwrap().port());
    let by_name = format!("http://localhost:{}/name", server.port());
    let urls =
        [server.url("/small"), server.url("/away"), server.url("/chunked"), by_name, refused];
    let output = run(name, &urls);
    let (said, errors) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(77) {
        eprintln!("\n!! SKIPPED: {errors}");
        return;
    }
    assert!(output.status.success(), "{said}{errors}");
    let count = |what: &str| said.lines().filter(|line| line.contains(what)).count();
    assert_eq!((count(" 200"), count("is complete")), (4, 4), "{said}");
    assert_eq!((count("failed: "), count("refused")), (1, 1), "{said}");
    let bytes = |call: &str| {
        let own = said.lines().filter(|line| line.starts_with(call));
        let pieces = own.filter_map(|line| line.strip_suffix(" bytes")?.split(' ').nth(1));
        pieces.map(|piece| piece.parse::<usize>().unwrap()).sum::<usize>()
    };
    assert_eq!([bytes("a0."), bytes("a1."), bytes("a2.")], [6, 300_000, 3], "{said}");
    assert_eq!(server.requests(), 5, "{said}");
}

#[cfg(unix)]
#[test]
fn poll() {
    fetches("poll");
}

#[test]
fn tokio() {
    fetches("tokio");
}

#[cfg(target_os = "linux")]
#[test]
fn io_uring() {
    fetches("io_uring");
}
