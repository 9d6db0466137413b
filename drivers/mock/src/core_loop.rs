//! A loop around the core's client, over a mock.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use bytes::Bytes;
use httpool_blocking::{
    httpool::{
        client::{Action, Client, Event, Inbox, Outbox},
        error::{IoKind, ResolveKind},
        id::{CallId, SocketId},
        message::PeerAddr,
        time::Instant,
    },
    net::{Conn, Failure, Net},
};
use httpool_kit::io_kind;

use crate::{
    Mock,
    conn::MockConn,
    state::{MockNet, State},
};

/// A loop that performs the actions of the core's [`Client`] against a mock, without sockets.
///
/// It tests code that decides with the core: which requests it makes, and what it does with the
/// events. It takes the place of the loop around sockets, so that loop needs a test of its own.
/// Its clock begins at 0 and moves by waiting only, so each run is the same. A client that calls
/// `https` URLs needs [`tls_available`](httpool_blocking::httpool::dial::DialPolicy::tls_available)
/// in its configuration. As with the blocking client, there is no certificate to check.
///
/// ```
/// use std::time::Duration;
///
/// use httpool_blocking::httpool::{
///     client::{Client, Config, Event},
///     message::Request,
/// };
/// use httpool_mock::{Mock, News};
///
/// let mock = Mock::new();
/// let rule = mock.on("GET", "http://api.example/users/1");
/// rule.reply(200).body("Ada").after(Duration::from_secs(2));
///
/// let (mut driver, mut client) = (mock.core_loop(), Client::new(Config::default()));
/// let request = Request::get("http://api.example/users/1").build()?;
/// let call = client.request(request, Default::default(), driver.now());
/// let mut name = Vec::new();
/// driver.run(&mut client, |_, news| match news {
///     News::Event(Event::Data(of, data)) if of == call => name.extend_from_slice(data),
///     _ => {}
/// })?;
/// assert_eq!(name, b"Ada");
/// assert_eq!(driver.now().as_nanos(), 2_000_000_000);
/// mock.verify();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CoreLoop {
    net: MockNet,
    links: BTreeMap<SocketId, Link>,
    bodies: BTreeMap<CallId, Sent>,
    failed: Option<Failure>,
}

/// A message of the core to the application.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "the core says only these two kinds of things")]
pub enum News<'n> {
    /// A part of a response.
    Event(Event<'n>),
    /// An action of the application: [`Action::Restart`], [`Action::CheckBody`], [`Action::End`],
    /// [`Action::HandOver`] or [`Action::Failed`]. The socket of a hand-over is closed, because a
    /// mock speaks only HTTP.
    Action(Action),
}

/// The body of a request, and how much of it was sent.
#[derive(Debug)]
struct Sent {
    body: Bytes,
    sent: usize,
}

/// An open connection.
#[derive(Debug)]
struct Link {
    conn: MockConn,
    out: Outbox,
    inbox: Inbox,
    /// Whether its end was reported.
    ended: bool,
}

impl Mock {
    /// Makes a loop for a [`Client`] of the core, on this mock and its clock.
    pub fn core_loop(&self) -> CoreLoop {
        let (links, bodies) = (BTreeMap::new(), BTreeMap::new());
        CoreLoop { net: MockNet(self.state.clone()), links, bodies, failed: None }
    }
}

