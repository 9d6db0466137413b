//! Which redirects are followed, and what they keep (RFC 9110 section 15.4).

use alloc::{borrow::Cow, boxed::Box, format, string::String, vec, vec::Vec};
use core::time::Duration;

use crate::{
    error::RedirectError,
    message::{Head, Method, Origin, Request, star_userinfo},
    mutation::{Mutation, mutated},
};

/// Which redirects are followed, and what they keep.
///
/// 301, 302, 303, 307 and 308 with a Location are redirects; 300, 304, 305 and 306 are answers like
/// any other. Host, and whatever [`strip`](Self::strip) names, stay with their origin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redirect {
    /// Whether any are followed. True by default.
    pub follow: bool,
    /// Most that are followed in one call; one more is an error. 10 by default. `None`: only
    /// [`Retry`](super::Retry) bounds them, as in urllib3.
    pub max: Option<u32>,
    /// Whether one more than `max` is an error; if not, that response is handed over (urllib3:
    /// `raise_on_redirect`). True by default.
    pub raise: bool,
    /// Whether a POST that is answered with 301 or 302 is followed by a GET, as on the web. True by
    /// default; urllib3 sends the POST again.
    pub post_becomes_get: bool,
    /// Fields that are not sent to another origin, beside Host (urllib3:
    /// `remove_headers_on_redirect`). By default those that hold credentials: Authorization, Cookie,
    /// Proxy-Authorization, X-Api-Key, X-Auth-Token and their like.
    pub strip: Vec<Cow<'static, str>>,
    /// Whether a redirect from `https` to `http` is followed. True by default, as in browsers:
    /// credentials do not go along in any case.
    pub downgrade: bool,
    /// The longest wait that Retry-After may ask for before a redirect is followed (RFC 9110
    /// 10.2.3). A redirect that asks for more, or for more than is left of the total deadline, ends
    /// the call with [`RedirectError::RetryAfter`]. 30 seconds by default. Where
    /// [`Retry::respect_retry_after`](super::Retry::respect_retry_after) is false, the redirect is
    /// followed at once. (urllib3 waits as long as it is told to.)
    pub retry_after_max: Duration,
}

impl Default for Redirect {
    fn default() -> Self {
        Self {
            follow: true,
            max: Some(10),
            raise: true,
            post_becomes_get: true,
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
            retry_after_max: Duration::from_secs(30),
        }
    }
}

impl Redirect {
    /// None are followed: the response is handed over.
    pub fn none() -> Self {
        Self { follow: false, ..Self::default() }
    }

    /// At most `max` are followed.
    pub fn limited(max: u32) -> Self {
        Self { max: Some(max), ..Self::default() }
    }

    /// urllib3's exact rule: 301 and 302 keep the method, and the fields Cookie, Authorization and
    /// Proxy-Authorization alone stay behind.
    pub fn urllib3() -> Self {
        Self {
            max: None,
            post_becomes_get: false,
            strip: vec!["cookie".into(), "authorization".into(), "proxy-authorization".into()],
            ..Self::default()
        }
    }

    /// The request that `head` redirects `request` to; `None` where it does not.
    pub(super) fn target(
        &self,
        request: &Request,
        head: &Head<'_>,
    ) -> Option<Result<Request, RedirectError>> {
        let status = head.status().as_u16();
        if !self.follow || !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let mut locations = head.fields().get_all("location");
        let location = locations.next().filter(|location| !location.is_empty())?;
        if locations.any(|other| other != location) {
            return Some(Err(RedirectError::Location));
        }
        let get = match status {
            303 => true,
            301 | 302 => self.post_becomes_get && *request.method() == Method::POST,
            _ => false,
        };
        Some(self.follow_to(request, location, get))
    }

    /// Where `head` leads from `request`, for an error: at most 256 bytes of it, without secrets.
    pub(super) fn shown_target(request: &Request, head: &Head<'_>) -> Box<str> {
        const BYTES_MAX: usize = 256;
        let location = head.fields().get("location").unwrap_or_default();
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

/// RFC 9110 15.4: with the content go the fields about it.
fn describes_content(name: &str) -> bool {
    name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"))
        || ["digest", "last-modified", "trailer"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// Location as text: its bytes beyond ASCII, of whatever encoding, percent-encoded as they are.
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
