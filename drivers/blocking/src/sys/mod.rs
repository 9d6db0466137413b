//! The operating system, as the driver wants it: see [`System`].
//!
//! What a socket must do that `std` cannot (write and look without blocking, and wait for several
//! things at once) is in two files with the same few items. On Unix it is done with `poll(2)` and
//! `MSG_DONTWAIT`; a thread that waits there takes a descriptor more, by which others wake it (see
//! `bell`). Elsewhere (and on Unix with `--cfg httpool_std_only`, so that it does not rot)
//! with `std` alone: waiting for several things is then done by looking again every millisecond, the
//! probe of an idle connection costs three system calls instead of one, and one address is connected
//! to at a time, each for its share of the time. A connect can be interrupted only between addresses.

#[cfg(all(unix, not(httpool_std_only)))]
mod bell;
mod look_up;
mod seat;

#[cfg(all(unix, not(httpool_std_only)))]
#[path = "unix.rs"]
mod imp;
#[cfg(not(all(unix, not(httpool_std_only))))]
#[path = "portable.rs"]
mod imp;

use std::{
    io,
    net::{IpAddr, Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use httpool::time::Instant;
use httpool_kit::{Fixed, Resolve, Resolver, SystemResolver};

use crate::platform::{Lock, Platform, Ready, Stir};
use look_up::Asker;

pub use imp::SystemConnecting;
pub use look_up::SystemLookUp;
pub use seat::SystemSeat;

/// The world of the operating system: its clock, threads, sockets and resolver.
#[derive(Debug, Clone)]
pub struct System {
    epoch: std::time::Instant,
    wall_at_epoch: Option<Duration>,
    resolver: Resolver<Asker>,
    fixed: Fixed,
    bells: imp::Bells,
}

impl System {
    /// With the system's resolver.
    pub fn new() -> Self {
        Self::resolving_by(Arc::new(SystemResolver::new()))
    }

    /// With another resolver.
    pub fn resolving_by(resolve: Arc<dyn Resolve>) -> Self {
        Self {
            epoch: std::time::Instant::now(),
            wall_at_epoch: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok(),
            resolver: Resolver::new(resolve),
            fixed: Fixed::default(),
            bells: imp::Bells::default(),
        }
    }

    pub(crate) fn set_resolver(&mut self, resolve: Arc<dyn Resolve>) {
        self.resolver = Resolver::new(resolve);
    }

    /// The address of `host` for connections to `port`, whatever the resolver says.
    pub(crate) fn fix(&mut self, host: &str, port: u16, address: SocketAddr) {
        self.fixed.add_socket(host, port, address);
    }
}

impl Default for System {
    fn default() -> Self {
        Self::new()
    }
}

impl Platform for System {
    type Lock<T: Send> = Mutex<T>;
    type Seat = SystemSeat;
    type LookUp = SystemLookUp;
    type Connecting = SystemConnecting;
    type Socket = Arc<TcpStream>;

    #[inline]
    fn now(&self) -> Instant {
        let age = self.epoch.elapsed();
        let nanos = age.as_secs().saturating_mul(1_000_000_000);
        Instant::from_nanos(nanos.saturating_add(age.subsec_nanos().into()))
    }

    fn wall_at_epoch(&self) -> Option<Duration> {
        self.wall_at_epoch
    }

    fn lock<T: Send>(&self, value: T) -> Mutex<T> {
        Mutex::new(value)
    }

    fn seat(&self) -> Arc<Self::Seat> {
        SystemSeat::mine()
    }

    fn look_up(&self, host: &str, port: u16, seat: &Arc<Self::Seat>) -> io::Result<Self::LookUp> {
        let fixed = self.fixed.get(host, port);
        if fixed.is_empty() {
            SystemLookUp::begin(&self.resolver, host, port, seat)
        } else {
            Ok(SystemLookUp::answered(fixed, seat))
        }
    }

    fn refresh(&self, host: &str, port: u16) {
        self.resolver.refresh(host, port);
    }

    fn races(&self) -> bool {
        imp::RACES
    }

    fn connect(
        &self,
        to: SocketAddr,
        from: Option<IpAddr>,
        patience: Option<Duration>,
    ) -> io::Result<Self::Connecting> {
        SystemConnecting::start(to, from, patience)
    }

    fn poll(
        &self,
        seat: &Self::Seat,
        attempts: &mut [(u8, Self::Connecting)],
        talker: Option<(u8, bool)>,
        timeout: Option<Duration>,
    ) -> io::Result<Ready> {
        imp::poll(seat, &self.bells, attempts, talker, timeout)
    }
}

impl<T: Send> Lock<T> for Mutex<T> {
    #[inline]
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // A panic of another thread must not take the pool from the rest: its state is whole
        // whenever the lock is free, since no code of the application runs under it.
        work(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Shuts it down. It may have gone already. The handle is the socket itself, and takes no descriptor.
impl Stir for TcpStream {
    fn stir(&self) {
        self.shutdown(Shutdown::Both).ok();
    }
}
