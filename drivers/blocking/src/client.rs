//! The client and how it is set up.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

use httpool::{
    call::Policy,
    dial,
    limits::{MessageLimits, PoolLimits},
    message::{Method, Request},
    pool::Stats,
    trace::Sink,
};

use crate::{
    Body, Error, Resolve,
    exchange::Exchange,
    platform::{Platform, System},
    request::RequestBuilder,
    response::Response,
    shared::{Settings, Shared},
};

/// An HTTP/1.1 client: one pool of connections, for any number of threads.
///
/// A clone is the same client. What it does unless told otherwise: at most 100 connections to one
/// origin and 1,000 in all, kept for 60 seconds; 10 seconds for each of a look-up, a connect and a
/// handshake; 60 seconds in line for a connection, for the head of the response, and for each stall
/// of its body; 30 seconds for each stall of the request; 10 redirects; no retries, but a request
/// that meets a dead idle connection is sent again where that is safe. No environment variable is
/// read.
///
/// ```no_run
/// let client = httpool_blocking::Client::new();
/// let text = client.get("http://example.com/").header("Accept", "text/html").send()?.text()?;
/// # Ok::<(), httpool_blocking::Error>(())
/// ```
///
/// # Panics and forks
///
/// A client is [`UnwindSafe`]: it may be used after a panic inside a call was caught, such as one of a
/// body's reader. What the call held goes back while its thread unwinds. Only a
/// [trace sink](ClientBuilder::trace) must not panic: it is called under the client's lock.
///
/// After a `fork`, the child must not use a client of its parent's: both would write to the same
/// connections, a lock may be held by a thread that the child does not have, and the threads that look
/// names up are missing there. The child makes a client of its own and leaves the inherited one alone.
/// It does not even drop it, which may wait for such a lock, nor does it [cancel](crate::Cancel) a
/// call that the parent has begun, which shuts the parent's connection down. A program that is started
/// by `exec` inherits no descriptor of the client's.
///
/// `P` is the world that it runs in; who says nothing of it is on the operating system's.
pub struct Client<P: Platform = System> {
    shared: Arc<Shared<P>>,
}

impl Client {
    /// A client with the defaults.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A client with other settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::on(System::new())
    }
}

impl<P: Platform> Client<P> {
    /// A GET of `url`.
    pub fn get(&self, url: &str) -> RequestBuilder<P> {
        self.request(Method::GET, url)
    }

    /// A HEAD of `url`.
    pub fn head(&self, url: &str) -> RequestBuilder<P> {
        self.request(Method::HEAD, url)
    }

    /// A POST to `url`.
    pub fn post(&self, url: &str) -> RequestBuilder<P> {
        self.request(Method::POST, url)
    }

    /// A PUT to `url`.
    pub fn put(&self, url: &str) -> RequestBuilder<P> {
        self.request(Method::PUT, url)
    }

    /// A DELETE of `url`.
    pub fn delete(&self, url: &str) -> RequestBuilder<P> {
        self.request(Method::DELETE, url)
    }

    /// A request with any method.
    pub fn request(&self, method: Method, url: &str) -> RequestBuilder<P> {
        RequestBuilder::new(self.shared.clone(), method, url)
    }

    /// Sends a kept request that has no body: nothing is parsed, and on a warm connection nothing
    /// allocated.
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
    /// There was no response.
    pub fn send(&self, request: &Request) -> Result<Response<P>, Error> {
        self.send_with(request, Body::empty())
    }

    /// Sends a kept request with a body, which must be as long as the request says.
    ///
    /// # Errors
    /// There was no response.
    pub fn send_with(&self, request: &Request, body: Body) -> Result<Response<P>, Error> {
        let shared = self.shared.clone();
        let policy = shared.policy.clone();
        Response::of(Exchange::new(shared, request.clone(), body, policy, None))
    }

    /// How many connections there are, and how many calls wait for one.
    pub fn stats(&self) -> Stats {
        self.shared.settled(|locked, _| locked.pool.stats())
    }

    /// Closes connections that have been idle too long. The client does so itself whenever it is
    /// used; one that is left alone keeps them until then.
    pub fn maintain(&self) {
        self.shared.settled(|locked, now| locked.pool.handle_timeout(now));
    }

    /// Closes the pool: idle connections at once, those in use when they come back. Threads that
    /// wait for a connection, resolve or dial end with an error, and so does every later call. The
    /// buffers of earlier calls are given back to the system.
    pub fn close(&self) {
        self.shared.close();
    }
}

