//! The look-ups of names, and the inbox for their answers.

use std::{
    fmt, io, mem,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use httpool::id::{ConnId, LookUpId};
use httpool_kit::{Answer, Asked, Hosts, Resolver};
use mio::Waker;

/// Looks up names for connections.
#[derive(Debug)]
pub(crate) struct Names {
    resolver: Resolver<Asker>,
    inbox: Arc<Inbox>,
}

/// An event of a look-up, with its connection.
pub(crate) enum News {
    /// A thread has begun the look-up, which had to wait for one.
    Begun(ConnId),
    /// The look-up has ended.
    Answer(ConnId, io::Result<Vec<SocketAddr>>),
    /// A name with open connections was looked up again.
    Again(LookUpId, io::Result<Vec<SocketAddr>>),
}

struct Inbox {
    news: Mutex<Vec<News>>,
    waker: Arc<Waker>,
}

/// The receiver of an answer. It puts the answer into the inbox and wakes the loop.
struct Asker {
    who: Who,
    inbox: Arc<Inbox>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    /// A connection that is being opened.
    Conn(ConnId),
    /// A name with open connections.
    Again(LookUpId),
}

impl Answer for Asker {
    fn begun(&self) {
        if let Who::Conn(conn) = self.who {
            self.inbox.put(News::Begun(conn));
        }
    }

    fn answer(self, addrs: io::Result<Vec<SocketAddr>>) {
        self.inbox.put(match self.who {
            Who::Conn(conn) => News::Answer(conn, addrs),
            Who::Again(look_up) => News::Again(look_up, addrs),
        });
    }
}

impl Names {
    pub(crate) fn new(hosts: Hosts, waker: Arc<Waker>) -> Self {
        let inbox = Arc::new(Inbox { news: Mutex::default(), waker });
        Self { resolver: Resolver::new(hosts), inbox }
    }

    /// Looks up `host`. Returns the answer at once if no look-up is needed. Otherwise the loop is
    /// woken, and [`news`](Self::news) returns the answer.
    pub(crate) fn ask(&self, conn: ConnId, host: &str, port: u16) -> Asked {
        self.resolver.ask(host, port, self.asker(Who::Conn(conn)))
    }

    /// Looks a name with open connections up again. The loop is woken for the answer.
    pub(crate) fn ask_again(&self, look_up: LookUpId, host: &str, port: u16) {
        self.resolver.ask_again(host, port, self.asker(Who::Again(look_up)));
    }

    fn asker(&self, who: Who) -> Asker {
        Asker { who, inbox: self.inbox.clone() }
    }

    /// Reports that a connection to an address of the name has failed.
    pub(crate) fn refresh(&self, host: &str, port: u16) {
        self.resolver.refresh(host, port);
    }

    /// Removes a closed connection from those that wait for the answer of a look-up.
    pub(crate) fn forget(&self, conn: ConnId) {
        self.resolver.forget(|asker| asker.who == Who::Conn(conn));
    }

    /// Takes the events since the last call.
    pub(crate) fn news(&self) -> Vec<News> {
        mem::take(&mut self.inbox.news.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inbox {
    fn put(&self, news: News) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).push(news);
        // If the wake-up fails, the loop finds the event at its next turn.
        self.waker.wake().ok();
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}
