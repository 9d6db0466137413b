//! The buffers of one call, used again by the next.

use std::ops::{Deref, DerefMut};

use httpool::message::ResponseHead;

use httpool_common::Outgoing;

use crate::exchange::Sink;

/// The buffers of one call. A connection has none: there are as many as the most calls that ran at
/// once.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) outgoing: Outgoing,
    pub(crate) incoming: Incoming,
    pub(crate) head: ResponseHead,
}

/// The buffers in a call's hands. A call and its response are moved about: only a pointer goes with
/// them.
#[derive(Debug)]
pub(crate) struct Buffers(Option<Box<Scratch>>);

impl Buffers {
    #[inline]
    pub(crate) fn new(scratch: Box<Scratch>) -> Self {
        Self(Some(scratch))
    }

    /// Takes them from a call that ends.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Box<Scratch>> {
        self.0.take()
    }
}

impl Deref for Buffers {
    type Target = Scratch;

    #[inline]
    fn deref(&self) -> &Scratch {
        self.0.as_deref().expect("taken when the call ends")
    }
}

impl DerefMut for Buffers {
    #[inline]
    fn deref_mut(&mut self) -> &mut Scratch {
        self.0.as_deref_mut().expect("taken when the call ends")
    }
}

/// What was read: first body that the application has not had, then what has not been taken.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    bytes: Vec<u8>,
    /// Body, framing removed, from `body` to `body_end`.
    body: usize,
    body_end: usize,
    /// Not taken, from `at` to `end`.
    at: usize,
    end: usize,
    /// The call has been given something since it last asked for more: it may have more to say.
    news: bool,
}

/// A read this large holds nearly every head with its whole small body.
const FIRST: usize = 16 * 1024;
/// A buffer that grew beyond this for one long head is not kept.
const KEPT_MAX: usize = 128 * 1024;

impl Scratch {
    /// Ready for another attempt, or another call.
    pub(crate) fn clear(&mut self) {
        self.outgoing.clear();
        self.incoming.clear();
    }
}

impl Incoming {
    /// Input that has not been taken.
    #[inline]
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.at..self.end]
    }

    /// Whether the call is to be asked before more is read.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        self.news
    }

    /// The call was given something that did not come by this way.
    #[inline]
    pub(crate) fn renew(&mut self) {
        self.news = true;
    }

    /// The call has asked for more.
    #[inline]
    pub(crate) fn take_last(&mut self, bytes: usize) {
        self.take(bytes);
        self.news = false;
    }

    #[inline]
    pub(crate) fn take(&mut self, bytes: usize) {
        self.at = self.end.min(self.at + bytes);
    }

    /// So much was taken, and its last `len` bytes are body.
    #[inline]
    pub(crate) fn take_body(&mut self, bytes: usize, len: usize) {
        self.take(bytes);
        (self.body, self.body_end) = (self.at.saturating_sub(len), self.at);
    }

    /// Moves body to where it is wanted; says how much, if there was any.
    #[inline]
    pub(crate) fn move_body(&mut self, sink: &mut Sink<'_>) -> Option<usize> {
        let body = &self.bytes[self.body..self.body_end];
        let moved = match sink {
            Sink::Nowhere => 0,
            Sink::Slice(into) => {
                let len = into.len().min(body.len());
                into[..len].copy_from_slice(&body[..len]);
                len
            }
            Sink::Vec(onto) => {
                onto.extend_from_slice(body);
                body.len()
            }
        };
        self.body += moved;
        (moved > 0).then_some(moved)
    }

    #[inline]
    pub(crate) fn has_body(&self) -> bool {
        self.body < self.body_end
    }

    /// Nobody wants the body.
    #[inline]
    pub(crate) fn drop_body(&mut self) {
        self.body = self.body_end;
    }

    /// Room behind the rest, which may be moved for it; there must be no body. Grows when the rest
    /// fills the buffer: a head is taken whole, and the core bounds its length.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        (self.body, self.body_end) = (0, 0);
        if self.at == self.end {
            (self.at, self.end) = (0, 0);
        }
        if self.end == self.bytes.len() {
            if self.at > 0 {
                self.bytes.copy_within(self.at..self.end, 0);
                (self.at, self.end) = (0, self.end - self.at);
            } else {
                let len = (self.bytes.len() * 2).max(FIRST);
                self.bytes.resize(len, 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    /// So many bytes have been put into the room.
    #[inline]
    pub(crate) fn put(&mut self, bytes: usize) {
        self.end = self.bytes.len().min(self.end + bytes);
        self.news = true;
    }

    /// Puts `bytes` behind the rest.
    pub(crate) fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.room();
            let len = bytes.len().min(room.len());
            room[..len].copy_from_slice(&bytes[..len]);
            self.put(len);
            bytes = &bytes[len..];
        }
    }

    fn clear(&mut self) {
        (self.body, self.body_end, self.at, self.end) = (0, 0, 0, 0);
        self.news = false;
        if self.bytes.len() > KEPT_MAX {
            self.bytes = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_and_rest_come_out_in_order() {
        let mut incoming = Incoming::default();
        incoming.append(b"5\r\nhello\r\n0");
        incoming.take_body(8, 5);
        let mut two = [0; 2];
        assert_eq!(incoming.move_body(&mut Sink::Slice(&mut two)), Some(2));
        assert_eq!(&two, b"he");
        let mut all = Vec::new();
        assert_eq!(incoming.move_body(&mut Sink::Vec(&mut all)), Some(3));
        assert_eq!(all, b"llo");
        assert_eq!(incoming.move_body(&mut Sink::Vec(&mut all)), None);
        assert_eq!(incoming.rest(), b"\r\n0");
    }

    #[test]
    fn a_rest_that_fills_the_buffer_makes_it_grow() {
        let mut incoming = Incoming::default();
        let head = vec![b'x'; 3 * FIRST];
        incoming.append(&head);
        assert_eq!(incoming.rest(), head);
    }
}
