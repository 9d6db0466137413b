//! Handshakes, and reading through the layers of a connection, such as TLS.

use std::{
    io::{self, Read},
    mem,
};

use httpool::{error::TlsKind, id::SocketId, message::TlsId};
use httpool_kit::{Flow, LayerError, io_kind, passes_plaintext};

use crate::{
    embedded::Embedded,
    output::App,
    read::{READS_PER_TURN, pass},
};

impl Embedded {
    /// Begins a handshake with the peer called `name`. The bytes left behind the answer of a proxy
    /// are its first input.
    pub(crate) fn start_tls(&mut self, id: SocketId, tls: TlsId, name: &str) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let held = socket.held.get_or_insert_default();
        let input = mem::take(&mut held.inbox).into_rest();
        match self.client.settings.begin_layer(&mut held.wire, tls, name, &input) {
            Ok(()) => {
                if self.lend(id) {
                    self.shake(id);
                    self.give_back(id);
                }
                self.write(id);
                self.queue_if_ready(id);
            }
            Err(why) => self.shake_failed(id, why.kind(), io::Error::other(why)),
        }
    }

    /// Reads a connection with layers, and passes the plaintext to the core, record by record.
    /// Stops as [`read`](Self::read) does. When the application pauses the response, the records
    /// that were read and not opened stay sealed.
    pub(crate) fn read_layers(&mut self, id: SocketId, app: &mut App<'_>) {
        if !self.lend(id) {
            return;
        }
        for left in (0..=READS_PER_TURN).rev() {
            if !self.open(id, app) || left == 0 || !self.receive(id, app) {
                break;
            }
        }
        self.give_back(id);
    }

    /// Opens the input that was read. Returns whether to read more.
    fn open(&mut self, id: SocketId, app: &mut App<'_>) -> bool {
        if self.sockets.get_mut(id).is_none_or(|socket| socket.ended) {
            return false;
        }
        if self.wire.is_handshaking() {
            return self.shake(id);
        }
        self.take_inbox(id);
        let Self { client, inbox, wire, .. } = self;
        if inbox.is_stopped() && client.wants_input(id) {
            pass(client, inbox, id, &[], app);
        }
        let flow = if client.wants_input(id) {
            wire.open_while(|plain| {
                if passes_plaintext(&client.core, id) {
                    pass(client, inbox, id, plain, app);
                }
                client.wants_input(id)
            })
        } else {
            Ok(Flow::Plain)
        };
        self.keep_inbox(id);
        let error = match flow {
            Ok(Flow::Plain) => return false,
            Ok(Flow::Blocked) => return true,
            Ok(Flow::Ended { clean: true }) => None,
            Ok(Flow::Ended { clean: false }) => Some(LayerError::cut()),
            Err(why) => Some(io::Error::other(why)),
        };
        self.end(id, error, app);
        false
    }

    /// Goes on with a handshake. Returns whether it needs more input.
    fn shake(&mut self, id: SocketId) -> bool {
        match self.wire.shake() {
            Ok(false) => return true,
            Ok(true) => {
                let (now, session) = (self.client.now(), self.wire.session());
                let described = session.as_ref().map(ToString::to_string).unwrap_or_default();
                if let (Some(socket), Some(session)) = (self.sockets.get_mut(id), session) {
                    self.client.secured(socket.conn, session);
                }
                self.client.core.handle_tls(id, Ok(&described), now);
            }
            Err(why) => self.shake_failed(id, why.kind(), io::Error::other(why)),
        }
        false
    }

    /// Reports to the core that a handshake has failed.
    fn shake_failed(&mut self, id: SocketId, why: TlsKind, error: io::Error) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.ended = true;
        self.errors.put(socket.conn, error);
        self.client.reports.look();
        let now = self.client.now();
        self.client.core.handle_tls(id, Err(why), now);
    }

    /// Reads once into the layers. Returns false if there is nothing to read now.
    fn receive(&mut self, id: SocketId, app: &mut App<'_>) -> bool {
        let Some(socket) = self.sockets.get_mut(id).filter(|socket| socket.readable) else {
            return false;
        };
        let room = self.wire.room();
        let size = room.len();
        match socket.stream.read(room) {
            Ok(0) => {
                socket.readable = false;
                self.wire.put_end();
                self.report_written(id);
            }
            Ok(read) => {
                self.wire.put(read);
                self.has_read(id, read == size);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                socket.readable = false;
                return false;
            }
            Err(error) => {
                if self.wire.is_handshaking() {
                    self.shake_failed(id, TlsKind::Lost(io_kind(&error)), error);
                } else {
                    self.end(id, Some(error), app);
                }
                return false;
            }
        }
        true
    }

    /// Takes the layers of a socket, if there are any, to read or write through them. Returns
    /// whether there are any.
    pub(crate) fn lend(&mut self, id: SocketId) -> bool {
        let Some(held) = self.sockets.get_mut(id).and_then(|socket| socket.held.as_mut()) else {
            return false;
        };
        if held.wire.is_plain() {
            return false;
        }
        mem::swap(&mut held.wire, &mut self.wire);
        self.wire.lend(&mut self.wire_buffers);
        self.lent = Some(id);
        true
    }

    /// Gives the layers back to their socket.
    pub(crate) fn give_back(&mut self, id: SocketId) {
        if self.lent.take().is_some()
            && let Some(socket) = self.sockets.get_mut(id)
        {
            self.wire.take_back(&mut self.wire_buffers);
            mem::swap(&mut socket.held.get_or_insert_default().wire, &mut self.wire);
            socket.let_go();
        }
    }

    /// Gives the layers back after a panic. Nothing more is written through them, because their
    /// last record may have been made in part.
    pub(crate) fn recover_layers(&mut self) {
        if let Some(id) = self.lent {
            self.wire.mute();
            self.give_back(id);
            self.inside = Some(id);
        }
    }

    /// Closes a socket. The peer is told, or sent the alert of a layer that has failed, if the
    /// socket takes that now.
    pub(crate) fn close(&mut self, id: SocketId) {
        let Some(mut socket) = self.sockets.remove(id) else { return };
        self.client.unsecured(socket.conn);
        socket.say_end();
    }
}
