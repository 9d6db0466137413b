//! A driver without an event loop, for a program that has its own.

use std::{
    collections::VecDeque,
    fmt, io,
    net::SocketAddr,
    ops::Range,
    panic::{RefUnwindSafe, UnwindSafe},
    time::Duration,
};

use httpool::{
    client::{Inbox, Outbox},
    id::{ConnId, SocketId},
};
use httpool_kit::{Wire, WireBuffers, resolve_kind};
use mio::{Registry, Token, event::Event};

use crate::{
    client::Client,
    errors::Errors,
    names::{Names, News},
    output::{App, Output},
    sockets::Sockets,
};

/// A driver for your own event loop, beside your other sockets.
/// [`DriverBuilder::embed`](crate::DriverBuilder::embed) makes it.
///
/// It never waits. Your loop must:
///
/// 1. wait on the [`mio::Poll`], for at most [`poll_timeout`](Self::poll_timeout);
/// 2. pass each event to [`handle`](Self::handle), which returns whether it is the driver's;
/// 3. call [`settle`](Self::settle), which reads, writes, and passes outputs to your closure.
///
/// ```
/// # use std::{io::{Read, Write}, net::TcpListener, thread};
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/", listener.local_addr()?);
/// # thread::spawn(move || {
/// #     let (mut tcp, _) = listener.accept().unwrap();
/// #     tcp.read(&mut [0; 4096]).unwrap();
/// #     tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
/// # });
/// use httpool_mio::{Driver, Output};
/// use mio::{Events, Poll};
///
/// let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(256));
/// // Tokens below 1,000 are for sockets of our own.
/// let mut http = Driver::builder().embed(poll.registry(), 1_000..100_000)?;
/// http.client().get(&url).send()?;
///
/// let mut body = Vec::new();
/// while http.client().calls() > 0 {
///     poll.poll(&mut events, http.poll_timeout())?;
///     for event in &events {
///         if !http.handle(event) {
///             // It is about a socket of our own.
///         }
///     }
///     http.settle(|_client, output| match output {
///         Output::Data(_, data) => body.extend_from_slice(data),
///         Output::Failed(_, error) => eprintln!("{error}"),
///         _ => {}
///     });
/// }
/// assert_eq!(body, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// After a panic or a `fork`, the same holds as for a [`Driver`](crate::Driver).
pub struct Embedded {
    pub(crate) client: Client,
    pub(crate) registry: Registry,
    pub(crate) tokens: Range<usize>,
    pub(crate) names: Names,
    pub(crate) sockets: Sockets,
    /// The sockets to handle: those with an event, and those whose last turn ended before they were
    /// blocked.
    pub(crate) queue: VecDeque<SocketId>,
    /// The buffer that all sockets are read into.
    pub(crate) scratch: Box<[u8]>,
    /// The output of the socket that is being written.
    pub(crate) out: Outbox,
    /// The input of the socket that is being read. Empty between reads.
    pub(crate) inbox: Inbox,
    /// The layers of the socket that is being read or written. Without layers while none is.
    pub(crate) wire: Wire,
    /// The socket that `wire` was taken from. Still set after a panic.
    pub(crate) lent: Option<SocketId>,
    /// The memory that all layers work with.
    pub(crate) wire_buffers: WireBuffers,
    pub(crate) errors: Errors,
    /// The socket that is being handled. Still set after a panic of the application.
    working: Option<SocketId>,
    pub(crate) inside: Option<SocketId>,
}

const SCRATCH: usize = 64 * 1024;

impl Embedded {
    pub(crate) fn new_on(
        registry: Registry,
        tokens: Range<usize>,
        client: Client,
        names: Names,
    ) -> Self {
        Self {
            client,
            registry,
            tokens,
            names,
            sockets: Sockets::default(),
            queue: VecDeque::new(),
            scratch: vec![0; SCRATCH].into(),
            out: Outbox::default(),
            inbox: Inbox::new(),
            wire: Wire::plain(),
            lent: None,
            wire_buffers: WireBuffers::for_all(),
            errors: Errors::default(),
            working: None,
            inside: None,
        }
    }

    /// Returns the client, which starts and controls calls.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Returns whether `token` is one of the driver's.
    pub fn owns(&self, token: Token) -> bool {
        self.tokens.contains(&token.0)
    }

    /// Records an event. Returns false if its token is not one of the driver's.
    pub fn handle(&mut self, event: &Event) -> bool {
        let token = event.token();
        if !self.owns(token) {
            return false;
        }
        // The first token is the waker's. `settle` always takes finished look-ups, so there is
        // nothing to record.
        let slot = (token.0 - self.tokens.start).checked_sub(1);
        if let Some(socket) = slot.and_then(|slot| self.sockets.at(slot)) {
            socket.writable |= event.is_writable() || event.is_error();
            socket.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
            socket.closing |= event.is_read_closed() || event.is_error();
            socket.broken |= event.is_error() || event.is_write_closed();
            let id = socket.id;
            self.queue_up(id);
        }
        true
    }

