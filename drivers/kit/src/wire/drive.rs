//! The steps that every driver takes over a wire with layers.

use std::io;

use httpool::{
    client::{Client, Outbox},
    error::TlsKind,
    h1::Eof,
    id::SocketId,
};

use super::{Flow, LayerError, Wire};
use crate::slices;

impl Wire {
    /// Seals bytes from the front of `out`, and writes the output with `write`, once. Removes from
    /// `out` the bytes that need not be given again. Returns how many bytes of plaintext have left
    /// with their whole records. It may be 0.
    ///
    /// If only answers to the peer were to be written and the socket has failed, that is not an
    /// error: the input tells whether the peer is still there.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if nothing was sealed and the socket takes nothing
    /// now; the socket has failed; a layer has failed (the [`LayerError`] is inside).
    pub fn send(
        &mut self,
        out: &mut Outbox,
        write: impl FnOnce(&[u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let taken = self.seal(&slices(out)).map_err(io::Error::other)?;
        out.advance(taken);
        match self.flush(write) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && taken > 0 => Ok(0),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock && !self.has_sealed() => {
                self.mute();
                Ok(0)
            }
            written => written,
        }
    }

    /// Writes the output with `write`, once, if there is any. Returns how many bytes of plaintext
    /// have left with their whole records.
    ///
    /// # Errors
    /// The error of `write`.
    pub fn flush(&mut self, write: impl FnOnce(&[u8]) -> io::Result<usize>) -> io::Result<usize> {
        if !self.has_output() {
            return Ok(0);
        }
        let raw = write(self.output())?;
        Ok(self.sent(raw))
    }

    /// Goes on with the handshake of the innermost layer, as far as the input allows. Returns
    /// whether it is done.
    ///
    /// # Errors
    /// A layer has failed; the connection has ended; or the peer has sent data before it was asked
    /// for any. The output may end with an alert, as after [`open`](Self::open).
    pub fn shake(&mut self) -> Result<bool, LayerError> {
        while self.is_handshaking() {
            let flow = self.open(&mut |_| 0)?;
            if self.is_handshaking() {
                match flow {
                    Flow::Plain => {}
                    Flow::Blocked => return Ok(false),
                    Flow::Ended { .. } => return Err(LayerError::truncated()),
                }
            }
        }
        self.check_silence()?;
        Ok(true)
    }

    /// Opens record by record, and passes the plaintext of each to `pass`, which takes it whole,
    /// until `pass` returns false. For a driver that passes plaintext on without copying it.
    /// Returns [`Plain`](Flow::Plain) if there may be more.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_while(&mut self, mut pass: impl FnMut(&[u8]) -> bool) -> Result<Flow, LayerError> {
        loop {
            let mut goes_on = true;
            let flow = self.open(&mut |plain| {
                goes_on = pass(plain);
                plain.len()
            })?;
            if flow != Flow::Plain || !goes_on {
                return Ok(flow);
            }
        }
    }
}

/// Returns whether plaintext of `socket` is passed to `core`: always, also on an idle connection,
/// where it is unsolicited. An event loop asks this at each record. False only in tests that switch
/// this defect on.
#[inline]
pub fn passes_plaintext(core: &Client, socket: SocketId) -> bool {
    !(leaves_plaintext() && core.is_idle(socket))
}

/// Returns whether plaintext behind a response is left for the next request: never. True only in
/// tests that switch this defect on.
#[inline]
pub fn leaves_plaintext() -> bool {
    #[cfg(httpool_mutations)]
    return httpool::mutation::mutated(httpool::mutation::Mutation::UnaskedPlaintext);
    #[cfg(not(httpool_mutations))]
    false
}

/// Returns how a connection has ended whose read has failed with `error`, or has returned no bytes
/// (`None`): for [`Call::receive_eof`](httpool::call::Call::receive_eof) and
/// [`Client::handle_eof`].
pub fn eof_after(error: Option<&io::Error>) -> Eof {
    let Some(error) = error else { return Eof::Clean };
    let layer = error.get_ref().and_then(|inner| inner.downcast_ref::<LayerError>());
    match layer.map(LayerError::kind) {
        None | Some(TlsKind::Lost(_)) => Eof::Broken,
        Some(why) => Eof::Tls(why),
    }
}

impl LayerError {
    /// Makes the error of a read from a connection that has [ended](Flow::Ended) without notice.
    pub fn cut() -> io::Error {
        io::Error::new(io::ErrorKind::UnexpectedEof, Self::truncated())
    }
}
