//! A session of rustls as a layer.

use core::{fmt, mem};
use std::{
    io::IoSlice,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use httpool::error::{IoKind, TlsKind};
use httpool_kit::{Layer, LayerError, Opened, Session, State};
use rustls::{
    HandshakeKind, ProtocolVersion,
    client::UnbufferedClientConnection,
    pki_types::ServerName,
    unbuffered::{
        ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus,
    },
};

use crate::{
    TlsConfig,
    error::{self, Context},
};

/// The most plaintext that a record holds (RFC 8446 section 5.1).
const RECORD: usize = 16_384;

/// The header of a record: type, version, length.
const HEADER: usize = 5;

/// The room for what sealing adds to a record: 22 bytes in TLS 1.3, 29 in TLS 1.2.
const SEALING: usize = 32;

/// The most sealed bytes of one handshake message that are kept. The largest message has 64 KiB;
/// records of a few bytes each would multiply it.
const KEPT_MAX: usize = 80 * 1024;

/// A TLS session as client, over the unbuffered interface of rustls. [`TlsConfig::begin`] makes it.
///
/// rustls needs the records of a handshake message that has not come whole to come back, changed by
/// the decryption. The session keeps these bytes itself, so that the caller has only a part of a
/// record to keep, and so that bytes can be sealed at any time. An idle session keeps nothing.
pub(crate) struct TlsSession {
    conn: UnbufferedClientConnection,
    config: TlsConfig,
    /// The parameters that the handshake agreed on. `None` before its end.
    session: Option<Arc<Session>>,
    /// The bytes taken that rustls still needs.
    kept: Vec<u8>,
    /// Plaintext that was opened while bytes were sealed.
    early: Vec<u8>,
    /// The error after which rustls is not used any more: it would panic, or send a second alert.
    dead: Option<LayerError>,
    /// The peer has sent its close_notify.
    ended: bool,
    /// Our close_notify has been sealed. rustls would still seal bytes behind it.
    closed: bool,
    /// Bytes of the peer have been taken.
    heard: bool,
    /// Bytes were sent after bytes of the peer had been taken.
    answered: bool,
}

/// The result of one run over some input.
struct Run {
    taken: usize,
    more: bool,
}

impl TlsSession {
    pub(crate) fn new(config: TlsConfig, name: ServerName<'static>) -> Result<Self, LayerError> {
        let conn = UnbufferedClientConnection::new(config.rustls().clone(), name)
            .map_err(|why| error::of_rustls(why, &Context::default()))?;
        Ok(Self {
            conn,
            config,
            session: None,
            kept: Vec::new(),
            early: Vec::new(),
            dead: None,
            ended: false,
            closed: false,
            heard: false,
            answered: false,
        })
    }

    fn state(&self) -> State {
        match (&self.session, self.ended) {
            (_, true) => State::Ended,
            (None, false) => State::Handshake,
            (Some(_), false) => State::Open,
        }
    }

    /// Remembers a failure. The session answers with it from now on.
    fn fail<T>(&mut self, why: LayerError) -> Result<T, LayerError> {
        self.dead = Some(why.clone());
        self.kept = Vec::new();
        Err(why)
    }

    /// Fails with an error of rustls. Appends the alert that rustls has made for the peer. `input`
    /// begins with the bytes that rustls refused.
    fn fail_by<T>(
        &mut self,
        why: rustls::Error,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<T, LayerError> {
        let length = out.len();
        while self.conn.wants_write() {
            // With an empty slice: the input must not be looked at again.
            match self.conn.process_tls_records(&mut []).state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    grow(out, HEADER, |room| data.encode(room).map_err(too_small));
                }
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                _ => break,
            }
        }
        let context = Context {
            first_bytes: (!self.heard).then_some(input),
            answered_1_2: self.answered
                && self.conn.protocol_version() == Some(ProtocolVersion::TLSv1_2),
            certificate_sent: self.config.has_identity(),
        };
        if self.closed {
            // Nothing follows a close_notify (RFC 8446 section 6.1).
            out.truncate(length);
        }
        self.fail(error::of_rustls(why, &context))
    }

    /// Runs rustls over `input` until a record with plaintext was opened, or until it needs more.
    fn run(
        &mut self,
        input: &mut [u8],
        out: &mut Vec<u8>,
        plain: &mut dyn FnMut(&[u8]),
    ) -> Result<Run, LayerError> {
        let mut taken = 0;
        loop {
            let UnbufferedStatus { discard, state } =
                self.conn.process_tls_records(&mut input[taken..]);
            let mut more = false;
            let on = match state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    grow(out, 0, |room| data.encode(room).map_err(too_small));
                    self.answered |= self.heard || discard > 0;
                    true
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    true
                }
                Ok(ConnectionState::ReadTraffic(mut records)) => {
                    // One record for each state: rustls stops at the first that it opened.
                    while let Some(Ok(record)) = records.next_record() {
                        plain(record.payload);
                        more = true;
                    }
                    false
                }
                Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => {
                    self.ended = true;
                    false
                }
                Ok(ConnectionState::WriteTraffic(_) | ConnectionState::BlockedHandshake) => false,
                Ok(_) => {
                    let text = "rustls is in a state that a client without early data cannot reach";
                    return self.fail(error::own(TlsKind::Protocol, text));
                }
                Err(why) => {
                    return self.fail_by(why, &input[taken..], out);
                }
            };
            taken += discard;
            self.heard |= discard > 0;
            if !on {
                return Ok(Run { taken, more });
            }
        }
    }

    /// Runs rustls over the bytes kept, with `input` behind them.
    fn run_kept(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        plain: &mut dyn FnMut(&[u8]),
    ) -> Result<Opened, LayerError> {
        let mut kept = mem::take(&mut self.kept);
        kept.extend_from_slice(input);
        let run = self.run(&mut kept, out, plain)?;
        if self.ended || run.taken == kept.len() {
            kept = Vec::new();
        } else {
            kept.drain(..run.taken);
        }
        if kept.len() > KEPT_MAX && !run.more {
            let text = "a handshake message of the server is spread over too many records";
            return self.fail(error::own(TlsKind::Protocol, text));
        }
        self.kept = kept;
        Ok(Opened { taken: input.len(), more: run.more, state: self.state() })
    }

    /// Notes that the handshake is done, or that the peer ended it.
    fn settle(&mut self) -> Result<(), LayerError> {
        if self.session.is_some() {
            return Ok(());
        }
        if self.ended {
            let text = "the server closed the session in the handshake";
            return self.fail(error::own(TlsKind::Lost(IoKind::Eof), text));
        }
        if !self.conn.is_handshaking() {
            self.session = Some(Arc::new(self.agreed()));
        }
        Ok(())
    }

    fn agreed(&self) -> Session {
        let mut session = Session::default();
        session.version = match self.conn.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            _ => "TLSv1.2",
        };
        session.cipher_suite = self
            .conn
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            .unwrap_or("unknown");
        session.group =
            self.conn.negotiated_key_exchange_group().and_then(|group| group.name().as_str());
        // The only protocol that is offered, so the only one that rustls accepts.
        session.alpn = self.conn.alpn_protocol().map(|_| "http/1.1");
        session.resumed = self.conn.handshake_kind() == Some(HandshakeKind::Resumed);
        session.verified = self.config.verifies();
        session.peer_certificates = self
            .conn
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|certificate| certificate.to_vec())
            .collect();
        session
    }

    /// Brings rustls to the state in which it can seal plaintext, and calls `seal`. Handshake
    /// messages that are due are sealed first.
    fn sealing(
        &mut self,
        out: &mut Vec<u8>,
        seal: impl FnOnce(&mut Sealer<'_>, &mut Vec<u8>) -> Result<(), LayerError>,
    ) -> Result<(), LayerError> {
        if let Some(why) = &self.dead {
            return Err(why.clone());
        }
        if self.closed || self.session.is_none() {
            let text = "bytes were sealed before the handshake was done, or after the end";
            return Err(error::own(TlsKind::Protocol, text));
        }
        let mut seal = Some(seal);
        // rustls must see the records of an unfinished handshake message again.
        let mut kept = mem::take(&mut self.kept);
        let result = loop {
            let UnbufferedStatus { discard, state } = self.conn.process_tls_records(&mut kept);
            let end = match state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    grow(out, 0, |room| data.encode(room).map_err(too_small));
                    None
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    None
                }
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    Some(seal.take().map_or(Ok(()), |seal| seal(&mut traffic, out)))
                }
                // The bytes kept may hold records behind the one that the caller opened last.
                Ok(ConnectionState::ReadTraffic(mut records)) => {
                    while let Some(Ok(record)) = records.next_record() {
                        self.early.extend_from_slice(record.payload);
                    }
                    None
                }
                // Once: the caller may seal before it has seen the end.
                Ok(ConnectionState::PeerClosed) => {
                    self.ended = true;
                    None
                }
                Ok(_) => Some(Err(error::own(TlsKind::Protocol, "the session seals nothing"))),
                Err(why) => Some(Err(error::of_rustls(why, &Context::default()))),
            };
            kept.drain(..discard.min(kept.len()));
            if let Some(end) = end {
                break end;
            }
        };
        self.kept = kept;
        result.or_else(|why| self.fail(why))
    }
}

