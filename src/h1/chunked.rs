//! Decodes the chunked coding in place (RFC 9112 section 7.1).

use super::{
    Event,
    scan::{Scan, Section, is_text_byte},
};
use crate::{
    error::{Bound, Violation},
    limits::MessageLimits,
    message::Fields,
};

/// The position of the decoder in a chunked body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunked {
    /// The chunk size as parsed so far; in `Data`, the number of data bytes left.
    left: u64,
    /// The bytes of chunk extensions so far, over the whole body.
    extensions: u32,
    /// The leading zeros, blanks and extension bytes so far, in this chunk-size line.
    line: u32,
    at: At,
}

/// The part of the coding that the next byte belongs to.
///
/// ```text
///  Size ── digits ──▶ Digits ─┬─ CR ─────────────▶ LineLf ─┬─▶ Data ─▶ DataCr ─▶ DataLf ─▶ Size
///                             ├─ blank ─▶ Blank            └─ (size 0) ─▶ Trailers
///                             └─ ; ─────▶ Extension
///                                Blank ── ; ──▶ Extension
///                                Blank, Extension ── CR ──▶ LineLf
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Size,
    Digits,
    Blank,
    Extension,
    LineLf,
    Data,
    DataCr,
    DataLf,
    Trailers(Scan),
}

impl Chunked {
    pub(super) const START: Self = Self { left: 0, extensions: 0, line: 0, at: At::Size };

    /// Returns how many of the next bytes are data.
    pub(super) fn data_ahead(&self) -> u64 {
        if self.at == At::Data { self.left } else { 0 }
    }

    /// Decodes `input` up to the next event.
    pub(super) fn decode<'i>(
        &mut self,
        input: &'i [u8],
        limits: &MessageLimits,
    ) -> Result<(usize, Event<'i>), Violation> {
        let mut taken = 0;
        while let rest @ [byte, ..] = &input[taken..] {
            match &mut self.at {
                At::Data => {
                    let len = usize::try_from(self.left).map_or(rest.len(), |n| n.min(rest.len()));
                    self.left -= len as u64;
                    if self.left == 0 {
                        self.at = At::DataCr;
                    }
                    return Ok((taken + len, Event::Data(&rest[..len])));
                }
                At::Trailers(scan) => match scan.look(rest, &Section::trailers(limits))? {
                    Some(end) => {
                        let lines = Fields::from_validated(&rest[..end - 2]);
                        return Ok((taken + end, Event::End(lines)));
                    }
                    None => break,
                },
                At::Size
                | At::Digits
                | At::Blank
                | At::Extension
                | At::LineLf
                | At::DataCr
                | At::DataLf => {
                    self.at = self.framing_byte(*byte, limits)?;
                    taken += 1;
                }
            }
        }
        Ok((taken, if taken > 0 { Event::Skipped } else { Event::NeedInput }))
    }

    fn framing_byte(&mut self, byte: u8, limits: &MessageLimits) -> Result<At, Violation> {
        Ok(match (self.at, byte) {
            (At::Size, _) => {
                self.left = hex_digit(byte)?;
                self.line = 0;
                At::Digits
            }
            (At::Digits | At::Blank | At::Extension, b'\r') => At::LineLf,
            (At::Digits | At::Blank, b';') => self.extension_byte(limits)?,
            // RFC 9112 7.1.1 allows blanks only before a semicolon. Real servers also pad the size
            // before the line end, and every parser reads such a size alike.
            (At::Digits | At::Blank, b' ' | b'\t') => self.filler(At::Blank, limits)?,
            (At::Digits, _) => {
                let digit = hex_digit(byte)?;
                if self.left == 0 {
                    self.filler(At::Digits, limits)?;
                }
                self.left = self.left.checked_mul(16).ok_or(Violation::Chunk)? | digit;
                At::Digits
            }
            (At::Extension, _) if is_text_byte(byte) => self.extension_byte(limits)?,
            (At::LineLf, b'\n') if self.left == 0 => At::Trailers(Scan::TRAILERS),
            (At::LineLf, b'\n') => At::Data,
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => At::Size,
            _ => return Err(Violation::Chunk),
        })
    }

    /// Counts a byte of an extension against the limits of its line and of the whole body.
    fn extension_byte(&mut self, limits: &MessageLimits) -> Result<At, Violation> {
        if self.extensions >= limits.chunk_overhead_bytes_max {
            return Err(Violation::TooLarge(Bound::ChunkOverhead));
        }
        self.extensions += 1;
        self.filler(At::Extension, limits)
    }

    /// Counts a byte that does not change the size against the limit of its line only.
    fn filler(&mut self, next: At, limits: &MessageLimits) -> Result<At, Violation> {
        if self.line >= limits.chunk_overhead_bytes_max {
            return Err(Violation::TooLarge(Bound::ChunkOverhead));
        }
        self.line += 1;
        Ok(next)
    }
}

