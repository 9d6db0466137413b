//! Names being looked up, and how the loop hears of the answers.

use std::{
    fmt, io, mem,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use httpool::id::ConnId;
use httpool_common::{Answer, Fixed, Resolve, Resolver};
use mio::Waker;

/// Look-ups for connections.
#[derive(Debug)]
pub(crate) struct Names {
    fixed: Fixed,
    resolver: Resolver<Asker>,
    inbox: Arc<Inbox>,
}

/// What a look-up gave, and for which connection.
type Answered = (ConnId, io::Result<Vec<SocketAddr>>);

struct Inbox {
    answers: Mutex<Vec<Answered>>,
    waker: Arc<Waker>,
}

/// Who asked: the loop is woken.
struct Asker {
    conn: ConnId,
    inbox: Arc<Inbox>,
}

impl Answer for Asker {
    fn answer(self, addrs: io::Result<Vec<SocketAddr>>) {
        self.inbox.put((self.conn, addrs));
        // Where the loop cannot be woken, it finds the answer when it wakes by itself.
        self.inbox.waker.wake().ok();
    }
}

impl Names {
    pub(crate) fn new(fixed: Fixed, resolve: Arc<dyn Resolve>, waker: Arc<Waker>) -> Self {
        let inbox = Arc::new(Inbox { answers: Mutex::default(), waker });
        Self { fixed, resolver: Resolver::new(resolve), inbox }
    }

    /// Looks `host` up. The answer is among [`answers`](Self::answers) when the loop is woken; one
    /// that needs no asking is given at once.
    pub(crate) fn ask(
        &self,
        conn: ConnId,
        host: &str,
        port: u16,
    ) -> Option<io::Result<Vec<SocketAddr>>> {
        let fixed = self.fixed.get(host, port);
        if !fixed.is_empty() {
            return Some(Ok(fixed));
        }
        self.resolver.ask(host, port, Asker { conn, inbox: self.inbox.clone() }).err().map(Err)
    }

    /// Nobody waits for that answer any more.
    pub(crate) fn forget(&self, conn: ConnId) {
        self.resolver.forget(|asker| asker.conn == conn);
    }

    /// Takes what has come.
    pub(crate) fn answers(&self) -> Vec<Answered> {
        mem::take(&mut self.inbox.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inbox {
    fn put(&self, answered: Answered) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(answered);
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}
