//! What may be done on the application's behalf.

use alloc::sync::Arc;
use core::{net::IpAddr, time::Duration};

use super::{Redirect, Retry, Timeout};
use crate::message::{Hop, Key, Origin, Scheme, TlsId};

/// Redirects, retries, deadlines and routes of a call: plain data, shared by all calls that follow
/// it.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Policy {
    /// Which redirects are followed, and what they keep.
    pub redirect: Redirect,
    /// Which failures are tried again, how often, and after how long.
    pub retry: Retry,
    /// How long each phase may take.
    pub timeout: Timeout,
    /// How an origin is reached.
    pub routes: Routes,
    /// Whether a request that is not idempotent may be sent again when a connection that had been
    /// idle turns out dead and nothing of an answer came. False by default: the server may have
    /// acted (RFC 9110 9.2.2).
    pub repeat_unsafe: bool,
    /// Whether 1xx responses are passed on to the application. False by default.
    pub show_interim: bool,
    /// Most bytes of a body that nobody wants (a redirect's, or one that the application leaves) to
    /// be read so that the connection can be kept; behind that it is closed. 64 KiB by default.
    pub drain_bytes_max: DrainBytes,
    /// Longest time to read such a body, counted from the head of the response or from the moment
    /// the application leaves it; then the connection is closed and the call goes on. It takes the
    /// place of [`Timeout::stall`] meanwhile. 500 ms by default; zero takes only what has come.
    pub drain_time_max: DrainTime,
}

/// A count of bytes, 64 Ki by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is a number and will stay one")]
pub struct DrainBytes(pub u64);

impl Default for DrainBytes {
    fn default() -> Self {
        Self(64 * 1024)
    }
}

/// A length of time, 500 ms by default.
///
/// That is longer than a round trip to the other side of the world, and costs a redirect less than a
/// new connection over TLS to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is a duration and will stay one")]
pub struct DrainTime(pub Duration);

impl Default for DrainTime {
    fn default() -> Self {
        Self(Duration::from_millis(500))
    }
}

/// By which way, with which TLS configuration and from which address an origin is reached, so that a
/// redirect finds its connections without a driver's help.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Routes {
    /// For `http` origins.
    pub http: Route,
    /// For `https` origins.
    pub https: Route,
    /// The TLS configuration for `https` origins.
    pub tls: TlsId,
    /// The address to connect from (urllib3: `source_address`).
    pub local: Option<IpAddr>,
}

/// One way to an origin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Route {
    /// Straight to it.
    #[default]
    Direct,
    /// Through proxies that pass bytes on, the nearest first.
    Tunnel(Arc<[Hop]>),
}

impl Routes {
    /// What connections to `origin` are shared by.
    pub(crate) fn key(&self, origin: &Origin) -> Key {
        let key = Key::direct(origin.clone()).with_local(self.local);
        let (key, route) = match origin.scheme() {
            Scheme::Http => (key, &self.http),
            Scheme::Https => (key.with_tls(self.tls), &self.https),
        };
        match route {
            Route::Direct => key,
            Route::Tunnel(hops) => key.through(hops.clone()),
        }
    }
}
