//! The sockets of the loop.

use std::io;

use httpool::message::PeerAddr;
use httpool_kit::SocketOptions;
use mio::{Interest, Registry, Token, event::Source};

httpool_kit::stream! {
    /// An open connection, which does not block. Register it with a [`mio::Poll`] like the socket
    /// that it holds.
    mio::net::TcpStream, mio::net::UnixStream
}

impl Stream {
    /// Begins to connect to `to`, from the address `from` if one is given.
    #[cfg(unix)]
    pub(crate) fn connect(
        to: &PeerAddr,
        from: Option<std::net::IpAddr>,
        options: &SocketOptions,
    ) -> io::Result<Self> {
        Ok(match httpool_kit::begin_connect(to, from, options)?.0 {
            httpool_kit::Stream::Tcp(tcp) => Self::Tcp(mio::net::TcpStream::from_std(tcp)),
            httpool_kit::Stream::Unix(unix) => Self::Unix(mio::net::UnixStream::from_std(unix)),
            _ => return Err(io::ErrorKind::Unsupported.into()),
        })
    }

    /// Begins to connect to `to`. Fails if `from` is given, a Unix domain socket, or an option that
    /// has to be set before the connect.
    #[cfg(not(unix))]
    pub(crate) fn connect(
        to: &PeerAddr,
        from: Option<std::net::IpAddr>,
        options: &SocketOptions,
    ) -> io::Result<Self> {
        let unsupported = |what| Err(io::Error::new(io::ErrorKind::Unsupported, what));
        if !options.has_nodelay_alone() {
            return unsupported("of the socket options only nodelay is supported on this system");
        }
        match (to, from) {
            (PeerAddr::Tcp(to), None) => mio::net::TcpStream::connect(*to).map(Self::Tcp),
            (PeerAddr::Tcp(_), Some(_)) => {
                unsupported("a local address cannot be chosen on this system")
            }
            (PeerAddr::Unix(_), _) => {
                unsupported("Unix domain sockets are not supported on this system")
            }
        }
    }

    /// Completes a socket that has connected. Returns an error if it has not, or if it is connected
    /// to itself.
    pub(crate) fn finish(&self, options: &SocketOptions) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => {
                httpool_kit::refuse_self(tcp.peer_addr()?, || tcp.local_addr())?;
                // On Unix they were set before the socket connected.
                #[cfg(not(unix))]
                tcp.set_nodelay(options.nodelay)?;
                #[cfg(unix)]
                let _ = options;
                Ok(())
            }
            #[cfg(unix)]
            Self::Unix(unix) => unix.peer_addr().map(drop),
        }
    }
}

impl Source for Stream {
    fn register(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        httpool_kit::of_stream!(self, socket => socket.register(registry, token, on))
    }

    fn reregister(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        httpool_kit::of_stream!(self, socket => socket.reregister(registry, token, on))
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        httpool_kit::of_stream!(self, socket => socket.deregister(registry))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::net::SocketAddr;

    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

    use super::*;

    #[test]
    fn a_socket_that_is_connected_to_itself_is_refused() {
        let fd = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&fd, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let tcp = mio::net::TcpStream::from_std(fd.into());
        connect(&tcp, &tcp.local_addr().unwrap()).unwrap();
        let why = Stream::Tcp(tcp).finish(&SocketOptions::default()).unwrap_err();
        assert_eq!(why.kind(), io::ErrorKind::ConnectionRefused);
    }
}
