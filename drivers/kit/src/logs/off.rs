//! The reports without the features `log` and `tracing`: there are none.

use httpool::{call::Call, client::Closed, id::ConnId, message::Key, time::Instant};

/// The report of a call. It is empty, because neither of the features `log` and `tracing` is on.
#[derive(Debug, Default)]
pub struct Report(());

const _: () = assert!(size_of::<Report>() == 0, "what is off costs nothing");

impl Report {
    /// Begins the report of the call with this number.
    #[inline]
    pub const fn begin(_: &Call, _: u64, _: Instant) -> Self {
        Self(())
    }

    /// Whether anything is reported.
    #[inline]
    pub const fn is_on(&self) -> bool {
        false
    }

    /// Reports the retries and redirects since the last report.
    #[inline]
    pub const fn observe(&self, _: &Call, _: Instant) {}

    /// Reports that an attempt begins on a connection.
    #[inline]
    pub const fn lent(&self, _: &Call, _: (ConnId, bool), _: Instant) {}

    /// Reports the end of the call, if it has ended.
    #[inline]
    pub const fn settle(&self, _: &Call, _: Instant) {}

    /// Reports that the application has given the call up.
    #[inline]
    pub const fn give_up(&self, _: &Call, _: bool, _: Instant) {}
}

/// Whether a subscriber or a logger may want a report.
#[inline]
pub const fn listens() -> bool {
    false
}

/// Reports that a connection was opened.
#[inline]
pub const fn opened(_: ConnId, _: &Key) {}

/// Reports that a connection is closed.
#[inline]
pub const fn closed(_: ConnId, _: Closed) {}
