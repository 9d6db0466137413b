//! The content codings, and the Accept-Encoding field that asks for them (RFC 9110 8.4.1).

use core::fmt;

/// Most codings of one body: five, as in curl and urllib3. Each multiplies what a short body can
/// decode to.
pub const CODINGS_MAX: usize = 5;

/// A content coding (RFC 9110 8.4.1), whether its decoder is built in or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Coding {
    /// `gzip`, and its older name `x-gzip` (RFC 9110 8.4.1.3, RFC 1952).
    Gzip,
    /// `deflate` (RFC 9110 8.4.1.2): zlib (RFC 1950), and also a bare deflate stream (RFC 1951),
    /// which some servers send.
    Deflate,
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878, RFC 9659).
    Zstd,
}

impl Coding {
    const ALL: [Self; 4] = [Self::Gzip, Self::Deflate, Self::Brotli, Self::Zstd];

    /// Returns the coding's name in Accept-Encoding and Content-Encoding.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// Returns whether the decoder of this coding is built in: whether the feature with the
    /// coding's name is on.
    pub const fn is_built_in(self) -> bool {
        match self {
            Self::Gzip => cfg!(feature = "gzip"),
            Self::Deflate => cfg!(feature = "deflate"),
            Self::Brotli => cfg!(feature = "br"),
            Self::Zstd => cfg!(feature = "zstd"),
        }
    }

    /// Returns the built-in coding with this name, ignoring case.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        if name.eq_ignore_ascii_case(b"x-gzip") {
            return Some(Self::Gzip).filter(|coding| coding.is_built_in());
        }
        let mut built_in = Self::ALL.into_iter().filter(|coding| coding.is_built_in());
        built_in.find(|coding| name.eq_ignore_ascii_case(coding.name().as_bytes()))
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Longest value of [`accept_encoding`].
const LIST_BYTES: usize = "gzip, deflate, br, zstd".len();

/// The value of [`accept_encoding`] and its length.
const LIST: ([u8; LIST_BYTES], usize) = {
    let (mut list, mut len, mut next) = ([0; LIST_BYTES], 0, 0);
    while next < Coding::ALL.len() {
        let coding = Coding::ALL[next];
        next += 1;
        if !coding.is_built_in() {
            continue;
        }
        let separator: &[u8] = if len > 0 { b", " } else { b"" };
        let parts = [separator, coding.name().as_bytes()];
        let mut part = 0;
        while part < parts.len() {
            let mut at = 0;
            while at < parts[part].len() {
                list[len] = parts[part][at];
                len += 1;
                at += 1;
            }
            part += 1;
        }
    }
    (list, len)
};

/// Returns the value of an Accept-Encoding field that asks for every coding that is built in, or
/// `None` if none is.
///
/// A request for a range must not carry the field: the range of an encoded body cannot be decoded.
pub const fn accept_encoding() -> Option<&'static str> {
    match core::str::from_utf8(LIST.0.split_at(LIST.1).0) {
        Ok(list) if !list.is_empty() => Some(list),
        _ => None,
    }
}
