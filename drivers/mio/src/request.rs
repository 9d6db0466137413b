//! How a request is put together and sent.

use std::{fmt, sync::Arc, time::Duration};

use httpool::{
    call::{Policy, Redirect, Retry, Timeout},
    id::CallId,
    message::{self, Method, Request},
};

use crate::{Body, Error, client::Client};

/// A request of a [`Client`], not sent yet.
#[must_use = "nothing is sent before `send`"]
pub struct RequestBuilder<'c> {
    client: &'c mut Client,
    request: message::RequestBuilder,
    body: Body,
    /// Only a call with settings of its own has a copy of them.
    policy: Option<Policy>,
}

impl<'c> RequestBuilder<'c> {
    pub(crate) fn new(client: &'c mut Client, method: Method, url: &str) -> Self {
        let request = Request::builder(method, url);
        Self { client, request, body: Body::empty(), policy: None }
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

    /// The request, to be kept and sent any number of times with [`Client::send`] or
    /// [`send_with`](Client::send_with). Its body is not kept with it, but its length is.
    ///
    /// # Errors
    /// A part of it cannot be sent.
    pub fn build(self) -> Result<Request, Error> {
        let (_, request, _, _) = self.into_parts();
        request
    }

    /// Begins the call.
    ///
    /// # Errors
    /// A part of it cannot be sent.
    pub fn send(self) -> Result<CallId, Error> {
        let (client, request, body, policy) = self.into_parts();
        let policy = policy.map_or_else(|| client.policy.clone(), Arc::new);
        Ok(client.begin(request?, body, policy))
    }

    fn into_parts(self) -> (&'c mut Client, Result<Request, Error>, Body, Option<Policy>) {
        let Self { client, mut request, body, policy } = self;
        for (name, value) in &client.default_fields {
            request = request.default_field(name, value);
        }
        let request = request.body(body.kind()).build().map_err(Error::request);
        (client, request, body, policy)
    }

    fn policy_mut(&mut self) -> &mut Policy {
        self.policy.get_or_insert_with(|| (*self.client.policy).clone())
    }
}

impl fmt::Debug for RequestBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.request)
    }
}
