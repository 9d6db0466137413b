//! Determines the end of a response's body, and whether the connection persists (RFC 9112 6.3 and
//! 9.3).

use crate::{
    error::Violation,
    message::{Request, Status, trim_ows},
};

/// The properties of a request that determine the end of its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Asked {
    pub(super) head: bool,
    pub(super) connect: bool,
    pub(super) upgrade: bool,
}

impl Asked {
    pub(super) fn by(request: &Request) -> Self {
        let method = request.method().as_str();
        Self {
            head: method == "HEAD",
            connect: method == "CONNECT",
            upgrade: request.asks_upgrade(),
        }
    }
}

/// The kind of a body's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyEnd {
    /// The body has this many bytes.
    Length(u64),
    /// The body ends with its last chunk.
    Chunked,
    /// The body ends when the connection closes.
    Close,
    /// There is no body, and another protocol follows the head.
    Switch,
}

/// The fields of a head that affect the framing of its message and the persistence of its
/// connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FramingFields {
    length: Length,
    coding: Coding,
    close: bool,
    keep_alive: bool,
    /// Whether there is a Content-Encoding field. It affects neither, but all fields are looked at
    /// here alone.
    pub(super) is_coded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Length {
    #[default]
    Absent,
    Bytes(u64),
    Invalid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Coding {
    #[default]
    Absent,
    Chunked,
    Other,
}

impl FramingFields {
    /// Records the field if it affects framing or persistence. Most fields do not, and their names
    /// have another length.
    #[inline]
    pub(super) fn note(&mut self, name: &str, value: &[u8]) {
        match name.len() {
            // Most servers send one option alone.
            10 if is(name, "Connection") && value.eq_ignore_ascii_case(b"keep-alive") => {
                self.keep_alive = true;
            }
            10 if is(name, "Connection") => {
                for option in members(value) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            14 if is(name, "Content-Length") => self.note_length(value),
            16 if is(name, "Content-Encoding") => self.is_coded = true,
            17 if is(name, "Transfer-Encoding") => {
                let only = self.coding == Coding::Absent && value.eq_ignore_ascii_case(b"chunked");
                self.coding = if only { Coding::Chunked } else { Coding::Other };
            }
            _ => {}
        }
    }

    /// Records Content-Length. A list is accepted if all its members are the same number (RFC 9112
    /// 6.3 rule 5).
    fn note_length(&mut self, value: &[u8]) {
        if let (Length::Absent, Some(bytes)) = (self.length, parse_decimal(value)) {
            self.length = Length::Bytes(bytes);
            return;
        }
        for member in members(value) {
            self.length = match (self.length, parse_decimal(member)) {
                (Length::Absent, Some(bytes)) => Length::Bytes(bytes),
                (Length::Bytes(before), Some(bytes)) if before == bytes => Length::Bytes(bytes),
                _ => Length::Invalid,
            };
        }
    }

    /// Returns whether Connection lists `close`: the peer reads no more requests (RFC 9112 9.6).
    pub(super) const fn says_close(&self) -> bool {
        self.close
    }

    /// Returns whether the peer keeps the connection open (RFC 9112 9.3). `Proxy-Connection` is
    /// ignored.
    pub(super) const fn persists(&self, minor_version: u8) -> bool {
        !self.close && (minor_version >= 1 || self.keep_alive)
    }
}

/// Returns the end of the body of a final response or a 101, by the rules of RFC 9112 6.3 in order:
///
/// | | response | body |
/// |---|---|---|
/// | 2 | 2xx to CONNECT | none, and the tunnel begins, whatever the fields say |
/// | - | 101 | none, and the new protocol begins; a violation if it was not asked for |
/// | 1 | to HEAD; 1xx, 204, 304 | none, whatever the fields say |
/// | 3 | Transfer-Encoding and Content-Length | refused: this is how responses are smuggled |
/// | 4 | Transfer-Encoding | `chunked` alone and in HTTP/1.1, else refused |
/// | 5 | Content-Length that is not one number | refused |
/// | 6 | Content-Length | that many bytes |
/// | 8 | neither | until the connection closes |
///
/// (Rule 7 is for requests.) A 204 in answer to CONNECT counts as a 2xx to CONNECT (RFC 9110
/// 9.3.6). The RFC has no rule for 205, so its fields decide. A server that obeys RFC 9110 15.3.6
/// sends `Content-Length: 0`. A body from another server is read, so that its bytes do not stay in
/// the stream.
pub(super) fn body_end(
    asked: Asked,
    status: Status,
    minor_version: u8,
    fields: &FramingFields,
) -> Result<BodyEnd, Violation> {
    if asked.connect && status.is_success() {
        return Ok(BodyEnd::Switch);
    }
    if status == 101 {
        return if asked.upgrade { Ok(BodyEnd::Switch) } else { Err(Violation::UnexpectedSwitch) };
    }
    if asked.head || status.is_informational() || status == 204 || status == 304 {
        return Ok(BodyEnd::Length(0));
    }
    match (fields.coding, fields.length) {
        (Coding::Chunked | Coding::Other, Length::Bytes(_) | Length::Invalid) => {
            Err(Violation::AmbiguousLength)
        }
        (Coding::Chunked, Length::Absent) if minor_version >= 1 => Ok(BodyEnd::Chunked),
        (Coding::Chunked | Coding::Other, Length::Absent) => Err(Violation::TransferEncoding),
        (Coding::Absent, Length::Invalid) => Err(Violation::ContentLength),
        (Coding::Absent, Length::Bytes(bytes)) => Ok(BodyEnd::Length(bytes)),
        (Coding::Absent, Length::Absent) => Ok(BodyEnd::Close),
    }
}

/// Returns whether `name` is `known`, ignoring case. Compares exactly first, which is faster.
fn is(name: &str, known: &str) -> bool {
    name == known || name.eq_ignore_ascii_case(known)
}

/// Iterates over the members of a comma-separated list.
fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim_ows)
}

