//! The options of sockets.

use std::{fmt, io, time::Duration};
#[cfg(unix)]
use std::{os::fd::BorrowedFd, sync::Arc};

#[cfg(unix)]
use httpool::message::PeerAddr;

/// The options that are set on each socket before it connects (urllib3: `socket_options`). An
/// option that the system refuses fails the connect, with an error that names the option.
///
/// A Unix domain socket gets the sizes of its buffers, and the hook; the others are options of TCP.
///
/// ```
/// use std::time::Duration;
/// use httpool_kit::SocketOptions;
///
/// let options = SocketOptions::default()
///     .keepalive(Duration::from_secs(60))
///     .keepalive_interval(Duration::from_secs(10));
/// assert!(options.nodelay);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct SocketOptions {
    /// Send small segments at once (TCP_NODELAY). On by default, as in urllib3.
    pub nodelay: bool,
    /// Probe a silent connection after this time, in whole seconds (SO_KEEPALIVE, TCP_KEEPIDLE).
    /// `None`, the default: never.
    pub keepalive: Option<Duration>,
    /// The time between two probes, in whole seconds (TCP_KEEPINTVL). `None`: the system's. It has
    /// no effect without [`keepalive`](field@Self::keepalive).
    pub keepalive_interval: Option<Duration>,
    /// The number of probes without answer that end the connection (TCP_KEEPCNT). `None`: the
    /// system's. It has no effect without [`keepalive`](field@Self::keepalive).
    pub keepalive_count: Option<u32>,
    /// The size of the send buffer, in bytes (SO_SNDBUF). `None`: the system's. Linux doubles it.
    pub send_buffer: Option<usize>,
    /// The size of the receive buffer, in bytes (SO_RCVBUF). `None`: the system's. Linux doubles it.
    pub receive_buffer: Option<usize>,
    /// The longest time that sent bytes may stay without acknowledgement, in milliseconds
    /// (TCP_USER_TIMEOUT, RFC 5482). `None`: the system's. Only Linux and Android have it; elsewhere
    /// the connect fails with [`Unsupported`](io::ErrorKind::Unsupported).
    pub user_timeout: Option<Duration>,
    /// The network interface that connections go through, such as `eth0` (SO_BINDTODEVICE; curl:
    /// `--interface`). `None`: the system's routes decide. Only Linux and Android have it;
    /// elsewhere the connect fails with [`Unsupported`](io::ErrorKind::Unsupported).
    pub interface: Option<String>,
    /// Called with each socket, after the other options are set.
    #[cfg(unix)]
    hook: Option<Arc<Hook>>,
}

