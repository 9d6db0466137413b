//! The actions and events that the client gives to a driver.

use alloc::string::String;
use core::{fmt, net::IpAddr};

use crate::{
    error::Failure,
    h1::{CloseReason, Connection, Reuse},
    id::{CallId, ConnId, LookUpId, SocketId},
    message::{BodyLeft, Fields, Head, OwnedFields, PeerAddr, TlsId},
    pool::Evicted,
    time::Deadline,
};

/// An action that the driver must perform once. Drain with
/// [`Client::poll_action`](super::Client::poll_action).
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a driver must know what to do with each")]
pub enum Action {
    /// Look up a name, then call [`Client::handle_resolved`](super::Client::handle_resolved) or
    /// [`Client::handle_resolve_failed`](super::Client::handle_resolve_failed). The look-up's
    /// deadline runs from now on, unless
    /// [`Client::handle_resolve_queued`](super::Client::handle_resolve_queued) reports that the
    /// look-up waits.
    Resolve {
        /// The connection to look the name up for.
        conn: ConnId,
        /// The name. It is never an IP address, except an IPv6 address whose zone id is not a
        /// number: `fe80::1%eth0`, as `getaddrinfo` accepts it.
        host: String,
        /// The port for the addresses.
        port: u16,
    },
    /// Stop the look-up of a name: nobody waits for its answer. Comes only if the look-up was not
    /// answered. A driver that cannot stop it ignores this, and the client ignores the answer.
    CancelResolve {
        /// The connection that the name was looked up for. Its id is stale already.
        conn: ConnId,
    },
    /// Look up a name that has open connections, in no case from a cache, then call
    /// [`Client::handle_looked_up`](super::Client::handle_looked_up). Comes only with
    /// [`look_up_every`](field@crate::limits::PoolLimits::look_up_every), once for each key before
    /// the answer. Nobody waits for the answer, so it has no deadline and is not cancelled.
    LookUp {
        /// The id of the look-up.
        look_up: LookUpId,
        /// The name. It is never an IP address.
        host: String,
        /// The port.
        port: u16,
    },
    /// Connect a socket, then call [`Client::handle_connected`](super::Client::handle_connected).
    ///
    /// While addresses race, several sockets are connected for one connection at the same time.
    Connect {
        /// The new socket.
        socket: SocketId,
        /// The connection to open.
        conn: ConnId,
        /// The address to connect to.
        addr: PeerAddr,
        /// The local address to connect from, if one is set.
        local: Option<IpAddr>,
    },
    /// Drop the cached DNS answer for a name, because one of its addresses refused a connection or
    /// timed out. A driver without a DNS cache ignores this.
    Refresh {
        /// The name.
        host: String,
        /// The port.
        port: u16,
    },
    /// Perform a TLS handshake as client, through all layers so far, then call
    /// [`Client::handle_tls`](super::Client::handle_tls). The bytes that were read and not consumed
    /// are its first input.
    StartTls {
        /// The socket.
        socket: SocketId,
        /// The TLS configuration to use.
        tls: TlsId,
        /// The server name to verify, and to send as SNI unless it is an IP address.
        name: String,
    },
    /// Send: call [`Client::poll_transmit`](super::Client::poll_transmit) when the socket is
    /// writable, and again whenever the bytes it returned have been written.
    Transmit {
        /// The socket to write to.
        socket: SocketId,
        /// Read once without blocking before the first write, because the connection is reused.
        /// This finds out in time that the peer has closed it, or has sent bytes that answer no
        /// request. See [`probe_after`](crate::limits::PoolLimits::probe_after).
        probe: bool,
    },
    /// Close a socket. Drop the input not consumed and the output not written. Its id is stale
    /// already. Each socket gets one `Close` or one [`HandOver`](Self::HandOver), unless the driver
    /// reported that it could not be connected. A `Close` that was queued before that report still
    /// comes.
    Close {
        /// The socket.
        socket: SocketId,
        /// The reason.
        why: Closed,
    },
    /// Hand the socket and the input not consumed to the application, because the connection now
    /// speaks another protocol (101, or a 2xx to CONNECT). The socket's id is stale already, and
    /// the call has ended.
    HandOver {
        /// The socket.
        socket: SocketId,
        /// The call that gets it.
        call: CallId,
    },
    /// Rewind the body to its start, then call [`Client::rewound`](super::Client::rewound)
    /// or [`Client::rewind_failed`](super::Client::rewind_failed).
    Rewind {
        /// The call with the body.
        call: CallId,
    },
    /// Tell the application to forget the head, the body and the 1xx heads of the response so far:
    /// its body has failed, and another attempt begins. Comes only with
    /// [`Policy::preload`](crate::call::Policy::preload).
    Restart {
        /// The call.
        call: CallId,
    },
    /// Decode what is left of the response's body, which is complete. Then call
    /// [`Client::body_used`](super::Client::body_used) or
    /// [`Client::body_unusable`](super::Client::body_unusable), and [`End`](Self::End) or
    /// [`Failed`](Self::Failed) follows. Comes only if the call has
    /// [`codings`](crate::call::Call::codings).
    CheckBody {
        /// The call.
        call: CallId,
    },
    /// Tell the application that the response has ended, with its trailer fields. The call has
    /// ended. This replaces [`Event::End`] if the response was complete while the request's body
    /// was still being sent, or if the response's body was [decoded](Self::CheckBody).
    End {
        /// The call.
        call: CallId,
        /// The trailer fields; empty if there were none.
        trailers: OwnedFields,
    },
    /// Drop the body of a call that was [discarded](super::Client::discard) while its body was
    /// being sent: no more of it is needed. The application is not told.
    BodyDone {
        /// The call with the body.
        call: CallId,
    },
    /// Tell the application that the call has failed: there is no response, or no more of it.
    Failed {
        /// The call.
        call: CallId,
        /// The failure.
        failure: Failure,
    },
}

