//! Where a thread waits, and how it is reached there.

use std::{
    cell::OnceCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, Thread},
    time::Duration,
};

use super::imp::Hook;
use crate::platform::{Seat, Stir};

/// A thread's place to wait: for its turn in line, for a name, or for a connect. Every thread has
/// one, made when it first has to wait. It is rung by name; what is the news, the thread asks for.
#[derive(Debug)]
pub struct SystemSeat {
    thread: Thread,
    rung: AtomicBool,
    /// Reaches the thread where unparking it does not: in `poll(2)`.
    pub(super) hook: Hook,
}

impl SystemSeat {
    /// This thread's.
    pub(super) fn mine() -> Arc<Self> {
        thread_local! {
            static MINE: OnceCell<Arc<SystemSeat>> = const { OnceCell::new() };
        }
        MINE.with(|mine| mine.get_or_init(|| Arc::new(Self::new(thread::current()))).clone())
    }

    fn new(thread: Thread) -> Self {
        Self { thread, rung: AtomicBool::new(false), hook: Hook::default() }
    }

    /// Whether it was rung, and has not been hushed since.
    pub(super) fn is_rung(&self) -> bool {
        self.rung.load(SeqCst)
    }
}

impl Stir for SystemSeat {
    fn stir(&self) {
        // In this order: who hangs up a bell looks here after that.
        self.rung.store(true, SeqCst);
        self.hook.ring();
        self.thread.unpark();
    }
}

impl Seat for SystemSeat {
    fn park(&self, timeout: Option<Duration>) {
        if !self.is_rung() {
            match timeout {
                Some(timeout) => thread::park_timeout(timeout),
                None => thread::park(),
            }
        }
        self.hush();
    }

    fn hush(&self) {
        self.rung.store(false, SeqCst);
    }
}
