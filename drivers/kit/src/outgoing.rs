//! Writes the outbox of a connection.

use std::io::{self, IoSlice, Write};

use httpool::{client::Outbox, h1::Framing};

use crate::Piece;

/// Returns the bytes of `out` to write, in order. Some slices may be empty.
#[inline]
pub fn slices(out: &Outbox) -> [IoSlice<'_>; 4] {
    out.chunks().map(IoSlice::new)
}

/// Writes the bytes of `out` to `to` in one call. Returns the number of bytes written.
///
/// # Errors
/// The error of `to`.
pub fn write_to(out: &Outbox, to: &mut impl Write) -> io::Result<usize> {
    if out.has_no_piece() { to.write(out.chunks()[0]) } else { to.write_vectored(&slices(out)) }
}

/// Adds a piece to `out`, with its framing. A piece that was read is in the buffer of `out`.
pub fn put_piece(out: &mut Outbox, piece: Piece, framing: &Framing) {
    match piece {
        Piece::Bytes(bytes, _) => out.put(bytes, framing),
        Piece::Read(read) => out.put_read(read, framing),
    }
}