#[cfg(unix)]
type Hook = dyn Fn(BorrowedFd<'_>, &PeerAddr) -> io::Result<()> + Send + Sync;

/// Writes a setter for each option that may be left to the system.
macro_rules! options {
    ($($field:ident: $type:ty),+) => {$(
        #[doc = concat!("Sets [`", stringify!($field), "`](field@Self::", stringify!($field), ").")]
        #[must_use]
        pub fn $field(mut self, $field: impl Into<Option<$type>>) -> Self {
            self.$field = $field.into();
            self
        }
    )+};
}

impl SocketOptions {
    options!(
        keepalive: Duration,
        keepalive_interval: Duration,
        keepalive_count: u32,
        send_buffer: usize,
        receive_buffer: usize,
        user_timeout: Duration,
        interface: String
    );

    /// Sets [`nodelay`](field@Self::nodelay).
    #[must_use]
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Calls `hook` with each socket before it connects, after the other options are set: for an
    /// option that has no name here. The second argument is the address that is connected to. An
    /// error fails the connect. Only on Unix.
    ///
    /// ```
    /// use httpool_kit::SocketOptions;
    ///
    /// let options = SocketOptions::default().before_connect(|socket, peer| {
    ///     println!("{socket:?} connects to {peer}");
    ///     Ok(())
    /// });
    /// ```
    #[cfg(unix)]
    #[must_use]
    pub fn before_connect(
        mut self,
        hook: impl Fn(BorrowedFd<'_>, &PeerAddr) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    /// Returns whether no option but [`nodelay`](field@Self::nodelay) is set. A driver that can set
    /// no other option on this system refuses the rest.
    pub fn has_nodelay_alone(&self) -> bool {
        let Self { keepalive, send_buffer, receive_buffer, user_timeout, interface, .. } = self;
        let sizes = send_buffer.is_some() || receive_buffer.is_some();
        !sizes && keepalive.is_none() && user_timeout.is_none() && interface.is_none()
    }

    /// Sets the options of a socket that will connect to `to`, and calls the hook.
    #[cfg(unix)]
    pub(crate) fn apply(&self, socket: BorrowedFd<'_>, to: &PeerAddr) -> io::Result<()> {
        let it = socket2::SockRef::from(&socket);
        self.apply_sizes(&it)?;
        if to.tcp().is_some() {
            self.apply_tcp(&it)?;
        }
        self.hook.as_ref().map_or(Ok(()), |hook| hook(socket, to))
    }

    /// Sets the options of a socket that is connected already, where the system's own connect is not
    /// at hand.
    ///
    /// # Errors
    /// The system refuses an option.
    pub fn apply_late(&self, tcp: &std::net::TcpStream) -> io::Result<()> {
        #[cfg(any(unix, windows))]
        {
            let it = socket2::SockRef::from(tcp);
            self.apply_sizes(&it)?;
            self.apply_tcp(&it)
        }
        #[cfg(not(any(unix, windows)))]
        tcp.set_nodelay(self.nodelay)
    }

    #[cfg(any(unix, windows))]
    fn apply_sizes(&self, it: &socket2::SockRef<'_>) -> io::Result<()> {
        if let Some(size) = self.send_buffer {
            it.set_send_buffer_size(size).map_err(|why| refused("SO_SNDBUF", &why))?;
        }
        if let Some(size) = self.receive_buffer {
            it.set_recv_buffer_size(size).map_err(|why| refused("SO_RCVBUF", &why))?;
        }
        Ok(())
    }

    #[cfg(any(unix, windows))]
    fn apply_tcp(&self, it: &socket2::SockRef<'_>) -> io::Result<()> {
        if self.nodelay {
            it.set_tcp_nodelay(true).map_err(|why| refused("TCP_NODELAY", &why))?;
        }
        if let Some(time) = self.keepalive {
            let keepalive = socket2::TcpKeepalive::new().with_time(time);
            let keepalive = self.probes(keepalive)?;
            it.set_tcp_keepalive(&keepalive).map_err(|why| refused("SO_KEEPALIVE", &why))?;
        }
        self.apply_of_linux(it)
    }

    /// Adds the interval and the number of the probes.
    #[cfg(not(any(target_os = "openbsd", target_os = "haiku", target_os = "solaris")))]
    #[cfg(any(unix, windows))]
    fn probes(&self, mut keepalive: socket2::TcpKeepalive) -> io::Result<socket2::TcpKeepalive> {
        if let Some(interval) = self.keepalive_interval {
            keepalive = keepalive.with_interval(interval);
        }
        if let Some(count) = self.keepalive_count {
            keepalive = keepalive.with_retries(count);
        }
        Ok(keepalive)
    }

    /// Refuses an interval and a number of the probes, which this system cannot set.
    #[cfg(any(target_os = "openbsd", target_os = "haiku", target_os = "solaris"))]
    fn probes(&self, keepalive: socket2::TcpKeepalive) -> io::Result<socket2::TcpKeepalive> {
        if self.keepalive_interval.is_some() || self.keepalive_count.is_some() {
            return Err(refused(
                "TCP_KEEPINTVL or TCP_KEEPCNT",
                &io::ErrorKind::Unsupported.into(),
            ));
        }
        Ok(keepalive)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn apply_of_linux(&self, it: &socket2::SockRef<'_>) -> io::Result<()> {
        if let Some(timeout) = self.user_timeout {
            it.set_tcp_user_timeout(Some(timeout))
                .map_err(|why| refused("TCP_USER_TIMEOUT", &why))?;
        }
        if let Some(name) = &self.interface {
            it.bind_device(Some(name.as_bytes())).map_err(|why| {
                refused(&format!("SO_BINDTODEVICE for the interface {name:?}"), &why)
            })?;
        }
        Ok(())
    }

    #[cfg(all(any(unix, windows), not(any(target_os = "linux", target_os = "android"))))]
    fn apply_of_linux(&self, _: &socket2::SockRef<'_>) -> io::Result<()> {
        let name = match (self.user_timeout, &self.interface) {
            (Some(_), _) => "TCP_USER_TIMEOUT",
            (None, Some(_)) => "SO_BINDTODEVICE",
            (None, None) => return Ok(()),
        };
        Err(refused(name, &io::ErrorKind::Unsupported.into()))
    }
}

/// Returns the error with the name of the option that the system has refused.
#[cfg(any(unix, windows))]
fn refused(option: &str, why: &io::Error) -> io::Error {
    io::Error::new(why.kind(), format!("the system refused the socket option {option}: {why}"))
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            nodelay: true,
            keepalive: None,
            keepalive_interval: None,
            keepalive_count: None,
            send_buffer: None,
            receive_buffer: None,
            user_timeout: None,
            interface: None,
            #[cfg(unix)]
            hook: None,
        }
    }
}

impl fmt::Debug for SocketOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketOptions")
            .field("nodelay", &self.nodelay)
            .field("keepalive", &self.keepalive)
            .field("interface", &self.interface)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        net::{SocketAddr, TcpListener},
        sync::atomic::{AtomicUsize, Ordering},
    };

    use socket2::SockRef;

    use super::*;
    use crate::{Stream, begin_connect};

    fn connected(options: &SocketOptions) -> io::Result<Stream> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let to = PeerAddr::Tcp(listener.local_addr()?);
        begin_connect(&to, None, options).map(|(stream, _)| stream)
    }

    #[test]
    fn each_option_reaches_the_socket() {
        let plain = connected(&SocketOptions::default()).unwrap();
        let it = SockRef::from(&plain);
        assert!(it.tcp_nodelay().unwrap() && !it.keepalive().unwrap());

        let options = SocketOptions::default()
            .nodelay(false)
            .keepalive(Duration::from_secs(61))
            .keepalive_interval(Duration::from_secs(7))
            .keepalive_count(3)
            .send_buffer(20_000)
            .receive_buffer(30_000)
            .user_timeout(Duration::from_millis(1_500));
        let set = connected(&options).unwrap();
        let it = SockRef::from(&set);
        assert!(!it.tcp_nodelay().unwrap() && it.keepalive().unwrap());
        assert_eq!(it.tcp_keepalive_time().unwrap(), Duration::from_secs(61));
        assert_eq!(it.tcp_keepalive_interval().unwrap(), Duration::from_secs(7));
        assert_eq!(it.tcp_keepalive_retries().unwrap(), 3);
        // Linux doubles the sizes, for its own records.
        assert_eq!(it.send_buffer_size().unwrap(), 40_000);
        assert_eq!(it.recv_buffer_size().unwrap(), 60_000);
        assert_eq!(it.tcp_user_timeout().unwrap(), Some(Duration::from_millis(1_500)));
    }

    #[test]
    fn an_interface_that_is_not_there_fails_the_connect_by_its_name() {
        // Since Linux 5.7 no privilege is needed to bind a socket to an interface.
        match connected(&SocketOptions::default().interface("lo".to_owned())) {
            Ok(stream) => {
                assert_eq!(SockRef::from(&stream).device().unwrap().as_deref(), Some(&b"lo"[..]));
            }
            Err(why) => assert_eq!(why.kind(), io::ErrorKind::PermissionDenied),
        }
        let why = connected(&SocketOptions::default().interface("none0".to_owned())).unwrap_err();
        assert!(why.to_string().contains("SO_BINDTODEVICE for the interface \"none0\""), "{why}");
    }

    #[test]
    fn the_hook_gets_each_socket_before_it_connects_and_can_refuse_it() {
        let calls = Arc::new(AtomicUsize::new(0));
        let seen = calls.clone();
        let options = SocketOptions::default().before_connect(move |socket, peer| {
            assert!(SockRef::from(&socket).peer_addr().is_err(), "it is not connected yet");
            assert!(peer.tcp().is_some_and(|peer: SocketAddr| peer.ip().is_loopback()));
            match seen.fetch_add(1, Ordering::Relaxed) {
                0 => SockRef::from(&socket).set_ttl_v4(9),
                _ => Err(io::Error::other("not twice")),
            }
        });
        assert_eq!(SockRef::from(&connected(&options).unwrap()).ttl_v4().unwrap(), 9);
        assert_eq!(connected(&options).unwrap_err().to_string(), "not twice");
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }
}
