//! The parts and methods that the request builders of all drivers share.

use std::sync::Arc;

use httpool::{
    call::Policy,
    content::accept_encoding,
    message::{self, Method, Request},
};

use crate::{Body, Error, Multipart, Settings, form_urlencoded};

/// A request that is being built. A driver's `RequestBuilder` holds one, together with the client
/// that sends it. [`request_methods!`](crate::request_methods) gives it the methods that change the
/// draft.
#[derive(Debug)]
#[non_exhaustive]
pub struct Draft {
    /// The method, URL and header fields.
    pub request: message::RequestBuilder,
    /// The request's body.
    pub body: Body,
    /// The client's policy, or a copy that was changed for this call.
    pub policy: Arc<Policy>,
    /// Whether the response's body is decoded.
    pub decode: bool,
    /// The type of the body, for a request without a Content-Type of its own.
    content_type: Option<String>,
    /// The reason why the body could not be made.
    error: Option<Error>,
}

impl Draft {
    /// Makes a draft without a body, with the client's policy.
    pub fn new(settings: &Settings, method: Method, url: &str) -> Self {
        let request = Request::builder(method, url);
        let policy = settings.policy.clone();
        let decode = settings.decode;
        let body = Body::empty();
        Self { request, body, policy, decode, content_type: None, error: None }
    }

    /// Returns the policy of this call, to change it.
    pub fn policy_mut(&mut self) -> &mut Policy {
        Arc::make_mut(&mut self.policy)
    }

    /// Sets the body.
    pub fn set_body(&mut self, body: impl Into<Body>) {
        (self.body, self.content_type, self.error) = (body.into(), None, None);
    }

    /// Sets the body to names and values, encoded as `application/x-www-form-urlencoded`.
    pub fn set_form<N, V>(&mut self, pairs: impl IntoIterator<Item = (N, V)>)
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        self.set_typed(form_urlencoded(pairs).into(), "application/x-www-form-urlencoded");
    }

    /// Sets the body to a form that may have files.
    pub fn set_multipart(&mut self, form: Multipart) {
        let content_type = form.content_type();
        self.set_typed(form.into_body(), &content_type);
    }

    /// Sets the body to `value` as JSON, in UTF-8 without white space.
    #[cfg(feature = "json")]
    pub fn set_json<T: serde::Serialize + ?Sized>(&mut self, value: &T) {
        match crate::to_json(value) {
            Ok(json) => self.set_typed(json.into(), "application/json"),
            Err(why) => self.error = Some(why),
        }
    }

    /// Sets whether a body that ends before its Content-Length is an error.
    pub fn enforce_content_length(&mut self, yes: bool) {
        // A policy that says so already is shared further.
        if self.policy.accept_short_body == yes {
            self.policy_mut().accept_short_body = !yes;
        }
    }

    /// Sets the body, and its type for a request that is given no other Content-Type.
    fn set_typed(&mut self, body: Body, content_type: &str) {
        (self.body, self.error) = (body, None);
        self.content_type = Some(content_type.into());
    }

    /// Adds the client's default header fields and Accept-Encoding, and checks the request. `settings` must be those
    /// passed to [`new`](Self::new).
    ///
    /// # Errors
    /// A part of it cannot be sent.
    pub fn finish(self, settings: &Settings) -> Result<(Request, Body, Arc<Policy>), Error> {
        let Self { mut request, body, policy, decode, content_type, error } = self;
        if let Some(error) = error {
            return Err(error);
        }
        if let Some(value) = content_type {
            request = request.default_header("Content-Type", &value);
        }
        for (name, value) in &settings.default_headers {
            request = request.default_header(name, value);
        }
        if let Some(codings) = accept_encoding()
            && settings.ask_codings
            && decode
            && !request.has_header("Range")
        {
            request = request.default_header("Accept-Encoding", codings);
        }
        let request = request.decode(decode).body(body.length()).build().map_err(Error::request)?;
        Ok((request, body, policy))
    }
}

