//! Builds the timelines of calls and connections from the lines of a trace.

use std::{collections::BTreeMap, collections::VecDeque};

use httpool::trace::{Kind, Who};

use super::line::{Line, connection};

/// The most lanes of one kind, and the most spans of a lane. What exceeds them is counted.
const LANES_MAX: usize = 500;
const SPANS_MAX: usize = 200;
/// The most clients of one trace.
const CLIENTS_MAX: usize = 100;
/// The longest text of a line that is kept.
const TEXT_MAX: usize = 300;

/// A part of a lane: what went on for some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Queue,
    LookUp,
    /// A TCP connection is opened; in the lane of a call: a connection is opened for it.
    Connect,
    Proxy,
    Tls,
    Send,
    Wait,
    Receive,
    /// The pause before another attempt.
    Pause,
    /// A connection serves a call.
    Use,
}

impl Phase {
    pub(super) const ALL: [Self; 10] = [
        Self::Queue,
        Self::LookUp,
        Self::Connect,
        Self::Proxy,
        Self::Tls,
        Self::Send,
        Self::Wait,
        Self::Receive,
        Self::Pause,
        Self::Use,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::LookUp => "look-up",
            Self::Connect => "connect",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Send => "send",
            Self::Wait => "wait",
            Self::Receive => "receive",
            Self::Pause => "pause",
            Self::Use => "in use",
        }
    }
}

/// A span of time in a lane.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Span {
    pub(super) phase: Phase,
    pub(super) from: u64,
    /// `None` while it lasts.
    pub(super) to: Option<u64>,
    /// The row within the lane: attempts to connect to several addresses can overlap.
    pub(super) row: usize,
    /// Details for people.
    pub(super) about: String,
}

/// A link from one attempt of a call to the next.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Link {
    pub(super) from: u64,
    pub(super) to: u64,
    /// `redirect 302`, `retry 503`, `retry`, `sent again`.
    pub(super) why: String,
}

/// The lane of a call or of a connection.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) spans: Vec<Span>,
    pub(super) links: Vec<Link>,
    /// The time and the words of its end.
    pub(super) end: Option<(u64, String)>,
    /// Whether it ended by a failure.
    pub(super) failed: bool,
    /// The number of spans that are not shown.
    pub(super) omitted: usize,
}

impl Lane {
    fn named(name: String) -> Self {
        Self { name: cut(&name), ..Self::default() }
    }

    /// Ends the open span of a row.
    fn close(&mut self, row: usize, at: u64) {
        if let Some(span) = self.spans.iter_mut().rev().find(|it| it.row == row && it.to.is_none())
        {
            span.to = Some(at);
        }
    }

    /// Ends all that lasts.
    fn close_all(&mut self, at: u64) {
        for span in self.spans.iter_mut().filter(|span| span.to.is_none()) {
            span.to = Some(at);
        }
    }

    fn open(&mut self, phase: Phase, row: usize, at: u64, about: &str) {
        self.close(row, at);
        if self.spans.len() < SPANS_MAX {
            self.spans.push(Span { phase, from: at, to: None, row, about: cut(about) });
        } else {
            self.omitted += 1;
        }
    }

    /// Returns the phase of the open span in the first row.
    fn phase(&self) -> Option<Phase> {
        self.spans.iter().rev().find(|it| it.row == 0 && it.to.is_none()).map(|it| it.phase)
    }

    pub(super) fn rows(&self) -> usize {
        self.spans.iter().map(|span| span.row + 1).max().unwrap_or(1)
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        Some((at, _)) => format!("{}\u{2026}", &text[..at]),
        None => text.to_owned(),
    }
}

/// The state of a call while its lines are read.
#[derive(Debug, Default)]
struct Call {
    lane: Lane,
    number: u64,
    /// The connection that the pool has lent, until the call begins on it, and the one in use.
    lent: Option<u64>,
    uses: Option<u64>,
    reused: bool,
    status: Option<String>,
    heard: bool,
    /// The end of the last attempt, for the link to the next.
    left: Option<u64>,
}

