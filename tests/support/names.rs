//! Resolvers for the names of tests, and addresses at which no server answers.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
};

use httpool_blocking::Resolve;

/// A resolver. Names that begin with `hangs` are answered when the test lets them, and
/// `panics.test` panics. All names resolve to 127.0.0.1.
pub(crate) struct Names {
    asked: Mutex<BTreeMap<String, usize>>,
    go: Mutex<Option<Sender<()>>>,
    wait: Mutex<Receiver<()>>,
}

impl Names {
    pub(crate) fn new() -> Arc<Self> {
        let (go, wait) = channel();
        let (go, wait) = (Mutex::new(Some(go)), Mutex::new(wait));
        Arc::new(Self { asked: Mutex::default(), go, wait })
    }

    /// Returns how often a name was looked up.
    pub(crate) fn asked(&self, host: &str) -> usize {
        self.asked.lock().unwrap().get(host).copied().unwrap_or(0)
    }

    /// Returns how many names were looked up.
    pub(crate) fn len(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Answers the look-ups that hang, from now on.
    pub(crate) fn let_go(&self) {
        self.go.lock().unwrap().take();
    }
}

impl Resolve for Names {
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        *self.asked.lock().unwrap().entry(host.into()).or_default() += 1;
        assert_ne!(host, "panics.test", "as it should");
        if host.starts_with("hangs") {
            self.wait.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
        }
        Ok(vec![([127, 0, 0, 1], port).into()])
    }
}

/// A resolver with a cache. It returns the address that it is created with, and 127.0.0.1 after a
/// refresh.
pub(crate) struct Keeps(IpAddr, Mutex<Vec<String>>);

impl Keeps {
    pub(crate) fn new(first: &str) -> Arc<Self> {
        Arc::new(Self(first.parse().unwrap(), Mutex::default()))
    }

    /// Returns the names that were refreshed, with their ports.
    pub(crate) fn refreshed(&self) -> Vec<String> {
        self.1.lock().unwrap().clone()
    }
}

impl Resolve for Keeps {
    fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![([127, 0, 0, 1], port).into()])
    }

    fn kept(&self, _: &str, port: u16) -> Option<Vec<SocketAddr>> {
        self.refreshed().is_empty().then(|| vec![(self.0, port).into()])
    }

    fn refresh(&self, host: &str, port: u16) {
        self.1.lock().unwrap().push(format!("{host}:{port}"));
    }
}

/// An address at which no server answers: a listener with a full queue. Linux neither accepts nor
/// refuses connections to it.
#[cfg(target_os = "linux")]
pub(crate) struct Silent {
    listener: TcpListener,
    filler: TcpStream,
}

#[cfg(target_os = "linux")]
impl Silent {
    pub(crate) fn at(addr: (&str, u16)) -> Self {
        let listener = TcpListener::bind(addr).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let filler = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        Self { listener, filler }
    }

    /// Whether no attempt to connect is left, which would take the place in the queue.
    pub(crate) fn stays_alone(self) -> bool {
        drop((self.listener.accept().unwrap(), self.filler));
        self.listener.set_nonblocking(true).unwrap();
        self.listener.accept().is_err()
    }
}
