//! Captures the spans and events of `tracing`, and writes the expected ones.

use std::{
    collections::BTreeMap,
    fmt::{Debug, Write},
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::drivers::End;

/// Keeps a line for each begin and end of a span, and for each event.
struct Capture {
    level: Level,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    /// The fields of the spans. The first one names the call.
    spans: BTreeMap<u64, String>,
    entered: Vec<u64>,
}

/// The fields of a span or an event as text. The time of a call is left out.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => write!(self.0, " {value:?}").unwrap(),
            "elapsed_ms" => {}
            name => write!(self.0, " {name}={value:?}").unwrap(),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, " {}={value}", field.name()).unwrap();
    }
}

impl Subscriber for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level && metadata.target().starts_with("httpool")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text::default();
        span.record(&mut text);
        let mut state = self.state.lock().unwrap();
        let id = state.spans.len() as u64 + 1;
        let meta = span.metadata();
        let head = format!("{} {} {}", meta.level(), meta.target(), meta.name());
        state.lines.push(format!("{head} begins{}", text.0));
        state.spans.insert(id, format!("{head} ends{}", text.0));
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut text = Text::default();
        values.record(&mut text);
        self.state.lock().unwrap().spans.get_mut(&span.into_u64()).unwrap().push_str(&text.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let mut state = self.state.lock().unwrap();
        let inside = if state.entered.is_empty() { "" } else { " in its call:" };
        let meta = event.metadata();
        state.lines.push(format!("{} {}{inside}{}", meta.level(), meta.target(), text.0));
    }

    fn enter(&self, span: &Id) {
        self.state.lock().unwrap().entered.push(span.into_u64());
    }

    fn exit(&self, _: &Id) {
        self.state.lock().unwrap().entered.pop();
    }

    fn try_close(&self, span: Id) -> bool {
        let mut state = self.state.lock().unwrap();
        let line = state.spans[&span.into_u64()].clone();
        state.lines.push(line);
        true
    }
}

/// Returns the lines that `work` causes on this thread.
pub(crate) fn captured(work: impl FnOnce()) -> Vec<String> {
    captured_at(Level::TRACE, work)
}

pub(crate) fn captured_at(level: Level, work: impl FnOnce()) -> Vec<String> {
    let state = Arc::new(Mutex::new(State::default()));
    let capture = Capture { level, state: state.clone() };
    tracing::subscriber::with_default(capture, || {
        #[cfg(feature = "log")]
        assert!(crate::silent::captured(work).is_empty(), "with both features, log is silent");
        #[cfg(not(feature = "log"))]
        work();
    });
    let mut state = state.lock().unwrap();
    std::mem::take(&mut state.lines)
}

pub(crate) fn begins(call: &str, origin: &str) -> String {
    format!("DEBUG httpool::call call begins call={call} method=GET origin={origin}")
}

pub(crate) fn redirected(call: &str, status: u16, to: &str) -> String {
    format!("DEBUG httpool::call in its call: redirected call={call} status={status} to={to}")
}

pub(crate) fn retried_after(call: &str, status: u16) -> String {
    format!("WARN httpool::call in its call: retried call={call} status={status}")
}

pub(crate) fn retried(call: &str, error: &str) -> String {
    format!("WARN httpool::call in its call: retried call={call} error={error}")
}

pub(crate) fn ends(End { call, origin, outcome, status, error, counts }: &End<'_>) -> String {
    let (redirects, retries) = counts;
    let status = status.map(|status| format!(" status={status}")).unwrap_or_default();
    let error = error.map(|(kind, error)| format!(" kind={kind} error={error}"));
    format!(
        "DEBUG httpool::call call ends call={call} method=GET origin={origin} \
         outcome={outcome}{status}{} redirects={redirects} retries={retries}",
        error.unwrap_or_default()
    )
}

pub(crate) fn opened(conn: &str, origin: &str) -> String {
    format!("DEBUG httpool::pool opened connection={conn} origin={origin}")
}

/// Adds the proxy to a line about an opened connection.
pub(crate) fn through(opened: &str, proxy: &str) -> String {
    format!("{opened} proxy={proxy}")
}

/// Adds a pause to a line about a retry.
pub(crate) fn delayed(retried: &str, millis: u64) -> String {
    format!("{retried} delay_ms={millis}")
}

pub(crate) fn reused(conn: &str, call: &str) -> String {
    format!("DEBUG httpool::pool in its call: reused connection={conn} call={call}")
}

pub(crate) fn closed(conn: &str, reason: &str) -> String {
    format!("DEBUG httpool::pool closed connection={conn} reason={reason}")
}
