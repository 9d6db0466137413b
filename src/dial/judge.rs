//! Asks the guard before anything is dialed.

use alloc::{borrow::Cow, vec::Vec};
use core::net::SocketAddr;

use super::{Dial, address::literal, tunnel::takes_address_only};
use crate::{
    error::Denied,
    mutation::{Mutation, mutated},
};

impl Dial {
    /// Judges all addresses that are known without a look-up, and the names that proxies look up.
    pub(super) fn judge_stops(&self) -> Result<(), Denied> {
        let guard = &self.policy.guard;
        if let Some(addr) = literal(self.origin(0)) {
            guard.judge(addr)?;
        }
        for (stop, hop) in self.key.hops().iter().enumerate() {
            let next = self.origin(stop + 1);
            if literal(next).is_some() || !takes_address_only(hop.kind()) {
                guard.judge_proxied(next)?;
            }
        }
        Ok(())
    }

    /// Returns the addresses that the guard permits. Fails if it denies all of them.
    pub(super) fn permitted<'a>(
        &self,
        addrs: &'a [SocketAddr],
    ) -> Result<Cow<'a, [SocketAddr]>, Denied> {
        let guard = &self.policy.guard;
        if guard.is_open() || mutated(Mutation::UnguardedLookUp) {
            return Ok(addrs.into());
        }
        let permitted: Vec<_> = addrs.iter().filter(|it| guard.permits(it.ip())).copied().collect();
        match addrs.first() {
            Some(addr) if permitted.is_empty() => guard.judge(addr.ip()).map(|()| addrs.into()),
            Some(_) | None => Ok(permitted.into()),
        }
    }
}
