//! The interface between the driver and the system it runs on: clock, lock, parkers of threads,
//! sockets and look-ups.
//!
//! The driver is generic over [`Platform`]. [`Client`](crate::Client) runs on [`System`], the
//! operating system. The platform is chosen when the program is compiled, so it costs nothing at
//! run time. [`ClientOn`] runs on any platform. Another platform can simulate a system. The code of
//! the driver, with all its locks and waits, then runs under a schedule and a clock that a test
//! controls.
//!
//! ```
//! use httpool_blocking::{Client, platform::{ClientOn, Platform, System}};
//!
//! fn client_on<P: Platform>(platform: P) -> ClientOn<P> {
//!     ClientOn::new(platform, Client::builder().no_default_headers())
//! }
//! assert_eq!(client_on(System::new()).stats().open, 0);
//! ```
//!
//! # The steps of a call
//!
//! A program calls a client from any number of threads. Each call runs from beginning to end on
//! the thread that made it. A thread waits in its [`Parker`]. Another thread ends the wait
//! with [`Unpark::unpark`]; the parker is then *woken*. A call:
//!
//! 1. takes the client's one [`Lock`] to ask the pool for a connection;
//! 2. if there is none, waits in the thread's [`Parker`] until it is woken, and asks again;
//! 3. if the pool orders a dial: looks a name up, connects, and waits for both and for its parker at
//!    once, with [`Platform::poll`];
//! 4. sends and receives over its [`Socket`];
//! 5. takes the lock again to give the connection back. Under the lock it unparks the threads of the
//!    calls that get a connection. After it, it closes the connections that the pool has dropped,
//!    and then unparks those that dial in their place.
//!
//! # For a scheduler
//!
//! A platform may run one thread at a time, and choose the thread at each step. It can switch
//! threads in every method that is marked as a **step**. A method that **waits** blocks its thread
//! until the awaited event has happened or the timeout has passed. When all threads are blocked,
//! time advances. Every other method returns at once, on the same thread.
//!
//! | | a step | waits for | may be called under the lock |
//! |---|---|---|---|
//! | [`Platform::now`] | yes | | no |
//! | [`Platform::wall_at_epoch`] | no | | no; once, when the client is built |
//! | [`Platform::lock`] | no | | no; once, when the client is built |
//! | [`Lock::with`] | before and after `work`, never in it | the thread that holds it | no |
//! | [`Platform::parker`] | no | | **yes** |
//! | [`Parker::reset`] | no | | **yes** |
//! | [`Unpark::unpark`] | no | | **yes**, also under that of a [`Cancel`](crate::Cancel) |
//! | [`Parker::park`] | yes | a wake-up, the timeout | no |
//! | [`Platform::pause`] | yes | a wake-up, the time | no |
//! | [`Platform::poll`] | yes | connects, a proxy, a handshake, a wake-up, the timeout | no |
//! | [`Platform::look_up`], [`LookUp::has_begun`], [`LookUp::answer`] | yes | | no |
//! | [`Platform::look_up_again`], and its answer | yes | | no |
//! | [`Platform::refresh`] | yes | | no |
//! | [`Platform::look_up_in`] | no | | no; once, when the client is built |
//! | [`Platform::connect_with`] | no | | no; once, when the client is built |
//! | [`Platform::races`] | no | | no; once, when the client is built |
//! | [`Platform::connect`] | yes | the connection, where it does not race | no |
//! | [`Connecting::outcome`], [`Connecting::socket`], [`Connecting::finish`] | yes | | no |
//! | [`Socket::recv`], [`Socket::recv_beyond`], [`Socket::recv_onto`] | yes | input, its end, the receive timeout | no |
//! | [`Socket::wait`] | yes | input, room for output, the timeout | no |
//! | [`Socket::send_now`], [`Socket::recv_now`], [`Socket::is_dead`] | yes | | no |
//! | [`Socket::set_receive_timeout`], [`Socket::bound_unsent`], [`Socket::into_stream`] | yes | | no |
//! | [`Socket::unparker`] | no | | under that of a [`Cancel`](crate::Cancel) |
//! | dropping a [`Socket`], [`Connecting`] or [`LookUp`] | yes | | no |
//! | dropping a [`Parker`] or a [`unparker`](Socket::unparker) | no | | **yes**, as [`Unpark::unpark`] |
//!
//! Besides the client's lock, each [`Cancel`](crate::Cancel) has a lock, an ordinary mutex. No step
//! is taken under it. If one thread runs at a time, no thread ever waits for it. A trace is also
//! written under the client's lock.
//!
//! A wake-up must never be lost. A parker remembers it from [`unpark`](Unpark::unpark) to its next
//! [`park`](Parker::park) or [`poll`](Platform::poll), which then does not wait. A spurious wake-up
//! does no harm. Some happen, because a thread may find a change by itself before it is woken for
//! it.
//!
//! # Interruptions
//!
//! A signal may interrupt a method that waits. The method must then return, and must not start its
//! wait again. Its timeout was computed from a deadline when the wait began. If it started again
//! and signals came more often than the timeout, it would never end. [`Socket::recv`] and
//! [`Socket::recv_onto`] then fail with [`Interrupted`](io::ErrorKind::Interrupted). The others
//! return as if nothing had happened. The driver reads the clock, ends the call if a deadline has
//! passed, and otherwise waits for the time left. Methods that do not wait are not interrupted.
//!
//! The driver depends on nothing else of the system. With the same results from its platform, and
//! the same order of steps, it does the same.

