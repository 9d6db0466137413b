//! The interface of a layer: a session, such as TLS, between the socket and HTTP.

use std::{error, fmt, io::IoSlice, sync::Arc};

use httpool::{error::TlsKind, message::TlsId};

/// Begins the sessions of connections. A driver asks it for one at each
/// [`StartTls`](httpool::client::Action::StartTls).
pub trait Layers: fmt::Debug + Send + Sync {
    /// Begins a session as client with the peer called `name`, by the configuration `tls`. Requests
    /// and proxies that choose none use [`TlsId::ORIGIN`] and [`TlsId::PROXY`]. `name` is
    /// a host name without a final dot, or an IP address without brackets.
    ///
    /// # Errors
    /// There is no such configuration, or a session cannot be begun with `name`.
    fn begin(&self, tls: TlsId, name: &str) -> Result<Box<dyn Layer>, LayerError>;
}

/// A session that seals and opens the bytes of one connection. It does no I/O.
///
/// It starts in the handshake. The first [`open`](Self::open), with empty input, appends the
/// client's first message. After an error it is not used again.
pub trait Layer: fmt::Debug + Send {
    /// Opens sealed bytes: at most until one record with plaintext was opened, which is passed to
    /// `plain`. Appends the bytes that the peer must get, in a handshake for example, to `out`.
    ///
    /// `input` begins with the bytes that earlier calls did not take, unchanged. The bytes taken are
    /// overwritten. Bytes not taken are a part of a record. If `Opened` says that a record was opened,
    /// there may be more: call again with the rest, which may be empty.
    ///
    /// # Errors
    /// The peer violated the protocol, is not trusted, or sent a fatal alert. `out` may then end
    /// with an alert for the peer, which is sent if the socket takes it.
    fn open(
        &mut self,
        input: &mut [u8],
        out: &mut Vec<u8>,
        plain: &mut dyn FnMut(&[u8]),
    ) -> Result<Opened, LayerError>;

    /// Seals the bytes of `plain`, in order, in as few records as it can, and appends them to `out`.
    /// The handshake must be done.
    ///
    /// # Errors
    /// The session has been closed, or has used up its keys.
    fn seal(&mut self, plain: &[IoSlice<'_>], out: &mut Vec<u8>) -> Result<(), LayerError>;

    /// Appends the notice that no more bytes will be sent (close_notify). Does nothing the second
    /// time.
    fn close(&mut self, out: &mut Vec<u8>);

    /// Returns what the handshake agreed on. `None` before the handshake is done.
    fn session(&self) -> Option<Arc<Session>>;
}

/// The result of [`Layer::open`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a layer outside this crate makes it")]
pub struct Opened {
    /// The number of input bytes taken.
    pub taken: usize,
    /// Whether a record with plaintext was opened, so there may be another one.
    pub more: bool,
    /// The state of the session.
    pub state: State,
}

/// The state of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every case")]
pub enum State {
    /// The handshake is not done.
    Handshake,
    /// Bytes can be sealed and opened.
    Open,
    /// The peer has announced that it sends no more (close_notify). Later input is dropped. Bytes
    /// can still be sealed.
    Ended,
}

/// The parameters that the handshake of a session agreed on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// The version, as `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite, as `TLS13_AES_256_GCM_SHA384`.
    pub cipher_suite: &'static str,
    /// The group of the key exchange, as `X25519MLKEM768`. `None` in a resumed TLS 1.2 session.
    pub group: Option<&'static str>,
    /// The protocol that the server chose by ALPN (RFC 7301). `None` if it chose none.
    pub alpn: Option<&'static str>,
    /// Whether an earlier session was resumed. The certificates are then those of that session.
    pub resumed: bool,
    /// Whether the peer's certificate was verified. False if the configuration asked for no
    /// verification.
    pub verified: bool,
    /// The certificates that the peer sent, in DER, its own first.
    pub peer_certificates: Vec<Vec<u8>>,
}

/// Writes the session in few words, as the trace has it: `TLSv1.3 X25519MLKEM768 resumed verified`.
impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.version)?;
        if let Some(group) = self.group {
            write!(f, " {group}")?;
        }
        f.write_str(if self.resumed { " resumed" } else { " full" })?;
        f.write_str(if self.verified { " verified" } else { " unverified" })
    }
}

/// A failure of a layer.
#[derive(Debug, Clone)]
pub struct LayerError {
    kind: TlsKind,
    source: Option<Arc<dyn error::Error + Send + Sync>>,
}

impl LayerError {
    /// Makes a failure of a kind, without a source.
    pub const fn new(kind: TlsKind) -> Self {
        Self { kind, source: None }
    }

    /// Makes a failure of a kind. `source` is the error of the library that the layer uses.
    pub fn with_source(kind: TlsKind, source: impl error::Error + Send + Sync + 'static) -> Self {
        Self { kind, source: Some(Arc::new(source)) }
    }

    /// Returns the kind of the failure.
    pub const fn kind(&self) -> TlsKind {
        self.kind
    }
}

impl fmt::Display for LayerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.kind, f)
    }
}

impl error::Error for LayerError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
