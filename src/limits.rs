//! Every bound, in one place, with its reason.

use core::time::Duration;

use crate::setters::setters;

/// Bounds on what a server may send on one connection, so that the memory and the work it can cause
/// are limited.
///
/// ```
/// use httpool::limits::MessageLimits;
///
/// // The servers of one company send short heads: refuse others early.
/// let limits = MessageLimits::default().head_bytes_max(8 * 1024).fields_max(64);
/// assert_eq!(limits.interim_max, 32);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageLimits {
    /// Longest response head, in bytes. 64 KiB by default: urllib3 allows that for one line.
    pub head_bytes_max: u32,
    /// Most field lines in a head or a trailer section. 256 by default: urllib3 and others stop at
    /// 100, which real servers exceed.
    pub fields_max: u16,
    /// Most 1xx responses before one final response. 32 by default. RFC 9110 15.2 asks a client to
    /// accept any number, but an endless stream of them is an attack.
    pub interim_max: u8,
    /// Three bounds, each of this many bytes: on a trailer section; on one chunk-size line without
    /// its size (leading zeros, blanks behind the size, extensions); and on the chunk extensions of
    /// a whole body. Zeros and blanks are not summed over the body, since some servers pad every
    /// size. 16 KiB by default, as in hyper.
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

impl MessageLimits {
    setters! {
        head_bytes_max: u32,
        fields_max: u16,
        interim_max: u8,
        chunk_overhead_bytes_max: u32,
    }
}

/// Bounds on what the body of a response may decode to. Both are off by default: the memory of a
/// [`Decoder`](crate::content::Decoder) is bounded in any case, and a program that streams a body
/// of any length can let it decode to any length.
///
/// ```
/// use httpool::limits::ContentLimits;
///
/// // As much as the program would collect, and no body that decodes to 200 times its size.
/// let limits = ContentLimits::default().decoded_bytes_max(64 << 20).ratio_max(200);
/// assert_eq!(limits.decoded_bytes_max, Some(64 << 20));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContentLimits {
    /// Most bytes that each coding of a body may decode to. With several codings it bounds what
    /// lies between them too, where a short body can grow a thousandfold at each.
    pub decoded_bytes_max: Option<u64>,
    /// Most decoded bytes for each encoded one, counted at each coding once it has decoded 1 MiB.
    /// Valid bodies have up to 1,000 with `gzip`, and 370,000 with `br`.
    ///
    /// The encoded bytes are those that were taken so far. How the body is cut into reads can move
    /// the byte at which the limit shows.
    pub ratio_max: Option<u32>,
}

impl ContentLimits {
    setters! {
        decoded_bytes_max: Option<u64>,
        ratio_max: Option<u32>,
    }
}

/// Most bytes of a [long](LONG_REQUEST_BYTES) request that the operating system may hold unsent,
/// where a driver can set that: 64 KiB.
///
/// Without the bound, the system accepts megabytes at once, and the write deadline
/// ([`Timeout::write`](crate::call::Timeout::write)) cannot tell a slow server from one that reads
/// nothing. With it, a write completes as often as the server has read 64 KiB: a server that reads
/// 5 kB/s does so within the 30 seconds of that deadline. A write of 64 KiB is still cheap.
pub const UNSENT_BYTES_MAX: u32 = 64 * 1024;

/// Most bytes of the body of a proxy's refusal that a dial keeps, for
/// [`ProxyResponse`](crate::dial::ProxyResponse): 16 KiB. Pages of error that proxies write are
/// shorter.
pub const PROXY_BODY_BYTES_MAX: usize = 16 * 1024;

/// How long a dial waits for the rest of a proxy's refusal, once its head was received: 1 second.
/// The body seldom comes later than its head, and the failure is known already.
pub const PROXY_BODY_WAIT: Duration = Duration::from_secs(1);

