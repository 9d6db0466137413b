//! A driver with its own event loop.

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
    client::Client,
    embedded::Embedded,
    output::{App, Output},
    response::{Response, Responses},
};

/// Runs calls on its own event loop. The [crate] describes the ways to use it.
///
/// Dropping it closes all connections. The peers of those with TLS are told (close_notify), as far as
/// their sockets take that without waiting.
///
/// It is [`UnwindSafe`]. If you catch a panic of your closure or of a body's reader, the driver
/// closes the connection of that call and continues with the others.
///
/// After a `fork`, the child process must not use the driver of its parent. Both would write to the
/// same connections and take each other's events, and the child does not have the threads that look
/// names up. The child makes a new driver. It must not even drop the inherited one, because the
/// drop may wait for a lock that such a thread held. A program started by `exec` inherits no file
/// descriptor of the driver.
pub struct Driver {
    embedded: Embedded,
    poll: Poll,
    events: Events,
    /// The responses to other calls that arrive while one call is fetched.
    responses: Responses,
}

/// The tokens of a driver with its own poll: the upper half.
pub(crate) const TOKENS: Range<usize> = usize::MAX / 2..usize::MAX;
/// The number of events that [`Driver::run`] and [`Driver::fetch`] take at a time.
const EVENTS: usize = 1024;

impl Driver {
    pub(crate) fn new_on(poll: Poll, embedded: Embedded) -> Self {
        let responses = Responses::new(embedded.client.settings.body_bytes_max);
        Self { embedded, poll, events: Events::with_capacity(EVENTS), responses }
    }

    /// Returns the client, which starts and controls calls.
    pub fn client(&mut self) -> &mut Client {
        self.embedded.client()
    }

    /// Returns the registry of the driver's poll. You may register other sockets with it, to wait
    /// for them in the same loop. Use tokens below `usize::MAX / 2`. [`turn`](Self::turn) returns
    /// their events.
    pub fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// Runs until the call has ended, and returns its whole response. Other calls continue
    /// meanwhile. Their responses are kept until they are fetched as well.
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
    /// The call failed; the body is longer than
    /// [`body_bytes_max`](crate::DriverBuilder::body_bytes_max); there is no such call, because it was
    /// cancelled or already fetched; or waiting for events failed.
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

    /// Runs until every call has ended, including those that `app` starts meanwhile. It does not
    /// return while a call is paused or waits for its body, and nothing resumes it.
    ///
    /// # Errors
    /// Waiting for events failed.
    pub fn run(&mut self, mut app: impl FnMut(&mut Client, Output<'_>)) -> io::Result<()> {
        while self.client().calls() > 0 {
            turn(&mut self.embedded, &mut self.poll, &mut self.events, None, &mut app)?;
        }
        Ok(())
    }

    /// Performs pending work, waits for events for at most `timeout`, and handles them. It does not
    /// wait if the pending work has already produced an output or ended a call. After it, `events`
    /// has all events, including those of other sockets.
    ///
    /// # Errors
    /// Waiting for events failed. A signal that interrupted it is not an error.
    pub fn turn(
        &mut self,
        events: &mut Events,
        timeout: Option<Duration>,
        mut app: impl FnMut(&mut Client, Output<'_>),
    ) -> io::Result<()> {
        turn(&mut self.embedded, &mut self.poll, events, timeout, &mut app)
    }
}

/// The next turn repairs the state after a panic: see [`Driver`].
impl UnwindSafe for Driver {}
/// No method changes it through a shared reference.
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
    // Do not wait after an output: the program may have waited for it.
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
