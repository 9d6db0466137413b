//! Writes the servers' answers.

use std::io::Write;

use super::{Finish, Framing, OriginPlan, Reply, marks::Mark, parse::Asked, stage::Stage};

/// Returns the byte at offset `at` of an answer's body. It differs between calls and serial
/// numbers.
pub(super) const fn answer_byte(call: u32, serial: u32, at: u32) -> u8 {
    (call.wrapping_mul(61) ^ serial.wrapping_mul(89) ^ at.wrapping_mul(167)) as u8
}

/// Returns the byte at offset `at` of a request's body. It differs between calls.
pub(super) const fn request_byte(call: u32, at: u32) -> u8 {
    (call.wrapping_mul(43) ^ at.wrapping_mul(29) ^ 0x55) as u8
}

/// The call number that unsolicited responses carry.
pub(super) const POISON: u32 = u32::MAX;

/// The first bytes of the other protocol after an upgrade.
pub(super) const UPGRADED: &[u8] = b"and now for something different";

/// Describes the bytes of a written answer.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The offset of the first unsolicited byte, if any.
    pub(super) poison: Option<usize>,
    /// The length of the head, including the interim responses before it.
    pub(super) head: usize,
    /// Whether the answer has a body.
    pub(super) has_body: bool,
    /// The length of the answer, without the unsolicited bytes after it.
    pub(super) len: usize,
}

/// Whether an answer has a body.
pub(super) const fn has_body(reply: &Reply, is_head: bool) -> bool {
    !is_head && !matches!(reply.status, 100..=199 | 204 | 304)
}

/// Appends a complete answer to `out`. A `coded` one claims to have a content coding.
pub(super) fn write(
    reply: &Reply,
    asked: &Asked,
    serial: u32,
    announce: bool,
    coded: bool,
    origins: &[OriginPlan],
    out: &mut Vec<u8>,
) -> Written {
    let start = out.len();
    let mut written = Written { has_body: has_body(reply, asked.is_head), ..Written::default() };
    if reply.finish == Finish::Malformed {
        out.extend_from_slice(b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n");
        written.len = out.len() - start;
        return written;
    }
    for _ in 0..reply.interim {
        out.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    }
    let (call, len, status) = (asked.call, reply.len, reply.status);
    let minor = u8::from(reply.framing != Framing::Old);
    // Writing to a `Vec` cannot fail.
    let mut line = |args: std::fmt::Arguments<'_>| out.write_fmt(args).unwrap_or_default();
    line(format_args!("HTTP/1.{minor} {status} X\r\nX-Id: {call}\r\nX-Serial: {serial}\r\n"));
    if status == 101 {
        line(format_args!("Connection: Upgrade\r\nUpgrade: x\r\n\r\n"));
        out.extend_from_slice(UPGRADED);
        written.len = out.len() - start;
        return written;
    }
    if let Some(seconds) = reply.retry_after {
        line(format_args!("Retry-After: {seconds}\r\n"));
    }
    if let Some(to) = reply.redirect {
        line(format_args!("Location: {}/r/{call}/{}\r\n", origins[to].url, asked.hop + 1));
    }
    if announce {
        line(format_args!("Connection: close\r\n"));
    }
    if coded {
        line(format_args!("Content-Encoding: gzip\r\n"));
    }
    let carries = !matches!(status, 204 | 304);
    match reply.framing {
        Framing::Length | Framing::Old if carries => {
            line(format_args!("Content-Length: {len}\r\n"));
        }
        Framing::Chunked if carries => line(format_args!("Transfer-Encoding: chunked\r\n")),
        _ => {}
    }
    out.extend_from_slice(b"\r\n");
    written.head = out.len() - start;
    if written.has_body {
        body(reply, call, serial, out);
    }
    written.len = out.len() - start;
    // Nothing can follow a body that ends with the connection.
    let open = reply.framing == Framing::Close && written.has_body;
    match reply.finish {
        _ if open => {}
        Finish::Second => {
            written.poison = Some(out.len() - start);
            unasked(out);
        }
        Finish::Garbage => {
            written.poison = Some(out.len() - start);
            out.extend_from_slice(b"\0\xffgarbage");
        }
        _ => {}
    }
    written
}

/// Appends an unsolicited response.
pub(super) fn unasked(out: &mut Vec<u8>) {
    out.write_fmt(format_args!(
        "HTTP/1.1 200 X\r\nX-Id: {POISON}\r\nContent-Length: 6\r\n\r\npoison"
    ))
    .unwrap_or_default();
}

fn body(reply: &Reply, call: u32, serial: u32, out: &mut Vec<u8>) {
    let bytes = |from: u32, to: u32| (from..to).map(|at| answer_byte(call, serial, at));
    if reply.framing != Framing::Chunked {
        out.extend(bytes(0, reply.len));
        return;
    }
    let at_end = reply.len.is_multiple_of(3);
    let (mut at, mut piece) = (0, 1 + serial % 7);
    while at < reply.len {
        let end = reply.len.min(at + piece);
        out.write_fmt(format_args!("{:x}", end - at)).unwrap_or_default();
        extension(if at == 0 && !at_end { reply.padding } else { 0 }, out);
        out.extend(bytes(at, end));
        out.extend_from_slice(b"\r\n");
        (at, piece) = (end, piece * 4);
    }
    let trailer: &[u8] = if reply.len % 2 == 1 { b"X-Sum: 1\r\n" } else { b"" };
    out.push(b'0');
    extension(if at_end { reply.padding } else { 0 }, out);
    out.extend_from_slice(trailer);
    out.extend_from_slice(b"\r\n");
}

/// Appends the end of a chunk's first line, with an extension of `len` bytes.
fn extension(len: u32, out: &mut Vec<u8>) {
    if len > 0 {
        out.extend_from_slice(b";e=");
        out.extend((0..len).map(|_| b'x'));
    }
    out.extend_from_slice(b"\r\n");
}

/// Counts the faults of this answer in the coverage of the worlds.
pub(super) fn mark(stage: &mut Stage, reply: &Reply) {
    if reply.slow.is_some() {
        let drips_framing = reply.padding > 0 && reply.framing == Framing::Chunked;
        stage.mark(if drips_framing { Mark::FaultPadding } else { Mark::FaultSlow });
    }
    let mark = match reply.finish {
        Finish::Keep | Finish::Close => return,
        Finish::CloseUnannounced => Mark::FaultUnannounced,
        Finish::Second => Mark::FaultSecond,
        Finish::Garbage => Mark::FaultGarbage,
        Finish::Die => Mark::FaultDie,
        Finish::DieReset => Mark::FaultDieReset,
        Finish::Silent => Mark::FaultSilent,
        Finish::Cut(_) => Mark::FaultCut,
        Finish::CutReset(_) => Mark::FaultCutReset,
        Finish::Stall(_) => Mark::FaultStall,
        Finish::Malformed => Mark::FaultMalformed,
    };
    stage.mark(mark);
}