/// A request whose head and body together have more bytes than this is long: 128 KiB.
///
/// A shorter one leaves in one write. A server that reads 5 kB/s has received it within the 60
/// seconds of [`Timeout::first_byte`](crate::call::Timeout::first_byte).
pub const LONG_REQUEST_BYTES: u64 = 128 * 1024;

/// Limits on the connections of a pool, their lifetime, and the calls that may wait. A bound of
/// zero connections, dials or waiters would serve no call, and counts as one.
///
/// A *key* ([`Key`](crate::message::Key)) is what connections are shared by: the origin, with the
/// proxies, the TLS configuration and the local address. urllib3's `maxsize = n` is
/// `idle_per_key_max = n`, and with `block = true` also `open_per_key_max = n`. A key may have
/// [limits of its own](crate::message::KeyLimits) in place of these two.
///
/// ```
/// use httpool::limits::{PoolLimits, RetryBudget};
/// use httpool_blocking::Client;
/// use std::time::Duration;
///
/// // At most 8 connections to one origin, each used for at most ten minutes. All retries together
/// // are at most a tenth of the requests.
/// let limits = PoolLimits::default()
///     .open_per_key_max(8)
///     .idle_per_key_max(8)
///     .age_max(Duration::from_secs(600))
///     .retry_budget(RetryBudget::new(10, 5));
/// let client = Client::builder().pool(limits).build();
/// assert_eq!(client.stats().open, 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolLimits {
    /// Most connections over all keys: in use, idle and being opened. No other setting exceeds it.
    /// At the bound the pool closes an idle connection to make room; if none is idle, a call waits.
    /// 1,000 by default: most systems give a process 1,024 descriptors.
    ///
    /// A connection takes one descriptor. While addresses race, a connection that is being opened
    /// takes one for each attempt. A client of the blocking driver takes at most 16 more for all
    /// its threads, and a loop of the mio driver three more. When the system has no descriptor
    /// left, the pool treats the number of open connections as this bound for one second.
    pub open_max: usize,
    /// Most connections of one key: in use, idle and being opened. `usize::MAX` is urllib3's
    /// `block = false`. 100 by default.
    pub open_per_key_max: usize,
    /// Most idle connections of one key. One more is closed when it comes back. 32 by default.
    pub idle_per_key_max: usize,
    /// Most connections of one key that are being opened at the same time. 32 by default: a burst
    /// of calls must not flood the server's listen queue.
    pub dialing_per_key_max: usize,
    /// Most calls that wait for a connection, over all keys. One more is refused, unless a
    /// connection is idle for it or can be opened at once. 10,000 by default.
    pub waiting_max: usize,
    /// Most calls that wait for a connection of one key. 5,000 by default, half of `waiting_max`,
    /// so that a server that does not answer leaves as many places to all others. More calls would
    /// rarely be served in time: with 100 connections and 60 seconds to wait, each call would have
    /// to end within 1.2 seconds.
    pub waiting_per_key_max: usize,
    /// How long a connection may stay idle before the pool closes it. 60 seconds by default:
    /// servers close after 60 to 75.
    pub idle_max: Duration,
    /// How long after it was opened a connection may be used again. One that is in use then ends
    /// its exchange, and is closed. `None`, the default, is without bound.
    ///
    /// A name is looked up when a connection to it is opened. So this also bounds how long an
    /// address is used that the name no longer has. [`look_up_every`](field@Self::look_up_every)
    /// closes only the connections to such an address.
    pub age_max: Option<Duration>,
    /// By how much earlier than [`age_max`](field@Self::age_max) connections end, so that those that
    /// were opened together are not opened anew together. Their ends are spread evenly, in 16 steps,
    /// over this time before `age_max`. Zero by default; a tenth of `age_max` is usual.
    pub age_jitter: Duration,
    /// How often a name is looked up again while connections to it are open, whether they are idle
    /// or in use: this long after the first one was opened, and after each answer. A connection to
    /// an address that the answer does not have takes no new exchange: it is closed if it is idle,
    /// and otherwise when its exchange has ended. The name is that of the host, or of the nearest
    /// proxy. `None`, the default: a name is looked up only to open a connection.
    ///
    /// It is for services that move: a client that is always busy follows such a name without
    /// closing the connections that are still right, as [`age_max`](field@Self::age_max) would. Set
    /// it to about the time to live of the name's DNS records. It is off because it is wrong for a
    /// name with more addresses than one answer holds, as those of large content networks have: each
    /// answer has others, so that good connections would be closed all the time.
    ///
    /// An event loop asks in time. A driver whose threads are those of its calls asks when a call
    /// begins, gets a connection or ends; after a pause, the first call can still use an address that
    /// is gone.
    ///
    /// A look-up that fails, or finds no address, changes nothing; the next one comes after the same
    /// time. There is none where the host, or the nearest proxy, is an IP address, or where a Unix
    /// domain socket is used. A time below a millisecond counts as one.
    pub look_up_every: Option<Duration>,
    /// A connection that was idle for this time or longer is probed before it is used again: the
    /// driver looks, without waiting, whether the peer has closed it or has sent bytes that nobody
    /// asked for. Zero by default: every connection is probed, for every method.
    ///
    /// A longer time saves one system call for each request that may be repeated. For a request
    /// that may not be repeated, the connection is always probed. Within that time, a response that
    /// nobody asked for can be taken for the response to the next request. No setting helps against
    /// bytes that arrive after the probe and before the server reads the request: no HTTP/1.1
    /// client can tell them from its response.
    pub probe_after: Duration,
    /// The most retries that all calls together may make. `None`, the default: as many as the
    /// policies of the calls allow.
    pub retry_budget: Option<RetryBudget>,
    /// Most keys that keep idle connections (urllib3: `num_pools`). When the connection of one more
    /// key comes back, all idle connections of the key that got one back the longest ago are
    /// closed. With 0, no connection is kept. `usize::MAX`, the default, is without bound: the other
    /// bounds on idle connections count alone.
    pub idle_keys_max: usize,
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
            age_jitter: Duration::ZERO,
            look_up_every: None,
            probe_after: Duration::ZERO,
            retry_budget: None,
            idle_keys_max: usize::MAX,
        }
    }
}