    /// Performs all pending work without waiting, and passes outputs to `app`. This includes the
    /// work that `app` adds through the client.
    ///
    /// Each connection is read and written a bounded number of times. The next `settle` continues
    /// with the rest; until then [`poll_timeout`](Self::poll_timeout) is zero.
    pub fn settle(&mut self, mut app: impl FnMut(&mut Client, Output<'_>)) {
        self.settle_dyn(&mut app);
    }

    /// Returns the longest time that the loop may wait. `None` means until there is an event.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let panicked = self.working.is_some() || self.inside.is_some() || self.lent.is_some();
        if panicked || !self.queue.is_empty() { Some(Duration::ZERO) } else { self.client.left() }
    }

    pub(crate) fn settle_dyn(&mut self, app: &mut App<'_>) {
        self.client.fix_time();
        self.recover(app);
        for news in self.names.news() {
            match news {
                News::Begun(conn) => self.client.core.handle_resolving(conn, self.client.now()),
                News::Answer(conn, answer) => self.resolved(conn, answer),
                News::Again(look_up, answer) => {
                    let (addrs, now) = (answer.unwrap_or_default(), self.client.now());
                    self.client.core.handle_looked_up(look_up, &addrs, now);
                }
            }
        }
        let now = self.client.now();
        if self.client.core.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.client.core.handle_timeout(now);
            self.client.reports.look();
        }
        self.decode_on(app);
        self.queue_resumed();
        self.act(app);
        for _ in 0..self.queue.len() {
            if let Some(id) = self.queue.pop_front() {
                self.client.fix_time();
                self.working = Some(id);
                self.work(id, app);
                self.working = None;
            }
        }
        self.queue_resumed();
        self.client.release_time();
    }

    /// Repairs the state after a panic of the application. The output or the body piece that was
    /// being handled is lost. So its connection is closed, because later bytes would continue the
    /// wrong message.
    fn recover(&mut self, app: &mut App<'_>) {
        self.recover_layers();
        self.client.recover_decoding();
        if let Some(id) = self.inside.take() {
            self.out.clear();
            self.inbox.clear();
            self.end(id, Some(io::Error::other("the application panicked")), app);
        }
        if let Some(id) = self.working.take() {
            self.queue_up(id);
        }
    }

    /// Handles a socket that has an event, or whose last turn ended before it was blocked.
    fn work(&mut self, id: SocketId, app: &mut App<'_>) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.queued = false;
        let conn = socket.conn;
        self.client.report_opening(id, conn);
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if !socket.up {
            // Read after the connect is handled: the call that gets the connection writes first.
            let readable = core::mem::take(&mut socket.readable);
            self.finish_connect(id);
            self.act(app);
            let Some(socket) = self.sockets.get_mut(id) else {
                return;
            };
            socket.readable |= readable;
            if !socket.up {
                return;
            }
        }
        // Report the request as written before reading the response to it.
        if self.sockets.get_mut(id).is_some_and(|it| it.holds_back() && it.writes_on()) {
            self.write(id);
            self.act(app);
        }
        self.read(id, app);
        self.act(app);
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if socket.writes_on() {
            self.write(id);
        }
        self.queue_if_ready(id);
        self.act(app);
    }

    pub(crate) fn resolved(&mut self, conn: ConnId, addrs: io::Result<Vec<SocketAddr>>) {
        let now = self.client.now();
        match addrs {
            Ok(addrs) => self.client.core.handle_resolved(conn, &addrs, now),
            Err(error) => {
                let why = resolve_kind(&error);
                self.errors.put(conn, error);
                self.client.reports.look();
                self.client.core.handle_resolve_failed(conn, why, now);
            }
        }
    }

    /// Queues a socket that can be read or written without another event.
    pub(crate) fn queue_if_ready(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let reads = socket.has_input() && (self.client.wants_input(id) || socket.is_handshaking());
        if reads || socket.writes_on() {
            self.queue_up(id);
        }
    }

    pub(crate) fn queue_up(&mut self, id: SocketId) {
        if let Some(socket) = self.sockets.get_mut(id)
            && !core::mem::replace(&mut socket.queued, true)
        {
            self.queue.push_back(id);
        }
    }

    fn queue_resumed(&mut self) {
        for id in self.client.take_resumed() {
            self.queue_if_ready(id);
        }
    }
}

/// The next `settle` repairs the state after a panic: see [`Driver`](crate::Driver).
impl UnwindSafe for Embedded {}
/// No method changes it through a shared reference.
impl RefUnwindSafe for Embedded {}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedded({:?}, {} sockets)", self.client, self.sockets.len())
    }
}
