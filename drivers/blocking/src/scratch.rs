//! The buffers of one call. Later calls reuse them.

use std::{
    collections::VecDeque,
    mem,
    ops::{Deref, DerefMut},
};

use httpool::client::Outbox;
use httpool_kit::{Decoding, Received, WireBuffers};

/// The buffers of one call. Connections have no buffers.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) outgoing: Outbox,
    pub(crate) incoming: Incoming,
    pub(crate) received: Received,
    pub(crate) decoding: Decoding,
    /// Lent to the wire of the connection that the call uses.
    pub(crate) wire: WireBuffers,
}

/// The most unused buffers that are kept: 17 KiB each for usual calls, so 1 MiB in all, and 80 KiB
/// more each for those that have decoded `gzip` or `deflate`. A program
/// with at most that many calls at once allocates no new buffers. With more calls, some buffers are
/// allocated anew, which costs little compared with a call. After a burst of calls no more than
/// this many are kept.
const FREE_MAX: usize = 64;

/// Buffers that no call uses, for the next calls.
#[derive(Debug)]
#[expect(clippy::vec_box, reason = "they go in and out, and that moves a pointer")]
pub(crate) struct FreeList {
    /// Never grows. A list that grew during a burst would lie behind the memory of many calls, and
    /// keep the allocator from returning that memory to the system.
    free: Vec<Box<Scratch>>,
    closed: bool,
}

impl FreeList {
    pub(crate) fn new() -> Self {
        Self { free: Vec::with_capacity(FREE_MAX), closed: false }
    }

    /// Takes buffers for a call, if some are free.
    pub(crate) fn take(&mut self) -> Option<Box<Scratch>> {
        self.free.pop()
    }

    /// Stores the buffers of a call that has ended. If the list is full or closed, returns them,
    /// and the caller drops them.
    pub(crate) fn give(&mut self, scratch: Box<Scratch>) -> Option<Box<Scratch>> {
        if self.closed || self.free.len() == FREE_MAX {
            return Some(scratch);
        }
        self.free.push(scratch);
        None
    }

    /// Closes the list: it stores no buffers from now on. Returns the stored ones, to be dropped.
    pub(crate) fn close(&mut self) -> Self {
        mem::replace(self, Self { free: Vec::new(), closed: true })
    }
}

/// The buffers that a call owns. They are boxed, so that moving a call or a response moves only a
/// pointer.
#[derive(Debug)]
pub(crate) struct Buffers(Option<Box<Scratch>>);

impl Buffers {
    #[inline]
    pub(crate) fn new(scratch: Box<Scratch>) -> Self {
        Self(Some(scratch))
    }

    /// Takes the buffers from a call that ends.
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

/// The input that was read: first body that the application has not read, then unparsed bytes.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    bytes: Vec<u8>,
    /// The body without framing lies from `body` to `body_end`.
    body: usize,
    body_end: usize,
    /// The unparsed bytes lie from `at` to `end`.
    at: usize,
    end: usize,
    /// Whether the call was given input since it last asked for more, and may return another event.
    news: bool,
    /// The positions in the buffered body at which a chunk ends and the next one begins.
    seams: VecDeque<usize>,
    /// Whether the buffered body is given out chunk by chunk.
    by_chunk: bool,
    /// The bytes of the body that were given out, without their framing.
    given: u64,
}

/// The initial size of the buffer, in bytes. One read of this size nearly always holds a head and
/// its whole small body. A buffer that has grown beyond it, for one long head, is not kept.
const FIRST: usize = 16 * 1024;

impl Scratch {
    /// Clears the buffers for another attempt or another call.
    pub(crate) fn clear(&mut self) {
        self.outgoing.clear();
        if self.outgoing.head().capacity() > FIRST {
            self.outgoing = Outbox::default();
        }
        self.incoming.clear();
        self.decoding.end();
        if self.incoming.bytes.len() > FIRST {
            self.incoming.bytes = Vec::new();
            self.received.shrink();
        }
    }
}