/// The calls and connections of one client.
#[derive(Debug, Default)]
pub(super) struct Client {
    calls: BTreeMap<u64, Call>,
    connections: BTreeMap<u64, Lane>,
    /// The connections that the pool has granted to calls whose lines do not name them.
    granted: VecDeque<u64>,
    pub(super) from: u64,
    pub(super) to: u64,
    begun: bool,
    pub(super) calls_omitted: usize,
    pub(super) connections_omitted: usize,
}

impl Client {
    pub(super) fn calls(&self) -> impl Iterator<Item = &Lane> {
        self.calls.values().map(|call| &call.lane)
    }

    pub(super) fn connections(&self) -> impl Iterator<Item = &Lane> {
        self.connections.values()
    }

    fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.connections.is_empty()
    }

    fn read(&mut self, line: &Line<'_>) {
        if !self.begun {
            (self.begun, self.from, self.to) = (true, line.at, line.at);
        }
        self.to = self.to.max(line.at);
        match line.who {
            Who::Pool => self.pool(line),
            Who::Call(number) => self.call(number, line),
            Who::Dial(bits) => self.dial(bits, line),
            _ => {}
        }
    }

    fn pool(&mut self, line: &Line<'_>) {
        let words: Vec<&str> = line.rest.splitn(4, ' ').collect();
        match (line.kind, line.verb, &words[..]) {
            (Kind::Action, "fresh" | "reuse", [_, conn, ..]) => {
                if let Some(conn) = connection(conn)
                    && self.granted.len() < LANES_MAX
                {
                    self.granted.push_back(conn);
                }
            }
            (Kind::Action, "close", [conn, why @ ..]) => {
                let why = why.join(" ");
                self.closed(connection(conn), format!("closed {why}").trim_end(), line.at);
            }
            (Kind::Event, "checkin", [conn, "discard"]) => {
                self.closed(connection(conn), "closed", line.at);
            }
            (Kind::Event, "dead", [conn]) => self.closed(connection(conn), "dead", line.at),
            (Kind::Event, "dial-abandoned", [conn]) => {
                self.closed(connection(conn), "abandoned", line.at);
            }
            _ => {}
        }
    }

    fn closed(&mut self, conn: Option<u64>, why: &str, at: u64) {
        if let Some(lane) = conn.and_then(|conn| self.connections.get_mut(&conn)) {
            lane.close_all(at);
            lane.end.get_or_insert_with(|| (at, cut(why)));
        }
    }

    fn dial(&mut self, bits: u64, line: &Line<'_>) {
        if (line.kind, line.verb) == (Kind::Event, "dial") {
            if self.connections.len() < LANES_MAX {
                let name = format!("connection c{}.{} {}", bits as u32, bits >> 32, line.rest);
                self.connections.insert(bits, Lane::named(name));
            } else {
                self.connections_omitted += 1;
            }
            return;
        }
        let Some(lane) = self.connections.get_mut(&bits) else { return };
        let (at, (first, second)) = (line.at, line.rest.split_once(' ').unwrap_or((line.rest, "")));
        // Row 0 belongs to the first attempt to connect, and to everything else.
        let row = first.parse::<usize>().unwrap_or(0).min(16);
        match (line.kind, line.verb) {
            (Kind::Event, "resolve-queued") => lane.open(Phase::Queue, 0, at, "for the resolver"),
            (Kind::Event, "resolving") => lane.open(Phase::LookUp, 0, at, ""),
            (Kind::Event, "resolved") => {
                lane.note(0, line.rest);
                lane.close(0, at);
            }
            (Kind::Event, "resolve-failed") => {
                lane.note(0, line.rest);
                lane.close(0, at);
            }
            (Kind::Action, "connect") => lane.open(Phase::Connect, row, at, second),
            (Kind::Event, "connected") => {
                lane.note(row, "connected");
                lane.close(row, at);
            }
            (Kind::Event, "connect-failed") => {
                lane.note(row, second);
                lane.close(row, at);
            }
            (Kind::Event, "abandoned") => {
                lane.note(row, "given up");
                lane.close(row, at);
            }
            (Kind::Action, "exchange") => lane.open(Phase::Proxy, 0, at, ""),
            (Kind::Action, "start-tls") => lane.open(Phase::Tls, 0, at, second),
            (Kind::Event, "tls-up" | "tls-failed") => {
                lane.note(0, line.rest);
                lane.close(0, at);
            }
            (Kind::Action, "ready") => lane.close_all(at),
            (Kind::Action, "failed") => {
                lane.close_all(at);
                lane.failed = true;
                lane.end.get_or_insert_with(|| (at, cut(&format!("failed {}", line.rest))));
            }
            _ => {}
        }
    }

    fn call(&mut self, number: u64, line: &Line<'_>) {
        if (line.kind, line.verb) == (Kind::Event, "request") {
            if self.calls.len() < LANES_MAX {
                let what = line.rest.split(" (").next().unwrap_or_default();
                let lane = Lane::named(format!("call r{number} {what}"));
                self.calls.insert(number, Call { lane, number, ..Call::default() });
            } else {
                self.calls_omitted += 1;
            }
            return;
        }
        let granted = &mut self.granted;
        let Some(call) = self.calls.get_mut(&number) else { return };
        let (before, at) = (call.uses, line.at);
        if (line.kind, line.verb) == (Kind::Event, "leased") {
            // A trace of an embedder may not name the connection.
            let lent = call.lent.take();
            let place = lent.map_or(Some(0), |lent| granted.iter().position(|it| *it == lent));
            let granted = place.and_then(|place| granted.remove(place));
            call.uses = lent.or(granted);
        }
        call.read(line);
        let now = call.uses;
        if before != now {
            let about = format!("r{}", call.number);
            if let Some(lane) = before.and_then(|conn| self.connections.get_mut(&conn)) {
                lane.close_all(at);
            }
            if let Some(lane) = now.and_then(|conn| self.connections.get_mut(&conn)) {
                lane.open(Phase::Use, 0, at, &about);
            }
        }
    }
}

