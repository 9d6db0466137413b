//! A TLS server that runs a script for each connection, and proxies.

use std::{
    io::{self, Cursor, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

use rustls::{HandshakeKind, ServerConfig, ServerConnection};

/// A server. Its threads end with the process.
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Option<HandshakeKind>>>>,
}

/// One connection of a server.
pub(crate) struct Peer {
    pub(crate) tcp: TcpStream,
    pub(crate) tls: ServerConnection,
    /// The most raw bytes that one write has.
    piece: usize,
    plain: Vec<u8>,
}

/// Listens on a free port, and runs `each` on a thread for each connection, with its number.
pub(crate) fn listen(each: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let each = Arc::new(each);
    thread::spawn(move || {
        for (number, tcp) in listener.incoming().map_while(Result::ok).enumerate() {
            let each = each.clone();
            thread::spawn(move || each(tcp, number));
        }
    });
    port
}

impl Server {
    /// Starts a server whose script runs after a handshake that succeeds.
    pub(crate) fn start(
        config: ServerConfig,
        piece: usize,
        script: impl Fn(&mut Peer) + Send + Sync + 'static,
    ) -> Self {
        let (config, seen) = (Arc::new(config), Arc::new(Mutex::new(Vec::new())));
        let log = seen.clone();
        let port = listen(move |tcp, number| {
            locked(&log).push(None);
            tcp.set_nodelay(true).unwrap();
            let tls = ServerConnection::new(config.clone()).unwrap();
            let mut peer = Peer { tcp, tls, piece, plain: Vec::new() };
            if peer.shake().is_some() {
                locked(&log)[number] = peer.tls.handshake_kind();
                return script(&mut peer);
            }
            // A close with unread input would be a reset, and the alert lost.
            peer.tcp.shutdown(Shutdown::Write).ok();
            while let Ok(1..) = peer.tcp.read(&mut [0; 1_024]) {}
        });
        Self { port, seen }
    }

    /// Starts a server that answers each request with `hello`. With `closes` it closes the
    /// connection behind each response.
    pub(crate) fn answering(config: ServerConfig, closes: bool) -> Self {
        Self::start(config, usize::MAX, move |peer| {
            while peer.head().is_some() {
                if closes {
                    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n";
                    peer.send(format!("{head}hello").as_bytes());
                    return peer.end();
                }
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
            }
        })
    }

    /// Starts a server that answers like that, and whose writes have at most `piece` raw bytes.
    pub(crate) fn answering_in_pieces(config: ServerConfig, piece: usize) -> Self {
        Self::start(config, piece, |peer| {
            while peer.head().is_some() {
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
            }
        })
    }

    pub(crate) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/", self.port)
    }

    /// Returns the number of connections.
    pub(crate) fn accepted(&self) -> usize {
        locked(&self.seen).len()
    }

    /// Returns whether each connection has resumed a session, by the server's own account. A
    /// connection whose handshake failed has not.
    pub(crate) fn resumed(&self) -> Vec<bool> {
        let seen = locked(&self.seen);
        seen.iter().map(|kind| *kind == Some(HandshakeKind::Resumed)).collect()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl Peer {
    fn shake(&mut self) -> Option<()> {
        while self.tls.is_handshaking() {
            self.fill()?;
        }
        self.flush()
    }

    /// Reads the head of the next request. `None` at the end.
    pub(crate) fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.plain.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.plain.drain(..end + 4).collect();
                return Some(String::from_utf8(head).unwrap());
            }
            self.fill()?;
        }
    }

    /// Reads and drops input until the client closes.
    pub(crate) fn until_closed(&mut self) {
        while self.fill().is_some() {
            self.plain.clear();
        }
    }

    /// Sends plaintext.
    pub(crate) fn send(&mut self, plain: &[u8]) {
        let sealed = self.seal(plain);
        self.send_raw(&sealed);
    }

    /// Returns the records of `plain`.
    pub(crate) fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        self.tls.writer().write_all(plain).unwrap();
        output(&mut self.tls)
    }

    /// Returns the record of the notice that nothing more follows.
    pub(crate) fn notice(&mut self) -> Vec<u8> {
        self.tls.send_close_notify();
        output(&mut self.tls)
    }

    /// Sends that notice, and closes.
    pub(crate) fn end(&mut self) {
        let notice = self.notice();
        self.send_raw(&notice);
        self.cut();
    }

    /// Ends the output of TCP, and waits until the client closes.
    pub(crate) fn cut(&mut self) {
        self.tcp.shutdown(Shutdown::Write).ok();
        self.until_closed();
    }

    /// Sends raw bytes. The client may have closed the connection.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(self.piece) {
            self.tcp.write_all(piece).ok();
        }
    }

    fn flush(&mut self) -> Option<()> {
        let bytes = output(&mut self.tls);
        self.send_raw(&bytes);
        Some(())
    }

    fn fill(&mut self) -> Option<()> {
        self.flush();
        if self.tls.read_tls(&mut self.tcp).ok()? == 0 {
            return None;
        }
        let processed = self.tls.process_new_packets();
        self.flush();
        processed.ok()?;
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = self.tls.reader().read(&mut buffer) {
            self.plain.extend_from_slice(&buffer[..read]);
        }
        Some(())
    }
}

