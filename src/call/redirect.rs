//! Which redirects are followed, and which fields the new request keeps (RFC 9110 section 15.4).

use alloc::{borrow::Cow, boxed::Box, format, string::String, vec, vec::Vec};
use core::time::Duration;

use crate::{
    error::RedirectError,
    message::{Head, Method, Origin, Request, Status, star_userinfo},
    mutation::{Mutation, mutated},
    setters::setters,
};

/// Which redirects are followed, and which fields the new request keeps.
///
/// A response with 301, 302, 303, 307 or 308 and a Location is a redirect. Responses with 300, 304,
/// 305 and 306 are given to the application. A request to another origin gets a Host of its own,
/// and leaves out the fields that [`strip`](field@Self::strip) names.
///
/// ```
/// # use std::{io::{Read, Write}, net::TcpListener, thread};
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/old", listener.local_addr()?);
/// # thread::spawn(move || for tcp in listener.incoming() {
/// #     let mut tcp = tcp.unwrap();
/// #     thread::spawn(move || {
/// #         let mut buf = [0; 4096];
/// #         while let Ok(1..) = tcp.read(&mut buf) {
/// #             let head: &[u8] = if buf.starts_with(b"GET /old") {
/// #                 b"HTTP/1.1 301 Moved\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n"
/// #             } else {
/// #                 b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew"
/// #             };
/// #             tcp.write_all(head).unwrap();
/// #         }
/// #     });
/// # });
/// use httpool::call::Redirect;
/// use httpool::message::Status;
/// use httpool_blocking::Client;
///
/// // By default up to ten redirects are followed.
/// let client = Client::new();
/// let response = client.get(&url).send()?;
/// assert_eq!(response.url().path(), "/new");
/// assert_eq!(response.history()[0].status, Some(Status::MOVED_PERMANENTLY));
///
/// // A call that looks at the redirect itself.
/// let response = client.get(&url).redirect(Redirect::none()).send()?;
/// assert_eq!(response.header("location"), Some("/new"));
///
/// // A field of one's own that other origins must not see.
/// let careful = Redirect::limited(3).strip_also(["X-Tenant"]).downgrade(false);
/// client.get(&url).header("X-Tenant", "a").redirect(careful).send()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redirect {
    /// Whether redirects are followed. True by default.
    pub follow: bool,
    /// Most redirects that one call follows. One more is an error. 10 by default. `None`: only
    /// [`Retry`](super::Retry) bounds them, as in urllib3.
    pub max: Option<u32>,
    /// Whether one redirect more than `max` is an error. If not, the application gets the redirect
    /// as its response (urllib3: `raise_on_redirect`). True by default.
    pub raise: bool,
    /// Whether a 301 or 302 to a POST is followed with a GET, as browsers do. True by default.
    /// urllib3 sends the POST again.
    pub post_becomes_get: bool,
    /// Statuses after which a POST stays a POST, with its body, although another rule makes it a
    /// GET: of 301, 302 and 303 (curl: `--post301` and so on). Empty by default.
    pub post_stays_after: Vec<Status>,
    /// Names of fields that are not sent to another origin, in any case (urllib3:
    /// `remove_headers_on_redirect`). By default those that hold credentials: Authorization,
    /// Cookie, Cookie2, Proxy-Authorization, X-Api-Key, X-Auth-Token, X-Csrf-Token and
    /// X-Xsrf-Token.
    pub strip: Vec<Cow<'static, str>>,
    /// Whether a redirect from `https` to `http` is followed. If not, it is an error. True by
    /// default, as in browsers. Credentials are not sent to the `http` origin in any case.
    pub downgrade: bool,
    /// Whether a redirect to another origin is an error (urllib3: `assert_same_host` of a pool's
    /// `urlopen`). False by default.
    pub same_origin: bool,
    /// The longest wait that the Retry-After of a redirect may ask for (RFC 9110 10.2.3). If it
    /// asks for more, or for more than is left of the total deadline, the call fails with
    /// [`RedirectError::RetryAfter`]. 30 seconds by default; urllib3 has no bound. If
    /// [`Retry::respect_retry_after`](field@super::Retry::respect_retry_after) is false, redirects
    /// are followed at once.
    pub retry_after_max: Duration,
}

impl Default for Redirect {
    fn default() -> Self {
        Self {
            follow: true,
            max: Some(10),
            raise: true,
            post_becomes_get: true,
            post_stays_after: Vec::new(),
            strip: [
                "authorization",
                "cookie",
                "cookie2",
                "proxy-authorization",
                "x-api-key",
                "x-auth-token",
                "x-csrf-token",
                "x-xsrf-token",
            ]
            .map(Cow::Borrowed)
            .into(),
            downgrade: true,
            same_origin: false,
            retry_after_max: Duration::from_secs(30),
        }
    }
}

impl Redirect {
    /// Follows no redirect: the application gets it as its response.
    pub fn none() -> Self {
        Self { follow: false, ..Self::default() }
    }

    /// Follows at most `max` redirects.
    pub fn limited(max: u32) -> Self {
        Self { max: Some(max), ..Self::default() }
    }

