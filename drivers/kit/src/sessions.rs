//! The TLS sessions of a connection: with the origin, and with a proxy.

use std::sync::Arc;

use httpool::{
    call::Call,
    message::{Origin, Scheme},
};

use crate::Session;

/// The peers that a call speaks TLS with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Secured {
    /// The proxy that the connection is opened to.
    pub proxy: bool,
    /// The origin. Not if a proxy forwards the request: nothing is known of its session with the
    /// origin.
    pub origin: bool,
}

impl Secured {
    /// Returns them for the connection of the current attempt.
    pub fn of(call: &Call) -> Self {
        let by_tls = |peer: &Origin| peer.scheme() == Scheme::Https;
        Self {
            proxy: call.nearest_proxy().is_some_and(by_tls),
            origin: !call.is_forwarded() && by_tls(call.request().origin()),
        }
    }
}

/// The sessions of the connection that a response came over, by their peers.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Sessions {
    /// With the proxy that the connection was opened to.
    pub proxy: Option<Arc<Session>>,
    /// With the origin.
    pub origin: Option<Arc<Session>>,
}

impl Sessions {
    /// Returns the sessions of the connection that `call` uses. `first` is the one whose handshake
    /// was first, and `last` the one whose handshake was last; often they are the same.
    pub fn of(call: &Call, first: Option<Arc<Session>>, last: Option<Arc<Session>>) -> Self {
        let secured = Secured::of(call);
        Self { proxy: first.filter(|_| secured.proxy), origin: last.filter(|_| secured.origin) }
    }
}
