//! With `poll(2)` and `MSG_DONTWAIT`.

use std::{
    io::{self, IoSlice, Read, Write},
    mem,
    net::{IpAddr, SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    sync::Arc,
    time::Duration,
};

use rustix::{
    buffer::spare_capacity,
    event::{PollFd, PollFlags, Timespec, poll as sys_poll},
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketType, bind, connect,
        ipproto, recv, sendmsg, socket,
    },
};

use crate::platform::{Connecting, Ready, Socket, Stir};

impl Socket for TcpStream {
    #[inline]
    fn send_now(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        retry(|| sendmsg(self, pieces, &mut SendAncillaryBuffer::default(), flags))
    }

    #[inline]
    fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        retry(|| recv(self, &mut *into, RecvFlags::empty()).map(|(read, _)| read))
    }

    fn recv_now(&self, into: &mut [u8]) -> io::Result<usize> {
        retry(|| recv(self, &mut *into, RecvFlags::DONTWAIT).map(|(read, _)| read))
    }

    /// Nothing is zeroed for it.
    fn recv_onto(&self, onto: &mut Vec<u8>) -> io::Result<usize> {
        retry(|| recv(self, spare_capacity(onto), RecvFlags::empty()).map(|(read, _)| read))
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
        httpool_common::bound_unsent(self)
    }

    fn set_receive_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(timeout))
    }

    fn stirrer(&self) -> io::Result<Arc<dyn Stir>> {
        Ok(Arc::new(self.try_clone()?))
    }
}

/// A connection being opened by the system.
#[derive(Debug)]
pub struct SystemConnecting {
    tcp: TcpStream,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Pending,
    /// Not told yet.
    Known(io::Result<()>),
    Told,
}

impl SystemConnecting {
    pub(super) fn start(to: SocketAddr, from: Option<IpAddr>) -> io::Result<Self> {
        let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let fd = socket(family, SocketType::STREAM, Some(ipproto::TCP))?;
        rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
        if let Some(from) = from {
            bind(&fd, &SocketAddr::new(from, 0))?;
        }
        let tcp = TcpStream::from(fd);
        tcp.set_nonblocking(true)?;
        match connect(&tcp, &to) {
            Ok(()) => Ok(Self { tcp, outcome: Outcome::Known(Ok(())) }),
            Err(Errno::INPROGRESS | Errno::INTR) => Ok(Self { tcp, outcome: Outcome::Pending }),
            Err(error) => Err(error.into()),
        }
    }
}

impl Connecting for SystemConnecting {
    type Socket = TcpStream;

    fn outcome(&mut self) -> Option<io::Result<()>> {
        if let Outcome::Known(_) = self.outcome
            && let Outcome::Known(how) = mem::replace(&mut self.outcome, Outcome::Told)
        {
            return Some(how);
        }
        None
    }

    fn socket(&self) -> &TcpStream {
        &self.tcp
    }

    /// Blocking, and sending at once what it is given.
    fn finish(self) -> io::Result<TcpStream> {
        self.tcp.set_nonblocking(false)?;
        self.tcp.set_nodelay(true)?;
        Ok(self.tcp)
    }
}

/// As [`Platform::poll`](crate::platform::Platform::poll), with the bell of the seat.
pub(super) fn poll(
    bell: &Bell,
    attempts: &mut [(u8, SystemConnecting)],
    talker: Option<(u8, bool)>,
    timeout: Option<Duration>,
) -> io::Result<Ready> {
    // One that is up and not spoken to is not looked at: if its peer closed, no wait would last.
    let wanted = |number: u8, attempt: &SystemConnecting| match (&attempt.outcome, talker) {
        (Outcome::Pending, _) => Some(PollFlags::OUT),
        (_, Some((talker, true))) if talker == number => Some(PollFlags::IN | PollFlags::OUT),
        (_, Some((talker, false))) if talker == number => Some(PollFlags::IN),
        _ => None,
    };
    let mut polled = Vec::with_capacity(attempts.len() + 1);
    polled.push(PollFd::new(&bell.listening, PollFlags::IN));
    for (number, attempt) in &*attempts {
        let flags = wanted(*number, attempt);
        polled.extend(flags.map(|flags| PollFd::new(&attempt.tcp, flags)));
    }
    poll_for(&mut polled, timeout)?;
    let got: Vec<_> = polled.iter().map(PollFd::revents).collect();
    drop(polled);

    let (mut talks, mut rest) = (Ready::default(), got[1..].iter());
    for (number, attempt) in attempts {
        if wanted(*number, attempt).is_none() {
            continue;
        }
        let Some(got) = rest.next().copied().filter(|got| !got.is_empty()) else { continue };
        if let Outcome::Pending = attempt.outcome {
            // Only what looks broken is asked for its error: one system call saved for the rest.
            let error = if is_broken(got) { attempt.tcp.take_error()? } else { None };
            attempt.outcome = Outcome::Known(error.map_or(Ok(()), Err));
        } else {
            talks = ready(got);
        }
    }
    if !got[0].is_empty() {
        bell.silence();
    }
    Ok(talks)
}

/// Wakes a thread that waits in [`poll`].
#[derive(Debug)]
pub(super) struct Bell {
    ringing: UnixStream,
    listening: UnixStream,
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        let (ringing, listening) = UnixStream::pair()?;
        ringing.set_nonblocking(true)?;
        listening.set_nonblocking(true)?;
        Ok(Self { ringing, listening })
    }

    pub(super) fn ring(&self) {
        // A full pipe is a bell that rings already.
        (&self.ringing).write_all(&[0]).ok();
    }

    fn silence(&self) {
        let mut rings = [0; 64];
        while matches!((&self.listening).read(&mut rings), Ok(1..)) {}
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

fn poll_for(polled: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<()> {
    // Longer than a timespec holds is for ever.
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match sys_poll(polled, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn retry<R>(mut call: impl FnMut() -> rustix::io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other.map_err(io::Error::from),
        }
    }
}
