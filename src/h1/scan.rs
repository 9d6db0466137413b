//! Scans a head or trailer section that arrives in pieces. Looks at each byte once, and stores
//! none.
//!
//! A head that is complete in the input is parsed in one pass by `httparse`. This scanner handles
//! the rest: heads and trailers in pieces, and everything that is to be refused. It finds the end
//! of the section, or the first invalid byte, at the same byte however the input is split.

use crate::{
    error::{Bound, Violation},
    limits::MessageLimits,
    message::is_token_byte,
};

/// The kind of a section of lines (a response's head, trailers), with its limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section {
    bytes_max: usize,
    lines_max: u16,
    /// Whether a line may end with a bare LF, as RFC 9112 2.2 allows. Not after chunked framing,
    /// where everything is strict.
    bare_lf: bool,
    malformed: Violation,
    too_long: Violation,
}

impl Section {
    /// Returns the section of a response head, of which `skipped` bytes were consumed already.
    pub(super) fn head(limits: &MessageLimits, skipped: u32) -> Self {
        Self {
            bytes_max: limits.head_bytes_max.saturating_sub(skipped) as usize,
            lines_max: limits.fields_max,
            bare_lf: true,
            malformed: Violation::FieldLine,
            too_long: Violation::TooLarge(Bound::Head),
        }
    }

    /// Returns the section after the last chunk: the trailer section and the empty line behind it.
    pub(super) const fn trailers(limits: &MessageLimits) -> Self {
        Self {
            bytes_max: limits.chunk_overhead_bytes_max.saturating_add(2) as usize,
            lines_max: limits.fields_max,
            bare_lf: false,
            malformed: Violation::Trailer,
            too_long: Violation::TooLarge(Bound::ChunkOverhead),
        }
    }
}

/// The progress of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scan {
    looked: u32,
    lines: u16,
    place: Place,
}

/// The part of the section that the last byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The status line up to the status: `HTTP/1.1 200`, byte by byte.
    Status,
    Reason,
    ReasonCr,
    LineStart,
    Name,
    Value,
    ValueCr,
    EndCr,
}

impl Scan {
    /// Starts at a status line.
    pub(super) const HEAD: Self = Self { looked: 0, lines: 0, place: Place::Status };
    /// Starts at the line after the last chunk.
    pub(super) const TRAILERS: Self = Self { looked: 0, lines: 0, place: Place::LineStart };

    /// Returns whether no byte was scanned yet.
    pub(super) const fn is_fresh(&self) -> bool {
        self.looked == 0
    }

    /// Continues the scan in `input`, which starts at the start of the section. Returns the end of
    /// the section, behind its empty line, once that has arrived.
    pub(super) fn look(
        &mut self,
        input: &[u8],
        section: &Section,
    ) -> Result<Option<usize>, Violation> {
        let within = &input[..input.len().min(section.bytes_max)];
        while let Some(&byte) = within.get(self.looked as usize) {
            let at = self.looked;
            self.looked += 1;
            self.place = match (self.place, byte) {
                (Place::Status, _) => status_line(at, byte)?,
                (Place::Reason, b'\r') => Place::ReasonCr,
                (Place::Reason | Place::ReasonCr, b'\n') => Place::LineStart,
                (Place::Reason, _) if is_text_byte(byte) => Place::Reason,
                (Place::Reason | Place::ReasonCr, _) => return Err(Violation::StatusLine),

                (Place::Value, _) if is_text_byte(byte) => Place::Value,
                (Place::Value, b'\r') => Place::ValueCr,
                (Place::Value, b'\n') if section.bare_lf => self.line_ended(section)?,
                (Place::ValueCr, b'\n') => self.line_ended(section)?,

                (Place::LineStart, b'\r') => Place::EndCr,
                (Place::LineStart, b'\n') if section.bare_lf => return Ok(Some(at as usize + 1)),
                (Place::EndCr, b'\n') => return Ok(Some(at as usize + 1)),

                (Place::LineStart | Place::Name, _) if is_token_byte(byte) => Place::Name,
                (Place::Name, b':') => Place::Value,
                (Place::LineStart, b' ' | b'\t') if self.lines > 0 => {
                    return Err(Violation::FoldedLine);
                }
                (
                    Place::LineStart | Place::EndCr | Place::Name | Place::Value | Place::ValueCr,
                    _,
                ) => return Err(section.malformed),
            };
        }
        if self.looked as usize >= section.bytes_max { Err(section.too_long) } else { Ok(None) }
    }

    fn line_ended(&mut self, section: &Section) -> Result<Place, Violation> {
        if self.lines == section.lines_max {
            return Err(Violation::TooLarge(Bound::Fields));
        }
        self.lines += 1;
        Ok(Place::LineStart)
    }
}

