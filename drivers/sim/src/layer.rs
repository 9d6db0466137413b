//! A small cipher for tests, in place of TLS: [`Cipher`] for the client, [`Half`] for both sides.
//!
//! It behaves as TLS does: a handshake of two round trips, records with a length and a checksum,
//! tickets, key updates that demand an answer, a notice of the end, alerts. It protects nothing.
//!
//! ```text
//! client                                  server
//! Hello(name)              ───▶
//!                          ◀───           Hello(name of the certificate)
//! Finished                 ───▶
//!                          ◀───           Finished
//! Data, KeyUpdate, End, Alert ◀──▶        Data, Ticket, KeyUpdate, End, Alert
//! ```
//!
//! A record is its kind (1 byte), the length of its content (2 bytes), the content, and a checksum
//! (4 bytes). All but the kind and the length is mixed with a stream of bytes that depends on the
//! direction, the number of the record and the number of key updates.

use std::{fmt, io::IoSlice, sync::Arc};

use httpool::{error::TlsKind, message::TlsId};
use httpool_kit::{Layer, LayerError, Layers, Opened, Session, State};

/// The length of a record without its content, in bytes.
pub const OVERHEAD: usize = 7;
/// The longest content of a record, in bytes.
pub const CONTENT_MAX: usize = 16 * 1024;

/// Begins the client's side of sessions. It has one configuration, with the number 0.
#[derive(Debug, Clone)]
pub struct Cipher {
    record_max: usize,
}

impl Cipher {
    /// Makes a cipher whose records have at most `record_max` bytes of content.
    pub fn new(record_max: usize) -> Self {
        Self { record_max: record_max.clamp(1, CONTENT_MAX) }
    }
}

impl Default for Cipher {
    fn default() -> Self {
        Self::new(CONTENT_MAX)
    }
}

impl Layers for Cipher {
    fn begin(&self, tls: TlsId, name: &str) -> Result<Box<dyn Layer>, LayerError> {
        if !matches!(tls, TlsId::ORIGIN | TlsId::PROXY) {
            return Err(LayerError::new(TlsKind::Unavailable));
        }
        Ok(Box::new(Half::client(name, self.record_max)))
    }
}

/// One side of a session.
#[derive(Debug)]
pub struct Half {
    is_client: bool,
    /// The name of the peer that the client wants, or that the server's certificate is for. A server
    /// without one has a certificate for every name.
    name: Option<String>,
    record_max: usize,
    stage: Stage,
    sent: Direction,
    received: Direction,
    closed: bool,
    failed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The client's side has not sent its Hello.
    New,
    Hello,
    Finished,
    Open,
    Ended,
}

/// The state of the keys of one direction.
#[derive(Debug, Default, Clone, Copy)]
struct Direction {
    record: u64,
    updates: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hello = 1,
    Finished,
    Data,
    Ticket,
    /// Demands a `KeyUpdated`, after which the sender of that uses other keys.
    KeyUpdate,
    KeyUpdated,
    End,
    Alert,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Hello,
        Self::Finished,
        Self::Data,
        Self::Ticket,
        Self::KeyUpdate,
        Self::KeyUpdated,
        Self::End,
        Self::Alert,
    ];
}

/// The violation that a side has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The bytes are not a record of this cipher.
    NotARecord,
    /// The checksum of a record is wrong.
    Corrupt,
    /// A record of this kind must not come now.
    Unexpected,
    /// The certificate is for another name.
    WrongName,
    /// The peer has sent an alert.
    Alert,
    /// Plaintext was given to a session that is not open.
    NotOpen,
}

impl Half {
    /// Makes the client's side of a session with the server called `name`.
    pub fn client(name: &str, record_max: usize) -> Self {
        Self::new(true, Some(name.into()), record_max, Stage::New)
    }

    /// Makes the server's side of a session. Its certificate is for `name`, or for every name.
    pub fn server(name: Option<&str>, record_max: usize) -> Self {
        Self::new(false, name.map(Into::into), record_max, Stage::Hello)
    }

