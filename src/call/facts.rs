//! Returns facts about a call, to a driver and to an application.

use super::{HistoryEntry, Policy, attempt::Reader, machine::Call, state::State};
use crate::{
    error::Reached,
    message::{BodyLeft, Hop, Key, Origin, Request, Status},
    pool::Want,
};

#[expect(unused_imports, reason = "named in the docs")]
use super::Next;

impl Call {
    /// The key of the connection to get. For [`Next::Checkout`].
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Whether the connections of the current attempt go to a proxy: one that forwards, or one that
    /// opens a tunnel.
    pub fn goes_to_proxy(&self) -> bool {
        self.forwards || !self.key.hops().is_empty()
    }

    /// Whether the current request goes to a proxy that forwards it. The session of its connection
    /// is then the proxy's, also if the origin has the scheme `https`.
    pub fn is_forwarded(&self) -> bool {
        self.forwards
    }

    /// Returns the proxy that the connections of the current attempt are opened to: the nearest
    /// one, if there are several.
    pub fn nearest_proxy(&self) -> Option<&Origin> {
        let forwarder = || Some(self.key.peer()).filter(|_| self.forwards);
        self.key.hops().first().map(Hop::proxy).or_else(forwarder)
    }

    /// The kind of connection to get. For [`Next::Checkout`].
    pub fn want(&self) -> Want {
        Want {
            fresh: self.fresh,
            repeatable: self.request.is_repeatable(),
            retry: self.retrying.is_some(),
        }
    }

    /// The policy of the call.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The current request: after a followed redirect, the one that was sent to its target.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The request of the next attempt, once a response redirects the call and until the attempt
    /// begins. Otherwise the current one.
    pub fn next_request(&self) -> &Request {
        self.redirected.as_ref().unwrap_or(&self.request)
    }

    /// The earlier attempts: one entry for each followed redirect and each retried attempt, the
    /// first one first.
    pub fn history(&self) -> &[HistoryEntry] {
        &self.history
    }

    /// The status of the final response of the current attempt, once its head has come.
    pub fn status(&self) -> Option<Status> {
        self.attempt.answered.then(|| Status::new(self.attempt.status))?
    }

    /// Whether the call has failed because the policy allows no more retries or redirects. The
    /// failure is then that of the last attempt (urllib3: the `reason` of a `MaxRetryError`). False
    /// if the failure is one that is never retried, if the method does not allow it, and if the
    /// policy [disables](field@super::Retry::disabled) retries.
    pub fn retries_spent(&self) -> bool {
        self.spent
    }

    /// The bytes of the response's body that came before the connection ended inside it, and those
    /// that were still to come, as far as that is known: the rest of Content-Length, or of the
    /// current chunk. Before content codings are removed (urllib3: `IncompleteRead.partial` and
    /// `expected`). `None` if the connection has not ended inside the body.
    pub fn incomplete(&self) -> Option<(u64, BodyLeft)> {
        self.attempt.cut.map(|left| (self.attempt.received, left))
    }

    /// Whether the bytes that were handed out must still be written. False when an early response
    /// has stopped the request (RFC 9112 9.5), or writing has failed.
    pub fn sends(&self) -> bool {
        !self.attempt.given_up
    }

    /// Whether bytes that were handed out are still to be written.
    pub fn is_writing(&self) -> bool {
        self.attempt.unwritten > 0 && self.sends() && matches!(self.state, State::Exchange)
    }

    /// How far the request has got, over all attempts. Decides whether it is safe to ask again.
    pub fn reached(&self) -> Reached {
        self.reached
    }

    /// Whether the application has [paused](Self::pause) the current response.
    pub fn is_paused(&self) -> bool {
        self.attempt.is_paused() && matches!(self.state, State::Exchange)
    }

    /// Whether an unwanted body is being read, so that its connection can be kept.
    pub fn is_draining(&self) -> bool {
        let unwanted = matches!(self.attempt.reader, Reader::Nobody { .. });
        unwanted && matches!(self.state, State::Exchange)
    }
}
