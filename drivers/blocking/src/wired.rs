//! A socket with the layers between it and HTTP.

use std::io::{self, IoSlice, Write};

use httpool::client::Outbox;
use httpool_kit::{Flow, LayerError, Wire, leaves_plaintext, slices};

use crate::platform::Socket;

/// A socket with its [`Wire`]. Reads and writes plaintext, with the operations of [`Socket`].
/// Without a layer, they are those of the socket.
#[derive(Debug)]
pub(crate) struct Wired<S> {
    pub(crate) socket: S,
    pub(crate) wire: Wire,
}

/// The most reads in a row that bring no plaintext. The rest stays for the next call, so that a
/// peer with an endless supply of such records does not hold the thread.
const EMPTY_READS_MAX: usize = 16;

impl<S: Socket> Wired<S> {
    /// Writes bytes from the front of `out`, as many as the system takes without waiting, and
    /// removes those that need not be given again. Returns how many bytes of plaintext the system
    /// has now that it did not have before. It may be 0 with layers.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if nothing was taken, or the connection is lost.
    pub(crate) fn send_now(&mut self, out: &mut Outbox) -> io::Result<usize> {
        if self.wire.is_plain() {
            let sent = self.socket.send_now(&slices(out))?;
            out.advance(sent);
            return Ok(sent);
        }
        let Self { socket, wire } = self;
        wire.send(out, |sealed| socket.send_now(&[IoSlice::new(sealed)]))
    }

    /// Writes the sealed bytes once. Returns the number of bytes of plaintext whose records have
    /// left.
    fn flush(&mut self) -> io::Result<usize> {
        let Self { socket, wire } = self;
        wire.flush(|sealed| socket.send_now(&[IoSlice::new(sealed)]))
    }

    /// Whether sealed bytes wait to be written.
    #[inline]
    pub(crate) fn has_output(&self) -> bool {
        self.wire.has_output()
    }

    /// As [`Socket::recv`]. With layers it also fails with
    /// [`Interrupted`](io::ErrorKind::Interrupted) when the bytes read contain no plaintext.
    #[inline]
    pub(crate) fn recv(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.wire.is_plain() {
            return self.socket.recv(into);
        }
        self.open_or_recv(&mut Room::Slices(into, &mut []))
    }

    /// As [`Socket::recv_beyond`], and [`recv`](Self::recv).
    pub(crate) fn recv_beyond(&mut self, into: &mut [u8], beyond: &mut [u8]) -> io::Result<usize> {
        if self.wire.is_plain() {
            return self.socket.recv_beyond(into, beyond);
        }
        self.open_or_recv(&mut Room::Slices(into, beyond))
    }

    /// As [`Socket::recv_onto`], and [`recv`](Self::recv).
    pub(crate) fn recv_onto(&mut self, onto: &mut Vec<u8>) -> io::Result<usize> {
        if self.wire.is_plain() {
            return self.socket.recv_onto(onto);
        }
        self.open_or_recv(&mut Room::Spare(onto))
    }

