//! The builder that assembles a request and sends it.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
};

use httpool::message::Method;
use httpool_kit::Draft;

use crate::{
    Error,
    cancel::Cancel,
    exchange::Exchange,
    platform::System,
    response::{Response, ResponseOn},
    shared::Shared,
};

/// Builds a request of a [`Client`](crate::Client) and sends it.
#[must_use = "nothing is sent before `send`"]
pub struct RequestBuilder {
    shared: Arc<Shared<System>>,
    draft: Draft,
    cancel: Option<Cancel>,
    /// Whether the pool that the call is made with has been closed.
    gate: Option<Arc<AtomicBool>>,
}

impl RequestBuilder {
    pub(crate) fn new(shared: Arc<Shared<System>>, method: Method, url: &str) -> Self {
        let draft = Draft::new(&shared.settings, method, url);
        Self { shared, draft, cancel: None, gate: None }
    }

    httpool_kit::request_methods!(shared.settings);

    /// Sets the policy, which other calls share.
    pub(crate) fn shared_policy(mut self, policy: Arc<httpool::call::Policy>) -> Self {
        self.draft.policy = policy;
        self
    }

    /// Adds a header field unless there is one of that name.
    pub(crate) fn default_header(mut self, name: &str, value: &str) -> Self {
        self.draft.request = self.draft.request.default_header(name, value);
        self
    }

    /// Makes the call fail once `gate` is true.
    pub(crate) fn gate(mut self, gate: Arc<AtomicBool>) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Registers the call with `cancel`, so that another thread can cancel it.
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = Some(cancel.clone());
        self
    }

    /// Sends the request, and waits for the whole response: `send` with
    /// [`preload`](Self::preload). The body is in memory, of at most
    /// [`body_bytes_max`](crate::ClientBuilder::body_bytes_max) bytes, and the trailers are there.
    ///
    /// ```no_run
    /// use httpool_blocking::{Client, Retry};
    ///
    /// // A body that is cut off is asked for again, up to three times.
    /// let retry = Retry::new(3);
    /// let text = Client::new().get("http://example.com/").retry(retry).fetch()?.text()?;
    /// # Ok::<(), httpool_blocking::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send); or the body is incomplete after the last attempt, or cannot be
    /// decoded, or is too long.
    pub fn fetch(self) -> Result<Response, Error> {
        self.preload(true).send()
    }

    /// Sends the request, and waits for the head of the response; with [`preload`](Self::preload)
    /// also for its body. If the response has no body and
    /// does not end the sending, it also waits until the request's body has been sent.
    ///
    /// # Errors
    /// A part of the request cannot be sent, or no response was received.
    pub fn send(self) -> Result<Response, Error> {
        let Self { shared, draft, cancel, gate } = self;
        let (request, body, policy) = draft.finish(&shared.settings)?;
        let mut exchange = Exchange::new(shared, request, body, policy, cancel.as_ref());
        exchange.gate = gate;
        ResponseOn::of(exchange).map(Response::new)
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.draft.request)
    }
}
