//! Parses response heads in place (RFC 9112 sections 4 and 5).

use core::mem::MaybeUninit;

use super::{
    framing::FramingFields,
    scan::{Scan, Section},
};
use crate::{
    error::{Bound, Violation},
    limits::MessageLimits,
    message::{Fields, Head, Status, find},
};

/// The number of fields that the fast parser holds on the stack. Heads with more fields take the
/// slow path.
const FAST_FIELDS_MAX: usize = 64;

/// The progress of a head that arrives in pieces.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadProgress {
    /// The bytes of empty lines skipped before the head.
    skipped: u32,
    scan: Scan,
}

/// The result of looking for a head.
pub(super) enum Found<'i> {
    /// The head is complete.
    Whole(Parsed<'i>),
    /// The head is incomplete. This many bytes of the input were consumed.
    Partial(usize),
}

/// A complete head.
pub(super) struct Parsed<'i> {
    /// The bytes of the input that were consumed, including empty lines before the head.
    pub(super) taken: usize,
    pub(super) head: Head<'i>,
    pub(super) framing: FramingFields,
}

impl HeadProgress {
    pub(super) const START: Self = Self { skipped: 0, scan: Scan::HEAD };

    /// Parses a head from the front of `input`.
    pub(super) fn parse<'i>(
        &mut self,
        input: &'i [u8],
        limits: &MessageLimits,
    ) -> Result<Found<'i>, Violation> {
        let mut empty = 0;
        if self.scan.is_fresh() {
            empty = self.skip_empty_lines(input, limits)?;
            if input[empty..] == *b"\r" {
                return Ok(Found::Partial(empty));
            }
            let rest = &input[empty..];
            let room = limits.head_bytes_max.saturating_sub(self.skipped) as usize;
            if let Some(whole) = parse_whole(&rest[..rest.len().min(room)], limits.fields_max) {
                return Ok(Found::Whole(Parsed { taken: empty + whole.taken, ..whole }));
            }
        }
        let input = &input[empty..];
        match self.scan.look(input, &Section::head(limits, self.skipped))? {
            Some(end) => {
                let parsed = read_scanned(&input[..end]).ok_or(Violation::StatusLine)?;
                Ok(Found::Whole(Parsed { taken: empty + end, ..parsed }))
            }
            None => Ok(Found::Partial(empty)),
        }
    }

    /// Skips empty lines. Some servers write an extra line end, for example after an interim
    /// response.
    fn skip_empty_lines(
        &mut self,
        input: &[u8],
        limits: &MessageLimits,
    ) -> Result<usize, Violation> {
        let mut taken = 0;
        loop {
            match &input[taken..] {
                [b'\r', b'\n', ..] => taken += 2,
                [b'\n', ..] => taken += 1,
                [b'\r', _, ..] => return Err(Violation::StatusLine),
                _ => break,
            }
            if (self.skipped as usize).saturating_add(taken) >= limits.head_bytes_max as usize {
                return Err(Violation::TooLarge(Bound::Head));
            }
        }
        self.skipped += taken as u32;
        Ok(taken)
    }
}

/// Parses a complete and regular head in one pass. `None` leaves the decision to the slow path,
/// which alone decides on errors.
fn parse_whole(input: &[u8], fields_max: u16) -> Option<Parsed<'_>> {
    let mut headers = [const { MaybeUninit::uninit() }; FAST_FIELDS_MAX];
    let room = FAST_FIELDS_MAX.min(usize::from(fields_max));
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        input,
        &mut headers[..room],
    );
    let Ok(httparse::Status::Complete(taken)) = parsed else { return None };
    let mut framing = FramingFields::default();
    for header in &*response.headers {
        framing.note(header.name, header.value);
    }
    let head = Head { is_coded: framing.is_coded, ..read_lines(&input[..taken])? };
    Some(Parsed { taken, head, framing })
}

/// Parses a head that the scan has passed whole. This is the slow path.
fn read_scanned(bytes: &[u8]) -> Option<Parsed<'_>> {
    let head = read_lines(bytes)?;
    let mut framing = FramingFields::default();
    for field in head.fields {
        framing.note(field.name(), field.value());
    }
    let head = Head { is_coded: framing.is_coded, ..head };
    Some(Parsed { taken: bytes.len(), head, framing })
}

