//! Writes the output of the core and the request bodies to the sockets.

use std::{
    io::{self, Write},
    mem,
};

use httpool::{
    client::{Outbox, Transmit},
    id::{CallId, ConnId, SocketId},
    message::BodyLeft,
};
use httpool_kit::{Wire, bound_unsent, io_kind, put_piece, write_to};
use mio::{Interest, Token};

use crate::{Body, Stream, embedded::Embedded};

/// The largest number of writes to one connection in a turn, so that the others are served too.
const WRITES_PER_TURN: usize = 16;

impl Embedded {
    /// Writes pending output until there is no more, the socket is full, or [`WRITES_PER_TURN`] is
    /// reached. Heads, framing and body pieces are written together if they fit.
    pub(crate) fn write(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let conn = socket.conn;
        if let Some(held) = &mut socket.held {
            if !held.out.is_empty() {
                mem::swap(&mut held.out, &mut self.out);
            }
            self.lend(id);
        }
        let last = self.out.let_go();
        if last > 0 {
            let now = self.client.now();
            self.client.core.handle_written(id, last, now);
        }
        for left in (0..=WRITES_PER_TURN).rev() {
            if let Transmit::Body { call, max } = self.client.core.fill(id, &mut self.out) {
                self.inside = Some(id);
                self.next_piece(conn, call, max);
                self.inside = None;
            }
            if self.wire.has_sealed() && !self.client.core.sends(id) {
                // The rest of the request is not sent. It may begin within a record.
                self.wire.mute();
            }
            if self.out.is_empty() && !self.wire.has_output() || left == 0 {
                break;
            }
            let Some(socket) = self.sockets.get_mut(id) else { break };
            let body = !self.out.has_no_piece();
            if body && socket.bounded.is_none() && self.client.core.is_long(id) {
                socket.bounded = Some(bound_unsent(&socket.stream));
            }
            match send(&mut self.wire, &mut self.out, &mut socket.stream) {
                // No record of the request has left whole.
                Ok(0) => {}
                Ok(written) => {
                    let all = self.out.has_gone() && !self.wire.has_output();
                    if all && self.waits_for_room(id) {
                        self.out.hold_back(written);
                        break;
                    }
                    let now = self.client.now();
                    self.client.core.handle_written(id, written, now);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    socket.writable = false;
                    break;
                }
                Err(error) => {
                    // Read on: the peer may have sent a response before the failure.
                    socket.readable = !socket.ended;
                    self.out.clear();
                    self.wire.mute();
                    let (why, now) = (io_kind(&error), self.client.now());
                    self.errors.put(conn, error);
                    self.client.core.handle_write_failed(id, why, now);
                    self.client.reports.look();
                    break;
                }
            }
        }
        self.give_back(id);
        let Some(socket) = self.sockets.get_mut(id) else { return self.out.clear() };
        if !self.out.is_empty() {
            mem::swap(&mut socket.held.get_or_insert_default().out, &mut self.out);
        }
        socket.let_go();
    }

    /// Returns whether to report the last bytes of a request as written only when the socket
    /// accepts output again. epoll reports this only after it was asked while the socket did not
    /// accept output. Registering the socket again asks.
    fn waits_for_room(&mut self, id: SocketId) -> bool {
        let Some(socket) = self.sockets.get_mut(id) else { return false };
        if socket.bounded != Some(true) || !self.client.core.is_written_late(id) {
            return false;
        }
        let token = Token(self.tokens.start + id.index() + 1);
        let both = Interest::READABLE | Interest::WRITABLE;
        let asked = self.registry.reregister(&mut socket.stream, token, both).is_ok();
        socket.writable &= !asked;
        asked
    }

    /// Fetches the next piece of a body from the application.
    fn next_piece(&mut self, conn: ConnId, call: CallId, max: BodyLeft) {
        let mut none = Body::empty();
        let body = self.client.body(call).unwrap_or(&mut none);
        let next = loop {
            match body.next(max, self.out.buffer()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                next => break next,
            }
        };
        let piece = match next {
            Ok(piece) => piece,
            // No bytes yet: the application calls `Client::body_ready` when there are some.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) => {
                self.errors.put(conn, error);
                let now = self.client.now();
                return self.client.core.body_failed(call, now);
            }
        };
        let (len, last) = piece.extent(max);
        let now = self.client.now();
        if let Some(framing) = self.client.core.send_body(call, len, last, now) {
            put_piece(&mut self.out, piece, &framing);
        }
    }
}

/// Writes bytes from the front of `out` to a socket, once, through its layers. Returns the number
/// of bytes of the request that the system has now, and had not before.
fn send(wire: &mut Wire, out: &mut Outbox, stream: &mut Stream) -> io::Result<usize> {
    if wire.is_plain() {
        let written = write_to(out, stream)?;
        out.advance(written);
        return Ok(written);
    }
    wire.send(out, |sealed| stream.write(sealed))
}
