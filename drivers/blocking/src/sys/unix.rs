//! Socket operations with `poll(2)` and `MSG_DONTWAIT`.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use httpool::message::PeerAddr;
use httpool_kit::{SocketOptions, Stream, begin_connect};

use rustix::{
    buffer::spare_capacity,
    event::{PollFd, PollFlags, Timespec, poll as sys_poll},
    io::Errno,
    net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, sendmsg},
};

pub(super) use super::wake::{WakeFds, WakeSlot};
use super::{net::SystemSocket, parker::SystemParker};
use crate::platform::{Connecting, Parker, Ready, Socket, Unpark};

/// The interval at which a thread that has no wake descriptor checks whether it was woken.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The flags for a write without waiting and without SIGPIPE. On Apple's systems SIGPIPE is
/// switched off for the whole socket instead.
#[cfg(target_vendor = "apple")]
const SEND_NOW: SendFlags = SendFlags::DONTWAIT;
#[cfg(not(target_vendor = "apple"))]
const SEND_NOW: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

impl Socket for Arc<Stream> {
    type Stream = Stream;

    #[inline]
    fn send_now(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        retry(|| sendmsg(self, pieces, &mut SendAncillaryBuffer::default(), SEND_NOW))
    }

    #[inline]
    fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        Ok(recv(self, &mut *into, RecvFlags::empty())?.0)
    }

    fn recv_beyond(&self, into: &mut [u8], beyond: &mut [u8]) -> io::Result<usize> {
        let mut pieces = [IoSliceMut::new(into), IoSliceMut::new(beyond)];
        Ok(rustix::io::readv(self, &mut pieces)?)
    }

    fn recv_now(&self, into: &mut [u8]) -> io::Result<usize> {
        retry(|| recv(self, &mut *into, RecvFlags::DONTWAIT).map(|(read, _)| read))
    }

    /// Reads into the spare capacity without zeroing it first.
    fn recv_onto(&self, onto: &mut Vec<u8>) -> io::Result<usize> {
        Ok(recv(self, spare_capacity(onto), RecvFlags::empty())?.0)
    }

    fn wait(&self, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        let wanted = if write { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut polled = [PollFd::new(self, wanted)];
        poll_for(&mut polled, timeout)?;
        Ok(ready(polled[0].revents()))
    }

    fn is_dead(&self) -> bool {
        let mut byte = [0];
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let peeked = retry(|| recv(self, &mut byte, flags));
        !matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    fn bound_unsent(&self) -> bool {
        httpool_kit::bound_unsent(self)
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

/// A connection being opened by the system.
#[derive(Debug)]
pub struct SystemConnecting {
    socket: SystemSocket,
    to: PeerAddr,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Pending,
    /// Known, and not returned yet.
    Known(io::Result<()>),
    Told,
}

/// Several connections can be opened at once.
pub(super) const RACES: bool = true;

impl SystemConnecting {
    pub(super) fn start(
        to: &PeerAddr,
        from: Option<IpAddr>,
        options: &SocketOptions,
        _: Option<Duration>,
    ) -> io::Result<Self> {
        let (socket, is_open) = begin_connect(to, from, options)?;
        let socket = SystemSocket::of_system(Arc::new(socket));
        let mut this = Self { socket, to: to.clone(), outcome: Outcome::Pending };
        if is_open {
            this.came_up();
        }
        Ok(this)
    }

    /// Makes one whose connection is open from the start.
    pub(super) fn open(socket: SystemSocket, to: &PeerAddr) -> Self {
        Self { socket, to: to.clone(), outcome: Outcome::Known(Ok(())) }
    }

    fn came_up(&mut self) {
        let refused = self.socket.stream().map(|stream| stream.refuse_self(&self.to));
        self.outcome = Outcome::Known(refused.unwrap_or(Ok(())));
    }
}

impl Connecting for SystemConnecting {
    type Socket = SystemSocket;

    fn outcome(&mut self) -> Option<io::Result<()>> {
        if let Outcome::Known(_) = self.outcome
            && let Outcome::Known(how) = mem::replace(&mut self.outcome, Outcome::Told)
        {
            return Some(how);
        }
        None
    }

    fn socket(&self) -> &SystemSocket {
        &self.socket
    }

    /// Makes the socket blocking.
    fn finish(self) -> io::Result<SystemSocket> {
        if let Some(stream) = self.socket.stream() {
            stream.set_nonblocking(false)?;
        }
        Ok(self.socket)
    }
}

/// Implements [`Platform::poll`](crate::platform::Platform::poll). A wake descriptor ends the wait
/// when the parker is woken.
pub(super) fn poll(
    parker: &SystemParker,
    wake_fds: &WakeFds,
    attempts: &mut [(u8, SystemConnecting)],
    talker: Option<(u8, bool)>,
    timeout: Option<Duration>,
) -> io::Result<Ready> {
    // A connected attempt other than the talker is not polled. If its peer had closed, every poll
    // would return at once.
    let wanted = |number: u8, attempt: &SystemConnecting| match (&attempt.outcome, talker) {
        (Outcome::Pending, _) => Some(PollFlags::OUT),
        (_, Some((talker, true))) if talker == number => Some(PollFlags::IN | PollFlags::OUT),
        (_, Some((talker, false))) if talker == number => Some(PollFlags::IN),
        _ => None,
    };
    if !attempts.iter().any(|(number, attempt)| wanted(*number, attempt).is_some()) {
        // Only a wake-up can come: parking waits for it without a descriptor.
        parker.park(timeout);
        return Ok(Ready::default());
    }
    let wake_fd = parker.slot.attach(wake_fds);
    let mut polled = Vec::with_capacity(attempts.len() + 1);
    for (number, attempt) in &*attempts {
        let flags = wanted(*number, attempt);
        let socket = flags.zip(attempt.socket.stream());
        polled.extend(socket.map(|(flags, socket)| PollFd::new(socket, flags)));
    }
    polled.extend(wake_fd.as_ref().map(|wake_fd| PollFd::new(wake_fd, PollFlags::IN)));
    poll_or_woken(parker, &mut polled, wake_fd.is_some(), timeout)?;
    // The caller checks for changes after this, so the wake-up can be cleared.
    parker.reset();
    let got: Vec<_> = polled.iter().map(PollFd::revents).collect();
    drop(polled);

    let (mut talks, mut rest) = (Ready::default(), got.iter());
    for (number, attempt) in attempts {
        if wanted(*number, attempt).is_none() {
            continue;
        }
        let Some(got) = rest.next().copied().filter(|got| !got.is_empty()) else { continue };
        if let Outcome::Pending = attempt.outcome {
            // `take_error` is a system call. It is made only for a socket that looks broken.
            let broken = attempt.socket.stream().filter(|_| is_broken(got));
            match broken.map_or(Ok(None), |stream| stream.take_error()) {
                Ok(Some(error)) | Err(error) => attempt.outcome = Outcome::Known(Err(error)),
                Ok(None) => attempt.came_up(),
            }
        } else {
            talks = ready(got);
        }
    }
    Ok(talks)
}

/// Waits until one of `polled` is ready, `parker` is woken, or `timeout` has passed. A signal also
/// ends the wait. If `polled` contains no wake descriptor, the parker is checked every
/// [`LOOK_AGAIN`].
fn poll_or_woken(
    parker: &SystemParker,
    polled: &mut [PollFd<'_>],
    has_wake_fd: bool,
    timeout: Option<Duration>,
) -> io::Result<()> {
    if parker.is_woken() {
        return poll_for(polled, Some(Duration::ZERO)).map(drop);
    }
    if has_wake_fd {
        return poll_for(polled, timeout).map(drop);
    }
    let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let step = left.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN);
        let has_news = poll_for(polled, Some(step))?;
        if has_news || parker.is_woken() || left == Some(step) {
            return Ok(());
        }
    }
}

fn ready(got: PollFlags) -> Ready {
    let broken = is_broken(got);
    Ready {
        readable: broken || got.contains(PollFlags::IN),
        writable: broken || got.contains(PollFlags::OUT),
        broken,
    }
}

fn is_broken(got: PollFlags) -> bool {
    got.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL)
}

/// Polls once. Returns whether the wait ended before the timeout: a descriptor is ready, or a
/// signal came.
fn poll_for(polled: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<bool> {
    // A timeout too long for a timespec is treated as none.
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match sys_poll(polled, timeout.as_ref()) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Repeats a system call that a signal has interrupted. Only for calls that do not wait.
fn retry<R>(mut call: impl FnMut() -> rustix::io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other.map_err(io::Error::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{SocketAddr, TcpListener, TcpStream},
        thread,
    };

    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

    use super::*;
    use crate::platform::Unpark;

    /// Creates a socket that is connected to itself.
    fn connected_to_itself() -> SystemConnecting {
        let fd = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&fd, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let tcp = TcpStream::from(fd);
        let to = tcp.local_addr().unwrap();
        connect(&tcp, &to).unwrap();
        let socket = SystemSocket::of_system(Arc::new(Stream::Tcp(tcp)));
        SystemConnecting { socket, to: to.into(), outcome: Outcome::Pending }
    }

    #[test]
    fn a_socket_that_is_connected_to_itself_is_refused() {
        let mut attempts = [(0, connected_to_itself())];
        poll(&SystemParker::mine(), &WakeFds::default(), &mut attempts, None, None).unwrap();
        let why = attempts[0].1.outcome().unwrap().unwrap_err();
        assert_eq!(why.kind(), io::ErrorKind::ConnectionRefused);
    }

    /// Begins a connect that stays pending because the listener's queue is full. Returns the
    /// listener, the connection that fills the queue, and the pending connect.
    fn pending() -> (TcpListener, TcpStream, SystemConnecting) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let to = listener.local_addr().unwrap();
        let filler = TcpStream::connect(to).unwrap();
        let options = SocketOptions::default();
        let pending = SystemConnecting::start(&to.into(), None, &options, None).unwrap();
        (listener, filler, pending)
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_without_a_wake_descriptor_is_woken_too() {
        let wake_fds = WakeFds::default();
        let slots: Vec<_> = (0..64).map(|_| WakeSlot::default()).collect();
        let _all: Vec<_> = slots.iter().map_while(|slot| slot.attach(&wake_fds)).collect();
        let (_listener, _filler, connecting) = pending();
        let (mut attempts, parker) = ([(0, connecting)], SystemParker::mine());
        // Longer than `LOOK_AGAIN`, and no multiple of it.
        let timeout = Some(Duration::from_millis(25));
        poll(&parker, &wake_fds, &mut attempts, None, timeout).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| parker.unpark());
            poll(&parker, &wake_fds, &mut attempts, None, None).unwrap();
        });
        assert!(attempts[0].1.outcome().is_none(), "it is still pending");
    }
}
