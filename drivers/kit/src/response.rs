//! The parts and methods that the responses of all drivers share.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use httpool::{
    call::{HistoryEntry, Timings},
    error::BodyUnusable,
    id::ConnId,
    message::{BodyLeft, BodyTaken, Fields, Head, Method, OwnedFields, ResponseHead, Url},
};

use crate::{Error, Sessions};

/// The parts of a response that have been received, without its body.
#[derive(Debug, Default)]
pub struct Received {
    head: ResponseHead,
    has_head: bool,
    interim: Vec<ResponseHead>,
    trailers: Option<OwnedFields>,
}

impl Received {
    /// Stores a 1xx head.
    pub fn put_interim(&mut self, head: &Head<'_>) {
        let mut kept = ResponseHead::new();
        kept.set(head);
        self.interim.push(kept);
    }

    /// Stores the head of the response. Reuses the memory of an earlier one.
    #[inline]
    pub fn put_head(&mut self, head: &Head<'_>) {
        self.head.set(head);
        self.has_head = true;
    }

    /// Stores the trailer fields, if there are any.
    #[inline]
    pub fn put_trailers(&mut self, trailers: &Fields<'_>) {
        if !trailers.is_empty() {
            self.trailers.get_or_insert_default().set(trailers);
        }
    }

    /// Returns the head of the response, if it was received.
    pub fn head(&self) -> Option<&ResponseHead> {
        self.has_head.then_some(&self.head)
    }

    /// Removes all parts. The memory of the head is kept.
    #[inline]
    pub fn clear(&mut self) {
        self.has_head = false;
        self.interim.clear();
        self.trailers = None;
    }

    /// Frees the memory of the head.
    pub fn shrink(&mut self) {
        self.head = ResponseHead::new();
        self.has_head = false;
    }
}

/// The parts of a driver's `Response`. [`response_methods!`](crate::response_methods) reads them.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "a driver fills in every field")]
pub struct Parts<'r> {
    /// The head, the interim heads and the trailers.
    pub received: &'r Received,
    /// The method of the last request.
    pub method: &'r Method,
    /// The URL of the last request.
    pub url: &'r Url,
    /// The redirects and failed attempts before the response.
    pub history: &'r [HistoryEntry],
    /// The timeline of the call, if it is collected.
    pub timings: Option<&'r Timings>,
    /// The bytes of the request's body that were sent before the response stopped it.
    pub body_taken: Option<BodyTaken>,
    /// The connection that the response came over.
    pub connection: ConnId,
    /// Whether that connection had served another request before.
    pub reused: bool,
    /// The TLS sessions of that connection.
    pub sessions: &'r Sessions,
}

impl<'r> Parts<'r> {
    /// Returns the head.
    pub const fn head(&self) -> &'r ResponseHead {
        &self.received.head
    }

    /// Returns the 1xx heads.
    pub fn interim(&self) -> &'r [ResponseHead] {
        &self.received.interim
    }

    /// Returns the trailer fields, if there are any.
    pub fn trailers(&self) -> Option<Fields<'r>> {
        self.received.trailers.as_ref().map(OwnedFields::fields)
    }

    /// Returns the value of Content-Length, which may be a list of equal values (RFC 9110 8.6).
    pub fn content_length(&self) -> Option<u64> {
        let value = self.head().headers().get_str("content-length")?;
        value.split(',').next()?.trim().parse().ok()
    }

    /// Returns the value of Location, if the status is a redirect that a client follows.
    pub fn redirect_location(&self) -> Option<&'r str> {
        redirect_location(self.head())
    }

    /// Returns whether the body comes in chunks.
    pub fn is_chunked(&self) -> bool {
        is_chunked(self.head())
    }

    /// Returns the value of Content-Type.
    pub fn content_type(&self) -> Option<&'r [u8]> {
        self.head().headers().get("content-type")
    }

    /// Returns the error for a status of 400 or more.
    pub fn status_error(&self) -> Option<Error> {
        let status = self.head().status();
        let failed = status.is_client_error() || status.is_server_error();
        failed.then(|| Error::status(self))
    }
}

fn redirect_location(head: &ResponseHead) -> Option<&str> {
    let redirects = matches!(head.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    head.headers().get_str("location").filter(|_| redirects)
}

fn is_chunked(head: &ResponseHead) -> bool {
    let last = head.headers().get_all("transfer-encoding").last();
    let coding = last.and_then(|value| value.rsplit(|&byte| byte == b',').next());
    coding.is_some_and(|it| it.trim_ascii().eq_ignore_ascii_case(b"chunked"))
}

impl fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.head();
        write!(f, "Response({} {}, {:?})", head.status(), self.url, head.headers())
    }
}