impl Lane {
    /// Adds details to the open span of a row.
    fn note(&mut self, row: usize, about: &str) {
        if let Some(span) = self.spans.iter_mut().rev().find(|it| it.row == row && it.to.is_none())
        {
            let text = format!("{} {about}", span.about);
            span.about = cut(text.trim());
        }
    }
}

impl Call {
    fn read(&mut self, line: &Line<'_>) {
        let (at, lane) = (line.at, &mut self.lane);
        match (line.kind, line.verb) {
            (Kind::Action, "checkout") => {
                if let Some(from) = self.left.take() {
                    let why = self.why_again();
                    if self.lane.links.len() < SPANS_MAX {
                        self.lane.links.push(Link { from, to: at, why });
                    }
                }
                self.lane.open(Phase::Queue, 0, at, "");
                (self.status, self.heard, self.reused) = (None, false, false);
            }
            (Kind::Event, "opens") if lane.phase() == Some(Phase::Connect) => {
                lane.note(0, line.rest);
            }
            (Kind::Event, "opens") => lane.open(Phase::Connect, 0, at, line.rest),
            (Kind::Event, "dialing") => match (line.rest, lane.phase()) {
                ("true", Some(Phase::Queue)) => lane.open(Phase::Connect, 0, at, ""),
                ("false", Some(Phase::Connect)) => lane.open(Phase::Queue, 0, at, ""),
                _ => {}
            },
            (Kind::Event, "lent") => self.lent = connection(line.rest),
            (Kind::Event, "leased") => {
                self.reused = line.rest == "reused";
                lane.open(Phase::Send, 0, at, if self.reused { "reused connection" } else { "" });
            }
            (Kind::Event, "written") => match lane.phase() {
                Some(Phase::Send) => lane.open(Phase::Wait, 0, at, ""),
                // More of the request was written: it is still being sent.
                Some(Phase::Wait) => lane.sends_on(at),
                _ => {}
            },
            (Kind::Event, "bytes") if !self.heard => {
                self.heard = true;
                lane.open(Phase::Receive, 0, at, "");
            }
            (Kind::Action, "head") => {
                lane.note(0, line.rest);
                self.status = Some(cut(line.rest));
            }
            (Kind::Action, "release") => {
                lane.close(0, at);
                self.left = Some(at);
                self.uses = None;
            }
            (Kind::Event, "lease-failed") => {
                lane.note(0, line.rest);
                lane.close(0, at);
                self.left = Some(at);
            }
            (Kind::Action, "wait") => lane.open(Phase::Pause, 0, at, line.rest),
            (Kind::Action, "done" | "hand") => self.ended(at, false, ""),
            (Kind::Action, "failed:" | "failed") => self.ended(at, true, line.rest),
            _ => {}
        }
    }