impl PoolLimits {
    setters! {
        open_max: usize,
        open_per_key_max: usize,
        idle_per_key_max: usize,
        dialing_per_key_max: usize,
        waiting_max: usize,
        waiting_per_key_max: usize,
        idle_max: Duration,
        age_max: Option<Duration>,
        age_jitter: Duration,
        look_up_every: Option<Duration>,
        probe_after: Duration,
        retry_budget: Option<RetryBudget>,
        idle_keys_max: usize,
    }
}

/// A bound on the retries of all calls together, as a share of their requests, so that retries do
/// not add to the load of a server that already fails.
///
/// It is a token bucket, as in Finagle and gRPC (proposal A6). It holds at most `burst` retries and
/// starts full. A retry takes one out. A first attempt puts in `percent` hundredths of one. An
/// attempt that replaces a stale connection is no retry: it neither takes nor puts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryBudget {
    /// Retries for each hundred first attempts.
    pub percent: u32,
    /// Most retries in a row: the size of the bucket, which is full at the start. Zero counts as
    /// one.
    pub burst: u32,
}

impl RetryBudget {
    /// A budget of `percent` retries for each hundred first attempts, in a bucket of `burst`
    /// retries.
    pub const fn new(percent: u32, burst: u32) -> Self {
        Self { percent, burst }
    }

    setters! {
        percent: u32,
        burst: u32,
    }
}

impl Default for RetryBudget {
    /// Retries for a fifth of the first attempts, in a bucket of ten.
    fn default() -> Self {
        Self::new(20, 10)
    }
}
