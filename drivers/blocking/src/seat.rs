//! Where a thread waits, and how it is reached there.

use std::{
    cell::OnceCell,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, Thread},
    time::Duration,
};

use httpool::{id::ConnId, message::Key};

use crate::sys::Bell;

/// A thread's place to wait: for its turn in line, for a name, or for a connect. Every thread has
/// one, made when it first has to wait. It is rung by name; what is the news, the thread asks for.
#[derive(Debug)]
pub(crate) struct Seat {
    thread: Thread,
    rung: AtomicBool,
    /// The thread waits in `poll(2)`, where only the bell reaches it.
    polling: AtomicBool,
    bell: OnceLock<Bell>,
    mail: Mutex<Mail>,
}

/// What others have for the thread in a seat.
#[derive(Debug, Default)]
struct Mail {
    dial: Option<(ConnId, Key)>,
    resolved: Option<(u64, io::Result<Vec<SocketAddr>>)>,
}

impl Seat {
    /// This thread's.
    pub(crate) fn mine() -> Arc<Self> {
        thread_local! {
            static MINE: OnceCell<Arc<Seat>> = const { OnceCell::new() };
        }
        MINE.with(|mine| {
            mine.get_or_init(|| {
                Arc::new(Self {
                    thread: thread::current(),
                    rung: AtomicBool::new(false),
                    polling: AtomicBool::new(false),
                    bell: OnceLock::new(),
                    mail: Mutex::default(),
                })
            })
            .clone()
        })
    }

    /// There is news for it.
    pub(crate) fn ring(&self) {
        self.rung.store(true, SeqCst);
        if self.polling.load(SeqCst)
            && let Some(bell) = self.bell.get()
        {
            bell.ring();
        }
        self.thread.unpark();
    }

    /// Waits until it is rung, or for at most `timeout`.
    pub(crate) fn park(&self, timeout: Option<Duration>) {
        if self.rung.swap(false, SeqCst) {
            return;
        }
        match timeout {
            Some(timeout) => thread::park_timeout(timeout),
            None => thread::park(),
        }
        self.rung.store(false, SeqCst);
    }

    /// Runs `wait`, which must end when the bell rings, or after the time that it is given: at most
    /// `timeout`, and none if the seat was rung already.
    pub(crate) fn poll<R>(
        &self,
        timeout: Option<Duration>,
        wait: impl FnOnce(&Bell, Option<Duration>) -> io::Result<R>,
    ) -> io::Result<R> {
        let bell = match self.bell.get() {
            Some(bell) => bell,
            None => {
                let bell = Bell::new()?;
                self.bell.get_or_init(|| bell)
            }
        };
        self.polling.store(true, SeqCst);
        let rung = self.rung.swap(false, SeqCst);
        let result = wait(bell, if rung { Some(Duration::ZERO) } else { timeout });
        self.polling.store(false, SeqCst);
        result
    }

    /// Orders a dial.
    pub(crate) fn order(&self, conn: ConnId, key: Key) {
        self.mail().dial = Some((conn, key));
    }

    pub(crate) fn take_order(&self) -> Option<(ConnId, Key)> {
        self.mail().dial.take()
    }

    /// The answer to look-up number `ask`.
    pub(crate) fn answer(&self, ask: u64, addrs: io::Result<Vec<SocketAddr>>) {
        self.mail().resolved = Some((ask, addrs));
        self.ring();
    }

    /// The answer to look-up number `ask`, if it has come; one to another, given up, is thrown away.
    pub(crate) fn take_answer(&self, ask: u64) -> Option<io::Result<Vec<SocketAddr>>> {
        self.mail().resolved.take().filter(|(number, _)| *number == ask).map(|(_, addrs)| addrs)
    }

    /// Nothing of an earlier wait may be taken for news of the next one.
    pub(crate) fn clear(&self) {
        self.rung.store(false, SeqCst);
        *self.mail() = Mail::default();
    }

    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