    fn new(is_client: bool, name: Option<String>, record_max: usize, stage: Stage) -> Self {
        let (sent, received) = (Direction::default(), Direction::default());
        let record_max = record_max.clamp(1, CONTENT_MAX);
        Self { is_client, name, record_max, stage, sent, received, closed: false, failed: false }
    }

    /// Whether the handshake is done.
    pub const fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::Ended)
    }

    /// Whether the peer has sent its notice of the end.
    pub const fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended)
    }

    /// Whether this side has found a fault, or was sent an alert.
    pub const fn has_failed(&self) -> bool {
        self.failed
    }

    /// Returns how many key updates the peer has made.
    pub const fn updates(&self) -> u64 {
        self.received.updates
    }

    /// Appends the notice that nothing more follows. Does nothing the second time.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.closed, true) {
            self.put(Kind::End, b"", out);
        }
    }

    /// Appends a ticket: a record without plaintext.
    pub fn ticket(&mut self, out: &mut Vec<u8>) {
        self.put(Kind::Ticket, b"a ticket", out);
    }

    /// Appends a key update, which the peer must answer.
    pub fn update_keys(&mut self, out: &mut Vec<u8>) {
        self.put(Kind::KeyUpdate, b"", out);
        self.sent.updates += 1;
    }

    /// Appends a fatal alert.
    pub fn alert(&mut self, out: &mut Vec<u8>) {
        self.put(Kind::Alert, b"", out);
        self.closed = true;
    }

    fn put(&mut self, kind: Kind, content: &[u8], out: &mut Vec<u8>) {
        let len = content.len() as u16;
        out.push(kind as u8);
        out.extend_from_slice(&len.to_be_bytes());
        let start = out.len();
        out.extend_from_slice(content);
        out.extend_from_slice(&checksum(kind, content).to_be_bytes());
        self.sent.mix(self.is_client, &mut out[start..]);
        self.sent.record += 1;
    }

    /// Finds the record at the front of `input`, and checks it. Returns its kind and the length of
    /// its content, which is plain then, or `None` if it is incomplete.
    fn take<'a>(&mut self, input: &'a mut [u8]) -> Result<Option<(Kind, &'a [u8])>, Fault> {
        let Some((kind, rest)) = input.split_first_mut() else { return Ok(None) };
        let kind = Kind::ALL.into_iter().find(|it| *it as u8 == *kind).ok_or(Fault::NotARecord)?;
        let Some((len, rest)) = rest.split_first_chunk::<2>() else { return Ok(None) };
        let len = usize::from(u16::from_be_bytes(*len));
        if len > CONTENT_MAX {
            return Err(Fault::NotARecord);
        }
        if rest.len() < len + 4 {
            return Ok(None);
        }
        let whole = &mut input[3..3 + len + 4];
        self.received.mix(!self.is_client, whole);
        self.received.record += 1;
        let (content, sum) = whole.split_at(len);
        if sum != checksum(kind, content).to_be_bytes() {
            return Err(Fault::Corrupt);
        }
        Ok(Some((kind, content)))
    }

    /// Handles a record other than data.
    fn handle(&mut self, kind: Kind, content: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        match (kind, self.stage) {
            (Kind::Alert, _) => return Err(Fault::Alert),
            (Kind::Hello, Stage::Hello) if self.is_client => {
                if !content.is_empty() && self.name.as_deref().map(str::as_bytes) != Some(content) {
                    return Err(Fault::WrongName);
                }
                self.put(Kind::Finished, b"", out);
                self.stage = Stage::Finished;
            }
            (Kind::Hello, Stage::Hello) => {
                let name = self.name.clone().unwrap_or_default();
                self.put(Kind::Hello, name.as_bytes(), out);
                self.stage = Stage::Finished;
            }
            (Kind::Finished, Stage::Finished) => {
                if !self.is_client {
                    self.put(Kind::Finished, b"", out);
                }
                self.stage = Stage::Open;
            }
            (Kind::Ticket, Stage::Open) if self.is_client => {}
            (Kind::KeyUpdate, Stage::Open) => {
                self.received.updates += 1;
                if !self.closed {
                    self.put(Kind::KeyUpdated, b"", out);
                    self.sent.updates += 1;
                }
            }
            (Kind::KeyUpdated, Stage::Open) => self.received.updates += 1,
            (Kind::End, Stage::Open) => self.stage = Stage::Ended,
            _ => return Err(Fault::Unexpected),
        }
        Ok(())
    }

    fn fail(&mut self, fault: Fault, out: &mut Vec<u8>) -> LayerError {
        self.failed = true;
        if fault != Fault::Alert {
            self.alert(out);
        }
        let kind = match fault {
            Fault::WrongName => TlsKind::Name,
            Fault::Alert => TlsKind::Alert(40),
            _ => TlsKind::Protocol,
        };
        LayerError::with_source(kind, fault)
    }

    fn state(&self) -> State {
        match self.stage {
            Stage::New | Stage::Hello | Stage::Finished => State::Handshake,
            Stage::Open => State::Open,
            Stage::Ended => State::Ended,
        }
    }
}

