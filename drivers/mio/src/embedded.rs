//! A driver on somebody else's loop.

use std::{
    collections::VecDeque,
    fmt, io,
    net::SocketAddr,
    ops::Range,
    panic::{RefUnwindSafe, UnwindSafe},
    time::Duration,
};

use httpool::id::ConnId;
use httpool_kit::{Outgoing, resolve_kind};
use mio::{Registry, Token, event::Event};

use crate::{
    act::Errors,
    builder::DriverBuilder,
    client::Client,
    names::{Names, News},
    output::Output,
    sockets::Sockets,
};

/// A driver on a loop of your own, beside your other sockets: made by
/// [`DriverBuilder::embed`](crate::DriverBuilder::embed).
///
/// It waits for nothing. Your loop does that for both:
///
/// 1. waits on the [`mio::Poll`], for at most [`poll_timeout`](Self::poll_timeout);
/// 2. hands each event to [`handle`](Self::handle), which says whether it was one of the driver's;
/// 3. has the driver [`settle`](Self::settle), which reads, writes, and tells what has come.
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
    /// Slots of sockets to be looked at: there was an event, or they stopped before they had to.
    pub(crate) queue: VecDeque<u32>,
    /// What all sockets are read into.
    pub(crate) scratch: Box<[u8]>,
    /// What is being written.
    pub(crate) out: Outgoing,
    pub(crate) errors: Errors,
    /// The socket that is being looked at, and that on whose behalf code of the application runs: they
    /// are still here if that has panicked.
    working: Option<u32>,
    pub(crate) inside: Option<u32>,
}

