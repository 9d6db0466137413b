//! The plan of a world: plain data, written by hand or generated from a seed.

use std::{sync::Arc, time::Duration};

use httpool::{
    call::Policy,
    client::Config,
    error::{IoKind, TlsKind},
    message::Method,
};

/// Describes everything that happens in a world, except the noise, which is drawn from `seed`.
///
/// The same plan gives the same events in the same order.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Plan {
    /// The seed of the noise: latencies, cuts in reads and writes, stale events.
    pub seed: u64,
    /// Latencies and the sizes of reads and writes.
    pub noise: Noise,
    /// The settings of the client under test.
    pub config: Config,
    /// The servers.
    pub origins: Vec<OriginPlan>,
    /// The calls that the applications make.
    pub calls: Vec<CallPlan>,
    /// Faults of single connections.
    pub faults: Vec<Fault>,
    /// The most sockets that the process may open; `None` for any number. Opening one more fails
    /// for want of a descriptor.
    pub descriptors: Option<u32>,
    /// When the application closes the client, and whether at once. `None`: after the last call.
    pub close: Option<(Duration, bool)>,
    /// The times at which the application closes the connections to one server, by its index in
    /// `origins`, or retires all connections (`None`): the idle ones at once, the others after their
    /// calls. Only in the event loop.
    pub clears: Vec<(Duration, Option<usize>)>,
    /// Whether the plan is run with threads, which may notice events late.
    pub(super) threads: bool,
    /// Whether connections to `https` servers and proxies carry sessions with the cipher of
    /// [`layer`](crate::layer): through an `https` proxy two, one within the other. If not, a
    /// handshake is an event, and the bytes stay plain. With threads they always do.
    pub sessions: bool,
}

impl Plan {
    /// Creates a world without servers, calls, faults or noise.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            noise: Noise::calm(),
            config: Config::default(),
            origins: Vec::new(),
            calls: Vec::new(),
            faults: Vec::new(),
            descriptors: None,
            close: None,
            clears: Vec::new(),
            threads: false,
            sessions: false,
        }
    }
}

/// Latencies, the sizes of reads and writes, and the behaviour of the driver.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Noise {
    /// The least latency of the network, one way.
    pub latency_min: Duration,
    /// The greatest latency of the network, one way.
    pub latency_max: Duration,
    /// Bytes that a connection holds in each direction before its writer must wait.
    pub window: u32,
    /// The most bytes that one read returns.
    pub read_max: u32,
    /// The most bytes that one write takes.
    pub write_max: u32,
    /// Whether reads and writes are cut short at random.
    pub cuts: bool,
    /// Whether the driver is lazy: it passes several inputs before it asks for actions, and checks
    /// its sockets late.
    pub lazy: bool,
    /// Whether the driver also reports stale events, which name ended calls and closed connections.
    pub stale: bool,
}

impl Noise {
    /// Returns the settings of a network without noise: a latency of 1 millisecond each way, reads
    /// and writes that are never cut short, and no event that is handled late.
    pub const fn calm() -> Self {
        Self {
            latency_min: Duration::from_millis(1),
            latency_max: Duration::from_millis(1),
            window: 64 * 1024,
            read_max: 16 * 1024,
            write_max: 16 * 1024,
            cuts: false,
            lazy: false,
            stale: false,
        }
    }
}

/// Describes a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OriginPlan {
    /// Scheme, host and port, without a slash at the end.
    pub url: String,
    /// The result of looking up its name. Unused if its host is an address.
    pub names: Names,
    /// How long a look-up of the name waits for a resolver thread; `None`: the look-up begins at
    /// once.
    pub queued: Option<Duration>,
    /// Its addresses. A host that is an address has one.
    pub addresses: Vec<Address>,
    /// When its name moves: from then on a look-up finds as many other addresses of the server. The
    /// old ones stay as they are. Unused if its host is an address.
    pub moves: Option<Duration>,
    /// The result of the TLS handshake, if the scheme is `https`.
    pub tls: Tls,
    /// How it answers CONNECT, if it is a proxy.
    pub proxy: Option<Proxy>,
    /// After how many responses it closes a connection.
    pub requests_max: Option<u32>,
    /// Whether its last response on a connection carries `Connection: close`.
    pub announces: bool,
    /// After how much idle time it closes a connection.
    pub idle_max: Option<Duration>,
}

impl OriginPlan {
    /// Creates a server without faults. `url` is its scheme and host, such as `http://a.test`.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.into(),
            names: Names::Found { after: Duration::ZERO },
            queued: None,
            addresses: vec![Address::Up { after: Duration::ZERO }],
            moves: None,
            tls: Tls::Up { after: Duration::ZERO },
            proxy: None,
            requests_max: None,
            announces: true,
            idle_max: None,
        }
    }
}

