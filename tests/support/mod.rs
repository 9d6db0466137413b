//! A server that does what a test says: one script for all its connections, each on a thread.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

/// A server on a free port of the loopback.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl Server {
    /// Runs `script` for every connection, with its number, the first being 0. The connection is
    /// closed when the script ends.
    pub fn scripted(script: impl Fn(usize, &mut Peer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (seen, script) = (Arc::new(Seen::default()), Arc::new(script));
        let counts = seen.clone();
        thread::spawn(move || {
            for tcp in listener.incoming() {
                let number = counts.connections.fetch_add(1, SeqCst);
                let (tcp, script, seen) = (tcp.unwrap(), script.clone(), counts.clone());
                tcp.set_nodelay(true).unwrap();
                thread::spawn(move || script(number, &mut Peer { tcp, held: Vec::new(), seen }));
            }
        });
        Self { addr, seen }
    }

    /// Answers every request with what `answer` makes of it.
    pub fn answering(answer: impl Fn(&Received) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::scripted(move |_, peer| {
            while let Some(request) = peer.request() {
                peer.send(answer(&request));
            }
        })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(SeqCst)
    }

    /// How many request heads came whole.
    pub fn requests(&self) -> usize {
        self.seen.requests.load(SeqCst)
    }
}

/// The server's end of a connection.
#[derive(Debug)]
pub struct Peer {
    tcp: TcpStream,
    held: Vec<u8>,
    seen: Arc<Seen>,
}

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Received {
    pub method: String,
    pub target: String,
    pub fields: Vec<(String, String)>,
    /// Framing removed.
    pub body: Vec<u8>,
}

impl Received {
    /// The value of the field `name`, in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Peer {
    /// The next request; `None` when the client has gone.
    pub fn request(&mut self) -> Option<Received> {
        let mut received = self.head()?;
        received.body = self.body(&received)?;
        Some(received)
    }

    /// The next request's head alone.
    pub fn head(&mut self) -> Option<Received> {
        let end = loop {
            match self.held.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None => self.fill()?,
            }
        };
        let head = String::from_utf8(self.held.drain(..end).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let mut first = lines.next()?.split(' ').map(str::to_owned);
        let fields = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        self.seen.requests.fetch_add(1, SeqCst);
        Some(Received {
            method: first.next()?,
            target: first.next()?,
            fields: fields.collect(),
            body: Vec::new(),
        })
    }

    /// The body behind `head`.
    pub fn body(&mut self, head: &Received) -> Option<Vec<u8>> {
        if head.field("transfer-encoding").is_none() {
            let len = head.field("content-length").map_or(0, |len| len.parse().unwrap());
            return self.take(len);
        }
        let mut body = Vec::new();
        loop {
            let len = usize::from_str_radix(&self.line()?, 16).unwrap();
            body.extend(self.take(len)?);
            self.line()?;
            if len == 0 {
                return Some(body);
            }
        }
    }

    /// Sends, and does not care whether the client has gone.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.tcp.write_all(bytes.as_ref()).ok();
    }

    /// Closes the connection, both ways.
    pub fn close(&mut self) {
        self.tcp.shutdown(std::net::Shutdown::Both).ok();
    }

    /// All that comes until the client closes.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.fill().is_some() {}
        std::mem::take(&mut self.held)
    }

    /// Exactly so many bytes.
    pub fn take(&mut self, len: usize) -> Option<Vec<u8>> {
        while self.held.len() < len {
            self.fill()?;
        }
        Some(self.held.drain(..len).collect())
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.held.windows(2).position(|two| two == b"\r\n") {
                let line = self.held.drain(..at + 2).take(at).collect();
                return Some(String::from_utf8(line).unwrap());
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Option<()> {
        let mut buffer = [0; 16 * 1024];
        let read = self.tcp.read(&mut buffer).ok().filter(|read| *read > 0)?;
        self.held.extend_from_slice(&buffer[..read]);
        Some(())
    }
}

/// A 200 with `body` and its length.
pub fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// Waits for something that another thread is about to bring about.
pub fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        thread::yield_now();
    }
}
