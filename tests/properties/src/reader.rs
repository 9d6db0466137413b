//! Drives one connection, and records the events that it returns.

use core::{fmt, mem};

use httpool::{
    error::Violation,
    h1::{Connection, Event, Target},
    limits::MessageLimits,
    message::{Fields, Head, Request},
};

/// An event of a response. Adjacent data are merged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a comparison must handle every case")]
pub enum Seen {
    /// The head of an interim (1xx) response.
    Interim {
        /// Its status.
        status: u16,
        /// Its fields, as `[A: b]`.
        fields: String,
    },
    /// The head of the final response.
    Head {
        /// Its status.
        status: u16,
        /// The minor version: the x of HTTP/1.x.
        minor_version: u8,
        /// Its reason phrase.
        reason: Vec<u8>,
        /// Its fields, as `[A: b]`.
        fields: String,
    },
    /// A piece of the body.
    Data(Vec<u8>),
    /// The end of the response, with its trailer fields as `[A: b]`.
    End(String),
    /// A violation of the protocol by the peer.
    Failed(Violation),
}

/// Prints an event in a word or two: `103`, `head 200`, `data hello`, `end`, `end [A: b]`,
/// `TransferEncoding`.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interim { status, .. } => write!(f, "{status}"),
            Self::Head { status, .. } => write!(f, "head {status}"),
            Self::Data(data) => write!(f, "data {}", data.escape_ascii()),
            Self::End(trailers) if trailers == "[]" => f.write_str("end"),
            Self::End(trailers) => write!(f, "end {trailers}"),
            Self::Failed(why) => write!(f, "{why:?}"),
        }
    }
}

/// Formats fields as `[A: b]`, values included: their `Debug` hides secrets.
pub(super) fn text(fields: &Fields<'_>) -> String {
    let lines: Vec<_> = fields
        .iter()
        .map(|field| format!("{}: {}", field.name(), field.value().escape_ascii()))
        .collect();
    format!("[{}]", lines.join(", "))
}

/// Formats a head as its status and its fields.
pub(super) fn head_text(head: &Head<'_>) -> String {
    format!("{} {}", head.status(), text(&head.headers()))
}

/// Drives one [`Connection`]: keeps the input that was not taken, records the events, and panics if
/// the connection breaks its contract.
#[derive(Debug)]
pub struct Reader {
    /// The connection.
    pub conn: Connection,
    /// The events so far.
    pub seen: Vec<Seen>,
    limits: MessageLimits,
    untaken: Vec<u8>,
    /// The number of events before this step.
    before: usize,
    interim: usize,
}

impl Reader {
    /// Creates a reader with a new connection.
    pub const fn new(limits: MessageLimits) -> Self {
        Self {
            conn: Connection::new(limits),
            limits,
            untaken: Vec::new(),
            seen: Vec::new(),
            before: 0,
            interim: 0,
        }
    }

    /// Sends a request, and returns its head as written.
    pub fn send(&mut self, request: &Request) -> Vec<u8> {
        let mut out = Vec::new();
        self.conn
            .send_request(request, Target::Origin, &mut out)
            .expect("nothing else is under way");
        self.interim = 0;
        out
    }

    /// Receives `piece` from the peer.
    pub fn read(&mut self, piece: &[u8]) {
        let mut input = mem::take(&mut self.untaken);
        input.extend_from_slice(piece);
        let mut at = 0;
        loop {
            let rest = &input[at..];
            let ahead = self.conn.body_ahead();
            let (taken, event) = match self.conn.receive(rest) {
                Ok(received) => received,
                Err(why) => {
                    let again = self.conn.receive(b"HTTP").expect_err("errors stay");
                    assert_eq!(again, why, "errors stay");
                    assert!(!self.conn.wants_input(), "nothing is due behind a violation");
                    return self.see(Seen::Failed(why));
                }
            };
            assert!(taken <= rest.len());
            if !ahead.is_none() && !rest.is_empty() {
                let Event::Data(data) = event else { panic!("{ahead:?} of body, not {event:?}") };
                assert_eq!(data.len(), ahead.within(rest.len()));
            }
            self.check(rest, taken, &event);
            at += taken;
            if let Event::NeedInput = event {
                break;
            }
            self.see_event(event);
        }
        self.untaken = input.split_off(at);
        if self.conn.wants_input() {
            let head = self.limits.head_bytes_max as usize;
            let trailers = self.limits.chunk_overhead_bytes_max as usize + 2;
            assert!(self.untaken.len() <= head.max(trailers), "more is kept than the limits allow");
        }
    }