/// Who is told.
pub(crate) type App<'a> = dyn FnMut(&mut Client, Output<'_>) + 'a;

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
            out: Outgoing::default(),
            errors: Errors::default(),
            working: None,
            inside: None,
        }
    }

    /// The settings of a driver: the same as [`Driver::builder`](crate::Driver::builder).
    pub fn builder() -> DriverBuilder {
        DriverBuilder::new()
    }

    /// Begins calls, and stops them.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Whether a token is one of the driver's.
    pub fn owns(&self, token: Token) -> bool {
        self.tokens.contains(&token.0)
    }

    /// Notes an event. False: its token is not one of the driver's.
    pub fn handle(&mut self, event: &Event) -> bool {
        let token = event.token();
        if !self.owns(token) {
            return false;
        }
        // The first is the waker's: answers are looked for in any case.
        let slot = (token.0 - self.tokens.start).checked_sub(1).and_then(|n| u32::try_from(n).ok());
        if let Some((slot, socket)) = slot.and_then(|n| Some((n, self.sockets.get_mut(n)?))) {
            socket.writable |= event.is_writable() || event.is_error();
            socket.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
            socket.closing |= event.is_read_closed() || event.is_error();
            socket.broken |= event.is_error() || event.is_write_closed();
            self.queue_up(slot);
        }
        true
    }

    /// Does what is to be done, without waiting, and tells `app` what has come. Whatever that asks of
    /// the client is done as well.
    ///
    /// No connection is read or written more than a bounded number of times: what is left is taken up
    /// by the next `settle`, for which [`poll_timeout`](Self::poll_timeout) does not let the loop
    /// wait.
    pub fn settle(&mut self, mut app: impl FnMut(&mut Client, Output<'_>)) {
        self.settle_dyn(&mut app);
    }

    /// How long the loop may wait; `None`: until there is an event.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let panicked = self.working.is_some() || self.inside.is_some();
        if panicked || !self.queue.is_empty() { Some(Duration::ZERO) } else { self.client.left() }
    }

    pub(crate) fn settle_dyn(&mut self, app: &mut App<'_>) {
        self.client.fix_time();
        self.recover(app);
        for news in self.names.news() {
            match news {
                News::Begun(conn) => self.client.core.handle_resolving(conn, self.client.now()),
                News::Answer(conn, answer) => self.resolved(conn, answer),
            }
        }
        let now = self.client.now();
        if self.client.core.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.client.core.handle_timeout(now);
        }
        self.queue_stirred();
        self.act(app);
        for _ in 0..self.queue.len() {
            if let Some(slot) = self.queue.pop_front() {
                self.client.fix_time();
                self.working = Some(slot);
                self.work(slot, app);
                self.working = None;
            }
        }
        self.queue_stirred();
        self.client.release_time();
    }

    /// After a panic of the application, what was being told or written is lost. Its connection must
    /// not take what comes next for it.
    fn recover(&mut self, app: &mut App<'_>) {
        if let Some(slot) = self.inside.take() {
            self.out.clear();
            if let Some(conn) = self.sockets.get_mut(slot).map(|socket| socket.conn) {
                let error = io::Error::other("the application panicked");
                self.end(slot, conn, Some(error), app);
            }
        }
        if let Some(slot) = self.working.take() {
            self.queue_up(slot);
        }
    }

    /// Looks at a socket about which there was an event, or that stopped before it had to.
    fn work(&mut self, slot: u32, app: &mut App<'_>) {
        let Some(socket) = self.sockets.get_mut(slot) else { return };
        let conn = socket.conn;
        socket.queued = false;
        if !socket.up {
            // Whoever gets the connection writes first, and then hears what the server has said.
            let readable = core::mem::take(&mut socket.readable);
            self.finish_connect(slot);
            self.act(app);
            let Some(socket) = self.sockets.get_mut(slot).filter(|it| it.conn == conn) else {
                return;
            };
            socket.readable |= readable;
            if !socket.up {
                return;
            }
        }
        // That the request has left comes before what the server says to it.
        if self.sockets.get_mut(slot).is_some_and(|it| it.holds_back() && it.writes_on()) {
            self.write(slot);
            self.act(app);
        }
        self.read(slot, app);
        self.act(app);
        let Some(socket) = self.sockets.get_mut(slot).filter(|it| it.conn == conn) else { return };
        if socket.writes_on() {
            self.write(slot);
        }
        self.queue_if_ready(slot);
        self.act(app);
    }

    pub(crate) fn resolved(&mut self, conn: ConnId, addrs: io::Result<Vec<SocketAddr>>) {
        let now = self.client.now();
        match addrs {
            Ok(addrs) => self.client.core.handle_resolved(conn, &addrs, now),
            Err(error) => {
                let why = resolve_kind(&error);
                self.errors.put_last(conn, error);
                match why {
                    Some(why) => self.client.core.handle_resolve_failed(conn, why, now),
                    None => self.client.core.handle_resolved(conn, &[], now),
                }
            }
        }
    }

    /// A socket that stopped before it had to is looked at again without an event.
    pub(crate) fn queue_if_ready(&mut self, slot: u32) {
        let Some(socket) = self.sockets.get_mut(slot) else { return };
        let reads = (socket.readable && !socket.ended || socket.unheard)
            && self.client.core.wants_input(socket.conn);
        if reads || socket.writes_on() {
            self.queue_up(slot);
        }
    }

    pub(crate) fn queue_up(&mut self, slot: u32) {
        if let Some(socket) = self.sockets.get_mut(slot)
            && !core::mem::replace(&mut socket.queued, true)
        {
            self.queue.push_back(slot);
        }
    }

    fn queue_stirred(&mut self) {
        for conn in self.client.take_stirred() {
            if let Some(slot) = self.sockets.slot_of(conn) {
                self.queue_if_ready(slot);
            }
        }
    }
}

/// What a panic leaves behind, the next `settle` clears away: see [`Driver`](crate::Driver).
impl UnwindSafe for Embedded {}
/// Nothing is changed through a shared reference.
impl RefUnwindSafe for Embedded {}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedded({:?}, {} sockets)", self.client, self.sockets.len())
    }
}
