//! The inputs of a call, and its recording: its request and settings, the bytes that it received,
//! and the bytes that it handed out.

use alloc::{
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::{cell::RefCell, fmt, time::Duration};

use super::{
    Call, DrainBytes, DrainTime, MinRate, NoProxy, Policy, Redirect, Retry, Reused, Route, Routes,
    Timeout, state::State,
};
use crate::{
    dial::{Dial, Guard},
    error::{BodyUnusable, IoKind, RequestError, Unavailable},
    h1::{Connection, Eof, Framing},
    id::ConnId,
    limits::MessageLimits,
    message::{BodyLength, Field, Method, Request},
    time::Instant,
    trace::{
        Arg, Escaped, Heard, Held, Hidden, Kind, Passed, Pending, Received, Recent, Redaction,
        Settings, Shown, Trace, Value, Words, inputs, note, read_settings, read_word, settings,
        transparent, unescape, words, write_settings, write_word,
    },
};

inputs! {
    /// The inputs of a call. Each is recorded by the method that it calls on replay. `Connection`
    /// is recorded before `Leased`: the properties of the connection.
    enum Input<'i> for |
        call: &mut Call,
        conn: &mut Connection,
        pending: &mut Pending,
        held: &mut Held,
        now: Instant
    | {
        "opens" Opens(conn: ConnId) => call.opens(conn, now),
        "lent" Lent(conn: ConnId) => call.lent(conn, now),
        "dialing" Dialing(under_way: bool) => call.dialing(under_way, now),
        "connection" Connection(lent: Properties) => {
            if matches!(call.state, State::Checkout) {
                *conn = lent.build();
            }
        },
        "leased" Leased(reused: Reused) => {
            pending.clear(held);
            call.start(conn, reused, now, &mut Vec::new());
        },
        "lease-failed" LeaseFailed(why: Unavailable) => call.lease_failed(why, now),
        "left" Left => call.left(now),
        "body" Body(len: usize, last: Last) => {
            let _ = call.send_body(conn, len, matches!(last, Last::Yes), now);
        },
        "body-failed" BodyFailed => call.body_failed(now),
        "restarted" Restarted => call.restarted(now),
        "rewound" Rewound => call.rewound(now),
        "rewind-failed" RewindFailed => call.rewind_failed(now),
        "written" Written(bytes: usize) => call.written(bytes, now),
        "write-failed" WriteFailed(why: IoKind) => call.write_failed(why, now),
        "bytes" Bytes(input: Received<'i>) => {
            pending.feed(&input, held, |bytes| call.receive(conn, bytes, now).0)?;
        },
        "eof" Eof(eof: Eof) => {
            let _ = call.receive_eof(conn, eof, now);
        },
        "body-used" BodyUsed => call.body_used(now),
        "body-unusable" BodyUnusable(why: BodyUnusable) => call.body_unusable(why, now),
        "pause" Pause => call.pause(now),
        "resume" Resume => call.resume(now),
        "discard" Discard => {
            call.discard(now);
        },
        "timeout" Timeout(_which: Passed) => call.handle_timeout(now),
        "cancel" Cancel => call.cancel(now),
        "released" Released(rest: usize) => {
            pending.clear(held);
            // Only whether input was left matters, not how much.
            let _ = call.released(conn, &b"x"[..rest.min(1)], now);
        },
    }
}

words!(Reused: No "fresh", Yes "reused");

/// Whether a piece of the body is the last one.
pub(crate) enum Last {
    No,
    Yes,
}

words!(Last: No "more", Yes "last");

impl From<bool> for Last {
    fn from(last: bool) -> Self {
        if last { Self::Yes } else { Self::No }
    }
}

/// The properties of a connection on which an attempt begins.
#[derive(Debug, Clone, Default)]
pub(crate) struct Properties {
    /// No request may begin on it.
    spent: bool,
    limits: MessageLimits,
}

impl Properties {
    /// Makes a connection with these properties.
    fn build(&self) -> Connection {
        let mut conn = Connection::new(self.limits);
        if self.spent {
            // An idle connection records the end, and is then unusable.
            let _ = conn.receive_eof(Eof::Clean);
        }
        conn
    }
}

settings!(Properties: spent; and limits);

impl Arg<'_> for Properties {
    fn write_after_space(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(self).write(redaction, f)
    }

    fn read_from(words: &mut Words<'_>) -> Option<Self> {
        let mut lent = Self::default();
        read_settings(words.rest(), &mut lent).map(|()| lent)
    }
}

