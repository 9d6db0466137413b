//! Bells: descriptors that wake a thread that waits in `poll(2)`.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

/// The most descriptors that the bells of one client use, free bells included. Together with the
/// default of 1,000 connections they stay below the usual limit of 1,024.
const DESCRIPTORS_MAX: usize = 16;
/// The most bells of one client.
const BELLS_MAX: usize = DESCRIPTORS_MAX / Bell::DESCRIPTORS;

/// The bells of a client. A thread takes one for the time of a wait. Their number is the most
/// threads that have waited at once, up to [`BELLS_MAX`].
#[derive(Debug, Clone, Default)]
pub(super) struct Bells(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    free: Vec<Arc<Bell>>,
    /// The number of bells made, free or in use.
    made: usize,
}

impl Bells {
    /// Takes a bell for one wait. `None` if all are in use, or the system has no descriptor left.
    fn take(&self) -> Option<Arc<Bell>> {
        let mut state = self.state();
        if let Some(bell) = state.free.pop() {
            return Some(bell);
        }
        if state.made == BELLS_MAX {
            return None;
        }
        let bell = Bell::new().ok()?;
        state.made += 1;
        Some(Arc::new(bell))
    }

    fn give(&self, bell: Arc<Bell>) {
        self.state().free.push(bell);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a parker for a bell, which it holds while its thread waits in `poll(2)`.
#[derive(Debug, Default)]
pub(super) struct Hook(Mutex<Option<Arc<Bell>>>);

impl Hook {
    /// Attaches a bell, if one is free, until the result is dropped.
    pub(super) fn hang<'a>(&'a self, bells: &'a Bells) -> Option<Hung<'a>> {
        let bell = bells.take()?;
        *self.slot() = Some(bell.clone());
        Some(Hung { hook: self, bells, bell })
    }

    /// Rings the attached bell, if there is one.
    pub(super) fn ring(&self) {
        if let Some(bell) = &*self.slot() {
            bell.ring();
        }
    }

    fn slot(&self) -> MutexGuard<'_, Option<Arc<Bell>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bell attached to its hook. Dropping it silences the bell and returns it to its client.
pub(super) struct Hung<'a> {
    hook: &'a Hook,
    bells: &'a Bells,
    bell: Arc<Bell>,
}

impl AsFd for Hung<'_> {
    /// Returns the descriptor that becomes readable when the bell is rung.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.listening.as_fd()
    }
}

impl Drop for Hung<'_> {
    fn drop(&mut self) {
        // The bell is detached first, so that no thread rings it after it was silenced.
        self.hook.slot().take();
        self.bell.silence();
        self.bells.give(self.bell.clone());
    }
}

/// An eventfd, or a pipe on systems without eventfd.
#[derive(Debug)]
struct Bell {
    listening: OwnedFd,
    /// The write end of a pipe. `None` for an eventfd, which is read and written by one descriptor.
    ringing: Option<OwnedFd>,
    rung: AtomicBool,
}

impl Bell {
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "illumos"
    ))]
    const DESCRIPTORS: usize = 1;
    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "illumos"
    )))]
    const DESCRIPTORS: usize = 2;

    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "illumos"
    ))]
    fn new() -> io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        let listening = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { listening, ringing: None, rung: AtomicBool::new(false) })
    }

    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "illumos"
    )))]
    fn new() -> io::Result<Self> {
        use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
        let (listening, ringing) = rustix::pipe::pipe()?;
        for end in [&listening, &ringing] {
            fcntl_setfd(end, FdFlags::CLOEXEC)?;
            ioctl_fionbio(end, true)?;
        }
        Ok(Self { listening, ringing: Some(ringing), rung: AtomicBool::new(false) })
    }

    fn ring(&self) {
        if !self.rung.swap(true, SeqCst) {
            // An eventfd takes eight bytes as a number to add; a pipe takes any.
            let fd = self.ringing.as_ref().unwrap_or(&self.listening);
            rustix::io::write(fd, &1_u64.to_ne_bytes()).ok();
        }
    }

    fn silence(&self) {
        if self.rung.swap(false, SeqCst) {
            rustix::io::read(&self.listening, &mut [0; 8]).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    /// Returns the number of bells made, and the number of free ones.
    fn counts(bells: &Bells) -> (usize, usize) {
        let state = bells.state();
        (state.made, state.free.len())
    }

    fn rings(hung: &Hung<'_>) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(hung, PollFlags::IN)], Some(&now)).unwrap() == 1
    }

    #[test]
    fn a_bell_comes_back_silent_and_is_used_again() {
        let (bells, hook, other) = (Bells::default(), Hook::default(), Hook::default());
        hook.ring();
        for _ in 0..3 {
            let hung = hook.hang(&bells).unwrap();
            assert!(!rings(&hung), "what rang before was for nobody");
            other.ring();
            assert!(!rings(&hung), "it hangs elsewhere");
            hook.ring();
            hook.ring();
            assert!(rings(&hung));
            drop(hung);
            hook.ring();
        }
        assert_eq!(counts(&bells), (1, 1));
    }

    #[test]
    fn there_are_as_many_bells_as_threads_wait_at_once_and_no_more_than_the_bound() {
        let bells = Bells::default();
        let hooks: Vec<_> = (0..2 * BELLS_MAX).map(|_| Hook::default()).collect();
        let hung: Vec<_> = hooks.iter().map(|hook| hook.hang(&bells)).collect();
        assert_eq!(hung.iter().flatten().count(), BELLS_MAX);
        drop(hung);
        assert_eq!(counts(&bells), (BELLS_MAX, BELLS_MAX));
        assert!(hooks[0].hang(&bells).is_some());
    }
}
