//! Bounds the output of a connection that the system buffers and has not sent.

/// Bounds the unsent bytes that the system buffers for `socket` to
/// [`UNSENT_BYTES_MAX`](httpool::limits::UNSENT_BYTES_MAX). Returns whether that succeeded. From
/// then on the socket accepts output when the system buffers less than half of that. Only Linux
/// supports this (`TCP_NOTSENT_LOWAT`). Makes one system call.
#[cfg(target_os = "linux")]
pub fn bound_unsent<S: std::os::fd::AsFd>(socket: &S) -> bool {
    let bound = httpool::limits::UNSENT_BYTES_MAX;
    socket2::SockRef::from(socket).set_tcp_notsent_lowat(bound).is_ok()
}

/// Bounds the unsent bytes that the system buffers for `socket`. Not supported on this system:
/// returns false.
#[cfg(not(target_os = "linux"))]
pub fn bound_unsent<S>(_: &S) -> bool {
    false
}

/// Returns whether `socket` accepts output now: whether the system buffers less than half of the
/// bound for it. Makes one system call, which does not wait.
#[cfg(target_os = "linux")]
pub fn takes_output<S: std::os::fd::AsFd>(socket: &S) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut polled = [PollFd::new(socket, PollFlags::OUT)];
    let at_once = Timespec::default();
    poll(&mut polled, Some(&at_once)).is_ok() && polled[0].revents() == PollFlags::OUT
}

/// Returns true. Not used on this system, which has no bound on unsent bytes.
#[cfg(not(target_os = "linux"))]
pub fn takes_output<S>(_: &S) -> bool {
    true
}
