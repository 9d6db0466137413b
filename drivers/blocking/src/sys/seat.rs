//! Where a thread waits, and how it is reached there.

use std::{
    cell::OnceCell,
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, Thread},
    time::Duration,
};

use super::imp::Bell;
use crate::platform::{Seat, Stir};

/// A thread's place to wait: for its turn in line, for a name, or for a connect. Every thread has
/// one, made when it first has to wait. It is rung by name; what is the news, the thread asks for.
#[derive(Debug)]
pub struct SystemSeat {
    thread: Thread,
    rung: AtomicBool,
    /// The thread waits in `poll(2)`, where only the bell reaches it.
    polling: AtomicBool,
    bell: OnceLock<Bell>,
}

impl SystemSeat {
    /// This thread's.
    pub(super) fn mine() -> Arc<Self> {
        thread_local! {
            static MINE: OnceCell<Arc<SystemSeat>> = const { OnceCell::new() };
        }
        MINE.with(|mine| {
            mine.get_or_init(|| {
                Arc::new(Self {
                    thread: thread::current(),
                    rung: AtomicBool::new(false),
                    polling: AtomicBool::new(false),
                    bell: OnceLock::new(),
                })
            })
            .clone()
        })
    }

    /// Runs `wait`, which must end when the bell rings, or after the time that it is given: at most
    /// `timeout`, and none if the seat was rung already.
    pub(super) fn poll<R>(
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
}

impl Stir for SystemSeat {
    fn stir(&self) {
        self.rung.store(true, SeqCst);
        if self.polling.load(SeqCst)
            && let Some(bell) = self.bell.get()
        {
            bell.ring();
        }
        self.thread.unpark();
    }
}

impl Seat for SystemSeat {
    fn park(&self, timeout: Option<Duration>) {
        if self.rung.swap(false, SeqCst) {
            return;
        }
        match timeout {
            Some(timeout) => thread::park_timeout(timeout),
            None => thread::park(),
        }
        self.rung.store(false, SeqCst);
    }

    fn hush(&self) {
        self.rung.store(false, SeqCst);
    }
}
