//! Redacts recordings.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;

use super::{
    Escaped,
    query::{STAR, hide_anywhere, hide_in_reference},
};
use crate::message::{is_secret, star_userinfo, star_userinfo_of};

/// The parts that a recording leaves out. By default: the bytes of bodies, of which the count
/// stays; secrets, of which each byte becomes a `*`; and the values in the queries and fragments of
/// URLs, of which the names stay and each byte of a value becomes a `*` (or a `"`, where a URL
/// parser encodes it). Lengths and framing stay, so that the recording replays all the same.
///
/// Secrets are the values of Authorization, Cookie, Set-Cookie, X-Api-Key and their like, user
/// names and passwords in URLs, and those for proxies. Queries and fragments are hidden in the
/// request's URL, in the target that is sent, in Location, and behind a `?` or `#` in any other
/// field that no decision depends on. A part of a query without `=` is hidden whole. The path of a
/// URL stays: look after a recording of requests that have a secret there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redaction {
    /// Whether secrets stay. False by default.
    pub secrets: bool,
    /// Whether the values in queries and fragments stay. False by default.
    pub queries: bool,
    /// Whether received bodies stay. False by default. (The bytes of request bodies never pass
    /// through the machines.)
    pub bodies: bool,
    /// Names of more fields that hold secrets, in whatever case. A field that a decision may depend
    /// on, such as Location or Content-Length, stays even if it is named.
    pub fields: Vec<Cow<'static, str>>,
}

/// The fields that decisions depend on.
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
    /// The default redaction.
    pub(super) const DEFAULT: Self =
        Self { secrets: false, queries: false, bodies: false, fields: Vec::new() };

    /// Leaves nothing out.
    pub fn none() -> Self {
        Self { secrets: true, queries: true, bodies: true, fields: Vec::new() }
    }

    /// Sets [`secrets`](Self::secrets): whether secrets stay.
    #[must_use]
    pub fn keep_secrets(self, keep: bool) -> Self {
        Self { secrets: keep, ..self }
    }

    /// Sets [`queries`](Self::queries): whether the values in queries and fragments stay.
    #[must_use]
    pub fn keep_queries(self, keep: bool) -> Self {
        Self { queries: keep, ..self }
    }

    /// Sets [`bodies`](Self::bodies): whether received bodies stay.
    #[must_use]
    pub fn keep_bodies(self, keep: bool) -> Self {
        Self { bodies: keep, ..self }
    }

    /// Adds names to [`fields`](Self::fields), whose values are then hidden.
    ///
    /// ```
    /// use httpool::trace::Redaction;
    ///
    /// let redaction = Redaction::default().hide_fields(["X-Tenant"]).keep_bodies(true);
    /// assert!(!redaction.secrets && redaction.bodies);
    /// ```
    #[must_use]
    pub fn hide_fields(mut self, names: impl IntoIterator<Item: Into<Cow<'static, str>>>) -> Self {
        self.fields.extend(names.into_iter().map(Into::into));
        self
    }

    /// Returns whether listing a field in [`fields`](Self::fields) redacts it. False for fields
    /// that a decision may depend on.
    pub fn can_hide(name: &str) -> bool {
        !among(name.as_bytes(), &DECIDING)
    }

    /// Writes the head of a request, redacted and escaped.
    pub(crate) fn write_request(&self, head: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = head.iter().position(|&byte| byte == b'\n').map_or(head.len(), |at| at + 1);
        let (line, fields) = head.split_at(line);
        write!(f, "{}", Escaped(&self.url(line)))?;
        self.write_new_lines(fields, 0, f)
    }

    /// Writes received lines of a head or of chunk framing, redacted and escaped. Skips the first
    /// `known` bytes, which have been written before.
    ///
    /// Two Location fields in one head are an error unless they are equal. So Locations that differ
    /// must still differ when redacted: each gets another replacement byte.
    pub(crate) fn write_new_lines(
        &self,
        lines: &[u8],
        known: usize,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let mut locations: Vec<&[u8]> = Vec::new();
        let mut end = 0;
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            let start = end;
            end += line.len();
            let value = line.iter().position(|&byte| byte == b':').map_or(line.len(), |at| at + 1);
            let (name, value) = line.split_at(value);
            let name_alone = name.strip_suffix(b":").unwrap_or_default();
            let mut star = STAR;
            if name_alone.eq_ignore_ascii_case(b"location") {
                let value = value.trim_ascii();
                let number = locations.iter().position(|other| *other == value);
                star = nth_star(number.unwrap_or(locations.len()));
                if number.is_none() {
                    locations.push(value);
                }
            }
            if start >= known {
                let value = self.value_starred(name_alone, value, star);
                write!(f, "{}{}", Escaped(name), Escaped(&value))?;
            } else if end > known {
                // Only a status line can be written in part; field lines are written whole.
                write!(f, "{}", Escaped(&line[known - start..]))?;
            }
        }
        Ok(())
    }

    /// Returns the value of a field, redacted to the same length.
    pub(crate) fn value<'v>(&self, name: &[u8], value: &'v [u8]) -> Cow<'v, [u8]> {
        self.value_starred(name, value, STAR)
    }

    fn value_starred<'v>(&self, name: &[u8], value: &'v [u8], star: u8) -> Cow<'v, [u8]> {
        if !self.secrets && self.is_secret(name) {
            // Keep control bytes, because each is a violation that must also occur on replay.
            let hidden = |&byte: &u8| if byte.is_ascii_control() { byte } else { star };
            return value.iter().map(hidden).collect::<Vec<_>>().into();
        }
        let location = name.eq_ignore_ascii_case(b"location");
        let mut value = Cow::Borrowed(value);
        if !self.secrets && value.contains(&b'@') {
            if location {
                star_userinfo_of(value.to_mut(), star);
            } else {
                star_userinfo(value.to_mut(), star);
            }
        }
        if !self.queries && value.iter().any(|byte| matches!(byte, b'?' | b'#')) {
            if location {
                hide_in_reference(value.to_mut(), star);
            } else if !among(name, &DECIDING) {
                hide_anywhere(value.to_mut());
            }
        }
        value
    }

    /// Redacts text around the URL of a request to the same length. The URL has no userinfo, and is
    /// encoded already.
    pub(crate) fn url<'u>(&self, text: &'u [u8]) -> Cow<'u, [u8]> {
        if self.queries {
            return text.into();
        }
        let mut text = text.to_vec();
        hide_anywhere(&mut text);
        text.into()
    }

    /// Redacts a user name or a password to the same length. Keeps bytes that no proxy protocol can
    /// carry, as they decide whether the dial fails.
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
        is_secret(name)
            || self.fields.iter().any(|n| name.eq_ignore_ascii_case(n.as_bytes()))
                && !among(name, &DECIDING)
    }
}

