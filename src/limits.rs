//! Every bound, in one place, with its reason.

use core::time::Duration;

/// Bounds on what a peer can make one connection's protocol state hold or wade through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageLimits {
    /// Longest response head, in bytes. 64 KiB by default: urllib3 allows that for one line.
    pub head_bytes_max: u32,
    /// Most field lines in a head or a trailer section. 256 by default: urllib3 and others stop at
    /// 100, which real servers exceed.
    pub fields_max: u16,
    /// Most 1xx responses before one response. 32 by default: RFC 9110 15.2 asks for any number,
    /// but an endless stream of them is an attack.
    pub interim_max: u8,
    /// Longest trailer section, in bytes; most bytes that one chunk-size line may have beside its
    /// size (leading zeros, blanks behind it, extensions); and most bytes of extensions in a whole
    /// body. Zeros and blanks are not summed over the body, since some servers pad every size.
    /// 16 KiB by default, as in hyper.
    pub chunk_overhead_bytes_max: u32,
}

impl Default for MessageLimits {
    fn default() -> Self {
        Self {
            head_bytes_max: 64 * 1024,
            fields_max: 256,
            interim_max: 32,
            chunk_overhead_bytes_max: 16 * 1024,
        }
    }
}

/// Most bytes of a [long](LONG_REQUEST_BYTES) request that the system may hold and not have sent yet,
/// where a driver can bound that: 64 KiB. The deadline between two writes (30 seconds) is kept by a
/// server that reads 5 kB/s, in windows of 64 KiB as on loopback, while the bound is that small; and a
/// write of 64 KiB is large enough to be cheap.
pub const UNSENT_BYTES_MAX: u32 = 64 * 1024;

/// A request with more bytes than this, head and body, is long: 128 KiB. One that is shorter leaves
/// in one write, and a server that reads 5 kB/s has it within the 60 seconds that there are for the
/// first byte of its answer.
pub const LONG_REQUEST_BYTES: u64 = 128 * 1024;

/// How many connections, and for how long. A bound of zero connections, dials or waiters would
/// answer nobody, and counts as one.
///
/// urllib3's `maxsize = n` is `idle_per_key_max = n`, and with `block = true` also
/// `open_per_key_max = n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolLimits {
    /// Most connections: leased, idle and being dialled. Binds whatever else is said; at the bound,
    /// with nothing idle to evict, a call waits. 1,000 by default: most systems give a process 1,024
    /// descriptors. A connection takes one, and while its dial races one for each attempt; a client of
    /// the blocking driver takes at most 16 more for all its threads, and a loop of the mio driver
    /// three more. Where the system has no descriptor for one more, the pool takes what it has open
    /// for this bound for a second.
    pub open_max: usize,
    /// The same for one key; `usize::MAX` for urllib3's `block = false`. 100 by default.
    pub open_per_key_max: usize,
    /// Most idle connections of one key; surplus is closed on return. 32 by default.
    pub idle_per_key_max: usize,
    /// Most dials of one key at a time. 32 by default: a burst must not flood a listen queue.
    pub dialing_per_key_max: usize,
    /// Most tickets in line over all keys; one more is refused, not queued, unless it need not
    /// wait: a connection is idle for it, or can be opened at once. 10,000 by default.
    pub waiting_max: usize,
    /// The same for one key. 5,000 by default, half of `waiting_max`: a server that does not answer
    /// leaves as many places in line to all others. And more than that would rarely be served in
    /// time: with 100 connections and a minute to wait, each call would have to take 1.2 seconds at
    /// most.
    pub waiting_per_key_max: usize,
    /// How long a connection may stay idle. 60 seconds by default: servers close after 60 to 75.
    pub idle_max: Duration,
    /// How long a connection may be used in all; `None` for ever, which is the default.
    pub age_max: Option<Duration>,
    /// A connection that was idle for this time or longer is probed before it is used again: a
    /// driver looks, without waiting, whether the peer has closed it or has sent bytes that nobody
    /// asked for. Zero by default: every connection is probed, for every method, however short it
    /// was idle.
    ///
    /// A longer time saves one system call for requests that may be repeated (those that may not
    /// are probed in any case). Within that time a response that nobody asked for can be taken for
    /// the response to the next request. No setting helps against bytes that arrive after the probe
    /// and before the server reads the request: no client of HTTP/1.1 can tell them from its
    /// response.
    pub probe_after: Duration,
    /// Who runs dials. An event loop (false): a dial serves whoever is in front, and a surplus one
    /// is finished and parked once TCP is up. Threads, each its own (true): a dial serves the ticket
    /// at whose wish it runs while that still waits; when that is served otherwise, its thread says
    /// whether it has abandoned the dial or hands the connection in.
    pub own_dials: bool,
    /// How many retries all calls together may make; `None`, the default, for as many as their
    /// policies allow.
    pub retry_budget: Option<RetryBudget>,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            open_max: 1_000,
            open_per_key_max: 100,
            idle_per_key_max: 32,
            dialing_per_key_max: 32,
            waiting_max: 10_000,
            waiting_per_key_max: 5_000,
            idle_max: Duration::from_secs(60),
            age_max: None,
            probe_after: Duration::ZERO,
            own_dials: false,
            retry_budget: None,
        }
    }
}

/// A bound on retries as a share of the work, so that a failing server is not buried under the
/// repetitions of what it could not answer.
///
/// A bucket that is full at the start, with `burst` retries in it. A retry takes one out; a checkout
/// that repeats nothing puts `percent` hundredths of one in, up to `burst`. (Finagle and gRPC, A6,
/// bound theirs in this way.) A repetition after a stale connection is no retry: it neither takes
/// nor puts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryBudget {
    /// Retries for each hundred checkouts that repeat nothing.
    pub percent: u32,
    /// Most retries in a row: what a quiet time saves up, and what the pool starts with. Zero counts
    /// as one.
    pub burst: u32,
}

impl RetryBudget {
    /// `percent` of ordinary checkouts, and `burst` retries in reserve.
    pub const fn new(percent: u32, burst: u32) -> Self {
        Self { percent, burst }
    }
}

impl Default for RetryBudget {
    /// A fifth of ordinary checkouts, and ten in reserve.
    fn default() -> Self {
        Self::new(20, 10)
    }
}
