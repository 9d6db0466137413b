//! Socket operations with `std` alone. The [module](super) describes their costs.

use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    mem,
    net::{IpAddr, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use httpool::message::PeerAddr;
use httpool_kit::{SocketOptions, Stream, refuse_self};

use super::{net::SystemSocket, parker::SystemParker};
use crate::platform::{Connecting, Parker, Ready, Socket, Unpark};

const LOOK_AGAIN: Duration = Duration::from_millis(1);

impl Socket for Arc<Stream> {
    type Stream = Stream;

    fn send_now(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        without_waiting(self, || (&**self).write_vectored(pieces))
    }

    fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        (&**self).read(into)
    }

    fn recv_beyond(&self, into: &mut [u8], beyond: &mut [u8]) -> io::Result<usize> {
        let mut pieces = [IoSliceMut::new(into), IoSliceMut::new(beyond)];
        (&**self).read_vectored(&mut pieces)
    }

    fn recv_now(&self, into: &mut [u8]) -> io::Result<usize> {
        without_waiting(self, || (&**self).read(into))
    }

    fn recv_onto(&self, onto: &mut Vec<u8>) -> io::Result<usize> {
        super::read_onto(onto, |into| self.recv(into))
    }

    /// Waits as the trait says, except for writability, which `std` does not tell. The socket is
    /// reported as writable after each millisecond, and the write finds out.
    fn wait(&self, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            if self.is_dead() {
                return Ok(Ready { readable: true, ..Ready::default() });
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                return Ok(Ready::default());
            }
            thread::sleep(LOOK_AGAIN);
            if write {
                return Ok(Ready { writable: true, ..Ready::default() });
            }
        }
    }

    fn is_dead(&self) -> bool {
        let peeked = without_waiting(self, || match &**self {
            Stream::Tcp(tcp) => tcp.peek(&mut [0]),
            // Not reached: `start` makes none. `std` cannot probe it.
            _ => Err(io::ErrorKind::Unsupported.into()),
        });
        !matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Returns false: `std` has no such option. The write deadline then covers the system's whole
    /// buffer.
    fn bound_unsent(&self) -> bool {
        false
    }

    fn set_receive_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(timeout))
    }

    fn unparker(&self) -> io::Result<Arc<dyn Unpark>> {
        Ok(self.clone())
    }

    fn into_stream(self) -> io::Result<Stream> {
        Self::try_unwrap(self).or_else(|shared| shared.try_clone())
    }
}

/// A connection being opened by the system. It is always open here, because `start` waits for it.
#[derive(Debug)]
pub struct SystemConnecting {
    socket: SystemSocket,
    told: bool,
}

/// Connections are opened one at a time: opening one waits until it is open.
pub(super) const RACES: bool = false;

impl SystemConnecting {
    /// Connects, for at most `patience`. Fails if `from` is given, because `std` cannot choose a
    /// local address, and for a Unix domain socket, which `std` cannot probe.
    pub(super) fn start(
        to: &PeerAddr,
        from: Option<IpAddr>,
        options: &SocketOptions,
        patience: Option<Duration>,
    ) -> io::Result<Self> {
        let unsupported = |what| io::Error::new(io::ErrorKind::Unsupported, what);
        if from.is_some() {
            return Err(unsupported("a local address cannot be chosen on this system"));
        }
        let Some(to) = to.tcp() else {
            return Err(unsupported("Unix domain sockets are not supported on this system"));
        };
        let tcp = match patience {
            // `connect_timeout` fails with a timeout of zero.
            Some(patience) => TcpStream::connect_timeout(&to, patience.max(LOOK_AGAIN))?,
            None => TcpStream::connect(to)?,
        };
        refuse_self(to, || tcp.local_addr())?;
        options.apply_late(&tcp)?;
        Ok(Self { socket: SystemSocket::of_system(Arc::new(Stream::Tcp(tcp))), told: false })
    }

    /// Makes one whose connection is open from the start.
    pub(super) const fn open(socket: SystemSocket, _: &PeerAddr) -> Self {
        Self { socket, told: false }
    }
}

impl Connecting for SystemConnecting {
    type Socket = SystemSocket;

    fn outcome(&mut self) -> Option<io::Result<()>> {
        (!mem::replace(&mut self.told, true)).then_some(Ok(()))
    }

    fn socket(&self) -> &SystemSocket {
        &self.socket
    }

    fn finish(self) -> io::Result<SystemSocket> {
        Ok(self.socket)
    }
}

#[expect(clippy::needless_pass_by_ref_mut, reason = "its Unix sister marks what is connected")]
/// Implements [`Platform::poll`](crate::platform::Platform::poll). Every attempt is connected here.
/// It waits for the talker and a wake-up, or for a wake-up alone.
pub(super) fn poll(
    parker: &SystemParker,
    _: &WakeFds,
    attempts: &mut [(u8, SystemConnecting)],
    talker: Option<(u8, bool)>,
    timeout: Option<Duration>,
) -> io::Result<Ready> {
    let talker = talker.and_then(|(talker, write)| {
        attempts.iter().find(|(number, _)| *number == talker).map(|(_, at)| (&at.socket, write))
    });
    let Some((socket, write)) = talker else {
        parker.park(timeout);
        return Ok(Ready::default());
    };
    let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let step = left.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN);
        let ready = socket.wait(write, Some(step))?;
        if ready.readable || ready.writable || parker.is_woken() || left == Some(step) {
            parker.reset();
            return Ok(ready);
        }
    }
}

/// A stand-in for the wake descriptors of Unix. With `std`, a thread that waits for a socket cannot
/// be woken. It checks every millisecond whether its parker was woken.
#[derive(Debug, Clone, Default)]
pub(super) struct WakeFds;

/// A stand-in for the slot of Unix: see [`WakeFds`].
#[derive(Debug, Default)]
pub(super) struct WakeSlot;

impl WakeSlot {
    pub(super) const fn wake(&self) {}
}

fn without_waiting<R>(socket: &Stream, call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    socket.set_nonblocking(true)?;
    let result = retry(call);
    socket.set_nonblocking(false)?;
    result
}

/// Repeats a system call that a signal has interrupted. Only for calls that do not wait.
fn retry<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