/// The limit on a response body that is collected whole.
#[derive(Debug, Clone, Copy, Default)]
pub struct BodyLimit(u64);

impl BodyLimit {
    /// Makes a limit of `bytes` bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Returns whether the body is too long, if `collected` bytes were received and `ahead` is
    /// known to follow. A driver checks this before it reads the body, so that a body with too long
    /// a declared length is not read, and again after each piece.
    pub const fn is_exceeded(self, collected: usize, ahead: BodyLeft) -> bool {
        match self.0.checked_sub(collected as u64) {
            Some(room) => ahead.exceeds(room),
            None => true,
        }
    }

    /// Returns the limit in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Returns the reason for [`Call::body_unusable`](httpool::call::Call::body_unusable) when it
    /// is exceeded.
    pub const fn reason(self) -> BodyUnusable {
        BodyUnusable::TooLong { max: self.0 }
    }
}

/// Returns the wait that Retry-After asks for, by this system's time if the response has no Date.
#[doc(hidden)]
pub fn retry_after(fields: &Fields<'_>) -> Option<Duration> {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok();
    httpool::call::retry_after(fields, wall.map(|wall| wall.as_secs()))
}

/// Adds the methods that read the [`Parts`] of a response to a driver's `Response`. Use it in an
/// `impl` block of a type that has a method `parts(&self) -> Parts<'_>`.
#[macro_export]
macro_rules! response_methods {
    () => {
        /// Returns the head of the response, to be kept.
        pub fn head(&self) -> &$crate::httpool::message::ResponseHead {
            self.parts().head()
        }

        /// Returns the status code.
        pub fn status(&self) -> $crate::httpool::message::Status {
            self.parts().head().status()
        }

        /// Returns the minor version: the x of HTTP/1.x that the server sent.
        pub fn minor_version(&self) -> u8 {
            self.parts().head().minor_version()
        }

        /// Returns the reason phrase. It may be empty, and clients should ignore it (RFC 9112 4).
        pub fn reason(&self) -> &[u8] {
            self.parts().head().reason()
        }

        /// Returns the header fields, in order, as they came: those of a decoded body too have its
        /// Content-Encoding.
        pub fn headers(&self) -> $crate::httpool::message::Fields<'_> {
            self.parts().head().headers()
        }

        /// Returns the value of the first header field called `name`, in upper or lower case, if it
        /// is UTF-8.
        pub fn header(&self, name: &str) -> ::std::option::Option<&str> {
            self.parts().head().headers().get_str(name)
        }

        /// Returns the wait that Retry-After asks for (RFC 9110 10.2.3). A date counts from the Date
        /// of the response, or else from this system's time. `None` if there is no valid one.
        pub fn retry_after(&self) -> ::std::option::Option<::std::time::Duration> {
            $crate::retry_after(&self.parts().head().headers())
        }

        /// Returns the value of Content-Length. `None` if the server has not sent one. In the
        /// response to a HEAD request it is the length of the body that a GET would return (RFC
        /// 9110 8.6). If the body is decoded, it is the length before that.
        pub fn content_length(&self) -> ::std::option::Option<u64> {
            self.parts().content_length()
        }

        /// Returns the URL of the request that was answered. After redirects, this is the URL of
        /// the last request. It has the fragment of the first URL, unless a redirect gave another
        /// (RFC 9110 10.2.2).
        pub fn url(&self) -> &$crate::httpool::message::Url {
            self.parts().url
        }

        /// Returns the redirects and failed attempts before this response, the first one first.
        pub fn history(&self) -> &[$crate::httpool::call::HistoryEntry] {
            self.parts().history
        }

        /// Returns the timeline of the call, if the client collects it, by the
        /// setting `timings` of its builder: its attempts, each with its cause, its
        /// connection, and the times of its phases. It has no end before the body was read.
        pub fn timings(&self) -> ::std::option::Option<&$crate::httpool::call::Timings> {
            self.parts().timings
        }

        /// Returns the heads of 1xx responses that came before this one, if
        /// [`Policy::show_interim`](crate::httpool::call::Policy::show_interim) is set.
        pub fn interim(&self) -> &[$crate::httpool::message::ResponseHead] {
            self.parts().interim()
        }

        /// Returns the trailer fields, if there are any (RFC 9110 6.5). They follow the body, so
        /// there are none before it was read to its end. They are not merged with the header
        /// fields.
        pub fn trailers(&self) -> ::std::option::Option<$crate::httpool::message::Fields<'_>> {
            self.parts().trailers()
        }

        /// Returns the connection that the response came over.
        pub fn connection(&self) -> $crate::httpool::id::ConnId {
            self.parts().connection
        }

        /// Returns whether the connection had served another request before.
        pub fn reused(&self) -> bool {
            self.parts().reused
        }

        /// Returns what the TLS handshake with the origin agreed on: version, cipher suite,
        /// certificates, and whether they were verified. `None` without TLS, and if a proxy has
        /// forwarded the request: its session with the origin is not known (urllib3: `is_verified`
        /// is false then).
        pub fn tls(&self) -> ::std::option::Option<&$crate::Session> {
            self.parts().sessions.origin.as_deref()
        }

        /// Returns what the TLS handshake with the proxy agreed on (urllib3: `proxy_is_verified`):
        /// with the nearest one, if there are several. `None` without a proxy, and without TLS to
        /// it.
        pub fn proxy_tls(&self) -> ::std::option::Option<&$crate::Session> {
            self.parts().sessions.proxy.as_deref()
        }

        /// Returns how much of the request's body was taken, if the response ended the sending
        /// before the end of the body: by a status of 400 or more, or by `Connection: close`.
        /// `None` if the body was sent whole, or there was none.
        pub fn body_taken(&self) -> ::std::option::Option<$crate::httpool::message::BodyTaken> {
            self.parts().body_taken
        }

        /// Returns the value of Location, as the server sent it, if the status is 301, 302, 303,
        /// 307 or 308 (urllib3: `get_redirect_location`). `None` also if it is not UTF-8.
        pub fn redirect_location(&self) -> ::std::option::Option<&str> {
            self.parts().redirect_location()
        }

        /// Returns whether the body comes in chunks (RFC 9112 7.1). True also for a response to HEAD
        /// that says so, although it has no body.
        pub fn is_chunked(&self) -> bool {
            self.parts().is_chunked()
        }

        /// Returns the response, if its status is below 400.
        ///
        /// # Errors
        /// The status is 400 or more: see [`Error::as_status`](crate::Error::as_status). The error
        /// has the head of the response, and the body is discarded.
        pub fn error_for_status(self) -> ::std::result::Result<Self, $crate::Error> {
            match self.parts().status_error() {
                ::std::option::Option::Some(error) => ::std::result::Result::Err(error),
                ::std::option::Option::None => ::std::result::Result::Ok(self),
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_too_long_once_what_came_and_what_is_known_to_follow_exceed_the_limit() {
        let limit = BodyLimit::new(5);
        for (collected, ahead, exceeded) in [
            (0, BodyLeft::Bytes(5), false),
            (0, BodyLeft::Bytes(6), true),
            (0, BodyLeft::Unknown, false),
            (5, BodyLeft::NONE, false),
            (5, BodyLeft::Bytes(1), true),
            (6, BodyLeft::NONE, true),
            (6, BodyLeft::Unknown, true),
        ] {
            assert_eq!(limit.is_exceeded(collected, ahead), exceeded, "{collected} {ahead:?}");
        }
        assert!(!BodyLimit::new(u64::MAX).is_exceeded(0, BodyLeft::Bytes(u64::MAX)));
    }

    #[test]
    fn a_redirect_has_a_location_and_a_status_that_is_one() {
        for (status, fields, location, chunked) in [
            (301, "Location: /a\r\n", Some("/a"), false),
            (302, "location: http://b/\r\n", Some("http://b/"), false),
            (303, "Location: ?c\r\n", Some("?c"), false),
            (307, "Location: /\r\n", Some("/"), false),
            (308, "Location: /\r\n", Some("/"), false),
            (302, "", None, false),
            (300, "Location: /a\r\n", None, false),
            (304, "Location: /a\r\n", None, false),
            (201, "Location: /a\r\nTransfer-Encoding: Chunked\r\n", None, true),
        ] {
            let input = format!("HTTP/1.1 {status} S\r\n{fields}\r\n");
            let head = received(&input);
            assert_eq!(redirect_location(&head), location, "{input}");
            assert_eq!(is_chunked(&head), chunked, "{input}");
        }
    }

    /// Returns the head that a connection parses out of `input`.
    fn received(input: &str) -> ResponseHead {
        use httpool::{
            h1::{Connection, Event, Target},
            limits::MessageLimits,
            message::Request,
        };

        let mut conn = Connection::new(MessageLimits::default());
        let request = Request::get("http://a/").build().unwrap();
        conn.send_request(&request, Target::Origin, &mut Vec::new()).unwrap();
        let (_, Event::Head(head)) = conn.receive(input.as_bytes()).unwrap() else { panic!() };
        let mut kept = ResponseHead::new();
        kept.set(&head);
        kept
    }
}
