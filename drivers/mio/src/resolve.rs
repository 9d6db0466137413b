//! Names to addresses, on a bounded number of threads.

use std::{
    collections::VecDeque,
    fmt, io, mem,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use httpool::{id::ConnId, message::Url};
use mio::Waker;

/// Looks names up. Called on a thread of the driver's own, so it may block.
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

/// Names whose addresses are given: no thread is needed for them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fixed(Vec<(String, u16, IpAddr)>);

impl Fixed {
    pub(crate) fn add(&mut self, host: &str, port: u16, address: IpAddr) {
        let host = in_a_url(host).unwrap_or_else(|| host.into());
        self.0.push((host, port, address));
    }

    /// The addresses of `host`; none, if they are not given.
    pub(crate) fn get(&self, host: &str, port: u16) -> Vec<SocketAddr> {
        let known = self.0.iter().filter(|(name, at, _)| name == host && *at == port);
        known.map(|(_, port, ip)| SocketAddr::new(*ip, *port)).collect()
    }
}

/// How `host` looks in a URL, where a name is in lower case and ASCII: what a resolver is asked for.
fn in_a_url(host: &str) -> Option<String> {
    let mut url = Url::parse("http://host/").ok()?;
    url.set_host(Some(host)).ok()?;
    url.host_str().map(Into::into)
}

/// What a look-up gave, and for which connection.
pub(crate) type Answer = (ConnId, io::Result<Vec<SocketAddr>>);

/// `getaddrinfo` cannot be given up, so a name server that does not answer holds a thread for as
/// long as the system waits. This bounds how many.
const THREADS_MAX: usize = 8;
/// How long a thread waits for another name before it ends.
const THREAD_IDLE: Duration = Duration::from_secs(10);

/// The threads that look names up. They are started when there is work and end when there is none,
/// or when the loop is gone.
pub(crate) struct Resolver {
    shared: Arc<Shared>,
}

struct Shared {
    resolve: Arc<dyn Resolve>,
    waker: Arc<Waker>,
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    asks: VecDeque<(ConnId, String, u16)>,
    answers: Vec<Answer>,
    threads: usize,
    idle: usize,
    over: bool,
}

impl Resolver {
    pub(crate) fn new(resolve: Arc<dyn Resolve>, waker: Arc<Waker>) -> Self {
        let (state, work) = (Mutex::default(), Condvar::new());
        Self { shared: Arc::new(Shared { resolve, waker, state, work }) }
    }

    /// Looks `host` up; the answer is among [`answers`](Self::answers) when the loop is woken.
    pub(crate) fn ask(&self, conn: ConnId, host: String, port: u16) -> io::Result<()> {
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
        state.asks.push_back((conn, host, port));
        self.shared.work.notify_one();
        Ok(())
    }

    /// Nobody waits for that answer any more.
    pub(crate) fn forget(&self, conn: ConnId) {
        self.shared.state().asks.retain(|(of, ..)| *of != conn);
    }

    /// Takes what has come.
    pub(crate) fn answers(&self) -> Vec<Answer> {
        mem::take(&mut self.shared.state().answers)
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.over = true;
        state.asks.clear();
        self.shared.work.notify_all();
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
        while let Some((conn, host, port)) = self.next_ask() {
            let mut answer = Answering { shared: self, conn, addrs: None };
            answer.addrs = Some(self.resolve.resolve(&host, port));
        }
    }

    fn next_ask(&self) -> Option<(ConnId, String, u16)> {
        let mut state = self.state();
        if state.asks.is_empty() && !state.over {
            state.idle += 1;
            state = self
                .work
                .wait_timeout_while(state, THREAD_IDLE, |it| it.asks.is_empty() && !it.over)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            state.idle -= 1;
        }
        state.asks.pop_front()
    }
}

/// Answers, also when a resolver panics: a call must not wait for its deadline because of that.
struct Answering<'a> {
    shared: &'a Shared,
    conn: ConnId,
    addrs: Option<io::Result<Vec<SocketAddr>>>,
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        let panicked = || Err(io::Error::other("the resolver panicked"));
        let addrs = self.addrs.take().unwrap_or_else(panicked);
        self.shared.state().answers.push((self.conn, addrs));
        // Where the loop cannot be woken, it finds the answer when it wakes by itself.
        self.shared.waker.wake().ok();
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
        let mut fixed = Fixed::default();
        let local = IpAddr::from([127, 0, 0, 1]);
        for host in ["Host.Example", "bücher.example", "a b"] {
            fixed.add(host, 80, local);
        }
        assert_eq!(fixed.get("host.example", 80), [(local, 80).into()]);
        assert_eq!(fixed.get("xn--bcher-kva.example", 80), [(local, 80).into()]);
        assert_eq!(fixed.get("host.example", 81), []);
    }
}
