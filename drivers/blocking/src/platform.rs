//! What the driver needs of the world it runs in: a clock, a lock, a place to wait, sockets and
//! look-ups.
//!
//! The driver is written over [`Platform`]. [`System`] is the world of the operating system; a
//! [`Client`](crate::Client) that says nothing else is on it, and it costs nothing: all of it is known
//! when the program is compiled. Another platform can pretend to be a world, so that the driver's own
//! code, every lock and wait of it, runs under a schedule and a clock that a test decides.
//!
//! ```
//! use httpool_blocking::{Client, ClientBuilder, platform::{Platform, System}};
//!
//! fn client_on<P: Platform>(platform: P) -> Client<P> {
//!     ClientBuilder::on(platform).build()
//! }
//! let client: Client = client_on(System::new());
//! ```
//!
//! # Who calls what
//!
//! A program calls a client from any number of threads. Each call runs on the thread that made it,
//! from beginning to end, and there it:
//!
//! 1. takes the client's one [`Lock`] to ask the pool for a connection;
//! 2. if there is none, waits in the thread's [`Seat`] until it is rung, and asks again;
//! 3. if the pool wants it to dial: looks a name up, connects, and waits for these and its seat at
//!    once, with [`Platform::poll`];
//! 4. sends and receives over its [`Socket`];
//! 5. takes the lock again to give the connection back, under which it rings the seats of those who
//!    are served by that. Connections that the pool lets go are closed after it; then it rings who
//!    is to dial in their place.
//!
//! # For a scheduler
//!
//! A platform may let one thread run at a time, and decide at each step which. It can change threads
//! in every method that is said to be a **step**. Those that **wait** come back late: a thread in one
//! of them does not run until what it waits for has come about or its timeout has passed, and when no
//! thread can run, time passes. The others are neither; they return at once, on the same thread.
//!
//! | | a step | waits for | may be called under the lock |
//! |---|---|---|---|
//! | [`Platform::now`] | yes | | no |
//! | [`Platform::wall_at_epoch`] | no | | no; once, when the client is built |
//! | [`Platform::lock`] | no | | no; once, when the client is built |
//! | [`Lock::with`] | before and after `work`, never in it | whoever holds it | no |
//! | [`Platform::seat`] | no | | **yes** |
//! | [`Seat::hush`] | no | | **yes** |
//! | [`Stir::stir`] | no | | **yes**, also under that of a [`Cancel`](crate::Cancel) |
//! | [`Seat::park`] | yes | a ring, the timeout | no |
//! | [`Platform::poll`] | yes | connects, a proxy, a ring, the timeout | no |
//! | [`Platform::look_up`], [`LookUp::has_begun`], [`LookUp::answer`] | yes | | no |
//! | [`Platform::refresh`] | yes | | no |
//! | [`Platform::look_up_in`] | no | | no; once, when the client is built |
//! | [`Platform::races`] | no | | no; once, when the client is built |
//! | [`Platform::connect`] | yes | the connection, where it does not race | no |
//! | [`Connecting::outcome`], [`Connecting::socket`], [`Connecting::finish`] | yes | | no |
//! | [`Socket::recv`], [`Socket::recv_beyond`], [`Socket::recv_onto`] | yes | input, its end, the receive timeout | no |
//! | [`Socket::wait`] | yes | input, room for output, the timeout | no |
//! | [`Socket::send_now`], [`Socket::recv_now`], [`Socket::is_dead`] | yes | | no |
//! | [`Socket::set_receive_timeout`], [`Socket::bound_unsent`], [`Socket::into_stream`] | yes | | no |
//! | [`Socket::stirrer`] | no | | under that of a [`Cancel`](crate::Cancel) |
//! | dropping a [`Socket`], [`Connecting`] or [`LookUp`] | yes | | no |
//! | dropping a [`Seat`] or a [`stirrer`](Socket::stirrer) | no | | **yes**, as [`Stir::stir`] |
//!
//! Besides the client's lock there is that of each [`Cancel`](crate::Cancel), an ordinary mutex: no
//! step is taken under it, so that where one thread runs at a time nobody ever waits for it. A trace
//! is written under the lock as well.
//!
//! A ring must never be lost: from [`stir`](Stir::stir) to the next [`park`](Seat::park) or
//! [`poll`](Platform::poll) of that seat, which then does not wait, it is remembered. A wait that ends
//! for no reason does no harm, and some do: a ring may be for news that its thread has found by
//! itself.
//!
//! # Interruptions
//!
//! A signal may interrupt whatever waits. A wait that is interrupted ends, and does not begin again by
//! itself: its timeout was reckoned from a deadline when it began, and where signals come more often
//! than that timeout passes, it would never end. [`Socket::recv`] and [`Socket::recv_onto`] then fail
//! with [`Interrupted`](io::ErrorKind::Interrupted), the others answer as if they had found nothing.
//! The driver looks at the clock, ends the call if a deadline has passed, and else waits for what is
//! left. Methods that do not wait are not interrupted.
//!
//! Nothing else of the driver depends on the world: given the same answers of its platform, and the
//! same order of steps, it does the same.

