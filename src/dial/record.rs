//! The inputs of a dial, and its recording.

use alloc::{borrow::Cow, vec::Vec};
use core::{fmt, net::SocketAddr};

use super::{Dial, DialPolicy, Families, Guard};
use crate::{
    error::{IoKind, ResolveKind, TlsKind},
    time::Instant,
    trace::{
        Described, Heard, Held, Kind, Pending, Received, Redaction, Shown, Value, inputs, note,
        settings, words,
    },
};

inputs! {
    /// The inputs of a dial. Each is recorded by the method that it calls on replay.
    enum Input<'i> for |dial: &mut Dial, pending: &mut Pending, held: &mut Held, now: Instant| {
        "needed-by" NeededBy(at: Option<Instant>) => dial.needed_by(at, now),
        "resolving" Resolving => dial.resolving(now),
        "resolve-queued" ResolveQueued => dial.resolve_queued(now),
        "resolve-failed" ResolveFailed(why: ResolveKind) => dial.resolve_failed(why, now),
        "resolved" Resolved(addrs: Cow<'i, [SocketAddr]>) => dial.resolved(&addrs, now),
        "connecting" Connecting(attempt: u8) => dial.connecting(attempt, now),
        "connected" Connected(attempt: u8) => dial.connected(attempt, now),
        "connect-failed" ConnectFailed(attempt: u8, why: IoKind) => {
            dial.connect_failed(attempt, why, now);
        },
        "abandoned" Abandoned(attempt: u8) => dial.abandoned(attempt),
        "writable" Writable => dial.poll_transmit(&mut Vec::new()),
        "received" Received(input: Received<'i>) => {
            pending.feed(&input, held, |bytes| dial.receive(bytes, now))?;
        },
        "tls-up" TlsUp(session: Described<'i>) => dial.tls_up(session.0, now),
        "tls-failed" TlsFailed(why: TlsKind) => dial.tls_failed(why, now),
        "lost" Lost(why: IoKind) => dial.lost(why, now),
        "timeout" Timeout => dial.handle_timeout(now),
    }
}

impl Dial {
    /// Records the policy and the key of the dial.
    pub(super) fn note_beginning(&mut self) {
        let Self { trace, now, key, policy, .. } = self;
        trace.show(*now, Kind::Event, format_args!("dial {key}"));
        trace.record(*now, Kind::Event, format_args!("policy{}", Shown(policy)));
        let key = note(|redaction, f| {
            f.write_str("dial ")?;
            key.write(redaction, f)
        });
        trace.record(*now, Kind::Event, key);
    }

    /// Traces bytes from a proxy. `taken` of them were consumed.
    pub(super) fn note_input(
        &mut self,
        input: &[u8],
        taken: usize,
        heard: Option<Heard<'_>>,
        now: Instant,
    ) {
        self.trace.show(now, Kind::Event, Input::Received(Received::Count(input.len())));
        let Some(heard) = heard else { return };
        self.known = heard.known_now().saturating_sub(taken);
        self.trace.record(now, Kind::Event, Input::Received(Received::Heard(&heard)));
    }
}

settings!(DialPolicy: resolve_timeout, connect_timeout, tls_timeout, race_after, families,
    tls_available, guard; and limits);

words!(Families: Any "any", V4 "v4", V6 "v6");

/// `10.0.0.0/8,fc00::/7+10.1.0.0/16+false`: the networks that are denied, those that are allowed all
/// the same, and whether a proxy may look names up. `+true` follows if Unix domain sockets may be
/// connected to.
impl Value for Guard {
    fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (denied, allowed, proxied_names, unix_sockets) = self.parts();
        denied.write(redaction, f)?;
        f.write_str("+")?;
        allowed.write(redaction, f)?;
        write!(f, "+{proxied_names}{}", if unix_sockets { "+true" } else { "" })
    }

    fn read(word: &str) -> Option<Self> {
        let mut parts = word.splitn(4, '+');
        let (denied, allowed, names) = (parts.next()?, parts.next()?, parts.next()?);
        let (denied, allowed) = (Value::read(denied)?, Value::read(allowed)?);
        let unix_sockets = parts.next().map_or(Some(false), Value::read)?;
        Some(Self::of_parts(denied, allowed, Value::read(names)?, unix_sockets))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::trace::read_settings;

    #[test]
    fn the_guard_of_a_dial_comes_back() {
        let net = |text: &str| text.parse().unwrap();
        let some = Guard::new().deny(net("10.0.0.0/8")).deny(net("fc00::/7")).allow(net("::1"));
        let text = Shown(&DialPolicy::default().guard(some.clone())).to_string();
        assert!(text.contains(" guard=10.0.0.0/8,fc00::/7+::1/128+false "), "{text}");
        let unix = Guard::global().allow_unix_sockets(true);
        for guard in [some, Guard::new(), Guard::global().allow_proxied_names(true), unix] {
            let policy = DialPolicy::default().guard(guard);
            let mut read = DialPolicy::default();
            assert_eq!(read_settings(&Shown(&policy).to_string(), &mut read), Some(()));
            assert_eq!(read, policy);
        }
    }
}
