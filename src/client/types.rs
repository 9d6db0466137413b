//! What a driver is told.

use alloc::string::String;
use core::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use crate::{
    error::Failure,
    h1::CloseReason,
    id::{CallId, ConnId},
    message::{BodyLeft, Fields, Head, OwnedFields, TlsId},
    pool::Evicted,
    time::Deadline,
};

/// What the driver must do, once. Drain with [`Client::poll_action`](super::Client::poll_action).
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a driver must know what to do with each")]
pub enum Action {
    /// Look up a name, then [`Client::handle_resolved`](super::Client::handle_resolved) or
    /// [`Client::handle_resolve_failed`](super::Client::handle_resolve_failed). The clock of the
    /// look-up runs from now on, unless
    /// [`Client::handle_resolve_queued`](super::Client::handle_resolve_queued) says that it waits.
    Resolve {
        /// For which connection.
        conn: ConnId,
        /// The name. Never an address, but for an IPv6 address whose zone id is no number:
        /// `fe80::1%eth0`, as `getaddrinfo` takes it.
        host: String,
        /// The port that the addresses are to have.
        port: u16,
    },
    /// Connect, then [`Client::handle_connected`](super::Client::handle_connected).
    Connect {
        /// For which connection.
        conn: ConnId,
        /// Its number: several may be under way for one connection.
        attempt: u8,
        /// Where to.
        addr: SocketAddr,
        /// The address to connect from, if that matters.
        local: Option<IpAddr>,
    },
    /// An address that was looked up for this name has refused a connection, or has not answered in
    /// its time: an answer that is kept should not be given again. Whoever keeps none has nothing to
    /// do.
    Refresh {
        /// The name.
        host: String,
        /// The port.
        port: u16,
    },
    /// Close that attempt's socket, if it is still open: where news of an attempt came late, this
    /// is said of it twice.
    Abandon {
        /// Of which connection.
        conn: ConnId,
        /// Which.
        attempt: u8,
    },
    /// Shake hands as client over all that is there already, then
    /// [`Client::handle_tls`](super::Client::handle_tls). What was read and not taken is the
    /// handshake's first input.
    StartTls {
        /// On which connection.
        conn: ConnId,
        /// With which configuration.
        tls: TlsId,
        /// To be verified, and sent as SNI unless it is an address.
        name: String,
    },
    /// There is something to send: call [`Client::poll_transmit`](super::Client::poll_transmit)
    /// when the socket has room, and again whenever what it gave has left.
    Transmit {
        /// On which connection.
        conn: ConnId,
        /// The connection has been used before: read once before the first write, without waiting.
        /// A connection that the peer has closed, or on which it has sent bytes that nobody asked
        /// for, is then found out while nothing is lost. See
        /// [`probe_after`](crate::limits::PoolLimits::probe_after).
        probe: bool,
    },
    /// Close its socket, and those of all attempts and the look-up for it, and drop what was read
    /// and not taken and what was not written. Its id is stale already.
    Close {
        /// Which.
        conn: ConnId,
        /// Why.
        why: Closed,
    },
    /// Another protocol is spoken now (101, or a 2xx to CONNECT): the socket and the input not
    /// taken are the application's. The connection's id is stale already; the call has ended.
    HandOver {
        /// Which.
        conn: ConnId,
        /// To whom.
        call: CallId,
    },
    /// Give the body from its start again, then [`Client::rewound`](super::Client::rewound).
    Rewind {
        /// Whose.
        call: CallId,
    },
    /// Tell the application: the response, which was complete before, has its end, with trailer fields
    /// if there were any. The call has ended. Said in place of [`Event::End`] where that came while the
    /// request's body was still going out.
    End {
        /// Which.
        call: CallId,
        /// The trailer fields.
        trailers: OwnedFields,
    },
    /// The body of a call that was [discarded](super::Client::discard) while it was being sent is needed
    /// no more. The application hears nothing of it.
    BodyDone {
        /// Whose.
        call: CallId,
    },
    /// Tell the application: there will be no (more) response. The call has ended.
    Failed {
        /// Which.
        call: CallId,
        /// Why.
        failure: Failure,
    },
}