use std::{
    fmt,
    io::{self, IoSlice},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use httpool::time::Instant;

pub use httpool_kit::Hosts;

pub use crate::sys::{System, SystemConnecting, SystemLookUp, SystemSeat};

/// A world to run in.
pub trait Platform: fmt::Debug + Send + Sync + Sized + 'static {
    /// What protects the client's pool.
    type Lock<T: Send>: Lock<T>;
    /// Where a thread waits.
    type Seat: Seat;
    /// A look-up under way.
    type LookUp: LookUp;
    /// A connection being opened.
    type Connecting: Connecting<Socket = Self::Socket>;
    /// An open connection.
    type Socket: Socket;

    /// The time. It never runs backwards on one thread, and a deadline that the driver reckons from it
    /// is kept by the timeouts that it hands out.
    fn now(&self) -> Instant;

    /// The time of day when [`now`](Self::now) was 0, as time since 1970; `None` if that is not known.
    /// It dates a Retry-After that is a date.
    fn wall_at_epoch(&self) -> Option<Duration>;

    /// A lock around `value`.
    fn lock<T: Send>(&self, value: T) -> Self::Lock<T>;

    /// The calling thread's seat: each thread has one, and gets the same one each time.
    fn seat(&self) -> Arc<Self::Seat>;

    /// Begins to look `host` up: a name, or an IPv6 address with a zone id that is no number, as in
    /// `fe80::1%eth0`. The answer is there when [`LookUp::answer`] says so, for which `seat` is rung,
    /// as it is when the look-up [begins](LookUp::has_begun) after it had to wait. Dropped, the
    /// look-up is given up.
    ///
    /// # Errors
    /// It cannot be begun. A name that is not known is an answer.
    fn look_up(&self, host: &str, port: u16, seat: &Arc<Self::Seat>) -> io::Result<Self::LookUp>;

    /// Takes over from where the addresses of hosts come. It is called once, when the client is built.
    /// It does nothing by default: such a platform finds addresses in its own way, and its client
    /// ignores [`resolver`](crate::ClientBuilder::resolver) and
    /// [`resolve_to`](crate::ClientBuilder::resolve_to).
    fn look_up_in(&mut self, hosts: &Hosts) {
        let _ = hosts;
    }

    /// An address of the name has refused a connection, or has not answered in its time: an answer
    /// that is kept should not be given again. It does nothing by default.
    fn refresh(&self, host: &str, port: u16) {
        let _ = (host, port);
    }

    /// Whether [`connect`](Self::connect) returns before the connection is open, so that several can
    /// be opened at once. True by default. Where not, addresses are tried one after the other,
    /// whatever [`race_after`](httpool::dial::Policy::race_after) says.
    fn races(&self) -> bool {
        true
    }

    /// Begins to connect to `to`, from the address `from` if one is given. Dropped, the connection is
    /// given up, and closed if it was open. `patience`: a platform that does not
    /// [race](Self::races) waits here, and for at most so long; another does not need it.
    ///
    /// # Errors
    /// It cannot be begun, or was refused at once.
    fn connect(
        &self,
        to: SocketAddr,
        from: Option<IpAddr>,
        patience: Option<Duration>,
    ) -> io::Result<Self::Connecting>;

    /// Waits until one of `attempts` that had no outcome has one, the socket of `talker` can be read
    /// (or written, if `talker` says so), `seat` is rung, or for at most `timeout`. It must look at all
    /// of them, and only then return, also where the seat was rung before or the timeout is zero: a
    /// connection that is open is not thrown away because nobody looked.
    ///
    /// What has become of the attempts, [`Connecting::outcome`] says. The answer is about `talker`
    /// alone: an attempt that has come up, by its number, and whether something is to be written.
    ///
    /// # Errors
    /// It cannot be waited for.
    fn poll(
        &self,
        seat: &Self::Seat,
        attempts: &mut [(u8, Self::Connecting)],
        talker: Option<(u8, bool)>,
        timeout: Option<Duration>,
    ) -> io::Result<Ready>;
}

/// Mutual exclusion.
pub trait Lock<T>: Send + Sync {
    /// Runs `work` on the value while no other thread does. If `work` panics, later calls go on with
    /// what it left.
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R;
}

/// Makes a thread look up from whatever it waits for.
pub trait Stir: fmt::Debug + Send + Sync + 'static {
    /// Of a [`Seat`], this rings it: its thread's [`park`](Seat::park) or [`poll`](Platform::poll)
    /// ends, or the next one does not wait. Of a [`Socket`], this shuts it down in both directions:
    /// whoever reads it finds its end, whoever writes it an error, now and later. It does not wait.
    fn stir(&self);
}

/// Where one thread waits, and others reach it with [`stir`](Stir::stir).
pub trait Seat: Stir {
    /// Waits until it is rung, or for at most `timeout`. Called by its own thread alone.
    fn park(&self, timeout: Option<Duration>);

    /// Forgets that it was rung: what follows is another wait, of which no one knows yet.
    fn hush(&self);
}

