//! Replays a pool.

use alloc::{format, vec::Vec};

use super::{
    Event, Malformed,
    line::{conn, number, ticket},
};
use crate::{
    limits::PoolLimits,
    message::{Credentials, Key},
    pool::{Checkin, Lease, Pool, Want},
    trace::{Trace, Value, parse_dial_error, read_settings},
};

#[derive(Default)]
pub(super) struct Replayer {
    pool: Option<Pool<()>>,
    keys: Vec<Key>,
}

impl Replayer {
    /// Feeds an event to the pool. Returns whether a pool began with it.
    pub(super) fn feed(
        &mut self,
        event: &Event<'_>,
        trace: impl Fn() -> Trace,
    ) -> Result<bool, Malformed> {
        if event.verb == "limits" {
            let mut limits = PoolLimits::default();
            read_settings(event.rest, &mut limits).ok_or(Malformed::Setting)?;
            let mut pool = Pool::new(limits);
            pool.set_trace(trace());
            *self = Self { pool: Some(pool), keys: Vec::new() };
            return Ok(true);
        }
        let pool = self.pool.as_mut().ok_or(Malformed::Beginning)?;
        apply(pool, &mut self.keys, event).ok_or(Malformed::Event)?;
        while pool.poll_action().is_some() {}
        Ok(false)
    }

    pub(super) fn trace(&mut self) -> Option<&mut Trace> {
        self.pool.as_mut().map(Pool::trace_mut)
    }
}

fn apply(pool: &mut Pool<()>, keys: &mut Vec<Key>, event: &Event<'_>) -> Option<()> {
    let Event { at, verb, rest } = *event;
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    match verb {
        "key" => {
            if number::<usize>(first)? != keys.len() {
                return None;
            }
            let key = Key::read(second)?;
            keys.push(if keys.contains(&key) { distinct_key(key, keys.len()) } else { key });
        }
        "checkout" => {
            let key = keys.get(number::<usize>(first)?)?;
            // The result is among the recorded actions.
            let _ = pool.checkout(key, want(second)?, at);
        }
        "claim" => drop(pool.claim(ticket(first)?, at)),
        "cancel" => pool.cancel(ticket(first)?, at),
        "checkin" => {
            let how = match second {
                "keep" => Checkin::Keep(()),
                "discard" => Checkin::Discard,
                _ => return None,
            };
            pool.checkin(Lease::replayed(conn(first)?), how, at);
        }
        "connected" => pool.dial_connected(conn(first)?),
        "dialed" => pool.dialed(conn(first)?, (), at),
        "dial-failed" => pool.dial_failed(conn(first)?, parse_dial_error(second)?, at),
        "dial-abandoned" => pool.dial_abandoned(conn(first)?, at),
        "lost" => pool.idle_lost(conn(first)?),
        "close" => pool.close(),
        "timeout" => pool.handle_timeout(at),
        _ => return None,
    }
    Some(())
}

fn want(words: &str) -> Option<Want> {
    let mut want = Want::default();
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        match word {
            "fresh" => want.fresh = true,
            "repeatable" => want.repeatable = true,
            "retry" => want.retry = true,
            _ => return None,
        }
    }
    Some(want)
}

/// Makes a key that differs from one that looks the same because its credentials are redacted. The
/// pool only compares keys, so the change does no harm.
fn distinct_key(key: Key, number: usize) -> Key {
    let mut hops = key.hops().to_vec();
    let Some(hop) = hops.iter_mut().find(|hop| hop.credentials().is_some()) else { return key };
    if let Some(credentials) = hop.credentials() {
        let password = format!("{}#{number}", credentials.password());
        *hop = hop.clone().with_credentials(Credentials::new(credentials.user(), &password));
    }
    key.through(hops)
}