impl OriginPlan {
    /// Whether `authority` is this server's host and port.
    pub(super) fn has_authority(&self, authority: &str) -> bool {
        let (scheme, host) = self.url.split_once("://").unwrap_or_default();
        let port = if scheme == "https" { 443 } else { 80 };
        authority.strip_prefix(host).and_then(|it| it.strip_prefix(':'))
            == Some(port.to_string().as_str())
            || authority == host
    }
}

/// How a proxy answers a CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxy {
    /// It opens the tunnel.
    Passes,
    /// It refuses with this status.
    Refuses(u16),
    /// It refuses with this status and a page of this many bytes. A page that is not framed would
    /// end with the connection, which it leaves open.
    Explains {
        /// The status.
        status: u16,
        /// The length of the page.
        len: u32,
        /// Whether Content-Length says where the page ends.
        framed: bool,
    },
    /// It opens the tunnel for the user `u`, and refuses others with 407.
    Demands,
    /// It opens the tunnel with a head that does not end.
    Endless,
    /// It opens the tunnel, and sends bytes of its own through it.
    Speaks,
    /// It answers with bytes that are not HTTP.
    Garbage,
    /// It closes the connection.
    Closes,
    /// It never answers.
    Never,
}

/// The result of a name look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Names {
    /// All addresses of the server.
    Found {
        /// How long the look-up takes.
        after: Duration,
    },
    /// No such name.
    Missing {
        /// How long the look-up takes.
        after: Duration,
    },
    /// The look-up never ends.
    Never,
}

/// The result of connecting to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// The connection is established.
    Up {
        /// How long that takes, beyond the latency.
        after: Duration,
    },
    /// Connecting fails.
    Fails {
        /// The error.
        why: IoKind,
        /// How long the attempt takes.
        after: Duration,
    },
    /// The attempt never ends.
    Never,
}

/// The result of a TLS handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tls {
    /// The handshake succeeds.
    Up {
        /// How long it takes.
        after: Duration,
    },
    /// The handshake fails.
    Fails {
        /// The kind of failure.
        why: TlsKind,
        /// How long it takes until the failure.
        after: Duration,
    },
    /// The handshake never ends.
    Never,
}

/// A fault of one connection of a server, independent of the server's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The server, by its index in [`Plan::origins`].
    pub origin: usize,
    /// The connection, counted from 0 in the order in which the server accepts them.
    pub conn: u32,
    /// The kind of fault.
    pub kind: FaultKind,
    /// When the fault happens: this long after the connection is established. For
    /// [`FaultKind::Chatter`] the time counts from when the connection becomes idle.
    pub after: Duration,
}

impl Fault {
    /// Makes a fault of the connection number `conn` of the server with this index.
    pub const fn new(origin: usize, conn: u32, kind: FaultKind, after: Duration) -> Self {
        Self { origin, conn, kind, after }
    }
}

/// Kinds of [`Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FaultKind {
    /// The server resets the connection.
    Reset,
    /// The server ends its output, and goes on reading.
    HalfClose,
    /// Nothing arrives in either direction for this long; `None`: for ever.
    Hole(Option<Duration>),
    /// The server stops reading for this long; `None`: for ever.
    Deaf(Option<Duration>),
    /// The server sends a whole unsolicited response.
    Chatter,
}

/// One call: its request, the behaviour of its application, and the answers to it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallPlan {
    /// When the call begins, counted from the beginning of the world.
    pub at: Duration,
    /// The server, by its index in [`Plan::origins`].
    pub origin: usize,
    /// The method of the request.
    pub method: Method,
    /// The body of the request.
    pub body: BodyPlan,
    /// Whether the body waits for a 100 (Continue).
    pub expect: bool,
    /// Whether the request asks for an upgrade to another protocol.
    pub upgrade: bool,
    /// Whether the request carries `Connection: close`.
    pub closes: bool,
    /// Whether the request carries credentials for its server.
    pub credentials: bool,
    /// The policy of the call: timeouts, retries, redirects.
    pub policy: Arc<Policy>,
    /// The server's answers, one for each arrival of the request. The last one answers all later
    /// arrivals too. Never empty.
    pub replies: Vec<Reply>,
    /// The application's actions while it reads the body: each with the number of bytes after which
    /// it happens, in ascending order.
    pub reading: Vec<(u32, Reading)>,
    /// When the application cancels the call, counted from the call's beginning.
    pub cancel: Option<Duration>,
}

impl CallPlan {
    /// Whether the body has a content coding, which the application cannot decode.
    pub(super) fn decodes(&self) -> bool {
        self.reading.iter().any(|(_, what)| *what == Reading::Refuse)
    }

    /// Creates a GET at time 0, answered with 200 and a short body.
    pub fn get(origin: usize, policy: Arc<Policy>) -> Self {
        Self {
            at: Duration::ZERO,
            origin,
            method: Method::GET,
            body: BodyPlan::none(),
            expect: false,
            upgrade: false,
            closes: false,
            credentials: false,
            policy,
            replies: vec![Reply::new(200)],
            reading: Vec::new(),
            cancel: None,
        }
    }
}

