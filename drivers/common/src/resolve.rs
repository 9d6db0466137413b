//! Names to addresses, on a bounded number of threads.

use std::{
    collections::VecDeque,
    fmt, io,
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs, UdpSocket},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use httpool::{error::IoKind, message::Url};

use crate::io_kind;

use crate::error::ResolverPanicked;

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
#[expect(clippy::exhaustive_structs, reason = "it has nothing to be set")]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let found = (host, port).to_socket_addrs().map(Iterator::collect);
        // `getaddrinfo` opens files and sockets. Where it found no descriptor for them it often
        // says no more than that the look-up failed.
        found.map_err(|error| shortage().unwrap_or(error))
    }
}

/// What the system says if it has no descriptor now.
fn shortage() -> Option<io::Error> {
    let tried = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).err();
    tried.filter(|error| io_kind(error) == IoKind::Exhausted)
}

/// Names whose addresses are given: no thread is needed for them.
#[derive(Debug, Clone, Default)]
pub struct Fixed(Vec<(String, u16, IpAddr)>);

impl Fixed {
    /// One more address of `host` for connections to `port`.
    pub fn add(&mut self, host: &str, port: u16, address: IpAddr) {
        let host = in_a_url(host).unwrap_or_else(|| host.into());
        self.0.push((host, port, address));
    }

    /// The addresses of `host` in the order in which they were added; none, if none are given.
    pub fn get(&self, host: &str, port: u16) -> Vec<SocketAddr> {
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

/// Who asked, and hears of the answer. It says so itself which of several it is.
pub trait Answer: Send + 'static {
    /// The look-up has ended. Called on a thread of the resolver's.
    fn answer(self, addrs: io::Result<Vec<SocketAddr>>);
}

/// `getaddrinfo` cannot be given up, so a name server that does not answer holds a thread for as
/// long as the system waits. This bounds how many.
const THREADS_MAX: usize = 8;
/// How long a thread waits for another name before it ends.
const THREAD_IDLE: Duration = Duration::from_secs(10);

/// The threads that look names up. They are started when there is work, and end when there is none
/// or the last clone of this is dropped.
pub struct Resolver<A: Answer>(Arc<Handle<A>>);

struct Handle<A>(Arc<Shared<A>>);

struct Shared<A> {
    resolve: Arc<dyn Resolve>,
    state: Mutex<State<A>>,
    work: Condvar,
}

struct State<A> {
    asks: VecDeque<Ask<A>>,
    threads: usize,
    idle: usize,
    over: bool,
}

struct Ask<A> {
    host: String,
    port: u16,
    who: A,
}

impl<A: Answer> Resolver<A> {
    /// Threads that ask `resolve`. None is started yet.
    pub fn new(resolve: Arc<dyn Resolve>) -> Self {
        let state = State { asks: VecDeque::new(), threads: 0, idle: 0, over: false };
        let shared = Shared { resolve, state: Mutex::new(state), work: Condvar::new() };
        Self(Arc::new(Handle(Arc::new(shared))))
    }

    /// Looks `host` up, and lets `who` know.
    ///
    /// # Errors
    /// No thread can be started, and none runs.
    pub fn ask(&self, host: &str, port: u16, who: A) -> io::Result<()> {
        let shared = &self.0.0;
        let mut state = shared.state();
        if state.idle <= state.asks.len() && state.threads < THREADS_MAX {
            let own = shared.clone();
            let spawned = thread::Builder::new()
                .name("httpool-resolve".into())
                .spawn(move || own.work_until_idle());
            match spawned {
                Ok(_) => state.threads += 1,
                // Those that run will come to it.
                Err(error) if state.threads == 0 => return Err(error),
                Err(_) => {}
            }
        }
        state.asks.push_back(Ask { host: host.into(), port, who });
        shared.work.notify_one();
        Ok(())
    }

    /// Those for whom `gone` says so wait no more. One that is being answered hears of it all the
    /// same.
    pub fn forget(&self, gone: impl Fn(&A) -> bool) {
        self.0.0.state().asks.retain(|ask| !gone(&ask.who));
    }
}

impl<A: Answer> Clone for Resolver<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A: Answer> fmt::Debug for Resolver<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.0.state();
        write!(f, "Resolver({} asked, {} threads)", state.asks.len(), state.threads)
    }
}

impl<A> Drop for Handle<A> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.over = true;
        state.asks.clear();
        self.0.work.notify_all();
    }
}

impl<A> Shared<A> {
    fn state(&self) -> MutexGuard<'_, State<A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_ask(&self) -> Option<Ask<A>> {
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

impl<A: Answer> Shared<A> {
    fn work_until_idle(&self) {
        let _running = Running(self);
        while let Some(Ask { host, port, who }) = self.next_ask() {
            let mut answering = Answering { who: Some(who), addrs: None };
            answering.addrs = Some(self.resolve.resolve(&host, port));
        }
    }
}

/// Answers, also when a resolver panics: a call must not wait for its deadline because of that.
struct Answering<A: Answer> {
    who: Option<A>,
    addrs: Option<io::Result<Vec<SocketAddr>>>,
}

impl<A: Answer> Drop for Answering<A> {
    fn drop(&mut self) {
        let panicked = || Err(io::Error::other(ResolverPanicked));
        let addrs = self.addrs.take().unwrap_or_else(panicked);
        if let Some(who) = self.who.take() {
            who.answer(addrs);
        }
    }
}

/// Counts a thread out, also when a resolver panics.
struct Running<'a, A>(&'a Shared<A>);

impl<A> Drop for Running<'_, A> {
    fn drop(&mut self) {
        self.0.state().threads -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    impl Answer for Sender<io::Result<Vec<SocketAddr>>> {
        fn answer(self, addrs: io::Result<Vec<SocketAddr>>) {
            self.send(addrs).expect("the test waits for it");
        }
    }

    struct Moody;

    impl Resolve for Moody {
        fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
            assert_ne!(host, "panic");
            Ok(vec![([192, 0, 2, 1], port).into()])
        }
    }

    #[test]
    fn whoever_asks_is_answered_even_by_a_panic() {
        let resolver = Resolver::new(Arc::new(Moody));
        for host in ["a", "panic", "b"] {
            let (sender, answers) = channel();
            resolver.ask(host, 80, sender).unwrap();
            let answer = answers.recv().unwrap();
            assert_eq!(answer.is_ok(), host != "panic");
            assert!(answers.recv().is_err(), "once");
        }
    }

    #[test]
    fn fixed_names_are_found_however_they_are_written() {
        let (mut fixed, local) = (Fixed::default(), IpAddr::from([127, 0, 0, 1]));
        for host in ["Host.Example", "bücher.example", "a b"] {
            fixed.add(host, 80, local);
        }
        assert_eq!(fixed.get("host.example", 80), [(local, 80).into()]);
        assert_eq!(fixed.get("xn--bcher-kva.example", 80), [(local, 80).into()]);
        assert_eq!(fixed.get("host.example", 81), []);
    }
}
