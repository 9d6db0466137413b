//! The clock of a mock, on which waiting takes no time.

use std::{
    collections::BTreeSet,
    marker::PhantomData,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

#[cfg(doc)]
use crate::Mock;
use crate::state::State;

/// The longest real time for which the clock stands because a thread has not read it.
const READ_WITHIN: Duration = Duration::from_secs(1);

/// The longest real time for [`HeldClock::wait_for`].
const WAIT_WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct Clock {
    times: Mutex<Times>,
    changed: Condvar,
    /// The nanoseconds that have passed without waiting.
    passed: AtomicU64,
    /// Whether [`Times::reader`] is set.
    is_unread: AtomicBool,
}

#[derive(Debug, Default)]
struct Times {
    /// The threads that hold the clock.
    holders: Vec<ThreadId>,
    /// The ends of the waits, each with its number.
    waits: BTreeSet<(u64, u64)>,
    number: u64,
    /// The thread whose wait has ended, and which must read the clock before it moves on.
    reader: Option<ThreadId>,
}

impl Clock {
    fn lock(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the time that has passed without waiting.
    pub(crate) fn passed(&self) -> Duration {
        Duration::from_nanos(self.passed.load(SeqCst))
    }

    /// Returns the time for the client, which the calling thread then knows.
    pub(crate) fn read(&self) -> Duration {
        let passed = self.passed();
        if self.is_unread.load(SeqCst) {
            self.settle(&mut self.lock());
        }
        passed
    }

    /// Lets the clock move on if it stands for this thread.
    fn settle(&self, times: &mut Times) {
        if times.reader == Some(thread::current().id()) {
            self.forget(times);
        }
    }

    fn forget(&self, times: &mut Times) {
        times.reader = None;
        self.is_unread.store(false, SeqCst);
        self.changed.notify_all();
    }

    /// Lets `time` pass, when no other thread waits for an earlier time and no other thread holds
    /// the clock. Returns whether it has passed: `stop` ends the wait.
    pub(crate) fn wait(&self, time: Duration, stop: &AtomicBool) -> bool {
        if time.is_zero() {
            return true;
        }
        let mut times = self.lock();
        self.settle(&mut times);
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let wait = (self.passed.load(SeqCst).saturating_add(nanos), times.number);
        times.number += 1;
        times.waits.insert(wait);
        self.changed.notify_all();
        while !stop.load(SeqCst) && !times.may_end(wait) {
            let unread = times.holders.is_empty() && times.reader.is_some();
            let for_at_most = if unread { READ_WITHIN } else { Duration::MAX };
            let waited = self.changed.wait_timeout(times, for_at_most);
            let (new, over) = waited.unwrap_or_else(PoisonError::into_inner);
            times = new;
            if over.timed_out() {
                self.forget(&mut times);
            }
        }
        times.waits.remove(&wait);
        let ended = !stop.load(SeqCst);
        if ended {
            self.passed.fetch_max(wait.0, SeqCst);
            if !times.waits.is_empty() {
                times.reader = Some(thread::current().id());
                self.is_unread.store(true, SeqCst);
            }
        }
        self.changed.notify_all();
        ended
    }

    /// Makes the waits look at their `stop`.
    pub(crate) fn wake(&self) {
        drop(self.lock());
        self.changed.notify_all();
    }
}

impl Times {
    /// Whether the wait may end now. A thread that holds the clock never waits for itself.
    fn may_end(&self, wait: (u64, u64)) -> bool {
        let own = thread::current().id();
        if self.holders.contains(&own) {
            return true;
        }
        self.holders.is_empty() && self.reader.is_none() && self.waits.first() == Some(&wait)
    }
}

/// Holds a mock's clock until it is dropped: see [`Mock::hold_clock`].
#[derive(Debug)]
#[must_use = "the clock is held until this is dropped"]
pub struct HeldClock {
    state: Arc<State>,
    /// The holder is the thread that has made this.
    thread: PhantomData<*const ()>,
}

impl HeldClock {
    pub(crate) fn new(state: Arc<State>) -> Self {
        state.clock.lock().holders.push(thread::current().id());
        Self { state, thread: PhantomData }
    }

    /// Waits, in real time, until at least so many threads wait on the clock.
    ///
    /// # Panics
    /// They do not within 60 seconds.
    #[track_caller]
    pub fn wait_for(&self, threads: usize) {
        let clock = &self.state.clock;
        let mut times = clock.lock();
        let begun = Instant::now();
        while times.waits.len() < threads {
            let waiting = times.waits.len();
            let Some(left) = WAIT_WITHIN.checked_sub(begun.elapsed()) else {
                drop(times);
                panic!("{waiting} threads wait on the clock of the mock, of {threads} expected");
            };
            let waited = clock.changed.wait_timeout(times, left);
            times = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for HeldClock {
    fn drop(&mut self) {
        let clock = &self.state.clock;
        let mut times = clock.lock();
        let own = thread::current().id();
        if let Some(at) = times.holders.iter().position(|holder| *holder == own) {
            times.holders.remove(at);
        }
        clock.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_never_reads_the_clock_stops_no_other() {
        let state = Arc::new(State::default());
        let held = HeldClock::new(state.clone());
        thread::scope(|scope| {
            for seconds in [1, 2] {
                let (clock, time) = (&state.clock, Duration::from_secs(seconds));
                scope.spawn(move || clock.wait(time, &AtomicBool::new(false)));
            }
            held.wait_for(2);
            drop(held);
        });
        assert_eq!(state.clock.passed(), Duration::from_secs(2));
    }
}
