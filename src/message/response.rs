//! Response heads (RFC 9112 section 4).

use alloc::vec::Vec;
use core::fmt;

use super::{Fields, Status};

/// A response head, read in place: nothing of it is copied.
#[derive(Clone, Copy)]
pub struct Head<'i> {
    pub(crate) status: Status,
    pub(crate) minor_version: u8,
    pub(crate) reason: &'i [u8],
    pub(crate) fields: Fields<'i>,
}

impl<'i> Head<'i> {
    /// The status code.
    pub const fn status(&self) -> Status {
        self.status
    }

    /// The x of HTTP/1.x.
    pub const fn minor_version(&self) -> u8 {
        self.minor_version
    }

    /// The reason phrase, which may be empty, and means nothing (RFC 9112 4).
    pub const fn reason(&self) -> &'i [u8] {
        self.reason
    }

    /// The field lines.
    pub const fn fields(&self) -> Fields<'i> {
        self.fields
    }
}

impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.status, self.fields)
    }
}

/// A response head that outlives the input it came in. Its memory is used again: [`set`](Self::set)
/// copies into what is there.
#[derive(Clone)]
pub struct ResponseHead {
    status: Status,
    minor_version: u8,
    reason_len: usize,
    bytes: Vec<u8>,
}

impl ResponseHead {
    /// A head with nothing in it, to be [`set`](Self::set).
    pub const fn new() -> Self {
        const OK: Status = Status::new(200).expect("three digits");
        Self { status: OK, minor_version: 1, reason_len: 0, bytes: Vec::new() }
    }

    /// Makes this a copy of `head`, in the memory it has.
    pub fn set(&mut self, head: &Head<'_>) {
        self.status = head.status;
        self.minor_version = head.minor_version;
        self.reason_len = head.reason.len();
        self.bytes.clear();
        self.bytes.extend_from_slice(head.reason);
        self.bytes.extend_from_slice(head.fields.as_bytes());
    }

    /// The status code.
    pub const fn status(&self) -> Status {
        self.status
    }

    /// The x of HTTP/1.x.
    pub const fn minor_version(&self) -> u8 {
        self.minor_version
    }

    /// The reason phrase, which may be empty.
    pub fn reason(&self) -> &[u8] {
        self.bytes.get(..self.reason_len).unwrap_or_default()
    }

    /// The field lines.
    pub fn fields(&self) -> Fields<'_> {
        Fields::from_validated(self.bytes.get(self.reason_len..).unwrap_or_default())
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.status, self.fields())
    }
}

/// Fields that outlive the input they came in, such as a body's trailers. The memory is used again.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct OwnedFields {
    bytes: Vec<u8>,
}

impl OwnedFields {
    /// Makes this a copy of `fields`, in the memory it has.
    pub fn set(&mut self, fields: &Fields<'_>) {
        self.bytes.clear();
        self.bytes.extend_from_slice(fields.as_bytes());
    }

    /// The field lines.
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
        };
        let mut copy = ResponseHead::new();
        copy.set(&head);
        assert_eq!(copy.status(), 404);
        assert_eq!(copy.minor_version(), 0);
        assert_eq!(copy.reason(), b"Not Found");
        assert_eq!(copy.fields().get("a"), Some(&b"b"[..]));
    }

    #[test]
    fn copies_do_not_show_secrets_either() {
        let fields = Fields::from_validated(b"A: b\r\nSet-Cookie: secret\r\n");
        let head =
            Head { status: Status::new(200).unwrap(), minor_version: 1, reason: b"OK", fields };
        let (mut copy, mut owned) = (ResponseHead::new(), OwnedFields::default());
        copy.set(&head);
        owned.set(&fields);
        assert_eq!(alloc::format!("{copy:?}"), "200 [A: b, Set-Cookie: ***]");
        assert_eq!(alloc::format!("{head:?}"), "200 [A: b, Set-Cookie: ***]");
        assert_eq!(alloc::format!("{owned:?}"), "[A: b, Set-Cookie: ***]");
    }
}
