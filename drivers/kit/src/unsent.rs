//! A bound on what the system holds of a connection's output and has not sent.

/// Bounds what the system holds unsent for `socket` to
/// [`UNSENT_BYTES_MAX`](httpool::limits::UNSENT_BYTES_MAX); says whether it does. From then on the
/// socket takes output when the system holds less than half of that. Only Linux can
/// (`TCP_NOTSENT_LOWAT`); one system call.
#[cfg(target_os = "linux")]
pub fn bound_unsent<S: std::os::fd::AsFd>(socket: &S) -> bool {
    let bound = httpool::limits::UNSENT_BYTES_MAX;
    socket2::SockRef::from(socket).set_tcp_notsent_lowat(bound).is_ok()
}

/// Bounds what the system holds unsent for `socket`, where the system can. This one cannot.
#[cfg(not(target_os = "linux"))]
pub fn bound_unsent<S>(_: &S) -> bool {
    false
}

/// Whether `socket` takes output just now: whether it holds less unsent than half of the bound. One
/// system call, which does not wait.
#[cfg(target_os = "linux")]
pub fn takes_output<S: std::os::fd::AsFd>(socket: &S) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut polled = [PollFd::new(socket, PollFlags::OUT)];
    let at_once = Timespec::default();
    poll(&mut polled, Some(&at_once)).is_ok() && polled[0].revents() == PollFlags::OUT
}

/// Whether `socket` takes output just now. Without a bound on what it holds, nothing asks.
#[cfg(not(target_os = "linux"))]
pub fn takes_output<S>(_: &S) -> bool {
    true
}
