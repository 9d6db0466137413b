//! Opens connections.

use std::{io, net::SocketAddr};

/// The first port that a system may choose for a socket by itself. Lower ports are never ephemeral
/// (RFC 6056 3.2).
const EPHEMERAL_MIN: u16 = 1024;

/// Refuses a connection that a socket has made to itself. A system chooses the port of a socket
/// from those without a listener. If a socket connects to a port of the same machine and gets that
/// same port as its own, TCP connects it to itself (simultaneous open, RFC 9293 3.5). The client
/// would then read its own request as the response.
///
/// `peer` is the address that was connected to. `local` asks the system for the socket's own
/// address. It is not called for ports below 1024.
///
/// # Errors
/// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused): nothing listens at `peer`.
pub fn refuse_self(
    peer: SocketAddr,
    local: impl FnOnce() -> io::Result<SocketAddr>,
) -> io::Result<()> {
    if peer.port() < EPHEMERAL_MIN {
        return Ok(());
    }
    // Without the local address nothing can be compared. If the socket is broken, its first use
    // reports the error.
    let Ok(local) = local() else { return Ok(()) };
    let same = peer.ip().to_canonical() == local.ip().to_canonical();
    if local.port() == peer.port() && (same || peer.ip().is_unspecified()) {
        let why = format!("nothing listens at {peer}: the socket was connected to itself");
        return Err(io::Error::new(io::ErrorKind::ConnectionRefused, why));
    }
    Ok(())
}

#[cfg(unix)]
pub use of_unix::begin_connect;

#[cfg(unix)]
mod of_unix {
    use std::{io, net::IpAddr};

    use httpool::message::{PeerAddr, UnixPath};
    use rustix::{
        fd::{AsFd, OwnedFd},
        io::{Errno, FdFlags, fcntl_setfd, ioctl_fionbio},
        net::{
            AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, ipproto,
            socket_with,
        },
    };

    use crate::{SocketOptions, Stream};

    /// Starts to connect to `to`, from the address `from` if one is given, without waiting. Sets
    /// `options` first. Returns the socket, and whether it is connected already. The socket is
    /// non-blocking and closed on `exec`. A Unix domain socket has no local address.
    ///
    /// # Errors
    /// The system could not create a socket, refused an option, `from` is not an address of this
    /// machine, or the connect failed at once.
    pub fn begin_connect(
        to: &PeerAddr,
        from: Option<IpAddr>,
        options: &SocketOptions,
    ) -> io::Result<(Stream, bool)> {
        let family = match to {
            PeerAddr::Tcp(addr) if addr.is_ipv4() => AddressFamily::INET,
            PeerAddr::Tcp(_) => AddressFamily::INET6,
            PeerAddr::Unix(_) => AddressFamily::UNIX,
        };
        let fd = open(family)?;
        options.apply(fd.as_fd(), to)?;
        let (stream, begun) = match to {
            PeerAddr::Tcp(to) => {
                if let Some(from) = from {
                    bind(&fd, &crate::local_for(from, *to))?;
                }
                let begun = connect(&fd, to);
                (Stream::Tcp(fd.into()), begun)
            }
            PeerAddr::Unix(path) => {
                let begun = connect(&fd, &unix_addr(path)?);
                (Stream::Unix(fd.into()), begun)
            }
        };
        match begun {
            Ok(()) => Ok((stream, true)),
            Err(Errno::INPROGRESS | Errno::INTR) => Ok((stream, false)),
            // Linux says EAGAIN where BSD says ECONNREFUSED. Nothing would report room later.
            Err(Errno::AGAIN) if to.tcp().is_none() => {
                let why = format!("the server at {to} has too many connections to accept");
                Err(io::Error::new(io::ErrorKind::ConnectionRefused, why))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the system's address for a path.
    fn unix_addr(path: &UnixPath) -> io::Result<SocketAddrUnix> {
        let addr = match path.as_bytes() {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            [0, name @ ..] => SocketAddrUnix::new_abstract_name(name),
            [] => Err(Errno::NOENT),
            whole => SocketAddrUnix::new(whole),
        };
        addr.map_err(|why| {
            let why = io::Error::from(why);
            let kind = why.kind();
            io::Error::new(kind, format!("{path} is not the path of a socket: {why}"))
        })
    }

    /// Creates a socket that does not block and is closed on `exec`. Where the system can, it sets
    /// both flags from the start, so that a fork in another thread cannot inherit the socket.
    fn open(family: AddressFamily) -> io::Result<OwnedFd> {
        let flags = SocketFlags::empty();
        #[cfg(not(any(
            target_vendor = "apple",
            target_os = "aix",
            target_os = "espidf",
            target_os = "haiku",
            target_os = "horizon",
            target_os = "nto",
            target_os = "vita",
        )))]
        let flags = flags | SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let protocol = (family != AddressFamily::UNIX).then_some(ipproto::TCP);
        let fd = socket_with(family, SocketType::STREAM, flags, protocol)?;
        if flags.is_empty() {
            fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
            ioctl_fionbio(&fd, true)?;
        }
        // Set SO_NOSIGPIPE on the socket, because this system has no such flag for a write.
        #[cfg(target_vendor = "apple")]
        rustix::net::sockopt::set_socket_nosigpipe(&fd, true)?;
        Ok(fd)
    }

    #[cfg(test)]
    mod tests {
        use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

        use rustix::{
            fs::{OFlags, fcntl_getfl},
            io::fcntl_getfd,
        };

        use super::*;

        #[test]
        fn a_socket_does_not_block_and_is_not_inherited() {
            for from in [None, Some(Ipv4Addr::LOCALHOST.into())] {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                let to = listener.local_addr().unwrap().into();
                let (tcp, _) = begin_connect(&to, from, &SocketOptions::default()).unwrap();
                assert!(fcntl_getfd(&tcp).unwrap().contains(FdFlags::CLOEXEC));
                assert!(fcntl_getfl(&tcp).unwrap().contains(OFlags::NONBLOCK));
            }
        }

        #[test]
        fn a_socket_that_is_connected_to_itself_is_refused() {
            for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
                let family = if ip.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
                let fd = open(family).unwrap();
                let Ok(()) = bind(&fd, &SocketAddr::new(ip, 0)) else { continue };
                let tcp = TcpStream::from(fd);
                let own = tcp.local_addr().unwrap();
                connect(&tcp, &own).ok();
                assert_eq!(tcp.peer_addr().unwrap(), own, "it is connected to itself");
                let why = crate::refuse_self(own, || tcp.local_addr()).unwrap_err();
                assert_eq!(crate::io_kind(&why), httpool::error::IoKind::Refused);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_is_connected_to_another_is_not_refused() {
        let refused = |peer: &str, local: &str| {
            let local = local.parse().unwrap();
            refuse_self(peer.parse().unwrap(), || Ok(local)).is_err()
        };
        assert!(!refused("127.0.0.1:40000", "127.0.0.1:40001"));
        assert!(!refused("127.0.0.2:40000", "127.0.0.1:40000"));
        assert!(!refused("127.0.0.1:1023", "127.0.0.1:1023"), "no ephemeral port");
        assert!(refused("127.0.0.1:40000", "127.0.0.1:40000"));
        assert!(refused("0.0.0.0:40000", "127.0.0.1:40000"), "connects to the machine itself");
        assert!(refused("[::ffff:127.0.0.1]:40000", "127.0.0.1:40000"));
        assert!(refused("[::]:40000", "[::1]:40000"));
        let unknown = || Err(io::ErrorKind::InvalidInput.into());
        assert!(refuse_self("127.0.0.1:40000".parse().unwrap(), unknown).is_ok());
    }
}
