//! Opens one connection: resolves names, tries or races addresses, passes proxies, starts TLS.
//!
//! A [`Dial`] turns a [key](crate::message::Key) into a byte stream that is ready for HTTP. It
//! handles racing, CONNECT, SOCKS and TLS within TLS; a driver's loop over [`Dial::next`] is the
//! same for all.
//!
//! # The machine
//!
//! A dial passes a list of stops: the proxies of the key, the nearest first, and then the peer. It
//! connects to the first stop by TCP, and asks each proxy for a tunnel to the next stop.
//!
//! ```text
//!  Resolve ──▶ Connect ──▶ at a stop ──▶ StartTls ──▶ the peer? ──▶ Ready
//!  (a name)    (a race)        ▲        (if https)       │ a proxy
//!                              │                         ▼
//!                              └── the tunnel ◀── Exchange ◀── Resolve
//!                                    stands                   (SOCKS4, SOCKS5)
//! ```
//!
//! | `next` | the driver | then calls |
//! |---|---|---|
//! | [`Resolve`](Next::Resolve) | begins a look-up | [`resolving`](Dial::resolving), or first [`resolve_queued`](Dial::resolve_queued) if the look-up has to wait; later [`resolved`](Dial::resolved) or [`resolve_failed`](Dial::resolve_failed) |
//! | [`Connect`](Next::Connect) | begins to connect | [`connecting`](Dial::connecting), later [`connected`](Dial::connected) or [`connect_failed`](Dial::connect_failed) |
//! | [`Abandon`](Next::Abandon) | closes a socket | [`abandoned`](Dial::abandoned) |
//! | [`Exchange`](Next::Exchange) | writes the bytes from [`poll_transmit`](Dial::poll_transmit), and reads | [`receive`](Dial::receive), or [`lost`](Dial::lost) |
//! | [`StartTls`](Next::StartTls) | performs a TLS handshake | [`tls_up`](Dial::tls_up) or [`tls_failed`](Dial::tls_failed) |
//! | [`Wait`](Next::Wait) | waits | the method for the next event, or [`handle_timeout`](Dial::handle_timeout) |
//! | [`Ready`](Next::Ready), [`Failed`](Next::Failed) | ends | |
//!
//! A driver that blocks during a look-up or a connect may leave out `resolving` and `connecting`.
//! Their deadlines do not run then.
//!
//! # Deadlines
//!
//! [`DialPolicy`] has a timeout for each look-up (applied again to its wait for a thread), one for
//! TCP and the answers of proxies together, and one for each TLS handshake.
//!
//! An address that does not answer must not use up the whole connect timeout, so each address has a
//! share of it: the rest of the connect timeout, or the time until the connection is
//! [needed](Dial::needed_by) if that is shorter, divided by the number of addresses left. When its
//! share has passed, the attempt is abandoned and the next address is tried. If addresses race, the
//! next attempt begins after [`DialPolicy::race_after`], or after the share if that is shorter, and
//! the earlier attempt continues. When an attempt fails, the next address is tried at once. The
//! failure of the last address becomes the error.
//!
//! # The guard
//!
//! The [`Guard`] of the policy judges every address before it is dialed, and what a proxy is asked
//! for before the proxy is dialed. [`Next::Connect`] never names a denied address. If all are
//! denied, the dial fails with [`DialError::Denied`].
//!
//! # Unix domain sockets
//!
//! If the key names a [Unix domain socket](crate::message::Key::with_unix), the first stop is reached
//! through it: [`Next::Connect`] names its path, and no name is looked up for that stop. A guard that
//! denies any address denies it too, unless it is [allowed](Guard::allow_unix_sockets).
//!
//! # Sockets
//!
//! Every socket is accounted for. Each attempt that has begun becomes the connection, is reported
//! as failed, or is abandoned by [`Next::Abandon`], even if the driver reports it late or out of
//! order. `Abandon` comes before every other answer of `next`, so no socket is open after
//! [`Next::Failed`].
//!
//! # Example
//!
//! ```
//! use httpool::{
//!     dial::{Dial, DialPolicy, Next},
//!     error::IoKind,
//!     message::{Key, Origin, Scheme, TlsId},
//!     time::Instant,
//! };
//!
//! let key = Key::direct(Origin::new(Scheme::Https, "example.com", 443));
//! let mut policy = DialPolicy::default();
//! policy.tls_available = true;
//! let now = Instant::from_nanos(0);
//!
//! let mut dial = Dial::new(&key, &policy, now);
//! assert_eq!(dial.next(), Next::Resolve { host: "example.com", port: 443 });
//! dial.resolving(now);
//! assert_eq!(dial.next(), Next::Wait);
//!
//! let (v6, v4) = ("[2001:db8::1]:443".parse()?, "192.0.2.1:443".parse()?);
//! dial.resolved(&[v6, v4], now);
//! assert_eq!(dial.next(), Next::Connect { attempt: 0, addr: &v6.into() });
//! dial.connecting(0, now);
//! dial.connect_failed(0, IoKind::Unreachable, now);
//! assert_eq!(dial.next(), Next::Connect { attempt: 1, addr: &v4.into() });
//! dial.connecting(1, now);
//! dial.connected(1, now);
//!
//! assert_eq!(dial.next(), Next::StartTls { tls: TlsId(0), name: "example.com" });
//! dial.tls_up("", now);
//! assert_eq!(dial.next(), Next::Ready { attempt: 1 });
//! # Ok::<(), core::net::AddrParseError>(())
//! ```