    /// urllib3's rules: 301 and 302 keep the method, and only the fields Cookie, Authorization and
    /// Proxy-Authorization are not sent to another origin. Only [`Retry`](super::Retry) bounds the
    /// number of redirects.
    pub fn urllib3() -> Self {
        Self {
            max: None,
            post_becomes_get: false,
            strip: vec!["cookie".into(), "authorization".into(), "proxy-authorization".into()],
            ..Self::default()
        }
    }

    setters! {
        follow: bool,
        max: Option<u32>,
        raise: bool,
        post_becomes_get: bool,
        downgrade: bool,
        same_origin: bool,
        retry_after_max: Duration,
    }

    /// Sets [`post_stays_after`](field@Self::post_stays_after).
    #[must_use]
    pub fn post_stays_after(mut self, statuses: impl IntoIterator<Item = Status>) -> Self {
        self.post_stays_after = statuses.into_iter().collect();
        self
    }

    /// Adds names to [`strip`](field@Self::strip).
    #[must_use]
    pub fn strip_also(mut self, names: impl IntoIterator<Item: Into<Cow<'static, str>>>) -> Self {
        self.strip.extend(names.into_iter().map(Into::into));
        self
    }

    /// Replaces [`strip`](field@Self::strip). A default name that is not among `names` is then sent
    /// to other origins, with the credentials in its field.
    #[must_use]
    pub fn strip_only(mut self, names: impl IntoIterator<Item: Into<Cow<'static, str>>>) -> Self {
        self.strip.clear();
        self.strip_also(names)
    }

    /// The request to send next, if `head` is a redirect of `request` that is to be followed.
    pub(super) fn target(
        &self,
        request: &Request,
        head: &Head<'_>,
    ) -> Option<Result<Request, RedirectError>> {
        let status = head.status().as_u16();
        if !self.follow || !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let mut locations = head.headers().get_all("location");
        let location = locations.next().filter(|location| !location.is_empty())?;
        if locations.any(|other| other != location) {
            return Some(Err(RedirectError::Location));
        }
        let post = *request.method() == Method::POST;
        let get = match status {
            301..=303 if post && self.post_stays_after.contains(&head.status()) => false,
            303 => true,
            301 | 302 => self.post_becomes_get && post,
            _ => false,
        };
        Some(self.follow_to(request, location, get))
    }

    /// The target of the redirect `head`, to be shown in an error: at most 256 bytes, without user
    /// name and password.
    pub(super) fn shown_target(request: &Request, head: &Head<'_>) -> Box<str> {
        const BYTES_MAX: usize = 256;
        let location = head.headers().get("location").unwrap_or_default();
        let mut text = match request.url().join(&ascii(location)) {
            Ok(url) => String::from(url).into_bytes(),
            Err(_) => location.to_vec(),
        };
        star_userinfo(&mut text, b'*');
        let shown = text.get(..BYTES_MAX).unwrap_or(&text).escape_ascii();
        let more = if text.len() > BYTES_MAX { "..." } else { "" };
        format!("{shown}{more}").into()
    }

    fn follow_to(
        &self,
        request: &Request,
        location: &[u8],
        get: bool,
    ) -> Result<Request, RedirectError> {
        let before = request.url();
        let mut url = before.join(&ascii(location)).map_err(|_| RedirectError::Location)?;
        // RFC 9110 10.2.2: a Location without a fragment inherits it.
        if url.fragment().is_none() {
            url.set_fragment(before.fragment());
        }
        let origin = match Origin::of(&url) {
            Some(origin) => origin.on_the_link_of(request.origin()),
            None if matches!(url.scheme(), "http" | "https") => {
                return Err(RedirectError::Location);
            }
            None => return Err(RedirectError::Scheme),
        };
        if !self.downgrade && origin.scheme() < request.origin().scheme() {
            return Err(RedirectError::Downgrade);
        }
        if self.same_origin && origin != *request.origin() {
            return Err(RedirectError::OtherOrigin);
        }
        let elsewhere = origin != *request.origin() && !mutated(Mutation::LeakedCredentials);
        let new_credentials = !url.username().is_empty() || url.password().is_some();
        request
            .redirected(url, get, |name| {
                elsewhere && self.strip.iter().any(|secret| name.eq_ignore_ascii_case(secret))
                    || get && describes_content(name)
                    || new_credentials && name.eq_ignore_ascii_case("authorization")
            })
            .map_err(|_| RedirectError::Location)
    }
}

/// Whether the field is about the content. A request that loses its content loses such fields too
/// (RFC 9110 15.4).
fn describes_content(name: &str) -> bool {
    name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"))
        || ["digest", "last-modified", "trailer"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// The value of Location as text. If it is not UTF-8, its bytes beyond ASCII are percent-encoded.
fn ascii(location: &[u8]) -> Cow<'_, str> {
    match core::str::from_utf8(location) {
        Ok(text) => text.into(),
        Err(_) => {
            let mut text = String::with_capacity(location.len() + 8);
            for &byte in location {
                if byte.is_ascii() {
                    text.push(char::from(byte));
                } else {
                    text.push_str(&format!("%{byte:02X}"));
                }
            }
            text.into()
        }
    }
}
