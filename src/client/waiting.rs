//! Describes what a call is waiting for.

use core::fmt;

use super::{Client, run::Running};
use crate::{
    call::Next,
    dial,
    error::Phase,
    message::Key,
    time::{Deadline, Instant},
};

/// The thing that a call is waiting for. `Display` writes it as a phrase for people. See
/// [`Client::why`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waiting<'c> {
    /// Waiting in the queue for a connection with this key. No dial runs for the call.
    Line(&'c Key),
    /// Waiting for a connection with this key to open, and for the given step of that.
    Dial(&'c Key, Opening),
    /// Waiting for the application to rewind the body.
    Rewind,
    /// Waiting for the application to supply more of the body.
    Body,
    /// Waiting for the socket to become writable.
    Room,
    /// Waiting for a 100 (Continue) from the server.
    Continue,
    /// Waiting for the head of the response.
    Head,
    /// Waiting for more of the response's body.
    Data,
    /// Waiting for the rest of a discarded body.
    Drain,
    /// Waiting for the application to resume reading, or for the body to be decoded.
    Reader,
    /// Waiting for the time of the next attempt.
    Pause(Option<Instant>),
    /// Not waiting: the call has ended.
    Nothing,
}

/// The step that a connection being opened is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Opening {
    /// The look-up of a name.
    Name,
    /// The TCP connect.
    Tcp,
    /// A proxy's answer.
    Proxy,
    /// A TLS handshake.
    Tls,
}

impl<'c> Waiting<'c> {
    pub(super) fn of(client: &'c Client, running: &'c Running) -> Self {
        let call = &running.call;
        match call.next() {
            Next::Checkout => {
                let conn = running.ticket.and_then(|ticket| client.pool.dial_of(ticket));
                match conn.and_then(|conn| client.dials.get(conn)) {
                    Some(it) => Self::Dial(call.key(), Opening::of(&it.dial)),
                    None => Self::Line(call.key()),
                }
            }
            Next::Rewind => Self::Rewind,
            Next::SendBody(_) if !call.is_writing() => Self::Body,
            Next::Exchange | Next::SendBody(_) => {
                let held = matches!(call.poll_timeout(), Some((_, Deadline::Continue)));
                if call.is_paused() {
                    Self::Reader
                } else if call.is_draining() {
                    Self::Drain
                } else if call.phase() == Phase::Body {
                    Self::Data
                } else if call.is_writing() {
                    Self::Room
                } else if held {
                    Self::Continue
                } else {
                    Self::Head
                }
            }
            Next::CheckBody => Self::Reader,
            Next::Wait => Self::Pause(call.poll_timeout().map(|(at, _)| at)),
            Next::Leave
            | Next::Restart
            | Next::Release
            | Next::HandOver
            | Next::Done
            | Next::Failed(_) => Self::Nothing,
        }
    }
}

impl Opening {
    fn of(dial: &dial::Dial) -> Self {
        let next = dial.next();
        if dial.is_resolving() {
            Self::Name
        } else if next == dial::Next::Exchange {
            Self::Proxy
        } else if let dial::Next::StartTls { .. } = next {
            Self::Tls
        } else {
            Self::Tcp
        }
    }
}

impl fmt::Display for Waiting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(key) => write!(f, "its turn for a connection to {key}"),
            Self::Dial(key, Opening::Name) => {
                write!(f, "a connection to {key}, whose name is being looked up")
            }
            Self::Dial(key, Opening::Tcp) => write!(f, "a connection to {key}, over TCP"),
            Self::Dial(key, Opening::Proxy) => {
                write!(f, "a connection to {key}: for the answer of a proxy")
            }
            Self::Dial(key, Opening::Tls) => {
                write!(f, "a connection to {key}: for the end of the TLS handshake")
            }
            Self::Rewind => f.write_str("the application, to give the body from its start again"),
            Self::Body => f.write_str("the application, for more of the body"),
            Self::Room => f.write_str("the socket, to take more of the request"),
            Self::Continue => f.write_str("the server, for a 100 (Continue)"),
            Self::Head => f.write_str("the server, for the head of its response"),
            Self::Data => f.write_str("the server, for more of the response's body"),
            Self::Drain => f.write_str("the server, for the rest of a body that nobody wants"),
            Self::Reader => f.write_str("the application, to go on reading"),
            Self::Pause(Some(at)) => write!(f, "the time of its next attempt, {at}"),
            Self::Pause(None) => f.write_str("the time of its next attempt"),
            Self::Nothing => f.write_str("nothing: it is over"),
        }
    }
}