/// Everything that a call is made of. In a recording it has a line for each part; the last is
/// `begin`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    beginning: Beginning,
    policy: Policy,
    /// The method and the URL.
    request: Option<(Method, String)>,
    /// The request target, if it is not that of the URL.
    target: Option<String>,
    fields: Vec<(String, Vec<u8>)>,
}

/// The parameters of [`Call::new`] beside the policy, the wall clock, and the properties of the
/// request beside its method, URL and fields.
#[derive(Debug, Clone, Default)]
struct Beginning {
    began: Instant,
    seed: u64,
    wall_at_epoch: Option<Duration>,
    body: BodyLength,
    expects_continue: bool,
    decodes: bool,
    asterisk: bool,
    guard: Guard,
}

/// The reason why a line of a draft cannot be used.
pub(crate) enum Undrafted {
    Unknown,
    Setting,
    Request,
}

impl Draft {
    const REQUEST: &str = "request ";
    const TARGET: &str = "target ";
    const FIELD: &str = "field ";

    fn of(call: &Call) -> Self {
        let Call { request, policy, began, random, wall_at_epoch, guard, .. } = call;
        let field = |field: Field<'_>| (field.name().to_string(), field.value().to_vec());
        Self {
            beginning: Beginning {
                began: *began,
                seed: *random,
                wall_at_epoch: *wall_at_epoch,
                body: request.body(),
                expects_continue: request.expects_continue(),
                decodes: request.decodes(),
                asterisk: request.is_asterisk(),
                guard: guard.clone(),
            },
            policy: Policy::clone(policy),
            request: Some((request.method().clone(), request.url_with_zone().to_string())),
            target: request.literal_target().map(Into::into),
            fields: request.own_fields().map(field).collect(),
        }
    }

