//! Performs the actions of the core.

use std::{
    collections::BTreeMap,
    io, mem,
    net::{IpAddr, SocketAddr},
};

use httpool::{
    client::Action,
    error::{Failure, TlsKind},
    id::{CallId, ConnId},
};
use httpool_kit::{Asked, io_kind, refuse_self};
use mio::{Interest, Token, net::TcpStream};

use crate::{
    Error,
    embedded::{App, Embedded},
    output::{Output, Switched},
    sockets::Socket,
};

impl Embedded {
    /// Performs all actions of the core. Passes the events to `app`.
    pub(crate) fn act(&mut self, app: &mut App<'_>) {
        while let Some(action) = self.client.core.poll_action() {
            let now = self.client.now();
            match action {
                Action::Resolve { conn, host, port } => self.resolve(conn, &host, port),
                Action::Connect { conn, attempt, addr, local } => {
                    if let Err(error) = self.connect(conn, attempt, addr, local) {
                        self.connect_failed(conn, attempt, error);
                    }
                }
                Action::Refresh { host, port } => self.names.refresh(&host, port),
                Action::Abandon { conn, attempt } => {
                    if let Some(slot) = self.sockets.slot_of_attempt(conn, attempt) {
                        self.sockets.remove(slot);
                    }
                }
                // Never happens: the policy tells the core that there is no TLS.
                Action::StartTls { conn, .. } => {
                    self.client.core.handle_tls(conn, Err(TlsKind::Unavailable), now);
                }
                Action::Transmit { conn, probe } => self.transmit(conn, probe, app),
                Action::Close { conn, .. } => self.close(conn),
                Action::HandOver { conn, call } => self.hand_over(conn, call, app),
                Action::Rewind { call } => {
                    let done = self.client.body(call).is_none_or(crate::Body::rewind);
                    self.client.core.rewound(call, done, now);
                }
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
        self.errors.sweep();
    }

    /// Reports to the core whether a TCP connect succeeded.
    pub(crate) fn finish_connect(&mut self, slot: u32) {
        let Some(socket) = self.sockets.get_mut(slot) else { return };
        let (conn, attempt) = (socket.conn, socket.attempt);
        let connected = match socket.tcp.take_error() {
            Ok(None) => finish(&socket.tcp),
            Ok(Some(error)) | Err(error) => Err(error),
        };
        match connected {
            Ok(()) => {
                let first = self.sockets.slot_of(conn).is_none();
                if let Some(socket) = self.sockets.get_mut(slot) {
                    // If two attempts connected, the core abandons the later one.
                    (socket.up, socket.writable) = (first, true);
                }
                self.errors.remove(conn);
                let now = self.client.now();
                self.client.core.handle_connected(conn, attempt, Ok(()), now);
            }
            // A spurious event: the connect has not finished.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            Err(error) => {
                self.sockets.remove(slot);
                self.connect_failed(conn, attempt, error);
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
        conn: ConnId,
        attempt: u8,
        addr: SocketAddr,
        local: Option<IpAddr>,
    ) -> io::Result<()> {
        let token = Some(self.sockets.next_slot() as usize)
            .and_then(|slot| self.tokens.start.checked_add(slot)?.checked_add(1))
            .filter(|token| self.tokens.contains(token))
            .ok_or(io::ErrorKind::QuotaExceeded)?;
        let mut tcp = match local {
            None => TcpStream::connect(addr)?,
            Some(local) => connect_from(local, addr)?,
        };
        let both = Interest::READABLE | Interest::WRITABLE;
        self.registry.register(&mut tcp, Token(token), both)?;
        self.sockets.insert(Socket::new(tcp, conn, attempt));
        Ok(())
    }

    fn connect_failed(&mut self, conn: ConnId, attempt: u8, error: io::Error) {
        let (why, now) = (io_kind(&error), self.client.now());
        self.errors.put(conn, error);
        self.client.core.handle_connected(conn, attempt, Err(why), now);
    }

    fn transmit(&mut self, conn: ConnId, probe: bool, app: &mut App<'_>) {
        let Some(slot) = self.sockets.slot_of(conn) else { return };
        if let Some(socket) = self.sockets.get_mut(slot) {
            socket.readable |= probe && !socket.ended;
        }
        self.read(slot, app);
        if let Some(socket) = self.sockets.get_mut(slot)
            && socket.writable
            && !socket.has_out()
        {
            self.write(slot);
        }
        self.queue_if_ready(slot);
    }

    fn close(&mut self, conn: ConnId) {
        let mut any = false;
        while let Some(slot) = self.sockets.any_slot_of(conn) {
            self.sockets.remove(slot);
            any = true;
        }
        if !any {
            self.names.forget(conn);
        }
        self.errors.close(conn);
    }

    fn hand_over(&mut self, conn: ConnId, call: CallId, app: &mut App<'_>) {
        self.client.forget(call);
        let slot = self.sockets.slot_of(conn);
        let Some(mut socket) = slot.and_then(|slot| self.sockets.remove(slot)) else { return };
        // Fails only if the socket is not registered, which is the state wanted here.
        self.registry.deregister(&mut socket.tcp).ok();
        let rest = socket.held.map(|held| held.rest).unwrap_or_default();
        app(&mut self.client, Output::Switched(call, Switched::new(socket.tcp, rest)));
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

/// Sets TCP_NODELAY on a socket that has connected. Returns an error if it has not, or if it is
/// connected to itself.
fn finish(tcp: &TcpStream) -> io::Result<()> {
    refuse_self(tcp.peer_addr()?, || tcp.local_addr())?;
    tcp.set_nodelay(true)
}

/// The last I/O error of each connection. It is kept until the connection is closed and the failure
/// of its call has been reported.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    of: BTreeMap<ConnId, io::Error>,
    closed: Vec<ConnId>,
}

impl Errors {
    pub(crate) fn put(&mut self, conn: ConnId, error: io::Error) {
        self.of.insert(conn, error);
    }

    /// Records an error that closes the connection, or comes after its close. The next
    /// [`sweep`](Self::sweep) removes it.
    pub(crate) fn put_last(&mut self, conn: ConnId, error: io::Error) {
        self.put(conn, error);
        self.closed.push(conn);
    }

    pub(crate) fn remove(&mut self, conn: ConnId) -> Option<io::Error> {
        self.of.remove(&conn)
    }

    fn close(&mut self, conn: ConnId) {
        if !self.of.is_empty() {
            self.closed.push(conn);
        }
    }

    fn sweep(&mut self) {
        for conn in mem::take(&mut self.closed) {
            self.of.remove(&conn);
        }
    }
}

#[cfg(unix)]
fn connect_from(local: IpAddr, addr: SocketAddr) -> io::Result<TcpStream> {
    Ok(TcpStream::from_std(httpool_kit::begin_connect(addr, Some(local))?.0))
}

#[cfg(not(unix))]
fn connect_from(_: IpAddr, _: SocketAddr) -> io::Result<TcpStream> {
    let why = "a local address cannot be chosen on this system";
    Err(io::Error::new(io::ErrorKind::Unsupported, why))
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

    use super::*;

    #[test]
    fn a_socket_that_is_connected_to_itself_is_refused() {
        let fd = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&fd, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let tcp = TcpStream::from_std(fd.into());
        connect(&tcp, &tcp.local_addr().unwrap()).unwrap();
        let why = finish(&tcp).unwrap_err();
        assert_eq!(why.kind(), io::ErrorKind::ConnectionRefused);
    }
}