fn hex_digit(byte: u8) -> Result<u64, Violation> {
    char::from(byte).to_digit(16).map(u64::from).ok_or(Violation::Chunk)
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec::Vec};

    use super::*;

    fn decode(input: &[u8], limits: MessageLimits) -> Result<(Vec<u8>, String), Violation> {
        let (mut chunked, mut taken, mut body) = (Chunked::START, 0, Vec::new());
        loop {
            let (n, event) = chunked.decode(&input[taken..], &limits)?;
            taken += n;
            match event {
                Event::Data(data) => body.extend_from_slice(data),
                Event::End(fields) => return Ok((body, alloc::format!("{fields:?}"))),
                Event::NeedInput => return Err(Violation::Truncated),
                Event::Skipped => {}
                Event::Interim(_) | Event::Head(_) => unreachable!(),
            }
        }
    }

    #[test]
    fn sizes_are_plain_hex_digits() {
        let first_line = |line: &str| {
            let input = alloc::format!("{line}\r\n0123456789\r\n0\r\n\r\n");
            decode(input.as_bytes(), MessageLimits::default()).map(|(body, _)| body.len())
        };
        for line in
            ["a", "A", "000a", "a;", "a;x", "a;x=\"y;z\"", "a ;x", "a \t; x = y", "a;\u{e9}"]
                .into_iter()
                .chain(["a ", "a\t", "a \t  ", "000a ", "a; ", "a ; x "])
        {
            assert_eq!(first_line(line), Ok(10), "{line:?}");
        }
        for line in [
            "",
            " a",
            "\ta",
            "a x",
            "a 0",
            "a\t1",
            "a \u{b}",
            "a \n",
            "a \rb",
            "+a",
            "-a",
            "0xa",
            "0Xa",
            "a_",
            "1_0",
            "a.",
            "g",
            "a\u{b}",
            "a\u{c}",
            "\r\na",
            "a\n",
            "a;\n",
            "a;\0",
            "a;\u{1}",
            "a;\u{7f}",
            "a;\rb",
            ";",
            "10000000000000000",
            "10000000000000005",
            "99999999999999999999999999",
        ] {
            assert_eq!(first_line(line), Err(Violation::Chunk), "{line:?}");
        }
        assert_eq!(first_line("ffffffffffffffff"), Err(Violation::Truncated));
    }

    #[test]
    fn data_ends_with_a_line_end_and_nothing_else() {
        for after in ["\n", "\r\r\n", "x\r\n", "\rx", " \r\n", "\n\r\n"] {
            let input = alloc::format!("1\r\nx{after}0\r\n\r\n");
            assert_eq!(
                decode(input.as_bytes(), MessageLimits::default()),
                Err(Violation::Chunk),
                "{after:?}"
            );
        }
    }

    #[test]
    fn trailers_are_lines_like_others() {
        let trailers = |text: &str| {
            let input = alloc::format!("0\r\n{text}");
            decode(input.as_bytes(), MessageLimits::default()).map(|(_, fields)| fields)
        };
        assert_eq!(trailers("\r\n").unwrap(), "[]");
        assert_eq!(trailers("A: b\r\nC:\r\n\r\n").unwrap(), "[A: b, C: ]");
        for bad in ["bad line\r\n\r\n", "A : b\r\n\r\n", " A: b\r\n", "A: \0"] {
            assert_eq!(trailers(bad), Err(Violation::Trailer), "{bad:?}");
        }
        assert_eq!(trailers("A: b\r\n c\r\n\r\n"), Err(Violation::FoldedLine));
        for bare_lf in ["\n", "A: b\n\r\n", "A: b\r\n\n"] {
            assert_eq!(trailers(bare_lf), Err(Violation::Trailer), "{bare_lf:?}");
        }
    }

    /// Otherwise a server that pads each size would fail in the middle of a long body.
    #[test]
    fn zeros_and_blanks_count_for_their_line_alone() {
        let chunks = |line: &str| alloc::format!("{line}\r\nx\r\n").repeat(8_000) + "0\r\n\r\n";
        for line in ["0001", "1       ", "0001 \t"] {
            let (body, _) = decode(chunks(line).as_bytes(), MessageLimits::default()).unwrap();
            assert_eq!(body.len(), 8_000, "{line:?}");
        }
        let extended = decode(chunks("1;abc").as_bytes(), MessageLimits::default());
        assert_eq!(extended, Err(Violation::TooLarge(Bound::ChunkOverhead)));
    }

    #[test]
    fn what_means_nothing_is_bounded() {
        let bounded = |chunk_overhead_bytes_max| MessageLimits {
            chunk_overhead_bytes_max,
            fields_max: 1,
            ..MessageLimits::default()
        };
        let limits = bounded(6);
        let too_large = Err(Violation::TooLarge(Bound::ChunkOverhead));
        assert!(decode(b"1;a\r\nx\r\n1;ab\r\nx\r\n0;\r\n\r\n", limits).is_ok());
        assert_eq!(decode(b"1;a\r\nx\r\n1;ab\r\nx\r\n0;a\r\n\r\n", limits), too_large);
        assert!(decode(b"0000000\r\n\r\n", limits).is_ok());
        assert_eq!(decode(b"00000000\r\n\r\n", limits), too_large);
        assert!(decode(b"0 \t \t \t\r\n\r\n", limits).is_ok());
        assert_eq!(decode(b"0 \t \t \t \r\n\r\n", limits), too_large);
        assert!(decode(b"001  ;a\r\nx\r\n0\r\n\r\n", limits).is_ok());
        assert_eq!(decode(b"001  ;ab\r\nx\r\n0\r\n\r\n", limits), too_large);
        assert!(decode(b"0\r\nA:bc\r\n\r\n", limits).is_ok());
        assert_eq!(decode(b"0\r\nA:bcd\r\n\r\n", limits), too_large);
        let too_many = Err(Violation::TooLarge(Bound::Fields));
        assert_eq!(decode(b"0\r\nA:\r\nB:\r\n\r\n", bounded(12)), too_many);
        assert!(decode(b"5\r\nhello\r\n0\r\n\r\n", bounded(0)).is_ok());
    }
}
