//! Checks that a response is read the same, however its bytes are split.

use httpool::{
    h1::Reuse,
    limits::MessageLimits,
    message::{BodyLeft, BodyLength, Method, Request},
};
use quickcheck::{Arbitrary, Gen};

use super::{
    reader::{Reader, Seen},
    source::Source,
};

/// Reads any bytes as responses. It must not panic, must make progress and keep to the limits. The
/// result must be the same for whole input, single bytes, and the script's pieces. No byte may be
/// lost or taken twice.
pub fn h1_receive(data: &[u8]) {
    Received::decode(&mut Source::new(data)).hold();
}

/// The bytes that a peer sends in answer to one request.
#[derive(Debug, Clone)]
pub struct Received {
    method: &'static str,
    expect: bool,
    upgrade: bool,
    /// Whether the limits are so low that the input exceeds them.
    tight: bool,
    clean: bool,
    cuts: Vec<u8>,
    wire: Vec<u8>,
}

impl Received {
    /// Decodes a byte for the request, a length and that many cuts, and then the peer's bytes.
    pub fn decode(source: &mut Source<'_>) -> Self {
        let how = source.byte();
        Self {
            method: ["GET", "HEAD", "CONNECT", "POST"][usize::from(how & 3)],
            expect: how & 4 > 0,
            upgrade: how & 8 > 0,
            tight: how & 16 > 0,
            clean: how & 32 == 0,
            cuts: source.bytes().to_vec(),
            wire: source.rest().to_vec(),
        }
    }

    /// Panics if the property does not hold.
    pub fn hold(&self) {
        let whole = self.read(&[]);
        assert_eq!(whole, self.read(&[0]), "byte by byte");
        assert_eq!(whole, self.read(&self.cuts), "cut as the script says");
        let (seen, untaken, _, _) = whole;
        let heads = seen.iter().filter(|seen| matches!(seen, Seen::Head { .. })).count();
        let ends = seen.iter().filter(|seen| matches!(seen, Seen::End(_))).count();
        assert!(heads <= 1 && ends <= heads, "one response: {seen:?}");
        assert!(self.wire.ends_with(&untaken), "what is left is the end of what came");
    }

    fn read(&self, cuts: &[u8]) -> (Vec<Seen>, Vec<u8>, Reuse, Option<BodyLeft>) {
        let mut limits = MessageLimits::default();
        if self.tight {
            limits.head_bytes_max = 40;
            limits.fields_max = 2;
            limits.interim_max = 1;
            limits.chunk_overhead_bytes_max = 5;
        }
        let mut reader = Reader::new(limits);
        reader.send(&self.request());
        reader.read_in_pieces(&self.wire, cuts);
        let untaken = reader.untaken().to_vec();
        reader.eof(self.clean);
        let conn = &reader.conn;
        (reader.seen.clone(), untaken, conn.reuse(), conn.body_to_send())
    }

    fn request(&self) -> Request {
        let method = Method::new(self.method).expect("a token");
        let mut request = Request::builder(method, "http://a/").expect_continue(self.expect);
        if self.method == "POST" {
            request = request.body(BodyLength::Unknown { replayable: false });
        }
        if self.upgrade {
            request = request.header("Upgrade", "x");
        }
        request.build().expect("nothing is wrong with it")
    }
}

/// Draws pieces of responses in any order, sometimes with a wrong byte.
impl Arbitrary for Received {
    fn arbitrary(g: &mut Gen) -> Self {
        const PIECES: &[&[u8]] = &[
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.0 204\n\n",
            b"HTTP/1.3 304 Not Modified\r\n",
            b"HTTP/1.1 101 x\r\n",
            b"HTTP/1.1 ",
            b"Content-Length: 3\r\n",
            b"Content-Length: 3, 4\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Connection: close\r\n",
            b"A:\n",
            b"B: c\r\n",
            b"\r\n",
            b"\n",
            b"\r",
            b"3\r\nabc\r\n",
            b"00000001;x=y\r\n!\r\n",
            b"0\r\n\r\n",
            b"0\r\nTrailer: x\r\n\r\n",
            b"ffffffffffffffffff\r\n",
            b"abc",
            b"\0",
        ];
        let mut wire = Vec::new();
        for _ in 0..usize::arbitrary(g) % 12 {
            wire.extend_from_slice(g.choose(PIECES).copied().unwrap_or_default());
        }
        if bool::arbitrary(g) && !wire.is_empty() {
            let at = usize::arbitrary(g) % wire.len();
            wire[at] = u8::arbitrary(g);
        }
        let mut cuts = Vec::<u8>::arbitrary(g);
        cuts.truncate(8);
        let how = [u8::arbitrary(g)];
        Self { cuts, wire, ..Self::decode(&mut Source::new(&how)) }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let this = self.clone();
        let pairs = (self.wire.clone(), self.cuts.clone()).shrink();
        Box::new(pairs.map(move |(wire, cuts)| Self { wire, cuts, ..this.clone() }))
    }
}
