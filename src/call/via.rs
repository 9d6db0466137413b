//! Sends a request to its origin, or to a proxy that forwards it.

use alloc::boxed::Box;

use super::{Call, state::State};
use crate::{
    dial::{self, Dial, Guard, ProxyResponse},
    error::{Cause, DialError, Phase, Unavailable},
    h1::Target,
    message::{Origin, Request},
    mutation::{Mutation, mutated},
};

impl Call {
    /// The policy of a dial that begins for this call: `policy`, with a connect timeout that is not
    /// shorter than the call's own.
    pub fn dial_policy(&self, policy: &dial::DialPolicy) -> dial::DialPolicy {
        let own = self.policy.timeout.connect.unwrap_or_default();
        let timeout = policy.connect_timeout.map(|timeout| timeout.max(own));
        policy.clone().connect_timeout(timeout)
    }

    /// Takes over from `dial`, which ran for this call and has failed, the response of a proxy that
    /// refused the tunnel, and the address of a proxy with which the TLS handshake failed. The
    /// error of the call can show them then.
    pub fn keep_proxy_response(&mut self, dial: &mut Dial) {
        let refused = dial.take_proxy_response().map(AtProxy::Refused);
        let failed = || dial.failed_handshake().cloned().map(AtProxy::Handshake);
        self.at_proxy = refused.or_else(failed).map(Box::new);
    }

    /// Returns the proxy with which the TLS handshake failed, if the call has failed for that
    /// ([`DialError::ProxyTls`]).
    pub fn failed_proxy(&self) -> Option<&Origin> {
        let State::Failed(failure) = &self.state else { return None };
        let of_proxy =
            matches!(failure.cause, Cause::Unavailable(Unavailable::Dial(DialError::ProxyTls(_))));
        match self.at_proxy.as_deref() {
            Some(AtProxy::Handshake(proxy)) if of_proxy => Some(proxy),
            _ => None,
        }
    }

    /// The failure of a dial, as this call sees it: a proxy that forwards is the peer of the dial.
    pub(super) const fn seen(&self, why: Unavailable) -> Unavailable {
        if let Unavailable::Dial(DialError::Tls(why)) = why
            && self.forwards
        {
            return Unavailable::Dial(DialError::ProxyTls(why));
        }
        why
    }

    /// Returns the response of the HTTP proxy that refused the tunnel, if the call has failed for
    /// that.
    pub fn proxy_response(&self) -> Option<&ProxyResponse> {
        let State::Failed(failure) = &self.state else { return None };
        let refused = matches!(
            failure.cause,
            Cause::Unavailable(Unavailable::Dial(
                DialError::ProxyRefused(_) | DialError::ProxyLogin(_),
            ))
        );
        match self.at_proxy.as_deref() {
            Some(AtProxy::Refused(response)) if refused => Some(response),
            _ => None,
        }
    }

    /// Sets the guard of the client, for an origin that a proxy reaches by forwarding the request:
    /// no connection is opened to it, so that no dial could judge it. A
    /// request to a denied one fails with [`DialError::Denied`]. Call this before the first event.
    pub fn set_guard(&mut self, guard: &Guard) {
        if !guard.is_open() && self.policy.routes.may_forward() {
            self.guard = guard.clone();
            self.judge_origin();
        }
    }

    /// Fails the call if the guard denies the origin of a request that is to be forwarded.
    pub(super) fn judge_origin(&mut self) {
        if self.forwards
            && !(self.redirects > 0 && mutated(Mutation::UnjudgedRedirect))
            && let Err(why) = self.guard.judge_proxied(self.request.origin())
        {
            self.fail(
                Cause::Unavailable(Unavailable::Dial(DialError::Denied(why))),
                Phase::Checkout,
            );
        }
    }

    /// Makes `request`, which follows a redirect, the current one, and chooses its way.
    pub(super) fn turn_to(&mut self, request: Request) {
        let routes = &self.policy.routes;
        let same_proxy = || {
            self.forwards
                && routes.forwarder(self.request.origin()) == routes.forwarder(request.origin())
        };
        let keep = !request.is_for_proxy() || same_proxy();
        (self.key, self.forwards) = routes.key(request.origin());
        self.request = if keep { request } else { for_origin(request) };
    }

    /// The form in which the current request is sent, with the fields for the proxy.
    pub(super) fn target(&self) -> Target<'_> {
        let routes = &self.policy.routes;
        if self.forwards {
            Target::Absolute(routes.forwarder(self.request.origin()))
        } else if self.redirects > 0 && mutated(Mutation::ProxyFieldsToOrigin) {
            Target::Absolute(routes.http.hops().last())
        } else {
            Target::Origin
        }
    }
}

/// The part of a dial that has failed at a proxy which the error of the call can show.
#[derive(Debug)]
pub(super) enum AtProxy {
    /// The response that refused the tunnel.
    Refused(Box<ProxyResponse>),
    /// The proxy with which the TLS handshake failed.
    Handshake(Origin),
}

/// The request without a Proxy-Authorization of its own: the field is for the next proxy alone (RFC
/// 9110 11.7.2).
pub(super) fn for_origin(request: Request) -> Request {
    if request.is_for_proxy() { request.without_proxy_authorization() } else { request }
}
