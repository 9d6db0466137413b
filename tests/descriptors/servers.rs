//! Runs servers in a process of their own, which is this program started again.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
};

const COUNT: &str = "HTTPOOL_TEST_SERVERS";

/// Servers with a port each. `/` answers `ok`. `/long` answers with a body that does not fit into
/// the buffers of a connection.
pub(crate) struct Servers {
    child: Child,
    /// Closing it ends the servers.
    stdin: Option<ChildStdin>,
    /// Kept open, so that later output of the servers does not fail.
    _stdout: BufReader<ChildStdout>,
    pub(crate) ports: Vec<u16>,
}

pub(crate) const LONG: usize = 32 * 1024 * 1024;

impl Servers {
    pub(crate) fn start(count: usize) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "servers::serve", "--nocapture"])
            .env(COUNT, count.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("ports ") {
            line.clear();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "no ports");
        }
        let (_, ports) = line.trim_end().split_once("ports ").unwrap();
        let ports = ports.split(' ').map(|port| port.parse().unwrap()).collect();
        Self { child, stdin, _stdout: stdout, ports }
    }

    pub(crate) fn url(&self, nth: usize, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.ports[nth])
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.stdin.take();
        self.child.wait().unwrap();
    }
}

/// The servers' process. Does nothing unless it was started for that.
#[test]
fn serve() {
    let Ok(count) = env::var(COUNT) else { return };
    let count: usize = count.parse().unwrap();
    let all: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let ports: Vec<_> = all.iter().map(|it| it.local_addr().unwrap().port().to_string()).collect();
    println!("ports {}", ports.join(" "));
    for listener in all {
        thread::spawn(move || {
            for tcp in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || answer(&tcp));
            }
        });
    }
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

fn answer(mut tcp: &TcpStream) {
    let mut request = [0; 4096];
    while let Ok(read @ 1..) = tcp.read(&mut request) {
        let body =
            if request[..read].starts_with(b"GET /long") { vec![7; LONG] } else { b"ok".to_vec() };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        if tcp.write_all(&[head.as_bytes(), &body].concat()).is_err() {
            return;
        }
    }
}
