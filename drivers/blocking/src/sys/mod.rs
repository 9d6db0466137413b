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
    time::Duration,
};

use httpool::time::Instant;
use httpool_kit::{Clock, Hosts, Resolver};

use crate::platform::{Lock, Platform, Ready, Stir};
use look_up::Asker;

pub use imp::SystemConnecting;
pub use look_up::SystemLookUp;
pub use seat::SystemSeat;

/// The world of the operating system: its clock, threads, sockets and resolver.
#[derive(Debug, Clone)]
pub struct System {
    clock: Clock,
    resolver: Resolver<Asker>,
    bells: imp::Bells,
}

impl System {
    /// The operating system, with its resolver.
    pub fn new() -> Self {
        Self {
            clock: Clock::start(),
            resolver: Resolver::new(Hosts::default()),
            bells: imp::Bells::default(),
        }
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
        self.clock.now()
    }

    fn wall_at_epoch(&self) -> Option<Duration> {
        self.clock.wall_at_epoch()
    }

    fn lock<T: Send>(&self, value: T) -> Mutex<T> {
        Mutex::new(value)
    }

    fn seat(&self) -> Arc<Self::Seat> {
        SystemSeat::mine()
    }

    fn look_up(&self, host: &str, port: u16, seat: &Arc<Self::Seat>) -> io::Result<Self::LookUp> {
        SystemLookUp::begin(&self.resolver, host, port, seat)
    }

    fn look_up_in(&mut self, hosts: &Hosts) {
        self.resolver = Resolver::new(hosts.clone());
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