type Each<'e> = &'e mut dyn FnMut(&mut Client, News<'_>);

impl CoreLoop {
    /// Returns the time on the mock's clock.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(0).after(self.state().clock.read())
    }

    /// Sets the body of a call's request. Its length must be that of the request. It is sent again
    /// when the call is tried again. A call without one sends an empty body.
    pub fn set_body(&mut self, call: CallId, body: impl Into<Vec<u8>>) {
        self.bodies.insert(call, Sent { body: Bytes::from(body.into()), sent: 0 });
    }

    /// Performs the actions of `client` until its calls have ended, or until nothing can happen.
    /// `each` takes the news, and may call any method of the client: begin a call, or cancel one.
    /// The same loop must run all calls of a client, because it holds the connections.
    ///
    /// # Errors
    /// A request matched no rule, could not be read or could not be recorded. The text begins with
    /// its method and URL, and shows the nearest rule and each difference. All calls have been run,
    /// and the call of the request has failed with [`Action::Failed`]. Of several, the first.
    pub fn run(
        &mut self,
        client: &mut Client,
        mut each: impl FnMut(&mut Client, News<'_>),
    ) -> Result<(), Failure> {
        loop {
            while let Some(action) = client.poll_action() {
                self.perform(client, action, &mut each);
            }
            let read = self.read(client, &mut each);
            if !read && (client.calls() == 0 || !self.wait(client)) {
                return self.failed.take().map_or(Ok(()), Err);
            }
        }
    }

    fn state(&self) -> &Arc<State> {
        &self.net.0
    }

    fn perform(&mut self, client: &mut Client, action: Action, each: Each<'_>) {
        let now = self.now();
        match action {
            Action::Resolve { conn, host, port } => match self.net.look_up(&host, port) {
                Ok(addrs) => client.handle_resolved(conn, &addrs, now),
                Err(_) => client.handle_resolve_failed(conn, ResolveKind::NotFound, now),
            },
            Action::LookUp { look_up, host, port } => {
                let addrs = self.net.look_up(&host, port).unwrap_or_default();
                client.handle_looked_up(look_up, &addrs, now);
            }
            Action::Connect { socket, addr, .. } => {
                let done = self.connect(socket, &addr);
                client.handle_connected(socket, done, now);
            }
            Action::StartTls { socket, .. } => {
                if let Some(link) = self.links.get(&socket) {
                    link.conn.secure();
                    client.handle_tls(socket, Ok("mock"), now);
                }
            }
            Action::Transmit { socket, probe } => {
                if probe {
                    self.read_from(client, socket, each);
                }
                self.write_to(client, socket);
            }
            Action::Close { socket, .. } => drop(self.links.remove(&socket)),
            Action::Rewind { call } => {
                if let Some(body) = self.bodies.get_mut(&call) {
                    body.sent = 0;
                }
                client.rewound(call, now);
            }
            Action::BodyDone { call } => drop(self.bodies.remove(&call)),
            // Names are not cached, and are looked up at once.
            Action::CancelResolve { .. } | Action::Refresh { .. } => {}
            news => {
                if let Action::HandOver { socket, .. } = &news {
                    self.links.remove(socket);
                }
                if let Action::End { call, .. } | Action::Failed { call, .. } = &news {
                    self.bodies.remove(call);
                }
                each(client, News::Action(news));
            }
        }
    }

    fn connect(&mut self, socket: SocketId, addr: &PeerAddr) -> Result<(), IoKind> {
        let conn = self.net.open(addr).map_err(|error| io_kind(&error))?;
        let (out, inbox) = (Outbox::default(), Inbox::new());
        self.links.insert(socket, Link { conn, out, inbox, ended: false });
        Ok(())
    }

    fn write_to(&mut self, client: &mut Client, socket: SocketId) {
        let (now, bodies) = (self.now(), &mut self.bodies);
        let Some(Link { conn, out, .. }) = self.links.get_mut(&socket) else { return };
        let body = |call, max: usize| {
            let Some(body) = bodies.get_mut(&call) else { return Some((Bytes::new(), true)) };
            let end = body.body.len().min(body.sent.saturating_add(max));
            let piece = body.body.slice(body.sent..end);
            body.sent = end;
            Some((piece, end == body.body.len()))
        };
        client.write_all(socket, out, now, body, |chunks| {
            let bytes = chunks.concat();
            conn.send(&bytes).map_err(|error| Some(io_kind(&error)))
        });
    }

    /// Reads from the connections that have something now. Returns whether there was one.
    fn read(&mut self, client: &mut Client, each: Each<'_>) -> bool {
        let ready = |(socket, link): (&SocketId, &Link)| {
            let waits = link.inbox.is_stopped() || link.due() == Some(Duration::ZERO);
            (waits && client.wants_input(*socket)).then_some(*socket)
        };
        let ready: Vec<_> = self.links.iter().filter_map(ready).collect();
        for socket in &ready {
            self.read_from(client, *socket, each);
        }
        !ready.is_empty()
    }

    fn read_from(&mut self, client: &mut Client, socket: SocketId, each: Each<'_>) {
        let now = self.now();
        let Some(Link { conn, inbox, ended, .. }) = self.links.get_mut(&socket) else { return };
        let (failed, bodies) = (&mut self.failed, &mut self.bodies);
        let read = |into: &mut [u8]| match conn.recv(into, Some(Duration::ZERO)) {
            Ok(read) => {
                *ended = read == 0;
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(None),
            Err(error) => {
                *ended = true;
                let why = conn.failure();
                *failed = failed.take().or_else(|| why.map(Failure::new));
                Err(Some(io_kind(&error)))
            }
        };
        let mut buffer = vec![0; 16 * 1024];
        client.read_all(socket, inbox, &mut buffer, now, read, |client, event| {
            if let Event::End(call, _) = &event {
                bodies.remove(call);
            }
            each(client, News::Event(event));
        });
    }

    /// Lets the clock move on to the next reply or deadline. Returns whether there is any.
    fn wait(&self, client: &mut Client) -> bool {
        let deadline = client.poll_timeout().map(|(at, _)| at.since(self.now()));
        let wanted = self.links.iter().filter(|(socket, _)| client.wants_input(**socket));
        let next = wanted.filter_map(|(_, link)| link.due()).chain(deadline).min();
        let Some(time) = next else { return false };
        self.state().clock.wait(time, &AtomicBool::new(false));
        self.links.values().for_each(|link| link.conn.age(time));
        client.handle_timeout(self.now());
        true
    }
}

impl Link {
    /// Returns the time until there is something to read, if anything comes.
    fn due(&self) -> Option<Duration> {
        if self.ended { None } else { self.conn.due() }
    }
}
