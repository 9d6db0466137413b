//! Writes the framing of a request's body (RFC 9112 sections 6 and 7.1).

use alloc::vec::Vec;

use crate::{
    error::Misuse,
    message::{first_illegal_in_value, first_non_token, trim_ows},
};

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";
/// The hex digits of a 64-bit size, and CRLF.
const PREFIX_MAX: usize = 18;
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The bytes to write before and after a piece of body: `[prefix, piece, suffix]` in one `writev`.
#[derive(Debug, Clone, Copy)]
pub struct Framing {
    prefix: [u8; PREFIX_MAX],
    start: u8,
    suffix: &'static [u8],
}

impl Framing {
    /// No framing: the piece is sent as it is.
    pub(super) const NONE: Self =
        Self { prefix: [0; PREFIX_MAX], start: PREFIX_MAX as u8, suffix: b"" };

    /// Frames `len` bytes as one chunk. `last` appends the last chunk. An empty piece is not sent
    /// as a chunk, because a chunk of size 0 would end the body.
    pub(super) const fn chunk(len: usize, last: bool) -> Self {
        let mut framing = Self::NONE;
        if len == 0 {
            framing.suffix = if last { LAST_CHUNK } else { b"" };
            return framing;
        }
        framing.suffix = if last { b"\r\n0\r\n\r\n" } else { b"\r\n" };
        let mut at = PREFIX_MAX - 2;
        framing.prefix[at] = b'\r';
        framing.prefix[at + 1] = b'\n';
        let mut rest = len;
        while rest > 0 {
            at -= 1;
            framing.prefix[at] = HEX_DIGITS[rest & 15];
            rest >>= 4;
        }
        framing.start = at as u8;
        framing
    }

    /// Returns the bytes to write before the piece.
    pub fn prefix(&self) -> &[u8] {
        self.prefix.get(usize::from(self.start)..).unwrap_or_default()
    }

    /// Returns the bytes to write after the piece.
    pub const fn suffix(&self) -> &'static [u8] {
        self.suffix
    }
}

/// Appends the last chunk with `trailers`; appends nothing if one of them is not allowed.
pub(super) fn last_chunk(trailers: &[(&str, &[u8])], out: &mut Vec<u8>) -> Result<(), Misuse> {
    for (field, (name, value)) in trailers.iter().enumerate() {
        let malformed =
            first_non_token(name.as_bytes()).is_some() || first_illegal_in_value(value).is_some();
        if malformed || !may_be_trailer(name) {
            return Err(Misuse::Trailer { field });
        }
    }
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        for part in [name.as_bytes(), b": ", trim_ows(value), b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Returns whether a field is allowed in a trailer section. RFC 9110 6.5.1 excludes fields for
/// framing, routing, authentication, request modifiers and content processing, because a recipient
/// must know them before the body.
fn may_be_trailer(name: &str) -> bool {
    const NEVER: [&str; 28] = [
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "keep-alive",
        "max-forwards",
        "pragma",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    ];
    !NEVER.iter().any(|never| name.eq_ignore_ascii_case(never))
}

/// Adds a field at the end of the head with which `out` ends.
pub(super) fn field_at_end(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.truncate(out.len().saturating_sub(2));
    for part in [name.as_bytes(), b": ", value, b"\r\n\r\n"] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_framed() {
        let text = |len, last| {
            let framing = Framing::chunk(len, last);
            (framing.prefix().to_vec(), framing.suffix())
        };
        assert_eq!(text(1, false), (b"1\r\n".to_vec(), &b"\r\n"[..]));
        assert_eq!(text(0x1_00af, true), (b"100af\r\n".to_vec(), &b"\r\n0\r\n\r\n"[..]));
        assert_eq!(text(0, false), (b"".to_vec(), &b""[..]));
        assert_eq!(text(0, true), (b"".to_vec(), &b"0\r\n\r\n"[..]));
        #[cfg(target_pointer_width = "64")]
        assert_eq!(text(usize::MAX, false).0, b"ffffffffffffffff\r\n");
    }

    #[test]
    fn trailers_are_checked_before_anything_is_written() {
        let mut out = Vec::new();
        for bad in [
            ("", &b""[..]),
            ("a b", b""),
            ("a:", b""),
            ("a", b"b\r\nc: d"),
            ("a", b"\0"),
            ("Content-Length", b"5"),
            ("hOST", b"a"),
            ("Authorization", b"x"),
        ] {
            let trailers = [("ok", &b"ok"[..]), bad];
            assert_eq!(last_chunk(&trailers, &mut out), Err(Misuse::Trailer { field: 1 }));
        }
        assert_eq!(out, b"");
        last_chunk(&[("Digest", b" x "), ("Empty", b"")], &mut out).unwrap();
        assert_eq!(out, b"0\r\nDigest: x\r\nEmpty: \r\n\r\n");
    }
}