/// The destination of body bytes.
pub(crate) enum Sink<'a> {
    /// No destination: no body can have arrived yet, or it is discarded.
    Nowhere,
    /// The caller's buffer, which is not empty.
    Slice(&'a mut [u8]),
    /// A vector. Bytes of the body are appended to it.
    Vec(&'a mut Vec<u8>),
    /// The buffer of the input itself: the body stays there, to be decoded.
    Kept,
}

impl Incoming {
    /// Returns the unparsed input.
    #[inline]
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.at..self.end]
    }

    /// Whether the call may return another event before more is read.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        self.news
    }

    /// Records that the call was given input that did not pass through this buffer.
    #[inline]
    pub(crate) fn renew(&mut self) {
        self.news = true;
    }

    /// Marks `bytes` as parsed, and records that the call has asked for more input.
    #[inline]
    pub(crate) fn take_last(&mut self, bytes: usize) {
        self.take(bytes);
        self.news = false;
    }

    #[inline]
    pub(crate) fn take(&mut self, bytes: usize) {
        self.at = self.end.min(self.at + bytes);
    }

    /// Marks `bytes` as parsed. Their last `len` bytes are body, and are moved up to the end of the
    /// buffered body, over the framing between.
    #[inline]
    pub(crate) fn take_body(&mut self, bytes: usize, len: usize) {
        self.take(bytes);
        let start = self.at.saturating_sub(len);
        if self.has_body() {
            // A chunk ends before the input does only if the next one follows.
            self.seams.push_back(self.body_end);
            self.bytes.copy_within(start..self.at, self.body_end);
            self.body_end += self.at - start;
        } else {
            (self.body, self.body_end) = (start, self.at);
        }
    }

    /// Moves buffered body into `sink`. Returns the number of bytes, or `None` if there were none.
    #[inline]
    pub(crate) fn move_body(&mut self, sink: &mut Sink<'_>) -> Option<usize> {
        let body = self.body();
        let moved = match sink {
            Sink::Nowhere => 0,
            Sink::Kept => return Some(body.len()).filter(|len| *len > 0),
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
        self.pass_body(moved);
        (moved > 0).then_some(moved)
    }

    /// Returns the buffered body, or the part of it that belongs to one chunk.
    #[inline]
    pub(crate) fn body(&self) -> &[u8] {
        let end = if self.by_chunk { self.chunk_end() } else { self.body_end };
        &self.bytes[self.body..end]
    }

    #[cold]
    fn chunk_end(&self) -> usize {
        let seam = self.seams.iter().find(|seam| **seam > self.body);
        seam.map_or(self.body_end, |seam| *seam)
    }

    /// Gives the body out chunk by chunk from now on.
    pub(crate) fn split_chunks(&mut self) {
        self.by_chunk = true;
    }

    /// Counts bytes of the body that were given out without this buffer.
    #[inline]
    pub(crate) fn count(&mut self, bytes: usize) {
        self.given += bytes as u64;
    }

    /// Returns how many bytes of the body were given out, or were decoded.
    pub(crate) fn given(&self) -> u64 {
        self.given
    }

    /// Marks the first `bytes` bytes of the buffered body as read.
    #[inline]
    pub(crate) fn pass_body(&mut self, bytes: usize) {
        self.body = self.body_end.min(self.body + bytes);
        self.count(bytes);
    }

    /// Returns the number of bytes of buffered body.
    pub(crate) fn body_len(&self) -> usize {
        self.body_end - self.body
    }

    #[inline]
    pub(crate) fn has_body(&self) -> bool {
        self.body < self.body_end
    }

    /// Discards the buffered body.
    #[inline]
    pub(crate) fn drop_body(&mut self) {
        self.body = self.body_end;
    }

    /// Returns the free space behind the unparsed bytes, and may move them to make space. There
    /// must be no buffered body. The buffer grows when unparsed bytes fill it: a head is parsed as
    /// a whole, and the core bounds its length.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        (self.body, self.body_end) = (0, 0);
        self.seams.clear();
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

    /// Records that `bytes` were read into [`room`](Self::room).
    #[inline]
    pub(crate) fn put(&mut self, bytes: usize) {
        self.end = self.bytes.len().min(self.end + bytes);
        self.news = true;
    }

    /// Appends `bytes` to the unparsed input.
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
        (self.news, self.by_chunk, self.given) = (false, false, 0);
        self.seams.clear();
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
    fn body_in_pieces_is_gathered() {
        let mut incoming = Incoming::default();
        incoming.append(b"5\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0");
        incoming.take_body(8, 5);
        let mut two = [0; 2];
        assert_eq!(incoming.move_body(&mut Sink::Slice(&mut two)), Some(2));
        incoming.take_body(6, 1);
        incoming.take_body(11, 6);
        assert_eq!(incoming.rest(), b"\r\n0");
        let mut all = Vec::new();
        assert_eq!(incoming.move_body(&mut Sink::Vec(&mut all)), Some(10));
        assert_eq!((&two, &all[..]), (b"he", &b"llo, world"[..]));
        assert!(!incoming.has_body());
    }

    #[test]
    fn chunks_that_were_gathered_come_apart_again() {
        let mut incoming = Incoming::default();
        incoming.append(b"5\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0");
        incoming.take_body(8, 5);
        incoming.take_body(6, 1);
        incoming.take_body(11, 6);
        incoming.split_chunks();
        let mut pieces = Vec::new();
        let mut four = [0; 4];
        while let Some(moved) = incoming.move_body(&mut Sink::Slice(&mut four)) {
            pieces.push(String::from_utf8_lossy(&four[..moved]).into_owned());
        }
        assert_eq!(pieces, ["hell", "o", ",", " wor", "ld"]);
        assert_eq!(incoming.given(), 12);
        // Their places are forgotten with the body.
        incoming.room();
        assert!(incoming.seams.is_empty());
    }

    #[test]
    fn a_burst_of_calls_leaves_a_bounded_number_of_buffers_behind_and_close_none() {
        let mut list = FreeList::new();
        for calls in [1, FREE_MAX, 9_000] {
            let held: Vec<_> = (0..calls).map(|_| list.take().unwrap_or_default()).collect();
            assert_eq!(list.free.len(), 0);
            let dropped = held.into_iter().filter_map(|scratch| list.give(scratch)).count();
            assert_eq!(list.free.len(), calls - dropped);
            assert_eq!(list.free.len(), calls.min(FREE_MAX));
        }
        assert_eq!(list.free.capacity(), FREE_MAX);
        let late = list.take().unwrap();
        assert_eq!(list.close().free.len(), FREE_MAX - 1);
        assert!(list.give(late).is_some());
        assert!(list.take().is_none());
    }

    #[test]
    fn buffers_that_a_long_head_has_grown_are_let_go() {
        let mut scratch = Scratch::default();
        scratch.incoming.append(b"short");
        scratch.outgoing.head().extend_from_slice(b"short");
        scratch.clear();
        assert_eq!(scratch.incoming.bytes.len(), FIRST);
        assert!(scratch.outgoing.head().capacity() > 0);
        scratch.incoming.append(&[b'x'; FIRST + 1]);
        scratch.outgoing.head().extend_from_slice(&[b'x'; FIRST + 1]);
        scratch.clear();
        assert_eq!((scratch.incoming.bytes.len(), scratch.outgoing.head().capacity()), (0, 0));
    }

    #[test]
    fn a_rest_that_fills_the_buffer_makes_it_grow() {
        let mut incoming = Incoming::default();
        let head = vec![b'x'; 3 * FIRST];
        incoming.append(&head);
        assert_eq!(incoming.rest(), head);
    }
}
