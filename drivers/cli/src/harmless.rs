//! Escapes the text of a server for a terminal.
//!
//! A control character can move the cursor, change colours, or make the terminal send a reply. A
//! bidirectional control can show text in another order than it is stored (CVE-2021-42574). Each is
//! shown as an escape such as `\u{9b}`. All other characters stay.

use std::borrow::Cow;

/// Whether a terminal may act on `char`: a C0 or C1 control or DEL except tab and line feed, a line
/// or paragraph separator, or a control of the direction of text.
pub(crate) fn acts(char: char) -> bool {
    match char {
        '\t' | '\n' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        _ => char.is_control(),
    }
}

/// Returns `text` with each character escaped that a terminal may act on.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        push(char, &mut out);
    }
    out.into()
}

fn push(char: char, out: &mut String) {
    if acts(char) {
        out.extend(char.escape_unicode());
    } else {
        out.push(char);
    }
}

/// Appends the bytes of a field or a reason phrase, escaped. Bytes that are not UTF-8 stay (RFC
/// 9110 section 5.5), except those that an 8-bit terminal takes for controls.
pub(crate) fn harmless_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        out.extend_from_slice(harmless(chunk.valid()).as_bytes());
        for &byte in chunk.invalid() {
            match byte {
                0x80..=0x9f => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
                _ => out.push(byte),
            }
        }
    }
}

/// Escapes a body for a terminal, in pieces that may split a character.
#[derive(Default)]
pub(crate) struct Screened {
    /// The beginning of a character, or a carriage return that a line feed may follow.
    held: Vec<u8>,
}

impl Screened {
    /// Appends `piece` to `out`, escaped. A byte that is not UTF-8 becomes `\x..`.
    pub(crate) fn show(&mut self, piece: &[u8], out: &mut String) {
        let joined;
        let text = if self.held.is_empty() {
            piece
        } else {
            self.held.extend_from_slice(piece);
            joined = std::mem::take(&mut self.held);
            &joined
        };
        let whole = text.len() - unfinished(text);
        show(&text[..whole], out);
        self.held.extend_from_slice(&text[whole..]);
    }

    /// Appends the rest when the body has ended.
    pub(crate) fn end(&mut self, out: &mut String) {
        show(&std::mem::take(&mut self.held), out);
    }
}

fn show(text: &[u8], out: &mut String) {
    for chunk in text.utf8_chunks() {
        let mut chars = chunk.valid().chars().peekable();
        while let Some(char) = chars.next() {
            // CRLF ends a line. A lone CR would move the cursor back, so it is escaped.
            if char == '\r' && chars.peek() == Some(&'\n') {
                out.push(char);
            } else {
                push(char, out);
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
}

/// Returns how many bytes at the end may be the beginning of a character or of CRLF.
fn unfinished(text: &[u8]) -> usize {
    if text.ends_with(b"\r") {
        return 1;
    }
    let last = text.len().saturating_sub(3);
    match std::str::from_utf8(&text[last..]) {
        Ok(_) => 0,
        // The last three bytes may begin inside a complete character. Skips those positions.
        Err(_) => (1..=text.len() - last)
            .find(|&len| {
                let end = &text[text.len() - len..];
                let cut =
                    |why: std::str::Utf8Error| why.valid_up_to() == 0 && why.error_len().is_none();
                std::str::from_utf8(end).is_err_and(cut)
            })
            .unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_bidirectional_marks_are_escaped() {
        assert_eq!(
            harmless("a\u{9b}31mb\u{202e}c\u{7f}\u{1b}["),
            "a\\u{9b}31mb\\u{202e}c\\u{7f}\\u{1b}["
        );
        let fine = "caf\u{e9} \u{5e9}\u{200d}\u{1f469} \t\n";
        assert!(matches!(harmless(fine), Cow::Borrowed(same) if same == fine));
        for char in ['\u{85}', '\u{61c}', '\u{200f}', '\u{2066}', '\u{2069}', '\u{2028}', '\r'] {
            assert!(acts(char), "{char:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_stay_unless_they_act() {
        let mut out = Vec::new();
        harmless_bytes(b"caf\xe9 \x9b31m \xc2\x9b", &mut out);
        assert_eq!(out, b"caf\xe9 \\x9b31m \\u{9b}");
    }

    #[test]
    fn a_body_is_shown_alike_however_it_is_cut() {
        let body = "caf\u{e9} \u{1f469}\r\nb\rc \u{9b}\u{202e}\0".as_bytes();
        let body = [body, b"\x80\xf0\x9f\x91 \xe2\x80"].concat();
        let shown = |pieces: &[&[u8]]| {
            let (mut screened, mut out) = (Screened::default(), String::new());
            for piece in pieces {
                screened.show(piece, &mut out);
            }
            screened.end(&mut out);
            out
        };
        let whole =
            "caf\u{e9} \u{1f469}\r\nb\\u{d}c \\u{9b}\\u{202e}\\u{0}\\x80\\xf0\\x9f\\x91 \\xe2\\x80";
        assert_eq!(shown(&[&body]), whole);
        for cut in 0..=body.len() {
            assert_eq!(shown(&[&body[..cut], &body[cut..]]), whole, "{cut}");
        }
        let bytes: Vec<_> = body.chunks(1).collect();
        assert_eq!(shown(&bytes), whole);
    }
}
