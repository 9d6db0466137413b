//! The sockets of [`System`](super::System): those of the system, or connections of a
//! [`Net`](crate::net::Net).

use std::{
    io::{self, IoSlice},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use httpool_kit::Stream;

use super::{imp::SystemConnecting, parker::SystemParker};
use crate::{
    net::Conn,
    platform::{Connecting, Parker, Ready, Socket, Unpark},
};

/// An open connection of [`System`](super::System).
#[derive(Debug)]
pub struct SystemSocket(pub(super) Either);

#[derive(Debug)]
pub(super) enum Either {
    Stream(Arc<Stream>),
    Net(Arc<NetSocket>),
}

/// A connection of a net, with the receive timeout that sockets keep in the system.
#[derive(Debug)]
pub(super) struct NetSocket {
    conn: Arc<dyn Conn>,
    /// The receive timeout in nanoseconds. 0: none.
    timeout: AtomicU64,
}

/// Does the same with either kind of socket.
macro_rules! either {
    ($socket:expr, $it:ident => $work:expr) => {
        match &$socket.0 {
            Either::Stream($it) => $work,
            Either::Net($it) => $work,
        }
    };
}

impl SystemSocket {
    pub(super) const fn of_system(stream: Arc<Stream>) -> Self {
        Self(Either::Stream(stream))
    }

    pub(super) fn of_net(conn: Arc<dyn Conn>) -> Self {
        Self(Either::Net(Arc::new(NetSocket { conn, timeout: AtomicU64::new(0) })))
    }

    /// Returns the system's socket; `None` for a connection of a net.
    pub(super) const fn stream(&self) -> Option<&Arc<Stream>> {
        match &self.0 {
            Either::Stream(stream) => Some(stream),
            Either::Net(_) => None,
        }
    }
}

impl Socket for SystemSocket {
    type Stream = Stream;

    #[inline]
    fn send_now(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        either!(self, it => it.send_now(pieces))
    }

    #[inline]
    fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        either!(self, it => it.recv(into))
    }

    fn recv_beyond(&self, into: &mut [u8], beyond: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Either::Stream(stream) => stream.recv_beyond(into, beyond),
            Either::Net(it) => it.recv(into),
        }
    }

    fn recv_now(&self, into: &mut [u8]) -> io::Result<usize> {
        either!(self, it => it.recv_now(into))
    }

    fn recv_onto(&self, onto: &mut Vec<u8>) -> io::Result<usize> {
        either!(self, it => it.recv_onto(onto))
    }

    fn wait(&self, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        match &self.0 {
            Either::Stream(stream) => stream.wait(write, timeout),
            Either::Net(it) => Ok(it.wait(write, timeout)),
        }
    }

    fn bound_unsent(&self) -> bool {
        self.stream().is_some_and(Socket::bound_unsent)
    }

    fn is_dead(&self) -> bool {
        match &self.0 {
            Either::Stream(stream) => stream.is_dead(),
            Either::Net(it) => it.conn.wait(Some(Duration::ZERO)),
        }
    }

    fn set_receive_timeout(&self, timeout: Duration) -> io::Result<()> {
        match &self.0 {
            Either::Stream(stream) => return stream.set_receive_timeout(timeout),
            Either::Net(it) => {
                let nanos = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
                it.timeout.store(nanos, Relaxed);
            }
        }
        Ok(())
    }

    fn unparker(&self) -> io::Result<Arc<dyn Unpark>> {
        Ok(either!(self, it => it.clone()))
    }

    fn into_stream(self) -> io::Result<Stream> {
        match self.0 {
            Either::Stream(stream) => stream.into_stream(),
            Either::Net(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a connection of `ClientBuilder::net` has no socket that a program could get",
            )),
        }
    }
}

impl NetSocket {
    /// Sends the pieces in order. An error after the first byte is found by the next call.
    fn send_now(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut sent = 0;
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            match self.conn.send(piece) {
                Ok(some) => {
                    sent += some;
                    if some < piece.len() {
                        break;
                    }
                }
                Err(error) if sent == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(sent)
    }

    fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        let timeout = match self.timeout.load(Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        };
        self.conn.recv(into, timeout)
    }

    fn recv_now(&self, into: &mut [u8]) -> io::Result<usize> {
        self.conn.recv(into, Some(Duration::ZERO))
    }

    fn recv_onto(&self, onto: &mut Vec<u8>) -> io::Result<usize> {
        super::read_onto(onto, |into| self.recv(into))
    }

    /// A net says by its error that it takes no bytes, so it is always asked.
    fn wait(&self, write: bool, timeout: Option<Duration>) -> Ready {
        let timeout = if write { Some(Duration::ZERO) } else { timeout };
        Ready { readable: self.conn.wait(timeout), writable: write, broken: false }
    }
}

impl Drop for NetSocket {
    fn drop(&mut self) {
        self.conn.shut_down();
    }
}

impl Unpark for NetSocket {
    fn unpark(&self) {
        self.conn.shut_down();
    }
}

/// Implements [`Platform::poll`](crate::platform::Platform::poll) for a net, whose connects have an
/// outcome from the start. It waits for the talker, or else for a wake-up.
pub(super) fn poll(
    parker: &SystemParker,
    attempts: &[(u8, SystemConnecting)],
    talker: Option<(u8, bool)>,
    timeout: Option<Duration>,
) -> io::Result<Ready> {
    let talks = talker.and_then(|(talker, write)| {
        let attempt = attempts.iter().find(|(number, _)| *number == talker)?;
        Some((attempt.1.socket(), write))
    });
    let Some((socket, write)) = talks else {
        parker.park(timeout);
        return Ok(Ready::default());
    };
    let timeout = if parker.is_woken() { Some(Duration::ZERO) } else { timeout };
    parker.reset();
    socket.wait(write, timeout)
}
