//! The platform of the operating system: see [`System`].
//!
//! The driver needs socket operations that `std` does not have: writes and probes that do not
//! block, and a wait for several sockets at once. Two files implement them, with the same few
//! items:
//!
//! - `unix.rs` uses `poll(2)` and `MSG_DONTWAIT`. A thread that waits in `poll(2)` uses one more
//!   descriptor, through which other threads wake it (see `wake`).
//! - `portable.rs` uses `std` alone, on other systems, and on Unix with `--cfg httpool_std_only` so
//!   that it can be tested there. A wait for several sockets then checks them every millisecond.
//!   The probe of an idle connection costs three system calls instead of one. Addresses are
//!   connected to one at a time, each for its share of the time. A connect can be interrupted only
//!   between addresses.

mod look_up;
mod net;
mod parker;
#[cfg(all(unix, not(httpool_std_only)))]
mod wake;

#[cfg(all(unix, not(httpool_std_only)))]
#[path = "unix.rs"]
mod imp;
#[cfg(not(all(unix, not(httpool_std_only))))]
#[path = "portable.rs"]
mod imp;

use std::{
    io,
    net::{IpAddr, Shutdown},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use httpool::{message::PeerAddr, time::Instant};
use httpool_kit::{Clock, Hosts, Resolver, SocketOptions, Stream};

use crate::{
    net::Net,
    platform::{AnswerAgain, Lock, Parker, Platform, Ready, Unpark},
};
use look_up::Asker;

pub use imp::SystemConnecting;
pub use look_up::SystemLookUp;
pub use net::SystemSocket;
pub use parker::SystemParker;

/// The platform of the operating system: its clock, threads, sockets and resolver.
#[derive(Debug, Clone)]
pub struct System {
    clock: Clock,
    resolver: Resolver<Asker>,
    wake_fds: imp::WakeFds,
    options: SocketOptions,
    /// The network in place of the system's.
    net: Option<Arc<dyn Net>>,
}

impl System {
    /// Creates the platform with the system's resolver.
    pub fn new() -> Self {
        Self {
            clock: Clock::start(),
            resolver: Resolver::new(Hosts::default()),
            wake_fds: imp::WakeFds::default(),
            options: SocketOptions::default(),
            net: None,
        }
    }

    /// Replaces sockets, resolver and clock by those of `net`, if it is given.
    pub(crate) fn on(net: Option<Arc<dyn Net>>) -> Self {
        Self { net, ..Self::new() }
    }
}

impl Default for System {
    fn default() -> Self {
        Self::new()
    }
}

impl Platform for System {
    type Lock<T: Send> = Mutex<T>;
    type Parker = SystemParker;
    type LookUp = SystemLookUp;
    type Connecting = SystemConnecting;
    type Socket = SystemSocket;

    #[inline]
    fn now(&self) -> Instant {
        let now = self.clock.now();
        match &self.net {
            None => now,
            Some(net) => net.now(now),
        }
    }

    fn wall_at_epoch(&self) -> Option<Duration> {
        self.clock.wall_at_epoch()
    }

    fn lock<T: Send>(&self, value: T) -> Mutex<T> {
        Mutex::new(value)
    }

    fn parker(&self) -> Arc<Self::Parker> {
        SystemParker::mine()
    }

    fn look_up(
        &self,
        host: &str,
        port: u16,
        parker: &Arc<Self::Parker>,
    ) -> io::Result<Self::LookUp> {
        if let Some(net) = &self.net {
            return Ok(SystemLookUp::answered(net.look_up(host, port), parker));
        }
        SystemLookUp::begin(&self.resolver, host, port, parker)
    }

    fn look_up_in(&mut self, hosts: &Hosts) {
        self.resolver = Resolver::new(hosts.clone());
    }

    fn connect_with(&mut self, options: &SocketOptions) {
        self.options = options.clone();
    }

    fn look_up_again(&self, host: &str, port: u16, answer: AnswerAgain) {
        if let Some(net) = &self.net {
            return answer(&net.look_up(host, port).unwrap_or_default());
        }
        self.resolver.ask_again(host, port, Asker::Again(answer));
    }

    fn refresh(&self, host: &str, port: u16) {
        self.resolver.refresh(host, port);
    }

    fn pause(&self, parker: &Self::Parker, time: Duration) {
        match &self.net {
            None => parker.park(Some(time)),
            Some(net) => net.pause(time),
        }
    }

    fn races(&self) -> bool {
        imp::RACES
    }

    fn connect(
        &self,
        to: &PeerAddr,
        from: Option<IpAddr>,
        patience: Option<Duration>,
    ) -> io::Result<Self::Connecting> {
        if let Some(net) = &self.net {
            return Ok(SystemConnecting::open(SystemSocket::of_net(net.connect(to)?), to));
        }
        SystemConnecting::start(to, from, &self.options, patience)
    }

    fn poll(
        &self,
        parker: &Self::Parker,
        attempts: &mut [(u8, Self::Connecting)],
        talker: Option<(u8, bool)>,
        timeout: Option<Duration>,
    ) -> io::Result<Ready> {
        if self.net.is_some() {
            return net::poll(parker, attempts, talker, timeout);
        }
        imp::poll(parker, &self.wake_fds, attempts, talker, timeout)
    }
}

impl<T: Send> Lock<T> for Mutex<T> {
    #[inline]
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // A panic of one thread must not make the pool unusable for the others. The state is
        // consistent whenever the lock is free, because no code of the application runs under it.
        work(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Shuts the socket down. The connection may have ended before. The handle is the socket itself,
/// and uses no further descriptor.
impl Unpark for Stream {
    fn unpark(&self) {
        self.shutdown(Shutdown::Both).ok();
    }
}

/// Appends what `read` reads to `onto` without growing it, for a source that cannot read into spare
/// capacity.
fn read_onto(
    onto: &mut Vec<u8>,
    read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let held = onto.len();
    onto.resize(onto.capacity(), 0);
    let read = read(&mut onto[held..]);
    onto.truncate(held + read.as_ref().map_or(0, |read| *read));
    read
}