/// A panic leaves no call half done: see [`Client`].
impl<P: Platform> UnwindSafe for Client<P> {}
/// A panic leaves no call half done: see [`Client`].
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
#[derive(Clone)]
#[must_use = "a client is made by `build`"]
pub struct ClientBuilder<P: Platform = System> {
    platform: P,
    pool: PoolLimits,
    messages: MessageLimits,
    policy: Policy,
    dial: dial::Policy,
    default_fields: Vec<(String, String)>,
    body_bytes_max: u64,
    sink: Option<Arc<dyn Sink>>,
    recent_trace: usize,
}

impl ClientBuilder {
    /// Who looks names up, instead of the system.
    pub fn resolver(mut self, resolve: Arc<dyn Resolve>) -> Self {
        self.platform.set_resolver(resolve);
        self
    }

    /// The address of `host` for connections to `port`, whatever a resolver would say. Several are
    /// tried in order.
    pub fn resolve_to(mut self, host: &str, port: u16, address: IpAddr) -> Self {
        self.platform.fix(host, port, SocketAddr::new(address, port));
        self
    }

    /// The same with a port of its own (0 stands for `port`), and with the scope id that an IPv6
    /// address of a link needs.
    pub fn resolve_to_socket(mut self, host: &str, port: u16, address: SocketAddr) -> Self {
        self.platform.fix(host, port, address);
        self
    }
}

impl<P: Platform> ClientBuilder<P> {
    /// The settings of a client that runs on `platform`. [`Client::builder`] is on the operating
    /// system's.
    pub fn on(platform: P) -> Self {
        let agent = concat!("httpool/", env!("CARGO_PKG_VERSION"));
        Self {
            platform,
            pool: PoolLimits::default(),
            messages: MessageLimits::default(),
            policy: Policy::default(),
            dial: dial::Policy::default(),
            default_fields: vec![
                ("User-Agent".into(), agent.into()),
                ("Accept".into(), "*/*".into()),
            ],
            body_bytes_max: 256 * 1024 * 1024,
            sink: None,
            recent_trace: 0,
        }
    }

    /// How many connections, and for how long. `own_dials` is set in any case: threads dial for
    /// themselves.
    pub fn pool(mut self, limits: PoolLimits) -> Self {
        self.pool = limits;
        self
    }

    /// Bounds on what a server may send.
    pub fn messages(mut self, limits: MessageLimits) -> Self {
        self.messages = limits;
        self
    }

    /// Redirects, retries and deadlines of all calls that do not bring their own.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// How connections are opened.
    pub fn dial(mut self, policy: dial::Policy) -> Self {
        self.dial = policy;
        self
    }

    /// A field that every request has unless it brings its own of that name. By default there are
    /// two: User-Agent, and `Accept: */*`.
    pub fn default_header(mut self, name: &str, value: &str) -> Self {
        self.default_fields.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.default_fields.push((name.into(), value.into()));
        self
    }

    /// No default fields: a request has Host, its framing, and what it was given.
    pub fn no_default_headers(mut self) -> Self {
        self.default_fields.clear();
        self
    }

    /// The longest body, in bytes, that [`Response::bytes`] and [`Response::text`] collect. 256 MiB
    /// by default. Reading a response piece by piece is not bounded by it.
    pub fn body_bytes_max(mut self, max: u64) -> Self {
        self.body_bytes_max = max;
        self
    }

    /// Where every event and action of the pool, the dials and the calls is written.
    pub fn trace(mut self, sink: Arc<dyn Sink>) -> Self {
        self.sink = Some(sink);
        self
    }

    /// How many lines of its trace each call keeps, with those of the dials it ran, so that its error
    /// can show them: [`Error::trace`]. 0 by default, which costs nothing.
    pub fn recent_trace(mut self, lines: usize) -> Self {
        self.recent_trace = lines;
        self
    }

    /// The client.
    pub fn build(self) -> Client<P> {
        let mut pool = self.pool;
        pool.own_dials = true;
        let mut dial = self.dial;
        dial.limits = self.messages;
        if !self.platform.races() {
            dial.race_after = None;
        }
        let settings = Settings {
            pool,
            policy: self.policy,
            dial,
            messages: self.messages,
            default_fields: self.default_fields,
            body_bytes_max: self.body_bytes_max,
            sink: self.sink,
            recent_trace: self.recent_trace,
        };
        Client { shared: Arc::new(Shared::new(self.platform, settings)) }
    }
}

impl<P: Platform> fmt::Debug for ClientBuilder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("pool", &self.pool)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