    /// Receives `bytes` in pieces. `cuts` gives their lengths minus one, and repeats; with no cuts
    /// all bytes come at once.
    pub fn read_in_pieces(&mut self, mut bytes: &[u8], cuts: &[u8]) {
        let mut cuts = cuts.iter().map(|&cut| usize::from(cut) + 1).cycle();
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at(cuts.next().unwrap_or(usize::MAX).min(bytes.len()));
            self.read(piece);
            bytes = rest;
        }
    }

    /// Receives the end of the stream.
    pub fn eof(&mut self, clean: bool) {
        match self.conn.receive_eof(clean.into()) {
            Ok(event) => self.see_event(event),
            Err(why) => self.see(Seen::Failed(why)),
        }
    }

    /// Returns the input that was not taken.
    pub fn untaken(&self) -> &[u8] {
        &self.untaken
    }

    /// Begins a step: later data is not merged with earlier data.
    pub fn begin_step(&mut self) {
        self.before = self.seen.len();
    }

    /// Returns the events of this step as text.
    pub fn words(&self) -> Vec<String> {
        self.seen[self.before..].iter().map(ToString::to_string).collect()
    }

    /// Checks that `event` borrows from the `taken` bytes of `input`, and is within the limits.
    fn check(&self, input: &[u8], taken: usize, event: &Event<'_>) {
        match event {
            Event::NeedInput => assert_eq!(taken, 0, "input that is taken means something"),
            Event::Skipped => assert!(taken > 0, "progress"),
            Event::Interim(head) => {
                assert!(self.interim < usize::from(self.limits.interim_max), "too many 1xx");
                self.check_head(taken, head);
            }
            Event::Head(head) => self.check_head(taken, head),
            Event::Data(data) => {
                assert!(!data.is_empty() && taken >= data.len());
                let end = &input[taken - data.len()..taken];
                assert!(core::ptr::eq(end, *data), "data is the end of what was taken");
            }
            Event::End(trailers) => self.check_fields(trailers),
        }
    }

    fn check_head(&self, taken: usize, head: &Head<'_>) {
        assert!(taken > 0, "progress");
        assert!(taken <= self.limits.head_bytes_max as usize, "a head beyond its limit");
        self.check_fields(&head.headers());
    }

    fn check_fields(&self, fields: &Fields<'_>) {
        assert!(fields.iter().count() <= usize::from(self.limits.fields_max), "too many fields");
        for field in *fields {
            assert!(!field.name().is_empty());
            assert!(!field.value().iter().any(|byte| b"\r\n\0".contains(byte)), "{field:?}");
        }
    }

    fn see_event(&mut self, event: Event<'_>) {
        match event {
            Event::NeedInput | Event::Skipped => {}
            Event::Interim(head) => {
                self.interim += 1;
                let status = head.status().as_u16();
                self.see(Seen::Interim { status, fields: text(&head.headers()) });
            }
            Event::Head(head) => self.see(Seen::Head {
                status: head.status().as_u16(),
                minor_version: head.minor_version(),
                reason: head.reason().to_vec(),
                fields: text(&head.headers()),
            }),
            Event::Data(data) => match self.seen[self.before..].last_mut() {
                Some(Seen::Data(before)) => before.extend_from_slice(data),
                _ => self.see(Seen::Data(data.to_vec())),
            },
            Event::End(trailers) => self.see(Seen::End(text(&trailers))),
        }
    }

    fn see(&mut self, seen: Seen) {
        // An error persists, so the connection reports it at each call.
        if self.seen.last() != Some(&seen) || !matches!(seen, Seen::Failed(_)) {
            self.seen.push(seen);
        }
    }
}
