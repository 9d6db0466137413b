//! Readers that make the bytes of a body: from a factory, and from an iterator.

use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;

/// A reader that is made anew each time that it is set back to its start.
pub(super) struct Made<F, R> {
    make: F,
    reader: Option<R>,
}

impl<R: Read, F: FnMut() -> io::Result<R>> Made<F, R> {
    pub(super) const fn new(make: F) -> Self {
        Self { make, reader: None }
    }
}

impl<R: Read, F: FnMut() -> io::Result<R>> Read for Made<F, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert((self.make)()?),
        };
        reader.read(into)
    }
}

/// A body only ever seeks its start.
impl<R: Read, F: FnMut() -> io::Result<R>> Seek for Made<F, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        if to != SeekFrom::Start(0) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.reader = None;
        Ok(0)
    }
}

/// Reads the pieces of an iterator, none of more than one in a read.
pub(super) struct Pieces<I> {
    pieces: I,
    piece: Bytes,
}

impl<I> Pieces<I> {
    pub(super) const fn new(pieces: I) -> Self {
        Self { pieces, piece: Bytes::new() }
    }
}

impl<I: Iterator<Item: Into<Bytes>>> Read for Pieces<I> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.next() {
                Some(piece) => self.piece = piece.into(),
                None => return Ok(0),
            }
        }
        let read = self.piece.len().min(into.len());
        into[..read].copy_from_slice(&self.piece.split_to(read));
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factory_makes_a_reader_for_each_time_that_the_body_is_read() {
        let mut made = 0;
        let mut reader = Made::new(|| {
            made += 1;
            if made == 3 { Err(io::Error::other("no more")) } else { Ok(io::Cursor::new("abc")) }
        });
        for _ in 0..2 {
            let mut all = String::new();
            reader.read_to_string(&mut all).unwrap();
            assert_eq!(all, "abc");
            reader.rewind().unwrap();
        }
        assert_eq!(reader.read(&mut [0; 9]).unwrap_err().to_string(), "no more");
        assert!(reader.seek(SeekFrom::Start(1)).is_err());
    }

    #[test]
    fn no_read_joins_two_pieces_and_empty_ones_are_skipped() {
        let mut reader = Pieces::new(["abc", "", "d", ""].into_iter());
        let (mut two, mut reads) = ([0; 2], Vec::new());
        loop {
            match reader.read(&mut two).unwrap() {
                0 => break,
                read => reads.push(String::from_utf8_lossy(&two[..read]).into_owned()),
            }
        }
        assert_eq!(reads, ["ab", "c", "d"]);
    }
}
