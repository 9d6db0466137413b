//! A relay that ends TLS in front of a server that does not speak it.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};
use rustls::{ServerConfig, ServerConnection};
use socket2::SockRef;

/// The most bytes of a direction that wait in the relay, but for one read.
const WAITING_MAX: usize = 64 * 1024;
/// A connection on which nothing happens for this long is closed.
const IDLE: Duration = Duration::from_secs(60);

/// How the relay passes on that the server has ended its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a test chooses one")]
pub enum End {
    /// With a close_notify, then the end of TCP.
    Notice,
    /// With the end of TCP alone, which is truncation.
    Bare,
}

/// A relay on a free port of the loopback interface. It ends TLS, and passes the plaintext on, in
/// both directions. A reset of one side becomes a reset of the other. The end of one direction
/// leaves the other open. Its threads end with the process.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    unsettled: Arc<Unsettled>,
}

/// The number of connections whose client has not ended, or whose last bytes have not left.
#[derive(Debug, Default)]
struct Unsettled {
    count: Mutex<usize>,
    fell: Condvar,
}

impl Relay {
    /// Starts a relay in front of `server`.
    pub fn start(config: Arc<ServerConfig>, server: SocketAddr, end: End) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let unsettled = Arc::new(Unsettled::default());
        let shared = unsettled.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (config, mark) = (config.clone(), Mark::new(shared.clone()));
                // A connection that breaks is a matter of the client's test.
                thread::spawn(move || pass(config, client, server, end, mark).ok());
            }
        });
        Self { address, unsettled }
    }

    /// Returns the address for clients.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until everything that the clients have sent has reached the server, and all clients
    /// have ended their output. Returns false if that does not happen in time.
    pub fn settle(&self, patience: Duration) -> bool {
        let Unsettled { count, fell } = &*self.unsettled;
        let waited =
            fell.wait_timeout_while(count.lock().unwrap(), patience, |count| *count > 0).unwrap();
        !waited.1.timed_out()
    }
}

/// Counts a connection as unsettled for as long as it exists.
struct Mark(Arc<Unsettled>);

impl Mark {
    fn new(unsettled: Arc<Unsettled>) -> Self {
        *unsettled.count.lock().unwrap() += 1;
        Self(unsettled)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap() -= 1;
        self.0.fell.notify_all();
    }
}

/// A client's connection, with the one to the server.
struct Passage {
    session: ServerConnection,
    end: End,
    client: TcpStream,
    server: TcpStream,
    /// Plaintext for the server.
    up: Vec<u8>,
    /// Sealed bytes for the client.
    down: Vec<u8>,
    client_is: Direction,
    server_is: Direction,
    /// The server takes no more bytes.
    server_refuses: bool,
    mark: Option<Mark>,
}

/// The state of one side's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Open,
    /// It has ended, and bytes may be left to pass on.
    Ended,
    /// The other side knows that it has ended.
    Passed,
    Reset,
}

fn pass(
    config: Arc<ServerConfig>,
    client: std::net::TcpStream,
    server: SocketAddr,
    end: End,
    mark: Mark,
) -> io::Result<()> {
    let server = match std::net::TcpStream::connect(server) {
        Ok(server) => server,
        Err(why) => {
            reset(SockRef::from(&client))?;
            return Err(why);
        }
    };
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
    }
    let mut session = ServerConnection::new(config).map_err(io::Error::other)?;
    session.set_buffer_limit(None);
    let mut passage = Passage {
        session,
        end,
        client: TcpStream::from_std(client),
        server: TcpStream::from_std(server),
        up: Vec::new(),
        down: Vec::new(),
        client_is: Direction::Open,
        server_is: Direction::Open,
        server_refuses: false,
        mark: Some(mark),
    };
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(8));
    let both = Interest::READABLE | Interest::WRITABLE;
    poll.registry().register(&mut passage.client, Token(0), both)?;
    poll.registry().register(&mut passage.server, Token(1), both)?;
    loop {
        // The events are edges, so everything is tried until nothing goes on.
        while passage.go_on()? {}
        if passage.is_over()? {
            return Ok(());
        }
        poll.poll(&mut events, Some(IDLE))?;
        if events.is_empty() {
            return Err(ErrorKind::TimedOut.into());
        }
    }
}

