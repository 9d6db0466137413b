//! Asks the guard before anything is dialed.

use alloc::{borrow::Cow, vec::Vec};
use core::net::SocketAddr;

use super::{Dial, DialPolicy, Families, address::literal, tunnel::takes_address_only};
use crate::{
    error::{Denied, DialError},
    mutation::{Mutation, mutated},
};

impl Dial {
    /// Judges all addresses that are known without a look-up, and the names that proxies look up.
    pub(super) fn judge_stops(&self) -> Result<(), Denied> {
        let guard = &self.policy.guard;
        if self.key.unix().is_some() {
            guard.judge_unix()?;
        } else if let Some(addr) = literal(self.origin(0)) {
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

    /// Returns the addresses of the right IP version that the guard permits. Fails if none is left.
    pub(super) fn permitted<'a>(
        &self,
        addrs: &'a [SocketAddr],
    ) -> Result<Cow<'a, [SocketAddr]>, DialError> {
        let DialPolicy { guard, families, .. } = &self.policy;
        let open = guard.is_open() || mutated(Mutation::UnguardedLookUp);
        if open && *families == Families::Any {
            return Ok(addrs.into());
        }
        let fits = |addr: &&SocketAddr| families.contains(addr.ip());
        let permits = |addr: &&SocketAddr| open || guard.permits(addr.ip());
        let permitted: Vec<_> = addrs.iter().filter(fits).filter(permits).copied().collect();
        match (addrs.first(), addrs.iter().find(fits)) {
            (Some(_), None) => Err(DialError::Family),
            (_, Some(addr)) if permitted.is_empty() => match guard.judge(addr.ip()) {
                Err(why) => Err(DialError::Denied(why)),
                Ok(()) => Ok(permitted.into()),
            },
            (None, _) | (_, Some(_)) => Ok(permitted.into()),
        }
    }
}