    /// Calls `visit` with the settings, and the first word of their line.
    fn settings(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Settings)) {
        let Self { beginning, policy, .. } = self;
        visit("call", beginning);
        visit("redirect", &mut policy.redirect);
        visit("retry", &mut policy.retry);
        visit("timeout", &mut policy.timeout);
        visit("routes", &mut policy.routes);
        visit("policy", policy);
    }

    fn write(&mut self, trace: &mut Trace, now: Instant) {
        let mut line = |text: &dyn Fn(&Redaction, &mut fmt::Formatter<'_>) -> fmt::Result| {
            trace.record(now, Kind::Event, note(text));
        };
        self.settings(&mut |word, settings| {
            let settings = RefCell::new(settings);
            line(&|redaction, f| {
                f.write_str(word)?;
                write_settings(*settings.borrow_mut(), redaction, f)
            });
        });
        if let Some((method, url)) = &self.request {
            line(&|redaction, f| {
                let url = redaction.url(url.as_bytes());
                write!(f, "{}{method} {}", Self::REQUEST, String::from_utf8_lossy(&url))
            });
        }
        if let Some(target) = &self.target {
            line(&|redaction, f| {
                let target = redaction.url(target.as_bytes());
                write!(f, "{}{}", Self::TARGET, String::from_utf8_lossy(&target))
            });
        }
        for (name, value) in &self.fields {
            line(&|redaction, f| {
                let value = redaction.value(name.as_bytes(), value);
                write!(f, "{}{name}: {}", Self::FIELD, Escaped(&value))
            });
        }
        line(&|_, f| f.write_str("begin"));
    }

    /// Reads a line of a recorded draft.
    pub(crate) fn read(&mut self, text: &str) -> Result<(), Undrafted> {
        if let Some(line) = text.strip_prefix(Self::REQUEST) {
            let (method, url) = line.split_once(' ').ok_or(Undrafted::Request)?;
            let method = Method::new(method).map_err(|_| Undrafted::Request)?;
            self.request = Some((method, url.to_string()));
            return Ok(());
        }
        if let Some(target) = text.strip_prefix(Self::TARGET) {
            self.target = Some(target.to_string());
            return Ok(());
        }
        if let Some(line) = text.strip_prefix(Self::FIELD) {
            let (name, value) = line.split_once(": ").ok_or(Undrafted::Request)?;
            let mut bytes = Vec::new();
            unescape(value, &mut bytes, value.len()).map_err(|_| Undrafted::Request)?;
            self.fields.push((name.to_string(), bytes));
            return Ok(());
        }
        let (wanted, text) = text.split_once(' ').unwrap_or((text, ""));
        let mut read = Err(Undrafted::Unknown);
        self.settings(&mut |word, settings| {
            if word == wanted {
                read = read_settings(text, settings).ok_or(Undrafted::Setting);
            }
        });
        read
    }

    /// Begins the call. `None` if there is no line with its request.
    pub(crate) fn begin(self) -> Option<Result<Call, RequestError>> {
        let Self { beginning, policy, request, target, fields } = self;
        let Beginning {
            began,
            seed,
            wall_at_epoch,
            body,
            expects_continue,
            decodes,
            asterisk,
            guard,
        } = beginning;
        let (method, url) = request?;
        let mut builder = Request::builder(method, &url)
            .body(body)
            .expect_continue(expects_continue)
            .decode(decodes);
        if asterisk {
            builder = builder.asterisk();
        }
        if let Some(target) = target {
            builder = builder.target(&target);
        }
        for (name, value) in fields {
            builder = builder.header_bytes(&name, &value);
        }
        Some(builder.build().map(|request| {
            let mut call = Call::new(request, Arc::new(policy), seed, began);
            call.wall_at_epoch = wall_at_epoch;
            call.set_guard(&guard);
            call
        }))
    }
}

