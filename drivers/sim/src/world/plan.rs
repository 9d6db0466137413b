//! What a world is made of: plain data, written by hand or grown from a seed.

use std::{sync::Arc, time::Duration};

use httpool::{
    call::Policy,
    client::Config,
    error::{IoKind, TlsKind},
    message::Method,
};

/// Everything that happens in a world, but for the noise, which comes of `seed`.
///
/// The same plan gives the same world, event for event.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Plan {
    /// For the noise: latencies, cuts in reads and writes, stale events.
    pub seed: u64,
    /// How restless the world is.
    pub noise: Noise,
    /// The settings of the client under test.
    pub config: Config,
    /// The servers.
    pub origins: Vec<OriginPlan>,
    /// What the application asks for.
    pub calls: Vec<CallPlan>,
    /// What happens to connections.
    pub faults: Vec<Fault>,
    /// How many sockets the process may have open; `None`: any number. One more finds no
    /// descriptor.
    pub descriptors: Option<u32>,
    /// When the application closes the client, and whether at once. `None`: after the last call.
    pub close: Option<(Duration, bool)>,
    /// It is played by threads, which are late now and then.
    pub(super) threads: bool,
}

impl Plan {
    /// A world without servers, calls, faults or noise.
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
            threads: false,
        }
    }
}

/// How restless a world is.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Noise {
    /// The least time that bytes are on their way.
    pub latency_min: Duration,
    /// The most.
    pub latency_max: Duration,
    /// Bytes that a connection holds in each direction before its writer must wait.
    pub window: u32,
    /// Most bytes of one read.
    pub read_max: u32,
    /// Most bytes of one write.
    pub write_max: u32,
    /// Whether reads and writes are cut at random, up to those.
    pub cuts: bool,
    /// Whether several inputs come before the driver looks at what to do, and sockets are looked at
    /// late.
    pub lazy: bool,
    /// Whether the driver also tells of what is long over.
    pub stale: bool,
}

impl Noise {
    /// 1 millisecond each way, whole reads and writes, nothing late.
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

/// A server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OriginPlan {
    /// Scheme, host and port, without a slash at the end.
    pub url: String,
    /// What looking its name up gives, if it is a name.
    pub names: Names,
    /// A look-up of it waits for so long until a thread of the resolver's takes it, and says so.
    pub queued: Option<Duration>,
    /// Its addresses; a host that is an address has one.
    pub addresses: Vec<Address>,
    /// How TLS goes, if its scheme is `https`.
    pub tls: Tls,
    /// It is a proxy: how it answers those who ask to be passed on.
    pub proxy: Option<Proxy>,
    /// It closes a connection after so many responses.
    pub requests_max: Option<u32>,
    /// And says so in the last of them.
    pub announces: bool,
    /// It closes a connection that has been idle for so long.
    pub idle_max: Option<Duration>,
}

impl OriginPlan {
    /// A server that is well: `http://a.test`.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.into(),
            names: Names::Found { after: Duration::ZERO },
            queued: None,
            addresses: vec![Address::Up { after: Duration::ZERO }],
            tls: Tls::Up { after: Duration::ZERO },
            proxy: None,
            requests_max: None,
            announces: true,
            idle_max: None,
        }
    }
}

impl OriginPlan {
    /// Whether that is its host and port.
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
    /// It passes on.
    Passes,
    /// It refuses, with this status.
    Refuses(u16),
    /// Not in its protocol.
    Garbage,
    /// It closes the connection.
    Closes,
    /// Not at all, for ever.
    Never,
}

/// What a look-up gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Names {
    /// All addresses.
    Found {
        /// After so long.
        after: Duration,
    },
    /// None.
    Missing {
        /// After so long.
        after: Duration,
    },
    /// Nothing, for ever.
    Never,
}

/// What comes of connecting to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// A connection, after the latency and so long.
    Up {
        /// So long.
        after: Duration,
    },
    /// An error.
    Fails {
        /// Which.
        why: IoKind,
        /// After so long.
        after: Duration,
    },
    /// Nothing, for ever.
    Never,
}

/// What comes of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tls {
    /// It is done.
    Up {
        /// After so long.
        after: Duration,
    },
    /// It fails.
    Fails {
        /// Why.
        why: TlsKind,
        /// After so long.
        after: Duration,
    },
    /// Nothing, for ever.
    Never,
}

/// What happens to one connection of a server, beside what its answers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// Which server, by its place in [`Plan::origins`].
    pub origin: usize,
    /// Which of its connections, counted from 0 as they are accepted.
    pub conn: u32,
    /// What.
    pub kind: FaultKind,
    /// When: so long after the connection stands, or for [`FaultKind::Chatter`] has become idle.
    pub after: Duration,
}

