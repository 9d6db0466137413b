//! The input of a socket that was read and not consumed.

use alloc::vec::Vec;
use core::cell::Cell;

use super::{Client, Event, Step, sockets::Stage};
use crate::{error::IoKind, id::SocketId, time::Instant};

/// The bytes that were read from a socket and not consumed. [`Client::read`] keeps them here.
///
/// An empty one has no memory of its own, so an idle connection does not need one.
#[derive(Debug, Default)]
pub struct Inbox {
    rest: Vec<u8>,
    /// Whether the application paused the response before the last event.
    stopped: bool,
}

impl Inbox {
    /// Makes an empty inbox.
    pub const fn new() -> Self {
        Self { rest: Vec::new(), stopped: false }
    }

    /// Returns whether no bytes are kept, and no event is left.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty() && !self.stopped
    }

    /// Returns whether the application paused the response before the last event. Once
    /// [`Client::wants_input`] is true again, call [`Client::read`] without new bytes.
    pub const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Returns the bytes that were read and not consumed. They are the first bytes of the next
    /// protocol after [`Action::HandOver`](super::Action::HandOver).
    pub fn rest(&self) -> &[u8] {
        &self.rest
    }

    /// Returns the bytes that were read and not consumed.
    pub fn into_rest(self) -> Vec<u8> {
        self.rest
    }

    /// Drops all bytes, and keeps the memory.
    pub fn clear(&mut self) {
        self.rest.clear();
        self.stopped = false;
    }

    /// Adds the bytes that were just read. If no bytes are kept, the new ones are not copied: those
    /// that are not consumed are, when the returned value is dropped.
    pub fn with<'b>(&'b mut self, new: &'b [u8]) -> Input<'b> {
        let kept = !self.rest.is_empty();
        if kept {
            self.rest.extend_from_slice(new);
        }
        Input { inbox: self, new, at: Cell::new(0), stopped: Cell::new(false), kept }
    }
}

/// The bytes that were just read, behind those that an [`Inbox`] keeps. When it is dropped, the
/// inbox keeps the bytes that were not consumed.
#[derive(Debug)]
pub struct Input<'b> {
    inbox: &'b mut Inbox,
    new: &'b [u8],
    /// The number of bytes that were consumed.
    at: Cell<usize>,
    stopped: Cell<bool>,
    /// Whether the inbox has all bytes, including the new ones.
    kept: bool,
}

impl Input<'_> {
    /// Returns the number of bytes that were consumed, of those that the inbox kept and the new
    /// ones.
    pub const fn consumed(&self) -> usize {
        self.at.get()
    }

    #[inline]
    fn left(&self) -> &[u8] {
        let bytes = if self.kept { &self.inbox.rest } else { self.new };
        bytes.get(self.at.get()..).unwrap_or_default()
    }
}

impl Drop for Input<'_> {
    fn drop(&mut self) {
        self.inbox.stopped = self.stopped.get();
        if self.kept {
            self.inbox.rest.drain(..self.at.get());
        } else if let Some(rest @ [_, ..]) = self.new.get(self.at.get()..) {
            self.inbox.rest.extend_from_slice(rest);
        }
    }
}

/// # The driver passes bytes on
impl Client {
    /// Parses bytes that were read from a socket. Returns the next event, or `None` if more bytes
    /// are needed or the application has paused the response. Call it until `None`.
    ///
    /// A method of the application may be called between two events. If it pauses the response, no
    /// event follows, and the inbox [is stopped](Inbox::is_stopped).
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use httpool::{client::*, message::Request, time::Instant};
    /// # let (now, mut client) = (Instant::from_nanos(0), Client::new(Config::default()));
    /// # client.request(Request::get("http://192.0.2.1/").build()?, Arc::default(), now);
    /// # let Some(Action::Connect { socket, .. }) = client.poll_action() else { panic!() };
    /// # client.handle_connected(socket, Ok(()), now);
    /// # client.poll_action();
    /// # let mut out = Outbox::default();
    /// # let _ = client.fill(socket, &mut out);
    /// # let len = out.chunks().concat().len();
    /// # client.sent(socket, &mut out, len, now);
    /// let mut inbox = Inbox::new();
    /// let mut events = Vec::new();
    /// for read in [&b"HTTP/1.1 200 OK\r\nContent-Le"[..], b"ngth: 2\r\n\r\nhi"] {
    ///     let input = inbox.with(read);
    ///     while let Some(event) = client.read(socket, &input, now) {
    ///         events.push(match event {
    ///             Event::Interim(..) | Event::Head(..) => "head",
    ///             Event::Data(..) => "data",
    ///             Event::End(..) => "end",
    ///         });
    ///     }
    /// }
    /// assert_eq!(events, ["head", "data", "end"]);
    /// # Ok::<(), httpool::error::RequestError>(())
    /// ```
    pub fn read<'i>(
        &mut self,
        socket: SocketId,
        input: &'i Input<'_>,
        now: Instant,
    ) -> Option<Event<'i>> {
        loop {
            let it = self.sockets.get(socket)?;
            if it.stage == Stage::Leased {
                let stopped = self.calls[it.call].call.is_paused();
                input.stopped.set(stopped);
                if stopped {
                    return None;
                }
            } else if input.left().is_empty() {
                return None;
            }
            let (taken, step) = self.receive(socket, input.left(), now);
            input.at.set(input.at.get() + taken);
            match step {
                Step::NeedInput => return None,
                Step::Skipped => {}
                Step::Event(event) => return Some(event),
            }
        }
    }

    /// Reads from a socket until it has no more input, the application pauses the response, or the
    /// socket is closed. First passes on the input that a paused response left. Reports the end of
    /// the stream.
    ///
    /// `read` reads into the buffer, and returns the number of bytes: 0 at the end of the stream,
    /// `Err(None)` if the socket has nothing now, another `Err` if it is broken. `each` takes the
    /// events, and may call any method.
    pub fn read_all(
        &mut self,
        socket: SocketId,
        inbox: &mut Inbox,
        buffer: &mut [u8],
        now: Instant,
        mut read: impl FnMut(&mut [u8]) -> Result<usize, Option<IoKind>>,
        mut each: impl FnMut(&mut Self, Event<'_>),
    ) {
        while self.wants_input(socket) {
            let resumed = inbox.is_stopped();
            let done = if resumed { Ok(0) } else { read(buffer) };
            if done == Err(None) {
                return;
            }
            let new = done.ok().and_then(|read| buffer.get(..read)).unwrap_or_default();
            let input = inbox.with(new);
            while let Some(event) = self.read(socket, &input, now) {
                each(self, event);
            }
            drop(input);
            if !resumed && done.is_ok_and(|read| read == 0) || done.is_err() {
                if let Some(event) = self.handle_eof(socket, done.is_ok().into(), now) {
                    each(self, event);
                }
                return;
            }
        }
    }
}