use std::{
    fmt,
    io::{self, IoSlice},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use httpool::{message::PeerAddr, time::Instant};

pub use httpool_kit::{Hosts, SocketOptions};

pub use crate::{
    client::ClientOn,
    response::ResponseOn,
    sys::{System, SystemConnecting, SystemLookUp, SystemParker, SystemSocket},
};

/// The receiver of the answer of [`Platform::look_up_again`]. It takes the client's lock. It does
/// not keep the client alive: after that was dropped, it does nothing.
pub type AnswerAgain = Box<dyn FnOnce(&[SocketAddr]) + Send>;

/// The system that a client runs on: clock, locks, threads, sockets and look-ups.
pub trait Platform: fmt::Debug + Send + Sync + Sized + 'static {
    /// The lock that protects the client's pool.
    type Lock<T: Send>: Lock<T>;
    /// The parker of a thread.
    type Parker: Parker;
    /// A look-up under way.
    type LookUp: LookUp;
    /// A connection being opened.
    type Connecting: Connecting<Socket = Self::Socket>;
    /// An open connection.
    type Socket: Socket;

    /// Returns the current time. It never runs backwards on one thread. The driver computes
    /// deadlines from it, and the timeouts that it passes to the other methods run on the same
    /// clock.
    fn now(&self) -> Instant;

    /// Returns the wall-clock time at which [`now`](Self::now) was 0, since 1970, or `None` if it
    /// is not known. A Retry-After that is a date is compared with it.
    fn wall_at_epoch(&self) -> Option<Duration>;

    /// Creates a lock that protects `value`.
    fn lock<T: Send>(&self, value: T) -> Self::Lock<T>;

    /// Returns the parker of the calling thread. Each thread has one, and gets the same one each
    /// time.
    fn parker(&self) -> Arc<Self::Parker>;

    /// Waits until `parker`, that of the calling thread, is woken, or for at most `time`: the delay
    /// before a call is tried again. [Parks](Parker::park) by default.
    fn pause(&self, parker: &Self::Parker, time: Duration) {
        parker.park(Some(time));
    }

    /// Begins to look up `host`: a name, or an IPv6 address with a zone id that is no number, such
    /// as `fe80::1%eth0`. [`LookUp::answer`] returns the answer. `parker` is woken when the answer
    /// has come, and when a look-up that was queued [begins](LookUp::has_begun). Dropping the
    /// look-up cancels it.
    ///
    /// # Errors
    /// The look-up cannot begin. A name that does not exist is an answer.
    fn look_up(
        &self,
        host: &str,
        port: u16,
        parker: &Arc<Self::Parker>,
    ) -> io::Result<Self::LookUp>;

    /// Sets the source of host addresses. Called once, when the client is built. By default it does
    /// nothing: such a platform resolves names in its own way, and its client ignores
    /// [`resolver`](crate::ClientBuilder::resolver) and
    /// [`resolve_to`](crate::ClientBuilder::resolve_to).
    fn look_up_in(&mut self, hosts: &Hosts) {
        let _ = hosts;
    }

    /// Sets the options of sockets. Called once, when the client is built. By default it does
    /// nothing: the client then ignores
    /// [`socket_options`](crate::ClientBuilder::socket_options).
    fn connect_with(&mut self, options: &SocketOptions) {
        let _ = options;
    }

    /// Looks `host` up once more, without a cached answer, and passes the addresses to `answer`: on
    /// any thread, at once or at any time after. Returns without waiting. If the look-up fails, it
    /// passes none. Called only with
    /// [`look_up_every`](field@httpool::limits::PoolLimits::look_up_every). By default it passes none
    /// at once, and that limit then has no effect.
    fn look_up_again(&self, host: &str, port: u16, answer: AnswerAgain) {
        let _ = (host, port);
        answer(&[]);
    }

    /// Drops the cached answer for `host`. Called when one of its addresses has refused a
    /// connection, or has not answered in time. Does nothing by default.
    fn refresh(&self, host: &str, port: u16) {
        let _ = (host, port);
    }

    /// Whether [`connect`](Self::connect) returns before the connection is open, so that several
    /// can be opened at once. True by default. If false, addresses are tried one after the other
    /// and [`race_after`](httpool::dial::DialPolicy::race_after) is ignored.
    fn races(&self) -> bool {
        true
    }

    /// Begins to connect to `to`, from the local address `from` if one is given. A platform
    /// without Unix domain sockets refuses them with
    /// [`Unsupported`](io::ErrorKind::Unsupported). Dropping the
    /// result aborts the connect, or closes the open connection. A platform that does not
    /// [race](Self::races) waits here, for at most `patience`. Other platforms ignore `patience`.
    ///
    /// # Errors
    /// The connect cannot begin, or was refused at once.
    fn connect(
        &self,
        to: &PeerAddr,
        from: Option<IpAddr>,
        patience: Option<Duration>,
    ) -> io::Result<Self::Connecting>;

    /// Waits until one of these events, or for at most `timeout`:
    ///
    /// - one of `attempts` that had no outcome has one;
    /// - the socket of `talker` can be read, or written if its flag is set;
    /// - `parker` is woken.
    ///
    /// It must check all of them before it returns, even if the parker was woken before or the
    /// timeout is zero. Otherwise an open connection could be closed unseen.
    ///
    /// `talker` is the number of a connected attempt that talks to a proxy or performs a TLS
    /// handshake, and whether bytes are to be written to it. The result is about `talker` alone. [`Connecting::outcome`] returns
    /// the outcome of each attempt.
    ///
    /// # Errors
    /// The system cannot wait for these sockets.
    fn poll(
        &self,
        parker: &Self::Parker,
        attempts: &mut [(u8, Self::Connecting)],
        talker: Option<(u8, bool)>,
        timeout: Option<Duration>,
    ) -> io::Result<Ready>;
}

