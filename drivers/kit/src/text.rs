//! Text of a body.

use std::borrow::Cow;

/// The byte order mark of UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Converts a body to text. A byte order mark of UTF-8 is removed, bytes that are not UTF-8 are
/// replaced by U+FFFD, and a body that is UTF-8 is not copied.
///
/// With the feature `charset`, a byte order mark of UTF-8 or UTF-16 names the encoding. Without
/// one, the charset in `content_type`, the value of Content-Type, does, if the [Encoding
/// Standard](https://encoding.spec.whatwg.org) knows it. Otherwise it is UTF-8.
pub fn text(mut body: Vec<u8>, content_type: Option<&[u8]>) -> String {
    #[cfg(feature = "charset")]
    if let Some(text) = decoded(&body, content_type) {
        return text;
    }
    #[cfg(not(feature = "charset"))]
    let _ = content_type;
    if body.starts_with(BOM) {
        body.drain(..BOM.len());
    }
    match String::from_utf8(body) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// Decodes a body that is not UTF-8. `None` if it is.
#[cfg(feature = "charset")]
fn decoded(body: &[u8], content_type: Option<&[u8]>) -> Option<String> {
    use encoding_rs::{Encoding, UTF_8};

    let named = || {
        let charset = charset(content_type?)?;
        Encoding::for_label(charset.as_bytes())
    };
    let (encoding, mark) = match Encoding::for_bom(body) {
        Some(found) => found,
        None => (named()?, 0),
    };
    let rest = body.get(mark..).unwrap_or_default();
    let (text, _) = (encoding != UTF_8).then(|| encoding.decode_without_bom_handling(rest))?;
    Some(text.into_owned())
}

/// Returns the charset parameter of a Content-Type (RFC 9110 8.3.1), without quotes. The first one
/// counts. Parts that are no parameters are skipped.
///
/// ```
/// use httpool_kit::charset;
///
/// assert_eq!(charset(b"text/html; Charset=\"ISO-8859-1\"").as_deref(), Some("ISO-8859-1"));
/// assert_eq!(charset(b"text/html"), None);
/// ```
pub fn charset(content_type: &[u8]) -> Option<Cow<'_, str>> {
    let start = content_type.iter().position(|&byte| byte == b';')?;
    let mut rest = &content_type[start..];
    while let [b';', after @ ..] = rest {
        let (parameter, behind) = after.split_at(parameter_len(after));
        rest = behind;
        let Some(equals) = parameter.iter().position(|&byte| byte == b'=') else { continue };
        let (name, value) =
            (parameter[..equals].trim_ascii(), parameter[equals + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"charset") {
            let value = unquoted(value);
            return String::from_utf8(value).ok().filter(|it| !it.is_empty()).map(Cow::Owned);
        }
    }
    None
}

/// Returns the length of the parameter at the front: up to a semicolon outside quotes.
fn parameter_len(bytes: &[u8]) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    let ends = |byte: &u8| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' => return !quoted,
            _ => {}
        }
        false
    };
    bytes.iter().position(ends).unwrap_or(bytes.len())
}

/// Returns a token as it is, and the contents of a quoted string (RFC 9110 5.6.4).
fn unquoted(value: &[u8]) -> Vec<u8> {
    let Some(quoted) = value.strip_prefix(b"\"") else { return value.to_vec() };
    let (mut contents, mut escaped) = (Vec::new(), false);
    for &byte in quoted {
        match byte {
            b'\\' if !escaped => escaped = true,
            b'"' if !escaped => break,
            byte => {
                contents.push(byte);
                escaped = false;
            }
        }
    }
    contents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charset_is_found_among_the_parameters_of_a_content_type() {
        for (value, found) in [
            ("text/html; charset=utf-8", Some("utf-8")),
            ("text/html;charset=UTF-8", Some("UTF-8")),
            ("text/html; CharSet = latin1 ", Some("latin1")),
            ("text/html; charset=\"utf-8\"", Some("utf-8")),
            ("text/html; charset=\"u\\tf-8\" ; x=y", Some("utf-8")),
            ("a/b; q=\"; charset=x\"; charset=y", Some("y")),
            ("a/b; q=\"\\\"; charset=x\"; charset=y", Some("y")),
            ("a/b; charset=one; charset=two", Some("one")),
            ("a/b; charset; ;; =; charset=x", Some("x")),
            ("a/b; xcharset=y", None),
            ("a/b; charset=", None),
            ("a/b; charset=\"", None),
            ("a/b; charset=\"open", Some("open")),
            ("charset=utf-8", None),
            ("", None),
        ] {
            assert_eq!(charset(value.as_bytes()).as_deref(), found, "{value}");
        }
        assert_eq!(charset(b"a/b; charset=\xff"), None);
    }

    #[test]
    fn text_has_a_replacement_for_what_is_not_utf_8_and_no_byte_order_mark() {
        let utf_8 = Some(&b"text/plain; charset=utf-8"[..]);
        for content_type in [None, utf_8, Some(b"text/plain; charset=unheard-of")] {
            assert_eq!(text(b"caf\xc3\xa9".to_vec(), content_type), "caf\u{e9}");
            assert_eq!(text(b"caf\xe9".to_vec(), content_type), "caf\u{fffd}");
            assert_eq!(text(b"\xef\xbb\xbfabc".to_vec(), content_type), "abc");
        }
    }

    #[cfg(feature = "charset")]
    #[test]
    fn text_is_decoded_by_its_byte_order_mark_and_then_by_its_charset() {
        let in_charset = |body: &[u8], charset: &str| {
            text(body.to_vec(), Some(format!("text/plain; charset={charset}").as_bytes()))
        };
        assert_eq!(in_charset(b"caf\xe9 \x80", "ISO-8859-1"), "caf\u{e9} \u{20ac}");
        assert_eq!(in_charset(b"\x83\x65", "\"Shift_JIS\""), "\u{30c6}");
        assert_eq!(in_charset(b"a\0b\0", "utf-16le"), "ab");
        assert_eq!(in_charset(b"\xff\xfea\0", "utf-16"), "a");
        assert_eq!(in_charset(b"\xfe\xff\0a", "latin1"), "a");
        assert_eq!(in_charset(b"\xef\xbb\xbf\xc3\xa9", "latin1"), "\u{e9}");
        assert_eq!(text(b"\xff\xfea\0".to_vec(), None), "a");
    }
}
