//! Bodies one after the other, as one body.

use std::io;

use bytes::Bytes;
use httpool::message::{BodyLeft, BodyLength};

use super::{Body, EndedEarly, Piece};

/// Bodies that are sent one after the other.
#[derive(Debug)]
pub(super) struct Chain {
    links: Vec<Body>,
    /// The link that is being sent, and the number of its bytes that were given.
    at: usize,
    given: u64,
}

impl Chain {
    pub(super) fn new(bodies: impl IntoIterator<Item = Body>) -> Self {
        Self { links: bodies.into_iter().collect(), at: 0, given: 0 }
    }

    pub(super) fn length(&self) -> BodyLength {
        let replayable = self.links.iter().all(|link| match link.length() {
            BodyLength::Empty => true,
            BodyLength::Known { replayable, .. } | BodyLength::Unknown { replayable } => replayable,
        });
        let len = self.links.iter().try_fold(0_u64, |sum, link| sum.checked_add(len_of(link)?));
        match len {
            Some(len) => BodyLength::Known { len, replayable },
            None => BodyLength::Unknown { replayable },
        }
    }

    /// Reads the next piece, which is of one link.
    pub(super) fn next(&mut self, max: BodyLeft, buffer: &mut Vec<u8>) -> io::Result<Piece> {
        while let Some(link) = self.links.get_mut(self.at) {
            let len = len_of(link);
            let left = match len {
                Some(len) => {
                    let left = len.saturating_sub(self.given);
                    BodyLeft::Bytes(left.min(max.within(usize::MAX) as u64))
                }
                None => max,
            };
            if len.is_some_and(|len| len <= self.given) {
                self.go_on();
                continue;
            }
            let piece = link.next(left, buffer)?;
            let (now, ends) = match &piece {
                Piece::Bytes(bytes, last) => (bytes.len(), *last),
                Piece::Read(read) => (*read, *read == 0),
            };
            self.given += now as u64;
            match len {
                Some(expected) if ends && self.given < expected => {
                    let early = EndedEarly { expected, got: self.given };
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, early));
                }
                Some(expected) if self.given >= expected => self.go_on(),
                None if ends => self.go_on(),
                Some(_) | None => {}
            }
            if now > 0 {
                return Ok(match piece {
                    Piece::Bytes(bytes, _) => Piece::Bytes(bytes, self.has_ended()),
                    Piece::Read(read) => Piece::Read(read),
                });
            }
        }
        Ok(Piece::Bytes(Bytes::new(), true))
    }

    /// Rewinds every link. Returns whether that was possible.
    pub(super) fn rewind(&mut self) -> bool {
        (self.at, self.given) = (0, 0);
        self.links.iter_mut().all(Body::rewind)
    }

    fn go_on(&mut self) {
        (self.at, self.given) = (self.at + 1, 0);
    }

    /// Returns whether the links behind the last piece are known to have no bytes.
    fn has_ended(&self) -> bool {
        let rest = self.links.get(self.at..).unwrap_or_default();
        self.given == 0 && rest.iter().all(|link| len_of(link) == Some(0))
    }
}

