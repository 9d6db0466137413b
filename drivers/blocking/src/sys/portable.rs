//! With `std` alone; see the [module](super) for what that costs.

use std::{
    io::{self, IoSlice, Read, Write},
    mem,
    net::{IpAddr, SocketAddr, TcpStream},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::platform::{Connecting, Ready, Socket, Stir};

const LOOK_AGAIN: Duration = Duration::from_millis(1);
const CONNECT_STEP: Duration = Duration::from_secs(5);

impl Socket for TcpStream {
    fn send_now(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        without_waiting(self, || (&*self).write_vectored(pieces))
    }

    fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        retry(|| (&*self).read(into))
    }

    fn recv_now(&self, into: &mut [u8]) -> io::Result<usize> {
        without_waiting(self, || (&*self).read(into))
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
        Ok(Arc::new(self.try_clone()?))
    }
}

/// A connection being opened by the system: in truth, one that is open.
#[derive(Debug)]
pub struct SystemConnecting {
    tcp: TcpStream,
    told: bool,
}

impl SystemConnecting {
    /// Connects, for at most five seconds. A local address cannot be chosen with `std`.
    pub(super) fn start(to: SocketAddr, from: Option<IpAddr>) -> io::Result<Self> {
        if from.is_some() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a local address cannot be chosen on this system",
            ));
        }
        let tcp = TcpStream::connect_timeout(&to, CONNECT_STEP)?;
        Ok(Self { tcp, told: false })
    }
}

impl Connecting for SystemConnecting {
    type Socket = TcpStream;

    fn outcome(&mut self) -> Option<io::Result<()>> {
        (!mem::replace(&mut self.told, true)).then_some(Ok(()))
    }

    fn socket(&self) -> &TcpStream {
        &self.tcp
    }

    fn finish(self) -> io::Result<TcpStream> {
        self.tcp.set_nodelay(true)?;
        Ok(self.tcp)
    }
}

#[expect(clippy::needless_pass_by_ref_mut, reason = "its Unix sister marks what is connected")]
/// As [`Platform::poll`](crate::platform::Platform::poll), with the bell of the seat.
pub(super) fn poll(
    bell: &Bell,
    attempts: &mut [(u8, SystemConnecting)],
    talker: Option<(u8, bool)>,
    timeout: Option<Duration>,
) -> io::Result<Ready> {
    let talker = talker.and_then(|(talker, write)| {
        attempts.iter().find(|(number, _)| *number == talker).map(|(_, at)| (&at.tcp, write))
    });
    let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let step = left.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN);
        let over = left == Some(Duration::ZERO);
        match talker {
            Some((tcp, write)) => {
                let ready = tcp.wait(write, Some(step))?;
                if ready.readable || ready.writable || over || bell.listen(Duration::ZERO) {
                    return Ok(ready);
                }
            }
            None if over || bell.listen(step) => return Ok(Ready::default()),
            None => {}
        }
    }
}

/// Wakes a thread that waits in [`poll`].
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Mutex<bool>,
    ring: Condvar,
}

impl Bell {
    #[expect(clippy::unnecessary_wraps, reason = "its Unix sister may fail")]
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self::default())
    }

    pub(super) fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.ring.notify_all();
    }

    /// Whether it was rung, or is within `timeout`; it is silent after.
    fn listen(&self, timeout: Duration) -> bool {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.ring.wait_timeout_while(rung, timeout, |rung| !*rung);
        mem::take(&mut *waited.unwrap_or_else(PoisonError::into_inner).0)
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