/// Parses 1*DIGIT that fits in 64 bits.
fn parse_decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, &digit| {
        let value = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(value)
    })
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use quickcheck::{QuickCheck, TestResult};

    use super::*;
    use crate::message::{BodyLength, Method};

    const GET: Asked = Asked { head: false, connect: false, upgrade: false };

    fn fields(lines: &[(&str, &str)]) -> FramingFields {
        let mut fields = FramingFields::default();
        for (name, value) in lines {
            fields.note(name, value.as_bytes());
        }
        fields
    }

    fn end(
        asked: Asked,
        status: u16,
        minor: u8,
        lines: &[(&str, &str)],
    ) -> Result<BodyEnd, Violation> {
        body_end(asked, Status::new(status).unwrap(), minor, &fields(lines))
    }

    #[test]
    fn content_length_is_one_number() {
        let cases: &[(&[&str], Result<BodyEnd, Violation>)] = &[
            (&["0"], Ok(BodyEnd::Length(0))),
            (&["0000000005"], Ok(BodyEnd::Length(5))),
            (&["18446744073709551615"], Ok(BodyEnd::Length(u64::MAX))),
            (&["5, 5"], Ok(BodyEnd::Length(5))),
            (&["5", "5"], Ok(BodyEnd::Length(5))),
            (&["5,\t5 ,5", "05"], Ok(BodyEnd::Length(5))),
        ];
        let invalid: &[&[&str]] = &[
            &["18446744073709551616"],
            &["111111111111111111111"],
            &["5, 4"],
            &["5", "4"],
            &["x", "5"],
            &["5,"],
            &[",5"],
            &[","],
            &[""],
            &["+5"],
            &["-0"],
            &["0x5"],
            &["5 5"],
            &["5.0"],
            &["\"5\""],
            &["5_0"],
            &["\u{665}"],
        ];
        let invalid = invalid.iter().map(|&values| (values, Err(Violation::ContentLength)));
        for (values, expected) in cases.iter().copied().chain(invalid) {
            let lines: Vec<_> = values.iter().map(|&value| ("content-LENGTH", value)).collect();
            assert_eq!(end(GET, 200, 1, &lines), expected, "{values:?}");
        }
    }

    #[test]
    fn the_only_coding_is_chunked() {
        let chunked = |values: &[&str], minor| {
            let lines: Vec<_> = values.iter().map(|&value| ("Transfer-Encoding", value)).collect();
            end(GET, 200, minor, &lines)
        };
        assert_eq!(chunked(&["chunked"], 1), Ok(BodyEnd::Chunked));
        assert_eq!(chunked(&["cHuNkEd"], 9), Ok(BodyEnd::Chunked));
        assert_eq!(chunked(&["chunked"], 0), Err(Violation::TransferEncoding));
        for values in [
            &["chunked", "chunked"][..],
            &["chunked", "identity"],
            &["gzip", "chunked"],
            &["chunked, chunked"],
            &["gzip, chunked"],
            &["chunked,"],
            &[", chunked"],
            &["\"chunked\""],
            &["chunked;a=b"],
            &["xchunked"],
            &["chunkedchunked"],
            &["identity"],
            &["\u{b}chunked"],
            &[""],
        ] {
            assert_eq!(chunked(values, 1), Err(Violation::TransferEncoding), "{values:?}");
        }
    }

    /// Applies the rules of RFC 9112 6.3 one by one, in the words of the RFC.
    fn by_the_book(
        asked: Asked,
        status: u16,
        minor: u8,
        chunked: Option<bool>,
        length: Option<Option<u64>>,
    ) -> Result<BodyEnd, Violation> {
        let switches = asked.connect && (200..300).contains(&status);
        let rules = [
            (switches, Ok(BodyEnd::Switch)),
            (status == 101 && asked.upgrade, Ok(BodyEnd::Switch)),
            (status == 101, Err(Violation::UnexpectedSwitch)),
            (asked.head || status < 200 || [204, 304].contains(&status), Ok(BodyEnd::Length(0))),
            (chunked.is_some() && length.is_some(), Err(Violation::AmbiguousLength)),
            (chunked == Some(true) && minor > 0, Ok(BodyEnd::Chunked)),
            (chunked.is_some(), Err(Violation::TransferEncoding)),
            (length == Some(None), Err(Violation::ContentLength)),
            (length.is_some(), Ok(BodyEnd::Length(length.flatten().unwrap_or(0)))),
        ];
        let first = rules.into_iter().find(|(applies, _)| *applies);
        first.map_or(Ok(BodyEnd::Close), |(_, end)| end)
    }

    #[test]
    fn it_agrees_with_the_table_everywhere() {
        for bits in 0..8 {
            let asked = Asked { head: bits & 1 > 0, connect: bits & 2 > 0, upgrade: bits & 4 > 0 };
            for (status, minor) in (100..1000).flat_map(|status| [(status, 0), (status, 1)]) {
                for (coding, chunked) in
                    [(None, None), (Some("chunked"), Some(true)), (Some("br"), Some(false))]
                {
                    for (text, length) in
                        [(None, None), (Some("7"), Some(Some(7))), (Some("x"), Some(None))]
                    {
                        let mut lines = vec![];
                        lines.extend(coding.map(|value| ("transfer-encoding", value)));
                        lines.extend(text.map(|value| ("content-length", value)));
                        assert_eq!(
                            end(asked, status, minor, &lines),
                            by_the_book(asked, status, minor, chunked, length),
                            "{asked:?} {status} 1.{minor} {lines:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn connections_persist_as_the_fields_say() {
        let persists = |minor, values: &[&str]| {
            let lines: Vec<_> = values.iter().map(|&value| ("Connection", value)).collect();
            fields(&lines).persists(minor)
        };
        assert!(persists(1, &[]) && persists(1, &["something-close"]));
        assert!(!persists(1, &["x", "y , CLOSE"]) && !persists(1, &["close", "keep-alive"]));
        assert!(!persists(0, &[]) && persists(0, &["Keep-Alive"]));
        assert!(!persists(0, &["keep-alive, close"]));
        assert!(fields(&[("Proxy-Connection", "close")]).persists(1));
    }

    #[test]
    fn decimals_are_parsed_as_by_the_standard_library() {
        fn same(number: u64, cut: u8) -> TestResult {
            let text = alloc::format!("{number}{}", "0".repeat(usize::from(cut % 4)));
            TestResult::from_bool(parse_decimal(text.as_bytes()) == text.parse().ok())
        }
        QuickCheck::new().quickcheck(same as fn(u64, u8) -> TestResult);
    }

    #[test]
    fn what_was_asked_comes_from_the_request() {
        let connect = Request::builder(Method::CONNECT, "http://a/").build().unwrap();
        assert_eq!(Asked::by(&connect), Asked { connect: true, ..GET });
        let upgrade = Request::post("http://a/")
            .header("Upgrade", "x")
            .body(BodyLength::Unknown { replayable: false })
            .build()
            .unwrap();
        assert_eq!(Asked::by(&upgrade), Asked { upgrade: true, ..GET });
        let head = Request::head("http://a/").build().unwrap();
        assert_eq!(Asked::by(&head), Asked { head: true, ..GET });
    }
}