type Sealer<'c> = rustls::unbuffered::WriteTraffic<'c, rustls::client::ClientConnectionData>;

impl TlsSession {
    fn open_some(
        &mut self,
        input: &mut [u8],
        out: &mut Vec<u8>,
        plain: &mut dyn FnMut(&[u8]),
    ) -> Result<Opened, LayerError> {
        let mut opened = if self.kept.is_empty() {
            let run = self.run(input, out, plain)?;
            let rest = &input[run.taken..];
            let mut taken = run.taken;
            if self.ended {
                taken = input.len();
            } else if holds_record(rest) && !run.more {
                // Whole records that rustls did not discard: a handshake message that has not come
                // whole. They are decrypted already, and rustls wants them back.
                self.kept = rest.to_vec();
                self.heard = true;
                taken = input.len();
            }
            Opened { taken, more: run.more, state: self.state() }
        } else {
            self.run_kept(input, out, plain)?
        };
        self.settle()?;
        opened.state = self.state();
        Ok(opened)
    }

    /// Opens after our close_notify. Debug builds of rustls 0.23 then panic at bytes that they
    /// refuse, since an alert would follow the close_notify. That is a failure of the session.
    fn open_closed(
        &mut self,
        input: &mut [u8],
        out: &mut Vec<u8>,
        plain: &mut dyn FnMut(&[u8]),
    ) -> Result<Opened, LayerError> {
        let mut opened = Vec::new();
        let result = catch_unwind(AssertUnwindSafe(|| {
            self.open_some(input, out, &mut |piece| opened.extend_from_slice(piece))
        }));
        if !opened.is_empty() {
            plain(&opened);
        }
        result.unwrap_or_else(|_panic| {
            self.fail(error::own(TlsKind::Protocol, "the server sent bytes that are no record"))
        })
    }
}