/// Returns the length of a body, if it is known.
pub(super) fn len_of(body: &Body) -> Option<u64> {
    match body.length() {
        BodyLength::Empty => Some(0),
        BodyLength::Known { len, .. } => Some(len),
        BodyLength::Unknown { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;

    fn sized(text: &'static str, len: u64) -> Body {
        Body::sized_reader(Cursor::new(text), len)
    }

    /// Reads all of `body`, with at most `room` bytes asked for at a time where its length is not
    /// known, and a buffer of `room` bytes.
    fn all(body: &mut Body, room: usize) -> io::Result<String> {
        let (mut text, mut buffer) = (Vec::new(), vec![0; room]);
        let mut left = match body.length() {
            BodyLength::Empty => BodyLeft::NONE,
            BodyLength::Known { len, .. } => BodyLeft::Bytes(len),
            BodyLength::Unknown { .. } => BodyLeft::Unknown,
        };
        loop {
            let piece = body.next(left, &mut buffer)?;
            let (len, last) = piece.extent(left);
            match piece {
                Piece::Bytes(bytes, _) => text.extend_from_slice(&bytes),
                Piece::Read(read) => text.extend_from_slice(&buffer[..read]),
            }
            if let BodyLeft::Bytes(left) = &mut left {
                *left = left.checked_sub(len as u64).expect("no more than was asked for");
            }
            if last || left.is_none() {
                return Ok(String::from_utf8(text).unwrap());
            }
            assert!(len > 0, "a piece that is not the last has bytes");
        }
    }

    #[test]
    fn bodies_are_sent_in_order_whatever_the_room() {
        for room in 1..12 {
            let mut body = Body::chain([
                Body::from("head "),
                Body::empty(),
                sized("reader beyond", 6),
                Body::from(""),
                Body::seekable(Cursor::new(" seek")).unwrap(),
            ]);
            let kind = BodyLength::Known { len: 16, replayable: false };
            assert_eq!(body.length(), kind);
            assert_eq!(all(&mut body, room).unwrap(), "head reader seek");
            assert!(!body.rewind());
        }
    }

    #[test]
    fn a_watch_is_told_of_each_piece_and_of_a_new_beginning() {
        let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let log = told.clone();
        let parts = [Body::from("ab"), Body::seekable(Cursor::new("cde")).unwrap()];
        let mut body = Body::chain(parts)
            .on_progress(move |sent, total| log.lock().unwrap().push((sent, total)));
        for _ in 0..2 {
            assert_eq!(all(&mut body, 2).unwrap(), "abcde");
            assert!(body.rewind());
            let told = std::mem::take(&mut *told.lock().unwrap());
            assert_eq!(told, [2, 4, 5, 0].map(|sent| (sent, Some(5))));
        }
        let log = told.clone();
        let mut once = Body::reader(Cursor::new("ab"))
            .on_progress(move |sent, total| log.lock().unwrap().push((sent, total)));
        assert_eq!(all(&mut once, 2).unwrap(), "ab");
        assert!(!once.rewind(), "it can be read once");
        assert!(told.lock().unwrap().iter().all(|told| *told == (2, None)), "{told:?}");
    }

    #[test]
    fn one_body_of_unknown_length_makes_the_length_unknown() {
        for room in 1..12 {
            let mut body = Body::chain([
                Body::from("a"),
                Body::reader(Cursor::new("bcdef").chain(Cursor::new("g"))),
                Body::reader(Cursor::new("")),
                Body::from("h"),
                Body::from(""),
            ]);
            assert_eq!(body.length(), BodyLength::Unknown { replayable: false });
            assert_eq!(all(&mut body, room).unwrap(), "abcdefgh");
        }
    }

    #[test]
    fn what_can_be_rewound_is_sent_again_whole_from_any_point() {
        let mut body =
            Body::chain([Body::from("ab"), Body::seekable(Cursor::new("cd")).unwrap(), "e".into()]);
        assert_eq!(body.length(), BodyLength::Known { len: 5, replayable: true });
        for pieces in 0..4 {
            let mut left = 5;
            for _ in 0..pieces {
                let piece = body.next(BodyLeft::Bytes(left), &mut vec![0; 1]).unwrap();
                left -= piece.extent(BodyLeft::Bytes(left)).0 as u64;
            }
            assert!(body.rewind());
            assert_eq!(all(&mut body, 7).unwrap(), "abcde");
            assert!(body.rewind());
        }
    }

    #[test]
    fn a_link_that_ends_before_its_length_is_an_error_and_not_filled_from_the_next() {
        let mut body = Body::chain([sized("abc", 5), Body::from("xyz")]);
        let error = all(&mut body, 8).unwrap_err();
        let early: &EndedEarly = error.get_ref().unwrap().downcast_ref().unwrap();
        assert_eq!(*early, EndedEarly { expected: 5, got: 3 });
    }
}
