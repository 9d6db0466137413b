//! Writes bytes as text on one line, and parses it.
//!
//! Printable ASCII stands for itself; `\r`, `\n`, `\t` and `\\` are escaped as in Rust; `\{` is a
//! brace; `\x80` is any other byte. `{5}` stands for five bytes of body with any contents.

use alloc::vec::Vec;
use core::fmt::{self, Write};

/// Writes bytes so that [`unescape`] can restore them.
pub(crate) struct Escaped<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&byte| match byte {
            b'\r' => f.write_str("\\r"),
            b'\n' => f.write_str("\\n"),
            b'\t' => f.write_str("\\t"),
            b'\\' => f.write_str("\\\\"),
            b'{' => f.write_str("\\{"),
            b' '..=b'~' => f.write_char(char::from(byte)),
            _ => write!(f, "\\x{byte:02x}"),
        })
    }
}

/// The reason why a text cannot be unescaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unescape {
    Malformed,
    /// The text stands for more bytes than there is room for.
    TooLong,
}

/// Appends the bytes that `text` stands for to `out`, with `x` for each byte of a body. Stops when
/// `out` would exceed `most` bytes.
pub(crate) fn unescape(text: &str, out: &mut Vec<u8>, most: usize) -> Result<(), Unescape> {
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'{' => {
                let end = rest.iter().position(|&byte| byte == b'}').ok_or(Unescape::Malformed)?;
                let count = decimal(&rest[..end]).ok_or(Unescape::Malformed)?;
                rest = &rest[end + 1..];
                let len = out.len().checked_add(count).filter(|&len| len <= most);
                out.resize(len.ok_or(Unescape::TooLong)?, b'x');
                continue;
            }
            b'\\' => {
                let (byte, after) = escape(rest).ok_or(Unescape::Malformed)?;
                out.push(byte);
                rest = after;
            }
            b' '..=b'~' => out.push(*first),
            _ => return Err(Unescape::Malformed),
        }
        if out.len() > most {
            return Err(Unescape::TooLong);
        }
    }
    Ok(())
}

/// Parses an escape after its backslash. Returns the byte, and the text behind the escape.
fn escape(rest: &[u8]) -> Option<(u8, &[u8])> {
    let (first, after) = rest.split_first()?;
    let byte = match first {
        b'r' => b'\r',
        b'n' => b'\n',
        b't' => b'\t',
        b'\\' | b'{' => *first,
        b'x' => {
            let (digits, after) = after.split_first_chunk::<2>()?;
            let digits = core::str::from_utf8(digits).ok()?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            return Some((u8::from_str_radix(digits, 16).ok()?, after));
        }
        _ => return None,
    };
    Some((byte, after))
}

fn decimal(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString, vec};

    use quickcheck::QuickCheck;

    use super::*;

    #[test]
    fn any_bytes_come_back() {
        fn back(bytes: Vec<u8>) -> bool {
            let text = Escaped(&bytes).to_string();
            let mut out = vec![];
            text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
                && unescape(&text, &mut out, bytes.len()).is_ok()
                && out == bytes
        }
        QuickCheck::new().tests(2_000).quickcheck(back as fn(Vec<u8>) -> bool);
    }

    #[test]
    fn a_count_stands_for_body() {
        let mut out = vec![];
        unescape("a{3}b{0}", &mut out, 5).unwrap();
        assert_eq!(out, b"axxxb");
        assert_eq!(unescape("{1}", &mut out, 5), Err(Unescape::TooLong));
        let huge = format!("{{{}}}", usize::MAX);
        assert_eq!(unescape(&huge, &mut out, usize::MAX), Err(Unescape::TooLong));
        for bad in ["{", "{}", "{1", "{-1}", "{+1}", "{1 }", "\\", "\\q", "\\x", "\\x+1", "é", "\t"]
        {
            assert_eq!(unescape(bad, &mut vec![], 9), Err(Unescape::Malformed), "{bad}");
        }
    }
}