impl Layer for Half {
    fn open(
        &mut self,
        input: &mut [u8],
        out: &mut Vec<u8>,
        plain: &mut dyn FnMut(&[u8]),
    ) -> Result<Opened, LayerError> {
        if self.stage == Stage::New {
            let name = self.name.clone().unwrap_or_default();
            self.put(Kind::Hello, name.as_bytes(), out);
            self.stage = Stage::Hello;
        }
        let (mut taken, mut more) = (0, false);
        while !more && self.stage != Stage::Ended {
            let (kind, content) = match self.take(&mut input[taken..]) {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(fault) => return Err(self.fail(fault, out)),
            };
            taken += content.len() + OVERHEAD;
            if kind == Kind::Data && self.stage == Stage::Open {
                plain(content);
                more = true;
            } else if let Err(fault) = self.handle(kind, content, out) {
                return Err(self.fail(fault, out));
            }
        }
        Ok(Opened { taken, more, state: self.state() })
    }

    fn seal(&mut self, plain: &[IoSlice<'_>], out: &mut Vec<u8>) -> Result<(), LayerError> {
        if !self.is_open() || self.closed {
            return Err(LayerError::with_source(TlsKind::Protocol, Fault::NotOpen));
        }
        let mut content = Vec::with_capacity(self.record_max);
        for byte in plain.iter().flat_map(|piece| piece.iter()) {
            content.push(*byte);
            if content.len() == self.record_max {
                self.put(Kind::Data, &content, out);
                content.clear();
            }
        }
        if !content.is_empty() {
            self.put(Kind::Data, &content, out);
        }
        Ok(())
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        self.end(out);
    }

    fn session(&self) -> Option<Arc<Session>> {
        self.is_open().then(|| {
            let mut session = Session::default();
            (session.version, session.cipher_suite) = ("Test1", "XOR");
            session.verified = true;
            Arc::new(session)
        })
    }
}

impl Direction {
    /// Mixes `bytes` with the key stream of the next record. Twice gives the bytes back.
    fn mix(self, by_client: bool, bytes: &mut [u8]) {
        let mut state = (self.record << 1 | u64::from(by_client)) ^ self.updates << 48;
        for (at, byte) in bytes.iter_mut().enumerate() {
            if at % 8 == 0 {
                state =
                    state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            }
            *byte ^= state.to_be_bytes()[at % 8] | 0x80;
        }
    }
}

fn checksum(kind: Kind, content: &[u8]) -> u32 {
    let mix = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    content.iter().fold(0x811c_9dc5 ^ kind as u32, mix)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotARecord => "the bytes are not a record",
            Self::Corrupt => "the checksum of a record is wrong",
            Self::Unexpected => "a record of this kind must not come now",
            Self::WrongName => "the certificate is for another name",
            Self::Alert => "the peer has sent an alert",
            Self::NotOpen => "the session is not open",
        })
    }
}

impl std::error::Error for Fault {}
