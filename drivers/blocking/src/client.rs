//! The client and its builder.

use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

use httpool::{
    message::{Method, Request},
    pool::Stats,
};
use httpool_kit::Settings;

use crate::{
    Body, Error,
    exchange::Exchange,
    platform::{Platform, System},
    request::RequestBuilder,
    response::Response,
    shared::Shared,
};

/// An HTTP/1.1 client: one pool of connections, for any number of threads.
///
/// A clone is a handle to the same client. The defaults are:
///
/// - at most 100 connections to one origin and 1,000 in all, kept idle for 60 seconds;
/// - 10 seconds for each of a look-up, a connect and a handshake;
/// - 60 seconds in the queue for a connection, for the head of the response, and for each stall of
///   its body;
/// - 30 seconds for each stall of the request;
/// - 10 redirects;
/// - no retries, except that a request that meets a dead idle connection is sent again if that is
///   safe.
///
/// No environment variable is read.
///
/// ```no_run
/// let client = httpool_blocking::Client::new();
/// let text = client.get("http://example.com/").header("Accept", "text/html").send()?.text()?;
/// # Ok::<(), httpool_blocking::Error>(())
/// ```
///
/// # Panics and forks
///
/// A client is [`UnwindSafe`]: it may be used after a panic inside a call was caught, such as a
/// panic of a body's reader. While its thread unwinds, the call releases its connection and its
/// buffers. A [trace sink](ClientBuilder::trace) must not panic: it is called under the client's
/// lock.
///
/// After a `fork`, the child must not use a client of its parent. Both would write to the same
/// connections, a lock may be held by a thread that the child does not have, and the threads that
/// resolve names do not exist in the child. The child must build its own client. It must not drop
/// the inherited one, because the drop may wait for such a lock. It must not
/// [cancel](crate::Cancel) a call of the parent, because that shuts down the parent's connection.
/// A program started by `exec` inherits no descriptor of the client.
///
/// `P` is the platform that the client runs on: the operating system by default.
pub struct Client<P: Platform = System> {
    shared: Arc<Shared<P>>,
}

impl Client {
    /// Builds a client with the defaults.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a builder, to set up a client with other settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::on(System::new())
    }
}

impl<P: Platform> Client<P> {
    httpool_kit::client_methods!(self: &Self => RequestBuilder<P>);

    /// Begins a request with any method.
    pub fn request(&self, method: Method, url: &str) -> RequestBuilder<P> {
        RequestBuilder::new(self.shared.clone(), method, url)
    }

    /// Sends a prepared request that has no body. Nothing is parsed, and on a pooled connection
    /// nothing is allocated.
    ///
    /// ```no_run
    /// # let client = httpool_blocking::Client::new();
    /// let request = client.get("http://example.com/").build()?;
    /// for _ in 0..1_000 {
    ///     client.send(&request)?.bytes()?;
    /// }
    /// # Ok::<(), httpool_blocking::Error>(())
    /// ```
    ///
    /// # Errors
    /// No response was received.
    pub fn send(&self, request: &Request) -> Result<Response<P>, Error> {
        self.send_with(request, Body::empty())
    }

    /// Sends a prepared request with a body. The body must have the length that the request states.
    ///
    /// # Errors
    /// No response was received.
    pub fn send_with(&self, request: &Request, body: Body) -> Result<Response<P>, Error> {
        let shared = self.shared.clone();
        let policy = shared.settings.policy.clone();
        Response::of(Exchange::new(shared, request.clone(), body, policy, None))
    }

    /// Returns the number of connections, and the number of calls that wait for one.
    pub fn stats(&self) -> Stats {
        self.shared.settled(|locked, _| locked.pool.stats())
    }

    /// Closes connections that have been idle too long. The client also does this on each use. A
    /// client that is not used keeps them open until its next use.
    pub fn maintain(&self) {
        self.shared.settled(|locked, now| locked.pool.handle_timeout(now));
    }

    /// Closes the pool. Idle connections are closed at once, and those in use when their calls
    /// release them. Calls that wait for a connection, resolve or dial end with an error, and so
    /// does every later call. The buffers of earlier calls are freed.
    pub fn close(&self) {
        self.shared.close();
    }
}

/// A panic inside a call leaves the client usable: see [`Client`].
impl<P: Platform> UnwindSafe for Client<P> {}
/// A panic inside a call leaves the client usable: see [`Client`].
impl<P: Platform> RefUnwindSafe for Client<P> {}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform> Clone for Client<P> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<P: Platform> fmt::Debug for Client<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({:?})", self.stats())
    }
}

/// The settings of a [`Client`].
///
/// ```
/// use std::time::Duration;
///
/// use httpool_blocking::{Client, httpool::call::{Redirect, Retry}};
///
/// let client = Client::builder()
///     .timeout(Duration::from_secs(30))
///     .redirect(Redirect::none())
///     .retry(Retry::new(3))
///     .default_header("Accept", "application/json")
///     .build();
/// # drop(client);
/// ```
#[derive(Clone)]
#[must_use = "a client is made by `build`"]
pub struct ClientBuilder<P: Platform = System> {
    platform: P,
    settings: Settings,
}

impl<P: Platform> ClientBuilder<P> {
    /// Returns the default settings for a client that runs on `platform`. [`Client::builder`] uses
    /// the operating system.
    pub fn on(platform: P) -> Self {
        Self { platform, settings: Settings::default() }
    }

    httpool_kit::settings_methods!();

    /// Builds the client.
    pub fn build(self) -> Client<P> {
        let Self { mut platform, mut settings } = self;
        settings.pool.own_dials = true;
        settings.derive();
        if !platform.races() {
            settings.dial.race_after = None;
        }
        platform.look_up_in(&settings.hosts);
        Client { shared: Arc::new(Shared::new(platform, settings)) }
    }
}

impl<P: Platform> fmt::Debug for ClientBuilder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientBuilder({:?})", self.settings)
    }
}
