//! Writes and reads settings as `name=value` words. One list of names serves both.

use alloc::vec::Vec;
use core::fmt;

use super::{Redaction, value::ReadInto};
use crate::limits::{MessageLimits, PoolLimits, RetryBudget};

/// Plain data with named parts.
pub(crate) trait Settings: Clone {
    /// Calls `visit` with each part and its name.
    fn each(&mut self, visit: &mut dyn FnMut(&str, &mut dyn ReadInto));
}

/// Writes settings as words, each after a space.
pub(crate) struct Shown<'a, S>(pub(crate) &'a S);

impl<S: Settings> Shown<'_, S> {
    pub(crate) fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        // The list needs mutable access, because it also serves reading. So write from a copy.
        self.0.clone().each(&mut |name, value| {
            if result.is_ok() {
                result = write!(f, " {name}=").and_then(|()| value.write(redaction, f));
            }
        });
        result
    }
}

/// Only for settings without secrets: nothing is redacted.
impl<S: Settings> fmt::Display for Shown<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(&Redaction::default(), f)
    }
}

/// Reads words into `settings`. Parts that are not named keep their value. `None` if a name or
/// value is unknown.
pub(crate) fn read_settings(text: &str, settings: &mut impl Settings) -> Option<()> {
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let (wanted, text) = word.split_once('=')?;
        let mut read = false;
        settings.each(&mut |name, value| read |= name == wanted && value.read_into(text));
        read.then_some(())?;
    }
    Some(())
}

impl Settings for MessageLimits {
    fn each(&mut self, visit: &mut dyn FnMut(&str, &mut dyn ReadInto)) {
        let Self { head_bytes_max, fields_max, interim_max, chunk_overhead_bytes_max } = self;
        visit("head", head_bytes_max);
        visit("fields", fields_max);
        visit("interim", interim_max);
        visit("overhead", chunk_overhead_bytes_max);
    }
}

impl Settings for PoolLimits {
    fn each(&mut self, visit: &mut dyn FnMut(&str, &mut dyn ReadInto)) {
        let Self {
            open_max,
            open_per_key_max,
            idle_per_key_max,
            dialing_per_key_max,
            waiting_max,
            waiting_per_key_max,
            idle_max,
            age_max,
            probe_after,
            own_dials,
            retry_budget,
        } = self;
        visit("open", open_max);
        visit("open-per-key", open_per_key_max);
        visit("idle-per-key", idle_per_key_max);
        visit("dialing-per-key", dialing_per_key_max);
        visit("waiting", waiting_max);
        visit("waiting-per-key", waiting_per_key_max);
        visit("idle-time", idle_max);
        visit("age", age_max);
        visit("probe-after", probe_after);
        visit("own-dials", own_dials);
        let mut budget =
            retry_budget.map(|RetryBudget { percent, burst }| Vec::from([percent, burst]));
        visit("retry-budget", &mut budget);
        *retry_budget = match budget.as_deref() {
            Some([percent, burst]) => Some(RetryBudget::new(*percent, *burst)),
            _ => None,
        };
    }
}

impl Settings for Redaction {
    fn each(&mut self, visit: &mut dyn FnMut(&str, &mut dyn ReadInto)) {
        let Self { secrets, queries, bodies, fields } = self;
        visit("secrets", secrets);
        visit("queries", queries);
        visit("bodies", bodies);
        visit("fields", fields);
    }
}

impl Redaction {
    /// Writes the second line of a recording, which lists what it keeps.
    pub(super) fn header(&self) -> impl fmt::Display + '_ {
        Header(self)
    }
}

struct Header<'a>(&'a Redaction);

impl fmt::Display for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kept{}", Shown(self.0))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn settings_come_back() {
        let mut limits = PoolLimits::default();
        limits.retry_budget = Some(RetryBudget::new(3, 7));
        limits.own_dials = true;
        let text = Shown(&limits).to_string();
        let mut read = PoolLimits::default();
        assert_eq!(read_settings(&text, &mut read), Some(()));
        assert_eq!(read, limits);
        for bad in ["open", "open=x", "opened=1", "open=1 own-dials=maybe"] {
            assert_eq!(read_settings(bad, &mut read), None, "{bad}");
        }
    }
}
