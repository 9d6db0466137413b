//! Names being looked up, and how the loop hears of the answers.

use std::{
    fmt, io, mem,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use httpool::id::ConnId;
use httpool_kit::{Answer, Asked, Hosts, Resolver};
use mio::Waker;

/// Look-ups for connections.
#[derive(Debug)]
pub(crate) struct Names {
    resolver: Resolver<Asker>,
    inbox: Arc<Inbox>,
}

/// What is heard of a look-up, and for which connection.
pub(crate) enum News {
    /// It had to wait for a thread, and begins.
    Begun(ConnId),
    /// It has ended.
    Answer(ConnId, io::Result<Vec<SocketAddr>>),
}

struct Inbox {
    news: Mutex<Vec<News>>,
    waker: Arc<Waker>,
}

/// Who asked: the loop is woken.
struct Asker {
    conn: ConnId,
    inbox: Arc<Inbox>,
}

impl Answer for Asker {
    fn begun(&self) {
        self.inbox.put(News::Begun(self.conn));
    }

    fn answer(self, addrs: io::Result<Vec<SocketAddr>>) {
        self.inbox.put(News::Answer(self.conn, addrs));
    }
}

impl Names {
    pub(crate) fn new(hosts: Hosts, waker: Arc<Waker>) -> Self {
        let inbox = Arc::new(Inbox { news: Mutex::default(), waker });
        Self { resolver: Resolver::new(hosts), inbox }
    }

    /// Looks `host` up. The answer is among the [`news`](Self::news) when the loop is woken; one that
    /// needs no asking is given at once.
    pub(crate) fn ask(&self, conn: ConnId, host: &str, port: u16) -> Asked {
        self.resolver.ask(host, port, Asker { conn, inbox: self.inbox.clone() })
    }

    /// An address of the name has failed.
    pub(crate) fn refresh(&self, host: &str, port: u16) {
        self.resolver.refresh(host, port);
    }

    /// Nobody waits for that answer any more.
    pub(crate) fn forget(&self, conn: ConnId) {
        self.resolver.forget(|asker| asker.conn == conn);
    }

    /// Takes what has come.
    pub(crate) fn news(&self) -> Vec<News> {
        mem::take(&mut self.inbox.news.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inbox {
    fn put(&self, news: News) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).push(news);
        // Where the loop cannot be woken, it finds the news when it wakes by itself.
        self.waker.wake().ok();
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}
