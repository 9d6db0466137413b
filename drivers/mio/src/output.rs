//! What a program is told.

use httpool::{
    id::CallId,
    message::{Fields, Head},
};
use mio::net::TcpStream;

use crate::Error;

/// What has come of a call. What is borrowed is borrowed from the loop's buffer, for the time of the
/// closure it is handed to.
///
/// Of one call there come `Interim* Head Data*` and then one of the last three, exactly one; or
/// nothing any more from the moment when it is [cancelled](crate::Client::cancel) or
/// [discarded](crate::Client::discard). While it is [paused](crate::Client::pause) nothing comes but
/// a failure.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a program should handle every case")]
pub enum Output<'o> {
    /// A 1xx head, if [`Policy::show_interim`](httpool::call::Policy::show_interim) is set.
    Interim(CallId, Head<'o>),
    /// The response's head. [`Client::call`](crate::Client::call) knows what came before it.
    Head(CallId, Head<'o>),
    /// A piece of its body, framing removed; never empty.
    Data(CallId, &'o [u8]),
    /// The response is complete, with its trailer fields (RFC 9110 6.5), if there were any, and the
    /// request has left, or the response has ended its sending
    /// ([`Call::body_taken`](httpool::call::Call::body_taken) of [`Client::call`](crate::Client::call)
    /// counts then). The call has ended.
    End(CallId, Fields<'o>),
    /// After a head with 101, or a 2xx to CONNECT: the connection, which is no longer HTTP. The call
    /// has ended.
    Switched(CallId, Switched),
    /// There will be no (more) response. The call has ended.
    Failed(CallId, Error),
}

impl Output<'_> {
    /// Of which call.
    pub const fn call(&self) -> CallId {
        match self {
            Self::Interim(call, _)
            | Self::Head(call, _)
            | Self::Data(call, _)
            | Self::End(call, _)
            | Self::Switched(call, _)
            | Self::Failed(call, _) => *call,
        }
    }
}

/// A connection that is no longer HTTP. Its socket does not block, and is registered nowhere.
pub type Switched = httpool_kit::Switched<TcpStream>;
