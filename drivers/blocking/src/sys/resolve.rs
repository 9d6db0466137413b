//! Names to addresses, on a bounded number of threads.

use std::{
    collections::VecDeque,
    fmt, io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use httpool::message::Url;

use super::seat::SystemSeat;
use crate::platform::{LookUp, Stir};

/// Looks names up. Called on a thread of the client's own, so it may block.
pub trait Resolve: Send + Sync {
    /// The addresses of `host`, with `port`, best first.
    ///
    /// # Errors
    /// The name is not known, or asking failed.
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The system's resolver: `getaddrinfo`.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        (host, port).to_socket_addrs().map(Iterator::collect)
    }
}

/// Fixed answers for some names.
#[derive(Debug, Clone, Default)]
pub(super) struct Fixed(Vec<(String, u16, IpAddr)>);

impl Fixed {
    pub(super) fn put(&mut self, host: &str, port: u16, ip: IpAddr) {
        self.0.push((in_a_url(host).unwrap_or_else(|| host.into()), port, ip));
    }

    /// In the order in which they were put in.
    pub(super) fn get(&self, host: &str, port: u16) -> Vec<SocketAddr> {
        let known = self.0.iter().filter(|(name, at, _)| name == host && *at == port);
        known.map(|(_, port, ip)| SocketAddr::new(*ip, *port)).collect()
    }
}

/// How `host` looks in a URL, where a name is in lower case and ASCII: what is looked up.
fn in_a_url(host: &str) -> Option<String> {
    let mut url = Url::parse("http://host/").ok()?;
    url.set_host(Some(host)).ok()?;
    url.host_str().map(Into::into)
}

/// `getaddrinfo` cannot be given up, so a name server that does not answer holds a thread for as
/// long as the system waits. This bounds how many.
const THREADS_MAX: usize = 8;
/// How long a thread waits for another name before it ends.
const THREAD_IDLE: Duration = Duration::from_secs(10);

/// The threads that look names up. They are started when there is work and end when there is none.
#[derive(Clone)]
pub(super) struct Resolver {
    shared: Arc<Shared>,
}

struct Shared {
    resolve: Arc<dyn Resolve>,
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    asks: VecDeque<Ask>,
    threads: usize,
    idle: usize,
}

struct Ask {
    host: String,
    port: u16,
    reply: Arc<Reply>,
    seat: Arc<SystemSeat>,
}

/// What a look-up has come to, once it has.
type Reply = Mutex<Option<io::Result<Vec<SocketAddr>>>>;

/// A name being looked up by the system.
pub struct SystemLookUp {
    reply: Arc<Reply>,
    /// Where it may still stand in line.
    resolver: Option<Resolver>,
}

impl Resolver {
    pub(super) fn new(resolve: Arc<dyn Resolve>) -> Self {
        let shared = Shared { resolve, state: Mutex::default(), work: Condvar::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Looks `host` up, and rings `seat` when that is done.
    pub(super) fn ask(
        &self,
        host: &str,
        port: u16,
        seat: &Arc<SystemSeat>,
    ) -> io::Result<SystemLookUp> {
        let mut state = self.shared.state();
        if state.idle <= state.asks.len() && state.threads < THREADS_MAX {
            let shared = self.shared.clone();
            let spawned = thread::Builder::new()
                .name("httpool-resolve".into())
                .spawn(move || shared.work_until_idle());
            match spawned {
                Ok(_) => state.threads += 1,
                // Those that run will come to it.
                Err(error) if state.threads == 0 => return Err(error),
                Err(_) => {}
            }
        }
        let reply = Arc::new(Reply::default());
        let (to, seat) = (reply.clone(), seat.clone());
        state.asks.push_back(Ask { host: host.into(), port, reply: to, seat });
        self.shared.work.notify_one();
        Ok(SystemLookUp { reply, resolver: Some(self.clone()) })
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        write!(f, "Resolver({} asked, {} threads)", state.asks.len(), state.threads)
    }
}

impl SystemLookUp {
    /// One that had its answer before it was asked for.
    pub(super) fn answered(addrs: Vec<SocketAddr>) -> Self {
        Self { reply: Arc::new(Mutex::new(Some(Ok(addrs)))), resolver: None }
    }
}

impl LookUp for SystemLookUp {
    fn answer(&mut self) -> Option<io::Result<Vec<SocketAddr>>> {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for SystemLookUp {
    fn drop(&mut self) {
        if let Some(resolver) = &self.resolver {
            resolver.shared.state().asks.retain(|ask| !Arc::ptr_eq(&ask.reply, &self.reply));
        }
    }
}

impl fmt::Debug for SystemLookUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemLookUp").finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work_until_idle(&self) {
        let _running = Running(self);
        while let Some(ask) = self.next_ask() {
            let addrs = self.resolve.resolve(&ask.host, ask.port);
            *ask.reply.lock().unwrap_or_else(PoisonError::into_inner) = Some(addrs);
            ask.seat.stir();
        }
    }

    fn next_ask(&self) -> Option<Ask> {
        let mut state = self.state();
        if state.asks.is_empty() {
            state.idle += 1;
            state = self
                .work
                .wait_timeout_while(state, THREAD_IDLE, |state| state.asks.is_empty())
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            state.idle -= 1;
        }
        state.asks.pop_front()
    }
}

/// Counts a thread out, also when a resolver panics.
struct Running<'a>(&'a Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.state().threads -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_names_are_found_however_they_are_written() {
        let (mut fixed, local) = (Fixed::default(), IpAddr::from([127, 0, 0, 1]));
        for host in ["Host.Example", "bücher.example", "a b"] {
            fixed.put(host, 80, local);
        }
        assert_eq!(fixed.get("host.example", 80), [(local, 80).into()]);
        assert_eq!(fixed.get("xn--bcher-kva.example", 80), [(local, 80).into()]);
        assert_eq!(fixed.get("host.example", 81), []);
    }
}