    /// As [`Socket::recv_now`]. With layers it also fails with
    /// [`Interrupted`](io::ErrorKind::Interrupted) when many reads in a row bring no plaintext.
    pub(crate) fn recv_now(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.wire.is_plain() {
            return self.socket.recv_now(into);
        }
        let mut room = Room::Slices(into, &mut []);
        for _ in 0..EMPTY_READS_MAX {
            match self.open(&mut room) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                opened => return opened,
            }
            let read = self.socket.recv_now(self.wire.room());
            self.put(read)?;
        }
        self.open_or_interrupt(&mut room)
    }

    /// Reads plaintext that has arrived, without reading the socket. Returns 0 if there is none.
    pub(crate) fn recv_opened(&mut self, into: &mut [u8]) -> usize {
        if self.wire.is_plain() || leaves_plaintext() {
            0
        } else {
            self.open(&mut Room::Slices(into, &mut [])).unwrap_or(0)
        }
    }

    /// As [`Socket::is_dead`]. Input without plaintext, such as a session ticket, keeps the
    /// connection. It is read, and answered if the peer demands it. A peer that does not stop
    /// sending such input ends it.
    pub(crate) fn is_dead(&mut self) -> bool {
        if self.wire.is_plain() {
            return self.socket.is_dead();
        }
        match self.recv_now(&mut [0]) {
            Ok(_) if leaves_plaintext() => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            _ => return true,
        }
        let lost = |error: io::Error| error.kind() != io::ErrorKind::WouldBlock;
        self.flush().is_err_and(lost) || !self.wire.is_usable()
    }

    /// Closes the connection. With layers, the peer is told (close_notify), if the socket takes
    /// that at once.
    pub(crate) fn close(mut self) {
        self.wire.close();
        self.write_rest();
    }

    /// Writes the sealed bytes that are left, such as an alert, if the socket takes them at once.
    #[inline]
    pub(crate) fn write_rest(&mut self) {
        if self.has_output() {
            // A broken connection is found by the next use. There may be none.
            self.flush().ok();
        }
    }

    /// Opens input that was read before, and otherwise reads and opens once.
    fn open_or_recv(&mut self, room: &mut Room<'_>) -> io::Result<usize> {
        match self.open(room) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            opened => return opened,
        }
        let read = self.socket.recv(self.wire.room());
        self.put(read)?;
        self.open_or_interrupt(room)
    }

    /// As [`open`](Self::open), but fails with `Interrupted` if more input is needed: the deadlines
    /// are checked before the next read.
    fn open_or_interrupt(&mut self, room: &mut Room<'_>) -> io::Result<usize> {
        match self.open(room) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(io::ErrorKind::Interrupted.into())
            }
            opened => opened,
        }
    }

    /// Takes the result of a read into the wire's room.
    pub(crate) fn put(&mut self, read: io::Result<usize>) -> io::Result<()> {
        match read? {
            0 => self.wire.put_end(),
            read => self.wire.put(read),
        }
        Ok(())
    }

    /// Opens input that was read. Returns the number of bytes put into `room`, or 0 if no more
    /// follow. Fails with `WouldBlock` if more input is needed.
    fn open(&mut self, room: &mut Room<'_>) -> io::Result<usize> {
        let before = room.left();
        while room.left() > 0 {
            let flow = self.wire.open(&mut |plain| room.take(plain));
            let nothing = room.left() == before;
            match flow {
                Ok(Flow::Plain) => continue,
                Ok(Flow::Blocked) if nothing => return Err(io::ErrorKind::WouldBlock.into()),
                Ok(Flow::Ended { clean: false }) if nothing => {
                    return Err(LayerError::cut());
                }
                Err(why) if nothing => {
                    self.write_rest();
                    return Err(io::Error::other(why));
                }
                // The next call finds it again.
                Ok(Flow::Blocked | Flow::Ended { .. }) | Err(_) => break,
            }
        }
        Ok(before - room.left())
    }
}

/// The destination of plaintext.
enum Room<'a> {
    Slices(&'a mut [u8], &'a mut [u8]),
    /// The spare capacity of a vector.
    Spare(&'a mut Vec<u8>),
}

impl Room<'_> {
    const fn left(&self) -> usize {
        match self {
            Self::Slices(first, second) => first.len() + second.len(),
            Self::Spare(onto) => onto.capacity() - onto.len(),
        }
    }

    /// Copies bytes from the front of `plain`, as many as there is room for. Returns their number.
    fn take(&mut self, plain: &[u8]) -> usize {
        match self {
            Self::Slices(first, second) => {
                // A write into a slice copies what fits and cannot fail.
                let some = first.write(plain).unwrap_or(0);
                some + second.write(&plain[some..]).unwrap_or(0)
            }
            Self::Spare(onto) => {
                let some = plain.len().min(onto.capacity() - onto.len());
                onto.extend_from_slice(&plain[..some]);
                some
            }
        }
    }
}
