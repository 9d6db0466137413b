//! Field lines (RFC 9110 section 5), parsed in place.

use core::fmt;

use super::secret::{is_secret, star_userinfo};

/// Field lines in the order and the case of the message, borrowed from its buffer. They are valid:
/// names are tokens, and values hold no CR, LF or NUL.
///
/// A look-up by name scans all lines. For the few dozen fields of a message that is faster than a
/// map, and it allocates nothing.
///
/// `Debug` is safe to log: it shows `***` for the values of Authorization, Cookie, Set-Cookie and
/// similar fields, and stars for user names and passwords in URLs.
#[derive(Clone, Copy, Default)]
pub struct Fields<'a> {
    lines: &'a [u8],
}

/// One field line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> Fields<'a> {
    /// An empty section.
    pub const EMPTY: Self = Self { lines: &[] };

    /// Wraps whole, validated field lines, without the empty line after them.
    pub(crate) const fn from_validated(lines: &'a [u8]) -> Self {
        Self { lines }
    }

    pub(crate) const fn as_bytes(&self) -> &'a [u8] {
        self.lines
    }

    /// Iterates over the fields in order.
    pub fn iter(&self) -> FieldIter<'a> {
        FieldIter { rest: self.lines }
    }

    /// Returns the value of the first field called `name`, ignoring case.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.get_all(name).next()
    }

    /// Returns the value of the first field called `name` as text, or `None` if it is not UTF-8.
    pub fn get_str(&self, name: &str) -> Option<&'a str> {
        core::str::from_utf8(self.get(name)?).ok()
    }

    /// Iterates over the values of all fields called `name`, in order. The values are not joined,
    /// because Set-Cookie must not be (RFC 9110 5.3).
    pub fn get_all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.iter().filter(move |field| field.is(name)).map(|field| field.value)
    }

    /// Returns whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

impl<'a> IntoIterator for Fields<'a> {
    type Item = Field<'a>;
    type IntoIter = FieldIter<'a>;

    fn into_iter(self) -> FieldIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> Field<'a> {
    /// Returns the name, in the case of the message.
    pub fn name(&self) -> &'a str {
        core::str::from_utf8(self.name).unwrap_or_default()
    }

    /// Returns the value without white space around it. It holds any bytes but CR, LF and NUL; most
    /// values are ASCII (RFC 9110 5.5).
    pub const fn value(&self) -> &'a [u8] {
        self.value
    }

    /// Returns whether the field is called `name`, ignoring case (RFC 9110 5.1).
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name.escape_ascii())?;
        if is_secret(self.name) {
            f.write_str("***")
        } else if self.value.contains(&b'@') {
            let mut value = self.value.to_vec();
            star_userinfo(&mut value, b'*');
            write!(f, "{}", value.escape_ascii())
        } else {
            write!(f, "{}", self.value.escape_ascii())
        }
    }
}

/// Iterates over the fields of [`Fields`], in order.
#[derive(Clone)]
pub struct FieldIter<'a> {
    rest: &'a [u8],
}

/// Shows the fields that are left.
impl fmt::Debug for FieldIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Fields::from_validated(self.rest).fmt(f)
    }
}

impl<'a> Iterator for FieldIter<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let colon = find(self.rest, b':')?;
        let (name, after) = self.rest.split_at(colon);
        let after = &after[1..];
        let end = find(after, b'\n').unwrap_or(after.len());
        self.rest = after.get(end + 1..).unwrap_or_default();
        let line = &after[..end];
        Some(Field { name, value: trim_ows(line.strip_suffix(b"\r").unwrap_or(line)) })
    }
}

/// Returns the position of the first `wanted`. Compares eight bytes at a time: of a head, most bytes
/// are looked at here alone.
pub(crate) fn find(bytes: &[u8], wanted: u8) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let mut at = 0;
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        // A byte that is wanted becomes 0, and only the first 0 surely gets its high bit here.
        let zeros = u64::from_le_bytes(*eight) ^ (ONES * u64::from(wanted));
        let found = zeros.wrapping_sub(ONES) & !zeros & HIGH;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?.iter().position(|&byte| byte == wanted)?;
    Some(at + rest)
}

/// Removes spaces and tabs from both ends of `value`.
pub(crate) const fn trim_ows(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Returns whether the comma-separated list `value` has `token` as a member, ignoring case.
pub(crate) fn has_token(value: &[u8], token: &str) -> bool {
    value
        .split(|&byte| byte == b',')
        .any(|item| trim_ows(item).eq_ignore_ascii_case(token.as_bytes()))
}

/// Returns whether `byte` is a tchar (RFC 9110 5.6.2).
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// Returns the position of the first byte of `name` that no token may hold; 0 if `name` is empty.
pub(crate) fn first_non_token(name: &[u8]) -> Option<usize> {
    if name.is_empty() {
        return Some(0);
    }
    name.iter().position(|&byte| !is_token_byte(byte))
}

/// Returns the position of the first byte of `value` that must not be sent: a control byte other
/// than TAB.
pub(crate) fn first_illegal_in_value(value: &[u8]) -> Option<usize> {
    value.iter().position(|&byte| byte < b' ' && byte != b'\t' || byte == 0x7f)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use quickcheck::quickcheck;

    use super::*;

    quickcheck! {
        fn the_first_byte_is_found_wherever_it_stands(bytes: Vec<u8>, wanted: u8) -> bool {
            let bytes: Vec<u8> = bytes.into_iter().map(|byte| byte % 5 + (wanted & 0xf8)).collect();
            find(&bytes, wanted) == bytes.iter().position(|&byte| byte == wanted)
        }
    }

    const LINES: &[u8] = b"Set-Cookie: a=1\r\nX:\t y \r\nset-cookie: b=2, c\nEmpty:\r\n";

    #[test]
    fn order_case_and_duplicates_are_kept() {
        let fields = Fields::from_validated(LINES);
        let names: Vec<_> = fields.iter().map(|field| field.name()).collect();
        assert_eq!(names, ["Set-Cookie", "X", "set-cookie", "Empty"]);
        assert_eq!(fields.get("SET-COOKIE"), Some(&b"a=1"[..]));
        assert_eq!(fields.get_all("set-cookie").collect::<Vec<_>>(), [&b"a=1"[..], b"b=2, c"]);
        assert_eq!(fields.get_str("x"), Some("y"));
        assert_eq!(fields.get("empty"), Some(&b""[..]));
        assert_eq!(fields.get("missing"), None);
    }

    #[test]
    fn secrets_are_not_shown() {
        let fields = Fields::from_validated(
            b"Authorization: Basic abc\r\nproxy-authorization: abc\r\nCookie: abc\r\n\
              SET-COOKIE: abc\r\nX-Api-Key: abc\r\nLocation: http://user:pw@a/x\r\nDate: now\r\n",
        );
        let shown = "[Authorization: ***, proxy-authorization: ***, Cookie: ***, SET-COOKIE: ***, \
                     X-Api-Key: ***, Location: http://****:**@a/x, Date: now]";
        assert_eq!(alloc::format!("{fields:?}"), shown);
        assert_eq!(alloc::format!("{:?}", fields.iter()), shown);
        assert_eq!(fields.get("cookie"), Some(&b"abc"[..]));
    }

    #[test]
    fn tokens_in_lists() {
        assert!(has_token(b"keep-alive, Close", "close"));
        assert!(!has_token(b"something-close, close-something", "close"));
    }
}
