//! The inputs of a pool, and its recording: its limits, and its keys by number.

use alloc::{borrow::Cow, format, vec::Vec};
use core::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use super::{Checkin, Dialing, Lease, Pool, Ticket, Want};
use crate::{
    error::DialError,
    id::{ConnId, LookUpId},
    limits::PoolLimits,
    message::{Credentials, Key},
    time::Instant,
    trace::{Arg, Kind, Redaction, Shown, Trace, Unescape, Words, ids, inputs, settings, words},
};

inputs! {
    /// The inputs of a pool. Each is recorded by the method that it calls on replay. `NewKey` is
    /// recorded before the first checkout of a key.
    enum Input<'i> for |pool: &mut Pool<()>, keys: &mut Vec<Key>, now: Instant| {
        "key" NewKey(number: u32, key: Cow<'i, Key>) => learn(keys, number, key.into_owned())?,
        "checkout" Checkout(key: u32, want: Want) => {
            let key = known(keys, key)?;
            // The result is among the recorded actions.
            let _ = pool.checkout(key, want, now);
        },
        "claim" Claim(ticket: Ticket) => drop(pool.claim(ticket, now)),
        "cancel" Cancel(ticket: Ticket) => pool.cancel(ticket, now),
        "checkin" Checkin(conn: ConnId, how: How) => {
            pool.checkin(Lease::replayed(conn), how.into(), now);
        },
        "connected" Connected(conn: ConnId) => pool.dial_connected(conn),
        "peer" Peer(conn: ConnId, ip: IpAddr) => pool.dial_peer(conn, ip),
        "dialed" Dialed(conn: ConnId) => pool.dialed(conn, (), now),
        "dial-failed" DialFailed(conn: ConnId, why: DialError) => pool.dial_failed(conn, why, now),
        "dial-abandoned" DialAbandoned(conn: ConnId) => pool.dial_abandoned(conn, now),
        "lost" Lost(conn: ConnId) => pool.idle_lost(conn),
        "dead" Dead(conn: ConnId) => pool.checkin_dead(Lease::replayed(conn), now),
        "watch" Watch(key: u32) => pool.watch(known(keys, key)?),
        "unwatch" Unwatch(key: u32) => pool.unwatch(known(keys, key)?),
        "close-key" CloseKey(key: u32) => pool.close_key(known(keys, key)?, now),
        "retire" Retire => pool.retire(now),
        "looked-up" LookedUp(look_up: LookUpId, addrs: Cow<'i, [SocketAddr]>) => {
            pool.looked_up(look_up, &addrs, now);
        },
        "close" Close => pool.close(),
        "timeout" Timeout => pool.handle_timeout(now),
    }
}

ids!(Ticket, 't');
ids!(LookUpId, 'l');

/// Returns the key of a replay with this number.
fn known(keys: &[Key], number: u32) -> Result<&Key, Unescape> {
    keys.get(number as usize).ok_or(Unescape::Malformed)
}

/// Adds a key to those of a replay, with the next number.
fn learn(keys: &mut Vec<Key>, number: u32, key: Key) -> Result<(), Unescape> {
    if number as usize != keys.len() {
        return Err(Unescape::Malformed);
    }
    keys.push(if keys.contains(&key) { distinct_key(key, number) } else { key });
    Ok(())
}

/// Makes a key that differs from one that looks the same because its credentials are redacted. The
/// pool only compares keys, so the change does no harm.
fn distinct_key(key: Key, number: u32) -> Key {
    let mut hops = key.hops().to_vec();
    let Some(hop) = hops.iter_mut().find(|hop| hop.credentials().is_some()) else { return key };
    if let Some(credentials) = hop.credentials() {
        let password = format!("{}#{number}", credentials.password());
        *hop = hop.clone().with_credentials(Credentials::new(credentials.user(), &password));
    }
    key.through(hops)
}

impl Arg<'_> for Want {
    fn write_after_space(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }

    fn read_from(words: &mut Words<'_>) -> Option<Self> {
        let mut want = Self::default();
        while let Some(word) = words.next() {
            match word {
                "fresh" => want.fresh = true,
                "repeatable" => want.repeatable = true,
                "retry" => want.retry = true,
                _ => return None,
            }
        }
        Some(want)
    }
}

/// A [`Checkin`] without its connection.
pub(crate) enum How {
    Keep,
    Discard,
}

words!(How: Keep "keep", Discard "discard");

impl<T> From<&Checkin<T>> for How {
    fn from(how: &Checkin<T>) -> Self {
        if matches!(how, Checkin::Keep(_)) { Self::Keep } else { Self::Discard }
    }
}

impl From<How> for Checkin<()> {
    fn from(how: How) -> Self {
        if matches!(how, How::Keep) { Self::Keep(()) } else { Self::Discard }
    }
}

/// Everything that a pool is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    pub(crate) limits: PoolLimits,
    pub(crate) dialing: Dialing,
}

settings!(Setup: dialing; and limits);

words!(Dialing: Shared "shared", PerThread "per-thread");

impl<T> Pool<T> {
    /// Traces every event and every action. For a complete recording, call this before the first
    /// event.
    pub fn set_trace(&mut self, trace: Trace) {
        self.trace = trace;
        let setup = Setup { limits: self.limits, dialing: self.dialing_by };
        self.trace.record(self.now, Kind::Event, format_args!("limits{}", Shown(&setup)));
    }

    pub(crate) fn trace_mut(&mut self) -> &mut Trace {
        &mut self.trace
    }

    /// Traces the checkout. A key is written out once and then named by its number, so that two
    /// keys that redaction makes equal stay different.
    pub(super) fn note_checkout(&mut self, key: &Key, want: Want) {
        self.note_key(key, |number| Input::Checkout(number, want));
    }

    /// Traces an input that names a key.
    pub(super) fn note_key(&mut self, key: &Key, input: impl FnOnce(u32) -> Input<'static>) {
        if self.trace.is_on() {
            let (number, new) = self.trace.number(key);
            if new {
                self.trace.event(self.now, Input::NewKey(number, Cow::Borrowed(key)));
            }
            self.trace.event(self.now, input(number));
        }
    }
}
