//! Writes and reads settings as `name=value` words. One list of names serves both.

use core::fmt;

use super::{Redaction, value::ReadInto};
use crate::limits::{MessageLimits, PoolLimits};

/// Plain data with named parts.
pub(crate) trait Settings {
    /// Calls `visit` with each part and its name.
    fn each(&mut self, visit: &mut dyn FnMut(&str, &mut dyn ReadInto));
}

/// Writes settings as words, each after a space.
pub(crate) struct Shown<'a, S>(pub(crate) &'a S);

impl<S: Settings + Clone> Shown<'_, S> {
    pub(crate) fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The list needs mutable access, because it also serves reading. So write from a copy.
        write_settings(&mut self.0.clone(), redaction, f)
    }
}

/// Only for settings without secrets: nothing is redacted.
impl<S: Settings + Clone> fmt::Display for Shown<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(&Redaction::DEFAULT, f)
    }
}

/// Writes settings as words, each after a space.
pub(crate) fn write_settings(
    settings: &mut dyn Settings,
    redaction: &Redaction,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let mut result = Ok(());
    settings.each(&mut |name, value| {
        if result.is_ok() {
            result = write!(f, " {name}=").and_then(|()| value.write(redaction, f));
        }
    });
    result
}

/// Reads words into `settings`. Parts that are not named keep their value. `None` if a name or
/// value is unknown.
pub(crate) fn read_settings(text: &str, settings: &mut dyn Settings) -> Option<()> {
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let (wanted, text) = word.split_once('=')?;
        let mut read = false;
        settings.each(&mut |name, value| read |= name == wanted && value.read_into(text));
        read.then_some(())?;
    }
    Some(())
}

/// Lists the parts of a type. Each has the name of its field.
macro_rules! settings {
    ($type:ident: $($field:ident),+ $(; and $nested:ident)? $(; without $($other:ident),+)?) => {
        impl $crate::trace::Settings for $type {
            fn each(&mut self, visit: &mut dyn FnMut(&str, &mut dyn $crate::trace::ReadInto)) {
                let Self { $($field,)+ $($nested,)? $($($other: _),+)? } = self;
                $(visit(stringify!($field), $field);)+
                $($nested.each(visit);)?
            }
        }
    };
}

pub(crate) use settings;

settings!(MessageLimits: head_bytes_max, fields_max, interim_max, chunk_overhead_bytes_max);
settings!(PoolLimits: open_max, open_per_key_max, idle_per_key_max, dialing_per_key_max,
    waiting_max, waiting_per_key_max, idle_max, age_max, age_jitter, look_up_every, probe_after,
    retry_budget, idle_keys_max);
settings!(Redaction: secrets, queries, bodies, fields);

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
    use crate::limits::RetryBudget;

    #[test]
    fn settings_come_back() {
        let mut limits = PoolLimits::default();
        limits.retry_budget = Some(RetryBudget::new(3, 7));
        limits.age_max = Some(core::time::Duration::from_millis(5));
        let text = Shown(&limits).to_string();
        let mut read = PoolLimits::default();
        assert_eq!(read_settings(&text, &mut read), Some(()));
        assert_eq!(read, limits);
        for bad in ["open_max", "open_max=x", "open=1", "open_max=1 age_max=maybe"] {
            assert_eq!(read_settings(bad, &mut read), None, "{bad}");
        }
    }
}
