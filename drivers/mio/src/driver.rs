//! A driver with a loop of its own.

use std::{
    fmt, io,
    ops::Range,
    panic::{RefUnwindSafe, UnwindSafe},
    time::Duration,
};

use httpool::id::CallId;
use mio::{Events, Poll, Registry};

use crate::{
    Error,
    builder::DriverBuilder,
    client::Client,
    embedded::{App, Embedded},
    output::Output,
    response::{Response, Responses},
};

/// Runs calls on one event loop of its own. See the [crate] for the ways to use it.
///
/// Dropped, it closes all connections.
///
/// It is [`UnwindSafe`]: after a panic of the application's closure, or of a body's reader, was caught,
/// it closes the connection that this was about, and goes on with the others.
///
/// After a `fork`, the child must not use the driver of its parent: both would write to the same
/// connections and take each other's events, and the threads that look names up are missing there. The
/// child makes a driver of its own and leaves the inherited one alone. It does not even drop it, which
/// may wait for a lock that such a thread held. A program that is started by `exec` inherits no
/// descriptor of the driver's.
pub struct Driver {
    embedded: Embedded,
    poll: Poll,
    events: Events,
    /// What came of other calls while one was fetched.
    responses: Responses,
}

/// The tokens of a driver on its own poll: the upper half.
pub(crate) const TOKENS: Range<usize> = usize::MAX / 2..usize::MAX;
/// Events that [`Driver::run`] and [`Driver::fetch`] take at a time.
const EVENTS: usize = 1024;

impl Driver {
    /// A driver with the defaults.
    ///
    /// # Errors
    /// The system gives no poll, or no way to be woken.
    pub fn new() -> io::Result<Self> {
        Self::builder().build()
    }

    /// A driver with other settings.
    pub fn builder() -> DriverBuilder {
        DriverBuilder::new()
    }

    pub(crate) fn new_on(poll: Poll, embedded: Embedded) -> Self {
        let responses = Responses::new(embedded.client.settings.body_bytes_max);
        Self { embedded, poll, events: Events::with_capacity(EVENTS), responses }
    }

    /// Begins calls, and stops them.
    pub fn client(&mut self) -> &mut Client {
        self.embedded.client()
    }

    /// Where other sockets may be registered, to be waited for together. Tokens below
    /// `usize::MAX / 2` are free for them, and [`turn`](Self::turn) shows their events.
    pub fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// Runs until the call has ended, and gives its response, whole. Other calls go on meanwhile, and
    /// what comes of them is kept until they are fetched as well.
    ///
    /// ```
    /// # use std::{io::{Read, Write}, net::TcpListener, thread};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// # let url = format!("http://{}/", listener.local_addr()?);
    /// # thread::spawn(move || for tcp in listener.incoming() {
    /// #     let mut tcp = tcp.unwrap();
    /// #     thread::spawn(move || while tcp.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
    /// #         tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
    /// #     });
    /// # });
    /// let mut driver = httpool_mio::Driver::new()?;
    /// let mut calls = Vec::new();
    /// for _ in 0..100 {
    ///     calls.push(driver.client().get(&url).send()?);
    /// }
    /// for call in calls {
    ///     assert_eq!(driver.fetch(call)?.body(), b"hello");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// There was no response, or not a whole one; its body is longer than
    /// [`body_bytes_max`](DriverBuilder::body_bytes_max); there is no such call, because it was
    /// cancelled or had been fetched; waiting failed.
    pub fn fetch(&mut self, call: CallId) -> Result<Response, Error> {
        loop {
            if let Some(done) = self.responses.take(call) {
                return done;
            }
            if self.client().call(call).is_none() {
                self.responses.forget(call);
                return Err(Error::stale());
            }
            let Self { embedded, poll, events, responses } = self;
            let app: &mut App<'_> = &mut |client, output| responses.put(client, output);
            turn(embedded, poll, events, None, app).map_err(Error::poll)?;
        }
    }

    /// Runs until every call has ended, those that `app` begins meanwhile included. While one is
    /// paused, or waits for its body, and nothing resumes it, that does not come.
    ///
    /// # Errors
    /// Waiting failed.
    pub fn run(&mut self, mut app: impl FnMut(&mut Client, Output<'_>)) -> io::Result<()> {
        while self.client().calls() > 0 {
            turn(&mut self.embedded, &mut self.poll, &mut self.events, None, &mut app)?;
        }
        Ok(())
    }

    /// Does what is to be done, waits for events, for at most `timeout`, and does what they brought.
    /// It does not wait where what was to be done has brought something already. `events` then has
    /// what happened, that to other sockets included.
    ///
    /// # Errors
    /// Waiting failed. A signal that ended it is no error.
    pub fn turn(
        &mut self,
        events: &mut Events,
        timeout: Option<Duration>,
        mut app: impl FnMut(&mut Client, Output<'_>),
    ) -> io::Result<()> {
        turn(&mut self.embedded, &mut self.poll, events, timeout, &mut app)
    }
}

/// What a panic leaves behind, the next turn clears away: see [`Driver`].
impl UnwindSafe for Driver {}
/// Nothing is changed through a shared reference.
impl RefUnwindSafe for Driver {}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Driver({:?})", self.embedded)
    }
}

fn turn(
    embedded: &mut Embedded,
    poll: &mut Poll,
    events: &mut Events,
    timeout: Option<Duration>,
    app: &mut App<'_>,
) -> io::Result<()> {
    let calls = embedded.client().calls();
    let mut told = false;
    if embedded.poll_timeout() == Some(Duration::ZERO) {
        embedded.settle_dyn(&mut |client, output| {
            told = true;
            app(client, output);
        });
    }
    // What has been told may be what the program waited for.
    let done = told || embedded.client().calls() != calls;
    let most = if done { Some(Duration::ZERO) } else { timeout };
    let wait = match (most, embedded.poll_timeout()) {
        (Some(most), Some(left)) => Some(most.min(left)),
        (most, left) => most.or(left),
    };
    match poll.poll(events, wait) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
        polled => polled?,
    }
    for event in &*events {
        embedded.handle(event);
    }
    embedded.settle_dyn(app);
    Ok(())
}
