//! A service that moves from 127.0.0.1 to 127.0.0.2, and a resolver that knows where it is.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

use httpool_blocking::{PoolLimits, Resolve};

use super::{Peer, Server};

/// The servers at both addresses, with the same port. They answer `old` and `new`. The answer to
/// `/held` ends when the test lets it.
pub(crate) struct Moving {
    pub(crate) old: Server,
    pub(crate) new: Server,
    pub(crate) names: Arc<Place>,
    holds: Arc<AtomicBool>,
    closed: Arc<AtomicUsize>,
    go: mpsc::Sender<()>,
}

/// Where the service is.
pub(crate) struct Place {
    /// `None`: its name cannot be looked up.
    now: Mutex<Option<IpAddr>>,
    asked: AtomicUsize,
    gate: Mutex<()>,
}

impl Moving {
    pub(crate) fn new() -> Self {
        let holds = Arc::new(AtomicBool::new(false));
        let closed = Arc::new(AtomicUsize::new(0));
        let (go, wait) = mpsc::channel();
        let (old, new) = listeners();
        let (flag, count, wait) = (holds.clone(), closed.clone(), Mutex::new(wait));
        let old = Server::start_on(old, move |peer| {
            serve(peer, "old", || {
                flag.store(true, SeqCst);
                wait.lock().unwrap().recv().ok();
            });
            count.fetch_add(1, SeqCst);
        });
        let new = Server::start_on(new, |peer| serve(peer, "new", || {}));
        let now = Mutex::new(Some([127, 0, 0, 1].into()));
        let names = Arc::new(Place { now, asked: AtomicUsize::new(0), gate: Mutex::new(()) });
        Self { old, new, names, holds, closed, go }
    }

    /// Looks names up again every 10 milliseconds.
    pub(crate) fn limits() -> PoolLimits {
        PoolLimits::default().look_up_every(Duration::from_millis(10))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://moves.test:{}{path}", self.old.port())
    }

    /// Whether the old server has begun to answer `/held`.
    pub(crate) fn holds(&self) -> bool {
        self.holds.load(SeqCst)
    }

    /// Ends the answer to `/held`.
    pub(crate) fn let_go(&self) {
        self.go.send(()).unwrap();
    }

    /// Returns how many connections of the old server have ended.
    pub(crate) fn closed(&self) -> usize {
        self.closed.load(SeqCst)
    }
}

impl Place {
    /// Moves the service to its new address.
    pub(crate) fn move_on(&self) {
        *self.now.lock().unwrap() = Some([127, 0, 0, 2].into());
    }

    /// Lets all further look-ups fail.
    pub(crate) fn fail(&self) {
        *self.now.lock().unwrap() = None;
    }

    /// Runs `work`. Look-ups that begin meanwhile end after it.
    pub(crate) fn hang_during(&self, work: impl FnOnce()) {
        let _closed = self.gate.lock().unwrap();
        work();
    }

    /// Returns how many look-ups have begun.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

impl Resolve for Place {
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        assert_eq!(host, "moves.test");
        self.asked.fetch_add(1, SeqCst);
        drop(self.gate.lock().unwrap_or_else(PoisonError::into_inner));
        let ip = self.now.lock().unwrap().ok_or(io::ErrorKind::NotFound)?;
        Ok(vec![(ip, port).into()])
    }
}

/// Returns listeners at both addresses, with one port.
fn listeners() -> (TcpListener, TcpListener) {
    loop {
        let old = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = old.local_addr().unwrap().port();
        if let Ok(new) = TcpListener::bind(("127.0.0.2", port)) {
            return (old, new);
        }
    }
}

fn serve(peer: &mut Peer, body: &str, hold: impl Fn()) {
    while let Some(request) = peer.request() {
        if request.target() == "/held" {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhe");
            hold();
            peer.send("ld");
        } else {
            peer.answer(body);
        }
    }
}