impl Layer for TlsSession {
    fn open(
        &mut self,
        input: &mut [u8],
        out: &mut Vec<u8>,
        plain: &mut dyn FnMut(&[u8]),
    ) -> Result<Opened, LayerError> {
        if let Some(why) = &self.dead {
            return Err(why.clone());
        }
        if !self.early.is_empty() {
            plain(&mem::take(&mut self.early));
            return Ok(Opened { taken: 0, more: true, state: self.state() });
        }
        if self.ended {
            return Ok(Opened { taken: input.len(), more: false, state: State::Ended });
        }
        if !self.heard && (1..HEADER).contains(&input.len()) {
            // rustls refuses the first wrong byte. A whole header tells HTTP from other protocols.
            return Ok(Opened { taken: 0, more: false, state: State::Handshake });
        }
        match self.closed {
            true => self.open_closed(input, out, plain),
            false => self.open_some(input, out, plain),
        }
    }

    fn seal(&mut self, plain: &[IoSlice<'_>], out: &mut Vec<u8>) -> Result<(), LayerError> {
        self.sealing(out, |sealer, out| seal_pieces(sealer, plain, out))
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.closed || self.dead.is_some() || self.session.is_none() {
            self.closed = true;
            return;
        }
        // A failure is remembered, and the peer sees an end without the notice.
        let _closed = self.sealing(out, |sealer, out| {
            grow(out, HEADER + 2 + SEALING, |room| {
                sealer.queue_close_notify(room).map_err(encrypt_too_small)
            });
            Ok(())
        });
        self.closed = true;
    }

    fn session(&self) -> Option<Arc<Session>> {
        self.session.clone()
    }
}

impl fmt::Debug for TlsSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSession")
            .field("state", &self.state())
            .field("kept", &self.kept.len())
            .field("closed", &self.closed)
            .field("dead", &self.dead)
            .finish_non_exhaustive()
    }
}

/// Whether `bytes` begins with a whole record.
fn holds_record(bytes: &[u8]) -> bool {
    match bytes.first_chunk::<HEADER>() {
        Some(&[_, _, _, high, low]) => {
            bytes.len() - HEADER >= usize::from(u16::from_be_bytes([high, low]))
        }
        None => false,
    }
}

