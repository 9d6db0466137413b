//! What holds for any bytes and any cut.

use httpool::{
    h1::{Limits, Reuse},
    message::{Body, Method, Request},
};
use quickcheck::{Arbitrary, Gen, QuickCheck};

use crate::driver::{Driver, Seen};

/// Hands `bytes` over in pieces as long as `cuts` says, over and over.
fn read_in_pieces(driver: &mut Driver, mut bytes: &[u8], cuts: &[u8]) {
    let mut cuts = cuts.iter().map(|&cut| usize::from(cut) + 1).cycle();
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at(cuts.next().unwrap_or(usize::MAX).min(bytes.len()));
        driver.read(piece);
        bytes = rest;
    }
}

#[test]
fn what_is_sent_chunked_is_received_whole() {
    fn round_trip(pieces: Vec<Vec<u8>>, end_apart: bool, cuts: Vec<u8>) -> bool {
        let request = Request::post("http://a/").body(Body::Unknown { replayable: false });
        let mut sender = Driver::new(Limits::default());
        sender.send(&request.build().unwrap());
        let mut wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let count = pieces.len();
        for (n, piece) in pieces.iter().enumerate() {
            let framing = sender.conn.send_body(piece.len(), n + 1 == count && !end_apart).unwrap();
            for part in [framing.prefix(), piece, framing.suffix()] {
                wire.extend_from_slice(part);
            }
        }
        wire.extend_from_slice(sender.conn.send_body(0, true).unwrap().suffix());
        assert!(sender.conn.request_sent());

        let mut receiver = Driver::new(Limits::default());
        receiver.send(&Request::get("http://a/").build().unwrap());
        read_in_pieces(&mut receiver, &wire, &cuts);
        let body = pieces.concat();
        let data = (!body.is_empty()).then_some(Seen::Data(body));
        let expected: Vec<_> = data.into_iter().chain([Seen::End("[]".to_owned())]).collect();
        receiver.seen[1..] == expected && receiver.conn.reuse() == Reuse::Ready
    }
    QuickCheck::new().tests(500).quickcheck(round_trip as fn(Vec<Vec<u8>>, bool, Vec<u8>) -> bool);
}

/// Pieces of responses in any order, with a wrong byte now and then.
#[derive(Debug, Clone)]
struct AlmostResponse(Vec<u8>);

impl Arbitrary for AlmostResponse {
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
        let mut bytes = Vec::new();
        for _ in 0..usize::arbitrary(g) % 12 {
            bytes.extend_from_slice(g.choose(PIECES).copied().unwrap_or_default());
        }
        if bool::arbitrary(g) && !bytes.is_empty() {
            let at = usize::arbitrary(g) % bytes.len();
            bytes[at] = u8::arbitrary(g);
        }
        Self(bytes)
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        Box::new(self.0.shrink().map(Self))
    }
}

#[test]
fn any_bytes_mean_the_same_however_they_are_cut() {
    fn same(AlmostResponse(bytes): AlmostResponse, how: u8, tight: bool, cuts: Vec<u8>) -> bool {
        let mut limits = Limits::default();
        if tight {
            limits.head_bytes_max = 40;
            limits.fields_max = 2;
            limits.interim_max = 1;
            limits.chunk_overhead_bytes_max = 5;
        }
        let method = ["GET", "HEAD", "CONNECT", "POST"][usize::from(how % 4)];
        let mut request = Request::builder(Method::new(method).unwrap(), "http://a/");
        if method == "POST" {
            request = request.body(Body::Unknown { replayable: false }).field("Upgrade", "x");
        }
        let request = request.expect_continue(how & 8 > 0).build().unwrap();
        let outcome = |cuts: &[u8]| {
            let mut driver = Driver::new(limits);
            driver.send(&request);
            read_in_pieces(&mut driver, &bytes, cuts);
            let untaken = driver.untaken().to_vec();
            driver.eof(how & 16 > 0);
            let to_send = driver.conn.body_to_send();
            (driver.seen, untaken, driver.conn.reuse(), to_send)
        };
        let whole = outcome(&[]);
        whole == outcome(&[0]) && whole == outcome(&cuts)
    }
    QuickCheck::new()
        .tests(20_000)
        .quickcheck(same as fn(AlmostResponse, u8, bool, Vec<u8>) -> bool);
}

#[test]
fn noise_does_no_harm() {
    fn survives(bytes: Vec<u8>, cuts: Vec<u8>) -> bool {
        let mut driver = Driver::new(Limits::default());
        driver.send(&Request::get("http://a/").build().unwrap());
        read_in_pieces(&mut driver, &bytes, &cuts);
        driver.eof(true);
        driver.seen.last().is_some_and(|last| matches!(last, Seen::Failed(_)))
    }
    QuickCheck::new().tests(2_000).quickcheck(survives as fn(Vec<u8>, Vec<u8>) -> bool);
}

/// The longest head that the default allows, a byte at a time: 64 KiB looked at again for each would
/// be 2 GiB.
#[test]
fn a_long_head_may_come_byte_by_byte() {
    let mut head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n".to_vec();
    for _ in 0..8 {
        head.extend_from_slice(format!("X: {}\r\n", "a".repeat(8_000)).as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    let mut conn = httpool::h1::Connection::new(Limits::default());
    let request = Request::get("http://a/").build().unwrap();
    conn.send_request(&request, false, &mut Vec::new()).unwrap();
    for len in 0..head.len() {
        let (0, httpool::h1::Event::NeedInput) = conn.receive(&head[..len]).unwrap() else {
            panic!("{len}");
        };
    }
    let (taken, httpool::h1::Event::Head(_)) = conn.receive(&head).unwrap() else { panic!() };
    assert_eq!(taken, head.len());
}
