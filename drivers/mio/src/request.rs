//! The builder of a request.

use std::fmt;

use httpool::{id::CallId, message::Method};
use httpool_kit::Draft;

use crate::{Error, client::Client};

/// A request of a [`Client`] that is not sent yet.
#[must_use = "nothing is sent before `send`"]
pub struct RequestBuilder<'c> {
    client: &'c mut Client,
    draft: Draft,
}

impl<'c> RequestBuilder<'c> {
    pub(crate) fn new(client: &'c mut Client, method: Method, url: &str) -> Self {
        let draft = Draft::new(&client.settings, method, url);
        Self { client, draft }
    }

    httpool_kit::request_methods!(client.settings);

    /// Starts the call.
    ///
    /// # Errors
    /// A part of the request is invalid: [`Error::as_request_error`].
    pub fn send(self) -> Result<CallId, Error> {
        let Self { client, draft } = self;
        let (request, body, policy) = draft.finish(&client.settings)?;
        Ok(client.begin(request, body, policy))
    }
}

/// # Requests
impl Client {
    httpool_kit::client_methods!(self: &mut Self => RequestBuilder<'_>);

    /// Starts to build a request with any method.
    pub fn request(&mut self, method: Method, url: &str) -> RequestBuilder<'_> {
        RequestBuilder::new(self, method, url)
    }
}

impl fmt::Debug for RequestBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.draft.request)
    }
}