/// Kinds of [`Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FaultKind {
    /// The connection is reset.
    Reset,
    /// The server closes its side, and reads on.
    HalfClose,
    /// Nothing arrives any more, in either direction, for so long; `None`: for ever.
    Hole(Option<Duration>),
    /// The server reads nothing any more, for so long; `None`: for ever.
    Deaf(Option<Duration>),
    /// The server sends a whole response that nobody asked for.
    Chatter,
}

/// One call: a request, its application, and how it is answered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallPlan {
    /// When it is made.
    pub at: Duration,
    /// To which server, by its place in [`Plan::origins`].
    pub origin: usize,
    /// How.
    pub method: Method,
    /// With which body.
    pub body: BodyPlan,
    /// Whether the body waits for a 100 (Continue).
    pub expect: bool,
    /// Whether it asks for another protocol.
    pub upgrade: bool,
    /// Whether it asks for the connection to be closed.
    pub closes: bool,
    /// Whether it carries credentials for its server.
    pub credentials: bool,
    /// What the client may do about failures.
    pub policy: Arc<Policy>,
    /// The answers, one for each time that a server gets the request; the last counts for all that
    /// come after it. Never empty.
    pub replies: Vec<Reply>,
    /// What the application does while it reads, in the order of bytes read.
    pub reading: Vec<(u32, Reading)>,
    /// When the application gives up, after it began.
    pub cancel: Option<Duration>,
}

impl CallPlan {
    /// A GET at the beginning, answered with 200 and a short body.
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

/// A request's body, and how the application comes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BodyPlan {
    /// How long it is; `None`: there is none.
    pub len: Option<u32>,
    /// Whether its length is declared.
    pub known: bool,
    /// Whether it can be given again.
    pub replayable: bool,
    /// Most bytes of one piece.
    pub piece: u32,
    /// After each piece there is nothing for so long.
    pub gap: Option<Duration>,
    /// The source fails when so many bytes have been given.
    pub fails_at: Option<u32>,
    /// Whether going back to the start works after all.
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

    /// `len` bytes, declared and replayable.
    pub const fn of(len: u32) -> Self {
        Self { len: Some(len), ..Self::none() }
    }
}

/// What an application does with a response's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading {
    /// It does not read for so long.
    Pause(Duration),
    /// It wants no more of it.
    Discard,
    /// It gives the call up.
    Cancel,
}

/// One answer of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// So long after the request is whole.
    pub after: Duration,
    /// 103 (Early Hints) before it.
    pub interim: u8,
    /// The status.
    pub status: u16,
    /// Retry-After, in seconds.
    pub retry_after: Option<u32>,
    /// Location: which server.
    pub redirect: Option<usize>,
    /// How its body ends.
    pub framing: Framing,
    /// How long its body is.
    pub len: u32,
    /// It is sent in pieces of so many bytes, with such pauses.
    pub drip: Option<(u32, Duration)>,
    /// The same of its body alone: the head comes whole.
    pub slow: Option<(u32, Duration)>,
    /// So many bytes of a chunk extension stand in its first chunk, or in the last one where its
    /// length is a multiple of three.
    pub padding: u32,
    /// It is sent when the request's head is there, and the body is not waited for.
    pub early: bool,
    /// A request that asks for it gets a 100 (Continue).
    pub continues: bool,
    /// What happens with the connection.
    pub finish: Finish,
}

impl Reply {
    /// A whole answer of 16 bytes, at once.
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

    /// Whether its server closes the connection without having said so, and perhaps before it has the
    /// whole request.
    pub(super) fn closes_early(&self, asked: bool) -> bool {
        let closes = asked || matches!(self.framing, Framing::Close | Framing::Old);
        self.early && self.status < 400 && self.finish != Finish::Close && closes
    }

    /// The same with Retry-After, in seconds.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The same after a while.
    #[must_use]
    pub const fn after(mut self, delay: Duration) -> Self {
        self.after = delay;
        self
    }

    /// The same, and then this.
    #[must_use]
    pub const fn finish(mut self, finish: Finish) -> Self {
        self.finish = finish;
        self
    }
}

/// How a response says where its body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// Content-Length.
    Length,
    /// Chunks, perhaps with a trailer field.
    Chunked,
    /// With the connection.
    Close,
    /// Content-Length, from an HTTP/1.0 server that then closes.
    Old,
}

/// What happens with the connection when a response has been sent, or instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Finish {
    /// It is kept.
    Keep,
    /// `Connection: close`, and it is closed.
    Close,
    /// It is closed, and was not announced to be.
    CloseUnannounced,
    /// A second response follows that nobody asked for.
    Second,
    /// Bytes follow that are no response.
    Garbage,
    /// The request is acted upon, and the connection closed without a byte of an answer.
    Die,
    /// As `Die`, by a reset.
    DieReset,
    /// There is no answer, for ever.
    Silent,
    /// After so many hundredths of the answer the connection is closed.
    Cut(u8),
    /// The same by a reset.
    CutReset(u8),
    /// After so many hundredths of the answer nothing more comes.
    Stall(u8),
    /// What comes is no HTTP.
    Malformed,
}
