//! What received bytes mean.

use crate::message::{Fields, Head};

/// What the bytes meant. Everything borrowed is borrowed from the caller's input.
///
/// One response is `Interim* Head Data* End`; after a head that switches protocols nothing follows.
#[must_use = "what was received is in it, and the end of a body that ends with the connection"]
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every case")]
pub enum Event<'i> {
    /// Nothing more without further bytes.
    NeedInput,
    /// Input was taken that is for nobody (framing, bytes that nothing asked for): go on with the
    /// rest.
    Skipped,
    /// A 1xx head; another head follows.
    Interim(Head<'i>),
    /// The response's head.
    Head(Head<'i>),
    /// A piece of the body, framing removed; never empty.
    Data(&'i [u8]),
    /// The response is complete; trailer fields, if any. They are not fields of the head and must not
    /// be merged with them unless their definition allows it (RFC 9110 6.5.1).
    End(Fields<'i>),
}