/// Adds the methods that change a [`Draft`], and `build`, to a driver's `RequestBuilder`. Use it in
/// an `impl` block of a type that has a field `draft: Draft`. Its argument is the path from there
/// to the client's settings, as in `request_methods!(client.settings)`. The driver's crate needs a
/// `Client` with the methods `send` and `send_with`, because the docs link to them.
#[macro_export]
macro_rules! request_methods {
    ($($settings:ident).+) => {
        /// Adds a header field. A second field of the same name is sent too. If the field is
        /// invalid, building or sending the request returns the error.
        pub fn header(mut self, name: &str, value: &str) -> Self {
            self.draft.request = self.draft.request.header(name, value);
            self
        }

        /// Adds a header field whose value need not be UTF-8.
        pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
            self.draft.request = self.draft.request.header_bytes(name, value);
            self
        }

        /// Adds header fields, each as [`header`](Self::header) does.
        pub fn headers(
            mut self,
            fields: impl ::std::iter::IntoIterator<
                Item = (impl ::std::convert::AsRef<str>, impl ::std::convert::AsRef<str>),
            >,
        ) -> Self {
            for (name, value) in fields {
                self = self.header(name.as_ref(), value.as_ref());
            }
            self
        }

        /// Adds names and values to the query of the URL, behind those that it has. They are
        /// encoded as `application/x-www-form-urlencoded`, as by a form of a web page and by
        /// urllib3: a space becomes `+`, and every byte but letters, digits and `*-._` becomes
        /// `%XX`.
        pub fn query(
            mut self,
            pairs: impl ::std::iter::IntoIterator<
                Item = (impl ::std::convert::AsRef<str>, impl ::std::convert::AsRef<str>),
            >,
        ) -> Self {
            let query = $crate::form_urlencoded(pairs);
            self.draft.request = self.draft.request.add_query(&query);
            self
        }

        /// Sends a user name and a password by the Basic scheme (RFC 7617).
        pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
            self.draft.request = self.draft.request.basic_auth(user, password);
            self
        }

        /// Sends `Expect: 100-continue`, and sends the body only after the server has sent 100
        /// (Continue) or a time limit has passed (RFC 9110 10.1.1).
        pub fn expect_continue(mut self, yes: bool) -> Self {
            self.draft.request = self.draft.request.expect_continue(yes);
            self
        }

        /// Sends `OPTIONS *`, which asks about the server as a whole (RFC 9112 3.2.4).
        pub fn asterisk(mut self) -> Self {
            self.draft.request = self.draft.request.asterisk();
            self
        }

        /// Sends `target` in the request line, byte for byte, in place of the URL's path and query:
        /// for URLs that are signed over their exact text. It must begin with a slash, and have no
        /// space, no control byte, no byte beyond ASCII and no `#`. Redirects are resolved against
        /// the URL.
        pub fn target(mut self, target: &str) -> Self {
            self.draft.request = self.draft.request.target(target);
            self
        }

        /// Sets the body.
        pub fn body(mut self, body: impl ::std::convert::Into<$crate::Body>) -> Self {
            self.draft.set_body(body);
            self
        }

        /// Sets the body to a form of names and values, encoded as
        /// `application/x-www-form-urlencoded`. Sets Content-Type, unless the request has its own.
        pub fn form(
            mut self,
            pairs: impl ::std::iter::IntoIterator<
                Item = (impl ::std::convert::AsRef<str>, impl ::std::convert::AsRef<str>),
            >,
        ) -> Self {
            self.draft.set_form(pairs);
            self
        }

        /// Sets the body to a form that may have files, sent as `multipart/form-data` (RFC 7578).
        /// Sets Content-Type, unless the request has its own.
        pub fn multipart(mut self, form: $crate::Multipart) -> Self {
            self.draft.set_multipart(form);
            self
        }

        /// Sets the body to `value` as JSON (RFC 8259), without white space. Sets Content-Type to
        /// `application/json`, unless the request has its own. If the value cannot be written as
        /// JSON, building or sending the request returns the error.
        #[cfg(feature = "json")]
        pub fn json<T: $crate::serde::Serialize + ?Sized>(mut self, value: &T) -> Self {
            self.draft.set_json(value);
            self
        }

        /// Sends a token by the Bearer scheme (RFC 6750 section 2.1).
        pub fn bearer_auth(self, token: &str) -> Self {
            self.header("Authorization", &::std::format!("Bearer {token}"))
        }

        /// Chooses the TLS configuration for `https` URLs, by the number that the client gave it.
        /// It is the field [`Routes::tls`](crate::httpool::call::Routes::tls) of the policy, so a
        /// later [`policy`](Self::policy) replaces it. Redirects to other origins keep it.
        pub fn tls(mut self, tls: $crate::httpool::message::TlsId) -> Self {
            self.draft.policy_mut().routes.tls = tls;
            self
        }

        /// Sets whether the response's body is decoded, by its Content-Encoding. If not, the
        /// request asks for no coding, and the body is handed over as it comes (urllib3:
        /// `decode_content=False`). The default is the client's.
        pub fn decode(mut self, yes: bool) -> Self {
            self.draft.decode = yes;
            self
        }

        /// Sets whether a response body that ends before its Content-Length is an error (urllib3:
        /// `enforce_content_length`). True by default. If false, such a body is returned as if it
        /// were whole, and its connection is closed. It is the field
        /// [`Policy::accept_short_body`](crate::Policy::accept_short_body), so a later
        /// [`policy`](Self::policy) replaces it.
        pub fn enforce_content_length(mut self, yes: bool) -> Self {
            self.draft.enforce_content_length(yes);
            self
        }

        $crate::policy_methods!(draft, "of this call");

        /// Builds a request that can be sent any number of times with
        /// [`Client::send`](crate::Client::send) or [`send_with`](crate::Client::send_with). It has
        /// the length of its body, but not the body and not the policy.
        ///
        /// # Errors
        /// A part of it cannot be sent.
        pub fn build(
            self,
        ) -> ::std::result::Result<$crate::httpool::message::Request, $crate::Error> {
            let (request, _, _) = self.draft.finish(&self.$($settings).+)?;
            ::std::result::Result::Ok(request)
        }
    };
}

/// Adds `get`, `head`, `post`, `put` and `delete` to a driver's client, which has a method
/// `request(method, url)`. The arguments are the type of `self` and the type of the driver's
/// `RequestBuilder`, as in `client_methods!(self: &Self => RequestBuilder)`.
#[macro_export]
macro_rules! client_methods {
    ($this:ident: $client:ty => $builder:ty) => {
        /// Starts to build a GET request for `url`.
        pub fn get($this: $client, url: &str) -> $builder {
            $this.request($crate::httpool::message::Method::GET, url)
        }

        /// Starts to build a HEAD request for `url`.
        pub fn head($this: $client, url: &str) -> $builder {
            $this.request($crate::httpool::message::Method::HEAD, url)
        }

        /// Starts to build a POST request to `url`.
        pub fn post($this: $client, url: &str) -> $builder {
            $this.request($crate::httpool::message::Method::POST, url)
        }

        /// Starts to build a PUT request to `url`.
        pub fn put($this: $client, url: &str) -> $builder {
            $this.request($crate::httpool::message::Method::PUT, url)
        }

        /// Starts to build a DELETE request for `url`.
        pub fn delete($this: $client, url: &str) -> $builder {
            $this.request($crate::httpool::message::Method::DELETE, url)
        }
    };
}
