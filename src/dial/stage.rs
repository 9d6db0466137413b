//! The stages of a dial.

use super::tunnel::Tunnel;
use crate::{error::DialError, time::Instant};

pub(super) enum Stage {
    /// Looking up the name of stop `of`.
    Resolve {
        of: usize,
        state: LookUp,
        until: Option<Instant>,
    },
    /// Connecting to the first stop.
    Connect,
    /// Asking the proxy at `stop` for a tunnel to the next stop.
    Exchange(Tunnel),
    /// Performing the TLS handshake with `stop`.
    Tls {
        until: Option<Instant>,
    },
    Ready,
    Failed(DialError),
}

/// The state of a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LookUp {
    /// The driver has not begun it.
    Due,
    /// It was begun. The driver may still report that it is queued.
    Running,
    /// It waits for a thread of the resolver.
    Queued,
    /// A thread of the resolver runs it, after it was queued.
    Begun,
}

impl Stage {
    /// Begins the look-up of the name of stop `of`.
    pub(super) const fn look_up(of: usize) -> Self {
        Self::Resolve { of, state: LookUp::Due, until: None }
    }
}