/// A look-up under way. Dropped, nobody waits for it any more.
pub trait LookUp: fmt::Debug + Send {
    /// Whether it runs. False while it waits for a thread; then its seat is rung when it begins. True
    /// by default.
    fn has_begun(&mut self) -> bool {
        true
    }

    /// What came of it, if it has ended: addresses, best first, or why there are none. It is given
    /// once. Does not wait. A [`LookUpError`](crate::LookUpError) inside the error is told from a name
    /// that is not known.
    fn answer(&mut self) -> Option<io::Result<Vec<SocketAddr>>>;
}

/// A connection being opened. Dropped, it is closed.
pub trait Connecting: fmt::Debug + Send {
    /// What it becomes.
    type Socket;

    /// Whether it has come up or failed, as far as is known: from the start, or since a
    /// [`poll`](Platform::poll). It is given once. Does not look, and does not wait.
    fn outcome(&mut self) -> Option<io::Result<()>>;

    /// The socket of one that has come up, while proxies are spoken to; neither
    /// [`recv`](Socket::recv) nor [`wait`](Socket::wait) is called on it.
    fn socket(&self) -> &Self::Socket;

    /// The socket of one that has come up, as an exchange wants it.
    ///
    /// # Errors
    /// The system has refused to make it so.
    fn finish(self) -> io::Result<Self::Socket>;
}

/// An open connection. Dropped, it is closed.
///
/// A method that would have to wait and must not fails with [`io::ErrorKind::WouldBlock`]. Only
/// [`recv`](Self::recv) and [`recv_onto`](Self::recv_onto) may fail with
/// [`io::ErrorKind::Interrupted`]: see [there](crate::platform#interruptions).
pub trait Socket: fmt::Debug + Send + 'static {
    /// What a program gets of it once the connection is no longer HTTP.
    type Stream: fmt::Debug + Send + 'static;

    /// Writes the pieces, in order, as far as they are taken at once: says how many bytes that were,
    /// at least one. The pieces hold at least one byte.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if none were taken, or the connection is lost.
    fn send_now(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Reads into `into`, which is not empty; 0 is the end. Waits for at most the receive timeout.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if that has passed,
    /// [`Interrupted`](io::ErrorKind::Interrupted) if a signal came first, or the connection is lost.
    fn recv(&self, into: &mut [u8]) -> io::Result<usize>;

    /// As [`recv`](Self::recv), and what does not fit into `into`, which is filled first, goes into
    /// `beyond`. Neither is empty. Says how many bytes came in all.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    fn recv_beyond(&self, into: &mut [u8], beyond: &mut [u8]) -> io::Result<usize>;

    /// Reads what is there, without waiting.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if nothing is, or the connection is lost.
    fn recv_now(&self, into: &mut [u8]) -> io::Result<usize>;

    /// As [`recv`](Self::recv), behind what `onto` holds, into the capacity it has to spare, of which
    /// there is some.
    ///
    /// # Errors
    /// As [`recv`](Self::recv); `onto` is as it was.
    fn recv_onto(&self, onto: &mut Vec<u8>) -> io::Result<usize>;

    /// Waits until it can be read (has input, its end or an error), or written if `write`, or for at
    /// most `timeout`. Says too much rather than too little: whoever then reads or writes finds out.
    ///
    /// # Errors
    /// It cannot be waited for.
    fn wait(&self, write: bool, timeout: Option<Duration>) -> io::Result<Ready>;

    /// Bounds what the system holds and has not sent to
    /// [`UNSENT_BYTES_MAX`](httpool::limits::UNSENT_BYTES_MAX); says whether it does. From then on
    /// [`wait`](Self::wait) says that the socket takes output when less is unsent, and not when there
    /// is room in the system's buffer. Does not wait.
    fn bound_unsent(&self) -> bool;

    /// Whether an idle connection was closed by the peer, or has input that nobody asked for. Takes
    /// nothing, and does not wait. It is asked before every reuse (see
    /// [`probe_after`](httpool::limits::PoolLimits::probe_after)).
    fn is_dead(&self) -> bool;

    /// For how long [`recv`](Self::recv) waits from now on, until it is set again: more than zero. At
    /// first it waits without bound.
    ///
    /// # Errors
    /// The system has refused. The timeout is as it was.
    fn set_receive_timeout(&self, timeout: Duration) -> io::Result<()>;

    /// A handle for other threads that shuts it down; it may outlive the socket. Does not wait.
    ///
    /// # Errors
    /// There is none to be had: the call cannot be reached while it uses this connection.
    fn stirrer(&self) -> io::Result<Arc<dyn Stir>>;

    /// The connection, for a program to go on with. Its stirrers are gone.
    ///
    /// # Errors
    /// The system has refused.
    fn into_stream(self) -> io::Result<Self::Stream>;
}

/// What a wait has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "a socket has two directions, and may break")]
pub struct Ready {
    /// The socket has input, its end, or an error.
    pub readable: bool,
    /// The socket takes output, or has an error.
    pub writable: bool,
    /// The socket has an error, as far as is known: what it takes will not arrive.
    pub broken: bool,
}
