//! The state that a pool or a manager shares with its calls.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use httpool::{
    call::Policy,
    error::RequestError,
    message::{Key, Method, Origin},
};

use super::{PoolOptions, options::Size};
use crate::{Client, Error, RequestBuilder};

/// A client, seen as a pool for one origin or as a manager of many.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) client: Client,
    pub(super) policy: Arc<Policy>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) size: Size,
    pub(super) pool: Option<Part>,
}

/// The part of a client that a pool shows.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) origin: Origin,
    key: Key,
    /// Whether the pool was closed. Only used if it does not own its client.
    gate: Arc<AtomicBool>,
    owns_client: bool,
}

/// A snapshot of the connections of a pool.
///
/// The counts of a pool that was made by a manager are those of all calls with the same key: host,
/// proxies, TLS settings, local address, and size where it is not the manager's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PoolStats {
    /// Connections that were opened so far (urllib3: `num_connections`).
    pub num_connections: u64,
    /// Requests that were sent so far, each attempt counted (urllib3: `num_requests`).
    pub num_requests: u64,
    /// Connections that are idle.
    pub idle: usize,
    /// Connections in use.
    pub in_use: usize,
    /// Connections that are being opened.
    pub opening: usize,
    /// Calls that wait for a connection.
    pub waiting: usize,
}

impl Engine {
    /// Makes the engine of a pool that has a client of its own.
    pub(super) fn of_pool(origin: Origin, options: &PoolOptions) -> Self {
        Self::of_manager(usize::MAX, options).narrowed(origin, true)
    }

    /// Makes the engine of a manager.
    pub(super) fn of_manager(num_pools: usize, options: &PoolOptions) -> Self {
        let (client, policy) = options.build(num_pools);
        let headers = options.headers.clone().unwrap_or_default();
        let size = options.size_beside(Size::default());
        Self { client, policy: Arc::new(policy), headers, size, pool: None }
    }

    /// Makes the engine of a pool of this manager.
    pub(super) fn pool(&self, origin: Origin, options: &PoolOptions) -> Self {
        let mut policy = options.overlay(Policy::clone(&self.policy));
        let size = options.size_beside(self.size);
        if size != self.size {
            policy.routes.limits = Some(size.limits());
        }
        let (client, policy) = (self.client.clone(), Arc::new(policy));
        let headers = options.headers.as_ref().unwrap_or(&self.headers).clone();
        Self { client, policy, headers, size, pool: None }.narrowed(origin, false)
    }

    fn narrowed(mut self, origin: Origin, owns_client: bool) -> Self {
        Arc::make_mut(&mut self.policy).redirect.same_origin = true;
        let key = self.policy.routes.key_of(&origin);
        self.client.shared().settled(|locked, _| locked.pool.watch(&key));
        self.pool = Some(Part { origin, key, gate: Arc::default(), owns_client });
        self
    }

    /// Begins a request. A pool takes a target, which is sent as it is given, or a URL; a manager
    /// takes a URL.
    pub(super) fn begin(
        &self,
        method: Method,
        url: &str,
        assert_same_host: bool,
    ) -> Result<RequestBuilder, Error> {
        let Some(part) = &self.pool else { return Ok(self.client.request(method, url)) };
        let request = if is_target(url) {
            self.client.request(method, &part.origin.url_of(url)).target(url)
        } else {
            let origin = Origin::parse(url).map_err(Error::request)?;
            if assert_same_host && origin != part.origin {
                return Err(Error::request(RequestError::OtherHost));
            }
            self.client.request(method, url)
        };
        Ok(request.gate(part.gate.clone()))
    }

    /// Returns whether a target or a URL is for the host of the pool.
    pub(super) fn is_same_host(&self, url: &str) -> bool {
        let own = |part: &Part| Origin::parse(url).is_ok_and(|origin| origin == part.origin);
        is_target(url) || self.pool.as_ref().is_some_and(own)
    }

    /// Returns the origin of the pool. Only a pool asks for it.
    pub(super) fn origin(&self) -> &Origin {
        &self.pool.as_ref().expect("a pool has an origin").origin
    }

    pub(super) fn stats(&self) -> PoolStats {
        let Some(Part { key, .. }) = &self.pool else { return PoolStats::default() };
        self.client.shared().settled(|locked, _| {
            let (now, uses) = (locked.pool.key_stats(key), locked.pool.key_uses(key));
            PoolStats {
                num_connections: uses.opened,
                num_requests: uses.leases,
                idle: now.idle,
                in_use: now.leased,
                opening: now.dialing,
                waiting: now.waiting,
            }
        })
    }

    pub(super) fn close(&self) {
        match &self.pool {
            Some(Part { owns_client: false, key, gate, .. }) => {
                self.client.shared().settled(|locked, now| {
                    gate.store(true, Relaxed);
                    locked.pool.close_key(key, now);
                });
            }
            _ => self.client.close(),
        }
    }

    /// Closes the connections of all pools of a manager.
    pub(super) fn clear(&self) {
        self.client.shared().settled(|locked, now| locked.pool.retire(now));
    }
}

/// Returns whether the text is a target rather than a URL. An empty one is a target that is refused.
fn is_target(text: &str) -> bool {
    text.is_empty() || text.starts_with('/') || text == "*"
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(Part { key, .. }) = &self.pool {
            self.client.shared().settled(|locked, _| locked.pool.unwatch(key));
        }
    }
}