impl Passage {
    /// Passes on what can be passed on at once. Returns whether that was anything.
    fn go_on(&mut self) -> io::Result<bool> {
        let up = self.read_client()? | self.write_server() | self.end_up();
        let down = self.read_server()? | self.write_client();
        Ok(up | down)
    }

    fn read_client(&mut self) -> io::Result<bool> {
        if self.client_is != Direction::Open || self.up.len() >= WAITING_MAX {
            return Ok(false);
        }
        match self.session.read_tls(&mut self.client) {
            Ok(0) => self.client_is = Direction::Ended,
            Ok(_) => {
                let state = match self.session.process_new_packets() {
                    Ok(state) => state,
                    Err(why) => {
                        // The alert tells the client.
                        self.seal();
                        self.write_client();
                        return Err(io::Error::other(why));
                    }
                };
                let old = self.up.len();
                self.up.resize(old + state.plaintext_bytes_to_read(), 0);
                self.session.reader().read_exact(&mut self.up[old..])?;
                if state.peer_has_closed() {
                    self.client_is = Direction::Ended;
                }
                if self.server_refuses {
                    self.up.clear();
                }
            }
            Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(_) => self.client_is = Direction::Reset,
        }
        Ok(true)
    }

    fn write_server(&mut self) -> bool {
        if self.up.is_empty() {
            return false;
        }
        match self.server.write(&self.up) {
            Ok(some) => drop(self.up.drain(..some)),
            Err(why) if why.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => {
                self.server_refuses = true;
                self.up.clear();
            }
        }
        true
    }

    fn end_up(&mut self) -> bool {
        let ends = self.client_is == Direction::Ended && self.up.is_empty();
        if ends {
            self.server.shutdown(std::net::Shutdown::Write).ok();
            self.client_is = Direction::Passed;
            self.mark = None;
        }
        ends
    }

    fn read_server(&mut self) -> io::Result<bool> {
        // Plaintext before the end of the handshake would wait in the session.
        let full = self.down.len() >= WAITING_MAX || self.session.is_handshaking();
        if self.server_is != Direction::Open || full {
            return Ok(false);
        }
        let mut piece = [0; 16 * 1024];
        match self.server.read(&mut piece) {
            Ok(0) => {
                self.server_is = Direction::Ended;
                if self.end == End::Notice {
                    self.session.send_close_notify();
                }
            }
            Ok(some) => self.session.writer().write_all(&piece[..some])?,
            Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(_) => self.server_is = Direction::Reset,
        }
        Ok(true)
    }

    fn seal(&mut self) {
        while self.session.wants_write() {
            self.session.write_tls(&mut self.down).unwrap();
        }
    }

    fn write_client(&mut self) -> bool {
        self.seal();
        if self.down.is_empty() {
            let ends = self.server_is == Direction::Ended;
            if ends {
                self.client.shutdown(std::net::Shutdown::Write).ok();
                self.server_is = Direction::Passed;
            }
            return ends;
        }
        match self.client.write(&self.down) {
            Ok(some) => drop(self.down.drain(..some)),
            Err(why) if why.kind() == ErrorKind::WouldBlock => return false,
            // The client is gone, which a read shows too.
            Err(_) => self.down.clear(),
        }
        true
    }

    /// Whether nothing is left to do. Resets the side whose peer was reset.
    fn is_over(&self) -> io::Result<bool> {
        let told = self.down.is_empty();
        if self.client_is == Direction::Reset {
            reset(SockRef::from(&self.server))?;
            return Ok(true);
        }
        if told
            && (self.server_is == Direction::Reset
                || self.server_refuses && self.server_is == Direction::Passed)
        {
            reset(SockRef::from(&self.client))?;
            return Ok(true);
        }
        Ok(self.client_is == Direction::Passed && self.server_is == Direction::Passed)
    }
}

/// Lets a socket be reset when it is dropped.
fn reset(socket: SockRef<'_>) -> io::Result<()> {
    socket.set_linger(Some(Duration::ZERO))
}