fn output(tls: &mut ServerConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut bytes).unwrap();
    }
    bytes
}

/// Starts a proxy that opens tunnels to this computer, to the port asked for.
pub(crate) fn proxy() -> u16 {
    listen(|mut tcp, _| {
        let Some(port) = asked(|buffer| tcp.read(buffer)) else { return };
        let Ok(origin) = TcpStream::connect(("127.0.0.1", port)) else { return };
        tcp.write_all(ESTABLISHED).ok();
        join(tcp, origin);
    })
}

/// Copies both ways between two connections, until both have ended.
pub(crate) fn join(mut tcp: TcpStream, mut origin: TcpStream) {
    let (mut from, mut to) = (tcp.try_clone().unwrap(), origin.try_clone().unwrap());
    thread::spawn(move || {
        io::copy(&mut from, &mut to).ok();
        to.shutdown(Shutdown::Write)
    });
    io::copy(&mut origin, &mut tcp).ok();
    tcp.shutdown(Shutdown::Write).ok();
}

const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

/// Reads a CONNECT request byte by byte, and returns its port.
fn asked(mut read: impl FnMut(&mut [u8]) -> io::Result<usize>) -> Option<u16> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let target = String::from_utf8(head).ok()?.split(' ').nth(1)?.to_owned();
    target.rsplit(':').next()?.parse().ok()
}

/// Starts a proxy like [`proxy`] that is itself reached by TLS.
pub(crate) fn secure_proxy(config: ServerConfig) -> Server {
    secure_proxy_in_pieces(config, usize::MAX)
}

/// Starts such a proxy whose writes have at most `piece` raw bytes.
pub(crate) fn secure_proxy_in_pieces(config: ServerConfig, piece: usize) -> Server {
    let plain = proxy();
    Server::start(config, piece, move |peer| {
        let mut inner = TcpStream::connect(("127.0.0.1", plain)).unwrap();
        let mut back = inner.try_clone().unwrap();
        let mut tcp = peer.tcp.try_clone().unwrap();
        inner.write_all(&std::mem::take(&mut peer.plain)).ok();
        let tls = Mutex::new(&mut peer.tls);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut buffer = [0; 4096];
                while let Ok(read @ 1..) = back.read(&mut buffer) {
                    let mut tls = locked(&tls);
                    tls.writer().write_all(&buffer[..read]).unwrap();
                    let sealed = output(&mut tls);
                    for piece in sealed.chunks(piece) {
                        (&peer.tcp).write_all(piece).ok();
                    }
                }
                peer.tcp.shutdown(Shutdown::Write)
            });
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = tcp.read(&mut buffer) {
                let mut tls = locked(&tls);
                let (mut raw, mut plain) = (Cursor::new(&buffer[..read]), Vec::new());
                while (raw.position() as usize) < read {
                    tls.read_tls(&mut raw).unwrap();
                    if tls.process_new_packets().is_err() {
                        break;
                    }
                    tls.reader().read_to_end(&mut plain).ok();
                }
                drop(tls);
                inner.write_all(&plain).ok();
            }
            inner.shutdown(Shutdown::Both)
        })
        .ok();
    })
}
