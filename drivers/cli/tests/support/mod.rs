//! A scripted server, and functions that run the program.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// A request as the server received it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The request line, such as `GET /x HTTP/1.1`.
    pub(crate) line: String,
    /// The fields as `name: value`, with names in lower case.
    pub(crate) fields: Vec<String>,
    pub(crate) body: Vec<u8>,
    /// The number of its connection, counted from 0.
    pub(crate) connection: usize,
    /// The number of requests that came before, over all connections.
    pub(crate) before: usize,
}

impl Seen {
    pub(crate) fn has(&self, field: &str) -> bool {
        self.fields.iter().any(|line| line == field)
    }
}

/// The server's reaction to a request.
pub(crate) enum Reply {
    Send(Vec<u8>),
    /// Sends the response, then closes the connection.
    SendLast(Vec<u8>),
    /// Sends the response, then waits until the client closes.
    SendAndHang(Vec<u8>),
    /// Closes the connection without a response.
    Close,
    /// Sends nothing, and waits until the client closes.
    Hang,
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::Send(text.into_bytes())
    }
}

/// A server that reacts as its test decides. Its threads end with the test's process.
pub(crate) struct Server {
    addr: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) fn start<R: Into<Reply>>(
        reply: impl Fn(&Seen) -> R + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, reply, count) = (seen.clone(), Arc::new(reply), AtomicUsize::new(0));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, reply) = (log.clone(), reply.clone());
                let connection = count.fetch_add(1, Ordering::Relaxed);
                thread::spawn(move || serve(&stream, connection, &log, |seen| reply(seen).into()));
            }
        });
        Self { addr, seen }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until this many requests have come.
    pub(crate) fn wait_for(&self, requests: usize) {
        until(|| self.seen.lock().unwrap().len() >= requests);
    }
}

/// Waits until `is_so` holds, because of another process.
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "it never comes");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A wait that takes longer is a hang.
const PATIENCE: Duration = Duration::from_secs(60);

fn serve(
    stream: &TcpStream,
    connection: usize,
    log: &Mutex<Vec<Seen>>,
    reply: impl Fn(&Seen) -> Reply,
) -> io::Result<()> {
    let mut input = BufReader::new(stream);
    let mut output = stream;
    while let Some(mut seen) = read_request(&mut input)? {
        seen.connection = connection;
        {
            let mut log = log.lock().unwrap();
            seen.before = log.len();
            log.push(seen.clone());
        }
        match reply(&seen) {
            Reply::Send(bytes) => output.write_all(&bytes)?,
            Reply::SendLast(bytes) => return output.write_all(&bytes),
            Reply::SendAndHang(bytes) => {
                output.write_all(&bytes)?;
                io::copy(&mut input, &mut io::sink())?;
            }
            Reply::Close => return Ok(()),
            Reply::Hang => {
                io::copy(&mut input, &mut io::sink())?;
            }
        }
    }
    Ok(())
}

fn read_request(input: &mut impl BufRead) -> io::Result<Option<Seen>> {
    let mut lines = Vec::new();
    loop {
        let line = read_line(input)?;
        match line {
            None => return Ok(None),
            Some(line) if line.is_empty() => break,
            Some(line) => lines.push(line),
        }
    }
    let line = lines.remove(0);
    let fields: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| format!("{}: {value}", name.to_lowercase()))
        .collect();
    let mut body = Vec::new();
    if fields.iter().any(|field| field == "transfer-encoding: chunked") {
        while let Some(size) = read_line(input)? {
            let size = u64::from_str_radix(&size, 16).unwrap();
            input.take(size).read_to_end(&mut body)?;
            read_line(input)?;
            if size == 0 {
                break;
            }
        }
    }
    if let Some(length) = fields.iter().find_map(|field| field.strip_prefix("content-length: ")) {
        input.take(length.parse().unwrap()).read_to_end(&mut body)?;
    }
    Ok(Some(Seen { line, fields, body, connection: 0, before: 0 }))
}

fn read_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = input.read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim_end().to_owned()))
}

/// Returns a response with a Content-Length. `fields` are whole lines.
pub(crate) fn response(status: &str, fields: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Returns the command of the program, not started.
pub(crate) fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_httpool"));
    command.args(args).stdin(Stdio::null());
    without_proxies(&mut command);
    command
}

/// Removes the variables that name proxies from the environment of a command.
pub(crate) fn without_proxies(command: &mut Command) {
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.env_remove("REQUEST_METHOD");
}

/// Runs the program to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    program(args).output().unwrap()
}

/// Runs the program, which must succeed and print nothing on standard error. Returns its output.
pub(crate) fn run_well(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(text(&output.stderr), "", "{args:?}");
    assert_eq!(output.status.code(), Some(0), "{args:?}");
    text(&output.stdout)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// An empty directory of a test's own, removed at the end.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::remove_dir_all(&path).ok();
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let name = |entry: io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = entries.map(|entry| name(entry).into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
