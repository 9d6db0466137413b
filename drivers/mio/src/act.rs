//! Performs the actions of the core.

use std::{io, net::IpAddr};

use httpool::{
    client::Action,
    error::Failure,
    id::{CallId, ConnId, SocketId},
    message::PeerAddr,
};
use httpool_kit::{Asked, io_kind};
use mio::{Interest, Token};

use crate::{
    Error,
    embedded::Embedded,
    output::{App, Output, Switched},
    sockets::{Held, Socket},
    stream::Stream,
};

impl Embedded {
    /// Performs all actions of the core. Passes the events to `app`.
    pub(crate) fn act(&mut self, app: &mut App<'_>) {
        self.client.report_news();
        while let Some(action) = self.client.core.poll_action() {
            let now = self.client.now();
            self.client.report_action(&action, |socket| Some(self.sockets.get_mut(socket)?.conn));
            match action {
                Action::Resolve { conn, host, port } => self.resolve(conn, &host, port),
                Action::CancelResolve { conn } => self.names.forget(conn),
                Action::Connect { socket, conn, addr, local } => {
                    if let Err(error) = self.connect(socket, conn, &addr, local) {
                        self.connect_failed(socket, conn, error);
                    }
                }
                Action::LookUp { look_up, host, port } => {
                    self.names.ask_again(look_up, &host, port);
                }
                Action::Refresh { host, port } => self.names.refresh(&host, port),
                Action::StartTls { socket, tls, name } => self.start_tls(socket, tls, &name),
                Action::Transmit { socket, probe } => self.transmit(socket, probe, app),
                Action::Close { socket, .. } => self.close(socket),
                Action::HandOver { socket, call } => self.hand_over(socket, call, app),
                Action::Rewind { call } => {
                    if self.client.body(call).is_none_or(crate::Body::rewind) {
                        self.client.core.rewound(call, now);
                    } else {
                        self.client.core.rewind_failed(call, now);
                    }
                }
                Action::Restart { call } => {
                    self.client.coded.forget(call);
                    app(&mut self.client, Output::Restart(call));
                }
                Action::CheckBody { call } => self.client.finish_decoding(call, app),
                Action::End { call, trailers } => {
                    self.client.forget(call);
                    app(&mut self.client, Output::End(call, trailers.fields()));
                }
                Action::BodyDone { call } => self.client.forget(call),
                Action::Failed { call, failure } => {
                    let error = self.error(call, failure);
                    self.client.forget(call);
                    app(&mut self.client, Output::Failed(call, error));
                }
            }
        }
        self.client.report_news();
        let Self { client, errors, .. } = self;
        errors.sweep(|conn| client.core.has(conn));
    }

    /// Reports to the core whether a connect succeeded.
    pub(crate) fn finish_connect(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let conn = socket.conn;
        let connected = match socket.stream.take_error() {
            Ok(None) => socket.stream.finish(&self.client.settings.socket),
            Ok(Some(error)) | Err(error) => Err(error),
        };
        match connected {
            Ok(()) => {
                (socket.up, socket.writable) = (true, true);
                self.errors.remove(conn);
                let now = self.client.now();
                // If two addresses connected, the core closes the later socket.
                self.client.core.handle_connected(id, Ok(()), now);
            }
            // A spurious event: the connect has not finished.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            Err(error) => {
                self.sockets.remove(id);
                self.connect_failed(id, conn, error);
            }
        }
    }

    fn resolve(&mut self, conn: ConnId, host: &str, port: u16) {
        match self.names.ask(conn, host, port) {
            Asked::Answered(answer) => self.resolved(conn, answer),
            Asked::Begun => {}
            Asked::Queued => self.client.core.handle_resolve_queued(conn, self.client.now()),
        }
    }

    fn connect(
        &mut self,
        id: SocketId,
        conn: ConnId,
        addr: &PeerAddr,
        local: Option<IpAddr>,
    ) -> io::Result<()> {
        let token = Some(id.index())
            .and_then(|slot| self.tokens.start.checked_add(slot)?.checked_add(1))
            .filter(|token| self.tokens.contains(token))
            .ok_or(io::ErrorKind::QuotaExceeded)?;
        let mut stream = Stream::connect(addr, local, &self.client.settings.socket)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        self.registry.register(&mut stream, Token(token), both)?;
        self.sockets.insert(Socket::new(stream, id, conn));
        Ok(())
    }

    fn connect_failed(&mut self, id: SocketId, conn: ConnId, error: io::Error) {
        let (why, now) = (io_kind(&error), self.client.now());
        self.errors.put(conn, error);
        self.client.reports.look();
        self.client.core.handle_connected(id, Err(why), now);
    }

    fn transmit(&mut self, id: SocketId, probe: bool, app: &mut App<'_>) {
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.readable |= probe && !socket.ended;
        }
        self.read(id, app);
        if let Some(socket) = self.sockets.get_mut(id)
            && probe
            && socket.is_layered()
            && socket.readable
            && !socket.ended
        {
            // Plaintext may lie behind the input that was read.
            let why = "the server does not stop sending on an idle connection";
            return self.end(id, Some(io::Error::other(why)), app);
        }
        if let Some(socket) = self.sockets.get_mut(id)
            && socket.writable
            && (!socket.has_out() || socket.is_layered())
        {
            self.write(id);
        }
        self.queue_if_ready(id);
    }

    fn hand_over(&mut self, id: SocketId, call: CallId, app: &mut App<'_>) {
        self.client.forget(call);
        let Some(mut socket) = self.sockets.remove(id) else { return };
        // Fails only if the socket is not registered, which is the state wanted here.
        self.registry.deregister(&mut socket.stream).ok();
        let Held { inbox, wire, .. } = *socket.held.unwrap_or_default();
        let switched = Switched::over(socket.stream, inbox.into_rest(), wire);
        app(&mut self.client, Output::Switched(call, switched));
    }

    fn error(&mut self, call: CallId, failure: Failure) -> Error {
        let Self { client, errors, .. } = self;
        let conn = client.core.connection(call).map(|(conn, _)| conn);
        match client.core.call(call) {
            Some(call) => Error::of_call(call, failure, || errors.remove(conn?)),
            None => Error::stale(),
        }
    }
}
