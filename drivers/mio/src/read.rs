//! Reads from the sockets, and passes the input to the core and its events to the application.

use std::{io, io::Read, mem};

use httpool::{client::Event, id::ConnId};
use httpool_kit::takes_output;

use crate::{
    client::Client,
    embedded::{App, Embedded},
    output::Output,
    sockets::Held,
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
    /// Reads a connection until it has no more input, the application pauses the response, or
    /// [`READS_PER_TURN`] is reached.
    pub(crate) fn read(&mut self, slot: u32, app: &mut App<'_>) {
        for _ in 0..READS_PER_TURN {
            let Some(socket) = self.sockets.get_mut(slot) else { return };
            let conn = socket.conn;
            if !self.client.core.wants_input(conn) {
                return;
            }
            if mem::take(&mut socket.unheard) {
                let rest = socket.held.as_mut().map(|held| mem::take(&mut held.rest));
                self.pass_on_held(slot, conn, rest.unwrap_or_default(), app);
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
                Err(error) => return self.end(slot, conn, Some(error), app),
            };
            // The input may have arrived after the last bytes of a request were sent, although no
            // event has reported it. Report the request as written first.
            if socket.holds_back() && !socket.broken && takes_output(&socket.tcp) {
                socket.writable = true;
                self.write(slot);
            }
            if read == 0 {
                return self.end(slot, conn, None, app);
            }
            let Some(socket) = self.sockets.get_mut(slot).filter(|it| it.conn == conn) else {
                return;
            };
            // If the peer has closed its side, read on to its end of file.
            socket.readable = read == self.scratch.len() || socket.closing || !SHORT_READ_EMPTIES;
            match &mut socket.held {
                // Append to the bytes that were left, which are not copied.
                Some(held) if !held.rest.is_empty() => {
                    held.rest.extend_from_slice(&self.scratch[..read]);
                    let input = mem::take(&mut held.rest);
                    self.pass_on_held(slot, conn, input, app);
                }
                _ => self.pass_on_read(slot, conn, read, app),
            }
        }
    }

    /// Passes the `read` bytes in the scratch buffer to the core.
    fn pass_on_read(&mut self, slot: u32, conn: ConnId, read: usize, app: &mut App<'_>) {
        let input = &self.scratch[..read];
        self.inside = Some(slot);
        let (taken, heard) = pass_on(&mut self.client, conn, input, app);
        self.inside = None;
        let Some(socket) = self.sockets.get_mut(slot) else { return };
        socket.unheard = !heard;
        if taken < read {
            let held = socket.held.get_or_insert_default();
            held.rest.extend_from_slice(&self.scratch[taken..read]);
        }
    }

    /// Passes the bytes that were left, followed by new ones, to the core.
    fn pass_on_held(&mut self, slot: u32, conn: ConnId, mut input: Vec<u8>, app: &mut App<'_>) {
        self.inside = Some(slot);
        let (taken, heard) = pass_on(&mut self.client, conn, &input, app);
        self.inside = None;
        let Some(socket) = self.sockets.get_mut(slot) else { return };
        socket.unheard = !heard;
        input.drain(..taken);
        match &mut socket.held {
            Some(held) => held.rest = input,
            None if input.is_empty() => {}
            none @ None => *none = Some(Box::new(Held { rest: input, ..Held::default() })),
        }
        socket.let_go();
    }

    /// Reports to the core that the peer has closed its side (`error` is `None`), or that reading
    /// has failed.
    pub(crate) fn end(
        &mut self,
        slot: u32,
        conn: ConnId,
        error: Option<io::Error>,
        app: &mut App<'_>,
    ) {
        if let Some(socket) = self.sockets.get_mut(slot) {
            (socket.ended, socket.readable) = (true, false);
        }
        let clean = error.is_none();
        if let Some(error) = error {
            self.errors.put(conn, error);
        }
        let now = self.client.now();
        let event = self.client.core.handle_eof(conn, clean, now);
        tell(&mut self.client, event, app);
    }
}

/// Passes input to the core, and its events to the application. Returns the number of bytes
/// consumed, and whether every event was passed on: false if the application paused the response.
fn pass_on(client: &mut Client, conn: ConnId, input: &[u8], app: &mut App<'_>) -> (usize, bool) {
    let (mut at, now) = (0, client.now());
    loop {
        let (taken, event) = client.core.receive(conn, &input[at..], now);
        at += taken;
        if let Event::NeedInput = event {
            return (at, true);
        }
        tell(client, event, app);
        if !client.core.wants_input(conn) {
            return (at, false);
        }
    }
}

fn tell(client: &mut Client, event: Event<'_>, app: &mut App<'_>) {
    match event {
        Event::NeedInput | Event::Skipped => {}
        Event::Interim(call, head) => app(client, Output::Interim(call, head)),
        Event::Head(call, head) => app(client, Output::Head(call, head)),
        Event::Data(call, data) => app(client, Output::Data(call, data)),
        Event::End(call, trailers) => {
            client.forget(call);
            app(client, Output::End(call, trailers));
        }
    }
}
