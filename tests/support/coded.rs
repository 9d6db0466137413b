//! Bodies with content codings, and responses that have them.

use std::iter;

use super::{Received, Server};

/// "hello" in each coding.
pub(crate) fn hello(coding: &str) -> Vec<u8> {
    match coding {
        "gzip" | "x-gzip" => gzip(b"hello"),
        "deflate" => zlib(b"hello"),
        // Without the header that RFC 9110 requires.
        "raw deflate" => miniz_oxide::deflate::compress_to_vec(b"hello", 6),
        "br" => b"\x0b\x02\x80hello\x03".to_vec(),
        "zstd" => b"\x28\xb5\x2f\xfd\x24\x05\x29\0\0hello\xa3\x6d\x9f\x88".to_vec(),
        other => panic!("{other} is no coding"),
    }
}

/// Encodes a member of gzip.
pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut member = b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec();
    member.extend(miniz_oxide::deflate::compress_to_vec(data, 6));
    member.extend(crc32fast::hash(data).to_le_bytes());
    member.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    member
}

pub(crate) fn zlib(data: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(data, 6)
}

/// A gzip header with stored blocks of `pieces`, each of which ends where a server would flush: all
/// but the trailer, and the trailer.
pub(crate) fn flushed(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let block = |piece: &&[u8]| {
        let len = u16::try_from(piece.len()).unwrap();
        [&[0][..], &len.to_le_bytes(), &(!len).to_le_bytes(), piece].concat()
    };
    let header = b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec();
    let mut blocks: Vec<Vec<u8>> = pieces.iter().map(block).collect();
    blocks[0] = [header, blocks[0].clone()].concat();
    let whole = pieces.concat();
    let mut end = b"\x01\0\0\xff\xff".to_vec();
    end.extend(crc32fast::hash(&whole).to_le_bytes());
    end.extend(u32::try_from(whole.len()).unwrap().to_le_bytes());
    (blocks, end)
}

/// Returns a response with these header lines, each with its line end, and this body.
pub(crate) fn response(status: u16, fields: &str, body: &[u8]) -> Vec<u8> {
    let len = body.len();
    let head = format!("HTTP/1.1 {status} S\r\n{fields}Content-Length: {len}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Returns a 200 with a body that has these codings.
pub(crate) fn coded(codings: &str, body: &[u8]) -> Vec<u8> {
    response(200, &format!("Content-Encoding: {codings}\r\n"), body)
}

/// A 200 with a chunked body, in pieces of `piece` bytes.
pub(crate) fn chunked(codings: &str, body: &[u8], piece: usize) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 S\r\nContent-Encoding: {codings}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let chunk =
        |piece: &[u8]| [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
    let chunks = body.chunks(piece).map(chunk);
    iter::once(head.into_bytes()).chain(chunks).chain([b"0\r\n\r\n".to_vec()]).flatten().collect()
}

/// A response, and the body that a client gets of it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) answer: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

/// Responses whose bodies are decoded, or handed over as they came. The connection can be kept
/// after each.
pub(crate) fn usable() -> Vec<Case> {
    let case = |name, answer, body: &[u8]| Case { name, answer, body: body.to_vec() };
    let two = [gzip(b"hel"), gzip(b"lo")].concat();
    let (gzipped, both) = (hello("gzip"), zlib(&hello("gzip")));
    let mut cases: Vec<Case> = ["gzip", "x-gzip", "deflate", "br", "zstd"]
        .map(|name| case(name, coded(name, &hello(name)), b"hello"))
        .into();
    cases.extend([
        case("raw deflate", coded("deflate", &hello("raw deflate")), b"hello"),
        case("upper case", coded("GZip", &gzipped), b"hello"),
        case("two members", coded("gzip", &two), b"hello"),
        case("two codings", coded("gzip, deflate", &both), b"hello"),
        case(
            "two fields",
            response(200, "Content-Encoding: gzip\r\nContent-Encoding: deflate\r\n", &both),
            b"hello",
        ),
        case("identity", coded("identity, gzip", &gzipped), b"hello"),
        case("in chunks", chunked("gzip", &gzipped, 3), b"hello"),
        case("an empty body", coded("gzip", b""), b""),
        case("no chunks", chunked("gzip", b"", 1), b""),
        case("unknown", coded("lzw", &gzipped), &gzipped),
        case("unknown in a list", coded("gzip, lzw", &gzipped), &gzipped),
        case("a range", response(206, "Content-Encoding: gzip\r\n", &gzipped), &gzipped),
        case("204", b"HTTP/1.1 204 S\r\nContent-Encoding: gzip\r\n\r\n".to_vec(), b""),
        case("304", b"HTTP/1.1 304 S\r\nContent-Encoding: gzip\r\n\r\n".to_vec(), b""),
    ]);
    cases
}

/// A response whose body cannot be decoded.
pub(crate) struct Broken {
    pub(crate) name: &'static str,
    pub(crate) answer: Vec<u8>,
    /// The part of the message that says what is wrong, and where.
    pub(crate) says: &'static str,
}

pub(crate) fn broken() -> Vec<Broken> {
    let case = |name, answer, says| Broken { name, answer, says };
    let whole = gzip(&[b'a'; 100]);
    let mut wrong_crc = whole.clone();
    let crc = wrong_crc.len() - 8;
    wrong_crc[crc] ^= 1;
    let cut = &whole[..whole.len() - 1];
    let six = "gzip, gzip, gzip, gzip, gzip, gzip";
    vec![
        case("no gzip", coded("gzip", b"hello"), "gzip coding, at byte 0: the header is wrong"),
        case("cut short", coded("gzip", cut), "the body is cut short"),
        case("cut short in chunks", chunked("gzip", cut, 5), "the body is cut short"),
        case("a wrong checksum", coded("gzip", &wrong_crc), "the checksum is wrong"),
        case("bytes behind br", coded("br", &[&hello("br")[..], b"x"].concat()), "behind the end"),
        case("cut br", coded("br", &hello("br")[..6]), "the body is cut short"),
        case("cut zstd", coded("zstd", &hello("zstd")[..12]), "the body is cut short"),
        case("six codings", coded(six, &whole), "more than 5 codings"),
    ]
}

/// A server that answers a target `/N` with the `N`th of these.
pub(crate) fn answering(answers: Vec<Vec<u8>>) -> Server {
    Server::replying(move |request: &Received| {
        let at: usize = request.target().trim_start_matches('/').parse().unwrap();
        answers[at].clone()
    })
}
