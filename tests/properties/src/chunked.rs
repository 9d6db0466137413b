//! Checks that a body sent chunked is received unchanged.

use httpool::{
    h1::Reuse,
    limits::MessageLimits,
    message::{BodyLength, Request},
};
use quickcheck::{Arbitrary, Gen};

use super::{
    reader::{Reader, Seen},
    request::trim,
    source::{Source, random_bytes, shorter},
};

/// Sends a body with [`httpool::h1::Connection::send_body`], in any pieces and with any trailers,
/// and reads it back. The received body must be the same, however the bytes are split and the chunk
/// sizes are padded.
pub fn chunked_roundtrip(data: &[u8]) {
    Chunks::decode(&mut Source::new(data)).hold();
}

/// A body in pieces.
#[derive(Debug, Clone)]
pub struct Chunks {
    /// Whether the end is announced by an empty piece, not with the last one.
    end_apart: bool,
    /// How each chunk size is padded; see [`padded`].
    padding: u8,
    trailers: Vec<(String, Vec<u8>)>,
    cuts: Vec<u8>,
    pieces: Vec<Vec<u8>>,
}

impl Chunks {
    /// Decodes a byte of flags, cuts, up to three trailers, and then pieces, each a length and its
    /// bytes.
    pub fn decode(source: &mut Source<'_>) -> Self {
        let flags = source.byte();
        let cuts = source.bytes().to_vec();
        let trailers = (0..flags >> 1 & 3).map(|_| (source.text(), source.bytes().to_vec()));
        let trailers = trailers.collect();
        let mut pieces = Vec::new();
        while !source.is_empty() {
            pieces.push(source.bytes().to_vec());
        }
        Self { end_apart: flags & 1 == 1, padding: flags >> 3, trailers, cuts, pieces }
    }

    /// Panics if the property does not hold.
    pub fn hold(&self) {
        let (wire, trailers) = self.encode();
        let mut receiver = Reader::new(MessageLimits::default());
        receiver.send(&Request::get("http://a/").build().expect("nothing is wrong with it"));
        receiver.read_in_pieces(&wire, &self.cuts);
        let body = self.pieces.concat();
        let data = (!body.is_empty()).then_some(Seen::Data(body));
        let expected: Vec<_> = data.into_iter().chain([Seen::End(trailers)]).collect();
        assert_eq!(receiver.seen[1..], expected);
        assert_eq!(receiver.conn.reuse(), Reuse::Ready);
        assert!(receiver.untaken().is_empty());
    }

    /// Encodes the body as a chunked response. Returns its bytes, and the trailers as text.
    fn encode(&self) -> (Vec<u8>, String) {
        let request = Request::post("http://a/").body(BodyLength::Unknown { replayable: false });
        let mut sender = Reader::new(MessageLimits::default());
        sender.send(&request.build().expect("nothing is wrong with it"));
        let conn = &mut sender.conn;
        let mut wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let count = self.pieces.len();
        for (n, piece) in self.pieces.iter().enumerate() {
            let last = n + 1 == count && !self.end_apart;
            let framing = conn.send_body(piece.len(), last).expect("the body goes on");
            let size = padded(framing.prefix(), self.padding);
            for part in [&size, &**piece, framing.suffix()] {
                wire.extend_from_slice(part);
            }
        }
        let trailers: Vec<_> =
            self.trailers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let before = wire.len();
        if !conn.request_sent() && conn.send_trailers(&trailers, &mut wire).is_ok() {
            assert!(conn.request_sent());
            let lines = wire[before..].split(|&byte| byte == b'\n').count();
            assert_eq!(lines, trailers.len() + 3, "a line for each trailer, and no other");
            let lines: Vec<_> = trailers
                .iter()
                .map(|(name, value)| {
                    let value = trim(value);
                    format!("{name}: {}", value.escape_ascii())
                })
                .collect();
            return (wire, format!("[{}]", lines.join(", ")));
        }
        assert_eq!(wire.len(), before, "what is refused leaves no trace");
        if !conn.request_sent() {
            let end = conn.send_body(0, true).expect("the body has an end");
            wire.extend_from_slice(end.suffix());
        }
        assert!(conn.request_sent());
        (wire, "[]".to_owned())
    }
}

/// Pads a chunk-size line as real servers do: up to 3 zeros before the size, up to 3 blanks after
/// it, and perhaps an extension.
fn padded(line: &[u8], how: u8) -> Vec<u8> {
    let Some(size) = line.strip_suffix(b"\r\n") else { return line.to_vec() };
    let (zeros, blanks) = (usize::from(how & 3), usize::from(how >> 2 & 3));
    let extension: &[u8] = if how & 16 > 0 { b";a" } else { b"" };
    [&b"000"[..zeros], size, &b" \t "[..blanks], extension, b"\r\n"].concat()
}

impl Arbitrary for Chunks {
    fn arbitrary(g: &mut Gen) -> Self {
        let bytes = random_bytes(g);
        Self::decode(&mut Source::new(&bytes))
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        shorter(self, |script| &mut script.pieces)
    }
}
