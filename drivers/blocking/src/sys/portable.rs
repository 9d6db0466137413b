//! With `std` alone; see the [module](super) for what that costs.

use std::{
    io::{self, IoSlice, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    sync::{Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::Ready;

const LOOK_AGAIN: Duration = Duration::from_millis(1);
const CONNECT_STEP: Duration = Duration::from_secs(5);

/// Writes without waiting.
pub(crate) fn send_now(mut tcp: &TcpStream, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    without_waiting(tcp, || tcp.write_vectored(pieces))
}

/// Reads, waiting for at most the socket's receive timeout.
pub(crate) fn recv(mut tcp: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
    retry(|| tcp.read(into))
}

/// Reads what is there, without waiting.
pub(crate) fn recv_now(mut tcp: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
    without_waiting(tcp, || tcp.read(into))
}

/// As [`recv`], behind what `onto` holds, into the capacity it has.
pub(crate) fn recv_onto(tcp: &TcpStream, onto: &mut Vec<u8>) -> io::Result<usize> {
    let held = onto.len();
    onto.resize(onto.capacity(), 0);
    let read = recv(tcp, &mut onto[held..]);
    onto.truncate(held + read.as_ref().map_or(0, |read| *read));
    read
}

/// Whether an idle connection was closed by the peer, or spoke unasked.
pub(crate) fn is_dead(tcp: &TcpStream) -> bool {
    let peeked = without_waiting(tcp, || tcp.peek(&mut [0]));
    !matches!(peeked, Err(e) if e.kind() == io::ErrorKind::WouldBlock)
}

/// Waits until `tcp` can be read (or written, if asked), or for at most `timeout`. Whether it can be
/// written, `std` does not tell: it is said to be so every millisecond, and the write finds out.
pub(crate) fn wait(tcp: &TcpStream, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
    let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    loop {
        if is_dead(tcp) {
            return Ok(Ready { readable: true, writable: false });
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            return Ok(Ready::default());
        }
        thread::sleep(LOOK_AGAIN);
        if write {
            return Ok(Ready { readable: false, writable: true });
        }
    }
}

/// A connection being opened: in truth, one that is open.
#[derive(Debug)]
pub(crate) struct Connecting {
    tcp: TcpStream,
}

impl Connecting {
    /// Connects, for at most five seconds. A local address cannot be chosen with `std`.
    pub(crate) fn start(to: SocketAddr, from: Option<IpAddr>) -> io::Result<Self> {
        if from.is_some() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a local address cannot be chosen on this system",
            ));
        }
        let tcp = TcpStream::connect_timeout(&to, CONNECT_STEP)?;
        Ok(Self { tcp })
    }

    #[expect(clippy::unused_self, reason = "its Unix sister may still be on its way")]
    pub(crate) fn is_up(&self) -> bool {
        true
    }

    /// The socket, while proxies are spoken to.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// The socket as an exchange wants it.
    pub(crate) fn finish(self) -> io::Result<TcpStream> {
        self.tcp.set_nodelay(true)?;
        Ok(self.tcp)
    }

    #[expect(clippy::needless_pass_by_ref_mut, reason = "its Unix sister marks what is connected")]
    /// Waits until `talking` can be read (or written, if `write`), `bell` rings, or for at most
    /// `timeout`.
    pub(crate) fn wait(
        attempts: &mut [(u8, Self)],
        talking: Option<(u8, bool)>,
        bell: &Bell,
        timeout: Option<Duration>,
        _done: impl FnMut(u8, io::Result<()>),
    ) -> io::Result<Ready> {
        let talker = talking.and_then(|(talker, write)| {
            attempts.iter().find(|(number, _)| *number == talker).map(|(_, at)| (&at.tcp, write))
        });
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let step = left.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN);
            let over = left == Some(Duration::ZERO);
            match talker {
                Some((tcp, write)) => {
                    let ready = wait(tcp, write, Some(step))?;
                    if ready.readable || ready.writable || over || bell.listen(Duration::ZERO) {
                        return Ok(ready);
                    }
                }
                None if over || bell.listen(step) => return Ok(Ready::default()),
                None => {}
            }
        }
    }
}

/// Wakes a thread that waits in [`Connecting::wait`].
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<bool>,
    ring: Condvar,
}

impl Bell {
    #[expect(clippy::unnecessary_wraps, reason = "its Unix sister may fail")]
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self::default())
    }

    pub(crate) fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.ring.notify_all();
    }

    /// Whether it was rung, or is within `timeout`; it is silent after.
    fn listen(&self, timeout: Duration) -> bool {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.ring.wait_timeout_while(rung, timeout, |rung| !*rung);
        core::mem::take(&mut *waited.unwrap_or_else(PoisonError::into_inner).0)
    }
}

fn without_waiting<R>(tcp: &TcpStream, call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    tcp.set_nonblocking(true)?;
    let result = retry(call);
    tcp.set_nonblocking(false)?;
    result
}

fn retry<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