mod address;
mod clock;
mod guard;
mod judge;
mod machine;
mod policy;
mod race;
mod record;
mod refusal;
mod socks;
mod stage;
mod timings;
mod tunnel;

#[cfg(test)]
mod tests;

use core::{
    fmt,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
};

pub use guard::Guard;
pub use machine::Dial;
pub use policy::{DialPolicy, Families};
pub use refusal::ProxyResponse;
pub use timings::{Connected, DialTimings, Step, StepKind};

pub(crate) use record::Input;

use crate::{
    error::DialError,
    message::{PeerAddr, TlsId},
};

/// The next step for the driver. [`Dial::next`] returns the same step until the driver answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver must do every one of them")]
pub enum Next<'d> {
    /// Begin to look up a name.
    Resolve {
        /// The name. It is never an IP address, except an IPv6 address whose zone id is not a
        /// number: `fe80::1%eth0`, as `getaddrinfo` accepts it.
        host: &'d str,
        /// The port for the addresses.
        port: u16,
    },
    /// Begin to connect, from [`Key::local`](crate::message::Key::local) if that is set.
    Connect {
        /// The number of the attempt. Several can run at the same time.
        attempt: u8,
        /// The address to connect to.
        addr: &'d PeerAddr,
    },
    /// Close the socket of an attempt, if it has one.
    Abandon {
        /// The number of the attempt.
        attempt: u8,
    },
    /// Exchange bytes with a proxy, through all layers so far: write the bytes from
    /// [`poll_transmit`](Dial::poll_transmit), and pass the bytes read to
    /// [`receive`](Dial::receive). The socket is that of the [`winner`](Dial::winner).
    Exchange,
    /// Perform a TLS handshake as client, through all layers so far. An `https` proxy and an
    /// `https` peer each need one. The bytes that `receive` did not consume are its first input.
    StartTls {
        /// The TLS configuration to use.
        tls: TlsId,
        /// The server name to verify, and to send as SNI unless it is an IP address (given without
        /// brackets).
        name: &'d str,
    },
    /// Wait for an event, or until [`poll_timeout`](Dial::poll_timeout).
    Wait,
    /// The connection is ready for HTTP.
    Ready {
        /// The attempt whose socket is the connection.
        attempt: u8,
    },
    /// The dial has failed.
    Failed(DialError),
}

/// Stands for an address where the number of its attempt says enough.
static NOWHERE: PeerAddr =
    PeerAddr::Tcp(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)));

impl Next<'_> {
    fn without_names(self) -> Next<'static> {
        match self {
            Self::Resolve { port, .. } => Next::Resolve { host: "", port },
            Self::Connect { attempt, .. } => Next::Connect { attempt, addr: &NOWHERE },
            Self::Abandon { attempt } => Next::Abandon { attempt },
            Self::Exchange => Next::Exchange,
            Self::StartTls { tls, .. } => Next::StartTls { tls, name: "" },
            Self::Wait => Next::Wait,
            Self::Ready { attempt } => Next::Ready { attempt },
            Self::Failed(why) => Next::Failed(why),
        }
    }
}

/// Writes the step as in a trace: `connect 0 192.0.2.1:80`.
impl fmt::Display for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { host, port } => write!(f, "resolve {host}:{port}"),
            Self::Connect { attempt, addr } => write!(f, "connect {attempt} {addr}"),
            Self::Abandon { attempt } => write!(f, "abandon {attempt}"),
            Self::Exchange => f.write_str("exchange"),
            Self::StartTls { tls, name } => write!(f, "start-tls {} {name}", tls.0),
            Self::Wait => f.write_str("wait"),
            Self::Ready { attempt } => write!(f, "ready {attempt}"),
            Self::Failed(why) => write!(f, "failed {why:?}"),
        }
    }
}
