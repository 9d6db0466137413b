//! `urlopen`: one request of a pool or a manager.

use std::{fmt, sync::Arc, time::Duration};

use httpool::{
    call::{Redirect, Timeout},
    error::RequestError,
    message::Method,
};

use super::{
    HttpResponse, ResponseOptions, Retries,
    engine::Engine,
    options::{pairs, timeout_of},
};
use crate::{Body, Cancel, Error, Multipart, RequestBuilder};

/// A request of a pool or a manager, with the keywords of urllib3's `urlopen` and `request` as
/// methods. [`send`](Self::send) sends it.
#[must_use = "nothing is sent before `send`"]
pub struct Urlopen {
    engine: Arc<Engine>,
    method: String,
    url: String,
    headers: Option<Vec<(String, String)>>,
    content: Content,
    place: Place,
    multipart: bool,
    boundary: Option<String>,
    body_pos: Option<u64>,
    chunked: bool,
    retries: Option<Retries>,
    redirect: bool,
    redirects: Option<Redirect>,
    assert_same_host: bool,
    timeout: Option<Timeout>,
    pool_timeout: Option<Duration>,
    options: ResponseOptions,
    cancel: Option<Cancel>,
}

/// The content of a request.
enum Content {
    None,
    Body(Body),
    Fields(Vec<(String, String)>),
    Form(Multipart),
    #[cfg(feature = "json")]
    Json(Result<Vec<u8>, Error>),
    /// More than one of the above was given, which is an error.
    Two,
}

/// The place of the fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    ByMethod,
    Query,
    Body,
}

impl Urlopen {
    pub(super) fn new(engine: Arc<Engine>, method: &str, url: &str) -> Self {
        Self {
            engine,
            method: method.into(),
            url: url.into(),
            headers: None,
            content: Content::None,
            place: Place::ByMethod,
            multipart: true,
            boundary: None,
            body_pos: None,
            chunked: false,
            retries: None,
            redirect: true,
            redirects: None,
            assert_same_host: true,
            timeout: None,
            pool_timeout: None,
            options: ResponseOptions::default(),
            cancel: None,
        }
    }