impl Action {
    /// Returns the call whose application receives the action.
    pub(super) const fn call(&self) -> Option<CallId> {
        match self {
            Self::HandOver { call, .. }
            | Self::Rewind { call }
            | Self::Restart { call }
            | Self::CheckBody { call }
            | Self::End { call, .. }
            | Self::Failed { call, .. } => Some(*call),
            Self::BodyDone { .. }
            | Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Refresh { .. }
            | Self::CancelResolve { .. }
            | Self::LookUp { .. }
            | Self::StartTls { .. }
            | Self::Transmit { .. }
            | Self::Close { .. } => None,
        }
    }
}

/// Writes the action as in a log: `connect s0.0 c0.0 127.0.0.1:80`, `close s0.0 idle`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { conn, host, port } => write!(f, "resolve {conn} {host}:{port}"),
            Self::LookUp { look_up, host, port } => write!(f, "look-up {look_up} {host}:{port}"),
            Self::CancelResolve { conn } => write!(f, "cancel-resolve {conn}"),
            Self::Connect { socket, conn, addr, local } => {
                write!(f, "connect {socket} {conn} {addr}")?;
                local.map_or(Ok(()), |local| write!(f, " from {local}"))
            }
            Self::Refresh { host, port } => write!(f, "refresh {host}:{port}"),
            Self::StartTls { socket, tls, name } => {
                write!(f, "start-tls {socket} {} {name}", tls.0)
            }
            Self::Transmit { socket, probe } => {
                write!(f, "transmit {socket}{}", if *probe { " probe" } else { "" })
            }
            Self::Close { socket, why } => write!(f, "close {socket} {why}"),
            Self::HandOver { socket, call } => write!(f, "hand-over {socket} {call}"),
            Self::Rewind { call } => write!(f, "rewind {call}"),
            Self::Restart { call } => write!(f, "restart {call}"),
            Self::End { call, trailers } => {
                write!(f, "end {call}, {} B of trailers", trailers.fields().as_bytes().len())
            }
            Self::BodyDone { call } => write!(f, "body-done {call}"),
            Self::CheckBody { call } => write!(f, "check-body {call}"),
            Self::Failed { call, failure } => write!(f, "failed {call} {failure}"),
        }
    }
}

