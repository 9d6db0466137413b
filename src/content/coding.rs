//! Which codings a response's body has (RFC 9110 8.4).

use core::fmt;

use super::error::{DecodeError, DecodeErrorKind};
use crate::message::{Fields, Method, Status, trim_ows};

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
    fn named(name: &[u8]) -> Option<Self> {
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

/// The codings of one body, in the order in which they were applied. `Display` writes them as in
/// Content-Encoding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Codings {
    /// The first `len` count; the others are arbitrary.
    list: [Coding; CODINGS_MAX],
    len: usize,
}

impl Codings {
    /// Returns the codings to remove from the body of a response, or `None` if the body is to be
    /// handed over as it comes, with all its fields.
    ///
    /// All Content-Encoding fields count as one list (RFC 9110 5.3). Case is ignored, and so are
    /// `identity` and empty members.
    ///
    /// The body is handed over as it comes if
    ///
    /// * it has no coding;
    /// * one of its codings is unknown or not built in. That is urllib3's rule for one coding; here
    ///   it holds for a list too, where urllib3 takes an unknown coding for `deflate`;
    /// * the status is 206: the range is one of the encoded body (RFC 9110 14.2);
    /// * the response has no body: its method is HEAD, or its status 1xx, 204 or 304 (RFC 9112
    ///   6.3).
    ///
    /// # Errors
    /// [`DecodeErrorKind::TooManyCodings`] if there are more than [`CODINGS_MAX`], known or not.
    pub fn of_response(
        method: &Method,
        status: Status,
        fields: Fields<'_>,
    ) -> Result<Option<Self>, DecodeError> {
        let no_body = *method == Method::HEAD
            || status.is_informational()
            || status == Status::NO_CONTENT
            || status == Status::NOT_MODIFIED;
        if no_body || status == Status::PARTIAL_CONTENT {
            return Ok(None);
        }
        let members = fields
            .get_all("content-encoding")
            .flat_map(|value| value.split(|&byte| byte == b','))
            .map(trim_ows)
            .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"));
        let mut codings = Self { list: [Coding::Gzip; CODINGS_MAX], len: 0 };
        let mut all_known = true;
        for name in members {
            let Some(place) = codings.list.get_mut(codings.len) else {
                return Err(DecodeError::new(None, DecodeErrorKind::TooManyCodings, 0));
            };
            codings.len += 1;
            match Coding::named(name) {
                Some(coding) => *place = coding,
                None => all_known = false,
            }
        }
        Ok((all_known && codings.len > 0).then_some(codings))
    }

    /// Returns the codings in the order in which they were applied: the last is removed first.
    pub fn as_slice(&self) -> &[Coding] {
        self.list.get(..self.len).unwrap_or_default()
    }
}

impl From<Coding> for Codings {
    fn from(coding: Coding) -> Self {
        Self { list: [coding; CODINGS_MAX], len: 1 }
    }
}

impl fmt::Display for Codings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, coding) in self.as_slice().iter().enumerate() {
            let separator = if n > 0 { ", " } else { "" };
            write!(f, "{separator}{coding}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Codings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}
