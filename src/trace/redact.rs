//! What a recording leaves out.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;

use super::Escaped;
use crate::message::{is_secret, star_userinfo};

/// What a recording leaves out. By default: the bytes of bodies, of which the count stays, and
/// secrets, of which each byte becomes a `*`. Lengths and framing stay, so that it replays all the
/// same.
///
/// Secrets are the values of Authorization, Cookie, Set-Cookie, X-Api-Key and their like, user names
/// and passwords in URLs that are in fields, and those for proxies. A secret in a path or a query is
/// not found: who puts one there must look after the recording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redaction {
    /// Whether secrets stay. False by default.
    pub secrets: bool,
    /// Whether received bodies stay. False by default. (The bytes of request bodies never pass
    /// through the machines.)
    pub bodies: bool,
    /// Names of more fields that hold secrets, in whatever case. A field that a decision may depend
    /// on, such as Location or Content-Length, stays even if it is named.
    pub fields: Vec<Cow<'static, str>>,
}

/// What decisions are made by.
const DECIDING: [&str; 11] = [
    "connection",
    "content-length",
    "date",
    "expect",
    "host",
    "location",
    "retry-after",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Redaction {
    /// Nothing is left out.
    pub fn none() -> Self {
        Self { secrets: true, bodies: true, fields: Vec::new() }
    }

    /// Writes lines of a head, or of any framing, escaped.
    pub(crate) fn write_lines(&self, lines: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lines.split_inclusive(|&byte| byte == b'\n').try_for_each(|line| {
            let value = line.iter().position(|&byte| byte == b':').map_or(line.len(), |at| at + 1);
            let (name, value) = line.split_at(value);
            let name_alone = name.strip_suffix(b":").unwrap_or_default();
            write!(f, "{}{}", Escaped(name), Escaped(&self.value(name_alone, value)))
        })
    }

    /// The value of a field as it is to be shown, of equal length.
    pub(crate) fn value<'v>(&self, name: &[u8], value: &'v [u8]) -> Cow<'v, [u8]> {
        if self.secrets {
            return value.into();
        }
        if self.is_secret(name) {
            // What would be a violation in the original must stay one.
            let star = |&byte: &u8| if byte.is_ascii_control() { byte } else { b'*' };
            return value.iter().map(star).collect::<Vec<_>>().into();
        }
        if !value.contains(&b'@') {
            return value.into();
        }
        let mut value = value.to_vec();
        star_userinfo(&mut value);
        value.into()
    }

    /// A user name or a password as it is to be shown, of equal length. What no protocol of proxies
    /// can carry stays.
    pub(crate) fn credential<'c>(&self, text: &'c str) -> Cow<'c, str> {
        if self.secrets {
            return text.into();
        }
        let mut starred = String::with_capacity(text.len());
        for char in text.chars() {
            if char == ':' || char.is_control() {
                starred.push(char);
            } else {
                starred.extend(core::iter::repeat_n('*', char.len_utf8()));
            }
        }
        starred.into()
    }

    fn is_secret(&self, name: &[u8]) -> bool {
        let among = |names: &[&str]| names.iter().any(|n| name.eq_ignore_ascii_case(n.as_bytes()));
        is_secret(name)
            || self.fields.iter().any(|n| name.eq_ignore_ascii_case(n.as_bytes()))
                && !among(&DECIDING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, value: &str) -> String {
        let redaction = Redaction {
            fields: ["X-Own".into(), "LOCATION".into()].into(),
            ..Redaction::default()
        };
        String::from_utf8(redaction.value(name.as_bytes(), value.as_bytes()).into()).unwrap()
    }

    #[test]
    fn secrets_become_stars_of_equal_length() {
        assert_eq!(shown("AUTHORIZATION", "Basic dTpw"), "**********");
        assert_eq!(shown("x-own", "a\tb\r\n"), "*\t*\r\n");
        assert_eq!(shown("X-Other", "user@example.com"), "user@example.com");
        assert_eq!(Redaction::none().value(b"Cookie", b"a=b"), &b"a=b"[..]);
    }

    #[test]
    fn userinfo_is_found_however_the_url_is_written() {
        for (url, starred) in [
            ("http://user:pw@h/x@y", "http://****:**@h/x@y"),
            ("http://a%40b:c%3ad@h", "http://*%2A*:*%3a*@h"),
            ("http:\\\\u@v@h\\", "http:\\\\***@h\\"),
            ("//u:p@h", "//*:*@h"),
            ("https:/u@h", "https:/*@h"),
            ("https:u@h", "https:*@h"),
            ("http://h/?a=b@c", "http://h/?a=b@c"),
            ("/path/u@h", "/path/u@h"),
        ] {
            assert_eq!(shown("Location", url), starred, "{url}");
        }
        assert_eq!(
            shown("Link", "<http://u:p@a/>; rel=\"x\", <http://v@b/>"),
            "<http://*:*@a/>; rel=\"x\", <http://*@b/>"
        );
    }

    #[test]
    fn credentials_keep_their_length_in_bytes() {
        let redaction = Redaction::default();
        assert_eq!(redaction.credential("a\u{e9}:\0\u{85}"), "***:\0\u{85}");
    }
}
