//! With `poll(2)` and `MSG_DONTWAIT`.

use std::{
    io::{self, IoSlice, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    time::Duration,
};

use rustix::{
    buffer::spare_capacity,
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketType, bind, connect,
        ipproto, recv as sys_recv, sendmsg, socket,
    },
};

use super::Ready;

/// Writes without waiting.
pub(crate) fn send_now(tcp: &TcpStream, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    retry(|| sendmsg(tcp, pieces, &mut SendAncillaryBuffer::default(), flags))
}

/// Reads, waiting for at most the socket's receive timeout.
pub(crate) fn recv(tcp: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
    retry(|| sys_recv(tcp, &mut *into, RecvFlags::empty()).map(|(read, _)| read))
}

/// Reads what is there, without waiting.
pub(crate) fn recv_now(tcp: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
    retry(|| sys_recv(tcp, &mut *into, RecvFlags::DONTWAIT).map(|(read, _)| read))
}

/// As [`recv`], behind what `onto` holds, into the capacity it has: nothing is zeroed for it.
pub(crate) fn recv_onto(tcp: &TcpStream, onto: &mut Vec<u8>) -> io::Result<usize> {
    retry(|| sys_recv(tcp, spare_capacity(onto), RecvFlags::empty()).map(|(read, _)| read))
}

/// Whether an idle connection was closed by the peer, or spoke unasked.
pub(crate) fn is_dead(tcp: &TcpStream) -> bool {
    let mut byte = [0];
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    !matches!(retry(|| sys_recv(tcp, &mut byte, flags)), Err(e) if e.kind() == io::ErrorKind::WouldBlock)
}

/// Waits until `tcp` can be read (or written, if asked), or for at most `timeout`.
pub(crate) fn wait(tcp: &TcpStream, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
    let wanted = if write { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
    let mut polled = [PollFd::new(tcp, wanted)];
    poll_for(&mut polled, timeout)?;
    let got = polled[0].revents();
    let broken = got.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL);
    Ok(Ready {
        readable: broken || got.contains(PollFlags::IN),
        writable: broken || got.contains(PollFlags::OUT),
    })
}

/// A connection being opened.
#[derive(Debug)]
pub(crate) struct Connecting {
    tcp: TcpStream,
    up: bool,
}

impl Connecting {
    /// Begins to connect.
    pub(crate) fn start(to: SocketAddr, from: Option<IpAddr>) -> io::Result<Self> {
        let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let fd = socket(family, SocketType::STREAM, Some(ipproto::TCP))?;
        rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
        if let Some(from) = from {
            bind(&fd, &SocketAddr::new(from, 0))?;
        }
        let tcp = TcpStream::from(fd);
        tcp.set_nonblocking(true)?;
        match connect(&tcp, &to) {
            Ok(()) => Ok(Self { tcp, up: true }),
            Err(Errno::INPROGRESS | Errno::INTR) => Ok(Self { tcp, up: false }),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.up
    }

    /// The socket, while proxies are spoken to.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// The socket as an exchange wants it: blocking, and sending at once what it is given.
    pub(crate) fn finish(self) -> io::Result<TcpStream> {
        self.tcp.set_nonblocking(false)?;
        self.tcp.set_nodelay(true)?;
        Ok(self.tcp)
    }

    /// Waits until one of `attempts` is connected or has failed, `talking` can be read (or written,
    /// if `write`), `bell` rings, or for at most `timeout`. Calls `done` for each attempt that has
    /// an outcome.
    pub(crate) fn wait(
        attempts: &mut [(u8, Self)],
        talking: Option<(u8, bool)>,
        bell: &Bell,
        timeout: Option<Duration>,
        mut done: impl FnMut(u8, io::Result<()>),
    ) -> io::Result<Ready> {
        let mut polled = Vec::with_capacity(attempts.len() + 1);
        polled.push(PollFd::new(&bell.listening, PollFlags::IN));
        for (number, attempt) in &*attempts {
            let wanted = match talking {
                Some((talker, true)) if talker == *number => PollFlags::IN | PollFlags::OUT,
                Some((talker, false)) if talker == *number => PollFlags::IN,
                _ if attempt.up => continue,
                _ => PollFlags::OUT,
            };
            polled.push(PollFd::new(&attempt.tcp, wanted));
        }
        poll_for(&mut polled, timeout)?;
        let got: Vec<_> = polled.iter().map(PollFd::revents).collect();
        drop(polled);

        let (rung, mut got) = (!got[0].is_empty(), got.into_iter().skip(1));
        let mut ready = Ready::default();
        for (number, attempt) in attempts {
            let talks = talking.is_some_and(|(talker, _)| talker == *number);
            if attempt.up && !talks {
                continue;
            }
            let Some(got) = got.next().filter(|got| !got.is_empty()) else { continue };
            let broken = got.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL);
            if talks {
                ready.readable = broken || got.contains(PollFlags::IN);
                ready.writable = broken || got.contains(PollFlags::OUT);
                continue;
            }
            // Only what looks broken is asked for its error: one system call saved for the rest.
            let error = if broken { attempt.tcp.take_error()? } else { None };
            attempt.up = error.is_none();
            done(*number, error.map_or(Ok(()), Err));
        }
        if rung {
            bell.silence();
        }
        Ok(ready)
    }
}

/// Wakes a thread that waits in [`Connecting::wait`].
#[derive(Debug)]
pub(crate) struct Bell {
    ringing: UnixStream,
    listening: UnixStream,
}

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        let (ringing, listening) = UnixStream::pair()?;
        ringing.set_nonblocking(true)?;
        listening.set_nonblocking(true)?;
        Ok(Self { ringing, listening })
    }

    pub(crate) fn ring(&self) {
        // A full pipe is a bell that rings already.
        (&self.ringing).write_all(&[0]).ok();
    }

    fn silence(&self) {
        let mut rings = [0; 64];
        while matches!((&self.listening).read(&mut rings), Ok(1..)) {}
    }
}

fn poll_for(polled: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<()> {
    // Longer than a timespec holds is for ever.
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match poll(polled, timeout.as_ref()) {
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
