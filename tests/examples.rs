//! Tests the examples of event loops, which are complete programs. Each fetches from a scripted
//! server, follows a redirect, reuses a connection, reads a body that ends with its connection,
//! races two addresses of which one does not answer, and reports a refused connection. The example
//! over `poll(2)` also uploads, probes before reuse, and applies back-pressure.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{
    env,
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output},
};

use support::{Received, Server, ok};

/// Returns the path of an example's program, which cargo puts beside this test.
fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let target = test.parent().and_then(|deps| deps.parent()).unwrap();
    target.join("examples").join(name).with_extension(env::consts::EXE_EXTENSION)
}

fn run(name: &str, args: &[String]) -> Output {
    let path = example(name);
    let output = Command::new(&path).args(args).output();
    let missing = "is it there? `cargo test --test` alone does not build it, `cargo test` does";
    output.unwrap_or_else(|error| panic!("{}: {error}; {missing}", path.display()))
}

/// Returns the log of a run; `None` if the system does not allow what the example needs.
fn says(name: &str, args: &[String]) -> Option<String> {
    // The example over poll(2) has an argument more: there is no file to send.
    let none = (name == "poll").then(|| "-".to_owned());
    let output = run(name, &none.into_iter().chain(args.iter().cloned()).collect::<Vec<_>>());
    let said = String::from_utf8(output.stderr).unwrap();
    if output.status.code() == Some(77) {
        eprintln!("\n!! SKIPPED: {said}");
        return None;
    }
    assert!(output.status.success(), "{said}");
    Some(said)
}

fn answer(request: &Received) -> Vec<u8> {
    match request.target() {
        "/away" => b"HTTP/1.1 302 Found\r\nLocation: /big\r\nContent-Length: 0\r\n\r\n".to_vec(),
        "/big" => ok(vec![b'x'; 300_000]),
        "/chunked" => {
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_vec()
        }
        UNTIL_THE_END => b"HTTP/1.1 200 OK\r\n\r\nabcde".to_vec(),
        other => ok(other),
    }
}

/// A path whose response ends with the connection.
const UNTIL_THE_END: &str = "/until-the-end";

fn server() -> Server {
    Server::start(|peer| {
        while let Some(request) = peer.request() {
            peer.send(answer(&request));
            if request.target() == UNTIL_THE_END {
                return;
            }
        }
    })
}

fn fetches(name: &str) {
    let server = server();
    // That address has no listener: this test holds the port at another address.
    let bound = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = format!("http://127.0.0.2:{}/", bound.local_addr().unwrap().port());
    let by_name = format!("http://localhost:{}/name", server.port());
    let urls = [
        server.url("/small"),
        server.url("/away"),
        server.url("/chunked"),
        server.url(UNTIL_THE_END),
        by_name,
        refused,
    ];
    let Some(said) = says(name, &urls) else { return };
    let count = |what: &str| said.lines().filter(|line| line.contains(what)).count();
    assert_eq!((count(" 200"), count("end ")), (5, 5), "{said}");
    assert_eq!((count("failed "), count("refused")), (1, 1), "{said}");
    let bytes = |call: &str| {
        let own = said.lines().filter_map(|line| line.strip_prefix("data ")?.strip_prefix(call));
        let pieces = own.filter_map(|line| line.strip_suffix(" B"));
        pieces.map(|piece| piece.trim().parse::<usize>().unwrap()).sum::<usize>()
    };
    let all = ["a0.0", "a1.0", "a2.0", "a3.0"].map(bytes);
    assert_eq!(all, [6, 300_000, 3, 5], "{said}");
    assert_eq!(server.requests(), 6, "{said}");
}

/// Races two addresses. The first does not answer: it is a listener with a full queue, which is
/// silent on Linux. The second wins the race, and nothing of the first is left.
#[cfg(target_os = "linux")]
fn races(name: &str, silent: &str) {
    use std::net::TcpStream;

    let server = server();
    let listener = TcpListener::bind((silent, server.port())).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let filler = TcpStream::connect(listener.local_addr().unwrap()).unwrap();

    let url = |path: &str| format!("http://two.test:{}{path}", server.port());
    let addresses = [silent.to_owned(), "127.0.0.1".into()];
    let urls = [url("/a"), url(UNTIL_THE_END), url("/big")];
    let Some(said) = says(name, &[&addresses[..], &urls].concat()) else { return };
    let count = |what: &str| said.lines().filter(|line| line.contains(what)).count();
    assert_eq!((count(" 200"), count("end "), count("failed")), (3, 3, 0), "{said}");
    // One connection may have served two requests.
    assert_eq!(server.requests(), 3, "{said}");
    assert!(server.accepted() <= 3, "{said}");
    drop((listener.accept().unwrap(), filler));
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nobody else is in the queue");
}

