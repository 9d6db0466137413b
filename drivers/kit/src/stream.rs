//! The sockets of connections: TCP and Unix domain sockets as one type.

use std::{io, net::TcpStream, time::Duration};

/// Defines the type `Stream`, over two types of sockets: that for TCP, and that for Unix domain
/// sockets, which only Unix has. Both types read, write and shut down like those of `std`.
#[macro_export]
macro_rules! stream {
    ($(#[$about:meta])* $tcp:ty, $unix:ty) => {
        $(#[$about])*
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum Stream {
            /// A TCP connection.
            Tcp($tcp),
            /// A connection through a Unix domain socket.
            #[cfg(unix)]
            Unix($unix),
        }

        impl Stream {
            /// Ends one direction of the connection, or both.
            ///
            /// # Errors
            /// The connection is lost.
            pub fn shutdown(&self, how: ::std::net::Shutdown) -> ::std::io::Result<()> {
                $crate::of_stream!(self, socket => socket.shutdown(how))
            }

            /// Returns the error that the socket has met, and clears it.
            ///
            /// # Errors
            /// The system cannot tell.
            pub fn take_error(
                &self,
            ) -> ::std::io::Result<::std::option::Option<::std::io::Error>> {
                $crate::of_stream!(self, socket => socket.take_error())
            }
        }

        impl ::std::io::Read for &Stream {
            fn read(&mut self, into: &mut [u8]) -> ::std::io::Result<usize> {
                $crate::of_stream!(self, socket => { let mut socket = socket; socket.read(into) })
            }

            fn read_vectored(
                &mut self,
                into: &mut [::std::io::IoSliceMut<'_>],
            ) -> ::std::io::Result<usize> {
                $crate::of_stream!(self, socket => {
                    let mut socket = socket;
                    socket.read_vectored(into)
                })
            }
        }

        impl ::std::io::Write for &Stream {
            fn write(&mut self, bytes: &[u8]) -> ::std::io::Result<usize> {
                $crate::of_stream!(self, socket => { let mut socket = socket; socket.write(bytes) })
            }

            fn write_vectored(
                &mut self,
                bytes: &[::std::io::IoSlice<'_>],
            ) -> ::std::io::Result<usize> {
                $crate::of_stream!(self, socket => {
                    let mut socket = socket;
                    socket.write_vectored(bytes)
                })
            }

            fn flush(&mut self) -> ::std::io::Result<()> {
                ::std::result::Result::Ok(())
            }
        }

        impl ::std::io::Read for Stream {
            fn read(&mut self, into: &mut [u8]) -> ::std::io::Result<usize> {
                (&*self).read(into)
            }

            fn read_vectored(
                &mut self,
                into: &mut [::std::io::IoSliceMut<'_>],
            ) -> ::std::io::Result<usize> {
                (&*self).read_vectored(into)
            }
        }

        impl ::std::io::Write for Stream {
            fn write(&mut self, bytes: &[u8]) -> ::std::io::Result<usize> {
                (&*self).write(bytes)
            }

            fn write_vectored(
                &mut self,
                bytes: &[::std::io::IoSlice<'_>],
            ) -> ::std::io::Result<usize> {
                (&*self).write_vectored(bytes)
            }

            fn flush(&mut self) -> ::std::io::Result<()> {
                ::std::result::Result::Ok(())
            }
        }

        #[cfg(unix)]
        impl ::std::os::fd::AsFd for Stream {
            fn as_fd(&self) -> ::std::os::fd::BorrowedFd<'_> {
                $crate::of_stream!(self, socket => ::std::os::fd::AsFd::as_fd(socket))
            }
        }
    };
}

/// Does the same with either socket of a `Stream`.
#[doc(hidden)]
#[macro_export]
macro_rules! of_stream {
    ($stream:expr, $socket:ident => $work:expr) => {
        match $stream {
            Stream::Tcp($socket) => $work,
            #[cfg(unix)]
            Stream::Unix($socket) => $work,
        }
    };
}

stream! {
    /// An open connection of the operating system. It blocks, unless it is set not to.
    TcpStream, std::os::unix::net::UnixStream
}

impl Stream {
    /// Sets whether reads and writes fail with [`WouldBlock`](io::ErrorKind::WouldBlock) instead of
    /// waiting.
    ///
    /// # Errors
    /// The system has refused.
    pub fn set_nonblocking(&self, yes: bool) -> io::Result<()> {
        of_stream!(self, socket => socket.set_nonblocking(yes))
    }

    /// Limits the time that a read waits. `None`: no limit.
    ///
    /// # Errors
    /// The time is zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        of_stream!(self, socket => socket.set_read_timeout(timeout))
    }

    /// Limits the time that a write waits. `None`: no limit.
    ///
    /// # Errors
    /// The time is zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        of_stream!(self, socket => socket.set_write_timeout(timeout))
    }

    /// Makes another handle to the same connection.
    ///
    /// # Errors
    /// The system has no descriptor left.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(tcp) => Self::Tcp(tcp.try_clone()?),
            #[cfg(unix)]
            Self::Unix(unix) => Self::Unix(unix.try_clone()?),
        })
    }

    /// Refuses a socket that is connected to itself: see [`refuse_self`](crate::refuse_self).
    ///
    /// # Errors
    /// As `refuse_self`.
    pub fn refuse_self(&self, peer: &httpool::message::PeerAddr) -> io::Result<()> {
        match (self, peer.tcp()) {
            (Self::Tcp(tcp), Some(peer)) => crate::refuse_self(peer, || tcp.local_addr()),
            _ => Ok(()),
        }
    }
}
