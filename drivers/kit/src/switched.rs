//! A connection that has left HTTP.

use std::io::{self, Read, Write};

use crate::{Flow, LayerError, Wire};

/// A connection that is no longer HTTP, after 101 (Switching Protocols) or a 2xx to CONNECT.
///
/// Read it and write it with [`Read`] and [`Write`]. They first return the bytes that were already
/// read, and they go through the layers of an `https` connection. On a connection
/// [without layers](Self::is_plain), a program may use the socket itself instead.
#[derive(Debug)]
#[non_exhaustive]
pub struct Switched<S> {
    /// The connection. With layers, its bytes are sealed: use [`Read`] and [`Write`] of `Switched`.
    pub socket: S,
    /// The bytes that were already read from it. [`Read`] returns and removes them first.
    pub rest: Vec<u8>,
    wire: Wire,
}

impl<S> Switched<S> {
    #[doc(hidden)]
    pub const fn new(socket: S, rest: Vec<u8>) -> Self {
        Self::over(socket, rest, Wire::plain())
    }

    #[doc(hidden)]
    pub const fn over(socket: S, rest: Vec<u8>, wire: Wire) -> Self {
        Self { socket, rest, wire }
    }

    /// Returns whether the connection has no layer between the socket and the protocol.
    pub const fn is_plain(&self) -> bool {
        self.wire.is_plain()
    }
}

impl<S: Write> Switched<S> {
    /// Ends the output: sends the notice of the layers that nothing more follows (close_notify).
    /// Does nothing on a connection without layers, whose socket is shut down instead. Nothing can
    /// be written afterwards.
    ///
    /// # Errors
    /// The socket has failed.
    pub fn close(&mut self) -> io::Result<()> {
        self.wire.close();
        self.flush()
    }

    fn write_sealed(&mut self) -> io::Result<()> {
        while self.wire.has_output() {
            match self.socket.write(self.wire.output()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(raw) => self.wire.sent(raw),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) => return Err(error),
            };
        }
        Ok(())
    }
}

impl<S: Read + Write> Read for Switched<S> {
    /// Reads bytes of the new protocol. Returns 0 at the end of the input.
    ///
    /// # Errors
    /// The socket has failed, or a layer has ([`LayerError`]), or the connection was cut without the
    /// peer's notice ([`UnexpectedEof`](io::ErrorKind::UnexpectedEof)).
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.rest.is_empty() {
            let read = self.rest.as_slice().read(into)?;
            self.rest.drain(..read);
            return Ok(read);
        }
        if self.wire.is_plain() {
            return self.socket.read(into);
        }
        while !into.is_empty() {
            let mut read = 0;
            let flow = self.wire.open(&mut |plain| {
                read = plain.len().min(into.len());
                into[..read].copy_from_slice(&plain[..read]);
                read
            });
            match flow {
                Ok(Flow::Plain) if read == 0 => continue,
                Ok(Flow::Plain) => return Ok(read),
                Ok(Flow::Ended { clean: true }) => break,
                Ok(Flow::Ended { clean: false }) => {
                    return Err(LayerError::cut());
                }
                Ok(Flow::Blocked) => {}
                Err(why) => return Err(io::Error::other(why)),
            }
            // An answer that the peer has demanded. If the socket takes none now, a later write
            // sends it.
            match self.write_sealed() {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
            match self.socket.read(self.wire.room())? {
                0 => self.wire.put_end(),
                raw => self.wire.put(raw),
            }
        }
        Ok(0)
    }
}

impl<S: Write> Write for Switched<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.wire.is_plain() {
            return self.socket.write(bytes);
        }
        if self.wire.has_sealed() {
            self.write_sealed()?;
        }
        let taken = self.wire.seal(&[io::IoSlice::new(bytes)]).map_err(io::Error::other)?;
        match self.write_sealed() {
            // The bytes taken are written by a later call.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && taken > 0 => Ok(taken),
            Err(error) => Err(error),
            Ok(()) => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_sealed()?;
        self.socket.flush()
    }
}
