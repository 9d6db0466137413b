//! The servers' side of the sessions on a connection, with the cipher of [`layer`](crate::layer):
//! one with an `https` proxy, one with an `https` origin, or that of the origin within that of the
//! proxy. In event-loop worlds without sessions a handshake is an event, and the bytes stay plain.

use std::{io::IoSlice, mem};

use httpool::error::{IoKind, TlsKind};
use httpool_kit::{Layer, State};

use super::{Tls, io::Io, marks::Mark, stage::Stage};
use crate::layer::{Half, OVERHEAD};

/// The sessions of a connection, the outermost first.
#[derive(Debug, Default)]
pub(super) struct Sessions(Vec<Secure>);

/// The server's side of a session.
#[derive(Debug)]
struct Secure {
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
    /// Whether the client is told that nothing more follows, when the output ends.
    notice: bool,
    /// Whether the notice was made, and where it ends in the raw output.
    noticed: Option<u32>,
    /// The number of plaintext bytes and of raw bytes that were sealed.
    sealed: u32,
    made: u32,
    /// For each record: where it ends in the raw output, and how much plaintext lies before there.
    records: Vec<(u32, u32)>,
    /// The number of raw bytes that the client was given, and of plaintext bytes in whole records.
    given: u32,
    shown: u32,
}

/// How the server answers the client's first message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Answers,
    Alerts,
    Resets,
    Silent,
}

impl Sessions {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Begins a session within those that there are. Its first raw output is `before`, without this
    /// session.
    pub(super) fn begin(&mut self, stage: &mut Stage, tls: Tls, before: &[u8]) {
        if !self.is_empty() {
            stage.mark(Mark::TwoLayers);
        }
        self.0.push(Secure::new(stage, tls, before));
    }

    /// Opens raw bytes, and appends the plaintext of the innermost session to `into`.
    pub(super) fn open(&mut self, mut raw: Vec<u8>, into: &mut Vec<u8>) -> Io {
        for secure in &mut self.0 {
            if secure.over {
                return Io::Eof;
            }
            let mut plain = Vec::new();
            match secure.open(&raw, &mut plain) {
                Io::Done(1..) => raw = plain,
                other => return other,
            }
        }
        into.extend_from_slice(&raw);
        Io::Done(raw.len())
    }

    /// Whether no more plaintext comes.
    pub(super) fn is_over(&self) -> bool {
        self.0.iter().any(|secure| secure.over)
    }

    /// Seals some bytes of `plain` in the innermost session, if all its earlier output has left.
    pub(super) fn seal(&mut self, plain: &[u8]) -> Io {
        self.0.last_mut().map_or(Io::Block, |innermost| innermost.seal(plain))
    }

    /// Seals the output of each inner session in the one around it, as far as that takes it.
    /// Returns the raw output for the pipe.
    pub(super) fn settle(&mut self, stage: &mut Stage) -> &[u8] {
        for nth in (1..self.0.len()).rev() {
            let (outer, inner) = self.0.split_at_mut(nth);
            let (Some(outer), [inner, ..]) = (outer.last_mut(), inner) else { continue };
            while let Io::Done(some @ 1..) = outer.seal(&inner.pending) {
                if inner.gone(some) {
                    outer.end(stage);
                }
            }
        }
        self.0.first().map_or(&[], |outermost| &outermost.pending)
    }

    /// Removes bytes that the pipe has taken. Returns whether its output ends now.
    pub(super) fn gone(&mut self, bytes: usize) -> bool {
        self.0.first_mut().is_some_and(|outermost| outermost.gone(bytes))
    }

    /// Sends records without plaintext on an idle connection.
    pub(super) fn idle(&mut self, stage: &mut Stage) {
        self.0.iter_mut().for_each(|secure| secure.idle(stage));
    }

    /// Whether the output ends, or has ended.
    pub(super) fn is_ending(&self) -> bool {
        self.0.last().is_some_and(|innermost| innermost.ends)
    }

    /// Ends the output of each session when all has left. If `cuts` is set, some of them end
    /// without notice, at random. Returns whether the output has ended.
    pub(super) fn end(&mut self, stage: &mut Stage, cuts: bool) -> bool {
        for secure in &mut self.0 {
            secure.notice = !cuts || stage.random.once_in(2);
        }
        if let [outer, .., inner] = &self.0[..]
            && outer.notice
            && !inner.notice
        {
            stage.mark(Mark::OuterNotice);
        }
        let Some(innermost) = self.0.last_mut() else { return true };
        innermost.end(stage);
        let mut ended = innermost.pending.is_empty();
        for nth in (1..self.0.len()).rev() {
            if ended {
                self.0[nth - 1].end(stage);
                ended = self.0[nth - 1].pending.is_empty();
            }
        }
        ended
    }

