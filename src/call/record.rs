//! Records a call: its request and settings, the bytes it received, and the bytes it handed out.

use alloc::string::String;
use core::{fmt, time::Duration};

use super::{
    Call, DrainBytes, DrainTime, MinRate, Policy, Redirect, Retry, Route, Routes, Timeout,
};
use crate::{
    dial::Dial,
    h1::{Connection, Framing},
    message::{BodyLength, Method, Request},
    time::Instant,
    trace::{
        Escaped, Heard, Hidden, Kind, Note, ReadInto, Recent, Redaction, Settings, Shown, Trace,
        Value,
    },
};

/// The parameters of [`Call::new`] beside the request and the policy, and the wall clock.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beginning {
    /// The time since the driver's epoch.
    pub(crate) began: Duration,
    pub(crate) seed: u64,
    pub(crate) wall_at_epoch: Option<Duration>,
}

/// The properties of a request beside its method, URL and fields.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) body: BodyLength,
    pub(crate) expects_continue: bool,
    pub(crate) asterisk: bool,
}

/// Records the request and the settings of a call: a line for each part, and `begin` at the end.
pub(super) fn write_beginning(
    beginning: &Beginning,
    policy: &Policy,
    request: &Request,
    trace: &mut Trace,
    now: Instant,
) {
    let Policy { redirect, retry, timeout, routes, .. } = policy;
    let mut part = |note: &Note<'_>| trace.record(now, Kind::Event, note);
    part(&|_, f| write!(f, "call{}", Shown(beginning)));
    part(&|_, f| write!(f, "redirect{}", Shown(redirect)));
    part(&|_, f| write!(f, "retry{}", Shown(retry)));
    part(&|_, f| write!(f, "timeout{}", Shown(timeout)));
    part(&|redaction, f| {
        f.write_str("routes")?;
        Shown(routes).write(redaction, f)
    });
    part(&|_, f| write!(f, "policy{}", Shown(policy)));
    part(&|redaction, f| {
        let (method, shape) = (request.method(), Shape::of(request));
        let url = redaction.url(request.url_with_zone().as_bytes()).into_owned();
        write!(f, "request {method} {}{}", String::from_utf8_lossy(&url), Shown(&shape))
    });
    for field in request.own_fields() {
        part(&|redaction, f| {
            let value = redaction.value(field.name().as_bytes(), field.value());
            write!(f, "field {}: {}", field.name(), Escaped(&value))
        });
    }
    part(&|_, f| f.write_str("begin"));
}

impl Call {
    /// Writes every event and action to `trace` from now on. A recording is complete only if this
    /// is called before the first event, and after [`set_wall_clock`](Self::set_wall_clock).
    pub fn set_trace(&mut self, trace: Trace, now: Instant) {
        self.trace = trace;
        self.trace.show(now, Kind::Event, format_args!("request {}", Hidden(&self.request)));
        if self.trace.records() {
            let beginning = Beginning {
                began: self.began.since(Instant::default()),
                seed: self.random,
                wall_at_epoch: self.wall_at_epoch,
            };
            let (policy, request, trace) = (&self.policy, &self.request, &mut self.trace);
            write_beginning(&beginning, policy, request, trace, now);
        }
        self.say(now);
    }

    /// The last lines of the trace, if it [keeps](Trace::keeping) them. Drivers add them to errors.
    pub fn recent_trace(&self) -> Option<&Recent> {
        self.trace.recent()
    }

    /// Adds the last lines of `dial`, which ran for this call, to the call's own, if both keep
    /// lines.
    pub fn keep_trace_of(&mut self, dial: &Dial) {
        if let (Some(own), Some(other)) = (self.trace.recent_mut(), dial.recent_trace()) {
            own.extend(other);
        }
    }

    pub(crate) fn trace_mut(&mut self) -> &mut Trace {
        &mut self.trace
    }

