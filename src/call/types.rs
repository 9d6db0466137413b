//! The steps that a call asks of a driver, and the record of its earlier attempts.

use crate::{
    error::{Cause, Failure},
    message::{BodyLeft, Method, Status, Url},
};

#[expect(unused_imports, reason = "named in the docs")]
use super::Call;

/// The next step of a call, for the driver to perform. The [table](super) shows the answer to each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver must do every one of them")]
pub enum Next {
    /// Get a connection to [`Call::key`], then call [`Call::start`] or [`Call::lease_failed`].
    Checkout,
    /// Cancel the ticket in the pool, then call [`Call::left`]: no connection was opened for the
    /// call in time.
    Leave,
    /// Set the source of the request's body back to its start, then call [`Call::rewound`] or
    /// [`Call::rewind_failed`].
    Rewind,
    /// Forget the head and the body of the response so far, then call [`Call::restarted`]: another
    /// attempt begins. Comes only with [`Policy::preload`](field@super::Policy::preload).
    Restart,
    /// Write the bytes that were handed out, and read the response.
    Exchange,
    /// As `Exchange`, and bytes of the request's body may be sent, at most this many. Go on
    /// reading: a driver that waits, waits until the socket can be read or written.
    SendBody(BodyLeft),
    /// Decode what is left of the response's body, which is complete, and then call
    /// [`Call::body_used`] or [`Call::body_unusable`]. Comes only if the call has
    /// [`codings`](Call::codings).
    CheckBody,
    /// Wait until [`Call::poll_timeout`]: the pause before another attempt. No connection is held.
    Wait,
    /// Call [`Call::released`], then give the connection back to the pool.
    Release,
    /// Give the socket, and the input that was not taken, to the application: the response is a
    /// 101, or a 2xx to CONNECT. Give the lease back to the pool as discarded. The call has ended.
    HandOver,
    /// The response is complete. The call has ended.
    Done,
    /// There is no response, or only a part of one. The call has ended.
    Failed(Failure),
}

/// Whether a connection has served a request before the one that [`Call::start`] begins on it. A
/// server may close a connection that it has served at any moment, so a request that finds it
/// closed can be [sent again](super#stale-connections).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it has or it has not")]
pub enum Reused {
    /// The connection is new.
    No,
    /// The connection has served another request.
    Yes,
}

/// `true` is [`Yes`](Self::Yes).
impl From<bool> for Reused {
    fn from(reused: bool) -> Self {
        if reused { Self::Yes } else { Self::No }
    }
}

/// The outcome of an attempt that was followed by another (urllib3: `RequestHistory`): a followed
/// redirect, or a failed attempt that was retried.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HistoryEntry {
    /// The method of that attempt.
    pub method: Method,
    /// The URL of that attempt.
    pub url: Url,
    /// The status of its response, if there was one.
    pub status: Option<Status>,
    /// The reason why it failed, if it had no response.
    pub cause: Option<Cause>,
}
