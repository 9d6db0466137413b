//! One connection's way from a key to ready: names, addresses in turn or racing, proxies, TLS.
//!
//! A [`Dial`] ends as a byte stream on which HTTP may begin. Racing, CONNECT, SOCKS and TLS within
//! TLS change what happens in here; a driver's loop over [`Dial::next`] is the same for all.
//!
//! # The machine
//!
//! The way has stops: the proxies of the [key](crate::message::Key), nearest first, and at its end
//! the peer. TCP leads to the first stop, and each proxy is asked for the next one.
//!
//! ```text
//!  Resolve ──▶ Connect ──▶ at a stop ──▶ StartTls ──▶ the peer? ──▶ Ready
//!  (a name)    (a race)        ▲        (if https)       │ a proxy
//!                              │                         ▼
//!                              └── the tunnel ◀── Exchange ◀── Resolve
//!                                    stands                   (SOCKS4, SOCKS5)
//! ```
//!
//! | `next` | what the driver does | what it then says |
//! |---|---|---|
//! | [`Resolve`](Next::Resolve) | begins a look-up | [`resolving`](Dial::resolving), or first [`resolve_queued`](Dial::resolve_queued) where it has to wait; later [`resolved`](Dial::resolved) or [`resolve_failed`](Dial::resolve_failed) |
//! | [`Connect`](Next::Connect) | begins to connect | [`connecting`](Dial::connecting), later [`connected`](Dial::connected) or [`connect_failed`](Dial::connect_failed) |
//! | [`Abandon`](Next::Abandon) | closes a socket | [`abandoned`](Dial::abandoned) |
//! | [`Exchange`](Next::Exchange) | writes what [`poll_transmit`](Dial::poll_transmit) gives, and reads | [`receive`](Dial::receive), or [`lost`](Dial::lost) |
//! | [`StartTls`](Next::StartTls) | shakes hands | [`tls_up`](Dial::tls_up) or [`tls_failed`](Dial::tls_failed) |
//! | [`Wait`](Next::Wait) | waits | whatever comes, or [`handle_timeout`](Dial::handle_timeout) |
//! | [`Ready`](Next::Ready), [`Failed`](Next::Failed) | ends | |
//!
//! A driver that waits for a look-up or a connect in place may leave out `resolving` and
//! `connecting`; their clocks do not run then.
//!
//! # Deadlines
//!
//! [`Policy`] has one for each look-up (and the same again for its wait for a thread), one for TCP
//! and the answers of proxies together, and one for each handshake.
//!
//! An address that does not answer must not take all the time there is. Each address has its share:
//! the time that is left for connecting, or until the connection is
//! [needed](Dial::needed_by), whichever is less, divided by the addresses that are left. When its
//! share has passed, the attempt is abandoned for the next. Where addresses race, the next attempt
//! begins after [`Policy::race_after`], or after the share if that is less, and the one before goes
//! on. An attempt that fails makes room for the next at once. When the last one fails, its reason
//! becomes the error.
//!
//! # Sockets
//!
//! No socket is forgotten: each attempt that has begun becomes the connection, is reported failed, or
//! is asked to be abandoned, however late and out of turn a driver speaks of it. That comes before
//! everything else, so after [`Next::Failed`] none is open.
//!
//! # Example
//!
//! ```
//! use httpool::{
//!     dial::{Dial, Next, Policy},
//!     error::IoKind,
//!     message::{Key, Origin, Scheme, TlsId},
//!     time::Instant,
//! };
//!
//! let key = Key::direct(Origin::new(Scheme::Https, "example.com", 443));
//! let mut policy = Policy::default();
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
//! assert_eq!(dial.next(), Next::Connect { attempt: 0, addr: v6 });
//! dial.connecting(0, now);
//! dial.connect_failed(0, IoKind::Unreachable, now);
//! assert_eq!(dial.next(), Next::Connect { attempt: 1, addr: v4 });
//! dial.connecting(1, now);
//! dial.connected(1, now);
//!
//! assert_eq!(dial.next(), Next::StartTls { tls: TlsId(0), name: "example.com" });
//! dial.tls_up(now);
//! assert_eq!(dial.next(), Next::Ready { attempt: 1 });
//! # Ok::<(), core::net::AddrParseError>(())
//! ```

mod machine;
mod policy;
mod race;
mod record;
mod socks;
mod tunnel;

#[cfg(test)]
mod tests;

use core::{fmt, net::SocketAddr};

pub use machine::Dial;
pub use policy::Policy;

use crate::{error::DialError, message::TlsId};

/// What the driver must do next; asked again, the same, until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver must do every one of them")]
pub enum Next<'d> {
    /// Begin to look up a name.
    Resolve {
        /// The name. Never an address, but for an IPv6 address whose zone id is no number:
        /// `fe80::1%eth0`, as `getaddrinfo` takes it.
        host: &'d str,
        /// The port that the addresses are to have.
        port: u16,
    },
    /// Begin to connect, from [`Key::local`](crate::message::Key::local) if that is given.
    Connect {
        /// Its number: several may be under way.
        attempt: u8,
        /// Where to.
        addr: SocketAddr,
    },
    /// Close that attempt's socket, if it has one.
    Abandon {
        /// Which.
        attempt: u8,
    },
    /// Speak to a proxy, over all that is there already: write what
    /// [`poll_transmit`](Dial::poll_transmit) gives, and pass what is read to
    /// [`receive`](Dial::receive). The socket is the [`winner`](Dial::winner)'s.
    Exchange,
    /// Shake hands as client, over all that is there already: through an `https` proxy to an `https`
    /// peer this comes twice. What `receive` has left is the handshake's first input.
    StartTls {
        /// With which configuration.
        tls: TlsId,
        /// To be verified, and sent as SNI unless it is an address (which has no brackets here).
        name: &'d str,
    },
    /// Wait for what is under way, or [`poll_timeout`](Dial::poll_timeout).
    Wait,
    /// Done: HTTP to the peer may begin.
    Ready {
        /// Whose socket it is.
        attempt: u8,
    },
    /// It cannot be done.
    Failed(DialError),
}

impl Next<'_> {
    fn without_names(self) -> Next<'static> {
        match self {
            Self::Resolve { port, .. } => Next::Resolve { host: "", port },
            Self::Connect { attempt, addr } => Next::Connect { attempt, addr },
            Self::Abandon { attempt } => Next::Abandon { attempt },
            Self::Exchange => Next::Exchange,
            Self::StartTls { tls, .. } => Next::StartTls { tls, name: "" },
            Self::Wait => Next::Wait,
            Self::Ready { attempt } => Next::Ready { attempt },
            Self::Failed(why) => Next::Failed(why),
        }
    }
}

/// As in a trace: `connect 0 192.0.2.1:80`.
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
