//! The server's side of a session on a connection, with the cipher of [`layer`](crate::layer). In
//! event-loop worlds without sessions a handshake is an event, and the bytes stay plain.

use std::io::IoSlice;

use httpool::error::{IoKind, TlsKind};
use httpool_kit::{Layer, State};

use super::{Tls, marks::Mark, net::Io, stage::Stage};
use crate::layer::{Half, OVERHEAD};

/// The server's side of a session.
#[derive(Debug)]
pub(super) struct Secure {
    half: Half,
    manner: Manner,
    /// Raw bytes that were not opened.
    input: Vec<u8>,
    /// Whether the client has ended its output, or the session has failed.
    over: bool,
    /// Sealed bytes that the pipe has not taken yet.
    pending: Vec<u8>,
    /// Whether the output ends when the pending bytes have left.
    ends: bool,
    /// Whether the client was told that nothing more follows.
    pub(super) noticed: bool,
    /// The number of plaintext bytes and of raw bytes that were sealed.
    sealed: u32,
    made: u32,
    /// For each record: where it ends in the raw output, and how much plaintext lies before there.
    records: Vec<(u32, u32)>,
    /// The number of raw bytes that the client was given.
    given: u32,
    pub(super) scan: Scan,
}

/// How the server answers the client's first message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Answers,
    Alerts,
    Resets,
    Silent,
}

impl Secure {
    /// Begins a session whose first raw output is `before`, in clear.
    pub(super) fn new(stage: &mut Stage, tls: Tls, before: &[u8]) -> Self {
        let (name, manner) = match tls {
            Tls::Up { .. } => (None, Manner::Answers),
            Tls::Fails { why: TlsKind::Lost(IoKind::Reset), .. } => (None, Manner::Resets),
            Tls::Fails { why: TlsKind::Alert(_), .. } => (None, Manner::Alerts),
            Tls::Fails { .. } => (Some("elsewhere.test"), Manner::Answers),
            Tls::Never => (None, Manner::Silent),
        };
        match tls {
            Tls::Up { .. } => stage.mark(Mark::Secured),
            Tls::Fails { .. } => stage.mark(Mark::FaultTls),
            Tls::Never => stage.mark(Mark::FaultTlsNever),
        }
        Self {
            half: Half::server(name, stage.random.pick(&[20, 100, 16_384])),
            manner,
            input: Vec::new(),
            over: false,
            pending: before.to_vec(),
            ends: false,
            noticed: false,
            sealed: 0,
            made: before.len() as u32,
            records: Vec::new(),
            given: 0,
            scan: Scan::default(),
        }
    }

    /// Opens raw bytes, and appends the plaintext to `into`.
    pub(super) fn open(&mut self, raw: &[u8], into: &mut Vec<u8>) -> Io {
        match self.manner {
            Manner::Answers => {}
            Manner::Alerts => self.make(Half::alert),
            Manner::Silent => return Io::Block,
            Manner::Resets => return Io::Reset,
        }
        self.over |= self.manner == Manner::Alerts;
        self.input.extend_from_slice(raw);
        let before = into.len();
        while !self.over {
            let (mut out, input) = (Vec::new(), &mut self.input);
            let opened =
                self.half.open(input, &mut out, &mut |plain| into.extend_from_slice(plain));
            self.put(&out);
            match opened {
                Ok(opened) => {
                    self.input.drain(..opened.taken);
                    self.over = opened.state == State::Ended;
                    if !opened.more {
                        break;
                    }
                }
                Err(_) => self.over = true,
            }
        }
        if self.over && into.len() == before { Io::Eof } else { Io::Done(into.len() - before) }
    }

    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// Seals some bytes of `plain`, if all earlier output has left.
    pub(super) fn seal(&mut self, plain: &[u8]) -> Io {
        if !self.pending.is_empty() || !self.half.is_open() || self.ends {
            return Io::Block;
        }
        let some = plain.len().min(2_000);
        let mut out = Vec::new();
        if self.half.seal(&[IoSlice::new(&plain[..some])], &mut out).is_err() {
            return Io::Reset;
        }
        let mut at = 0;
        while let Some([high, low]) = out.get(at + 1..at + 3) {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            at += len + OVERHEAD;
            self.sealed += len as u32;
            self.records.push((self.made + at as u32, self.sealed));
        }
        self.put(&out);
        Io::Done(some)
    }

    /// Sends a record without plaintext on an idle connection.
    pub(super) fn idle(&mut self, stage: &mut Stage) {
        if !self.half.is_open() || self.ends || self.noticed {
            return;
        }
        match stage.random.below(4) {
            0 => {
                stage.mark(Mark::Ticket);
                self.make(Half::ticket);
            }
            1 => {
                stage.mark(Mark::KeyUpdate);
                self.make(Half::update_keys);
            }
            _ => {}
        }
    }

    /// Ends the output when all has left. `notice`: tells the client that nothing more follows.
    pub(super) fn end(&mut self, stage: &mut Stage, notice: bool) {
        self.ends = true;
        if notice && self.half.is_open() {
            stage.mark(Mark::Notice);
            self.make(Half::end);
            self.noticed = true;
        } else {
            stage.mark(Mark::FaultTruncated);
        }
    }

    /// Whether the output ends, or has ended.
    pub(super) const fn is_ending(&self) -> bool {
        self.ends
    }

    fn make(&mut self, records: impl FnOnce(&mut Half, &mut Vec<u8>)) {
        let mut out = Vec::new();
        records(&mut self.half, &mut out);
        self.put(&out);
    }

    fn put(&mut self, out: &[u8]) {
        self.pending.extend_from_slice(out);
        self.made += out.len() as u32;
    }

    pub(super) fn pending(&self) -> &[u8] {
        &self.pending
    }

    /// Removes bytes that the pipe has taken. Returns whether the output ends now.
    pub(super) fn gone(&mut self, bytes: usize) -> bool {
        self.pending.drain(..bytes);
        self.pending.is_empty() && self.ends
    }

    pub(super) const fn sealed(&self) -> u32 {
        self.sealed
    }

    /// Counts raw bytes that the client was given. Returns how many bytes of plaintext the records
    /// hold that it has whole.
    pub(super) fn give(&mut self, raw: u32) -> u32 {
        self.given += raw;
        let whole = self.records.iter().take_while(|record| record.0 <= self.given);
        whole.last().map_or(0, |record| record.1)
    }
}

/// Follows the records in the client's raw output.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Scan {
    head: [u8; 3],
    /// The number of bytes of the head that have come, and of the record behind it that have not.
    len: usize,
    left: usize,
}

/// The contents of raw bytes that the client writes.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Scanned {
    /// Whether a record with plaintext begins.
    pub(super) begins: bool,
    /// Whether a record with plaintext ends.
    pub(super) ends: bool,
    /// Whether there are bytes that belong to no record.
    pub(super) stray: bool,
}

impl Scan {
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Scanned {
        const DATA: u8 = 3;
        let mut found = Scanned::default();
        for byte in bytes {
            if self.len < 3 {
                self.head[self.len] = *byte;
                self.len += 1;
                found.stray |= self.len == 1 && !(1..=8).contains(byte);
                found.begins |= self.len == 1 && *byte == DATA;
                let [_, high, low] = self.head;
                self.left = usize::from(u16::from_be_bytes([high, low])) + OVERHEAD - 3;
                continue;
            }
            self.left -= 1;
            if self.left == 0 {
                found.ends |= self.head[0] == DATA;
                self.len = 0;
            }
        }
        found
    }
}