/// Checks a byte of `HTTP/1.`, a digit, a space and three digits, followed by a space or the end of
/// the line (RFC 9112 4).
fn status_line(at: u32, byte: u8) -> Result<Place, Violation> {
    let fits = match at {
        0..5 => byte == b"HTTP/"[at as usize],
        5 if byte != b'1' && byte.is_ascii_digit() => return Err(Violation::Version),
        5 => byte == b'1',
        6 => byte == b'.',
        7 | 10 | 11 => byte.is_ascii_digit(),
        8 => byte == b' ',
        9 => matches!(byte, b'1'..=b'9'),
        _ => match byte {
            b' ' => return Ok(Place::Reason),
            b'\r' => return Ok(Place::ReasonCr),
            b'\n' => return Ok(Place::LineStart),
            _ => false,
        },
    };
    if fits { Ok(Place::Status) } else { Err(Violation::StatusLine) }
}

/// Returns whether a field value or a reason phrase may hold `byte` (RFC 9110 5.5): no control byte
/// but TAB.
pub(super) const fn is_text_byte(byte: u8) -> bool {
    byte >= b' ' && byte != 0x7f || byte == b'\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(input: &[u8]) -> Result<Option<usize>, Violation> {
        let mut scan = Scan::HEAD;
        scan.look(input, &Section::head(&MessageLimits::default(), 0))
    }

    #[test]
    fn the_first_byte_that_cannot_be_is_refused() {
        let good = b"HTTP/1.1 200 OK\r\nName: value\r\n\r\n";
        for at in 0..good.len() {
            assert_eq!(look(&good[..at]), Ok(None), "{at}");
            let mut bad = good[..=at].to_vec();
            bad[at] = 0;
            let why = if at < 17 { Violation::StatusLine } else { Violation::FieldLine };
            assert_eq!(look(&bad), Err(why), "{at}");
        }
        assert_eq!(look(good), Ok(Some(good.len())));
        assert_eq!(look(b"HTTP/2"), Err(Violation::Version));
        for blank in [" ", "\t"] {
            let folded = alloc::format!("HTTP/1.1 200\r\nA: b\r\n{blank}c\r\n\r\n");
            assert_eq!(look(folded.as_bytes()), Err(Violation::FoldedLine));
            // No field precedes the first one, so a line that begins with a blank is not a folded
            // one there.
            let first = alloc::format!("HTTP/1.1 200\r\n{blank}A: b\r\n\r\n");
            assert_eq!(look(first.as_bytes()), Err(Violation::FieldLine));
        }
        assert_eq!(look(b"HTTP/1.1 0"), Err(Violation::StatusLine));
        assert_eq!(look(b"HTTP/1.7 200\nA:b\n\n...").unwrap(), Some(18));
    }

    /// Each byte is overwritten after it was scanned, and the result stays the same. So the scan
    /// takes linear time, in however small pieces a head arrives.
    #[test]
    fn no_byte_is_looked_at_twice() {
        let head = b"HTTP/1.1 200 OK\r\nName: value\r\nOther:\r\n\r\n";
        let section = Section::head(&MessageLimits::default(), 0);
        let (mut scan, mut garbled) = (Scan::HEAD, alloc::vec::Vec::new());
        for (at, &byte) in head.iter().enumerate() {
            garbled.push(byte);
            let end = (at + 1 == head.len()).then_some(at + 1);
            assert_eq!(scan.look(&garbled, &section), Ok(end));
            garbled[at] = 0;
        }
    }

    #[test]
    fn bounds_bind_at_the_same_byte_however_the_input_is_cut() {
        let head = b"HTTP/1.1 200\r\na:b\r\nc:d\r\n\r\n";
        let byte_by_byte = |limits: &MessageLimits| {
            let mut scan = Scan::HEAD;
            let section = Section::head(limits, 0);
            (1..=head.len()).find_map(|n| match scan.look(&head[..n], &section) {
                Ok(None) => None,
                Ok(Some(end)) => Some(Ok(end)),
                Err(why) => Some(Err((n, why))),
            })
        };
        for (bytes, fields, expected) in [
            (26, 2, Ok(26)),
            (25, 2, Err((25, Violation::TooLarge(Bound::Head)))),
            (26, 1, Err((24, Violation::TooLarge(Bound::Fields)))),
            (0, 2, Err((1, Violation::TooLarge(Bound::Head)))),
        ] {
            let limits = MessageLimits {
                head_bytes_max: bytes,
                fields_max: fields,
                ..MessageLimits::default()
            };
            assert_eq!(byte_by_byte(&limits), Some(expected));
            let mut scan = Scan::HEAD;
            let whole = scan.look(head, &Section::head(&limits, 0));
            assert_eq!(whole, expected.map(Some).map_err(|(_, why)| why));
        }
    }
}