/// A lock: gives one thread at a time access to a value.
pub trait Lock<T>: Send + Sync {
    /// Runs `work` on the value while no other thread has access. If `work` panics, later calls use
    /// the value as it was left.
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R;
}

/// A handle that ends the wait of a thread.
pub trait Unpark: fmt::Debug + Send + Sync + 'static {
    /// Wakes a [`Parker`], or shuts down a [`Socket`]. Does not wait.
    ///
    /// When a parker is woken, the [`park`](Parker::park) or [`poll`](Platform::poll) of its thread
    /// ends, or the next one does not wait. A socket is shut down in both directions: from then on
    /// reads find its end, and writes fail.
    fn unpark(&self);
}

/// The place where one thread waits. Other threads wake it with [`unpark`](Unpark::unpark), which
/// wakes the parker.
pub trait Parker: Unpark {
    /// Waits until the parker is woken, or for at most `timeout`. Only the thread of the parker
    /// calls it.
    fn park(&self, timeout: Option<Duration>);

    /// Clears the wake-up, before a new wait. No thread has a reason to wake it from that wait yet.
    fn reset(&self);
}

/// A look-up under way. Dropping it cancels it.
pub trait LookUp: fmt::Debug + Send {
    /// Whether the look-up runs. False while it waits for a free thread. The parker is then woken
    /// when the look-up begins. True by default.
    fn has_begun(&mut self) -> bool {
        true
    }

    /// Returns the answer once, when it has come: the addresses, best first, or an error. An error
    /// that contains a [`LookUpError`](crate::LookUpError) is a failed look-up. So is one that says
    /// that no descriptor is left. Any other error means that the name does not exist. Does not
    /// wait.
    fn answer(&mut self) -> Option<io::Result<Vec<SocketAddr>>>;
}

/// A connection being opened. Dropping it closes it.
pub trait Connecting: fmt::Debug + Send {
    /// The type of the socket, once the connection is open.
    type Socket;

    /// Returns the outcome once, if it is known from the start or from a [`poll`](Platform::poll).
    /// Makes no check of its own, and does not wait.
    fn outcome(&mut self) -> Option<io::Result<()>>;

