//! The handle through which a machine writes its trace.

use alloc::{boxed::Box, collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use core::{fmt, mem};

use super::{Kind, Line, Recent, Redaction, Sink, Who};
use crate::{message::Key, time::Instant};

/// A machine's trace: writes lines to a [`Sink`], keeps the last lines in memory, or does nothing.
#[derive(Clone, Default)]
pub struct Trace(Option<Box<Out>>);

const _: () = assert!(size_of::<Trace>() == size_of::<usize>(), "off, it is next to nothing");

#[derive(Clone)]
struct Out {
    who: Who,
    sink: Option<Arc<dyn Sink>>,
    recent: Option<Recent>,
    rehearsal: Option<Rehearsal>,
    /// The keys that the recording has numbered, so that two keys that redaction makes equal stay
    /// different.
    keys: BTreeMap<Key, u32>,
}

/// Collects a machine's actions during replay, in the form in which they would be recorded.
#[derive(Clone)]
struct Rehearsal {
    redaction: Redaction,
    lines: Vec<String>,
}

/// Writes the recorded form of a line, which depends on the redaction.
pub(crate) type Note<'n> = dyn Fn(&Redaction, &mut fmt::Formatter<'_>) -> fmt::Result + 'n;

struct Redacted<'a>(&'a Note<'a>, &'a Redaction);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0(self.1, f)
    }
}

impl Trace {
    /// A trace that is switched off.
    pub const OFF: Self = Self(None);

    /// Traces the machine `who` to `sink`.
    pub fn new(sink: Arc<dyn Sink>, who: Who) -> Self {
        Self::to(who, Some(sink), None)
    }

    /// Traces the machine `who` and keeps its last `lines` lines, to explain a failure. All lines
    /// also go to `sink`, if there is one. With 0 lines and no sink the trace is off.
    pub fn keeping(lines: usize, who: Who, sink: Option<Arc<dyn Sink>>) -> Self {
        if lines == 0 && sink.is_none() {
            return Self::OFF;
        }
        Self::to(who, sink, (lines > 0).then(|| Recent::new(lines)))
    }

    fn to(who: Who, sink: Option<Arc<dyn Sink>>, recent: Option<Recent>) -> Self {
        let keys = BTreeMap::new();
        Self(Some(Box::new(Out { who, sink, recent, rehearsal: None, keys })))
    }

    /// Makes a trace for replay. [`rehearsed`](Self::rehearsed) returns its actions.
    pub(crate) fn rehearsing(who: Who, redaction: Redaction) -> Self {
        let rehearsal = Some(Rehearsal { redaction, lines: Vec::new() });
        let keys = BTreeMap::new();
        Self(Some(Box::new(Out { who, sink: None, recent: None, rehearsal, keys })))
    }

    /// Returns the actions since the last call.
    pub(crate) fn rehearsed(&mut self) -> Vec<String> {
        let rehearsal = self.0.as_mut().and_then(|out| out.rehearsal.as_mut());
        rehearsal.map(|rehearsal| mem::take(&mut rehearsal.lines)).unwrap_or_default()
    }

    /// Returns the lines that were kept, if this trace keeps lines.
    pub fn recent(&self) -> Option<&Recent> {
        self.0.as_ref()?.recent.as_ref()
    }

    pub(crate) fn recent_mut(&mut self) -> Option<&mut Recent> {
        self.0.as_mut()?.recent.as_mut()
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Returns whether events are to be recorded.
    pub(crate) fn records(&self) -> bool {
        let sink = self.0.as_ref().and_then(|out| out.sink.as_ref());
        sink.is_some_and(|sink| sink.recording().is_some())
    }

    /// Writes an event that has the same text for people and for replay.
    pub(crate) fn event(&mut self, at: Instant, text: fmt::Arguments<'_>) {
        self.event_as(at, text, text);
    }

    /// Writes an action that has the same text for people and for replay.
    pub(crate) fn action(&mut self, at: Instant, text: fmt::Arguments<'_>) {
        self.action_as(at, text, text);
    }

    /// Writes an event with one text for people and another for replay.
    pub(crate) fn event_as(
        &mut self,
        at: Instant,
        shown: fmt::Arguments<'_>,
        recorded: fmt::Arguments<'_>,
    ) {
        if let Some(out) = &mut self.0 {
            out.show(at, Kind::Event, shown);
            out.record(at, Kind::Event, &|_, f| f.write_fmt(recorded));
        }
    }

    /// Writes an action with one text for people and another for replay.
    pub(crate) fn action_as(
        &mut self,
        at: Instant,
        shown: fmt::Arguments<'_>,
        recorded: fmt::Arguments<'_>,
    ) {
        if let Some(out) = &mut self.0 {
            out.show(at, Kind::Action, shown);
            out.record(at, Kind::Action, &|_, f| f.write_fmt(recorded));
        }
    }

    /// Writes a line for people only.
    pub(crate) fn show(&mut self, at: Instant, kind: Kind, text: fmt::Arguments<'_>) {
        if let Some(out) = &mut self.0 {
            out.show(at, kind, text);
        }
    }

    /// Writes a line for replay only.
    pub(crate) fn record(
        &mut self,
        at: Instant,
        kind: Kind,
        note: impl Fn(&Redaction, &mut fmt::Formatter<'_>) -> fmt::Result,
    ) {
        if let Some(out) = &mut self.0 {
            out.record(at, kind, &note);
        }
    }

    /// Returns the number of a key in the recording, and whether it is new.
    pub(crate) fn number(&mut self, key: &Key) -> (u32, bool) {
        let Some(out) = &mut self.0 else { return (0, false) };
        if let Some(known) = out.keys.get(key) {
            return (*known, false);
        }
        let number = out.keys.len() as u32;
        out.keys.insert(key.clone(), number);
        (number, true)
    }
}

impl Out {
    fn show(&mut self, at: Instant, kind: Kind, text: fmt::Arguments<'_>) {
        let line = Line { at, who: self.who, kind, text };
        if let Some(recent) = &mut self.recent {
            recent.push(&line);
        }
        if let Some(sink) = &self.sink {
            sink.line(&line);
        }
    }

    fn record(&mut self, at: Instant, kind: Kind, note: &Note<'_>) {
        let who = self.who;
        if let Some(sink) = &self.sink
            && let Some(redaction) = sink.recording()
        {
            let text = Redacted(note, redaction);
            sink.record(&Line { at, who, kind, text: format_args!("{text}") });
        }
        if let Some(Rehearsal { redaction, lines }) = &mut self.rehearsal
            && kind == Kind::Action
        {
            let text = Redacted(note, redaction);
            let line = Line { at, who, kind, text: format_args!("{text}") };
            lines.push(alloc::format!("{}", line.recorded()));
        }
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(out) => write!(f, "Trace({}, on)", out.who),
            None => f.write_str("Trace(off)"),
        }
    }
}