    /// Whether the origin has told the client that nothing more follows.
    pub(super) fn has_noticed(&self) -> bool {
        self.0.last().is_none_or(|innermost| innermost.noticed.is_some())
    }

    /// Whether the client was given a notice that nothing more follows, from the origin or from a
    /// proxy.
    pub(super) fn have_told(&self) -> bool {
        let told = |it: &Secure| it.noticed.is_some_and(|at| it.given >= at);
        self.0.iter().any(told)
    }

    /// Whether there is a session within another.
    pub(super) const fn are_two(&self) -> bool {
        self.0.len() > 1
    }

    /// Returns how many bytes of plaintext were sealed in the innermost session.
    pub(super) fn sealed(&self) -> u32 {
        self.0.last().map_or(0, |innermost| innermost.sealed)
    }

    /// Counts raw bytes that the client was given. Returns how many bytes of the innermost
    /// session's plaintext the records hold that it has whole.
    pub(super) fn give(&mut self, mut raw: u32) -> u32 {
        let mut all = 0;
        for secure in &mut self.0 {
            all = secure.give(raw);
            raw = all - mem::replace(&mut secure.shown, all);
        }
        all
    }
}

impl Secure {
    /// Begins a session whose first raw output is `before`, in clear.
    fn new(stage: &mut Stage, tls: Tls, before: &[u8]) -> Self {
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
            notice: true,
            noticed: None,
            sealed: 0,
            made: before.len() as u32,
            records: Vec::new(),
            given: 0,
            shown: 0,
        }
    }

    /// Opens raw bytes, and appends the plaintext to `into`.
    fn open(&mut self, raw: &[u8], into: &mut Vec<u8>) -> Io {
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

    /// Seals some bytes of `plain`, if all earlier output has left.
    fn seal(&mut self, plain: &[u8]) -> Io {
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
    fn idle(&mut self, stage: &mut Stage) {
        if !self.half.is_open() || self.ends {
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

    /// Ends the output when all has left, with or without notice. Without, it may break off inside
    /// a record.
    fn end(&mut self, stage: &mut Stage) {
        if mem::replace(&mut self.ends, true) {
            return;
        }
        if self.notice && self.half.is_open() {
            stage.mark(Mark::Notice);
            self.make(Half::end);
            self.noticed = Some(self.made);
            return;
        }
        stage.mark(Mark::FaultTruncated);
        let mut record = Vec::new();
        if self.half.is_open()
            && stage.random.once_in(2)
            && self.half.seal(&[IoSlice::new(b"cut off")], &mut record).is_ok()
        {
            stage.mark(Mark::FaultCutRecord);
            let some = stage.random.from(1, record.len() as u64 - 1);
            self.put(&record[..some as usize]);
        }
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

    /// Removes bytes of the output that were taken. Returns whether the output ends now.
    fn gone(&mut self, bytes: usize) -> bool {
        self.pending.drain(..bytes);
        self.pending.is_empty() && self.ends
    }

    /// Counts raw bytes that the client was given. Returns how many bytes of plaintext the records
    /// hold that it has whole.
    fn give(&mut self, raw: u32) -> u32 {
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
    /// Whether the record has plaintext of HTTP.
    plain: bool,
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
    /// `deep`: a record with plaintext contains records of another session. One of those without
    /// content answers a key update, or is a notice.
    pub(super) fn follow(&mut self, bytes: &[u8], deep: bool) -> Scanned {
        const DATA: u8 = 3;
        let mut found = Scanned::default();
        for byte in bytes {
            if self.len < 3 {
                self.head[self.len] = *byte;
                self.len += 1;
                found.stray |= self.len == 1 && !(1..=8).contains(byte);
                let [kind, high, low] = self.head;
                let len = usize::from(u16::from_be_bytes([high, low]));
                self.left = len + OVERHEAD - 3;
                self.plain = kind == DATA && !(deep && len == OVERHEAD);
                found.begins |= self.len == 3 && self.plain;
                continue;
            }
            self.left -= 1;
            if self.left == 0 {
                found.ends |= self.plain;
                self.len = 0;
            }
        }
        found
    }
}
