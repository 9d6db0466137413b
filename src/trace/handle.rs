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

/// The text of a line. It is the same for people and in a recording, but for the redaction: lines
/// for people have the default one.
pub(crate) trait Text {
    fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl Text for fmt::Arguments<'_> {
    fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_fmt(*self)
    }
}

/// Returns a text that is written by a function.
pub(crate) fn note<F>(write: F) -> impl Text
where
    F: Fn(&Redaction, &mut fmt::Formatter<'_>) -> fmt::Result,
{
    Note(write)
}

struct Note<F>(F);

impl<F: Fn(&Redaction, &mut fmt::Formatter<'_>) -> fmt::Result> Text for Note<F> {
    fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0(redaction, f)
    }
}

struct Redacted<'a>(&'a dyn Text, &'a Redaction);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(self.1, f)
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

    /// Writes an event, for people and for replay.
    #[inline(always)]
    pub(crate) fn event(&mut self, at: Instant, text: impl Text) {
        if let Some(out) = &mut self.0 {
            out.write(at, Kind::Event, &text);
        }
    }

    /// Writes an action, for people and for replay.
    #[inline(always)]
    pub(crate) fn action(&mut self, at: Instant, text: impl Text) {
        if let Some(out) = &mut self.0 {
            out.write(at, Kind::Action, &text);
        }
    }

    /// Writes a line for people only.
    #[inline(always)]
    pub(crate) fn show(&mut self, at: Instant, kind: Kind, text: impl Text) {
        if let Some(out) = &mut self.0 {
            out.show(at, kind, &text);
        }
    }

    /// Writes a line for replay only.
    #[inline(always)]
    pub(crate) fn record(&mut self, at: Instant, kind: Kind, text: impl Text) {
        if let Some(out) = &mut self.0 {
            out.record(at, kind, &text);
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
    #[cold]
    #[inline(never)]
    fn write(&mut self, at: Instant, kind: Kind, text: &dyn Text) {
        self.show(at, kind, text);
        self.record(at, kind, text);
    }

    fn show(&mut self, at: Instant, kind: Kind, text: &dyn Text) {
        if self.recent.is_none() && self.sink.is_none() {
            return;
        }
        let (who, redaction) = (self.who, Redaction::DEFAULT);
        let text = Redacted(text, &redaction);
        self.show_line(&Line { at, who, kind, text: format_args!("{text}") });
    }

    fn show_line(&mut self, line: &Line<'_>) {
        if let Some(recent) = &mut self.recent {
            recent.push(line);
        }
        if let Some(sink) = &self.sink {
            sink.line(line);
        }
    }

    fn record(&mut self, at: Instant, kind: Kind, text: &dyn Text) {
        let who = self.who;
        if let Some(sink) = &self.sink
            && let Some(redaction) = sink.recording()
        {
            let text = Redacted(text, redaction);
            sink.record(&Line { at, who, kind, text: format_args!("{text}") });
        }
        if let Some(Rehearsal { redaction, lines }) = &mut self.rehearsal
            && kind == Kind::Action
        {
            let text = Redacted(text, redaction);
            let recorded = |line: &Line<'_>| alloc::format!("{}", line.recorded());
            lines.push(recorded(&Line { at, who, kind, text: format_args!("{text}") }));
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
