//! How a request is put together and sent.

use std::{fmt, sync::Arc, time::Duration};

use httpool::{
    call::{Policy, Redirect, Retry, Timeout},
    message::{self, Method, Request},
};

use crate::{
    Body, Error,
    cancel::Cancel,
    exchange::Exchange,
    platform::{Platform, System},
    response::Response,
    shared::Shared,
};

/// A request of a [`Client`](crate::Client), not sent yet.
#[must_use = "nothing is sent before `send`"]
pub struct RequestBuilder<P: Platform = System> {
    shared: Arc<Shared<P>>,
    request: message::RequestBuilder,
    body: Body,
    /// Only a call with settings of its own has a copy of them.
    policy: Option<Policy>,
    cancel: Option<Cancel>,
}

impl<P: Platform> RequestBuilder<P> {
    pub(crate) fn new(shared: Arc<Shared<P>>, method: Method, url: &str) -> Self {
        let request = Request::builder(method, url);
        Self { shared, request, body: Body::empty(), policy: None, cancel: None }
    }

    /// Adds a field line; a second one of the same name is sent as well. What is wrong with it is
    /// said when the request is built or sent.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.field(name, value);
        self
    }

    /// The same with a value that need not be UTF-8.
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.request = self.request.field_bytes(name, value);
        self
    }

    /// A name and a password for the Basic scheme (RFC 7617).
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        self.request = self.request.basic_auth(user, password);
        self
    }

    /// Holds the body back until the server says 100 (Continue), or a while has passed.
    pub fn expect_continue(mut self, yes: bool) -> Self {
        self.request = self.request.expect_continue(yes);
        self
    }

    /// `OPTIONS *`: about the server as a whole.
    pub fn asterisk(mut self) -> Self {
        self.request = self.request.asterisk();
        self
    }

    /// The body.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// How long the whole call may take: line, dials, attempts, pauses, and the response's body.
    pub fn timeout(mut self, total: Duration) -> Self {
        self.policy_mut().timeout.total = Some(total);
        self
    }

    /// Deadlines of this call alone.
    pub fn timeouts(mut self, timeout: Timeout) -> Self {
        self.policy_mut().timeout = timeout;
        self
    }

    /// Redirects of this call alone.
    pub fn redirect(mut self, redirect: Redirect) -> Self {
        self.policy_mut().redirect = redirect;
        self
    }

    /// Retries of this call alone.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.policy_mut().retry = retry;
        self
    }

    /// All settings of this call.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Lets another thread give the call up.
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = Some(cancel.clone());
        self
    }

    /// The request, to be kept and sent any number of times with
    /// [`Client::send`](crate::Client::send) or [`send_with`](crate::Client::send_with). Its body
    /// is not kept with it, but its length is.
    ///
    /// # Errors
    /// A part of it cannot be sent.
    pub fn build(self) -> Result<Request, Error> {
        self.into_parts().0
    }

    /// Sends it, and waits for the head of the response. Where the response has no body, and needs
    /// the request's body, it also waits until that has left.
    ///
    /// # Errors
    /// A part of it cannot be sent, or there was no response.
    pub fn send(self) -> Result<Response<P>, Error> {
        let (request, exchange) = self.into_parts();
        let request = request?;
        Response::of(exchange(request))
    }

    fn into_parts(self) -> (Result<Request, Error>, impl FnOnce(Request) -> Exchange<P>) {
        let Self { shared, mut request, body, policy, cancel } = self;
        for (name, value) in &shared.default_fields {
            request = request.default_field(name, value);
        }
        let request = request.body(body.kind()).build().map_err(Error::request);
        let exchange = move |request| {
            let policy = policy.map_or_else(|| shared.policy.clone(), Arc::new);
            Exchange::new(shared, request, body, policy, cancel.as_ref())
        };
        (request, exchange)
    }

    fn policy_mut(&mut self) -> &mut Policy {
        self.policy.get_or_insert_with(|| (*self.shared.policy).clone())
    }
}

impl<P: Platform> fmt::Debug for RequestBuilder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.request)
    }
}
