//! A driver that keeps what was not taken, and remembers what it saw.

use core::{fmt, mem};

use httpool::{
    error::Violation,
    h1::{Connection, Event, Limits},
    message::{Fields, Request},
};

/// What a driver saw of a response, with adjacent data merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Interim { status: u16, fields: String },
    Head { status: u16, minor_version: u8, reason: Vec<u8>, fields: String },
    Data(Vec<u8>),
    End(String),
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

/// What was not taken stands in front of what follows.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) conn: Connection,
    untaken: Vec<u8>,
    pub(crate) seen: Vec<Seen>,
    /// How much of it was seen before this step.
    before: usize,
}

impl Driver {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { conn: Connection::new(limits), untaken: Vec::new(), seen: Vec::new(), before: 0 }
    }

    /// Returns the head as it went out.
    pub(crate) fn send(&mut self, request: &Request) -> Vec<u8> {
        let mut out = Vec::new();
        self.conn.send_request(request, false, &mut out).unwrap();
        out
    }

    pub(crate) fn read(&mut self, piece: &[u8]) {
        let mut input = mem::take(&mut self.untaken);
        input.extend_from_slice(piece);
        let mut at = 0;
        loop {
            let rest = &input[at..];
            let ahead = self.conn.body_ahead();
            let (taken, event) = match self.conn.receive(rest) {
                Ok(received) => received,
                Err(why) => {
                    assert_eq!(self.conn.receive(b"HTTP").unwrap_err(), why, "errors stay");
                    return self.see(Seen::Failed(why));
                }
            };
            assert!(taken <= rest.len());
            if ahead > 0 && !rest.is_empty() {
                let Event::Data(data) = event else { panic!("{ahead} B of body, not {event:?}") };
                assert_eq!(data.len() as u64, ahead.min(rest.len() as u64));
            }
            at += taken;
            match event {
                Event::NeedInput => {
                    assert_eq!(taken, 0);
                    break;
                }
                Event::Skipped => assert!(taken > 0, "progress"),
                Event::Interim(_) | Event::Head(_) | Event::End(_) => {}
                Event::Data(data) => assert!(!data.is_empty() && taken >= data.len()),
            }
            self.see_event(event);
        }
        self.untaken = input.split_off(at);
    }

    pub(crate) fn eof(&mut self, clean: bool) {
        match self.conn.receive_eof(clean) {
            Ok(event) => self.see_event(event),
            Err(why) => self.see(Seen::Failed(why)),
        }
    }

    /// What was not taken.
    pub(crate) fn untaken(&self) -> &[u8] {
        &self.untaken
    }

    /// Data that comes from here on is not merged with what came before.
    pub(crate) fn begin_step(&mut self) {
        self.before = self.seen.len();
    }

    /// What was seen in this step, in words.
    pub(crate) fn words(&self) -> Vec<String> {
        self.seen[self.before..].iter().map(ToString::to_string).collect()
    }

    fn see_event(&mut self, event: Event<'_>) {
        let text = |fields: Fields<'_>| format!("{fields:?}");
        match event {
            Event::NeedInput | Event::Skipped => {}
            Event::Interim(head) => {
                let status = head.status().as_u16();
                self.see(Seen::Interim { status, fields: text(head.fields()) });
            }
            Event::Head(head) => self.see(Seen::Head {
                status: head.status().as_u16(),
                minor_version: head.minor_version(),
                reason: head.reason().to_vec(),
                fields: text(head.fields()),
            }),
            Event::Data(data) => match self.seen[self.before..].last_mut() {
                Some(Seen::Data(before)) => before.extend_from_slice(data),
                _ => self.see(Seen::Data(data.to_vec())),
            },
            Event::End(trailers) => self.see(Seen::End(text(trailers))),
        }
    }

    fn see(&mut self, seen: Seen) {
        // An error stays, and a driver hears it at every turn.
        if self.seen.last() != Some(&seen) || !matches!(seen, Seen::Failed(_)) {
            self.seen.push(seen);
        }
    }
}