impl Call {
    /// Writes every event and action to `trace` from now on. A recording is complete only if this
    /// is called before the first event, and after [`set_wall_clock`](Self::set_wall_clock).
    pub fn set_trace(&mut self, trace: Trace, now: Instant) {
        self.trace = trace;
        self.trace.show(now, Kind::Event, format_args!("request {}", Hidden(&self.request)));
        if self.trace.records() {
            Draft::of(self).write(&mut self.trace, now);
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

    /// Traces the connection on which an attempt is to begin.
    pub(super) fn note_lease(&mut self, conn: &Connection, reused: Reused, now: Instant) {
        let spent = !conn.may_begin(reused == Reused::Yes);
        let lent = Input::Connection(Properties { spent, limits: *conn.limits() });
        self.trace.record(now, Kind::Event, lent);
        self.trace.event(now, Input::Leased(reused));
    }

    /// Traces the input that is about to be parsed.
    pub(super) fn note_input(&mut self, conn: &Connection, input: &[u8], now: Instant) {
        if !self.trace.is_on() {
            return;
        }
        if !input.is_empty() {
            self.trace.show(now, Kind::Event, Input::Bytes(Received::Count(input.len())));
        }
        if self.trace.records() {
            let heard = Heard::by(conn, input, self.attempt.known);
            self.attempt.known = heard.known_now();
            self.trace.record(now, Kind::Event, Input::Bytes(Received::Heard(&heard)));
        }
    }

    /// Records the head of a request.
    pub(super) fn note_head(&mut self, head: &[u8], now: Instant) {
        let head = note(|redaction, f| {
            f.write_str("out ")?;
            redaction.write_request(head, f)
        });
        self.trace.record(now, Kind::Action, head);
    }

    /// Records the framing around a piece of body of `len` bytes.
    pub(super) fn note_piece(&mut self, framing: &Framing, len: usize, now: Instant) {
        let (before, behind) = (Escaped(framing.prefix()), Escaped(framing.suffix()));
        self.trace.record(now, Kind::Action, format_args!("out {before}{{{len}}}{behind}"));
    }

    /// Traces that the connection is given back, with `rest` bytes of input that were not taken.
    pub(super) fn note_release(&mut self, rest: usize, keep: bool, now: Instant) {
        self.trace.event(now, Input::Released(rest));
        let word = if keep { "kept" } else { "closed" };
        self.trace.action(now, format_args!("{word}"));
    }
}

settings!(Beginning: began, seed, wall_at_epoch, body, expects_continue, decodes, asterisk, guard);
settings!(Redirect: follow, max, raise, post_becomes_get, strip, downgrade, retry_after_max,
    same_origin, post_stays_after);
settings!(Retry: total, connect, read, redirect, status, other, count_redirects, methods, statuses,
    backoff, backoff_max, backoff_jitter, respect_retry_after, retry_after_max, raise_on_status,
    disabled, connect_disabled, read_disabled);
settings!(Timeout: queue, connect, write, first_byte, stall, rate, expect_continue, total);
settings!(Routes: http, https, no_proxy, tls, local, limits);
// The settings in `without` have lines of their own.
settings!(Policy: repeat_unsafe, preload, show_interim, accept_short_body, drain_bytes_max,
    drain_time_max; without redirect, retry, timeout, routes);

transparent!(DrainBytes, DrainTime);

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

/// `direct`, the proxies of a tunnel, or `forward:` and the proxies.
impl Value for Route {
    fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => f.write_str("direct"),
            Self::Tunnel(hops) => hops.write(redaction, f),
            Self::Forward(hops) => {
                f.write_str("forward:")?;
                hops.write(redaction, f)
            }
            Self::Unix(path) => {
                f.write_str("unix:")?;
                path.write(redaction, f)
            }
        }
    }

    fn read(word: &str) -> Option<Self> {
        if let Some(path) = word.strip_prefix("unix:") {
            return Value::read(path).map(Self::Unix);
        }
        match word.strip_prefix("forward:") {
            Some(hops) => Value::read(hops).map(Self::Forward),
            None if word == "direct" => Some(Self::Direct),
            None => Value::read(word).map(Self::Tunnel),
        }
    }
}

/// The entries as in the environment variable. Empty without entries.
impl Value for NoProxy {
    fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_word(f, &self.to_string())
    }

    fn read(word: &str) -> Option<Self> {
        read_word(word).map(|text| Self::parse(&text))
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

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::{
        message::{Hop, TlsId},
        trace::read_settings,
    };

    struct Whole<'a>(&'a Routes);

    impl fmt::Display for Whole<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            Shown(self.0).write(&Redaction::none(), f)
        }
    }

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
        let proxy = Hop::parse("http://u:p@proxy").unwrap();
        let routes = Routes::through(proxy).no_proxy(NoProxy::parse("a.test:80, 10.0.0.0/8 [::1]"));
        let hidden = routes.clone().tls(TlsId(7)).https(Route::Forward([].into()));
        let unix = Routes::default().https(Route::unix("/run/a b.sock"));
        for routes in [routes, hidden, unix, Routes::default()] {
            let text = Whole(&routes).to_string();
            let mut read = Routes::default();
            assert_eq!(read_settings(&text, &mut read), Some(()), "{text}");
            assert_eq!(read, routes, "{text}");
            assert!(!Shown(&routes).to_string().contains("+u+p"));
        }
        for bad in ["rate=1000", "rate=x/1", "rate=1/", "drain_time_max=none"] {
            assert_eq!(read_settings(bad, &mut read.timeout), None, "{bad}");
        }
    }
}
