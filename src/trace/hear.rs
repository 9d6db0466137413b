//! Prepares received bytes for a recording: keeps heads and framing as they are, and bodies as a
//! count.

use alloc::vec::Vec;
use core::fmt;

use super::{Escaped, Redaction};
use crate::h1::{Connection, Event};

/// The input of a machine, divided into text and body for a recording. Bytes that were presented
/// before, and not consumed, are not recorded again.
pub(crate) struct Heard<'i> {
    input: &'i [u8],
    /// The number of bytes at the front that have already been recorded.
    known: usize,
    /// The number of bytes at the front that have been divided.
    upto: usize,
    parts: Vec<(usize, Part)>,
    /// The number of bytes to present on replay, if fewer than the whole input. Leaves out an
    /// incomplete line; includes the bytes behind the divided ones.
    given: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Lines and chunk framing, recorded as they are.
    Text,
    /// Body data, recorded as a count.
    Body,
}

impl<'i> Heard<'i> {
    /// Divides the input of `conn` into text and body, by parsing it with a copy of `conn`.
    ///
    /// An incomplete field line is not recorded yet, because it may hold a secret. This makes no
    /// difference to the machine, which waits for the end of the line, or has refused the line
    /// already.
    pub(crate) fn by(conn: &Connection, input: &'i [u8], known: usize) -> Self {
        let mut heard = Self::open(input, known);
        if known >= input.len() {
            return heard.text(input.len());
        }
        let mut twin = conn.twin();
        while let Some(rest) = heard.rest().filter(|_| twin.wants_input()) {
            let before = twin.twin();
            let (taken, body) = match twin.receive(rest) {
                Ok((_, Event::NeedInput)) => {
                    heard.add(whole_lines(rest, twin.awaits_head()), Part::Text);
                    heard.given = Some(heard.upto);
                    break;
                }
                Ok((taken, Event::Data(data))) => (taken, data.len()),
                Ok((taken, _)) => (taken, 0),
                Err(_) => (first_wrong(&before, rest), 0),
            };
            heard.add(taken - body, Part::Text);
            heard.add(body, Part::Body);
        }
        heard
    }

    /// Starts with no part of the input divided.
    pub(crate) const fn open(input: &'i [u8], known: usize) -> Self {
        Self { input, known, upto: 0, parts: Vec::new(), given: None }
    }

    /// Marks the next `len` bytes as text, or as many as there are.
    #[must_use]
    pub(crate) fn text(mut self, len: usize) -> Self {
        self.add(len.min(self.input.len() - self.upto), Part::Text);
        self
    }

    /// Divides the next bytes as `other` did: its first `len` bytes, or all of it, after which no
    /// more is divided.
    pub(crate) fn extend(&mut self, other: &Heard<'_>, len: Option<usize>) {
        let mut left = len.unwrap_or(other.upto);
        for &(part_len, part) in &other.parts {
            self.add(part_len.min(left), part);
            left -= part_len.min(left);
        }
        if len.is_none() && other.given == Some(other.upto) {
            self.given = Some(self.upto);
        }
    }

    /// Returns how many bytes will have been recorded after this.
    pub(crate) fn known_now(&self) -> usize {
        self.known.max(self.upto)
    }

    /// Writes how many bytes to present on replay, then the bytes that are new.
    pub(crate) fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.given.unwrap_or(self.input.len()))?;
        if self.upto > self.known {
            f.write_str(" ")?;
        }
        let mut at = 0;
        for (len, part) in &self.parts {
            let (all, known) = (&self.input[at..at + len], self.known.saturating_sub(at));
            let new = all.get(known..).unwrap_or_default();
            at += len;
            match part {
                _ if new.is_empty() => {}
                Part::Text => redaction.write_new_lines(all, known, f)?,
                Part::Body if redaction.bodies => write!(f, "{}", Escaped(new))?,
                Part::Body => write!(f, "{{{}}}", new.len())?,
            }
        }
        Ok(())
    }

    fn rest(&self) -> Option<&'i [u8]> {
        self.input.get(self.upto..).filter(|rest| !rest.is_empty())
    }

    fn add(&mut self, len: usize, part: Part) {
        self.upto += len;
        match self.parts.last_mut() {
            Some((last, same)) if *same == part => *last += len,
            _ => self.parts.push((len, part)),
        }
    }
}

/// Returns the length of the complete lines in an incomplete section. A status line is recorded as
/// it arrives.
fn whole_lines(rest: &[u8], head: bool) -> usize {
    match rest.iter().rposition(|&byte| byte == b'\n') {
        Some(last) => last + 1,
        None if head => rest.len(),
        None => 0,
    }
}

/// Returns the length of the shortest prefix of `input` that `conn` refuses.
fn first_wrong(conn: &Connection, input: &[u8]) -> usize {
    let wrong = |len: usize| conn.twin().receive(&input[..len]).is_err();
    let (mut fine, mut refused) = (0, input.len());
    while refused - fine > 1 {
        let middle = fine + (refused - fine) / 2;
        if wrong(middle) {
            refused = middle;
        } else {
            fine = middle;
        }
    }
    refused
}

#[cfg(test)]
mod tests {
    use alloc::{
        format,
        string::{String, ToString},
    };

    use super::*;
    use crate::{h1::Target, limits::MessageLimits, message::Request};

    struct Text<'a>(&'a Heard<'a>);

    impl fmt::Display for Text<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.write(&Redaction::default(), f)
        }
    }

    fn asked() -> Connection {
        let mut conn = Connection::new(MessageLimits::default());
        let request = Request::get("http://a/").build().unwrap();
        conn.send_request(&request, Target::Origin, &mut Vec::new()).unwrap();
        conn
    }

    fn heard(input: &[u8], known: usize) -> String {
        Text(&Heard::by(&asked(), input, known)).to_string()
    }

    #[test]
    fn framing_stays_and_bodies_are_counted() {
        let input = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nTransfer-Encoding: chunked\r\n\r\n\
            5\r\nhello\r\n3;x\r\nbye\r\n0\r\nCookie: c\r\n\r\nmore";
        assert_eq!(
            heard(input, 0),
            format!(
                "{} HTTP/1.1 200 OK\\r\\nSet-Cookie:****\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n\
                 5\\r\\n{{5}}\\r\\n3;x\\r\\n{{3}}\\r\\n0\\r\\nCookie:**\\r\\n\\r\\n",
                input.len()
            )
        );
        assert_eq!(heard(input, input.len() - 6), format!("{} \\r\\n", input.len()));
        assert_eq!(heard(input, input.len() - 4), input.len().to_string());
    }

    #[test]
    fn a_line_is_recorded_when_it_is_whole() {
        let input = b"HTTP/1.1 204 No Content\r\nLocation: http://user:pa";
        assert_eq!(heard(input, 0), "25 HTTP/1.1 204 No Content\\r\\n");
        assert_eq!(heard(&input[..10], 0), "10 HTTP/1.1 2");
        assert_eq!(heard(input, 10), "25 04 No Content\\r\\n");
    }

    #[test]
    fn what_is_refused_stays_to_the_byte_that_is_wrong() {
        assert_eq!(heard(b"HTTP/1.1 2x0 secret", 0), "19 HTTP/1.1 2x");
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabcd";
        assert!(heard(chunked, 0).ends_with("\\r\\n\\r\\n1\\r\\n{1}b"));
        let both = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\nab";
        assert!(heard(both, 0).ends_with("Length: 1\\r\\n\\r\\n"));
    }
}
