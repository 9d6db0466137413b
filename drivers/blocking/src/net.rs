//! A network of the program's own, in place of the system's sockets: for tests without a server.
//!
//! [`ClientBuilder::net`](crate::ClientBuilder::net) gives a client a [`Net`]. The client then
//! opens no socket and asks no resolver. It dials, sends and receives through the net, and reads
//! the net's clock. All else runs as with sockets: the pool, retries, redirects, deadlines,
//! decoding. The type of the client is the same [`Client`](crate::Client), so code under test needs
//! no change. The crate `httpool-mock` is a net that answers from a script.
//!
//! ```
//! use std::{io, net::SocketAddr, sync::{Arc, Mutex}, time::Duration};
//!
//! use httpool_blocking::{Client, PeerAddr, httpool::time::Instant, net::{Conn, Net}};
//!
//! /// Answers each write with the same response.
//! #[derive(Debug)]
//! struct Same;
//!
//! #[derive(Debug, Default)]
//! struct Answer(Mutex<Vec<u8>>);
//!
//! impl Net for Same {
//!     fn now(&self, system: Instant) -> Instant {
//!         system
//!     }
//!     fn pause(&self, time: Duration) {
//!         std::thread::sleep(time);
//!     }
//!     fn look_up(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
//!         Ok(vec![([192, 0, 2, 1], port).into()])
//!     }
//!     fn connect(&self, _: &PeerAddr) -> io::Result<Arc<dyn Conn>> {
//!         Ok(Arc::new(Answer::default()))
//!     }
//! }
//!
//! impl Conn for Answer {
//!     fn send(&self, bytes: &[u8]) -> io::Result<usize> {
//!         *self.0.lock().unwrap() = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_vec();
//!         Ok(bytes.len())
//!     }
//!     fn recv(&self, into: &mut [u8], _: Option<Duration>) -> io::Result<usize> {
//!         let mut left = self.0.lock().unwrap();
//!         let some = into.len().min(left.len());
//!         into[..some].copy_from_slice(&left[..some]);
//!         left.drain(..some);
//!         if some == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(some) }
//!     }
//!     fn wait(&self, _: Option<Duration>) -> bool {
//!         !self.0.lock().unwrap().is_empty()
//!     }
//!     fn shut_down(&self) {}
//! }
//!
//! let client = Client::builder().net(Arc::new(Same)).build();
//! assert_eq!(client.get("http://api.example/").send()?.text()?, "hello");
//! # Ok::<(), httpool_blocking::Error>(())
//! ```

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use httpool::{message::PeerAddr, time::Instant};
pub use httpool_kit::NetFailure as Failure;

/// A network that a client uses in place of the system's. See the [module](self).
///
/// The methods are called by all threads of the client at once.
pub trait Net: fmt::Debug + Send + Sync {
    /// Returns the time of the client. `system` is that of the system's clock. A net that lets time
    /// pass without waiting returns a later one. It must not run backwards.
    fn now(&self, system: Instant) -> Instant;

    /// Lets `time` pass: the delay before a call is tried again. [`now`](Self::now) is then later
    /// by that time. A net with a clock of its own need not wait.
    fn pause(&self, time: Duration);

    /// Returns the addresses of `host`, with `port`. Must not block.
    ///
    /// # Errors
    /// The name is unknown.
    fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;

    /// Opens a connection. Must not block.
    ///
    /// # Errors
    /// The connection is refused.
    fn connect(&self, to: &PeerAddr) -> io::Result<Arc<dyn Conn>>;
}

/// An open connection of a [`Net`]. An error that is a [`Failure`] is shown by the call's
/// [`Error`](crate::Error) with its text. A connection carries the bytes of HTTP/1.1, and those of
/// the [layers](crate::layer) of an `https` URL.
///
/// [`Response::into_switched`](crate::Response::into_switched) returns `None` for it, because it
/// has no socket.
pub trait Conn: fmt::Debug + Send + Sync {
    /// Takes bytes, as many as there is room for. Must not block. `bytes` is not empty.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room, or the connection is lost.
    fn send(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Reads into `into`, which is not empty, and waits for at most `timeout`. Returns the number
    /// of bytes, or 0 at the end of input.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if the timeout has passed, on the clock of
    /// [`Net::now`], or the connection is lost.
    fn recv(&self, into: &mut [u8], timeout: Option<Duration>) -> io::Result<usize>;

    /// Waits for input, its end or an error, for at most `timeout`. Returns whether there is any.
    fn wait(&self, timeout: Option<Duration>) -> bool;

    /// Ends the connection in both directions. Called when it is closed, and by another thread when
    /// a call is cancelled.
    fn shut_down(&self);
}
