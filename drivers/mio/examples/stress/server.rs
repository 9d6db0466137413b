//! A server of many connections on one thread. It answers a GET with its target. A GET of `/hold`
//! waits until the configured number of them have arrived. It can reset connections.

use std::{
    io::{self, Read, Write},
    mem,
    net::SocketAddr,
    time::Duration,
};

use httpool_mio::mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

/// The behaviour of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Script {
    /// The number of loopback addresses to listen on: 127.0.0.1 and those that follow.
    pub(crate) addresses: u8,
    /// The number of GETs of `/hold` that are answered together.
    pub(crate) hold: usize,
    /// The seed that chooses when to reset a third of the connections. `None` resets none.
    pub(crate) resets: Option<u64>,
}

pub(crate) struct Server {
    script: Script,
    poll: Poll,
    listeners: Vec<TcpListener>,
    peers: Vec<Option<Peer>>,
    free: Vec<usize>,
    held: Vec<usize>,
    random: u64,
}

struct Peer {
    tcp: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    /// The number of requests after which to reset the connection, and the moment within the next
    /// answer.
    doom: Option<(u32, Moment)>,
}

#[derive(Debug, Clone, Copy)]
enum Moment {
    Before,
    Inside,
    After,
}

/// Whether to keep a connection.
enum Kept {
    Yes,
    No,
}

impl Server {
    pub(crate) fn new(script: Script) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listeners = Vec::new();
        for last in 1..=script.addresses {
            let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, last], 0)))?;
            let token = Token(listeners.len());
            poll.registry().register(&mut listener, token, Interest::READABLE)?;
            listeners.push(listener);
        }
        let random = script.resets.unwrap_or_default();
        let (peers, free, held) = Default::default();
        Ok(Self { script, poll, listeners, peers, free, held, random })
    }

    pub(crate) fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(TcpListener::local_addr).collect()
    }

    /// Serves until `over` returns true.
    pub(crate) fn run(&mut self, mut over: impl FnMut() -> bool) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        while !over() {
            match self.poll.poll(&mut events, Some(Duration::from_millis(50))) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                match event.token().0.checked_sub(self.listeners.len()) {
                    None => self.accept(event.token().0)?,
                    Some(peer) => self.serve(peer),
                }
            }
        }
        Ok(())
    }

    fn accept(&mut self, listener: usize) -> io::Result<()> {
        loop {
            let mut tcp = match self.listeners[listener].accept() {
                Ok((tcp, _)) => tcp,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            tcp.set_nodelay(true)?;
            let peer = self.free.pop().unwrap_or(self.peers.len());
            let token = Token(self.listeners.len() + peer);
            let both = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut tcp, token, both)?;
            let doom = self.doom();
            let entry = Some(Peer { tcp, input: Vec::new(), output: Vec::new(), doom });
            match self.peers.get_mut(peer) {
                Some(free) => *free = entry,
                None => self.peers.push(entry),
            }
        }
    }

    fn doom(&mut self) -> Option<(u32, Moment)> {
        self.script.resets?;
        if self.draw(3) > 0 {
            return None;
        }
        let moment = match self.draw(3) {
            0 => Moment::Before,
            1 => Moment::Inside,
            _ => Moment::After,
        };
        Some((self.draw(8), moment))
    }

    fn serve(&mut self, index: usize) {
        let Some(Some(peer)) = self.peers.get_mut(index) else { return };
        let kept = peer.serve(|held| {
            if held {
                self.held.push(index);
            }
        });
        if let Kept::No = kept {
            self.drop_peer(index);
        }
        if self.held.len() >= self.script.hold {
            for index in mem::take(&mut self.held) {
                if let Some(Some(peer)) = self.peers.get_mut(index) {
                    peer.answer("/hold");
                    if let Kept::No = peer.flush() {
                        self.drop_peer(index);
                    }
                }
            }
        }
    }

    fn drop_peer(&mut self, index: usize) {
        self.peers[index] = None;
        self.free.push(index);
    }

    /// Returns a random number less than `below`, by xorshift.
    fn draw(&mut self, below: u32) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        ((self.random >> 16) as u32) % below
    }
}

impl Peer {
    fn serve(&mut self, mut hold: impl FnMut(bool)) -> Kept {
        let mut buffer = [0; 4096];
        loop {
            match self.tcp.read(&mut buffer) {
                Ok(0) => return Kept::No,
                Ok(read) => self.input.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return Kept::No,
            }
        }
        while let Some(end) = self.input.windows(4).position(|four| four == b"\r\n\r\n") {
            let head: Vec<u8> = self.input.drain(..end + 4).collect();
            let head = String::from_utf8_lossy(&head);
            let target = head.split(' ').nth(1).unwrap_or_default();
            if target == "/hold" {
                hold(true);
            } else if let Kept::No = self.reply(target) {
                return Kept::No;
            }
        }
        if self.input.is_empty() {
            self.input = Vec::new();
        }
        self.flush()
    }

    fn reply(&mut self, target: &str) -> Kept {
        let moment = match &mut self.doom {
            Some((0, moment)) => *moment,
            Some((left, _)) => {
                *left -= 1;
                self.answer(target);
                return Kept::Yes;
            }
            None => {
                self.answer(target);
                return Kept::Yes;
            }
        };
        match moment {
            Moment::Before => {}
            Moment::Inside => {
                self.answer(target);
                self.output.truncate(self.output.len() - target.len() / 2 - 1);
                self.flush();
            }
            Moment::After => {
                self.answer(target);
                self.flush();
            }
        }
        self.reset();
        Kept::No
    }

    fn answer(&mut self, target: &str) {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}", target.len());
        self.output.extend_from_slice(head.as_bytes());
    }

    fn flush(&mut self) -> Kept {
        while !self.output.is_empty() {
            match self.tcp.write(&self.output) {
                Ok(written) => {
                    self.output.drain(..written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Kept::Yes,
                Err(_) => return Kept::No,
            }
        }
        self.output = Vec::new();
        Kept::Yes
    }

    /// Sets SO_LINGER to zero, so that closing the socket resets the connection.
    fn reset(&self) {
        #[cfg(unix)]
        rustix::net::sockopt::set_socket_linger(&self.tcp, Some(Duration::ZERO))
            .expect("an open socket can be told how to close");
    }
}