    /// Traces the input that is about to be parsed.
    pub(super) fn note_input(&mut self, conn: &Connection, input: &[u8], now: Instant) {
        if !self.trace.is_on() {
            return;
        }
        if !input.is_empty() {
            self.trace.show(now, Kind::Event, format_args!("bytes {}", input.len()));
        }
        if self.trace.records() {
            let heard = Heard::by(conn, input, self.attempt.known);
            self.attempt.known = heard.known_now();
            self.trace.record(now, Kind::Event, |redaction, f| {
                f.write_str("bytes ")?;
                heard.write(redaction, f)
            });
        }
    }

    /// Records the head of a request.
    pub(super) fn note_head(&mut self, head: &[u8], now: Instant) {
        self.trace.record(now, Kind::Action, |redaction, f| {
            f.write_str("out ")?;
            redaction.write_request(head, f)
        });
    }

    /// Records the framing around a piece of body of `len` bytes.
    pub(super) fn note_piece(&mut self, framing: &Framing, len: usize, now: Instant) {
        self.trace.record(now, Kind::Action, |_, f| {
            let (before, behind) = (Escaped(framing.prefix()), Escaped(framing.suffix()));
            write!(f, "out {before}{{{len}}}{behind}")
        });
    }

    /// Traces that the connection is given back, with `rest` bytes of input that were not taken.
    pub(super) fn note_release(&mut self, rest: usize, keep: bool, now: Instant) {
        let word = if keep { "kept" } else { "closed" };
        self.trace.show(now, Kind::Event, format_args!("released, {word}"));
        self.trace.record(now, Kind::Event, |_, f| write!(f, "released {rest}"));
        self.trace.record(now, Kind::Action, |_, f| f.write_str(word));
    }
}

impl Settings for Beginning {
    fn each(&mut self, visit: &mut dyn FnMut(&str, &mut dyn ReadInto)) {
        let Self { began, seed, wall_at_epoch } = self;
        visit("began", began);
        visit("seed", seed);
        visit("wall", wall_at_epoch);
    }
}

impl Shape {
    fn of(request: &Request) -> Self {
        Self {
            body: request.body(),
            expects_continue: request.expects_continue(),
            asterisk: request.is_asterisk(),
        }
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self { body: BodyLength::Empty, expects_continue: false, asterisk: false }
    }
}

impl Settings for Shape {
    fn each(&mut self, visit: &mut dyn FnMut(&str, &mut dyn ReadInto)) {
        let Self { body, expects_continue, asterisk } = self;
        visit("body", body);
        visit("expect", expects_continue);
        visit("asterisk", asterisk);
    }
}

impl Settings for Redirect {
    fn each(&mut self, visit: &mut dyn FnMut(&str, &mut dyn ReadInto)) {
        let Self { follow, max, raise, post_becomes_get, strip, downgrade, retry_after_max } = self;
        visit("follow", follow);
        visit("max", max);
        visit("raise", raise);
        visit("post-becomes-get", post_becomes_get);
        visit("strip", strip);
        visit("downgrade", downgrade);
        visit("retry-after-max", retry_after_max);
    }
}

impl Settings for Retry {
    fn each(&mut self, visit: &mut dyn FnMut(&str, &mut dyn ReadInto)) {
        let Self {
            total,
            connect,
            read,
            redirect,
            status,
            other,
            count_redirects,
            methods,
            statuses,
            backoff,
            backoff_max,
            backoff_jitter,
            respect_retry_after,
            retry_after_max,
            raise_on_status,
        } = self;
        visit("total", total);
        visit("connect", connect);
        visit("read", read);
        visit("redirect", redirect);
        visit("status", status);
        visit("other", other);
        visit("count-redirects", count_redirects);
        visit("methods", methods);
        visit("statuses", statuses);
        visit("backoff", backoff);
        visit("backoff-max", backoff_max);
        visit("backoff-jitter", backoff_jitter);
        visit("respect-retry-after", respect_retry_after);
        visit("retry-after-max", retry_after_max);
        visit("raise-on-status", raise_on_status);
    }
}

