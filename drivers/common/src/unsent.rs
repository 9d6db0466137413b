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
