//! With `std` alone; see the [module](super) for what that costs.

use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    mem,
    net::{IpAddr, SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use httpool_kit::refuse_self;

use super::seat::SystemSeat;
use crate::platform::{Connecting, Ready, Seat, Socket, Stir};

const LOOK_AGAIN: Duration = Duration::from_millis(1);

impl Socket for Arc<TcpStream> {
    type Stream = TcpStream;

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
        let held = onto.len();
        onto.resize(onto.capacity(), 0);
        let read = self.recv(&mut onto[held..]);
        onto.truncate(held + read.as_ref().map_or(0, |read| *read));
        read
    }

    /// Whether it can be written, `std` does not tell: it is said to be so every millisecond, and
    /// the write finds out.
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
        let peeked = without_waiting(self, || self.peek(&mut [0]));
        !matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// `std` cannot: the write deadline is then about the system's whole buffer.
    fn bound_unsent(&self) -> bool {
        false
    }

    fn set_receive_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(timeout))
    }

    fn stirrer(&self) -> io::Result<Arc<dyn Stir>> {
        Ok(self.clone())
    }

    fn into_stream(self) -> io::Result<TcpStream> {
        Self::try_unwrap(self).or_else(|shared| shared.try_clone())
    }
}

/// A connection being opened by the system: in truth, one that is open.
#[derive(Debug)]
pub struct SystemConnecting {
    tcp: Arc<TcpStream>,
    told: bool,
}

/// Opening a connection waits for it.
pub(super) const RACES: bool = false;

impl SystemConnecting {
    /// Connects, for as long as `patience`. A local address cannot be chosen with `std`.
    pub(super) fn start(
        to: SocketAddr,
        from: Option<IpAddr>,
        patience: Option<Duration>,
    ) -> io::Result<Self> {
        if from.is_some() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a local address cannot be chosen on this system",
            ));
        }
        let tcp = match patience {
            // No time at all is an error there.
            Some(patience) => TcpStream::connect_timeout(&to, patience.max(LOOK_AGAIN))?,
            None => TcpStream::connect(to)?,
        };
        refuse_self(to, || tcp.local_addr())?;
        Ok(Self { tcp: Arc::new(tcp), told: false })
    }
}

impl Connecting for SystemConnecting {
    type Socket = Arc<TcpStream>;

    fn outcome(&mut self) -> Option<io::Result<()>> {
        (!mem::replace(&mut self.told, true)).then_some(Ok(()))
    }

    fn socket(&self) -> &Arc<TcpStream> {
        &self.tcp
    }

    fn finish(self) -> io::Result<Arc<TcpStream>> {
        self.tcp.set_nodelay(true)?;
        Ok(self.tcp)
    }
}

#[expect(clippy::needless_pass_by_ref_mut, reason = "its Unix sister marks what is connected")]
/// As [`Platform::poll`](crate::platform::Platform::poll). Every attempt is up here, so that there is
/// a talker to wait for, or nothing but a ring.
pub(super) fn poll(
    seat: &SystemSeat,
    _: &Bells,
    attempts: &mut [(u8, SystemConnecting)],
    talker: Option<(u8, bool)>,
    timeout: Option<Duration>,
) -> io::Result<Ready> {
    let talker = talker.and_then(|(talker, write)| {
        attempts.iter().find(|(number, _)| *number == talker).map(|(_, at)| (&at.tcp, write))
    });
    let Some((tcp, write)) = talker else {
        seat.park(timeout);
        return Ok(Ready::default());
    };
    let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let step = left.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN);
        let ready = tcp.wait(write, Some(step))?;
        if ready.readable || ready.writable || seat.is_rung() || left == Some(step) {
            seat.hush();
            return Ok(ready);
        }
    }
}

/// There is nothing to wake a thread with that waits for a socket: it looks every millisecond whether
/// its seat was rung.
#[derive(Debug, Clone, Default)]
pub(super) struct Bells;

/// As [`Bells`].
#[derive(Debug, Default)]
pub(super) struct Hook;

impl Hook {
    pub(super) const fn ring(&self) {}
}

fn without_waiting<R>(tcp: &TcpStream, call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    tcp.set_nonblocking(true)?;
    let result = retry(call);
    tcp.set_nonblocking(false)?;
    result
}

/// For calls that do not wait.
fn retry<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
