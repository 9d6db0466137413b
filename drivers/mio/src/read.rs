//! Reads from the sockets, and passes the input to the core and its events to the application.

use std::{io, io::Read, mem};

use httpool::{
    client::{Event, Inbox},
    id::SocketId,
};
use httpool_kit::{eof_after, takes_output};

use crate::{
    client::Client,
    embedded::Embedded,
    output::{App, Output},
};

/// The largest number of reads of one connection in a turn, so that the others are served too.
pub(crate) const READS_PER_TURN: usize = 4;
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
        if self.sockets.get_mut(id).is_some_and(|socket| socket.is_layered()) {
            return self.read_layers(id, app);
        }
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
            let read = match socket.stream.read(&mut self.scratch) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    socket.readable = false;
                    return;
                }
                Err(error) => return self.end(id, Some(error), app),
            };
            if read == 0 {
                self.report_written(id);
                return self.end(id, None, app);
            }
            let filled = read == self.scratch.len();
            self.has_read(id, filled);
            self.pass_on(id, read, app);
        }
    }

    /// Handles a read that brought input. `filled`: the read filled its buffer.
    pub(crate) fn has_read(&mut self, id: SocketId, filled: bool) {
        self.report_written(id);
        let Some(socket) = self.sockets.get_mut(id) else { return };
        // If the peer has closed its side, read on to its end of file.
        socket.readable = filled || socket.closing || !SHORT_READ_EMPTIES;
    }

    /// Reports the bytes that were held back as written, if the socket accepts output again. Called
    /// before input is passed on: it may have arrived after the last bytes of a request were sent,
    /// although no event has reported that.
    pub(crate) fn report_written(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if !socket.holds_back() || socket.broken || !takes_output(&socket.stream) {
            return;
        }
        socket.writable = true;
        let written = socket.held.as_mut().map_or(0, |held| held.out.let_go());
        let now = self.client.now();
        self.client.core.handle_written(id, written, now);
    }

    /// Passes the bytes that were left to the core, and behind them the first `read` bytes of the
    /// scratch buffer, which are copied only if they are left too.
    fn pass_on(&mut self, id: SocketId, read: usize, app: &mut App<'_>) {
        self.take_inbox(id);
        let Self { client, inbox, scratch, .. } = self;
        pass(client, inbox, id, &scratch[..read], app);
        self.keep_inbox(id);
    }

    /// Takes the unparsed input that was kept with the socket `id`, which is handled next.
    pub(crate) fn take_inbox(&mut self, id: SocketId) {
        if let Some(held) = self.sockets.get_mut(id).and_then(|socket| socket.held.as_mut())
            && !held.inbox.is_empty()
        {
            mem::swap(&mut held.inbox, &mut self.inbox);
        }
        self.inside = Some(id);
    }

    /// Keeps the input that is left with its socket.
    pub(crate) fn keep_inbox(&mut self, id: SocketId) {
        self.inside = None;
        let Some(socket) = self.sockets.get_mut(id) else { return self.inbox.clear() };
        if !self.inbox.is_empty() {
            mem::swap(&mut socket.held.get_or_insert_default().inbox, &mut self.inbox);
        }
        if self.lent.is_none() {
            socket.let_go();
        }
    }

    /// Reports to the core that the peer has closed its side (`error` is `None`), or that reading
    /// has failed.
    pub(crate) fn end(&mut self, id: SocketId, error: Option<io::Error>, app: &mut App<'_>) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        (socket.ended, socket.readable) = (true, false);
        let eof = eof_after(error.as_ref());
        if let Some(error) = error {
            self.errors.put(socket.conn, error);
        }
        let (now, caller) = (self.client.now(), self.client.reported_caller(id));
        if let Some(event) = self.client.core.handle_eof(id, eof, now) {
            tell(&mut self.client, event, app);
        }
        self.client.report_call(caller);
    }
}

/// Passes input to the core: the bytes that `inbox` keeps, and `new` ones behind them. Passes the
/// events to the application.
pub(crate) fn pass(
    client: &mut Client,
    inbox: &mut Inbox,
    id: SocketId,
    new: &[u8],
    app: &mut App<'_>,
) {
    let (now, caller) = (client.now(), client.reported_caller(id));
    let input = inbox.with(new);
    while let Some(event) = client.core.read(id, &input, now) {
        tell(client, event, app);
    }
    client.report_call(caller);
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
            client.report_call(Some(call));
            client.forget(call);
            app(client, Output::End(call, trailers));
        }
    }
}
