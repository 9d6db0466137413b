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

use crate::seat::Seat;

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

/// Fixed answers for some names, and another resolver for the rest.
pub(crate) struct Overrides {
    fixed: Vec<(String, u16, IpAddr)>,
    rest: Arc<dyn Resolve>,
}

impl Overrides {
    pub(crate) fn new(fixed: Vec<(String, u16, IpAddr)>, rest: Arc<dyn Resolve>) -> Self {
        let as_asked =
            |(host, port, ip): (String, _, _)| (in_a_url(&host).unwrap_or(host), port, ip);
        Self { fixed: fixed.into_iter().map(as_asked).collect(), rest }
    }
}

/// How `host` looks in a URL, where a name is in lower case and ASCII: what a resolver is asked for.
fn in_a_url(host: &str) -> Option<String> {
    let mut url = Url::parse("http://host/").ok()?;
    url.set_host(Some(host)).ok()?;
    url.host_str().map(Into::into)
}

impl Resolve for Overrides {
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let fixed: Vec<_> = self
            .fixed
            .iter()
            .filter(|(name, at, _)| name == host && *at == port)
            .map(|(_, port, ip)| SocketAddr::new(*ip, *port))
            .collect();
        if fixed.is_empty() { self.rest.resolve(host, port) } else { Ok(fixed) }
    }
}

/// `getaddrinfo` cannot be given up, so a name server that does not answer holds a thread for as
/// long as the system waits. This bounds how many.
const THREADS_MAX: usize = 8;
/// How long a thread waits for another name before it ends.
const THREAD_IDLE: Duration = Duration::from_secs(10);

/// The threads that look names up. They are started when there is work and end when there is none.
#[derive(Clone)]
pub(crate) struct Resolver {
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
    last: u64,
}

struct Ask {
    number: u64,
    host: String,
    port: u16,
    seat: Arc<Seat>,
}

impl Resolver {
    pub(crate) fn new(resolve: Arc<dyn Resolve>) -> Self {
        let shared = Shared { resolve, state: Mutex::default(), work: Condvar::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Looks `host` up; the answer comes to `seat`. Gives the ask's number.
    pub(crate) fn ask(&self, host: &str, port: u16, seat: &Arc<Seat>) -> io::Result<u64> {
        let mut state = self.shared.state();
        state.last += 1;
        let number = state.last;
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
        state.asks.push_back(Ask { number, host: host.into(), port, seat: seat.clone() });
        self.shared.work.notify_one();
        Ok(number)
    }

    /// Nobody waits for that answer any more.
    pub(crate) fn forget(&self, seat: &Arc<Seat>) {
        self.shared.state().asks.retain(|ask| !Arc::ptr_eq(&ask.seat, seat));
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        write!(f, "Resolver({} asked, {} threads)", state.asks.len(), state.threads)
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
            ask.seat.answer(ask.number, addrs);
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

    struct Nobody;

    impl Resolve for Nobody {
        fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    #[test]
    fn fixed_names_are_found_however_they_are_written() {
        let fixed = [("Host.Example", 80), ("bücher.example", 80), ("a b", 80)];
        let local = IpAddr::from([127, 0, 0, 1]);
        let fixed = fixed.map(|(host, port)| (host.into(), port, local)).into();
        let overrides = Overrides::new(fixed, Arc::new(Nobody));
        let found = |host, port| overrides.resolve(host, port).ok();
        assert_eq!(found("host.example", 80), Some(vec![(local, 80).into()]));
        assert_eq!(found("xn--bcher-kva.example", 80), Some(vec![(local, 80).into()]));
        assert_eq!(found("host.example", 81), None);
    }
}