fn among(name: &[u8], names: &[&str]) -> bool {
    names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// Returns the replacement byte for a Location after `number` different ones.
fn nth_star(number: usize) -> u8 {
    const STARS: [u8; 11] = *b"*0123456789";
    STARS[number.min(STARS.len() - 1)]
}

/// Text with a URL in it, for people. Leaves out the same parts as the default [`Redaction`].
pub(crate) struct Hidden<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = alloc::format!("{}", self.0);
        let hidden = Redaction::default().url(text.as_bytes()).into_owned();
        f.write_str(&String::from_utf8_lossy(&hidden))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

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
            ("http://h/?a=b@c", "http://h/?a=***"),
            ("/path/u@h", "/path/u@h"),
            ("/path//u:p@h", "/path//u:p@h"),
            ("http://u@h//v:w@x", "http://*@h//v:w@x"),
            ("/\t/u:p@h", "/\t/*:*@h"),
            ("x//u:p@h", "x//u:p@h"),
            (":u@h", ":u@h"),
            ("a=http://u@h", "a=http://u@h"),
        ] {
            assert_eq!(shown("Location", url), starred, "{url}");
        }
        assert_eq!(
            shown("Link", "<http://u:p@a/>; rel=\"x\", <http://v@b/>"),
            "<http://*:*@a/>; rel=\"x\", <http://*@b/>"
        );
    }

    #[test]
    fn queries_are_hidden_where_no_decision_is_made_by_them() {
        assert_eq!(shown("Location", " /x?a=b c\r\n"), " /x?a=* *\r\n");
        assert_eq!(shown("referer", "http://u@h/?a=b#c"), "http://*@h/?a=*#*");
        assert_eq!(shown("Host", "h?a=b"), "h?a=b");
        let kept = Redaction { queries: true, ..Redaction::default() };
        assert_eq!(kept.value(b"Location", b"//u@h/?a=b"), &b"//*@h/?a=b"[..]);
        assert_eq!(Redaction::none().url(b"http://u@h/?a=b"), &b"http://u@h/?a=b"[..]);
        assert_eq!(Hidden("GET http://h/?a=b (7 B)").to_string(), "GET http://h/?a=* (7 B)");
        assert!(Redaction::can_hide("X-Own") && !Redaction::can_hide("LOCATION"));
    }

    #[test]
    fn locations_that_differ_stay_different() {
        struct Lines<'l>(&'l str, usize);
        impl fmt::Display for Lines<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Redaction::default().write_new_lines(self.0.as_bytes(), self.1, f)
            }
        }
        let head = "HTTP/1.1 302 Found\r\nLocation: /?a=b\r\nLocation:/?a=b \r\n\
                    Location: /?a=c\r\nLocation: //d:%41@h\r\n";
        let lines = Lines(head, 0).to_string();
        assert_eq!(
            lines,
            "HTTP/1.1 302 Found\\r\\nLocation: /?a=*\\r\\nLocation:/?a=* \\r\\n\
             Location: /?a=0\\r\\nLocation: //1:%31@h\\r\\n"
        );
        let known = head.find("Location: /?a=c").unwrap();
        assert_eq!(
            Lines(head, known).to_string(),
            &lines[lines.find("Location: /?a=0").unwrap()..]
        );
        assert_eq!(Lines(head, 9).to_string(), &lines[9..]);
    }

    #[test]
    fn credentials_keep_their_length_in_bytes() {
        let redaction = Redaction::default();
        assert_eq!(redaction.credential("a\u{e9}:\0\u{85}"), "***:\0\u{85}");
    }
}