    /// Returns the reason for another attempt.
    fn why_again(&self) -> String {
        match &self.status {
            Some(status) if status.starts_with('3') => format!("redirect {status}"),
            Some(status) => format!("retry {status}"),
            None if self.reused && !self.heard => "sent again".to_owned(),
            None => "retry".to_owned(),
        }
    }

    fn ended(&mut self, at: u64, failed: bool, why: &str) {
        self.lane.close_all(at);
        self.uses = None;
        let what =
            if failed { format!("failed: {why}") } else { self.status.clone().unwrap_or_default() };
        self.lane.failed = failed;
        self.lane.end.get_or_insert_with(|| (at, cut(&what)));
    }
}

impl Lane {
    /// Extends the sending of a request up to `at`, where the wait for its response begins anew.
    fn sends_on(&mut self, at: u64) {
        if let [.., send, wait] = &mut self.spans[..]
            && (send.phase, wait.phase) == (Phase::Send, Phase::Wait)
        {
            send.to = Some(at);
            wait.from = at;
        }
    }
}

/// The timelines of a trace. A trace can be that of several clients, one after the other.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) clients: Vec<Client>,
    /// The number of lines that belong to the trace, and of clients that are not shown.
    pub(super) lines: u64,
    pub(super) clients_omitted: usize,
    last: u64,
}

impl Model {
    /// Reads a line. Text that is no line of a trace is ignored.
    pub(super) fn read(&mut self, text: &str) {
        let Some(line) = Line::parse(text) else { return };
        self.lines += 1;
        if self.begins_client(&line) {
            if self.clients.len() >= CLIENTS_MAX {
                self.clients_omitted += 1;
                return;
            }
            self.clients.push(Client::default());
        }
        self.last = line.at;
        if self.clients_omitted == 0
            && let Some(client) = self.clients.last_mut()
        {
            client.read(&line);
        }
    }

