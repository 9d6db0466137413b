//! The servers and the calls of the script.

use std::{
    net::TcpListener,
    sync::{
        Mutex,
        mpsc::{self, Receiver},
    },
    time::Duration,
};

use httpool::{
    call::{Policy, Retry},
    message::Status,
};

use crate::{
    run::{Ask, Outcome, Runs},
    support::{Peer, Server, ok},
    trace::Lines,
};

/// Two servers, and a port without a listener.
pub(crate) struct World {
    server: Server,
    other: Server,
    nobody: u16,
    /// Receives a message when the server has closed a connection.
    closed: Receiver<()>,
}

/// The result of one call.
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    pub(crate) lines: Vec<String>,
}

impl World {
    pub(crate) fn new() -> Self {
        let other = Server::answering("elsewhere");
        let (away, (closed, is_closed)) = (other.url("/"), mpsc::channel());
        let closed = Mutex::new(closed);
        let server = Server::start(move |peer| {
            while serve(peer, &away) {}
            // Closes the connection unannounced, even if it is idle.
            peer.tcp.shutdown(std::net::Shutdown::Both).ok();
            closed.lock().unwrap().send(()).ok();
        });
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { server, other, nobody, closed: is_closed }
    }

    fn ports(&self) -> [(u16, &'static str); 3] {
        [(self.server.port(), "SERVER"), (self.other.port(), "OTHER"), (self.nobody, "NOBODY")]
    }
}

/// Answers one request. Returns false if the connection is to be closed.
fn serve(peer: &mut Peer, away: &str) -> bool {
    let Some(head) = peer.head() else { return false };
    let target = head.split(' ').nth(1).unwrap().to_owned();
    if head.contains("Expect:") {
        peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    }
    let body = body(peer, &head);
    let redirect = |status: u16, location: &str| {
        format!("HTTP/1.1 {status} R\r\nLocation: {location}\r\nContent-Length: 4\r\n\r\ngone")
    };
    match &*target {
        "/echo" => peer.send(ok(body)),
        "/head" => peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        "/chunked" => peer.send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n4\r\n two\r\n\
             0\r\nDigest: d\r\n\r\n",
        ),
        "/large" => peer.send(ok(vec![7; 1_000_000])),
        "/missing" => peer.send("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno"),
        "/early" => peer.send("HTTP/1.1 103 E\r\n\r\nHTTP/1.1 204 None\r\n\r\n"),
        "/moved" => peer.send(redirect(302, "/hello")),
        "/again" => peer.send(redirect(307, "/echo")),
        "/round" => peer.send(redirect(302, "/round")),
        "/away" => peer.send(redirect(301, away)),
        "/busy" => peer.send("HTTP/1.1 503 B\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"),
        "/garbage" => peer.send("SSH-2.0-what\r\n\r\n"),
        "/two" => {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n");
        }
        "/mute" => {
            peer.until_closed();
            return false;
        }
        "/bye" => {
            peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbye");
            return false;
        }
        "/to-the-end" => {
            peer.send("HTTP/1.1 200 OK\r\n\r\nto the end");
            return false;
        }
        "/cut" => {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
            return false;
        }
        "/leave" => {
            peer.answer("leaving");
            return false;
        }
        "/lost" => return false,
        other => peer.answer(other),
    }
    true
}

fn body(peer: &mut Peer, head: &str) -> Vec<u8> {
    if let Some(length) = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")) {
        return peer.take(length.parse().unwrap()).unwrap();
    }
    if !head.contains("Transfer-Encoding") {
        return Vec::new();
    }
    // The script's chunked bodies have one chunk and the last chunk.
    let framed = peer.take("4\r\nbody\r\n0\r\n\r\n".len()).unwrap();
    assert_eq!(framed, b"4\r\nbody\r\n0\r\n\r\n");
    b"body".to_vec()
}

/// Returns each call with its name, and whether the server closes the connection after it
/// unannounced.
fn calls(world: &World) -> Vec<(Ask, bool)> {
    let here = |method, path: &str| Ask { method, url: world.server.url(path), ..Ask::default() };
    let bytes = |method, path: &str| Ask { body: Some(("body", false)), ..here(method, path) };
    let reader = |method, path: &str| Ask { body: Some(("body", true)), ..here(method, path) };
    let retrying = |path: &str| {
        let mut ask = here("GET", path);
        ask.policy.retry = Retry::new(1);
        ask.policy.retry.statuses.push(Status::new(503).unwrap());
        ask
    };
    let mut late = here("GET", "/mute");
    late.policy.timeout.first_byte = Some(Duration::from_millis(30));
    let mut raising = Policy::default();
    raising.redirect.max = Some(3);
    let nobody = |url: String| Ask { method: "GET", url, ..Ask::default() };
    let stays = |ask| (ask, false);
    let closes = |ask| (ask, true);
    vec![
        stays(here("GET", "/hello")),
        stays(here("GET", "/again-hello")),
        stays(here("HEAD", "/head")),
        stays(here("GET", "/chunked")),
        stays(here("GET", "/large")),
        stays(here("GET", "/missing")),
        stays(here("DELETE", "/early")),
        stays(here("GET", "/moved")),
        stays(here("GET", "/away")),
        stays(bytes("POST", "/echo")),
        stays(reader("POST", "/echo")),
        stays(bytes("PUT", "/again")),
        stays(reader("PUT", "/again")),
        stays(bytes("POST", "/moved")),
        stays(Ask { policy: raising, ..here("GET", "/round") }),
        stays(retrying("/busy")),
        stays(Ask { expect_continue: true, ..bytes("PUT", "/echo") }),
        closes(here("GET", "/bye")),
        stays(here("GET", "/hello")),
        closes(here("GET", "/to-the-end")),
        closes(here("GET", "/cut")),
        stays(here("GET", "/hello")),
        closes(here("GET", "/leave")),
        stays(here("GET", "/hello")),
        closes(here("GET", "/leave")),
        stays(bytes("POST", "/echo")),
        // Arrives once on the reused connection, and once more on a fresh one.
        closes(here("GET", "/lost")),
        stays(here("GET", "/hello")),
        closes(bytes("POST", "/lost")),
        closes(retrying("/lost")),
        closes(here("GET", "/garbage")),
        closes(here("GET", "/two")),
        closes(late),
        stays(nobody(format!("http://127.0.0.1:{}/", world.nobody))),
        stays(nobody("http://unknown.test/".into())),
        stays(here("GET", "/hello")),
    ]
}

/// Runs the script, one call after another.
pub(crate) fn run<R: Runs>(world: &World, begin: impl FnOnce(Lines) -> R) -> Vec<Step> {
    let lines = Lines::default();
    let mut driver = begin(lines.clone());
    let ports = world.ports();
    let mut steps = Vec::new();
    for (ask, closes) in calls(world) {
        let name = format!("{} {}", ask.method, ask.url.rsplit('/').next().unwrap());
        let leaves = ask.url.ends_with("/leave");
        let outcome = driver.call(ask).map_err(|error| {
            let named = |error: String, (port, name): &(u16, &str)| {
                error.replace(&format!(":{port}"), &format!(":{name}"))
            };
            ports.iter().fold(error, named)
        });
        if closes {
            world.closed.recv().unwrap();
        }
        if leaves {
            driver.lost();
        }
        steps.push(Step { name, outcome, lines: lines.take(&ports) });
    }
    steps
}
