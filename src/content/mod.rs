//! Decodes the bodies of responses: the content codings of RFC 9110 8.4.1.
//!
//! A [`Decoder`] is pure: a slice of the encoded body goes in, a slice of the decoded body comes
//! out. A driver reads pieces of a body from the [`Call`](crate::call::Call) as before, passes each
//! through the decoder, and calls [`finish`](Decoder::finish) at the body's end. A driver that
//! discards a body, to use its connection again, decodes nothing.
//!
//! ```
//! # #[cfg(feature = "gzip")] {
//! use httpool::content::{Coding, Decoder};
//! use httpool::limits::ContentLimits;
//!
//! // "hello", in pieces as they arrive.
//! let pieces: [&[u8]; 2] = [
//!     b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x48\xcd",
//!     b"\xc9\xc9\x07\0\x86\xa6\x10\x36\x05\0\0\0",
//! ];
//! let mut decoder = Decoder::new(Coding::Gzip, ContentLimits::default());
//! let (mut body, mut buffer) = (Vec::new(), [0; 4]);
//! for mut piece in pieces {
//!     loop {
//!         let progress = decoder.decode(piece, &mut buffer)?;
//!         piece = &piece[progress.taken..];
//!         body.extend_from_slice(&buffer[..progress.written]);
//!         if !progress.more {
//!             break;
//!         }
//!     }
//! }
//! while decoder.finish(&mut buffer)?.more {}
//! assert_eq!(body, b"hello");
//! # }
//! # Ok::<(), httpool::content::DecodeError>(())
//! ```
//!
//! # Features
//!
//! Each coding is built in by the feature of its name: `gzip`, `deflate`, `br`, `zstd`. None is on
//! by default. [`accept_encoding`] lists those that are built in. The core adds no Accept-Encoding
//! by itself, as urllib3.
//!
//! # Rules
//!
//! [`Codings::of_response`] decides which bodies are decoded. Then:
//!
//! * `gzip` may have several members, and `zstd` several frames and skippable ones. Each is decoded
//!   as it arrives. Bytes behind the end that begin no member or frame are an error, and so is any
//!   byte behind the end of `deflate` and `br`.
//! * `deflate` may have zlib's header, as RFC 9110 requires, or not, as some servers do. The first
//!   byte decides.
//! * What a server flushed is written when it arrives. With `zstd` that means the end of a block,
//!   which a server that flushes ends. A block has at most 128 KiB.
//! * Checksums and lengths that the body states are checked, and a body that is cut short is an
//!   error. An empty body is not: a server may put Content-Encoding on it.
//! * How a body is cut into pieces changes neither the decoded bytes nor the verdict. The bytes
//!   before an error are the same too, with an exception for `br`: if a command has more literals
//!   than its metablock, some of these literals may be written or not.
//!
//! # Memory
//!
//! | coding | at most, for each | grows with the body |
//! |---|---|---|
//! | `gzip`, `deflate` | 80 KiB | no |
//! | `br` | 30 MiB, for the largest window of 16 MiB | yes; 17 KiB for a short one |
//! | `zstd` | 30 MiB, for the largest window of 8 MiB | yes; 140 KiB for a short one |
//!
//! Nothing is allocated before the first byte of the body. Between two codings of one body there
//! are 4 KiB more. [`Decoder::reset`] keeps the memory of `gzip` and `deflate` for the next body,
//! and that of `zstd` up to about 2 MiB.

#[cfg(feature = "br")]
mod brotli;
mod codec;
mod coding;
mod codings;
mod decoder;
#[cfg(feature = "deflate")]
mod deflate;
mod error;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "zstd")]
mod history;
#[cfg(any(feature = "gzip", feature = "deflate"))]
mod inflate;
#[cfg(test)]
mod tests;
#[cfg(feature = "zstd")]
mod zstd;

pub use coding::{CODINGS_MAX, Coding, accept_encoding};
pub use codings::Codings;
pub use decoder::{Decoder, Progress};
pub use error::{DecodeError, DecodeErrorKind};