/// Tries two addresses: the first refuses, and the second answers.
fn goes_on(name: &str) {
    let server = server();
    let url = format!("http://two.test:{}/a", server.port());
    let args = ["127.0.0.77".into(), "127.0.0.1".into(), url];
    let Some(said) = says(name, &args) else { return };
    assert!(said.contains("end a0.0"), "{said}");
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

#[test]
fn a_refused_address_leads_to_the_next() {
    goes_on("tokio");
    if cfg!(unix) {
        goes_on("poll");
    }
    if cfg!(target_os = "linux") {
        goes_on("io_uring");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn addresses_race() {
    races("poll", "127.0.0.71");
    races("tokio", "127.0.0.72");
    races("io_uring", "127.0.0.73");
}

/// Writes a file for the example to send.
#[cfg(unix)]
fn file(name: &str, content: &[u8]) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path.into_os_string().into_string().unwrap()
}

/// The sizes are beyond those of the socket's buffers.
#[cfg(unix)]
#[test]
fn poll_uploads_a_file_to_each_url() {
    let sent: Vec<u8> = (0..8_000_000_u32).map(|n| (n % 251) as u8).collect();
    let expected = sent.clone();
    let server = Server::replying(move |request| {
        assert_eq!(request.method(), "POST");
        ok(if request.body == expected { "all" } else { "not all" })
    });
    let file = file("upload", &sent);
    let output = run("poll", &[file, server.url("/a"), server.url("/b")]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!((&output.stdout[..], server.requests()), (&b"allall"[..], 2), "{said}");
}

/// The end of the stream comes in one segment with a response that asks for the request to be sent
/// elsewhere. A POST that was written to that connection could not be sent again.
#[cfg(target_os = "linux")]
#[test]
fn poll_probes_a_connection_before_it_is_used_again() {
    use std::net::Shutdown;

    let server = Server::start(|peer| {
        while let Some(request) = peer.request() {
            if request.target() == "/next" {
                peer.send(ok(request.body));
                continue;
            }
            rustix::net::sockopt::set_tcp_cork(&peer.tcp, true).unwrap();
            let head = "HTTP/1.1 307 There\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n";
            peer.send(head);
            peer.tcp.shutdown(Shutdown::Both).unwrap();
            return;
        }
    });
    let file = file("probe", b"once");
    let output = run("poll", &[file, server.url("/first")]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(&output.stdout[..], b"once", "{said}");
    assert_eq!((server.accepted(), server.requests()), (2, 2), "{said}");
}

/// The log and the bodies go to one pipe, so that their order shows: the next piece of a body is
/// taken only after all bytes of the piece before were written.
#[cfg(unix)]
#[test]
fn poll_reads_no_more_of_a_body_before_stdout_has_taken_it() {
    use std::io::{BufRead, BufReader, Read};

    let server = Server::replying(|_| ok(vec![b'x'; 3_000_000]));
    let (reader, writer) = std::io::pipe().unwrap();
    let mut child = Command::new(example("poll"))
        .args(["-", &server.url("/")])
        .stdout(writer.try_clone().unwrap())
        .stderr(writer)
        .spawn()
        .unwrap();
    let (mut reader, mut line, mut body) = (BufReader::new(reader), String::new(), 0);
    while reader.read_line(&mut line).unwrap() > 0 {
        if let Some(len) =
            line.trim().strip_prefix("data a0.0 ").and_then(|it| it.strip_suffix(" B"))
        {
            let mut piece = vec![0; len.parse().unwrap()];
            reader.read_exact(&mut piece).unwrap();
            assert!(
                piece.iter().all(|byte| *byte == b'x'),
                "the log says more before the piece is out"
            );
            body += piece.len();
        }
        line.clear();
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(body, 3_000_000);
}

#[test]
fn poll_embeds_the_core_in_ninety_lines_of_code() {
    let code = include_str!("../examples/poll.rs").lines().map(str::trim);
    let lines = code.filter(|line| !line.is_empty() && !line.starts_with("//")).count();
    assert!(lines <= 90, "{lines}");
}
