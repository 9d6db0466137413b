//! Records a pool: its limits, and its keys by number.

use super::{Pool, Want};
use crate::{
    message::Key,
    trace::{Kind, Shown, Trace, Value},
};

impl<T> Pool<T> {
    /// Traces every event and every action. For a complete recording, call this before the first
    /// event.
    pub fn set_trace(&mut self, trace: Trace) {
        self.trace = trace;
        let limits = Shown(&self.limits);
        self.trace.record(self.now, Kind::Event, |_, f| write!(f, "limits{limits}"));
    }

    pub(crate) fn trace_mut(&mut self) -> &mut Trace {
        &mut self.trace
    }

    /// Records the checkout. A key is written out once and then referred to by number, so that two
    /// keys that redaction makes equal stay different.
    pub(super) fn note_checkout(&mut self, key: &Key, want: Want) {
        if !self.trace.is_on() {
            return;
        }
        let mut number = 0;
        if self.trace.records() {
            let new;
            (number, new) = self.trace.number(key);
            if new {
                self.trace.record(self.now, Kind::Event, |redaction, f| {
                    write!(f, "key {number} ")?;
                    key.write(redaction, f)
                });
            }
        }
        self.trace.event_as(
            self.now,
            format_args!("checkout {key}{want}"),
            format_args!("checkout {number}{want}"),
        );
    }
}