    /// Sets the body. With [fields](Self::fields) or JSON too, sending fails.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.content(Content::Body(body.into()))
    }

    /// Sets the header fields. They replace all those of the pool or manager.
    pub fn headers<N, V>(self, headers: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        Self { headers: Some(pairs(headers)), ..self }
    }

    /// Sets names and values that are sent in the query or in the body:
    /// [`request`](super::RequestMethods::request) says when. A query that the URL has already is
    /// continued with `&`, where urllib3 adds a second `?`.
    pub fn fields<N, V>(self, fields: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        self.content(Content::Fields(pairs(fields)))
    }

    /// Sets the body to a form that has files. It is the body, whatever the method.
    pub fn form(self, form: Multipart) -> Self {
        self.content(Content::Form(form))
    }

    /// Sets whether fields in the body are sent as `multipart/form-data`, or as
    /// `application/x-www-form-urlencoded`. True by default.
    pub fn encode_multipart(self, yes: bool) -> Self {
        Self { multipart: yes, ..self }
    }

    /// Sets the boundary of the multipart body. By default it is random.
    pub fn multipart_boundary(self, boundary: &str) -> Self {
        Self { boundary: Some(boundary.into()), ..self }
    }

    /// Sets the body to `value` as JSON. Sets Content-Type to `application/json` unless the request
    /// has its own.
    #[cfg(feature = "json")]
    pub fn json<T: httpool_kit::serde::Serialize + ?Sized>(self, value: &T) -> Self {
        self.content(Content::Json(httpool_kit::to_json(value)))
    }

    /// Sets the retries of this request: a [`Retry`](crate::Retry), a number, or `false`.
    pub fn retries(self, retries: impl Into<Retries>) -> Self {
        Self { retries: Some(retries.into()), ..self }
    }

    /// Sets whether redirects are followed. True by default. If not, the redirect is the response.
    pub fn redirect(self, yes: bool) -> Self {
        Self { redirect: yes, ..self }
    }

    /// Sets how redirects are followed, as [`PoolOptions::redirects`](super::PoolOptions::redirects)
    /// does.
    pub fn redirects(self, redirects: Redirect) -> Self {
        Self { redirects: Some(redirects), ..self }
    }

    /// Sets whether a URL, or a redirect, to another scheme, host or port than the pool's is an
    /// error ([`ErrorKind::HostChanged`](httpool::error::ErrorKind)). True by default. If not, the
    /// request goes to the host that it names, over a connection to that host. (urllib3 sends it
    /// to the host of the pool.) A manager ignores it: its redirects lead anywhere.
    pub fn assert_same_host(self, yes: bool) -> Self {
        Self { assert_same_host: yes, ..self }
    }

    /// Sets the deadlines as [`PoolOptions::timeout`](super::PoolOptions::timeout) does.
    pub fn timeout(self, each: Duration) -> Self {
        self.timeouts(timeout_of(Some(each)))
    }

    /// Sets the deadlines as [`PoolOptions::timeouts`](super::PoolOptions::timeouts) does.
    pub fn timeouts(self, timeout: Timeout) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// Sets how long the request waits for a connection of a pool with
    /// [`block`](super::PoolOptions::block). Then it fails with
    /// [`ErrorKind::EmptyPool`](httpool::error::ErrorKind), and is not retried. By default it waits
    /// for ever.
    pub fn pool_timeout(self, longest: Duration) -> Self {
        Self { pool_timeout: Some(longest), ..self }
    }

    /// Does nothing. A connection comes back when its response has ended, is released or dropped:
    /// for a preloaded response before this returns. urllib3's `release_conn=True` gives it back
    /// with the body unread, which the next request on it then reads; with `False` the place of a
    /// response that is never read is lost.
    pub fn release_conn(self, _: bool) -> Self {
        self
    }

    /// Sets whether the body is sent chunked although its length is known. False by default. With a
    /// Content-Length among the headers, sending fails (urllib3 sends both).
    pub fn chunked(self, yes: bool) -> Self {
        Self { chunked: yes, ..self }
    }

    /// Sets the position of the body's first byte, to which it is also set back for another attempt.
    /// By default that is where the reader stands.
    pub fn body_pos(self, position: u64) -> Self {
        Self { body_pos: Some(position), ..self }
    }

    /// Sets whether the body of the response is read before this returns. True by default. Then it
    /// is a part of the attempt.
    pub fn preload_content(mut self, yes: bool) -> Self {
        self.options.preload_content = yes;
        self
    }

    /// Sets whether the body of the response is decoded by its Content-Encoding. True by default. No
    /// coding is asked for: see [`make_headers`](super::make_headers()).
    pub fn decode_content(mut self, yes: bool) -> Self {
        self.options.decode_content = yes;
        self
    }

    /// Sets whether a response body that ends before its Content-Length is an error. True by
    /// default.
    pub fn enforce_content_length(mut self, yes: bool) -> Self {
        self.options.enforce_content_length = yes;
        self
    }

    /// Registers the call with `cancel`, so that another thread can cancel it.
    pub fn cancel(self, cancel: &Cancel) -> Self {
        Self { cancel: Some(cancel.clone()), ..self }
    }

    pub(super) fn fields_in_query(self) -> Self {
        Self { place: Place::Query, ..self }
    }

    pub(super) fn fields_in_body(self) -> Self {
        Self { place: Place::Body, ..self }
    }

    /// Sends the request, and waits for the response.
    ///
    /// # Errors
    /// A part of the request cannot be sent, or no response was received, or its preloaded body is
    /// incomplete. [`Error::kind`](crate::Error::kind) names the error as urllib3 does.
    pub fn send(self) -> Result<HttpResponse, Error> {
        let options = self.options;
        HttpResponse::new(self.prepare()?.send()?, options)
    }

    fn content(mut self, content: Content) -> Self {
        self.content = match self.content {
            Content::None => content,
            _ => Content::Two,
        };
        self
    }

    fn prepare(mut self) -> Result<RequestBuilder, Error> {
        let method = Method::new(&self.method).map_err(Error::request)?;
        let in_query = match self.place {
            Place::ByMethod => ["GET", "HEAD", "DELETE", "OPTIONS"].contains(&method.as_str()),
            Place::Query => true,
            Place::Body => false,
        };
        let mut request = self.engine.begin(method, &self.url, self.assert_same_host)?;
        if let (true, Content::Fields(fields)) = (in_query, &self.content) {
            request = request.query(fields.iter().map(pair));
            self.content = Content::None;
        }
        request = self.policy(request);
        let headers = self.headers.as_ref().unwrap_or(&self.engine.headers);
        request = request.headers(headers.iter().map(pair));
        if self.chunked {
            request = request.default_header("Transfer-Encoding", "chunked");
        }
        if let Some(cancel) = &self.cancel {
            request = request.cancel(cancel);
        }
        self.filled(request)
    }

    /// Sets the policy of the call: that of the pool, unless a keyword changes it.
    fn policy(&mut self, request: RequestBuilder) -> RequestBuilder {
        let mut policy = self.engine.policy.clone();
        if let Some(Retries(retry)) = self.retries.take() {
            Arc::make_mut(&mut policy).retry = retry;
        }
        if let Some(timeout) = self.timeout {
            Arc::make_mut(&mut policy).timeout = timeout.queue(None);
        }
        if self.pool_timeout.is_some() {
            Arc::make_mut(&mut policy).timeout.queue = self.pool_timeout;
        }
        if let Some(redirects) = self.redirects.take() {
            let same_origin = policy.redirect.same_origin;
            Arc::make_mut(&mut policy).redirect = redirects.same_origin(same_origin);
        }
        if !self.redirect {
            Arc::make_mut(&mut policy).redirect.follow = false;
        }
        if !self.assert_same_host && policy.redirect.same_origin {
            Arc::make_mut(&mut policy).redirect.same_origin = false;
        }
        if policy.preload != self.options.preload_content {
            Arc::make_mut(&mut policy).preload = self.options.preload_content;
        }
        self.options.apply(request.shared_policy(policy))
    }

    /// Sets the body.
    fn filled(self, request: RequestBuilder) -> Result<RequestBuilder, Error> {
        Ok(match self.content {
            Content::None => request,
            Content::Body(body) => match self.body_pos {
                Some(position) => {
                    request.body(body.starting_at(position).map_err(Error::unrewindable)?)
                }
                None => request.body(body),
            },
            Content::Fields(fields) if self.multipart => {
                let form = match self.boundary {
                    Some(boundary) => Multipart::with_boundary(boundary),
                    None => Multipart::new().map_err(Error::no_body)?,
                };
                let add =
                    |form: Multipart, (name, value): (String, String)| form.text(&name, value);
                request.multipart(fields.into_iter().fold(form, add))
            }
            Content::Fields(fields) => request.form(fields.iter().map(pair)),
            Content::Form(form) => request.multipart(form),
            #[cfg(feature = "json")]
            Content::Json(json) => {
                request.body(json?).default_header("Content-Type", "application/json")
            }
            Content::Two => return Err(Error::request(RequestError::TwoBodies)),
        })
    }
}

fn pair((name, value): &(String, String)) -> (&str, &str) {
    (name, value)
}

impl fmt::Debug for Urlopen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Urlopen({})", self.method)
    }
}