impl Settings for Timeout {
    fn each(&mut self, visit: &mut dyn FnMut(&str, &mut dyn ReadInto)) {
        let Self { queue, write, first_byte, stall, rate, expect_continue, total } = self;
        visit("queue", queue);
        visit("write", write);
        visit("first-byte", first_byte);
        visit("stall", stall);
        visit("rate", rate);
        visit("continue", expect_continue);
        visit("total", total);
    }
}

impl Settings for Routes {
    fn each(&mut self, visit: &mut dyn FnMut(&str, &mut dyn ReadInto)) {
        let Self { http, https, tls, local } = self;
        visit("http", http);
        visit("https", https);
        visit("tls", tls);
        visit("local", local);
    }
}

/// The settings outside `redirect`, `retry`, `timeout` and `routes`, which have lines of their own.
impl Settings for Policy {
    fn each(&mut self, visit: &mut dyn FnMut(&str, &mut dyn ReadInto)) {
        let Self {
            redirect: _,
            retry: _,
            timeout: _,
            routes: _,
            repeat_unsafe,
            show_interim,
            drain_bytes_max: DrainBytes(drain),
            drain_time_max: DrainTime(drain_time),
        } = self;
        visit("repeat-unsafe", repeat_unsafe);
        visit("show-interim", show_interim);
        visit("drain", drain);
        visit("drain-time", drain_time);
    }
}

/// `1000/30`: bytes per second, and the window in seconds.
impl Value for MinRate {
    fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.bytes_per_second)?;
        self.window.write(redaction, f)
    }

    fn read(word: &str) -> Option<Self> {
        let (bytes, window) = word.split_once('/')?;
        Some(Self::new(bytes.parse().ok()?, Value::read(window)?))
    }
}

/// `direct`, or the proxies.
impl Value for Route {
    fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => f.write_str("direct"),
            Self::Tunnel(hops) => hops.write(redaction, f),
        }
    }

    fn read(word: &str) -> Option<Self> {
        if word == "direct" { Some(Self::Direct) } else { Value::read(word).map(Self::Tunnel) }
    }
}

/// `none`, a length, or `chunked`; with `+once` behind it if the body can be sent only once.
impl Value for BodyLength {
    fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => return f.write_str("none"),
            Self::Known { len, .. } => write!(f, "{len}")?,
            Self::Unknown { .. } => f.write_str("chunked")?,
        }
        f.write_str(if self.is_replayable() { "" } else { "+once" })
    }

    fn read(word: &str) -> Option<Self> {
        let (length, replayable) = match word.strip_suffix("+once") {
            Some(length) => (length, false),
            None => (word, true),
        };
        match length {
            "none" => replayable.then_some(Self::Empty),
            "chunked" => Some(Self::Unknown { replayable }),
            _ => Some(Self::Known { len: length.parse().ok()?, replayable }),
        }
    }
}

/// Splits a recorded request line into the method, the URL, and the settings behind them.
pub(crate) fn read_request_line(text: &str) -> Option<(Method, &str, &str)> {
    let (method, rest) = text.split_once(' ')?;
    let (url, shape) = rest.split_once(' ').unwrap_or((rest, ""));
    Some((Method::new(method).ok()?, url, shape))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::trace::read_settings;

    #[test]
    fn the_settings_of_a_call_come_back() {
        let mut timeout = Timeout::default();
        timeout.rate = Some(MinRate::new(1_000, Duration::from_millis(2_500)));
        let text = Shown(&timeout).to_string();
        assert!(text.contains(" rate=1000/2.5 "), "{text}");
        let mut read = Timeout::default();
        assert_eq!((read_settings(&text, &mut read), read), (Some(()), timeout));
        let mut policy = Policy::default();
        policy.drain_time_max = DrainTime(Duration::from_millis(70));
        let mut read = Policy::default();
        assert_eq!(read_settings(&Shown(&policy).to_string(), &mut read), Some(()));
        assert_eq!(read, policy);
        for bad in ["rate=1000", "rate=x/1", "rate=1/", "drain-time=none"] {
            assert_eq!(read_settings(bad, &mut read.timeout), None, "{bad}");
        }
    }
}