/// The reason why a socket is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// Its last exchange forbids reuse.
    Used(CloseReason),
    /// The pool removed it.
    Evicted(Evicted),
    /// Its call ended, or continued elsewhere, before the exchange was complete.
    Unfinished,
    /// It was being opened, and was not needed any more: another address won the race, took its
    /// turn, or nobody waits for the connection.
    Abandoned,
    /// Its connection could not be opened.
    Failed,
}

impl Closed {
    /// Returns the reason to close the connection that a call may not keep: for a driver, after
    /// [`Call::released`](crate::call::Call::released) has returned false. `rest` is the input that
    /// was passed to it.
    pub fn after(conn: &Connection, rest: &[u8]) -> Self {
        match conn.reuse() {
            Reuse::Never(why) => Self::Used(why),
            Reuse::Ready if !rest.is_empty() => Self::Used(CloseReason::Unsolicited),
            Reuse::Ready | Reuse::NotYet => Self::Unfinished,
        }
    }

    /// Returns the reason as one word for a log: that of [`CloseReason::name`] or
    /// [`Evicted::name`], `unfinished`, `abandoned` or `failed`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Used(why) => why.name(),
            Self::Evicted(why) => why.name(),
            Self::Unfinished => "unfinished",
            Self::Abandoned => "abandoned",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Used(why) => write!(f, "used {why:?}"),
            Self::Evicted(why) => write!(f, "{why}"),
            Self::Unfinished => f.write_str("unfinished"),
            Self::Abandoned => f.write_str("abandoned"),
            Self::Failed => f.write_str("failed"),
        }
    }
}

/// An event parsed from received bytes, with its call. It borrows only from the input, so the
/// client can be used while the event is held.
///
/// A call's events come in this order: `Interim* Head Data* End`. After [`Action::Restart`] they
/// begin anew. [`Action::End`],
/// [`Action::Failed`] or [`Action::HandOver`] cut it short. No event follows the end, or a
/// [`cancel`](super::Client::cancel) by the application.
#[must_use = "what was received is in it"]
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every case")]
pub enum Event<'i> {
    /// A 1xx head, if the call's policy shows them.
    Interim(CallId, Head<'i>),
    /// The final head.
    Head(CallId, Head<'i>),
    /// A piece of the body, without framing; never empty.
    Data(CallId, &'i [u8]),
    /// The end of the response, with its trailer fields. The call has ended. If the request's body
    /// is still being sent, [`Action::End`] comes instead, once it has been sent.
    End(CallId, Fields<'i>),
}

/// Writes the event as in a log: `head a0.0 200`, `data a0.0 5 B`, `end a0.0`.
impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interim(call, head) => write!(f, "interim {call} {}", head.status()),
            Self::Head(call, head) => write!(f, "head {call} {}", head.status()),
            Self::Data(call, data) => write!(f, "data {call} {} B", data.len()),
            Self::End(call, _) => write!(f, "end {call}"),
        }
    }
}

/// The result of [`Client::receive`](super::Client::receive).
#[must_use = "what was received is in it"]
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every case")]
pub enum Step<'i> {
    /// More bytes are needed for the next event. Put the bytes not consumed in front of them.
    NeedInput,
    /// Bytes were consumed without an event for the application. Go on with the rest.
    Skipped,
    /// An event for the application.
    Event(Event<'i>),
}

/// The body bytes that may be written after the bytes that were appended.
#[must_use = "a body that is not asked for is never sent"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every case")]
pub enum Transmit {
    /// No body bytes.
    Nothing,
    /// Up to `max` bytes of the body of `call`: get them from the application, and call
    /// [`Client::send_body`](super::Client::send_body). If the application has none yet, call
    /// [`Client::body_ready`](super::Client::body_ready) later, which leads to another
    /// [`Action::Transmit`].
    Body {
        /// The call with the body.
        call: CallId,
        /// The maximum number of bytes; unknown for a chunked body.
        max: BodyLeft,
    },
}

/// The reason for the time that [`Client::poll_timeout`](super::Client::poll_timeout) returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A deadline of a call.
    Call(CallId, Deadline),
    /// A deadline of a connection that is being opened.
    Dial(ConnId, Deadline),
    /// The expiry of an idle connection, the time to look a name up again, or the time to retry
    /// dials after a shortage of file descriptors.
    Idle,
}
