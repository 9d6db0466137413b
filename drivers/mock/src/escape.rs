//! Bytes as one line of printable text, and back.

use std::fmt::Write;

/// Returns `bytes` as one line. Text stays readable. A space at the end is escaped, because editors
/// remove it.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let mut line = String::new();
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\n' => line.push_str("\\n"),
                '\r' => line.push_str("\\r"),
                '\t' => line.push_str("\\t"),
                '\\' => line.push_str("\\\\"),
                char if char.is_control() || matches!(char, '\u{2028}' | '\u{2029}') => {
                    hex(&mut line, char.encode_utf8(&mut [0; 4]).as_bytes());
                }
                char => line.push(char),
            }
        }
        hex(&mut line, chunk.invalid());
    }
    if line.ends_with(' ') {
        line.pop();
        line.push_str("\\x20");
    }
    // The space after the mark is followed by the line as it is.
    if line.starts_with(' ') {
        line.replace_range(..1, "\\x20");
    }
    line
}

fn hex(line: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string cannot fail.
        write!(line, "\\x{byte:02x}").ok();
    }
}

/// Returns the bytes that [`escape`] has escaped.
pub(crate) fn unescape(line: &str) -> Result<Vec<u8>, String> {
    let (mut bytes, mut rest) = (Vec::new(), line);
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let mut chars = after.chars();
        match chars.next() {
            Some('n') => bytes.push(b'\n'),
            Some('r') => bytes.push(b'\r'),
            Some('t') => bytes.push(b'\t'),
            Some('\\') => bytes.push(b'\\'),
            Some('x') => {
                let digits = after.get(1..3).filter(|it| it.bytes().all(|d| d.is_ascii_hexdigit()));
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                bytes.push(byte.ok_or("\\x has two hexadecimal digits")?);
                rest = &after[3..];
                continue;
            }
            other => {
                let other = other.map(String::from).unwrap_or_default();
                return Err(format!("\\{other} is no escape"));
            }
        }
        rest = chars.as_str();
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_come_back_from_one_line_of_text() {
        let all: Vec<u8> = (0..=255).collect();
        for bytes in [&all[..], b"", b" x ", b" ", "\u{e9}\u{2028}\u{85}\\x41".as_bytes()] {
            let line = escape(bytes);
            assert!(!line.chars().any(char::is_control), "{line:?}");
            assert_eq!(line.trim(), line);
            assert_eq!(unescape(&line).unwrap(), bytes);
        }
    }

    #[test]
    fn a_wrong_escape_is_refused() {
        for line in ["\\", "\\q", "\\x", "\\x4", "\\x+1", "\\x\u{e9}1"] {
            assert!(unescape(line).is_err(), "{line}");
        }
    }
}
