//! Reads from the sockets, and passes the input to the core and its events to the application.

use std::{io, io::Read, mem};

use httpool::{client::Event, id::SocketId};
use httpool_kit::takes_output;

use crate::{
    client::Client,
    embedded::{App, Embedded},
    output::Output,
};

/// The largest number of reads of one connection in a turn, so that the others are served too.
const READS_PER_TURN: usize = 4;
/// Whether a read that did not fill its buffer has emptied the socket, so that the next byte causes
/// an event. epoll(7) guarantees this for edge-triggered events, and kqueue behaves the same. On
/// other systems mio needs a read that returns `WouldBlock`.
const SHORT_READ_EMPTIES: bool = cfg!(any(
    target_os = "linux",
    target_os = "android",
    target_os = "macos",
    target_os = "ios",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly",
));

impl Embedded {
    /// Reads a socket until it has no more input, the application pauses the response, or
    /// [`READS_PER_TURN`] is reached.
    pub(crate) fn read(&mut self, id: SocketId, app: &mut App<'_>) {
        for _ in 0..READS_PER_TURN {
            if !self.client.wants_input(id) {
                return;
            }
            let Some(socket) = self.sockets.get_mut(id) else { return };
            if socket.is_stopped() {
                self.pass_on(id, 0, app);
                continue;
            }
            if !socket.readable {
                return;
            }
            let read = match socket.tcp.read(&mut self.scratch) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    socket.readable = false;
                    return;
                }
                Err(error) => return self.end(id, Some(error), app),
            };
            // The input may have arrived after the last bytes of a request were sent, although no
            // event has reported it. Report the request as written first.
            if socket.holds_back() && !socket.broken && takes_output(&socket.tcp) {
                socket.writable = true;
                self.write(id);
            }
            if read == 0 {
                return self.end(id, None, app);
            }
            let Some(socket) = self.sockets.get_mut(id) else { return };
            // If the peer has closed its side, read on to its end of file.
            socket.readable = read == self.scratch.len() || socket.closing || !SHORT_READ_EMPTIES;
            self.pass_on(id, read, app);
        }
    }

    /// Passes the bytes that were left to the core, and behind them the first `read` bytes of the
    /// scratch buffer, which are copied only if they are left too.
    fn pass_on(&mut self, id: SocketId, read: usize, app: &mut App<'_>) {
        if let Some(held) = self.sockets.get_mut(id).and_then(|socket| socket.held.as_mut()) {
            mem::swap(&mut held.inbox, &mut self.inbox);
        }
        self.inside = Some(id);
        let now = self.client.now();
        let input = self.inbox.with(&self.scratch[..read]);
        while let Some(event) = self.client.core.read(id, &input, now) {
            tell(&mut self.client, event, app);
        }
        drop(input);
        self.inside = None;
        let Some(socket) = self.sockets.get_mut(id) else { return self.inbox.clear() };
        if !self.inbox.is_empty() {
            mem::swap(&mut socket.held.get_or_insert_default().inbox, &mut self.inbox);
        }
        socket.let_go();
    }

    /// Reports to the core that the peer has closed its side (`error` is `None`), or that reading
    /// has failed.
    pub(crate) fn end(&mut self, id: SocketId, error: Option<io::Error>, app: &mut App<'_>) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        (socket.ended, socket.readable) = (true, false);
        let clean = error.is_none();
        if let Some(error) = error {
            self.errors.put(socket.conn, error);
        }
        let now = self.client.now();
        if let Some(event) = self.client.core.handle_eof(id, clean, now) {
            tell(&mut self.client, event, app);
        }
    }
}

fn tell(client: &mut Client, event: Event<'_>, app: &mut App<'_>) {
    match event {
        Event::Interim(call, head) => app(client, Output::Interim(call, head)),
        Event::Head(call, head) => {
            client.begin_decoding(call);
            app(client, Output::Head(call, head));
        }
        Event::Data(call, data) if client.coded.has(call) => {
            client.decode(call, data, app);
        }
        Event::Data(call, data) => app(client, Output::Data(call, data)),
        Event::End(call, trailers) => {
            client.forget(call);
            app(client, Output::End(call, trailers));
        }
    }
}
