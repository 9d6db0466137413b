//! The client and its builder.

use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

use httpool::{
    call::Policy,
    message::{Method, Request},
    pool::Stats,
};
use httpool_kit::Settings;

use crate::{
    Body, Cancel, Download, Error,
    exchange::Exchange,
    net::Net,
    platform::{Platform, System},
    request::RequestBuilder,
    response::{Response, ResponseOn},
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
/// Servers of `https` URLs are verified against the authorities that this system trusts: see
/// [`tls`](crate::tls). No environment variable is read but `SSL_CERT_FILE` and `SSL_CERT_DIR`, at
/// the first such connection.
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
#[derive(Clone)]
pub struct Client {
    on: ClientOn<System>,
}

impl Client {
    /// Builds a client with the defaults.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a builder, to set up a client with other settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder {
            settings: Settings::default(),
            net: None,
            #[cfg(feature = "tls")]
            tls: httpool_tls::BuilderTls::default(),
        }
    }

    httpool_kit::client_methods!(self: &Self => RequestBuilder);

    /// Begins a download of a URL into a file. It resumes if the connection is lost.
    ///
    /// ```no_run
    /// let client = httpool_blocking::Client::new();
    /// client.download("https://example.com/release.tar.gz").to("release.tar.gz")?;
    /// # Ok::<(), httpool_blocking::DownloadFailed>(())
    /// ```
    pub fn download(&self, url: &str) -> Download {
        Download::new(self.clone(), url)
    }

    /// Begins a request with any method.
    pub fn request(&self, method: Method, url: &str) -> RequestBuilder {
        RequestBuilder::new(self.on.shared.clone(), method, url)
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
    pub fn send(&self, request: &Request) -> Result<Response, Error> {
        self.send_with(request, Body::empty())
    }

    /// Sends a prepared request with a body. The body must have the length that the request states.
    ///
    /// # Errors
    /// No response was received.
    pub fn send_with(&self, request: &Request, body: Body) -> Result<Response, Error> {
        let policy = self.on.shared.settings.policy.clone();
        self.on.send(request.clone(), body, policy, None).map(Response::new)
    }

    #[cfg(feature = "tls")]
    httpool_tls::client_methods!(on.tls);

    /// Returns the number of connections, and the number of calls that wait for one.
    pub fn stats(&self) -> Stats {
        self.on.stats()
    }

    /// The state that the views of this client read and close.
    pub(crate) fn shared(&self) -> &Shared<System> {
        &self.on.shared
    }

    /// Closes connections that have been idle too long, and begins the look-ups of names that are
    /// [due](field@crate::PoolLimits::look_up_every). The client also does this on each use. A client
    /// that is not used keeps them open until its next use.
    pub fn maintain(&self) {
        self.on.shared.settled(|locked, now| locked.pool.handle_timeout(now));
    }

    /// Closes the pool. Idle connections are closed at once, and those in use when their calls
    /// release them. Calls that wait for a connection, resolve or dial end with an error, and so
    /// does every later call. The buffers of earlier calls are freed.
    pub fn close(&self) {
        self.on.close();
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.on.fmt(f)
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
pub struct ClientBuilder {
    settings: Settings,
    net: Option<Arc<dyn Net>>,
    #[cfg(feature = "tls")]
    tls: httpool_tls::BuilderTls,
}

impl ClientBuilder {
    httpool_kit::settings_methods!();

    pub(crate) const fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    #[cfg(feature = "tls")]
    httpool_tls::builder_methods!();

    /// Uses a network of the program's own in place of the system's sockets, resolver and clock, for
    /// tests without a server: see [`net`](crate::net). The client then ignores
    /// [`resolver`](Self::resolver), [`resolve_to`](Self::resolve_to) and
    /// [`socket_options`](Self::socket_options).
    pub fn net(mut self, net: Arc<dyn Net>) -> Self {
        self.net = Some(net);
        self
    }

    /// Builds the client.
    pub fn build(mut self) -> Client {
        let system = System::on(self.net.take());
        Client { on: ClientOn::new(system, self) }
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientBuilder({:?})", self.settings)
    }
}

/// A client that runs on the platform `P`. A clone is a handle to the same client.
///
/// [`Client`](crate::Client) is one that runs on the operating system, with methods that build
/// requests. A client of another platform sends requests that were built by [`Request::builder`].
pub struct ClientOn<P: Platform> {
    shared: Arc<Shared<P>>,
    #[cfg(feature = "tls")]
    tls: httpool_tls::ClientTls,
}

impl<P: Platform> ClientOn<P> {
    /// Builds a client that runs on `platform`, with the settings of `builder`.
    pub fn new(mut platform: P, builder: ClientBuilder) -> Self {
        let mut settings = builder.settings;
        #[cfg(feature = "tls")]
        let tls = httpool_tls::ClientTls::install(builder.tls, &mut settings);
        settings.derive();
        if !platform.races() {
            settings.dial.race_after = None;
        }
        platform.look_up_in(&settings.hosts);
        platform.connect_with(&settings.socket);
        Self {
            shared: Shared::new(platform, settings),
            #[cfg(feature = "tls")]
            tls,
        }
    }

    /// Sends a request, and waits for the head of the response. `body` must have the length that
    /// the request states. The default header fields are not added. Another thread can cancel the
    /// call with `cancel`.
    ///
    /// # Errors
    /// No response was received.
    pub fn send(
        &self,
        request: Request,
        body: Body,
        policy: Arc<Policy>,
        cancel: Option<&Cancel>,
    ) -> Result<ResponseOn<P>, Error> {
        ResponseOn::of(Exchange::new(self.shared.clone(), request, body, policy, cancel))
    }

    /// Returns the number of connections, and the number of calls that wait for one.
    pub fn stats(&self) -> Stats {
        self.shared.settled(|locked, _| locked.pool.stats())
    }

    /// Closes the pool, as [`Client::close`](crate::Client::close) does.
    pub fn close(&self) {
        self.shared.close();
    }
}

/// A panic inside a call leaves the client usable: see [`Client`].
impl<P: Platform> UnwindSafe for ClientOn<P> {}
/// A panic inside a call leaves the client usable: see [`Client`].
impl<P: Platform> RefUnwindSafe for ClientOn<P> {}

impl<P: Platform> Clone for ClientOn<P> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            #[cfg(feature = "tls")]
            tls: self.tls.clone(),
        }
    }
}

impl<P: Platform> fmt::Debug for ClientOn<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({:?})", self.stats())
    }
}
