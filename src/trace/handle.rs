//! What a machine writes its lines to.

use alloc::{boxed::Box, collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use core::{fmt, mem};

use super::{Kind, Line, Recent, Redaction, Sink, Who};
use crate::{message::Key, time::Instant};

/// A machine's connection to a [`Sink`], or to none; it may keep the machine's last lines itself.
#[derive(Clone, Default)]
pub struct Trace(Option<Box<Out>>);

const _: () = assert!(size_of::<Trace>() == size_of::<usize>(), "off, it is next to nothing");

#[derive(Clone)]
struct Out {
    who: Who,
    sink: Option<Arc<dyn Sink>>,
    recent: Option<Recent>,
    rehearsal: Option<Rehearsal>,
    /// The keys that the recording has named, so that two which differ in what is redacted stay two.
    keys: BTreeMap<Key, u32>,
}

/// A machine that is being replayed: its actions, as they would be recorded.
#[derive(Clone)]
struct Rehearsal {
    redaction: Redaction,
    lines: Vec<String>,
}

/// Writes what stands in a recording, which depends on what is to be redacted.
pub(crate) type Note<'n> = dyn Fn(&Redaction, &mut fmt::Formatter<'_>) -> fmt::Result + 'n;

struct Redacted<'a>(&'a Note<'a>, &'a Redaction);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0(self.1, f)
    }
}

impl Trace {
    /// No trace.
    pub const OFF: Self = Self(None);

    /// A trace of the machine `who` to `sink`.
    pub fn new(sink: Arc<dyn Sink>, who: Who) -> Self {
        Self::to(who, Some(sink), None)
    }

    /// A trace of the machine `who` that keeps its last `lines` lines, to be asked for when something
    /// has failed; all go to `sink` as well, if there is one. With 0 lines and no sink it is off.
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

    /// A trace from which [`rehearsed`](Self::rehearsed) takes actions.
    pub(crate) fn rehearsing(who: Who, redaction: Redaction) -> Self {
        let rehearsal = Some(Rehearsal { redaction, lines: Vec::new() });
        let keys = BTreeMap::new();
        Self(Some(Box::new(Out { who, sink: None, recent: None, rehearsal, keys })))
    }

    /// The actions since it was last asked.
    pub(crate) fn rehearsed(&mut self) -> Vec<String> {
        let rehearsal = self.0.as_mut().and_then(|out| out.rehearsal.as_mut());
        rehearsal.map(|rehearsal| mem::take(&mut rehearsal.lines)).unwrap_or_default()
    }

    /// The lines that were kept, if any were to be.
    pub fn recent(&self) -> Option<&Recent> {
        self.0.as_ref()?.recent.as_ref()
    }

    pub(crate) fn recent_mut(&mut self) -> Option<&mut Recent> {
        self.0.as_mut()?.recent.as_mut()
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Whether events are to be recorded.
    pub(crate) fn records(&self) -> bool {
        let sink = self.0.as_ref().and_then(|out| out.sink.as_ref());
        sink.is_some_and(|sink| sink.recording().is_some())
    }

    /// An event whose words serve people and replay alike.
    pub(crate) fn event(&mut self, at: Instant, text: fmt::Arguments<'_>) {
        self.event_as(at, text, text);
    }

    /// An action whose words serve people and replay alike.
    pub(crate) fn action(&mut self, at: Instant, text: fmt::Arguments<'_>) {
        self.action_as(at, text, text);
    }

    /// An event in words for people, and in words for replay.
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

    /// An action in words for people, and in words for replay.
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

    /// A line for people alone.
    pub(crate) fn show(&mut self, at: Instant, kind: Kind, text: fmt::Arguments<'_>) {
        if let Some(out) = &mut self.0 {
            out.show(at, kind, text);
        }
    }

    /// A line for replay alone.
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

    /// The number of a key in the recording, and whether it is new.
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
