//! How a driver is set up.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    ops::Range,
    sync::Arc,
};

use httpool::{
    call::Policy,
    client, dial,
    limits::{MessageLimits, PoolLimits},
    trace::Sink,
};
use httpool_kit::{Fixed, Resolve, SystemResolver};
use mio::{Poll, Registry, Token, Waker};

use crate::{
    client::Client,
    driver::{self, Driver},
    embedded::Embedded,
    names::Names,
};

/// The settings of a [`Driver`], or of an [`Embedded`] one.
#[derive(Clone)]
#[must_use = "a driver is made by `build`"]
pub struct DriverBuilder {
    pool: PoolLimits,
    messages: MessageLimits,
    policy: Policy,
    dial: dial::Policy,
    default_fields: Vec<(String, String)>,
    resolve: Arc<dyn Resolve>,
    fixed: Fixed,
    body_bytes_max: u64,
    sink: Option<Arc<dyn Sink>>,
    recent_trace: usize,
    waker: Option<Arc<Waker>>,
}

impl DriverBuilder {
    pub(crate) fn new() -> Self {
        let agent = concat!("httpool/", env!("CARGO_PKG_VERSION"));
        Self {
            pool: PoolLimits::default(),
            messages: MessageLimits::default(),
            policy: Policy::default(),
            dial: dial::Policy::default(),
            default_fields: vec![
                ("User-Agent".into(), agent.into()),
                ("Accept".into(), "*/*".into()),
            ],
            resolve: Arc::new(SystemResolver::new()),
            fixed: Fixed::default(),
            body_bytes_max: 256 * 1024 * 1024,
            sink: None,
            recent_trace: 0,
            waker: None,
        }
    }

    /// How many connections, and for how long. `own_dials` is not set in any case: a dial serves
    /// whoever is in front.
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

    /// Who looks names up, instead of the system.
    pub fn resolver(mut self, resolve: Arc<dyn Resolve>) -> Self {
        self.resolve = resolve;
        self
    }

    /// The address of `host` for connections to `port`, whatever a resolver would say. Several are
    /// tried in order.
    pub fn resolve_to(mut self, host: &str, port: u16, address: IpAddr) -> Self {
        self.fixed.add(host, port, address);
        self
    }

    /// The same with a port of its own (0 stands for `port`), and with the scope id that an IPv6
    /// address of a link needs.
    pub fn resolve_to_socket(mut self, host: &str, port: u16, address: SocketAddr) -> Self {
        self.fixed.add_socket(host, port, address);
        self
    }

    /// The longest body, in bytes, that [`Driver::fetch`] collects. 256 MiB by default. What is taken
    /// piece by piece is not bounded by it.
    pub fn body_bytes_max(mut self, max: u64) -> Self {
        self.body_bytes_max = max;
        self
    }

    /// Where every event and action of the pool, the dials and the calls is written.
    pub fn trace(mut self, sink: Arc<dyn Sink>) -> Self {
        self.sink = Some(sink);
        self
    }

    /// How many lines of its trace each call keeps, so that its error can show them:
    /// [`Error::trace`](crate::Error::trace). 0 by default, which costs nothing.
    pub fn recent_trace(mut self, lines: usize) -> Self {
        self.recent_trace = lines;
        self
    }

    /// What the threads that look names up wake the loop with. By default it makes one; but a
    /// [`Poll`] may have only one, and whoever has one on theirs lends it here.
    pub fn waker(mut self, waker: Arc<Waker>) -> Self {
        self.waker = Some(waker);
        self
    }

    /// A driver with a [`Poll`] of its own.
    ///
    /// # Errors
    /// The system gives no poll, or no way to be woken.
    pub fn build(self) -> io::Result<Driver> {
        let poll = Poll::new()?;
        let embedded = self.embed(poll.registry(), driver::TOKENS)?;
        Ok(Driver::new_on(poll, embedded))
    }

    /// A driver for a loop of your own: its sockets are registered with your [`Poll`] and have
    /// tokens in `tokens`. That must be a number for each connection and one more, and where
    /// addresses race one for each attempt. A connection that finds none is opened in place of an
    /// idle one, or waits for one in use, as where the system has no descriptor.
    ///
    /// # Errors
    /// The system gives no second handle to the poll, or no way to be woken.
    pub fn embed(self, registry: &Registry, tokens: Range<usize>) -> io::Result<Embedded> {
        let mut config = client::Config::default();
        config.pool = self.pool;
        config.pool.own_dials = false;
        config.dial = self.dial;
        config.messages = self.messages;
        config.recent_trace = self.recent_trace;
        let registry = registry.try_clone()?;
        let waker = match self.waker {
            Some(waker) => waker,
            None => Arc::new(Waker::new(&registry, Token(tokens.start))?),
        };
        let (fields, max) = (self.default_fields, self.body_bytes_max);
        let mut client = Client::new(config, self.policy, fields, max);
        if let Some(sink) = self.sink {
            client.core.set_trace(sink);
        }
        let names = Names::new(self.fixed, self.resolve, waker);
        Ok(Embedded::new_on(registry, tokens, client, names))
    }
}

impl fmt::Debug for DriverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverBuilder")
            .field("pool", &self.pool)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
