//! Records a dial: its key and policy, and the bytes of proxies.

use super::{Dial, DialPolicy};
use crate::{
    time::Instant,
    trace::{Heard, Kind, ReadInto, Settings, Shown, Value},
};

impl Dial {
    /// Records the policy and the key of the dial.
    pub(super) fn note_beginning(&mut self) {
        let Self { trace, now, key, policy, .. } = self;
        trace.show(*now, Kind::Event, format_args!("dial {key}"));
        trace.record(*now, Kind::Event, |redaction, f| {
            f.write_str("policy")?;
            Shown(policy).write(redaction, f)
        });
        trace.record(*now, Kind::Event, |redaction, f| {
            f.write_str("dial ")?;
            key.write(redaction, f)
        });
    }

    /// Records bytes from a proxy, and how many of them were consumed.
    pub(super) fn note_input(
        &mut self,
        input: &[u8],
        taken: usize,
        heard: Option<Heard<'_>>,
        now: Instant,
    ) {
        self.trace.show(now, Kind::Event, format_args!("received {taken} of {}", input.len()));
        let Some(heard) = heard else { return };
        self.known = heard.known_now().saturating_sub(taken);
        self.trace.record(now, Kind::Event, |redaction, f| {
            f.write_str("received ")?;
            heard.write(redaction, f)
        });
    }
}

impl Settings for DialPolicy {
    fn each(&mut self, visit: &mut dyn FnMut(&str, &mut dyn ReadInto)) {
        let Self {
            resolve_timeout,
            connect_timeout,
            tls_timeout,
            race_after,
            tls_available,
            limits,
        } = self;
        visit("resolve", resolve_timeout);
        visit("connect", connect_timeout);
        visit("tls", tls_timeout);
        visit("race", race_after);
        visit("tls-available", tls_available);
        limits.each(visit);
    }
}
