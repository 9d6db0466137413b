//! Response heads (RFC 9112 section 4).

use alloc::vec::Vec;
use core::fmt;

use super::{Fields, Status};

/// A response head, borrowed from the input it was parsed from.
#[derive(Clone, Copy)]
pub struct Head<'i> {
    pub(crate) status: Status,
    pub(crate) minor_version: u8,
    pub(crate) reason: &'i [u8],
    pub(crate) fields: Fields<'i>,
    /// Whether there is a Content-Encoding field. The parser has looked at each field anyway.
    pub(crate) is_coded: bool,
}

impl<'i> Head<'i> {
    /// Returns the status code.
    pub const fn status(&self) -> Status {
        self.status
    }

    /// Returns the minor version: the x of HTTP/1.x.
    pub const fn minor_version(&self) -> u8 {
        self.minor_version
    }

    /// Returns the reason phrase. It may be empty, and clients should ignore it (RFC 9112 4).
    pub const fn reason(&self) -> &'i [u8] {
        self.reason
    }

    /// Returns the header fields, in order.
    pub const fn headers(&self) -> Fields<'i> {
        self.fields
    }
}

impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.status, self.fields)
    }
}

/// An owned copy of a response head. [`set`](Self::set) replaces it and reuses its memory.
#[derive(Clone)]
pub struct ResponseHead {
    status: Status,
    minor_version: u8,
    reason_len: usize,
    bytes: Vec<u8>,
}

impl ResponseHead {
    /// Returns an empty head, to be filled with [`set`](Self::set).
    pub const fn new() -> Self {
        const OK: Status = Status::new(200).expect("three digits");
        Self { status: OK, minor_version: 1, reason_len: 0, bytes: Vec::new() }
    }

    /// Replaces the contents with a copy of `head`. Reuses the memory.
    pub fn set(&mut self, head: &Head<'_>) {
        self.status = head.status;
        self.minor_version = head.minor_version;
        self.reason_len = head.reason.len();
        self.bytes.clear();
        self.bytes.extend_from_slice(head.reason);
        self.bytes.extend_from_slice(head.fields.as_bytes());
    }

    /// Returns the status code.
    pub const fn status(&self) -> Status {
        self.status
    }

    /// Returns the minor version: the x of HTTP/1.x.
    pub const fn minor_version(&self) -> u8 {
        self.minor_version
    }

    /// Returns the reason phrase, which may be empty.
    pub fn reason(&self) -> &[u8] {
        self.bytes.get(..self.reason_len).unwrap_or_default()
    }

    /// Returns the header fields, in order.
    pub fn headers(&self) -> Fields<'_> {
        Fields::from_validated(self.bytes.get(self.reason_len..).unwrap_or_default())
    }
}

impl From<&Head<'_>> for ResponseHead {
    fn from(head: &Head<'_>) -> Self {
        let mut copy = Self::new();
        copy.set(head);
        copy
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.status, self.headers())
    }
}

/// An owned copy of field lines, such as a body's trailers. [`set`](Self::set) replaces it and
/// reuses its memory.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct OwnedFields {
    bytes: Vec<u8>,
}

impl OwnedFields {
    /// Replaces the contents with a copy of `fields`. Reuses the memory.
    pub fn set(&mut self, fields: &Fields<'_>) {
        self.bytes.clear();
        self.bytes.extend_from_slice(fields.as_bytes());
    }

    /// Returns the field lines.
    pub fn fields(&self) -> Fields<'_> {
        Fields::from_validated(&self.bytes)
    }
}

impl fmt::Debug for OwnedFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields().fmt(f)
    }
}

impl Default for ResponseHead {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_says_the_same() {
        let head = Head {
            status: Status::new(404).unwrap(),
            minor_version: 0,
            reason: b"Not Found",
            fields: Fields::from_validated(b"A: b\r\n"),
            is_coded: false,
        };
        let copy = ResponseHead::from(&head);
        assert_eq!(copy.status(), 404);
        assert_eq!(copy.minor_version(), 0);
        assert_eq!(copy.reason(), b"Not Found");
        assert_eq!(copy.headers().get("a"), Some(&b"b"[..]));
    }

    #[test]
    fn copies_do_not_show_secrets_either() {
        let fields = Fields::from_validated(b"A: b\r\nSet-Cookie: secret\r\n");
        let head = Head {
            status: Status::new(200).unwrap(),
            minor_version: 1,
            reason: b"OK",
            fields,
            is_coded: false,
        };
        let (mut copy, mut owned) = (ResponseHead::new(), OwnedFields::default());
        copy.set(&head);
        owned.set(&fields);
        assert_eq!(alloc::format!("{copy:?}"), "200 [A: b, Set-Cookie: ***]");
        assert_eq!(alloc::format!("{head:?}"), "200 [A: b, Set-Cookie: ***]");
        assert_eq!(alloc::format!("{owned:?}"), "[A: b, Set-Cookie: ***]");
    }
}
