//! What a call wants done next, and what it remembers of earlier attempts.

use crate::{
    error::{Cause, Failure},
    message::{BodyLeft, Method, Status, Url},
};

#[expect(unused_imports, reason = "named in the docs")]
use super::Call;

/// What the driver must do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver must do every one of them")]
pub enum Next {
    /// Get a connection to [`Call::key`], then [`Call::start`] or [`Call::lease_failed`].
    Checkout,
    /// Give the body from its start again, then [`Call::rewound`].
    Rewind,
    /// Write what was appended; read meanwhile.
    Exchange,
    /// As `Exchange`, and body may be sent, at most so much. Reading goes on meanwhile: a driver that
    /// waits, waits for both directions.
    SendBody(BodyLeft),
    /// Wait for [`Call::poll_timeout`]: a retry's delay. No connection is held.
    Wait,
    /// Give the connection back: [`Call::released`], then the pool.
    Release,
    /// 101, or a 2xx to CONNECT: the socket and the input not taken are the application's; its lease
    /// is given back as discarded. The call is done.
    HandOver,
    /// The response is complete.
    Done,
    /// There will be no (more) response.
    Failed(Failure),
}

/// What came of an attempt that was followed by another (urllib3: `RequestHistory`).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HistoryEntry {
    /// The method of that attempt.
    pub method: Method,
    /// Its URL.
    pub url: Url,
    /// The status it was answered with, if it was.
    pub status: Option<Status>,
    /// What it failed of, if it did.
    pub cause: Option<Cause>,
}
