//! The events that a program gets.

use httpool::{
    id::CallId,
    message::{Fields, Head},
};

use crate::{Client, Error, Stream};

/// An event of a call. Borrowed data is in the loop's buffer and is valid until the closure
/// returns.
///
/// The outputs of one call come in this order: `Interim* Head Data*`, and then either `End` or
/// `Switched`. After a `Restart` they begin anew. `Failed` may come at any point, and is then the
/// last. After the call is [cancelled](crate::Client::cancel) or
/// [discarded](crate::Client::discard), none come. While it is [paused](crate::Client::pause), only
/// `Failed` and `Restart` can come.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a program should handle every case")]
pub enum Output<'o> {
    /// A 1xx head, if [`Policy::show_interim`](httpool::call::Policy::show_interim) is set.
    Interim(CallId, Head<'o>),
    /// The response's head. [`Client::call`](crate::Client::call) returns the redirects and failed
    /// attempts before it.
    Head(CallId, Head<'o>),
    /// A piece of the response's body, without framing, and decoded if the request
    /// [decodes](crate::RequestBuilder::decode). Never empty. A decoded piece has at most 64 KiB.
    Data(CallId, &'o [u8]),
    /// The body of the response has failed, and another attempt begins: forget what came before.
    /// Comes only with [`Policy::preload`](httpool::call::Policy::preload).
    Restart(CallId),
    /// The response is complete, with its trailer fields, if there are any (RFC 9110 6.5). The
    /// request was sent whole, or the response has ended its sending; then
    /// [`Call::body_taken`](httpool::call::Call::body_taken) of
    /// [`Client::call`](crate::Client::call) tells how much of it was taken. The call has ended.
    End(CallId, Fields<'o>),
    /// The connection, which is no longer HTTP, after a head with 101 (Switching Protocols) or a
    /// 2xx to CONNECT. The call has ended.
    Switched(CallId, Switched),
    /// The call has failed: there is no response, or the response is incomplete. The call has
    /// ended.
    Failed(CallId, Error),
}

impl Output<'_> {
    /// Returns the call of this output.
    pub const fn call(&self) -> CallId {
        match self {
            Self::Interim(call, _)
            | Self::Head(call, _)
            | Self::Data(call, _)
            | Self::Restart(call)
            | Self::End(call, _)
            | Self::Switched(call, _)
            | Self::Failed(call, _) => *call,
        }
    }
}

/// The closure of the application, which takes the outputs.
pub(crate) type App<'a> = dyn FnMut(&mut Client, Output<'_>) + 'a;

/// A connection that is no longer HTTP. Its socket is non-blocking and not registered with a poll.
pub type Switched = httpool_kit::Switched<Stream>;
