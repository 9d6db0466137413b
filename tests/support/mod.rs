//! A scripted server on loopback. A closure handles each of its connections.

#![allow(dead_code, reason = "each test program uses its part")]

pub(crate) mod coded;
pub(crate) mod cut;
#[cfg(unix)]
pub(crate) mod local;
pub(crate) mod moving;
pub(crate) mod names;
pub(crate) mod proxies;
pub(crate) mod secure;
pub(crate) mod sessions;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

/// A server that runs its closure once for each connection, on a thread of its own.
pub(crate) struct Server {
    addr: SocketAddr,
    accepted: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

/// One accepted connection.
pub(crate) struct Peer {
    pub(crate) tcp: TcpStream,
    /// The number of the connection, counted from 0.
    pub(crate) number: usize,
    requests: Arc<AtomicUsize>,
    rest: Vec<u8>,
    /// The sessions of the connection, the outermost first.
    pub(crate) sessions: Vec<secure::Session>,
    /// The most raw bytes that one write has.
    pub(crate) piece: usize,
    /// Whether output that ends a handshake is held until [`release`](Peer::release).
    pub(crate) hold: bool,
    held: Vec<u8>,
}

/// A request as it was received.
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Server {
    pub(crate) fn start(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    /// Starts the server on a listener of the test's choice.
    pub(crate) fn start_on(
        listener: TcpListener,
        script: impl Fn(&mut Peer) + Send + Sync + 'static,
    ) -> Self {
        let addr = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(AtomicUsize::new(0));
        let (script, connections, seen) = (Arc::new(script), accepted.clone(), requests.clone());
        thread::spawn(move || {
            for tcp in listener.incoming().map_while(Result::ok) {
                let number = connections.fetch_add(1, SeqCst);
                let (script, requests) = (script.clone(), seen.clone());
                thread::spawn(move || {
                    script(&mut Peer::new(tcp, number, requests));
                });
            }
        });
        Self { addr, accepted, requests }
    }

    /// Starts a server that answers every request with 200 and `body`.
    pub(crate) fn answering(body: &'static str) -> Self {
        Self::start(move |peer| {
            while peer.request().is_some() {
                peer.answer(body);
            }
        })
    }

    /// Starts a server that answers every request with the bytes that `answer` returns.
    pub(crate) fn replying(answer: impl Fn(&Received) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::start(move |peer| {
            while let Some(request) = peer.request() {
                peer.send(answer(&request));
            }
        })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub(crate) fn port(&self) -> u16 {
        self.addr.port()
    }

    /// Returns how many connections the server has accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(SeqCst)
    }

    /// Returns how many whole requests the server has read.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(SeqCst)
    }
}

impl Received {
    pub(crate) fn method(&self) -> &str {
        self.head.split(' ').next().unwrap()
    }

    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    /// Returns the value of the first field with this name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Peer {
    fn new(tcp: TcpStream, number: usize, requests: Arc<AtomicUsize>) -> Self {
        let (rest, sessions, piece) = (Vec::new(), Vec::new(), usize::MAX);
        let (hold, held) = (false, Vec::new());
        Self { tcp, number, requests, rest, sessions, piece, hold, held }
    }

    /// Reads the next request's head. Returns `None` at the end of the connection.
    pub(crate) fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.rest.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.rest.drain(..end + 4).collect();
                return Some(String::from_utf8(head).unwrap());
            }
            self.fill()?;
        }
    }

    /// Reads the next request completely. Returns `None` at the end of the connection.
    pub(crate) fn request(&mut self) -> Option<Received> {
        let head = self.head()?;
        let received = Received { head, body: Vec::new() };
        let mut body = Vec::new();
        if let Some(length) = received.field("content-length") {
            body = self.take(length.parse().unwrap())?;
        } else if received.field("transfer-encoding").is_some() {
            body = self.chunks()?;
        }
        self.requests.fetch_add(1, SeqCst);
        Some(Received { body, ..received })
    }

    /// Reads a chunked body, and returns it without its framing. Returns `None` at the end of the
    /// connection.
    pub(crate) fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = usize::from_str_radix(&line, 16).unwrap();
            body.extend(self.take(size)?);
            self.line()?;
            if size == 0 {
                return Some(body);
            }
        }
    }

    pub(crate) fn answer(&mut self, body: &str) {
        self.send(ok(body));
    }

    /// Sends `bytes`. Ignores errors, since the client may have closed the connection.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sealed = self.seal(bytes.as_ref());
        self.send_raw(&sealed);
    }

    /// Sends bytes past the sessions.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        if self.hold && self.sessions.last().is_some_and(|session| session.half.is_open()) {
            return self.held.extend_from_slice(bytes);
        }
        for piece in bytes.chunks(self.piece) {
            self.tcp.write_all(piece).ok();
        }
    }

    /// Sends the output that was held.
    pub(crate) fn release(&mut self) {
        self.hold = false;
        let held = std::mem::take(&mut self.held);
        self.send_raw(&held);
    }

    /// Reads and drops input until the other side closes.
    pub(crate) fn until_closed(&mut self) {
        while self.fill().is_some() {
            self.rest.clear();
        }
    }

    /// Counts something as a request, for a test that waits for it.
    pub(crate) fn count(&self) {
        self.requests.fetch_add(1, SeqCst);
    }

    /// Reads more input. Returns `None` at the end of the connection or of a session.
    pub(crate) fn more(&mut self) -> Option<()> {
        self.fill()
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.rest.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.rest.drain(..end + 2).collect();
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            self.fill()?;
        }
    }

    /// Reads the next `len` bytes. Returns `None` at the end of the connection.
    pub(crate) fn take(&mut self, len: usize) -> Option<Vec<u8>> {
        while self.rest.len() < len {
            self.fill()?;
        }
        Some(self.rest.drain(..len).collect())
    }

    fn fill(&mut self) -> Option<()> {
        let mut buffer = [0; 16 * 1024];
        match self.tcp.read(&mut buffer) {
            Ok(read @ 1..) => self.opened(&buffer[..read]),
            _ => None,
        }
    }
}

/// Returns a 200 with `body` and its length.
pub(crate) fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Waits until `holds` returns true, because of another thread.
pub(crate) fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        thread::yield_now();
    }
}
