//! The response of a proxy that refuses a tunnel, and the peer of a handshake that failed.

use alloc::vec::Vec;
use core::fmt;

use super::{machine::Dial, stage::Stage};
use crate::{
    error::{DialError, TlsKind},
    limits::PROXY_BODY_BYTES_MAX,
    message::{Head, Origin, ResponseHead},
};

/// The response of an HTTP proxy to CONNECT that was not a 2xx: its head, and the beginning of its
/// body, which may tell a person why.
///
/// It comes from the proxy and not from the origin, also if the origin is reached by TLS. Do not
/// show it as the origin's page, follow its redirects, or store its cookies: whoever answers in the
/// place of the proxy could speak for the origin then (RFC 9110 section 9.3.6).
#[derive(Clone)]
pub struct ProxyResponse {
    head: ResponseHead,
    body: Vec<u8>,
}

impl ProxyResponse {
    pub(super) fn new(head: &Head<'_>) -> Self {
        let mut owned = ResponseHead::new();
        owned.set(head);
        Self { head: owned, body: Vec::new() }
    }

    /// Appends a piece of the body, up to the limit. Returns whether more may be appended.
    pub(super) fn append(&mut self, data: &[u8]) -> bool {
        let room = PROXY_BODY_BYTES_MAX - self.body.len();
        self.body.extend_from_slice(data.get(..room).unwrap_or(data));
        self.body.len() < PROXY_BODY_BYTES_MAX
    }

    /// Returns the head: a status such as 407, and fields such as `Proxy-Authenticate`.
    pub const fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// Returns the body as far as it was received, without chunked framing, and with any content
    /// coding. It is cut after [`PROXY_BODY_BYTES_MAX`] bytes, and where the proxy closed the
    /// connection or sent nothing for [`PROXY_BODY_WAIT`](crate::limits::PROXY_BODY_WAIT).
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl Dial {
    /// Fails the dial, because the TLS handshake with the current stop failed.
    pub(super) fn handshake_failed(&mut self, why: TlsKind) {
        let behind = self.stop == self.key.hops().len();
        self.fail(if behind { DialError::Tls(why) } else { DialError::ProxyTls(why) });
    }

    /// Returns the peer of the handshake that failed: a proxy, or the peer of the key.
    pub(crate) fn failed_handshake(&self) -> Option<&Origin> {
        let of_tls =
            matches!(self.stage, Stage::Failed(DialError::Tls(_) | DialError::ProxyTls(_)));
        of_tls.then(|| self.origin(self.stop))
    }
}

impl fmt::Debug for ProxyResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} and {} bytes of body", self.head, self.body.len())
    }
}