/// The body of a request, and how the application supplies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BodyPlan {
    /// The length in bytes; `None`: no body.
    pub len: Option<u32>,
    /// Whether the length is declared.
    pub known: bool,
    /// Whether the application says that the body can be sent again.
    pub replayable: bool,
    /// The most bytes of one piece.
    pub piece: u32,
    /// How long the application has no piece ready. In the event loop this happens before a random
    /// half of the pieces, with threads before every piece.
    pub gap: Option<Duration>,
    /// After how many bytes the source fails.
    pub fails_at: Option<u32>,
    /// Whether rewinding the source succeeds.
    pub rewinds: bool,
}

impl BodyPlan {
    /// No body.
    pub const fn none() -> Self {
        Self {
            len: None,
            known: true,
            replayable: true,
            piece: u32::MAX,
            gap: None,
            fails_at: None,
            rewinds: true,
        }
    }

    /// A body of `len` bytes, with a declared length, and replayable.
    pub const fn of(len: u32) -> Self {
        Self { len: Some(len), ..Self::none() }
    }
}

/// An application's action while it reads a response's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading {
    /// It stops reading for this long.
    Pause(Duration),
    /// It discards the rest of the response.
    Discard,
    /// It cancels the call.
    Cancel,
    /// It cannot decode the body. Every other call finds this at the end of the body. A
    /// thread, where the blocking driver would decode, discards the response instead.
    Refuse,
}

/// One answer of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// How long the server waits after the whole request has arrived.
    pub after: Duration,
    /// The number of 103 (Early Hints) responses before the final one.
    pub interim: u8,
    /// The status code.
    pub status: u16,
    /// The value of `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    /// The server that `Location` points to, by its index in [`Plan::origins`].
    pub redirect: Option<usize>,
    /// How the body is delimited.
    pub framing: Framing,
    /// The length of the body in bytes.
    pub len: u32,
    /// The server sends the answer in pieces of this many bytes, with this pause after each.
    pub drip: Option<(u32, Duration)>,
    /// As `drip`, but only for the body: the head is sent at once.
    pub slow: Option<(u32, Duration)>,
    /// The length of a chunk extension in bytes. It stands in the first chunk, or in the last chunk
    /// if the length is a multiple of three.
    pub padding: u32,
    /// Whether the server answers as soon as the request's head has arrived, without waiting for
    /// the body.
    pub early: bool,
    /// Whether the server sends a 100 (Continue) to a request that expects one.
    pub continues: bool,
    /// How the answer ends, and whether the connection is kept.
    pub finish: Finish,
}

impl Reply {
    /// Creates an answer with a body of 16 bytes, sent at once.
    pub const fn new(status: u16) -> Self {
        Self {
            after: Duration::ZERO,
            interim: 0,
            status,
            retry_after: None,
            redirect: None,
            framing: Framing::Length,
            len: 16,
            drip: None,
            slow: None,
            padding: 0,
            early: false,
            continues: true,
            finish: Finish::Keep,
        }
    }

    /// Whether the server closes the connection unannounced, and perhaps before it has the whole
    /// request.
    pub(super) fn closes_early(&self, asked: bool) -> bool {
        let closes = asked || matches!(self.framing, Framing::Close | Framing::Old);
        self.early && self.status < 400 && self.finish != Finish::Close && closes
    }

    /// Sets `Retry-After`, in seconds.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Sets how long the server waits after the whole request has arrived.
    #[must_use]
    pub const fn after(mut self, delay: Duration) -> Self {
        self.after = delay;
        self
    }

    /// Sets how the answer ends.
    #[must_use]
    pub const fn finish(mut self, finish: Finish) -> Self {
        self.finish = finish;
        self
    }
}

/// How a response's body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// By `Content-Length`.
    Length,
    /// By chunked transfer coding, perhaps with a trailer field.
    Chunked,
    /// By the end of the connection.
    Close,
    /// By `Content-Length`, from an HTTP/1.0 server, which closes the connection afterwards.
    Old,
}

/// How an answer ends, and whether the connection is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Finish {
    /// The connection is kept.
    Keep,
    /// The answer carries `Connection: close`, and the connection is closed.
    Close,
    /// The connection is closed without an announcement.
    CloseUnannounced,
    /// An unsolicited second response follows.
    Second,
    /// Bytes that are not HTTP follow.
    Garbage,
    /// The server processes the request, then closes the connection without an answer.
    Die,
    /// The server processes the request, then resets the connection without an answer.
    DieReset,
    /// The server never answers.
    Silent,
    /// The connection is closed after this percentage of the answer.
    Cut(u8),
    /// The connection is reset after this percentage of the answer.
    CutReset(u8),
    /// The server stops sending after this percentage of the answer.
    Stall(u8),
    /// The answer is not HTTP.
    Malformed,
}