impl Action {
    /// The call that the application is to hear of.
    pub(super) const fn call(&self) -> Option<CallId> {
        match self {
            Self::HandOver { call, .. }
            | Self::Rewind { call }
            | Self::End { call, .. }
            | Self::Failed { call, .. } => Some(*call),
            Self::BodyDone { .. }
            | Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Refresh { .. }
            | Self::Abandon { .. }
            | Self::StartTls { .. }
            | Self::Transmit { .. }
            | Self::Close { .. } => None,
        }
    }
}

/// `connect c0.0 0 127.0.0.1:80`, `close c0.0 idle`: as in a log.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { conn, host, port } => write!(f, "resolve {conn} {host}:{port}"),
            Self::Connect { conn, attempt, addr, local } => {
                write!(f, "connect {conn} {attempt} {addr}")?;
                local.map_or(Ok(()), |local| write!(f, " from {local}"))
            }
            Self::Refresh { host, port } => write!(f, "refresh {host}:{port}"),
            Self::Abandon { conn, attempt } => write!(f, "abandon {conn} {attempt}"),
            Self::StartTls { conn, tls, name } => write!(f, "start-tls {conn} {} {name}", tls.0),
            Self::Transmit { conn, probe } => {
                write!(f, "transmit {conn}{}", if *probe { " probe" } else { "" })
            }
            Self::Close { conn, why } => write!(f, "close {conn} {why}"),
            Self::HandOver { conn, call } => write!(f, "hand-over {conn} {call}"),
            Self::Rewind { call } => write!(f, "rewind {call}"),
            Self::End { call, trailers } => {
                write!(f, "end {call}, {} B of trailers", trailers.fields().as_bytes().len())
            }
            Self::BodyDone { call } => write!(f, "body-done {call}"),
            Self::Failed { call, failure } => write!(f, "failed {call} {failure}"),
        }
    }
}

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// It cannot serve another request.
    Used(CloseReason),
    /// The pool let it go.
    Evicted(Evicted),
    /// Its call ended, or went on without it, before it had been used to the end.
    Unfinished,
    /// It was being opened, and nobody needs it any more.
    Abandoned,
    /// It could not be opened.
    Failed,
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

/// What received bytes meant, and for which call. Everything borrowed is borrowed from the input,
/// so the client may be used while an event is held.
///
/// Of one call there come `Interim* Head Data* End`, or as much of that as there is until
/// [`Action::End`], [`Action::Failed`] or [`Action::HandOver`]. Nothing comes after the end, nor after
/// the application has [cancelled](super::Client::cancel) it.
#[must_use = "what was received is in it, and the end of a body that ends with the connection"]
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every case")]
pub enum Event<'i> {
    /// Nothing more without further bytes. What was not taken is presented again, in front of them.
    NeedInput,
    /// Input was taken that is for nobody: go on with the rest.
    Skipped,
    /// A 1xx head, if the call's policy shows them.
    Interim(CallId, Head<'i>),
    /// The response's head.
    Head(CallId, Head<'i>),
    /// A piece of its body, framing removed; never empty.
    Data(CallId, &'i [u8]),
    /// The response is complete, with trailer fields if there were any. The call has ended. Where the
    /// request's body is still going out, [`Action::End`] says so when it has left.
    End(CallId, Fields<'i>),
}

/// What may be written to a connection, behind what was appended.
#[must_use = "a body that is not asked for is never sent"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every case")]
pub enum Transmit {
    /// No more than was appended.
    Nothing,
    /// Up to `max` bytes of the body of `call`. Ask the application, then
    /// [`Client::send_body`](super::Client::send_body). If it has nothing yet, leave it:
    /// [`Client::body_ready`](super::Client::body_ready) brings another [`Action::Transmit`].
    Body {
        /// Whose.
        call: CallId,
        /// At most so many bytes; unknown for a body that is sent chunked.
        max: BodyLeft,
    },
}

/// What [`Client::poll_timeout`](super::Client::poll_timeout) waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A deadline of a call.
    Call(CallId, Deadline),
    /// A deadline of a connection that is being opened.
    Dial(ConnId, Deadline),
    /// An idle connection's time to be closed, or the time to try again to open what there were no
    /// descriptors for.
    Idle,
}