/// Seals the pieces, in order, in as few records as they need. Large pieces are not copied: only
/// a record that has parts of several pieces is joined first.
fn seal_pieces(
    sealer: &mut Sealer<'_>,
    pieces: &[IoSlice<'_>],
    out: &mut Vec<u8>,
) -> Result<(), LayerError> {
    let mut left: usize = pieces.iter().map(|piece| piece.len()).sum();
    let mut pieces = pieces.iter().map(|piece| &**piece).filter(|piece| !piece.is_empty());
    let mut piece: &[u8] = &[];
    while left > 0 {
        if piece.is_empty() {
            piece = pieces.next().unwrap_or_default();
        }
        // Whole records of the piece, or all of it if nothing follows.
        let alone = if piece.len() == left { left } else { piece.len() / RECORD * RECORD };
        if alone > 0 {
            let (now, later) = piece.split_at(alone);
            seal(sealer, now, out)?;
            (piece, left) = (later, left - alone);
            continue;
        }
        let joined = left.min(RECORD);
        seal_joined(sealer, joined, out, |room| {
            let mut at = 0;
            while at < joined {
                if piece.is_empty() {
                    piece = pieces.next().unwrap_or_default();
                }
                let (now, later) = piece.split_at(piece.len().min(joined - at));
                room[at..at + now.len()].copy_from_slice(now);
                at += now.len();
                piece = later;
            }
        })?;
        left -= joined;
    }
    Ok(())
}

/// Returns the room that the records of `len` bytes of plaintext take at most.
const fn sealed_room(len: usize) -> usize {
    len + len.div_ceil(RECORD) * (HEADER + SEALING)
}

fn seal(sealer: &mut Sealer<'_>, plain: &[u8], out: &mut Vec<u8>) -> Result<(), LayerError> {
    let mut exhausted = false;
    grow(out, sealed_room(plain.len()), |room| match sealer.encrypt(plain, room) {
        Err(EncryptError::EncryptExhausted) => {
            exhausted = true;
            Ok(0)
        }
        other => other.map_err(encrypt_too_small),
    });
    used_up(exhausted)
}

/// Seals `len` bytes that `join` writes. They lie in `out`, behind the room for the record, while
/// they are sealed: no other buffer is needed.
fn seal_joined(
    sealer: &mut Sealer<'_>,
    len: usize,
    out: &mut Vec<u8>,
    join: impl FnOnce(&mut [u8]),
) -> Result<(), LayerError> {
    let start = out.len();
    let room = sealed_room(len);
    out.resize(start + room + len, 0);
    let (record, plain) = out[start..].split_at_mut(room);
    join(plain);
    let result = match sealer.encrypt(plain, record) {
        Ok(written) => Ok(written),
        // A configuration of the user's own has smaller records.
        Err(EncryptError::InsufficientSize(_)) => {
            let plain = plain.to_vec();
            out.truncate(start);
            return seal(sealer, &plain, out);
        }
        Err(EncryptError::EncryptExhausted) => Err(()),
    };
    out.truncate(start + result.unwrap_or(0));
    used_up(result.is_err())
}

fn used_up(exhausted: bool) -> Result<(), LayerError> {
    match exhausted {
        true => Err(error::own(TlsKind::Protocol, "the keys of the session are used up")),
        false => Ok(()),
    }
}

/// Appends what `write` writes into the room given to it, and gives it more room if it asks.
fn grow(
    out: &mut Vec<u8>,
    room: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, Option<usize>>,
) {
    let start = out.len();
    let mut room = room;
    loop {
        out.resize(start + room, 0);
        match write(&mut out[start..]) {
            Ok(written) => return out.truncate(start + written),
            Err(Some(needed)) if needed > room => room = needed,
            Err(_) => return out.truncate(start),
        }
    }
}

fn too_small(why: EncodeError) -> Option<usize> {
    match why {
        EncodeError::InsufficientSize(InsufficientSizeError { required_size }) => {
            Some(required_size)
        }
        EncodeError::AlreadyEncoded => None,
    }
}

fn encrypt_too_small(why: EncryptError) -> Option<usize> {
    match why {
        EncryptError::InsufficientSize(InsufficientSizeError { required_size }) => {
            Some(required_size)
        }
        EncryptError::EncryptExhausted => None,
    }
}
