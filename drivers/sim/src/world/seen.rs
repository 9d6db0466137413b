//! The requests that the servers have seen.

/// The requests of one call that the servers have seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// How often the request's head arrived.
    pub(super) heads: u32,
    /// How often the request was processed.
    pub(super) effects: u32,
    /// How often a request with an unsafe method was processed.
    pub(super) unsafe_effects: u32,
    /// The number of redirects after which `Retry-After` applies, and the earliest time for that
    /// request.
    pub(super) wait: Option<(u32, u64)>,
    /// A bit for each arrival of the request, by its serial number. It is set if the server has the
    /// whole request, or has excused an incomplete one by an answer or a fault.
    settled: u64,
}

impl Seen {
    /// Returns whether the server needs no more of the `serial`th arrival of the request: it has
    /// all of it, or has answered or failed before the end.
    pub(super) const fn is_settled(&self, serial: u32) -> bool {
        serial >= 64 || self.settled >> serial & 1 == 1
    }

    pub(super) const fn settle(&mut self, serial: u32) {
        if serial < 64 {
            self.settled |= 1 << serial;
        }
    }
}
