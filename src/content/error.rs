//! Why a body cannot be decoded.

use core::{error, fmt};

use super::coding::{CODINGS_MAX, Coding};

/// The reason why a body cannot be decoded. The server is at fault, or a limit of the client
/// applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeError {
    /// The coding whose decoder failed; `None` if no decoder could be chosen.
    pub coding: Option<Coding>,
    /// The kind of fault.
    pub kind: DecodeErrorKind,
    /// Where it shows: the position in the input of that coding's decoder, in bytes from 0. With
    /// one coding that is the body as the server sent it.
    ///
    /// It is the position of the first wrong byte where the decoder can name it. Within compressed
    /// data it can be some bytes off: for `zstd` it is the begin of the block, and for `br` it
    /// depends on the reads. The end of the input is the position of
    /// [`Truncated`](DecodeErrorKind::Truncated).
    pub at: u64,
}

impl DecodeError {
    pub(crate) const fn new(coding: Option<Coding>, kind: DecodeErrorKind, at: u64) -> Self {
        Self { coding, kind, at }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { coding, kind, at } = self;
        match coding {
            Some(coding) => write!(f, "the body's {coding} coding, at byte {at}: {kind}"),
            None => write!(f, "{kind}"),
        }
    }
}

impl error::Error for DecodeError {}

/// The kind of fault of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// Content-Encoding lists more than [`CODINGS_MAX`] codings.
    TooManyCodings,
    /// The header of the format is wrong: the body does not have this coding.
    Header,
    /// The compressed data is corrupt.
    Data,
    /// The decoded bytes do not have the checksum that the body states.
    Checksum,
    /// The decoded bytes are more or fewer than the body states.
    Length,
    /// The body has bytes behind its end.
    Trailing,
    /// The body ended before its coding did.
    Truncated,
    /// The body needs a dictionary that HTTP does not transfer.
    Dictionary,
    /// The body needs a window above 8 MiB, which RFC 9659 forbids for `zstd`.
    Window,
    /// The decoder needs more memory than its bound allows.
    Memory,
    /// The decoded bytes are more than
    /// [`decoded_bytes_max`](crate::limits::ContentLimits::decoded_bytes_max).
    TooLong,
    /// The decoded bytes are more than [`ratio_max`](crate::limits::ContentLimits::ratio_max)
    /// allows for so few encoded ones.
    Ratio,
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyCodings => {
                return write!(
                    f,
                    "the field Content-Encoding lists more than {CODINGS_MAX} codings: \
                     read the body without decoding it"
                );
            }
            Self::Header => {
                "the header is wrong, so the body does not have this coding: \
                 read the body without decoding it"
            }
            Self::Data => "the compressed data is corrupt: ask for the body again",
            Self::Checksum => "the checksum is wrong, so the data is corrupt: ask for it again",
            Self::Length => "the length is wrong, so the data is corrupt: ask for it again",
            Self::Trailing => {
                "there are bytes behind the end of the data: read the body without decoding it"
            }
            Self::Truncated => "the body is cut short: ask for it again",
            Self::Dictionary => "the data needs a dictionary: ask for the body without this coding",
            Self::Window => "the data needs a window above 8 MiB: ask for it without this coding",
            Self::Memory => "the data needs too much memory: ask for it without this coding",
            Self::TooLong => {
                "the data decodes to more bytes than the limit decoded_bytes_max: \
                 raise it if the server is trusted"
            }
            Self::Ratio => {
                "the data decodes to more bytes than the limit ratio_max allows: \
                 raise it if the server is trusted"
            }
        })
    }
}
