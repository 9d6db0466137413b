//! The parker of a thread.

use std::{
    cell::OnceCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, Thread},
    time::Duration,
};

use super::imp::WakeSlot;
use crate::platform::{Parker, Unpark};

/// The parker of a thread, which waits there for its turn in the queue, for a look-up or for a
/// connect. Every thread has one, made at its first wait. A wake-up carries no message: the thread
/// wakes and checks what it waits for.
#[derive(Debug)]
pub struct SystemParker {
    thread: Thread,
    woken: AtomicBool,
    /// Wakes the thread in `poll(2)`, which `unpark` does not end.
    pub(super) slot: WakeSlot,
}

impl SystemParker {
    /// Returns the parker of the calling thread.
    pub(super) fn mine() -> Arc<Self> {
        thread_local! {
            static MINE: OnceCell<Arc<SystemParker>> = const { OnceCell::new() };
        }
        MINE.with(|mine| mine.get_or_init(|| Arc::new(Self::new(thread::current()))).clone())
    }

    fn new(thread: Thread) -> Self {
        Self { thread, woken: AtomicBool::new(false), slot: WakeSlot::default() }
    }

    /// Whether the parker was woken since it was last reset.
    pub(super) fn is_woken(&self) -> bool {
        self.woken.load(SeqCst)
    }
}

impl Unpark for SystemParker {
    fn unpark(&self) {
        // The order matters: a thread reads `woken` after it has attached a wake descriptor.
        self.woken.store(true, SeqCst);
        self.slot.wake();
        self.thread.unpark();
    }
}

impl Parker for SystemParker {
    fn park(&self, timeout: Option<Duration>) {
        if !self.is_woken() {
            match timeout {
                Some(timeout) => thread::park_timeout(timeout),
                None => thread::park(),
            }
        }
        self.reset();
    }

    fn reset(&self) {
        self.woken.store(false, SeqCst);
    }
}