    /// Returns the socket of a connected attempt, for the exchange with proxies and for TLS
    /// handshakes. Neither
    /// [`recv`](Socket::recv) nor [`wait`](Socket::wait) is called on it.
    fn socket(&self) -> &Self::Socket;

    /// Returns the socket of a connected attempt, set up for HTTP exchanges.
    ///
    /// # Errors
    /// The system has refused an option of the socket.
    fn finish(self) -> io::Result<Self::Socket>;
}

/// An open connection. Dropping it closes it.
///
/// A method that may not wait, and would have to, fails with [`io::ErrorKind::WouldBlock`]. Only
/// [`recv`](Self::recv) and [`recv_onto`](Self::recv_onto) may fail with
/// [`io::ErrorKind::Interrupted`]: see [Interruptions](crate::platform#interruptions).
pub trait Socket: fmt::Debug + Send + 'static {
    /// The stream that a program gets when the connection no longer carries HTTP.
    type Stream: fmt::Debug + Send + 'static;

    /// Writes the pieces, in order, as far as the system takes them without waiting. Returns the
    /// number of bytes written, at least one. The pieces hold at least one byte.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if no byte was taken, or the connection is lost.
    fn send_now(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Reads into `into`, which is not empty. Returns the number of bytes, or 0 at the end of
    /// input. Waits for at most the receive timeout.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if the timeout has passed,
    /// [`Interrupted`](io::ErrorKind::Interrupted) if a signal came first, or the connection is
    /// lost.
    fn recv(&self, into: &mut [u8]) -> io::Result<usize>;

    /// Reads like [`recv`](Self::recv), first into `into`, and then the excess into `beyond`.
    /// Neither is empty. Returns the number of bytes in both.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    fn recv_beyond(&self, into: &mut [u8], beyond: &mut [u8]) -> io::Result<usize>;

    /// Reads the input that has arrived, without waiting.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no input, or the connection is lost.
    fn recv_now(&self, into: &mut [u8]) -> io::Result<usize>;

    /// Reads like [`recv`](Self::recv), and appends to `onto` without growing it. Its spare
    /// capacity is not zero.
    ///
    /// # Errors
    /// As [`recv`](Self::recv). `onto` is then unchanged.
    fn recv_onto(&self, onto: &mut Vec<u8>) -> io::Result<usize>;

    /// Waits until the socket can be read (it has input, its end or an error), or written if
    /// `write` is set, or for at most `timeout`. May report readiness wrongly, but never misses it:
    /// the read or write that follows finds out.
    ///
    /// # Errors
    /// The system cannot wait for the socket.
    fn wait(&self, write: bool, timeout: Option<Duration>) -> io::Result<Ready>;

    /// Limits the bytes that the system buffers and has not sent yet to
    /// [`UNSENT_BYTES_MAX`](httpool::limits::UNSENT_BYTES_MAX). Returns whether it does. From then
    /// on [`wait`](Self::wait) reports the socket as writable when less than that is unsent, and
    /// not when the system's buffer has room. Does not wait.
    fn bound_unsent(&self) -> bool;

    /// Whether an idle connection was closed by the peer, or has unsolicited input. Consumes no
    /// input, and does not wait. It is called before every reuse (see
    /// [`probe_after`](httpool::limits::PoolLimits::probe_after)). On a connection with TLS, the
    /// driver calls [`recv_now`](Self::recv_now) instead, because input without plaintext is in
    /// order there.
    fn is_dead(&self) -> bool;

    /// Sets the longest time that [`recv`](Self::recv) waits from now on. `timeout` is more than
    /// zero. Before the first call, `recv` waits without bound.
    ///
    /// # Errors
    /// The system has refused. The timeout is unchanged.
    fn set_receive_timeout(&self, timeout: Duration) -> io::Result<()>;

    /// Returns a handle with which other threads shut the socket down. It may outlive the socket.
    /// Does not wait.
    ///
    /// # Errors
    /// The system has no handle. The call then cannot be cancelled while it uses this connection.
    fn unparker(&self) -> io::Result<Arc<dyn Unpark>>;

    /// Converts the connection to a stream for the program. Every handle from
    /// [`unparker`](Self::unparker) has been dropped before.
    ///
    /// # Errors
    /// The system has refused.
    fn into_stream(self) -> io::Result<Self::Stream>;
}

/// The readiness of a socket after a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "a socket has two directions, and may break")]
pub struct Ready {
    /// The socket has input, its end, or an error.
    pub readable: bool,
    /// The socket takes output, or has an error.
    pub writable: bool,
    /// The socket has an error, as far as is known. Bytes written to it will not arrive.
    pub broken: bool,
}
