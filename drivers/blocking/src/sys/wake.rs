//! WakeFds: descriptors that wake a thread that waits in `poll(2)`.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

/// The most descriptors that one client uses for wake-ups, free ones included. Together with the
/// default of 1,000 connections they stay below the usual limit of 1,024.
const DESCRIPTORS_MAX: usize = 16;
/// The most wake descriptors of one client.
const WAKE_FDS_MAX: usize = DESCRIPTORS_MAX / WakeFd::DESCRIPTORS;

/// The wake descriptors of a client. A thread takes one for the time of a wait. Their number is the
/// most threads that have waited at once, up to [`WAKE_FDS_MAX`].
#[derive(Debug, Clone, Default)]
pub(super) struct WakeFds(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    free: Vec<Arc<WakeFd>>,
    /// The number of wake descriptors made, free or in use.
    made: usize,
}

impl WakeFds {
    /// Takes one for a wait. `None` if all are in use, or the system has no descriptor left.
    fn take(&self) -> Option<Arc<WakeFd>> {
        let mut state = self.state();
        if let Some(wake_fd) = state.free.pop() {
            return Some(wake_fd);
        }
        if state.made == WAKE_FDS_MAX {
            return None;
        }
        let wake_fd = WakeFd::new().ok()?;
        state.made += 1;
        Some(Arc::new(wake_fd))
    }

    fn give(&self, wake_fd: Arc<WakeFd>) {
        self.state().free.push(wake_fd);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The wake descriptor of a parker. It has one while its thread waits in `poll(2)`.
#[derive(Debug, Default)]
pub(super) struct WakeSlot(Mutex<Option<Arc<WakeFd>>>);

impl WakeSlot {
    /// Attaches a wake descriptor, if one is free, until the result is dropped.
    pub(super) fn attach<'a>(&'a self, wake_fds: &'a WakeFds) -> Option<Attached<'a>> {
        let wake_fd = wake_fds.take()?;
        *self.lock() = Some(wake_fd.clone());
        Some(Attached { slot: self, wake_fds, wake_fd })
    }

    /// Wakes the thread that waits for the attached descriptor, if there is one.
    pub(super) fn wake(&self) {
        if let Some(wake_fd) = &*self.lock() {
            wake_fd.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<WakeFd>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A wake descriptor in its slot. Dropping this resets the descriptor and returns it to its
/// client.
pub(super) struct Attached<'a> {
    slot: &'a WakeSlot,
    wake_fds: &'a WakeFds,
    wake_fd: Arc<WakeFd>,
}

impl AsFd for Attached<'_> {
    /// Returns the descriptor that becomes readable when the thread is woken.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake_fd.read_end.as_fd()
    }
}

impl Drop for Attached<'_> {
    fn drop(&mut self) {
        // Detached first, so that no thread makes it readable after the reset.
        self.slot.lock().take();
        self.wake_fd.reset();
        self.wake_fds.give(self.wake_fd.clone());
    }
}

/// An eventfd, or a pipe on systems without eventfd.
#[derive(Debug)]
struct WakeFd {
    read_end: OwnedFd,
    /// The write end of a pipe. `None` for an eventfd, which is read and written by one descriptor.
    write_end: Option<OwnedFd>,
    woken: AtomicBool,
}

impl WakeFd {
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
        let read_end = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { read_end, write_end: None, woken: AtomicBool::new(false) })
    }

    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "illumos"
    )))]
    fn new() -> io::Result<Self> {
        use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
        let (read_end, write_end) = rustix::pipe::pipe()?;
        for end in [&read_end, &write_end] {
            fcntl_setfd(end, FdFlags::CLOEXEC)?;
            ioctl_fionbio(end, true)?;
        }
        Ok(Self { read_end, write_end: Some(write_end), woken: AtomicBool::new(false) })
    }

    fn wake(&self) {
        if !self.woken.swap(true, SeqCst) {
            // An eventfd takes eight bytes as a number to add; a pipe takes any.
            let fd = self.write_end.as_ref().unwrap_or(&self.read_end);
            rustix::io::write(fd, &1_u64.to_ne_bytes()).ok();
        }
    }

    fn reset(&self) {
        if self.woken.swap(false, SeqCst) {
            rustix::io::read(&self.read_end, &mut [0; 8]).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    /// Returns the number of wake descriptors made, and the number of free ones.
    fn counts(wake_fds: &WakeFds) -> (usize, usize) {
        let state = wake_fds.state();
        (state.made, state.free.len())
    }

    fn is_readable(attached: &Attached<'_>) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(attached, PollFlags::IN)], Some(&now)).unwrap() == 1
    }

    #[test]
    fn a_wake_descriptor_comes_back_unreadable_and_is_used_again() {
        let (wake_fds, slot, other) =
            (WakeFds::default(), WakeSlot::default(), WakeSlot::default());
        slot.wake();
        for _ in 0..3 {
            let attached = slot.attach(&wake_fds).unwrap();
            assert!(!is_readable(&attached), "it was woken before it was attached");
            other.wake();
            assert!(!is_readable(&attached), "another slot was woken");
            slot.wake();
            slot.wake();
            assert!(is_readable(&attached));
            drop(attached);
            slot.wake();
        }
        assert_eq!(counts(&wake_fds), (1, 1));
    }

    #[test]
    fn there_are_as_many_wake_descriptors_as_threads_wait_at_once_up_to_the_bound() {
        let wake_fds = WakeFds::default();
        let slots: Vec<_> = (0..2 * WAKE_FDS_MAX).map(|_| WakeSlot::default()).collect();
        let attached: Vec<_> = slots.iter().map(|slot| slot.attach(&wake_fds)).collect();
        assert_eq!(attached.iter().flatten().count(), WAKE_FDS_MAX);
        drop(attached);
        assert_eq!(counts(&wake_fds), (WAKE_FDS_MAX, WAKE_FDS_MAX));
        assert!(slots[0].attach(&wake_fds).is_some());
    }
}
