//! Events parsed from the bytes of a response.

use crate::{
    error::TlsKind,
    message::{Fields, Head},
};

/// An event parsed from received bytes. It borrows from the caller's input.
///
/// The events of a response come in this order: `Interim* Head Data* End`. None follows a head that
/// switches protocols.
#[must_use = "what was received is in it, and the end of a body that ends with the connection"]
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every case")]
pub enum Event<'i> {
    /// More bytes are needed for the next event.
    NeedInput,
    /// Bytes were consumed without an event: chunk framing, or unsolicited bytes. Go on with the
    /// rest.
    Skipped,
    /// A 1xx head. Another head follows.
    Interim(Head<'i>),
    /// The final head.
    Head(Head<'i>),
    /// A piece of the body, without framing; never empty.
    Data(&'i [u8]),
    /// The end of the response, with its trailer fields. They must not be merged into the fields of
    /// the head unless their definition allows it (RFC 9110 6.5.1).
    End(Fields<'i>),
}

/// The way in which the peer has ended its side of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an end can be trusted or it cannot")]
pub enum Eof {
    /// An ordinary close. Over TLS, only a close_notify is one (RFC 9112 9.8). It ends a body that
    /// has neither a length nor chunks.
    Clean,
    /// A reset, an error, or an end of TLS without close_notify. A body that would end with the
    /// connection may have been cut.
    Broken,
    /// A failure of TLS behind the handshake, such as an alert: in TLS 1.3 a server refuses the
    /// certificate of a client there. Otherwise as [`Broken`](Self::Broken). A lost connection
    /// ([`TlsKind::Lost`]) is to be reported as that.
    Tls(TlsKind),
}

/// `true` is [`Clean`](Self::Clean).
impl From<bool> for Eof {
    fn from(clean: bool) -> Self {
        if clean { Self::Clean } else { Self::Broken }
    }
}