/// Splits a head that is known to be well-formed into its parts. `is_coded` is left to the caller.
fn read_lines(bytes: &[u8]) -> Option<Head<'_>> {
    let [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor, b' ', code @ ..] = bytes else {
        return None;
    };
    let (code, _) = code.split_first_chunk::<3>()?;
    let code = code.iter().fold(0, |code, digit| code * 10 + u16::from(digit.wrapping_sub(b'0')));
    let line_end = find(bytes, b'\n')?;
    let line = &bytes[..line_end];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let lines = bytes[line_end + 1..].strip_suffix(b"\n")?;
    Some(Head {
        status: Status::new(code)?,
        minor_version: minor.wrapping_sub(b'0'),
        reason: line.get(13..).unwrap_or_default(),
        fields: Fields::from_validated(lines.strip_suffix(b"\r").unwrap_or(lines)),
        is_coded: false,
    })
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec::Vec};

    use quickcheck::{Arbitrary, Gen, QuickCheck};

    use super::*;

    /// Bytes that resemble a head, with some faults.
    #[derive(Debug, Clone)]
    struct AlmostHead(Vec<u8>);

    impl Arbitrary for AlmostHead {
        fn arbitrary(g: &mut Gen) -> Self {
            let pieces: &[&[u8]] = &[
                b"HTTP/1.1 200 OK\r\n",
                b"HTTP/1.0 404\r\n",
                b"HTTP/1.1 500 \xe9\xff \t x\n",
                b"A: b\r\n",
                b"Set-Cookie:\t a=b; c=\"d\"  \r\n",
                b"Empty:\r\n",
                b"Blank: \t \r\n",
                b"8-bit: \x80\xff\n",
                b"a:b:c\n",
                b"\r\n\r\n",
                b"\r\n",
                b"\n",
                b" ",
                b":",
            ];
            let mut bytes = Vec::new();
            if bool::arbitrary(g) {
                bytes.extend_from_slice(pieces[usize::arbitrary(g) % 3]);
            }
            for _ in 0..usize::arbitrary(g) % 8 {
                bytes.extend_from_slice(g.choose(pieces).unwrap());
            }
            if u8::arbitrary(g) % 4 == 0 && !bytes.is_empty() {
                let at = usize::arbitrary(g) % bytes.len();
                bytes[at] = u8::arbitrary(g);
            }
            Self(bytes)
        }

        fn shrink(&self) -> alloc::boxed::Box<dyn Iterator<Item = Self>> {
            alloc::boxed::Box::new(self.0.shrink().map(Self))
        }
    }

    /// Returns all parts of a parsed head as text.
    fn summary(parsed: &Parsed<'_>) -> String {
        let Head { status, minor_version, reason, fields, is_coded } = parsed.head;
        let fields: Vec<_> = fields.iter().map(|field| (field.name(), field.value())).collect();
        alloc::format!(
            "{} {status} {minor_version} {reason:?} {fields:?} {is_coded} {:?}",
            parsed.taken,
            parsed.framing
        )
    }

    #[test]
    fn both_ways_read_a_head_alike() {
        fn alike(AlmostHead(bytes): AlmostHead) -> bool {
            let limits = MessageLimits::default();
            // Only the slow path handles empty lines, and minor versions that httparse refuses.
            let version_ok = bytes.get(7).is_none_or(|&minor| minor <= b'1');
            if !version_ok || matches!(bytes.first(), Some(b'\r' | b'\n')) {
                return true;
            }
            let fast = parse_whole(&bytes, limits.fields_max);
            let mut scan = Scan::HEAD;
            let slow = match scan.look(&bytes, &Section::head(&limits, 0)) {
                Ok(Some(end)) => Some(read_scanned(&bytes[..end]).unwrap()),
                Ok(None) | Err(_) => None,
            };
            fast.as_ref().map(summary) == slow.as_ref().map(summary)
        }
        QuickCheck::new().tests(20_000).quickcheck(alike as fn(AlmostHead) -> bool);
    }

    #[test]
    fn the_fields_are_those_that_httparse_saw() {
        fn same(AlmostHead(bytes): AlmostHead) -> bool {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut response = httparse::Response::new(&mut headers);
            let Ok(httparse::Status::Complete(_)) = response.parse(&bytes) else { return true };
            // This parser is stricter than httparse: a status has no leading zero.
            if response.code < Some(100) {
                return true;
            }
            let start = bytes.iter().position(|&b| b == b'H').unwrap();
            let head = parse_whole(&bytes[start..], 64).unwrap().head;
            let ours: Vec<_> = head.fields.iter().map(|f| (f.name(), f.value())).collect();
            ours == response.headers.iter().map(|h| (h.name, h.value)).collect::<Vec<_>>()
        }
        QuickCheck::new().tests(20_000).quickcheck(same as fn(AlmostHead) -> bool);
    }

    #[test]
    fn reasons_are_bytes_and_may_be_missing() {
        for (line, reason) in [
            (&b"HTTP/1.1 200 OK\r\n\r\n"[..], &b"OK"[..]),
            (b"HTTP/1.1 200  O K \n\n", b" O K "),
            (b"HTTP/1.1 200 \r\n\r\n", b""),
            (b"HTTP/1.1 200\r\n\r\n", b""),
            (b"HTTP/1.1 500 \xe9t\xe9\r\n\r\n", b"\xe9t\xe9"),
        ] {
            let limits = MessageLimits::default();
            let mut slow = HeadProgress { scan: Scan::HEAD, skipped: 0 };
            let Ok(Found::Partial(0)) = slow.parse(&line[..1], &limits) else { panic!() };
            for mut progress in [HeadProgress::START, slow] {
                let Ok(Found::Whole(parsed)) = progress.parse(line, &limits) else { panic!() };
                assert_eq!(parsed.head.reason, reason);
            }
        }
    }
}