    /// Returns whether a line is the first one of another client. Calls are numbered from 0 in each
    /// client.
    fn begins_client(&self, line: &Line<'_>) -> bool {
        let Some(client) = self.clients.last() else { return true };
        let first = match (line.who, line.kind, line.verb) {
            (Who::Call(number), Kind::Event, "request") => client.calls.contains_key(&number),
            (Who::Pool, Kind::Event, "limits") => true,
            _ => false,
        };
        first && !client.is_empty()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn model(text: &str) -> Model {
        let mut model = Model::default();
        text.lines().for_each(|line| model.read(line));
        model
    }

    fn spans(lane: &Lane) -> Vec<(Phase, u64, u64)> {
        let millis = |nanos: u64| nanos / 1_000_000;
        let span = |span: &Span| (span.phase, millis(span.from), millis(span.to.unwrap()));
        lane.spans.iter().map(span).collect()
    }

    #[test]
    fn a_redirect_is_two_attempts_of_one_call_with_a_link() {
        let model = model(include_str!("../../../../tests/golden/redirect.trace"));
        let [client] = &model.clients[..] else { panic!("{model:?}") };
        let [call] = &client.calls().collect::<Vec<_>>()[..] else { panic!("{client:?}") };
        use Phase::{Connect, Queue, Receive, Send, Use, Wait};
        let sent: Vec<_> = spans(call).into_iter().filter(|(_, from, to)| from < to).collect();
        assert_eq!(sent, [(Connect, 0, 10), (Wait, 10, 30), (Wait, 30, 50)]);
        let phases: Vec<_> = call.spans.iter().map(|span| span.phase).collect();
        let attempts = [Queue, Connect, Send, Wait, Receive, Queue, Send, Wait, Receive];
        assert_eq!(phases, attempts);
        assert_eq!(
            call.links,
            [Link { from: 30_000_000, to: 30_000_000, why: "redirect 307".into() }]
        );
        assert_eq!(call.end, Some((50_000_000, "200".into())));
        let [conn] = &client.connections().collect::<Vec<_>>()[..] else { panic!("{client:?}") };
        assert_eq!(spans(conn), [(Connect, 0, 10), (Use, 10, 30), (Use, 30, 50)]);
    }

    #[test]
    fn addresses_that_race_have_rows_of_their_own() {
        let model = model(include_str!("../../../../tests/golden/addresses.trace"));
        let lanes: Vec<_> = model.clients[0].connections().collect();
        assert_eq!((lanes.len(), lanes[1].rows()), (2, 2));
        let about: Vec<_> = lanes[1].spans.iter().map(|span| &span.about[..]).collect();
        assert_eq!(about[1], "[2001:db8::1]:80 given up");
        assert_eq!(about[2], "192.0.2.1:80 connected");
    }

    #[test]
    fn a_request_that_is_sent_again_after_a_stale_connection_is_linked() {
        let model = model(include_str!("../../../../tests/golden/stale.trace"));
        let links: Vec<_> = model.clients[0].calls().flat_map(|call| &call.links).collect();
        assert_eq!(links.iter().map(|link| &link.why[..]).collect::<Vec<_>>(), ["sent again"]);
    }

    #[test]
    fn a_tunnel_shows_proxy_and_tls() {
        let model = model(include_str!("../../../../tests/golden/tunnel.trace"));
        let phases = model.clients.iter().flat_map(Client::connections).flat_map(|it| &it.spans);
        let phases: Vec<_> = phases.map(|span| span.phase).collect();
        for phase in [Phase::Proxy, Phase::Tls] {
            assert!(phases.contains(&phase), "{phases:?}");
        }
    }

    #[test]
    fn another_client_begins_where_a_call_number_comes_again() {
        let one = include_str!("../../../../tests/golden/reuse.trace");
        let model = model(&format!("{one}noise\n{one}"));
        assert_eq!(model.clients.len(), 2);
        assert_eq!(model.clients[0].calls().count(), model.clients[1].calls().count());
    }

    #[test]
    fn a_long_trace_needs_bounded_memory() {
        let mut model = Model::default();
        for number in 0..3_000 {
            model.read(&format!("0.1 r{number} < request GET http://a/{} (1 B)", "x".repeat(999)));
            model.read(&format!("0.1 d{number} < dial http://a"));
            model.read(&format!("0.1 pool > fresh t0.0 c{number}.0"));
        }
        for at in 0..3_000 {
            model.read(&format!("0.{at:06} r0 > checkout http://a"));
        }
        let client = &model.clients[0];
        assert_eq!((client.calls().count(), client.calls_omitted), (LANES_MAX, 3_000 - LANES_MAX));
        assert_eq!(client.connections_omitted, 3_000 - LANES_MAX);
        let lane = client.calls().next().unwrap();
        assert_eq!((lane.spans.len(), lane.omitted), (SPANS_MAX, 3_000 - SPANS_MAX));
        assert!(lane.name.chars().count() <= TEXT_MAX + 1);
        assert!(client.granted.len() <= LANES_MAX);
    }
}
