//! A driver of one connection that keeps what was not taken, and remembers what it saw.

use core::{fmt, mem};

use httpool::{
    error::Violation,
    h1::{Connection, Event},
    limits::MessageLimits,
    message::{Fields, Head, Request},
};

/// What was seen of a response, with adjacent data merged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever compares must see every case")]
pub enum Seen {
    /// A 1xx head.
    Interim {
        /// Its status.
        status: u16,
        /// Its fields, as `[A: b]`.
        fields: String,
    },
    /// The response's head.
    Head {
        /// Its status.
        status: u16,
        /// The x of HTTP/1.x.
        minor_version: u8,
        /// Its reason phrase.
        reason: Vec<u8>,
        /// Its fields, as `[A: b]`.
        fields: String,
    },
    /// A piece of the body.
    Data(Vec<u8>),
    /// The end, with the trailers.
    End(String),
    /// What the peer did wrong.
    Failed(Violation),
}

/// In a word or two: `103`, `head 200`, `data hello`, `end`, `end [A: b]`, `TransferEncoding`.
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

/// All that `fields` hold, as `[A: b]`: their `Debug` would not show secrets.
pub(super) fn text(fields: &Fields<'_>) -> String {
    let lines: Vec<_> = fields
        .iter()
        .map(|field| format!("{}: {}", field.name(), field.value().escape_ascii()))
        .collect();
    format!("[{}]", lines.join(", "))
}

/// The same of a head, behind its status.
pub(super) fn head_text(head: &Head<'_>) -> String {
    format!("{} {}", head.status(), text(&head.fields()))
}

/// A driver of one [`Connection`]: it puts what was not taken in front of what follows, remembers
/// what it saw, and panics where the connection breaks its own contract.
#[derive(Debug)]
pub struct Reader {
    /// The connection.
    pub conn: Connection,
    /// What was seen.
    pub seen: Vec<Seen>,
    limits: MessageLimits,
    untaken: Vec<u8>,
    /// How much of it was seen before this step.
    before: usize,
    interim: usize,
}

impl Reader {
    /// A connection on which nothing has been sent.
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

    /// Begins a request, and gives its head as it went out.
    pub fn send(&mut self, request: &Request) -> Vec<u8> {
        let mut out = Vec::new();
        self.conn.send_request(request, false, &mut out).expect("nothing else is under way");
        self.interim = 0;
        out
    }

    /// The peer says `piece`.
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

    /// The peer says `bytes`, in pieces as long as `cuts` says (0 is one byte), over and over;
    /// whole if there are none.
    pub fn read_in_pieces(&mut self, mut bytes: &[u8], cuts: &[u8]) {
        let mut cuts = cuts.iter().map(|&cut| usize::from(cut) + 1).cycle();
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at(cuts.next().unwrap_or(usize::MAX).min(bytes.len()));
            self.read(piece);
            bytes = rest;
        }
    }

    /// The peer closes.
    pub fn eof(&mut self, clean: bool) {
        match self.conn.receive_eof(clean) {
            Ok(event) => self.see_event(event),
            Err(why) => self.see(Seen::Failed(why)),
        }
    }

    /// What was not taken.
    pub fn untaken(&self) -> &[u8] {
        &self.untaken
    }

    /// Data that comes from here on is not merged with what came before.
    pub fn begin_step(&mut self) {
        self.before = self.seen.len();
    }

    /// What was seen in this step, in words.
    pub fn words(&self) -> Vec<String> {
        self.seen[self.before..].iter().map(ToString::to_string).collect()
    }

    /// That `event` lies in what was `taken` of `input`, and within the limits.
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
        self.check_fields(&head.fields());
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
                self.see(Seen::Interim { status, fields: text(&head.fields()) });
            }
            Event::Head(head) => self.see(Seen::Head {
                status: head.status().as_u16(),
                minor_version: head.minor_version(),
                reason: head.reason().to_vec(),
                fields: text(&head.fields()),
            }),
            Event::Data(data) => match self.seen[self.before..].last_mut() {
                Some(Seen::Data(before)) => before.extend_from_slice(data),
                _ => self.see(Seen::Data(data.to_vec())),
            },
            Event::End(trailers) => self.see(Seen::End(text(&trailers))),
        }
    }

    fn see(&mut self, seen: Seen) {
        // An error stays, and a driver hears it at every turn.
        if self.seen.last() != Some(&seen) || !matches!(seen, Seen::Failed(_)) {
            self.seen.push(seen);
        }
    }
}
